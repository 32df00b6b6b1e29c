"""How hard questions turn out to be: counted now and then, without one's own answers, a template's variants together."""

from __future__ import annotations

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from quizzes.evidence import difficulties_of, first_answers
from quizzes.models import Attempt, CountedAnswers, QuestionVersion, QuizVersion
from quizzes.observing import SETTLED, count_answers
from quizzes.presenting import questions_of
from quizzes.services import show_hint, start_attempt
from quizzes.strength import authored_difficulty
from quizzes.tasks import count_answers as task
from tests.quizzes.test_attempts import answer
from tests.quizzes.test_evidence import finished

EASY = authored_difficulty("easy")


def counted() -> int:
    """Counts when all that was finished has settled."""
    Attempt.objects.filter(finished_at__isnull=False).update(finished_at=timezone.now() - 2 * SETTLED)
    return count_answers(now=timezone.now())


def difficulty_for(person: User, attempt: Attempt) -> float:
    """Of the attempt's first question, as this person meets it."""
    easy = questions_of(attempt)[:1]
    return difficulties_of(easy, own=first_answers(person))[easy[0].question_version_id]


@pytest.fixture
def theirs(outsider: User, practice_quiz: QuizVersion) -> Attempt:
    """Somebody who missed everything."""
    return finished(outsider, practice_quiz, right=False)


def test_a_question_that_others_miss_turns_out_harder(learner: User, practice: Attempt, theirs: Attempt) -> None:
    assert difficulty_for(learner, practice) == EASY, "nothing was counted yet"
    counted()
    assert difficulty_for(learner, practice) > EASY


def test_ones_own_answers_are_taken_out(learner: User, outsider: User, practice_quiz: QuizVersion, theirs: Attempt) -> None:
    counted()
    assert difficulty_for(outsider, theirs) == EASY
    before = difficulty_for(learner, theirs)
    finished(learner, practice_quiz, right=True)
    assert difficulty_for(learner, theirs) == before, "not counted yet, so not taken out either"
    counted()
    assert difficulty_for(learner, theirs) == pytest.approx(before)
    assert difficulty_for(outsider, theirs) < EASY


def test_what_is_open_hinted_redone_or_about_to_be_committed_does_not_count(
    learner: User, outsider: User, practice_quiz: QuizVersion
) -> None:
    hinted = start_attempt(user=outsider, quiz_version=practice_quiz, now=timezone.now())
    show_hint(attempt=hinted, position=1, now=timezone.now())
    answer(hinted, 1, right=False)
    counted()
    assert not CountedAnswers.objects.exists()
    Attempt.objects.update(finished_at=timezone.now())
    counted()
    assert not CountedAnswers.objects.exists()
    finished(learner, practice_quiz, right=False)
    count_answers(now=timezone.now())
    assert not CountedAnswers.objects.exists()
    counted()
    assert set(CountedAnswers.objects.values_list("answers", flat=True)) == {1}


def test_counting_twice_counts_the_same_and_forgets_what_is_gone(theirs: Attempt) -> None:
    assert counted() == counted() == 2
    Attempt.objects.all().delete()
    assert counted() == 0
    assert not CountedAnswers.objects.exists()


def test_the_clock_rings_it(theirs: Attempt) -> None:
    Attempt.objects.update(finished_at=timezone.now() - 2 * SETTLED)
    task()
    assert CountedAnswers.objects.count() == 2


def test_variants_share_the_count_of_their_template(learner: User, practice: Attempt, theirs: Attempt) -> None:
    first, second = (question.question_version for question in practice.questions.order_by("position"))
    asked = theirs.questions.get(question_version=first)
    variant = QuestionVersion.objects.create(
        question=first.question,
        number=1,
        kind="single",
        about="concept",
        difficulty="easy",
        objective="heads",
        stem="drawn",
        public_sha256="drawn",
        template=first,
        seed=1,
    )
    asked.question_version = variant
    asked.save()
    counted()
    assert set(CountedAnswers.objects.values_list("question_version", flat=True)) == {first.pk, second.pk}
    assert difficulty_for(learner, practice) > EASY
    asked = practice.questions.get(position=1)
    asked.question_version = variant
    asked.save()
    assert difficulty_for(learner, practice) > EASY


def test_difficulties_take_one_query_however_many_there_are(
    learner: User, practice: Attempt, theirs: Attempt, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    counted()
    asked, own = questions_of(practice), first_answers(learner)
    with django_assert_num_queries(1):
        assert len(difficulties_of(asked, own=own)) == 2
