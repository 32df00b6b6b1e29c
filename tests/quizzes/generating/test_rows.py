"""Hundreds of seeds through the rows that learners are asked from, with the facts of real networks."""

from __future__ import annotations

import pytest
from django.utils import timezone

from inference.facts import store_facts
from lessons.facts import frozen
from lessons.markdown import check
from lessons.models import Lesson
from quizzes.generating import TEMPLATES, Facts
from quizzes.grading import grade
from quizzes.questions import Answer
from quizzes.services import newest_key
from quizzes.variants import Variants
from quizzes.words import compared
from tests.quizzes.test_variants import published

pytestmark = pytest.mark.torch

SEEDS = 40


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_variant_can_be_asked_and_its_key_is_sound(known: Facts, lesson: Lesson, name: str) -> None:
    for network, facts in known.items():
        store_facts(network, dict(facts), now=timezone.now())
    template = published(lesson, name, networks=sorted(known))
    variants = Variants()
    for seed in range(SEEDS):
        variant = variants.of(template, seed=seed)
        key = newest_key(variant)
        texts = {option.key: option.text for option in variant.options.all()}
        assert len({compared(text) for text in texts.values()}) == len(texts) >= 2, "no two options read the same"
        scores = [grade(variant.kind, Answer(frozenset({option})), key.key).value for option in texts]
        assert sorted(scores) == [0.0] * (len(texts) - 1) + [1.0], "exactly one option is right"
        assert [texts[right] for right in key.correct] == [key.answer]
        assert set(key.misconceptions) == set(texts) - set(key.correct)
        for words in (variant.stem, key.hint, *key.solution, *key.feedback.values(), *texts.values()):
            assert check(words, facts=frozen({}), file="questions.yaml") == []
