"""A misconception's page and the course's list: who may read them, what they say, and which questions they may name to whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from inference.contracts import RunKind
from inference.models import Trace
from lessons.models import Lesson, LessonVersion, Release
from quizzes.folder import QuestionsPart
from quizzes.misconceptions.probing import questions_told
from quizzes.models import Attempt, Misconception, QuizVersion
from quizzes.services import finish_attempt, start_attempt, start_redo
from tests.inference.conftest import NETWORK, bell, lite0_facts
from tests.quizzes.conftest import QUESTIONS, Publish, context_for
from tests.quizzes.test_leaks import commit

__all__ = ["bell", "lite0_facts"]

LIST = "/courses/vision/misconceptions/"
FC, CLASSES = f"{LIST}head-is-fc/", f"{LIST}features-are-classes/"
API = f"/api/v1{LIST}"[:-1]
RUNNABLE = QUESTIONS.replace("title: Every head is called fc", "title: Every head is called fc\n    mistake: bgr")


def text_of(response: Any) -> str:
    assert response.status_code == 200, response.content
    return str(response.content.decode())


def probed(person: User, slug: str) -> list[str]:
    """The questions that this person may be told to probe a misconception."""
    told = questions_told(misconception=Misconception.objects.get(slug=slug), person=person)
    return [asked.question_version.question.uid for asked in told]


# --- who may read -----------------------------------------------------------------------------------------------------------


def test_anybody_may_read_what_a_published_course_says(client: Client, version: LessonVersion) -> None:
    page = text_of(client.get(FC))
    assert "<h1>Every head is called fc</h1>" in page
    assert "BELIEF-FC" in page
    assert "WHY-FC" in page
    assert 'href="/courses/vision/lessons/one/practise/"' in page
    both = text_of(client.get(LIST))
    assert both.index("Features are classes") < both.index("Every head is called fc")
    assert f'href="{LIST}"' in text_of(client.get("/courses/vision/"))
    assert f'href="{LIST}"' in text_of(client.get("/courses/vision/lessons/one/practise/"))
    assert not User.objects.filter(email=None).exists(), "reading made a guest"


@pytest.mark.parametrize("address", [LIST, FC, API, f"{API}/head-is-fc"])
def test_what_is_not_released_is_not_there(client: Client, version: LessonVersion, lesson: Lesson, address: str) -> None:
    assert client.get(address).status_code == 200
    Release.objects.create(course=lesson.course, number=2, published_at=timezone.now())  # without the lesson
    assert client.get(address).status_code == 404


@pytest.mark.parametrize("address", [f"{LIST}none-such/", f"{API}/none-such", "/courses/none-such/misconceptions/"])
def test_an_unknown_one_is_not_there(client: Client, version: LessonVersion, address: str) -> None:
    assert client.get(address).status_code == 404


def test_a_course_without_any_has_no_list_and_no_link(client: Client, publish: Publish) -> None:
    publish("")
    assert client.get(LIST).status_code == 404
    assert LIST not in text_of(client.get("/courses/vision/"))
    assert client.get(API).json() == {"items": [], "next": None}


def test_the_words_are_those_published_last_with_their_figures(client: Client, publish: Publish) -> None:
    publish()
    publish(QUESTIONS.replace("WHY-FC each family", "WHY-FC of {{ resnet50.parameters|count }} parameters, each family"))
    page = text_of(client.get(FC))
    assert "25,557,032" in page
    assert "{{" not in page


def test_a_misconception_taken_out_of_its_lesson_loses_its_page_and_every_link(
    client: Client, publish: Publish, practice: Attempt, learner: User
) -> None:
    commit(practice, 2, right=False)
    client.force_login(learner)
    here = f"/attempts/{practice.pk}/2/"
    assert f'href="{FC}"' in text_of(client.get(here))
    Misconception.objects.filter(slug="head-is-fc").delete()
    assert FC not in text_of(client.get(here))
    assert "BELIEF-FC" in text_of(client.get(here)), "the key keeps its words"


# --- which questions may be named to whom ------------------------------------------------------------------------------------


def test_feedback_on_a_wrong_answer_leads_to_the_page_and_back(client: Client, practice: Attempt, learner: User) -> None:
    client.force_login(learner)
    assert probed(learner, "head-is-fc") == []
    assert "Your answers have shown" not in text_of(client.get(FC))
    commit(practice, 2, right=False)
    assert f'href="{FC}"' in text_of(client.get(f"/attempts/{practice.pk}/2/"))
    question = client.get(f"/api/v1/attempts/{practice.pk}").json()["questions"][1]
    assert [said["misconception"]["url"] for said in question["verdict"]["said"]] == [FC]
    assert probed(learner, "head-is-fc") == ["p-hard"]
    assert probed(learner, "features-are-classes") == [], "the option that was not chosen is still open"
    page = client.get(FC)
    assert 'href="/courses/vision/lessons/one/practise/?question=p-hard"' in text_of(page)
    assert "no-store" in page["Cache-Control"]
    assert [probe["url"][-6:] for probe in client.get(f"{API}/head-is-fc").json()["questions"]] == ["p-hard"]


def test_the_answer_of_a_question_tells_of_all_its_options(practice: Attempt, learner: User) -> None:
    commit(practice, 2, right=True)
    assert probed(learner, "head-is-fc") == ["p-hard"]
    assert probed(learner, "features-are-classes") == ["p-hard"]


def test_what_one_learner_was_told_nobody_else_is(client: Client, practice: Attempt, outsider: User) -> None:
    commit(practice, 2, right=False)
    assert probed(outsider, "head-is-fc") == []
    assert "question=" not in text_of(client.get(FC))
    client.force_login(outsider)
    assert "question=" not in text_of(client.get(FC))


def test_a_question_of_the_test_is_never_named(learner: User, graded_quiz: QuizVersion) -> None:
    attempt = start_attempt(user=learner, quiz_version=graded_quiz, now=timezone.now())
    for position in (1, 2, 3):
        commit(attempt, position, right=False)
    redo = start_redo(attempt=finish_attempt(attempt=attempt, now=timezone.now()), now=timezone.now())
    commit(redo, 1, right=False)
    assert probed(learner, "head-is-fc") == []
    assert probed(learner, "features-are-classes") == []


# --- see it happen -----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("lite0_facts", "version_with_a_mistake")
def test_the_mistake_is_asked_for_and_shown_on_the_page_to_its_owner_alone(
    client: Client, learner: User, outsider: User
) -> None:
    client.force_login(learner)
    page = text_of(client.get(FC))
    assert '<input type="hidden" name="mistakes" value="bgr">' in page
    assert f'<option value="{NETWORK}" selected>' in page
    asked = {"network": NETWORK, "mistakes": "bgr", "sample": "chelsea", "next": FC}
    shown = client.post("/traces/", asked)["Location"]
    trace = Trace.objects.get()
    assert (trace.job.kind, shown) == (RunKind.MISTAKE, f"{FC}?trace={trace.pk}#run")
    response = client.get(shown)
    assert f'data-trace="{trace.pk}"' in text_of(response)
    assert response["X-Robots-Tag"] == "noindex"
    client.force_login(outsider)
    assert str(trace.pk) not in text_of(client.get(FC, {"trace": str(trace.pk)})).replace(f"?trace={trace.pk}", "")


@pytest.mark.usefixtures("lite0_facts", "version_with_a_mistake")
def test_the_page_of_a_mistake_shows_no_other_run(client: Client, learner: User) -> None:
    client.force_login(learner)
    client.post("/traces/", {"network": NETWORK, "mistakes": "softmax_twice", "sample": "chelsea"})
    trace = Trace.objects.get()
    assert f'data-trace="{trace.pk}"' not in text_of(client.get(FC, {"trace": str(trace.pk)}))


@pytest.mark.usefixtures("version_with_a_mistake")
def test_without_a_network_that_runs_here_the_page_still_reads(client: Client) -> None:
    assert "See it happen" in text_of(client.get(FC))


def test_a_belief_without_a_mistake_has_nothing_to_run(client: Client, version: LessonVersion) -> None:
    assert "See it happen" not in text_of(client.get(CLASSES))


@pytest.fixture
def version_with_a_mistake(publish: Callable[..., LessonVersion], bell: list[str]) -> LessonVersion:
    return publish(RUNNABLE)


def test_the_api_names_the_mistake_to_run(client: Client, publish: Publish, lesson: Lesson) -> None:
    publish(RUNNABLE)
    assert not [finding for finding in QuestionsPart().check(RUNNABLE, context_for(lesson)) if "bgr" in finding.message]
    first, second = client.get(API).json()["items"]
    assert (first["slug"], first["mistake"]) == ("features-are-classes", "")
    assert (second["slug"], second["mistake"], second["lesson"]) == ("head-is-fc", "bgr", "one")
    assert second["practise_url"].endswith("/courses/vision/lessons/one/practise/")
    assert "BELIEF-FC" in second["belief"]
