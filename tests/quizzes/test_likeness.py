"""Try one like it: which question that is, that one click adds one, and where it leads."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from inference.models import Fact
from quizzes import likeness
from quizzes.likeness import ask_another, places_with_another
from quizzes.models import Attempt, AttemptQuestion, QuizVersion
from quizzes.presenting import questions_of
from quizzes.services import (
    attempt_question,
    finish_attempt,
    newest_key,
    position_of,
    quiz_version_of,
    start_attempt,
    submit_response,
)
from tests.quizzes.conftest import QUESTIONS, Publish, chose
from tests.quizzes.networks import know_tiny_networks
from tests.quizzes.racing import at_once
from web.problems import Problem

SignIn = Callable[[Client, User], Client]

GENERATED = """\
  - {uid: g-head, kind: generated, about: api, difficulty: easy, objective: heads, template: head_input}
  - {uid: g-layer, kind: generated, about: api, difficulty: medium, objective: features, template: layer_parameters}
"""
WITH_GENERATED = QUESTIONS.replace("questions: [p-hard, p-easy]", "questions: [p-hard, p-easy, g-head, g-layer]") + GENERATED
META = {"networks": ["tinynet", "widenet"]}


@pytest.fixture
def practice(learner: User, publish: Publish) -> Attempt:
    """Practice of a lesson with two generated questions: what a head takes, and the parameters of a layer."""
    know_tiny_networks()
    return begin(learner, publish(WITH_GENERATED, meta=META), "practice")


def begin(person: User, version: object, mode: str) -> Attempt:
    quiz = quiz_version_of(version, mode)  # type: ignore[arg-type]
    assert isinstance(quiz, QuizVersion)
    return start_attempt(user=person, quiz_version=quiz, now=timezone.now())


def place(attempt: Attempt, uid: str) -> int:
    found = position_of(attempt, uid)
    assert found is not None
    return found


def answer(attempt: Attempt, position: int, *, right: bool = True) -> AttemptQuestion:
    """Commits the right answer, or a wrong one."""
    asked = attempt_question(attempt, position)
    key = newest_key(asked.question_version)
    wrong = sorted(set(key.feedback) - set(key.correct))[0]
    chosen = key.correct[0] if right else wrong
    submit_response(
        attempt=attempt, position=position, answer=chose(chosen), idempotency_key=f"k{position}", now=timezone.now()
    )
    return asked


def another(attempt: Attempt, position: int) -> AttemptQuestion:
    return ask_another(attempt=attempt, position=position, now=timezone.now())


def test_an_attempt_asks_variants_and_no_template(practice: Attempt) -> None:
    asked = [question.question_version for question in practice.questions.select_related("question_version__template")]
    assert all(version.kind != "generated" and version.options.exists() for version in asked)
    assert {version.question.uid for version in asked if version.template} == {"g-head", "g-layer"}


def test_two_attempts_are_asked_different_variants(practice: Attempt, instructor: User) -> None:
    other = start_attempt(user=instructor, quiz_version=practice.quiz_version, now=timezone.now())
    seeds = {question.question_version.seed for one in (practice, other) for question in one.questions.all()}
    assert len(seeds - {None}) == 4


def test_one_like_a_variant_is_a_new_variant(practice: Attempt) -> None:
    asked = answer(practice, place(practice, "g-head"), right=False)
    added = another(practice, asked.position)
    assert added.attempt == practice
    assert added.position == 5
    assert added.like == asked
    version = added.question_version
    assert version.template == asked.question_version.template
    assert version.stem != asked.question_version.stem


def test_two_clicks_add_one_question(practice: Attempt) -> None:
    asked = answer(practice, place(practice, "g-head"))
    assert another(practice, asked.position) == another(practice, asked.position)
    assert practice.questions.count() == 5
    answer(practice, 5)
    assert another(practice, asked.position).position == 6, "once it is answered the next click adds the next"


@pytest.mark.django_db(transaction=True)
def test_two_tabs_add_one_question(practice: Attempt) -> None:
    position = answer(practice, place(practice, "g-head")).position
    outcomes = at_once(*[lambda: another(practice, position).position] * 4)
    assert outcomes == [5, 5, 5, 5]
    assert practice.questions.count() == 5


def test_a_written_question_leads_to_a_drawn_one_of_its_objective(practice: Attempt) -> None:
    position = answer(practice, place(practice, "p-easy")).position
    assert another(practice, position).position == place(practice, "g-head"), "it waits unanswered, so none is added"
    answer(practice, place(practice, "g-head"))
    added = another(practice, position)
    assert (added.position, added.question_version.question.uid) == (5, "g-head")


def test_a_written_question_leads_to_what_knows_the_misconception_that_was_chosen(learner: User, publish: Publish) -> None:
    know_tiny_networks()
    named = WITH_GENERATED.replace("features-are-classes", "width-is-the-photos-side")
    practice = begin(learner, publish(named, meta=META), "practice")
    position = place(practice, "p-hard")  # of the objective of g-layer; its option c is what only g-head can tell
    submit_response(attempt=practice, position=position, answer=chose("c"), idempotency_key="k", now=timezone.now())
    assert another(practice, position).position == place(practice, "g-head")


def test_without_drawn_ones_it_leads_to_another_written_one(learner: User, publish: Publish) -> None:
    text = QUESTIONS.replace("questions: [p-hard, p-easy]", "questions: [p-hard, p-easy, q-extra]") + (
        QUESTIONS[QUESTIONS.index("  - uid: p-easy") :].replace("p-easy", "q-extra")
    )
    practice = begin(learner, publish(text), "practice")
    answer(practice, place(practice, "p-easy"))
    assert another(practice, place(practice, "p-easy")).position == place(practice, "q-extra")
    answer(practice, place(practice, "q-extra"))
    assert places_with_another(practice, questions_of(practice)) == frozenset()
    with pytest.raises(Problem, match="no other question like this one"):
        another(practice, place(practice, "p-easy"))
    assert practice.questions.count() == 3


def test_it_is_offered_where_there_is_one_and_only_after_an_answer(practice: Attempt) -> None:
    assert places_with_another(practice, questions_of(practice)) == frozenset()
    with pytest.raises(Problem, match="Answer this question first"):
        another(practice, 1)
    answer(practice, 2)
    assert places_with_another(practice, questions_of(practice)) == {2}


def test_a_sitting_has_an_end(practice: Attempt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(likeness, "MOST", 2)
    position = answer(practice, place(practice, "g-head")).position
    for _more in range(2):
        answer(practice, another(practice, position).position)
    with pytest.raises(Problem, match="2 more questions than it began with"):
        another(practice, position)


def test_facts_that_went_away_are_told_with_a_sentence(practice: Attempt) -> None:
    position = answer(practice, place(practice, "g-head")).position
    Fact.objects.all().delete()
    with pytest.raises(Problem, match="no other question like this one"):
        another(practice, position)


class TestFromResults:
    def test_a_finished_test_leads_into_practice(self, practice: Attempt, learner: User) -> None:
        test = begin(learner, practice.quiz_version.lesson_version, "test")
        answer(test, 2, right=False)
        assert places_with_another(test, questions_of(test)) == frozenset(), "not during a test"
        finish_attempt(attempt=test, now=timezone.now())
        test.refresh_from_db()
        assert places_with_another(test, questions_of(test)) == {2}
        found = another(test, 2)
        assert (found.attempt, found.position) == (practice, place(practice, "g-head"))

    def test_finished_practice_leads_into_new_practice(self, practice: Attempt) -> None:
        position = answer(practice, place(practice, "g-head")).position
        finish_attempt(attempt=practice, now=timezone.now())
        practice.refresh_from_db()
        found = another(practice, position)
        assert found.attempt != practice
        assert found.attempt.questions.count() == 4


class TestPages:
    def test_the_button_leads_to_the_added_question(
        self, client: Client, practice: Attempt, learner: User, sign_in: SignIn
    ) -> None:
        visitor = sign_in(client, learner)
        position = place(practice, "g-head")
        here = reverse("quizzes:question", args=[practice.pk, position])
        assert "Try one like it" not in visitor.get(here).content.decode()
        answer(practice, position, right=False)
        assert "Try one like it" in visitor.get(here).content.decode()
        response = visitor.post(reverse("quizzes:another", args=[practice.pk, position]))
        assert response["Location"] == reverse("quizzes:question", args=[practice.pk, 5])
        assert "Question 5 of 5" in visitor.get(response["Location"]).content.decode()

    def test_with_scripts_it_takes_the_place_of_the_question_under_its_own_address(
        self, client: Client, practice: Attempt, learner: User, sign_in: SignIn
    ) -> None:
        visitor = sign_in(client, learner)
        position = place(practice, "g-head")
        answer(practice, position, right=False)
        url = reverse("quizzes:another", args=[practice.pk, position])
        assert f'hx-post="{url}"' in visitor.get(reverse("quizzes:question", args=[practice.pk, position])).content.decode()
        response = visitor.post(url, headers={"HX-Request": "true"})
        html = response.content.decode()
        assert response["HX-Push-Url"] == reverse("quizzes:question", args=[practice.pk, 5])
        assert html.count("<title>Question 5 of 5 ·") == 1
        assert 'data-focus="asked"' in html
        assert "<html" not in html
        assert "no-store" in response["Cache-Control"]
        refused = visitor.post(reverse("quizzes:another", args=[practice.pk, 5]), headers={"HX-Request": "true"})
        assert (refused.status_code, "HX-Push-Url" in refused) == (422, False)
        assert "Answer this question first" in refused.content.decode()

    def test_what_leads_into_another_attempt_loads_its_page(
        self, client: Client, practice: Attempt, learner: User, sign_in: SignIn
    ) -> None:
        visitor = sign_in(client, learner)
        position = answer(practice, place(practice, "g-head")).position
        finish_attempt(attempt=practice, now=timezone.now())
        url = reverse("quizzes:another", args=[practice.pk, position])
        page = visitor.get(reverse("quizzes:question", args=[practice.pk, position])).content.decode()
        assert f'action="{url}"' in page
        assert f'hx-post="{url}"' not in page

    def test_a_refusal_stands_on_the_question(self, client: Client, practice: Attempt, learner: User, sign_in: SignIn) -> None:
        response = sign_in(client, learner).post(reverse("quizzes:another", args=[practice.pk, 1]))
        assert response.status_code == 409
        assert "Answer this question first" in response.content.decode()

    def test_programs_get_it_too(self, client: Client, practice: Attempt, learner: User, sign_in: SignIn) -> None:
        visitor = sign_in(client, learner)
        token = {"X-CSRFToken": visitor.get("/api/v1/me").json()["csrf_token"]}
        position = place(practice, "g-head")
        url = f"/api/v1/attempts/{practice.pk}/questions/{position}/another"
        assert visitor.post(url, headers=token).status_code == 409
        answer(practice, position)
        told = visitor.post(url, headers=token).json()
        assert (told["attempt"], told["question"]["number"]) == (str(practice.pk), 5)
        assert told["question"]["verdict"] is None

    def test_nobody_elses(self, client: Client, practice: Attempt, outsider: User, sign_in: SignIn) -> None:
        answer(practice, 1)
        visitor = sign_in(client, outsider)
        assert visitor.post(reverse("quizzes:another", args=[practice.pk, 1])).status_code == 404

    def test_a_quiz_of_which_nothing_can_be_drawn_says_so(
        self, client: Client, learner: User, publish: Publish, sign_in: SignIn
    ) -> None:
        version = publish(WITH_GENERATED.replace("[p-hard, p-easy, g-head, g-layer]", "[g-head, g-layer]"), meta=META)
        visitor = sign_in(client, learner)
        door = visitor.get("/courses/vision/lessons/one/practise/").content.decode()
        assert "still being computed" in door
        assert "Start practising" not in door
        quiz = quiz_version_of(version, "practice")
        assert quiz is not None
        response = visitor.post(reverse("quizzes:start", args=[quiz.quiz_id]))
        assert response.status_code == 409
        assert not Attempt.objects.exists()
        know_tiny_networks()
        assert "Start practising" in visitor.get("/courses/vision/lessons/one/practise/").content.decode()

    def test_what_cant_be_drawn_yet_is_left_out(self, learner: User, publish: Publish) -> None:
        practice = begin(learner, publish(WITH_GENERATED, meta=META), "practice")
        assert practice.questions.count() == 2
