"""What holds for every template, every network and every seed."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

import pytest
from django.conf import settings
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from quizzes.generating import TEMPLATES, Drawn, Facts, NotDrawable, Phrase, Template, UnknownTemplate, template_named
from quizzes.generating.words import MISCONCEPTIONS, SENTENCES, misconception, worded
from quizzes.questions import Choice, kind_named
from quizzes.words import compared

pytestmark = pytest.mark.torch

EVERY = [pytest.param(template, id=template.name) for template in TEMPLATES.values()]
SEEDS = 2000

whatever = hypothesis_settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def phrases(drawn: Drawn) -> Iterator[Phrase]:
    yield from (drawn.stem, drawn.hint, drawn.answer, *drawn.solution)
    for option in drawn.options:
        yield from (option.text, option.feedback)


@pytest.mark.parametrize("template", EVERY)
@whatever
@given(seed=st.integers(), data=st.data())
def test_a_question_can_be_asked(known: Facts, template: Template, seed: int, data: st.DataObject) -> None:
    network = data.draw(st.sampled_from(template.networks(known)))
    drawn = template.draw(seed, known, {"network": network})
    said = [compared(worded(option.text)) for option in drawn.options]
    assert len(set(said)) == len(said), "two options read the same"
    choices = [Choice(option.key, worded(option.text)) for option in drawn.options]
    assert kind_named("single").faults(choices, [drawn.right], {}) == []
    assert drawn.option(drawn.right).text == drawn.answer
    assert drawn.network == network
    assert template.draw(seed, known, {"network": network}) == drawn


@pytest.mark.parametrize("template", EVERY)
def test_thousands_of_seeds_hold(known: Facts, template: Template) -> None:
    places: Counter[tuple[int, str]] = Counter()
    led_to: set[str] = set()
    asked = set()
    for seed in range(SEEDS):
        drawn = template.draw(seed, known)
        texts = [option.text for option in drawn.options]
        assert 2 <= len(texts) == len(set(texts)) <= 6
        assert [option.key for option in drawn.options] == list("abcdef"[: len(texts)])
        assert not drawn.option(drawn.right).misconception
        led_to |= {option.misconception for option in drawn.options if option.key != drawn.right}
        places[len(texts), drawn.right] += 1
        asked.add(drawn.stem)
    assert led_to == template.misconceptions, "each distractor comes of a belief that is named, and each named one is used"
    for (options, _key), times in places.items():
        expected = sum(number for (count, _), number in places.items() if count == options) / options
        # Five standard deviations of a binomial count: the place of the right key is a matter of chance.
        assert abs(times - expected) < 5 * expected**0.5 + 1
    assert len(asked) > 15, "another seed asks another question"


@pytest.mark.parametrize("template", EVERY)
def test_every_code_has_its_sentence_and_its_figures(known: Facts, template: Template) -> None:
    for seed in range(300):
        for phrase in phrases(template.draw(seed, known)):
            words = worded(phrase)
            assert words
            assert "%(" not in words
            assert "{{" not in words, "a figure of prose would be looked up in the facts"


def test_no_sentence_is_left_over(known: Facts) -> None:
    used = {
        phrase.code for template in TEMPLATES.values() for seed in range(400) for phrase in phrases(template.draw(seed, known))
    }
    unused = set(SENTENCES) - used
    assert {code for code in unused if not code.startswith("mistake.")} == set()


@pytest.mark.parametrize("template", EVERY)
def test_every_distractors_belief_can_be_told(template: Template) -> None:
    for slug in template.misconceptions:
        told = misconception(slug)
        assert told.slug == slug
        assert told.title
        assert told.belief
        assert told.why


def test_no_misconception_is_left_over() -> None:
    assert set(MISCONCEPTIONS) <= {slug for template in TEMPLATES.values() for slug in template.misconceptions}


def test_the_stem_says_nothing_of_the_answer(known: Facts) -> None:
    """What is shown first holds no figure that only the right answer has."""
    for name in ("layer_parameters", "trained_parameters", "head_input", "cost_by_side", "stride_of_stage", "receptive_field"):
        for seed in range(200):
            drawn = TEMPLATES[name].draw(seed, known)
            assert not {"count", "stride", "field", "square"} & {figure for figure, _value in drawn.stem.figures}


def test_the_stem_tells_what_it_takes_to_say_how_many_parameters_are_trained(known: Facts) -> None:
    for seed in range(200):
        drawn = TEMPLATES["trained_parameters"].draw(seed, known)
        stem = {name: value for name, value in drawn.stem.figures if isinstance(value, int)}
        trained = (stem["width"] + 1) * stem["classes"]
        match drawn.stem.code.removeprefix("trained_parameters.stem-"):
            case "finetune":
                trained += stem["opened"]
            case "scratch":
                trained += stem["total"] - stem["old"]
        assert trained == drawn.option(drawn.right).text["count"], drawn


def test_a_wrong_answer_has_three_mistakes_to_be_told_apart(known: Facts) -> None:
    drawn = [TEMPLATES["mistake_behind"].draw(seed, known) for seed in range(60)]
    offered = [len(one.options) for one in drawn if one.stem.code == "mistake_behind.probability-stem"]
    assert set(offered) == {3}


def test_what_goes_wrong_when_a_photo_is_prepared_can_be_seen_to_happen() -> None:
    runnable = {slug: misconception(slug).mistake for slug in TEMPLATES["preprocessing"].misconceptions}
    assert runnable == {
        "one-recipe-fits-all": "other_mean_std",
        "squashing-is-cropping": "squashed",
        "dividing-is-normalising": "no_normalisation",
        "floats-are-floats": "zero_to_255",
        "all-networks-prepare-alike": "",
    }


def test_a_network_that_allows_no_such_question_is_refused(known: Facts) -> None:
    for name, network in (
        ("output_shape", "vit_b_16"),  # one size only
        ("output_shape", "alexnet"),  # 224 → 55: no stride that divides
        ("output_shape", "swin_t"),
        ("receptive_field", "resnet50"),
        ("head_input", "squeezenet1_1"),
        ("head_input", "nosuchnet"),
    ):
        with pytest.raises(NotDrawable):
            TEMPLATES[name].draw(1, known, {"network": network})


def test_without_facts_nothing_is_asked() -> None:
    for template in TEMPLATES.values():
        with pytest.raises(NotDrawable):
            template.draw(1, {})


def test_a_parameter_that_nobody_knows_is_refused(known: Facts) -> None:
    with pytest.raises(NotDrawable, match="colour"):
        TEMPLATES["head_input"].draw(1, known, {"colour": "blue"})


def test_a_name_that_no_template_has_is_refused() -> None:
    with pytest.raises(UnknownTemplate):
        template_named("horoscope")


def test_drawing_loads_neither_django_nor_torch() -> None:
    code = (
        "import sys, quizzes.generating; loaded = {name.partition('.')[0] for name in sys.modules};"
        "print(sorted(loaded & {'django', 'celery', 'torch'}))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=settings.ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
