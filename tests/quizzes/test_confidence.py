"""How sure a learner says they are: kept with drafts, committed with answers, no part of any grade, and never in the way."""

from __future__ import annotations

import json

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from lessons.models import Lesson
from quizzes.measuring import measured_in
from quizzes.models import Attempt, QuizVersion, Response
from quizzes.services import (
    attempt_question,
    finish_attempt,
    responses_of,
    result_of,
    save_answer,
    show_step,
    start_attempt,
    submit_response,
)
from quizzes.statistics import FEWEST
from studio.answers import as_csv, by_question
from tests.quizzes.conftest import chose
from tests.quizzes.test_attempts import RIGHT, WRONG, uid_at
from web.problems import Problem


def commit(
    attempt: Attempt, position: int, *, confidence: str | None = None, right: bool = True, key: str = "once"
) -> Response:
    answer = chose((RIGHT if right else WRONG)[uid_at(attempt, position)])
    return submit_response(
        attempt=attempt,
        position=position,
        answer=answer,
        confidence=confidence,
        idempotency_key=f"{key}-{position}",
        now=timezone.now(),
    ).response


def save(attempt: Attempt, position: int, *, confidence: str | None = None) -> None:
    answer = chose(RIGHT[uid_at(attempt, position)])
    save_answer(attempt=attempt, position=position, answer=answer, confidence=confidence, now=timezone.now())


def test_confidence_is_committed_with_the_answer_and_changes_no_grade(attempt: Attempt) -> None:
    assert commit(attempt, 1, confidence="guess").confidence == "guess"
    assert commit(attempt, 2, confidence="certain", right=False).confidence == "certain"
    assert commit(attempt, 3).confidence == ""
    assert result_of(attempt).total.reached == 2


def test_a_draft_keeps_it_until_something_else_is_said(attempt: Attempt) -> None:
    save(attempt, 1, confidence="likely")
    save(attempt, 1)
    assert attempt_question(attempt, 1).draft_confidence == "likely"
    assert commit(attempt, 1).confidence == "likely"
    assert attempt_question(attempt, 1).draft_confidence == ""
    save(attempt, 2, confidence="likely")
    save(attempt, 2, confidence="")
    assert commit(attempt, 2).confidence == ""


def test_handed_in_drafts_keep_theirs(learner: User, quiz_at_finish: QuizVersion) -> None:
    attempt = start_attempt(user=learner, quiz_version=quiz_at_finish, now=timezone.now())
    save(attempt, 1, confidence="certain")
    save(attempt, 2)
    finish_attempt(attempt=attempt, now=timezone.now())
    said = Response.objects.filter(attempt_question__attempt=attempt).values_list("attempt_question__position", "confidence")
    assert dict(said) == {1: "certain", 2: ""}


def test_the_same_request_again_keeps_what_was_said_first(attempt: Attempt) -> None:
    first = commit(attempt, 1, confidence="guess")
    again = commit(attempt, 1, confidence="certain")
    assert (again.pk, again.confidence) == (first.pk, "guess")


def test_giving_up_is_no_answer_to_be_sure_of(practice: Attempt) -> None:
    save_answer(attempt=practice, position=2, answer=chose(), confidence="certain", now=timezone.now())
    show_step(attempt=practice, position=2, step=1, now=timezone.now())
    assert Response.objects.get(attempt_question__attempt=practice).confidence == ""


def test_an_unknown_word_is_refused_and_nothing_is_written(attempt: Attempt) -> None:
    for write in (save, commit):
        with pytest.raises(Problem) as refused:
            write(attempt, 1, confidence="perhaps")
        assert refused.value.status == 422
    assert not Response.objects.exists()
    assert attempt_question(attempt, 1).drafted.is_empty


@pytest.fixture
def visitor(client: Client, learner: User) -> Client:
    client.force_login(learner)
    return client


def letter(attempt: Attempt, position: int, keys: dict[str, str]) -> str:
    return "ABCDEF"[attempt_question(attempt, position).option_order.index(keys[uid_at(attempt, position)])]


def test_the_page_asks_keeps_and_says_so_kindly_when_certain_and_wrong(visitor: Client, attempt: Attempt) -> None:
    page = reverse("quizzes:question", args=[attempt.pk, 1])
    assert visitor.get(page).content.decode().count('name="confidence"') == 3
    sent = {"choice": letter(attempt, 1, WRONG), "confidence": "certain"}
    kept = visitor.post(reverse("quizzes:draft", args=[attempt.pk, 1]), sent, headers={"X-Requested-With": "fetch"})
    assert kept.json()["detail"] == "Your choice is saved."
    assert 'value="certain" checked' in visitor.get(page).content.decode()
    answered = visitor.post(page, {**sent, "idempotency_key": "k"}, follow=True).content.decode()
    assert "You were certain." in answered
    assert 'name="confidence"' not in answered
    sure_and_right = {"choice": letter(attempt, 2, RIGHT), "confidence": "certain", "idempotency_key": "k"}
    second = reverse("quizzes:question", args=[attempt.pk, 2])
    assert "You were certain." not in visitor.post(second, sure_and_right, follow=True).content.decode()


def test_confidence_alone_is_kept_and_leaves_the_question_open(visitor: Client, attempt: Attempt) -> None:
    address = reverse("quizzes:draft", args=[attempt.pk, 1])
    kept = visitor.post(address, {"confidence": "guess"}, headers={"X-Requested-With": "fetch"})
    assert kept.json()["detail"] == "How sure you are is saved; your answer is still to come."
    refused = visitor.post(address, {"confidence": "x"}, headers={"X-Requested-With": "fetch"})
    assert (refused.status_code, attempt_question(attempt, 1).draft_confidence) == (422, "guess")


def test_the_api_takes_and_returns_it(visitor: Client, attempt: Attempt) -> None:
    def put(**body: object) -> dict[str, object]:
        address = f"/api/v1/attempts/{attempt.pk}/questions/1"
        response = visitor.put(address, json.dumps({"options": [letter(attempt, 1, RIGHT)], **body}), "application/json")
        return {"status_code": response.status_code, **response.json()}

    assert put(confidence="perhaps")["status_code"] == 422
    assert put(confidence="likely")["question"]["confidence"] == "likely"  # type: ignore[index]
    assert put(final=True, idempotency_key="k")["question"]["confidence"] == "likely"  # type: ignore[index]
    assert Response.objects.get().confidence == "likely"


# --- for those who teach


def test_instructors_see_how_sure_people_were_from_the_twentieth_attempt_on(graded_quiz: QuizVersion, lesson: Lesson) -> None:
    for number in range(FEWEST):
        assert all(one.statistics is None for one in measured_in(lesson))
        person = User.objects.create_user(f"learner{number}@example.org", "correct horse")
        attempt = start_attempt(user=person, quiz_version=graded_quiz, now=timezone.now())
        commit(attempt, 1, confidence="certain" if number < 8 else "", right=number % 2 == 0)
        finish_attempt(attempt=attempt, now=timezone.now())
    first = measured_in(lesson)[0].statistics
    assert first is not None
    assert [(level.level, level.answers, level.right) for level in first.confidence][-1] == ("certain", 8, 4)
    assert first.certain == {"a": 4, "b": 4, "c": 0}
    assert first.picks == {"a": 10, "b": 10, "c": 0}
    figure = by_question(responses_of(lesson), measured_in(lesson))[0].statistics[0].figures[-1]
    assert (figure.title, figure.value) == ("Confidence", "certain: 4 of 8 right")
    assert figure.meaning.startswith("4 were certain and wrong: that is a belief")
    assert ",certain,1,0.0" in as_csv(responses_of(lesson))
