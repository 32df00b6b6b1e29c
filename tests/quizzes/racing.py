"""Threads that meet, and what must hold of answers and grades whatever came first."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

from django.db import connection

from quizzes.grading import grade
from quizzes.models import Attempt, AttemptQuestion, Grade, Response
from quizzes.results import result_of
from web.problems import Problem

Call = Callable[[], object]


def at_once(*calls: Call) -> list[object]:
    """What each call came to, all begun at the same moment in threads of their own; an exception is what it came to, too."""
    gate = threading.Barrier(len(calls))
    outcomes: list[object] = [None] * len(calls)

    def run(index: int) -> None:
        try:
            gate.wait()
            outcomes[index] = calls[index]()
        except Exception as error:
            outcomes[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def raced(*calls: Call) -> list[object]:
    """`at_once` of what people do: each comes to something or to a sentence (404, 409, 422), and the books still balance."""
    outcomes = at_once(*calls)
    broken = [outcome for outcome in outcomes if isinstance(outcome, Exception) and not isinstance(outcome, Problem)]
    assert not broken, broken
    assert {problem.status for problem in refusals(outcomes)} <= {404, 409, 422}, outcomes
    assert_sound()
    return outcomes


def refusals(outcomes: list[object]) -> list[Problem]:
    return [outcome for outcome in outcomes if isinstance(outcome, Problem)]


def assert_sound() -> None:
    """Nothing is lost or counted twice, and each grade is what its key says of its answer."""
    responses = list(Response.objects.select_related("attempt_question__question_version").prefetch_related("grades"))
    for response in responses:
        when_committed = [one for one in response.grades.all() if one.regrade_id is None]
        assert len(when_committed) == 1, response
        (first,) = when_committed
        asked = response.attempt_question
        assert first.score == grade(asked.question_version.kind, response.answer, first.key_revision.key).value
        assert first.points == first.score * asked.points
    for asked in AttemptQuestion.objects.filter(responses__isnull=False).distinct():
        assert asked.drafted.is_empty, "what is committed is no draft any more"
        numbers = sorted(asked.responses.values_list("number", flat=True))
        assert numbers == list(range(1, len(numbers) + 1))
    for attempt in Attempt.objects.all():
        if not attempt.is_practice:
            assert all(count == 1 for count in Counter(_answered(attempt)).values()), "a test takes one answer to a question"
        assert sorted(_places(attempt)) == list(range(1, len(_places(attempt)) + 1))
        assert result_of(attempt).total.reached == sum(_counting(attempt))
    open_ones = Attempt.objects.filter(finished_at__isnull=True, user__isnull=False)
    sittings = Counter(open_ones.values_list("user", "quiz_version", "is_redo"))
    assert all(count == 1 for count in sittings.values()), "one open attempt at a time"


def _answered(attempt: Attempt) -> list[int]:
    return list(Response.objects.filter(attempt_question__attempt=attempt).values_list("attempt_question_id", flat=True))


def _places(attempt: Attempt) -> list[int]:
    return list(attempt.questions.values_list("position", flat=True))


def _counting(attempt: Attempt) -> list[float]:
    """The newest grade's points of each first answer, read row by row."""
    firsts = Response.objects.filter(attempt_question__attempt=attempt, number=1)
    return [Grade.objects.filter(response=first).latest("pk").points for first in firsts]
