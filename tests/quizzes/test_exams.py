"""An exam: begun once, with a deadline that is the server's; what was saved is handed in by whoever looks next."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from config.celery import app
from quizzes.exams import moment_words
from quizzes.extra_time import extra_times_of, give_extra_time, take_back_extra_time
from quizzes.models import Attempt, ExtraTime, QuizMode, QuizVersion, Response
from quizzes.personal import export
from quizzes.results import result_of
from quizzes.services import (
    attempt_for,
    attempts_at,
    finish_attempt,
    hand_in_overdue,
    quiz_version_of,
    save_answer,
    start_attempt,
    start_redo,
    submit_response,
)
from quizzes.tasks import hand_in_overdue as rung
from quizzes.timing import GRACE
from tests.quizzes.conftest import QUESTIONS, Publish, chose
from tests.quizzes.test_attempts import RIGHT, WRONG, uid_at
from web.problems import Problem

MINUTE = timedelta(minutes=1)
LATE = GRACE + timedelta(seconds=1)


def exam_text(limits: str = "reveal: finish") -> str:
    """The example, with an exam of 30 minutes in place of two questions of its test."""
    lines = "".join(f"  {line}\n" for line in limits.splitlines())
    exam = f"exam:\n  minutes: 30\n{lines}  questions: [q-head, q-printed]\n"
    return QUESTIONS.replace("questions: [q-features, q-head, q-printed]\n", "questions: [q-features]\n" + exam)


Examine = Callable[..., QuizVersion]


@pytest.fixture
def examine(publish: Publish) -> Examine:
    """Publishes an exam of these limits."""

    def examine(limits: str = "reveal: finish") -> QuizVersion:
        return quiz_version_of(publish(exam_text(limits)), QuizMode.EXAM)

    return examine


@pytest.fixture
def exam(examine: Examine) -> QuizVersion:
    return examine()


def save(attempt: Attempt, position: int, *, right: bool = True, now: datetime) -> None:
    answer = chose((RIGHT if right else WRONG)[uid_at(attempt, position)])
    save_answer(attempt=attempt, position=position, answer=answer, now=now)


def submit(attempt: Attempt, position: int, *, now: datetime, key: str = "k") -> object:
    answer = chose(RIGHT[uid_at(attempt, position)])
    return submit_response(attempt=attempt, position=position, answer=answer, idempotency_key=key, now=now)


# --- beginning


def test_the_time_begins_with_the_attempt(learner, exam):
    now = timezone.now()
    attempt = start_attempt(user=learner, quiz_version=exam, now=now)
    assert attempt.deadline_at == now + 30 * MINUTE
    assert (attempt.mode, attempt.is_graded, attempt.is_practice) == (QuizMode.EXAM, True, False)


def test_whoever_closed_the_browser_finds_the_same_attempt_and_the_same_end(learner, exam):
    now = timezone.now()
    attempt = start_attempt(user=learner, quiz_version=exam, now=now)
    again = start_attempt(user=learner, quiz_version=exam, now=now + 10 * MINUTE)
    assert (again, again.deadline_at) == (attempt, attempt.deadline_at)


def test_a_new_version_of_the_lesson_brings_nobody_a_second_exam(learner, exam, examine):
    now = timezone.now()
    attempt = start_attempt(user=learner, quiz_version=exam, now=now)
    newer = examine("title: Another")
    assert start_attempt(user=learner, quiz_version=newer, now=now) == attempt
    finish_attempt(attempt=attempt, now=now)
    with pytest.raises(Problem, match="you have taken it"):
        start_attempt(user=learner, quiz_version=newer, now=now)


def test_an_exam_can_be_taken_as_often_as_it_says(learner, examine):
    exam, now = examine("attempts: 2"), timezone.now()
    for _time in range(2):
        finish_attempt(attempt=start_attempt(user=learner, quiz_version=exam, now=now), now=now)
    with pytest.raises(Problem) as refused:
        start_attempt(user=learner, quiz_version=exam, now=now)
    assert refused.value.status == 409
    assert Attempt.objects.count() == 2


def test_an_exam_begins_only_in_its_window_and_ends_with_it(learner, examine):
    opens = timezone.now().replace(microsecond=0)
    exam = examine(f"opens_at: {opens.isoformat()}\ncloses_at: {(opens + 60 * MINUTE).isoformat()}")
    for minutes, words in ((-1, "It opens on"), (60, "It closed on")):
        with pytest.raises(Problem, match=words):
            start_attempt(user=learner, quiz_version=exam, now=opens + minutes * MINUTE)
    attempt = start_attempt(user=learner, quiz_version=exam, now=opens + 50 * MINUTE)
    assert attempt.deadline_at == opens + 60 * MINUTE


# --- the deadline


def lookers(attempt: Attempt, now: datetime) -> dict[str, Callable[[], object]]:
    """Everybody who may be the first to look after the deadline."""
    learner, lesson = attempt.user, attempt.quiz_version.quiz.lesson
    return {
        "the learner": lambda: attempt_for(attempt_id=attempt.pk, person=learner, now=now),
        "the door": lambda: attempts_at(quiz=attempt.quiz_version.quiz, person=learner, now=now),
        "a teacher": lambda: hand_in_overdue(now=now, lesson=lesson),
        "the gradebook": lambda: hand_in_overdue(now=now, course=lesson.course),
        "the clock": lambda: hand_in_overdue(now=now),
        "a finish": lambda: finish_attempt(attempt=attempt, now=now),
    }


@pytest.mark.parametrize("who", ["the learner", "the door", "a teacher", "the gradebook", "the clock", "a finish"])
def test_what_was_saved_is_handed_in_by_whoever_looks_next(learner, exam, who):
    now = timezone.now()
    attempt = start_attempt(user=learner, quiz_version=exam, now=now)
    save(attempt, 1, now=now + MINUTE)
    save(attempt, 2, right=False, now=now + 2 * MINUTE)
    for _twice in range(2):
        lookers(attempt, now + 300 * MINUTE)[who]()
    attempt.refresh_from_db()
    assert attempt.finished_at == attempt.deadline_at
    assert result_of(attempt).right == 1
    assert [response.committed_at for response in Response.objects.all()] == [attempt.deadline_at] * 2


def test_in_the_grace_nobody_hands_in_for_the_learner_and_a_late_answer_counts(learner, exam):
    attempt = start_attempt(user=learner, quiz_version=exam, now=timezone.now())
    late = attempt.deadline_at + GRACE
    assert hand_in_overdue(now=late) == 0
    submit(attempt, 1, now=late)
    finished = finish_attempt(attempt=attempt, now=late)
    assert finished.finished_at == attempt.deadline_at
    assert result_of(finished).right == 1


@pytest.mark.parametrize("write", [save, submit])
def test_an_answer_after_the_deadline_is_refused_and_loses_nothing(learner, exam, write):
    now = timezone.now()
    attempt = start_attempt(user=learner, quiz_version=exam, now=now)
    save(attempt, 1, now=now)
    for position in (1, 2):
        with pytest.raises(Problem, match=r"The time was up on .* came later and was not added") as refused:
            write(attempt, position, now=attempt.deadline_at + LATE)
        assert refused.value.status == 409
    attempt.refresh_from_db()
    assert attempt.finished_at == attempt.deadline_at
    assert result_of(attempt).right == 1, "what was saved in time counts"
    assert Response.objects.count() == 1


def test_the_same_submit_again_after_the_deadline_is_still_the_same(learner, exam):
    now = timezone.now()
    attempt = start_attempt(user=learner, quiz_version=exam, now=now)
    first = submit(attempt, 1, now=now)
    assert submit(attempt, 1, now=attempt.deadline_at + LATE).grade == first.grade


def test_the_clock_rings_for_exams(learner, exam):
    attempt = start_attempt(user=learner, quiz_version=exam, now=timezone.now() - 31 * MINUTE)
    rung()
    rung()
    attempt.refresh_from_db()
    assert attempt.finished_at == attempt.deadline_at
    assert rung.name in {entry["task"] for entry in app.conf.beat_schedule.values()}


# --- extra time


def give(learner: User, author: User, exam: QuizVersion, *, now: datetime, percent: int = 50, minutes: int = 0) -> ExtraTime:
    course = exam.quiz.lesson.course
    return give_extra_time(
        course=course, user=learner, percent=percent, minutes=minutes, reason="Reads slowly", author=author, now=now
    )


def test_extra_time_lengthens_what_begins_and_what_runs(learner, instructor, exam):
    now = timezone.now()
    attempt = start_attempt(user=learner, quiz_version=exam, now=now)
    give(learner, instructor, exam, now=now + 29 * MINUTE, minutes=5)
    attempt.refresh_from_db()
    assert attempt.deadline_at == now + 50 * MINUTE
    save(attempt, 1, now=now + 49 * MINUTE)
    give(learner, instructor, exam, now=now + 49 * MINUTE, percent=100)
    attempt.refresh_from_db()
    assert attempt.deadline_at == now + 60 * MINUTE, "the newest amount holds, in place of the former"
    assert [row.taken_back_at is None for row in extra_times_of(exam.quiz.lesson.course)] == [True, False]


def test_extra_time_goes_beyond_the_closing(learner, instructor, examine):
    now = timezone.now().replace(microsecond=0)
    exam = examine(f"closes_at: {(now + 10 * MINUTE).isoformat()}")
    give(learner, instructor, exam, now=now)
    assert start_attempt(user=learner, quiz_version=exam, now=now).deadline_at == now + 25 * MINUTE


def test_extra_time_opens_no_exam_whose_time_is_up(learner, instructor, exam):
    now = timezone.now()
    attempt = start_attempt(user=learner, quiz_version=exam, now=now)
    save(attempt, 1, now=now)
    give(learner, instructor, exam, now=now + 30 * MINUTE + LATE)
    attempt.refresh_from_db()
    assert attempt.finished_at == attempt.deadline_at == now + 30 * MINUTE


def test_extra_time_taken_back_undoes_nothing_that_was_done_in_it(learner, instructor, exam):
    now = timezone.now()
    given = give(learner, instructor, exam, now=now)
    attempt = start_attempt(user=learner, quiz_version=exam, now=now)
    save(attempt, 1, now=now + 40 * MINUTE)
    for _twice in range(2):
        take_back_extra_time(course=given.course, number=given.pk, author=instructor, now=now + 41 * MINUTE)
    attempt.refresh_from_db()
    assert attempt.deadline_at == now + 41 * MINUTE
    assert result_of(finish_attempt(attempt=attempt, now=now + 60 * MINUTE)).right == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"percent": 0}, "Write a share"),
        ({"percent": -1}, "at most"),
        ({"percent": 301}, "at most 300 percent"),
        ({"minutes": 301}, "at most"),
        ({"reason": "  "}, "Say why"),
        ({"reason": "x" * 301}, "Say why"),
    ],
)
def test_what_is_no_extra_time_is_refused(learner, instructor, course, changes, words):
    wanted = {"percent": 50, "minutes": 0, "reason": "Reads slowly", **changes}
    with pytest.raises(Problem, match=words) as refused:
        give_extra_time(course=course, user=learner, author=instructor, now=timezone.now(), **wanted)
    assert refused.value.status == 422
    assert not ExtraTime.objects.exists()


def test_extra_time_is_ones_own_data(learner, instructor, exam):
    give(learner, instructor, exam, now=timezone.now())
    assert [(row["percent"], row["reason"]) for row in export(learner)["extra_times"]] == [(50, "Reads slowly")]


# --- pages


@pytest.fixture
def visitor(client: Client, learner: User, sign_in: Callable[[Client, User], Client]) -> Client:
    return sign_in(client, learner)


DOOR = "/courses/vision/lessons/one/test/"


def test_the_door_tells_the_terms_and_asks_before_the_time_begins(visitor, exam):
    page = visitor.get(DOOR).content.decode()
    for words in ("You have 30 minutes from the moment you begin", "You can take it once", "My 30 minutes begin now"):
        assert words in page
    begin = reverse("quizzes:start", args=[exam.quiz_id])
    refused = visitor.post(begin, follow=True)
    assert "Nothing has begun yet" in refused.content.decode()
    assert not Attempt.objects.exists()
    begun = visitor.post(begin, {"confirmed": "yes"}, follow=True).content.decode()
    assert "Your time ends on" in begun
    assert "Show a hint" not in begun
    assert "Go on with the exam" in visitor.get(DOOR).content.decode()
    assert visitor.post(begin).status_code == 302, "going on needs no word"
    assert Attempt.objects.count() == 1


def test_the_door_says_how_often_the_exam_can_still_be_taken(visitor, learner, examine):
    exam = examine("attempts: 3")
    assert "You can take it 3 times." in visitor.get(DOOR).content.decode()
    for words in ("You can take it 2 more times.", "You can take it once more."):
        finish_attempt(attempt=start_attempt(user=learner, quiz_version=exam, now=timezone.now()), now=timezone.now())
        assert words in visitor.get(DOOR).content.decode()


def test_a_lesson_may_have_an_exam_and_no_test(visitor, publish):
    text = QUESTIONS.replace("test:\n  title: How well do you know it?\n  reveal: each", "exam:\n  minutes: 5")
    publish(text)
    page = visitor.get(DOOR)
    assert page.status_code == 200
    assert "Begin the exam" in page.content.decode()
    assert "Start the test" not in page.content.decode()


def test_the_page_after_the_deadline_says_so_and_leads_to_the_results(visitor, learner, exam):
    attempt = start_attempt(user=learner, quiz_version=exam, now=timezone.now() - 31 * MINUTE)
    assert visitor.get(reverse("quizzes:clock", args=[attempt.pk])).json()["runs"] is False
    asked = reverse("quizzes:question", args=[attempt.pk, 1])
    refused = visitor.post(
        reverse("quizzes:draft", args=[attempt.pk, 1]), {"choice": "A"}, headers={"X-Requested-With": "fetch"}
    )
    assert refused.status_code == 409
    assert "The time was up on" in refused.json()["detail"]
    refused = visitor.post(asked, {"choice": "A"})
    assert refused.status_code == 409
    assert "The time was up on" in refused.content.decode()
    assert visitor.get(reverse("quizzes:finish", args=[attempt.pk])).url == reverse("quizzes:results", args=[attempt.pk])


def test_the_clock_is_the_servers(visitor, learner, exam):
    attempt = start_attempt(user=learner, quiz_version=exam, now=timezone.now() - 10 * MINUTE)
    said = visitor.get(reverse("quizzes:clock", args=[attempt.pk])).json()
    assert 19 * 60 < said["seconds_left"] <= 20 * 60
    assert visitor.get(f"/api/v1/attempts/{attempt.pk}").json()["deadline_at"]


def test_what_is_withheld_is_announced_in_the_learners_time_zone(visitor, learner, examine):
    learner.timezone = "Asia/Tokyo"
    learner.save()
    exam = examine("reveal: date\nreveal_at: 2999-11-24T14:00:00Z")
    attempt = start_attempt(user=learner, quiz_version=exam, now=timezone.now())
    attempt = finish_attempt(attempt=attempt, now=timezone.now())
    page = visitor.get(reverse("quizzes:results", args=[attempt.pk])).content.decode()
    assert "Handed in. Results come on 24 November 2999, 23:00 JST." in page
    assert "Handed in. Results come on" in visitor.get(DOOR).content.decode()
    with pytest.raises(Problem, match="once you have been told"):
        start_redo(attempt=attempt, now=timezone.now())
    assert "Redo" not in page


def test_never_tells_the_total_and_nothing_else(visitor, learner, examine):
    exam = examine("reveal: never")
    now = timezone.now()
    attempt = start_attempt(user=learner, quiz_version=exam, now=now)
    save(attempt, 1, now=now)
    finish_attempt(attempt=attempt, now=now)
    page = visitor.get(reverse("quizzes:results", args=[attempt.pk])).content.decode()
    assert "1 of 2 points" in page
    assert "By objective" not in page
    result = visitor.get(f"/api/v1/attempts/{attempt.pk}").json()["result"]
    assert (result["score"], result["right"], result["objectives"]) == (0.5, None, [])
    kept = export(learner)["attempts"][0]
    assert (kept["score"], kept["questions"][0]["answers"][0]["right"]) == (0.5, None)


@pytest.mark.parametrize(
    ("zone", "words"), [("Europe/Berlin", "24 November 2026, 14:00 CET"), ("UTC", "24 November 2026, 13:00 UTC")]
)
def test_a_learner_reads_in_which_zone_a_moment_is(zone, words):
    with timezone.override(ZoneInfo(zone)):
        assert moment_words(datetime(2026, 11, 24, 13, tzinfo=UTC)) == words
