"""The broken runs of the shipped lessons, made by the real network: each has the effect that its words speak of."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from inference import engine, samples
from inference.contracts import DEFAULT_NETWORK, Event, MistakeName, Result
from inference.engine import mistakes
from lessons.schema import Case, read_lesson

LESSONS = sorted((Path(__file__).resolve().parents[2] / "lessons" / "content").glob("*/*/lesson.md"))

EFFECTS = {
    "another-library": ("tiger cat", "Egyptian cat"),
    "looks-fine": ("daisy", "daisy"),
    "never-sure": ("espresso", "espresso"),
    "one-photo": ("espresso", None),
    "must-be-square": ("tiger cat", "Egyptian cat"),
    "forgot-a-line": ("espresso", "ping-pong ball"),
    "wrong-drink": ("espresso", "red wine"),
    "plain-bytes": ("espresso", "loudspeaker"),
}
"""The first choice when it is done right, and with the mistake; none where there is an error."""


def shipped() -> list[Case]:
    metas = [read_lesson(path.read_text()).meta for path in LESSONS]
    told = [meta.mistakes for meta in metas if meta is not None and meta.mistakes is not None]
    assert [one.network for one in told] == [DEFAULT_NETWORK] * len(LESSONS), "every lesson has a Break mode that can run"
    return [case for one in told for case in one.cases]


@pytest.fixture(scope="module")
def loaded() -> engine.LoadedNetwork:
    return engine.load(DEFAULT_NETWORK)


def figures_of(loaded: engine.LoadedNetwork, case: Case) -> dict[str, Any]:
    sample = samples.sample_of(case.sample)
    assert sample is not None
    events: list[Event] = []
    with Image.open(sample.path) as photo:
        mistakes.make(loaded, photo, [MistakeName(case.mistake)], emit=events.append)
    return next(dict(event.figures) for event in events if isinstance(event, Result))


def test_every_case_is_here() -> None:
    assert {case.id for case in shipped()} == set(EFFECTS)


@pytest.mark.parametrize("case", shipped(), ids=lambda case: case.id)
def test_a_case_has_the_effect_that_its_words_speak_of(loaded: engine.LoadedNetwork, case: Case) -> None:
    figures = figures_of(loaded, case)
    right, wrong = EFFECTS[case.id]
    assert figures["correct_top_k"][0]["label"] == right
    assert (figures["top_k"][0]["label"] if figures["top_k"] else None) == wrong
    assert bool(figures["error"]) == (wrong is None)


def test_the_four_cats_stay_and_change_places(loaded: engine.LoadedNetwork) -> None:
    figures = figures_of(loaded, next(case for case in shipped() if case.id == "another-library"))
    right, wrong = ([row["label"] for row in figures[key][:4]] for key in ("correct_top_k", "top_k"))
    assert right != wrong
    assert sorted(right) == sorted(wrong)


def test_in_training_mode_the_difference_grows_from_stage_to_stage(loaded: engine.LoadedNetwork) -> None:
    stages = figures_of(loaded, next(case for case in shipped() if case.id == "forgot-a-line"))["stages"]
    features = [stage["relative_l2"] for stage in stages if stage["kind"] == "features"]
    assert stages[0]["relative_l2"] == 0, "the preprocessing is perfect"
    assert features[0] > 0.1
    assert features[-1] > 2 * features[0]


def test_learners_look_among_four_and_the_first_explanation_is_not_always_the_right_one() -> None:
    """Authors write the right explanation first; learners see them in an order that follows from their words."""
    places = set()
    for case in shipped():
        assert len(case.among) == 4
        shown = sorted(case.explanations, key=lambda one: hashlib.sha256(one.text.encode()).hexdigest())
        places.add(next(place for place, one in enumerate(shown) if one.right))
    assert places == {0, 1, 2}
