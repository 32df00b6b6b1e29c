"""A template's variants: ordinary rows, drawn anew or found again."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from inference.facts import store_facts
from inference.models import Fact
from lessons.models import Lesson
from quizzes.generating import TEMPLATES
from quizzes.grading import grade
from quizzes.models import KeyRevision, Misconception, Question, QuestionVersion
from quizzes.questions import Answer
from quizzes.variants import GENERATED, NotDrawable, Variants, variant_of
from tests.quizzes.networks import know_tiny_networks, tiny_facts
from tests.quizzes.racing import at_once


@pytest.fixture
def template(lesson: Lesson) -> QuestionVersion:
    """A published question that asks what a head takes."""
    know_tiny_networks()
    return published(lesson, "head_input")


def published(lesson: Lesson, name: str, **recipe: object) -> QuestionVersion:
    question = Question.objects.create(lesson=lesson, uid=f"g-{name}")
    return QuestionVersion.objects.create(
        question=question,
        number=3,
        kind=GENERATED,
        about="concept",
        difficulty="hard",
        objective="heads",
        stem="",
        public_sha256=name,
        recipe={"template": name, "parameters": {}, "networks": ["tinynet", "widenet"], **recipe},
    )


def test_a_variant_is_an_ordinary_question_of_its_template(template: QuestionVersion) -> None:
    variant = variant_of(template, seed=5)
    assert (variant.kind, variant.template, variant.seed, variant.recipe) == ("single", template, 5, {})
    assert (variant.question, variant.number) == (template.question, 3)
    assert (variant.about, variant.difficulty, variant.objective) == ("concept", "hard", "heads")
    assert "in_features" in variant.stem
    key = variant.key_revisions.get()
    options = {option.key: option.text for option in variant.options.all()}
    assert [options[right] for right in key.correct] == [key.answer]
    assert set(key.feedback) == set(options)
    assert set(key.misconceptions) == set(options) - set(key.correct)
    assert all(belief["slug"] and belief["belief"] and belief["why"] for belief in key.misconceptions.values())


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_template_can_be_asked_and_answered(lesson: Lesson, name: str) -> None:
    know_tiny_networks()
    template = published(lesson, name)
    for seed in range(5):
        variant = variant_of(template, seed=seed)
        key = variant.key_revisions.get().key
        scores = [grade(variant.kind, Answer(frozenset({option.key})), key).value for option in variant.options.all()]
        assert sorted(scores)[-2:] == [0.0, 1.0], "exactly one option is right"


def test_the_same_seed_finds_the_same_row(template: QuestionVersion) -> None:
    assert variant_of(template, seed=5) == variant_of(template, seed=5)
    assert variant_of(template, seed=6) != variant_of(template, seed=5)
    assert template.variants.count() == 2


def test_other_facts_make_another_row(template: QuestionVersion) -> None:
    before = variant_of(template, seed=5)
    for network in ("tinynet", "widenet"):
        store_facts(network, tiny_facts("GrownNet", width=4), now=timezone.now())
    after = variant_of(template, seed=5)
    assert after != before
    assert before.key_revisions.count() == after.key_revisions.count() == 1


def test_other_words_after_an_answer_make_another_key_of_the_same_row(template: QuestionVersion) -> None:
    variant = variant_of(template, seed=5)
    slug = next(iter(variant.key_revisions.get().misconceptions.values()))["slug"]
    lesson = template.question.lesson
    Misconception.objects.create(
        course=lesson.course, lesson=lesson, slug=slug, title="OURS", belief="We think so.", why="We were wrong."
    )
    assert variant_of(template, seed=5) == variant
    assert variant_of(template, seed=5) == variant
    first, second = variant.key_revisions.all()
    assert first.correct == second.correct
    told = {belief["slug"]: belief["title"] for belief in second.misconceptions.values()}
    assert told[slug] == "OURS", "feedback and the misconception's page say the same"


def test_a_fresh_seed_avoids_what_was_asked(template: QuestionVersion) -> None:
    drawn = Variants()
    stems = {drawn.of(template).stem for _ in range(30)}
    for _ in range(10):
        assert drawn.of(template, besides=stems).stem not in stems


def test_where_nothing_else_can_be_asked_the_same_comes_again(lesson: Lesson) -> None:
    store_facts(
        "tinynet", tiny_facts("TinyNet") | {"weights": {"ONLY": tiny_facts("T")["weights"]["DEFAULT"]}}, now=timezone.now()
    )
    template = published(lesson, "preprocessing", networks=["tinynet"])
    stem = variant_of(template).stem
    assert Variants().of(template, besides={stem}).stem == stem


def test_without_facts_nothing_is_drawn_or_stored(template: QuestionVersion) -> None:
    Fact.objects.all().delete()
    with pytest.raises(NotDrawable):
        variant_of(template, seed=5)
    assert not template.variants.exists()


def test_a_template_that_this_version_does_not_know_is_not_drawn(lesson: Lesson) -> None:
    with pytest.raises(NotDrawable, match="horoscope"):
        variant_of(published(lesson, "horoscope"), seed=1)


def test_facts_are_read_once_for_a_whole_attempt(template: QuestionVersion, django_assert_max_num_queries: object) -> None:
    drawn = Variants()
    drawn.of(template, seed=1)
    with django_assert_max_num_queries(9):  # type: ignore[operator]  # found or not, a savepoint, three rows
        drawn.of(template, seed=2)


def test_the_database_keeps_one_row_a_seed_and_words(template: QuestionVersion) -> None:
    variant = variant_of(template, seed=5)
    with pytest.raises(IntegrityError), transaction.atomic():
        QuestionVersion.objects.create(
            question=variant.question,
            number=variant.number,
            template=template,
            seed=5,
            kind="single",
            about="concept",
            difficulty="hard",
            objective="heads",
            stem="",
            public_sha256=variant.public_sha256,
        )


@pytest.mark.django_db(transaction=True)
def test_threads_that_draw_the_same_seed_get_the_same_row(template: QuestionVersion) -> None:
    outcomes = at_once(*[lambda: variant_of(template, seed=77)] * 6)
    assert {outcome.pk for outcome in outcomes if isinstance(outcome, QuestionVersion)} == {template.variants.get().pk}
    assert all(isinstance(outcome, QuestionVersion) for outcome in outcomes), outcomes
    assert KeyRevision.objects.count() == 1
