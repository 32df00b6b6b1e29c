"""What holds for every template, every recorded run and every seed; and that the answer can be read from what is shown."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from quizzes.questions import Choice, kind_named
from quizzes.reading import READINGS, Drawn, NotDrawable, Recording, Template, UnknownReading, reading_named
from quizzes.reading.words import MISCONCEPTIONS, SENTENCES, misconception, stem_of, table_of, worded
from quizzes.sketching.base import Phrase, Sketch, Table
from quizzes.words import compared, shown
from tests.quizzes.reading.conftest import changed

pytestmark = pytest.mark.torch

EVERY = [pytest.param(template, id=template.name) for template in READINGS.values()]
SEEDS = 60

OF_MAPS = ("first_cells", "numbers_out", "shrinking", "silent")


def every_drawn(template: Template, recordings: list[Recording]) -> Iterator[Drawn]:
    for recording in recordings:
        if template.allows(recording):
            yield from (template.draw(seed, recording) for seed in range(SEEDS))


def phrases(sketch: Sketch) -> Iterator[Phrase]:
    yield from (sketch.stem, sketch.right, sketch.why, sketch.hint, sketch.answer, *sketch.solution)
    if sketch.table:
        yield sketch.table.caption
    for belief in sketch.beliefs:
        yield from (belief.text, belief.feedback)


@pytest.mark.parametrize("template", EVERY)
def test_a_question_can_be_asked(template: Template, recordings: list[Recording]) -> None:
    led_to: set[str] = set()
    places = set()
    for drawn in every_drawn(template, recordings):
        said = [compared(worded(option.text)) for option in drawn.options]
        assert len(set(said)) == len(said), "two options read the same"
        choices = [Choice(option.key, worded(option.text)) for option in drawn.options]
        assert kind_named("single").faults(choices, [drawn.right], {}) == []
        assert len(choices) >= 3
        assert drawn.option(drawn.right).text == drawn.answer
        assert not drawn.option(drawn.right).misconception
        led_to |= {option.misconception for option in drawn.options if option.key != drawn.right}
        places.add(drawn.right)
    assert led_to == template.misconceptions, "each distractor comes of a belief that is named, and each named one is used"
    assert places == set("abcd"), "the right option stands anywhere"


@pytest.mark.parametrize("template", EVERY)
def test_the_same_seed_asks_the_same(template: Template, cat: Recording) -> None:
    again = Recording(cat.network, cat.photo, cat.told)
    assert [template.draw(seed, cat) for seed in range(20)] == [template.draw(seed, again) for seed in range(20)]


@pytest.mark.parametrize("template", EVERY)
def test_chance_leaves_nothing_out(template: Template, cat: Recording) -> None:
    possible = {sketch.stem for sketch in template.sketches(cat)}
    assert {template.draw(seed, cat).stem for seed in range(20 * len(possible))} == possible


# --- the answer can be found in what is shown --------------------------------------------------------------------------------


def column(table: Table, name: str) -> list[Any]:
    return [row[table.columns.index(name)] for row in table.rows]


def row_of(table: Table, title: object) -> dict[str, Any]:
    return dict(zip(table.columns, table.rows[column(table, "title").index(title)], strict=True))


def read_first_cells(stem: Phrase, table: Table) -> Phrase:
    side = int(str(stem["side"]))
    rows = zip(column(table, "title"), column(table, "numbers"), column(table, "channels"), strict=True)
    return Phrase.of("stage", stage=next(title for title, numbers, channels in rows if numbers == side * side * channels))


def read_numbers_out(stem: Phrase, table: Table) -> Phrase:
    channels, height, width = row_of(table, stem["stage"])["shape"]
    return Phrase.of("count", count=channels * height * width)


def read_shrinking(stem: Phrase, table: Table) -> Phrase:
    (_c, height, width), (_d, lower, narrower) = (row_of(table, stem[name])["shape"] for name in ("before", "after"))
    return Phrase.of("times", times=(height * width) // (lower * narrower))


def read_never_seen(_stem: Phrase, table: Table) -> Phrase:
    _decoded, (height, width, _colours), (kept_height, kept_width, _three) = column(table, "shape")
    return Phrase.of("about-percent", percent=round(100 * (1 - kept_height * kept_width / (height * width))))


def read_share_of_work(stem: Phrase, table: Table) -> Phrase:
    share = row_of(table, stem["stage"])["adds"] / sum(column(table, "adds"))
    return Phrase.of("about-percent", percent=round(100 * share))


def read_uses(stem: Phrase, table: Table) -> Phrase:
    row = row_of(table, stem["stage"])
    uses = int(float(f"{row['adds'] / row['parameters']:.2g}"))
    return Phrase.of("about-times", count=uses) if uses > 1 else Phrase.of("about-once")


def read_slowest(_stem: Phrase, table: Table) -> Phrase:
    times, work = column(table, "milliseconds"), column(table, "adds")
    place = times.index(max(times))
    code = "slowest.busiest" if work[place] == max(work) else "slowest.not-busiest"
    return Phrase.of(code, stage=column(table, "title")[place])


def read_second_class(_stem: Phrase, table: Table) -> Phrase:
    (first, _label), (second, label), *_others = sorted(((row[1], row[0]) for row in table.rows), reverse=True)
    return Phrase.of("second", label=label, points=round(first - second, 1))


def read_left_for_others(_stem: Phrase, table: Table) -> Phrase:
    return Phrase.of("percent", percent=round(100 - sum(column(table, "percent")), 1))


def read_silent(stem: Phrase, table: Table) -> Phrase:
    row = row_of(table, stem["stage"])
    return Phrase.of("silent.here", percent=round(100 * row["silent"] / row["channels"]))


READERS: dict[str, Callable[[Phrase, Table], Phrase]] = {
    "first_cells": read_first_cells,
    "numbers_out": read_numbers_out,
    "shrinking": read_shrinking,
    "never_seen": read_never_seen,
    "share_of_work": read_share_of_work,
    "uses_of_a_weight": read_uses,
    "slowest": read_slowest,
    "second_class": read_second_class,
    "left_for_others": read_left_for_others,
    "silent": read_silent,
}


@pytest.mark.parametrize("template", EVERY)
def test_the_answer_is_what_the_table_says(template: Template, recordings: list[Recording]) -> None:
    asked = 0
    for recording in recordings:
        for sketch in template.sketches(recording):
            assert sketch.table is not None
            assert READERS[template.name](sketch.stem, sketch.table) == sketch.right
            asked += 1
    assert asked > 3


@pytest.mark.parametrize(
    ("name", "hidden"),
    [
        ("first_cells", {"shape"}),
        ("numbers_out", {"numbers"}),
        ("shrinking", {"numbers", "channels"}),
        ("silent", {"percent"}),
        ("uses_of_a_weight", {"milliseconds"}),
    ],
)
def test_what_is_asked_for_stands_in_no_column(name: str, hidden: set[str], recordings: list[Recording]) -> None:
    for drawn in every_drawn(READINGS[name], recordings):
        assert drawn.table is not None
        assert not hidden & set(drawn.table.columns)


# --- what is too near to call, or not in the document, is not asked ----------------------------------------------------------


def test_a_near_tie_of_classes_is_not_asked(cat: Recording) -> None:
    def tie(told: dict[str, Any]) -> None:
        told["top_k"][1]["probability"] = told["top_k"][0]["probability"] - 0.004

    assert READINGS["second_class"].allows(cat)
    assert not READINGS["second_class"].allows(changed(cat, tie))


def test_times_that_nearly_tie_are_not_asked(cat: Recording) -> None:
    def even(told: dict[str, Any]) -> None:
        for stage in told["stages"]:
            stage["milliseconds"] = 2.0
        told["stages"][7]["milliseconds"] = 2.2

    def apart(told: dict[str, Any]) -> None:
        even(told)
        told["stages"][7]["milliseconds"] = 2.4

    assert not READINGS["slowest"].allows(changed(cat, even))
    assert READINGS["slowest"].allows(changed(cat, apart))


def test_times_of_several_photos_together_are_neither_asked_nor_shown(cat: Recording) -> None:
    together = changed(cat, lambda told: told["made_by"].update(batch=4))
    assert not READINGS["slowest"].allows(together)
    for seed in range(40):
        drawn = READINGS["share_of_work"].draw(seed, together)
        assert drawn.table is not None
        assert "milliseconds" not in drawn.table.columns
        assert "time-is-work" not in {option.misconception for option in drawn.options}


def test_a_photo_that_is_hardly_cropped_is_not_asked_about(cat: Recording) -> None:
    def square(told: dict[str, Any]) -> None:
        told["stages"][1]["output_shape"] = [226, 224, 3]

    assert not READINGS["never_seen"].allows(changed(cat, square))


def test_where_every_class_is_listed_nothing_is_left(cat: Recording) -> None:
    def five(told: dict[str, Any]) -> None:
        told["stages"][-1]["output_shape"] = [1, 5]

    assert not READINGS["left_for_others"].allows(changed(cat, five))


def test_a_network_without_maps_is_asked_only_what_it_has(recordings: list[Recording]) -> None:
    for recording in recordings:
        if recording.network in ("vit_b_32", "swin_t"):
            assert not [name for name in OF_MAPS if READINGS[name].allows(recording)]
            assert READINGS["uses_of_a_weight"].allows(recording)


def test_a_run_that_ended_early_is_refused_with_the_templates_name(cat: Recording) -> None:
    empty = changed(cat, lambda told: told.update(stages=told["stages"][:1], top_k=[]))
    for name, template in READINGS.items():
        with pytest.raises(NotDrawable, match=name):
            template.draw(1, empty)


def test_a_name_that_no_template_has_is_refused() -> None:
    with pytest.raises(UnknownReading):
        reading_named("horoscope")


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_a_run_measured_no_two_options_are_alike(cat: Recording, data: st.DataObject) -> None:
    """Times, silent channels and probabilities of any size: a question is either left out or has one right answer."""

    def measured(told: dict[str, Any]) -> None:
        for stage in told["stages"]:
            stage["milliseconds"] = data.draw(st.floats(0, 50))
            if stage["statistics"]:
                stage["statistics"]["silent_channels"] = data.draw(st.integers(0, stage["statistics"]["channels"]))
        shares = sorted(data.draw(st.lists(st.floats(0, 0.2), min_size=5, max_size=5)), reverse=True)
        for row, share in zip(told["top_k"], shares, strict=True):
            row["probability"] = share

    recording = changed(cat, measured)
    for template in READINGS.values():
        for sketch in template.sketches(recording):
            assert sketch.table is not None
            assert READERS[template.name](sketch.stem, sketch.table) == sketch.right
            wrong = {compared(worded(belief.text)) for belief in sketch.beliefs if belief.text != sketch.right}
            assert compared(worded(sketch.right)) not in wrong


# --- words -------------------------------------------------------------------------------------------------------------------


def test_every_code_has_its_sentence_and_none_is_left_over(recordings: list[Recording]) -> None:
    used = set()
    for template in READINGS.values():
        for recording in recordings:
            for sketch in template.sketches(recording):
                for phrase in phrases(sketch):
                    words = worded(phrase)
                    assert words
                    assert "%(" not in words
                    assert "{{" not in words
                    used.add(phrase.code)
    assert set(SENTENCES) == used


@pytest.mark.parametrize("template", EVERY)
def test_every_distractors_belief_can_be_told(template: Template) -> None:
    for slug in template.misconceptions:
        told = misconception(slug)
        assert told.slug == slug
        assert all((told.title, told.belief, told.why))


def test_no_misconception_is_left_over() -> None:
    assert set(MISCONCEPTIONS) <= {slug for template in READINGS.values() for slug in template.misconceptions}


def test_a_label_stays_text_whatever_it_holds(cat: Recording) -> None:
    def hostile(told: dict[str, Any]) -> None:
        told["top_k"][1]["label"] = "a|b <b>*c*</b> {{ resnet50.parameters }} [d](/e)"

    drawn = READINGS["second_class"].draw(1, changed(cat, hostile))
    html = shown(stem_of(drawn), facts={}, version=None)
    assert "a|b &lt;b&gt;*c*&lt;/b&gt; {{ resnet50.parameters }} [d](/e)" in html
    assert html.count("<tr>") == 6
    assert html.count("<caption") == 1


def test_a_figure_that_is_asked_for_is_shown_as_a_question_mark() -> None:
    table = Table(Phrase.of("caption.stages", network="N", photo="P"), ("title", "numbers"), (("layer1", None),))
    assert "| `layer1` | ? |" in table_of(table)


def test_drawing_loads_neither_django_nor_torch() -> None:
    code = (
        "import sys, quizzes.reading; loaded = {name.partition('.')[0] for name in sys.modules};"
        "print(sorted(loaded & {'django', 'celery', 'torch'}))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=settings.ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
