"""The pages of a quiz, with and without JavaScript: what they show, whom they obey, and what they say when nothing is added."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from quizzes.grading import letter_of
from quizzes.models import Attempt, QuizVersion, Response
from quizzes.services import attempt_question, finish_attempt, quiz_version_of, save_answer, start_attempt
from tests.quizzes.conftest import QUESTIONS, Publish, chose
from tests.quizzes.test_attempts import RIGHT, WRONG, answer, uid_at

HTMX = {"HX-Request": "true"}


@pytest.fixture
def visitor(client: Client, learner: User, sign_in: Callable[[Client, User], Client]) -> Client:
    return sign_in(client, learner)


def page(attempt: Attempt, position: int = 1, *, then: str = "") -> str:
    return reverse("quizzes:question", args=[attempt.pk, position]) + then


def letter(attempt: Attempt, position: int, key: str) -> str:
    return letter_of(key, attempt_question(attempt, position).option_order)


def send(
    visitor: Client,
    attempt: Attempt,
    position: int = 1,
    *,
    right: bool = True,
    key: str = "k",
    headers: dict[str, str] | None = None,
) -> Any:
    chosen = (RIGHT if right else WRONG)[uid_at(attempt, position)]
    data = {"choice": letter(attempt, position, chosen), "idempotency_key": key}
    return visitor.post(page(attempt, position), data, headers=headers or {})


def text_of(response: Any) -> str:
    """The page's words: tags and blanks taken out."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


# --- doors


def test_the_test_says_what_it_is_before_it_begins(client: Client, graded_quiz: QuizVersion) -> None:
    response = client.get("/courses/vision/lessons/one/test/")
    assert response.status_code == 200
    assert "3 questions" in text_of(response)
    assert "told what was right after each answer" in text_of(response)
    assert not User.objects.filter(is_guest=True).exists()


def test_the_practice_says_what_it_is(client: Client, practice_quiz: QuizVersion) -> None:
    words = text_of(client.get("/courses/vision/lessons/one/practise/"))
    assert "2 questions from easy to hard" in words
    assert "1 easy" in words


def test_starting_makes_a_guest_of_a_stranger(client: Client, graded_quiz: QuizVersion) -> None:
    response = client.post(reverse("quizzes:start", args=[graded_quiz.quiz_id]), follow=True)
    assert response.status_code == 200
    assert "Question 1 of 3" in text_of(response)
    assert Attempt.objects.get().user == User.objects.get(is_guest=True)


def test_a_started_test_is_gone_on_with(visitor: Client, attempt: Attempt) -> None:
    words = text_of(visitor.get("/courses/vision/lessons/one/test/"))
    assert "Go on where you were" in words
    assert "Start the test" not in words


def test_earlier_attempts_are_listed(visitor: Client, attempt: Attempt) -> None:
    answer(attempt, 1)
    finish_attempt(attempt=attempt, now=timezone.now())
    assert "1 of 3 right" in text_of(visitor.get("/courses/vision/lessons/one/test/"))


def test_an_unfinished_attempt_at_an_older_version_can_be_gone_on_with(
    visitor: Client, attempt: Attempt, publish: Publish
) -> None:
    publish()
    words = text_of(visitor.get("/courses/vision/lessons/one/test/"))
    assert "still open, on version 1" in words
    assert "Start the test" in words
    assert visitor.get(page(attempt)).status_code == 200


def test_a_quiz_that_no_course_shows_cannot_be_started(client: Client, publish: Publish, graded_quiz: QuizVersion) -> None:
    publish("")
    assert client.post(reverse("quizzes:start", args=[graded_quiz.quiz_id])).status_code == 404
    assert client.post(reverse("quizzes:start", args=[999])).status_code == 404


def test_a_card_in_the_prose_leads_to_its_question(visitor: Client, practice_quiz: QuizVersion) -> None:
    door = visitor.get("/courses/vision/lessons/one/practise/?question=p-hard")
    assert "Practise the question from the lesson" in text_of(door)
    response = visitor.post(reverse("quizzes:start", args=[practice_quiz.quiz_id]), {"question": "p-hard"}, follow=True)
    assert "Which one is smallest?" in text_of(response)


# --- one question


def test_a_question_shows_its_words_with_facts_and_native_radios(visitor: Client, attempt: Attempt) -> None:
    response = visitor.get(page(attempt))
    html = response.content.decode()
    assert "How many numbers" in html
    assert "2,048" in text_of(response)
    assert html.count('type="radio" name="choice"') == 3
    assert "<fieldset" in html
    assert "Question 1 of 3" in text_of(response)


def test_a_plain_form_is_answered_by_a_redirect_to_the_feedback(visitor: Client, attempt: Attempt) -> None:
    response = send(visitor, attempt)
    assert response.status_code == 302
    assert response["Location"] == page(attempt, then="#feedback")
    words = text_of(visitor.get(page(attempt)))
    assert "Right" in words
    assert f"The answer is {letter(attempt, 1, 'a')}: 2,048 numbers" in words


def test_htmx_is_answered_by_the_question_alone(visitor: Client, attempt: Attempt) -> None:
    response = send(visitor, attempt, right=False, headers=HTMX)
    html = response.content.decode()
    assert response.status_code == 200
    assert "<html" not in html
    assert 'data-focus="feedback"' in html
    assert 'id="feedback"' in html


def test_a_wrong_answer_is_told_about_first_and_then_the_right_one(visitor: Client, attempt: Attempt) -> None:
    words = text_of(send(visitor, attempt, right=False, headers=HTMX))
    order = [
        "Not quite",
        "FEEDBACK-FEATURES-B",
        "BELIEF-CLASSES",
        "WHY-CLASSES",
        "is right",
        "FEEDBACK-FEATURES-A",
        "STEP-FEATURES-1",
    ]
    order += ["STEP-FEATURES-2", "FINAL-FEATURES", "Quick check", f"The answer is {letter(attempt, 1, 'a')}:"]
    places = [words.index(word) for word in order]
    assert places == sorted(places)


def test_a_verdict_is_said_once(visitor: Client, learner: User, publish: Publish) -> None:
    """Authors begin their feedback as they speak: "Not quite. …"."""
    text = QUESTIONS.replace("FEEDBACK-FEATURES-B these", "Not quite. FEEDBACK-FEATURES-B these")
    text = text.replace("FEEDBACK-FEATURES-A it", "Right. FEEDBACK-FEATURES-A it")
    quiz = quiz_version_of(publish(text), "test")
    assert quiz is not None
    attempt = start_attempt(user=learner, quiz_version=quiz, now=timezone.now())
    words = text_of(send(visitor, attempt, right=False, headers=HTMX))
    assert "Not quite FEEDBACK-FEATURES-B" in words
    assert "2,048 numbers FEEDBACK-FEATURES-A" in words


def test_no_answer_is_asked_for_again(visitor: Client, attempt: Attempt) -> None:
    response = visitor.post(page(attempt), {"idempotency_key": "k"})
    assert response.status_code == 422
    assert "Choose an answer first." in text_of(response)
    assert "How many numbers" in text_of(response)


@pytest.mark.parametrize(
    "data", [{"choice": "Z"}, {"choice": ["A", "B"]}, {"choice": "a" * 500}, {"idempotency_key": "x" * 100, "choice": "A"}]
)
def test_what_cannot_be_used_is_refused_with_the_question_still_there(
    visitor: Client, attempt: Attempt, data: dict[str, object]
) -> None:
    response = visitor.post(page(attempt), {"idempotency_key": "k", **data})
    assert response.status_code == 422
    assert "How many numbers" in text_of(response)
    assert not Response.objects.exists()


def test_a_second_tab_is_told_which_answer_counts(visitor: Client, attempt: Attempt) -> None:
    send(visitor, attempt, right=False, key="left")
    response = send(visitor, attempt, key="right")
    assert response.status_code == 409
    assert "Your first answer counts" in text_of(response)
    assert "FEEDBACK-FEATURES-B" in text_of(response)
    assert Response.objects.count() == 1


def test_a_double_submit_changes_nothing(visitor: Client, attempt: Attempt) -> None:
    for _ in range(2):
        assert send(visitor, attempt).status_code == 302
    assert Response.objects.count() == 1


def test_a_submit_after_finishing_is_told_so(visitor: Client, attempt: Attempt) -> None:
    finish_attempt(attempt=attempt, now=timezone.now())
    plain, partial = send(visitor, attempt), send(visitor, attempt, headers=HTMX)
    assert plain.status_code == 409
    assert partial.status_code == 422
    for response in (plain, partial):
        assert "This attempt is finished" in text_of(response)


def test_a_choice_is_kept_in_the_background_and_shown_again(visitor: Client, attempt: Attempt) -> None:
    url = reverse("quizzes:draft", args=[attempt.pk, 1])
    response = visitor.post(url, {"choice": letter(attempt, 1, "b")}, headers={"X-Requested-With": "fetch"})
    assert response.json() == {"detail": "Your choice is saved."}
    assert f'value="{letter(attempt, 1, "b")}" checked' in visitor.get(page(attempt)).content.decode()
    assert visitor.post(url, {"choice": "Z"}, headers={"X-Requested-With": "fetch"}).status_code == 422
    assert visitor.post(url, {"choice": letter(attempt, 1, "a")}).status_code == 302


# --- the policy "after finishing"


@pytest.fixture
def sealed(learner: User, quiz_at_finish: QuizVersion) -> Attempt:
    return start_attempt(user=learner, quiz_version=quiz_at_finish, now=timezone.now())


def test_answers_can_change_until_the_end_and_nothing_is_told(visitor: Client, sealed: Attempt) -> None:
    response = send(visitor, sealed, right=False)
    assert response.status_code == 302
    assert response["Location"] == page(sealed, 2)
    assert not Response.objects.exists()
    assert send(visitor, sealed).status_code == 302
    send(visitor, sealed, 2)
    assert send(visitor, sealed, 3, right=False)["Location"] == reverse("quizzes:finish", args=[sealed.pk])
    visitor.post(reverse("quizzes:finish", args=[sealed.pk]))
    words = text_of(visitor.get(reverse("quizzes:results", args=[sealed.pk])))
    assert "2 of 3" in words
    assert "FEEDBACK-PRINTED-A" in words


# --- finishing and results


def test_a_test_that_tells_at_its_end_says_what_is_saved_and_what_enter_does(
    visitor: Client, sealed: Attempt, attempt: Attempt
) -> None:
    send(visitor, sealed)
    words = text_of(visitor.get(page(sealed, 2)))
    assert "Question 1: answer saved, not checked yet" in words
    assert "Enter saves and goes on." in words
    assert "Enter checks." in text_of(visitor.get(page(attempt)))


def test_finishing_warns_of_what_is_open(visitor: Client, attempt: Attempt) -> None:
    answer(attempt, 1)
    save_answer(attempt=attempt, position=2, answer=chose("a"), now=timezone.now())
    words = text_of(visitor.get(reverse("quizzes:finish", args=[attempt.pk])))
    assert "1 question has no answer yet" in words
    assert "1 answer is saved and will be handed in" in words


def test_results_show_every_item_with_its_reason(visitor: Client, attempt: Attempt) -> None:
    answer(attempt, 1)
    answer(attempt, 2, right=False)
    response = visitor.post(reverse("quizzes:finish", args=[attempt.pk]), follow=True)
    words = text_of(response)
    for expected in (
        "1 of 3",
        "Say what a backbone gives",
        "not right",
        "not answered",
        "FEEDBACK-HEAD-A",
        "FEEDBACK-HEAD-B",
        "FEEDBACK-PRINTED-B",
    ):
        assert expected in words
    assert "Redo the 2 you missed" in words
    assert visitor.post(reverse("quizzes:finish", args=[attempt.pk])).status_code == 302


def test_an_open_attempt_has_no_results_yet(visitor: Client, attempt: Attempt) -> None:
    assert visitor.get(reverse("quizzes:results", args=[attempt.pk]), follow=True).redirect_chain[-1][0] == page(attempt)


def test_going_on_leads_to_the_first_open_question(visitor: Client, attempt: Attempt) -> None:
    answer(attempt, 1)
    assert visitor.get(reverse("quizzes:attempt", args=[attempt.pk]))["Location"] == page(attempt, 2)


def test_a_redo_is_practice_with_what_was_missed(visitor: Client, attempt: Attempt) -> None:
    answer(attempt, 1)
    finish_attempt(attempt=attempt, now=timezone.now())
    words = text_of(visitor.post(reverse("quizzes:redo", args=[attempt.pk]), follow=True))
    assert "Question 1 of 2" in words
    assert "Show a hint" in words


# --- practice


def test_practice_offers_a_hint_and_another_try(visitor: Client, practice: Attempt) -> None:
    words = text_of(visitor.post(reverse("quizzes:hint", args=[practice.pk, 2]), headers=HTMX))
    assert "HINT-HARD" in words
    words = text_of(send(visitor, practice, 2, right=False, key="one", headers=HTMX))
    assert "FEEDBACK-HARD-B" in words
    assert "WHY-FC" in words
    assert "Check again" in words
    for secret in ("FEEDBACK-HARD-A", "STEP-HARD", "FINAL-HARD", "The answer is", "FEEDBACK-HARD-C", "BELIEF-CLASSES"):
        assert secret not in words
    words = text_of(send(visitor, practice, 2, key="two", headers=HTMX))
    for told in ("Right", "STEP-HARD-3", "FINAL-HARD", "The answer is", "Common mistakes", "BELIEF-CLASSES"):
        assert told in words


def test_steps_come_one_by_one(visitor: Client, practice: Attempt) -> None:
    url = reverse("quizzes:step", args=[practice.pk, 2])
    words = text_of(visitor.post(url, {"step": "1"}, headers=HTMX))
    assert "You asked for the steps" in words
    assert "STEP-HARD-1" in words
    assert "STEP-HARD-2" not in words
    assert visitor.post(url, {"step": "2"})["Location"] == page(practice, 2, then="#steps")
    words = text_of(visitor.post(url, {"step": "3"}, headers=HTMX))
    assert "STEP-HARD-3" in words
    assert "The answer is" in words
    assert "Check" not in words.replace("Quick check", "")


@pytest.mark.parametrize("step", ["", "x", "-1", "9" * 30, "²"])
def test_any_nonsense_for_a_step_shows_the_first(visitor: Client, practice: Attempt, step: str) -> None:
    assert visitor.post(reverse("quizzes:step", args=[practice.pk, 2]), {"step": step}).status_code == 302
    assert attempt_question(practice, 2).steps_shown == 1


# --- whose it is


@pytest.mark.parametrize(
    ("method", "name", "args"),
    [
        ("get", "attempt", ()),
        ("get", "question", (1,)),
        ("post", "question", (1,)),
        ("post", "draft", (1,)),
        ("post", "hint", (1,)),
        ("post", "step", (1,)),
        ("get", "finish", ()),
        ("post", "finish", ()),
        ("get", "results", ()),
        ("post", "redo", ()),
    ],
)
def test_somebody_elses_attempt_is_not_there(
    client: Client,
    attempt: Attempt,
    instructor: User,
    sign_in: Callable[[Client, User], Client],
    method: str,
    name: str,
    args: tuple[int, ...],
) -> None:
    url = reverse(f"quizzes:{name}", args=[attempt.pk, *args])
    assert getattr(client, method)(url).status_code == 404
    assert getattr(sign_in(client, instructor), method)(url).status_code == 404
    attempt.refresh_from_db()
    assert not attempt.is_finished
    assert not Response.objects.exists()


def test_a_place_that_is_not_there_is_404(visitor: Client, attempt: Attempt) -> None:
    for position in (0, 4, 10**9, 10**30):
        assert visitor.get(f"/attempts/{attempt.pk}/{position}/").status_code == 404


def test_writing_needs_a_post(visitor: Client, attempt: Attempt, practice_quiz: QuizVersion) -> None:
    for name, args in (
        ("start", [practice_quiz.quiz_id]),
        ("hint", [attempt.pk, 1]),
        ("step", [attempt.pk, 1]),
        ("redo", [attempt.pk]),
    ):
        assert visitor.get(reverse(f"quizzes:{name}", args=args)).status_code == 405


def test_forms_carry_a_csrf_token(learner: User, attempt: Attempt) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(learner)
    assert strict.post(page(attempt), {"choice": "A", "idempotency_key": "k"}).status_code == 403


def test_pages_ask_the_database_little(
    visitor: Client, attempt: Attempt, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    """However many questions there are: rows of an attempt come together, and only what is told costs a query of its own."""
    answer(attempt, 1, right=False)
    visitor.get(page(attempt))  # fills the caches of words and modes
    with django_assert_max_num_queries(12):
        visitor.get(page(attempt, 2))
    with django_assert_max_num_queries(14):
        visitor.get(page(attempt, 1))
