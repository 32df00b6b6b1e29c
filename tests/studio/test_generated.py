"""Generated questions in the studio: written by choosing, seen in five samples, their answers and keys in one place."""

from __future__ import annotations

import pytest
from django.utils import timezone

from accounts.models import User
from lessons.models import Draft, Lesson
from lessons.publishing import check_draft, errors, publish
from quizzes.measuring import RIGHT, measured_in
from quizzes.models import Attempt, KeyReport, QuestionVersion, Quiz
from quizzes.reports import report_key
from quizzes.services import finish_attempt, newest_key, start_attempt, submit_response
from quizzes.statistics import FEWEST
from studio.documents import QuestionsText
from tests.quizzes.conftest import chose
from tests.quizzes.networks import know_tiny_networks
from tests.studio.conftest import files_of, form_of

DRAWN = {
    "kind": "generated",
    "template": "head_input",
    "network": "tinynet",
    "about": "api",
    "difficulty": "easy",
    "objective": "tell",
    "in_test": "on",
}


@pytest.fixture
def written(owner, base, lesson):
    """A generated question in the draft's test, as an author chooses it; its page."""
    know_tiny_networks()
    address = owner.get(base + "add-question/")["Location"]
    form = {**form_of(owner.get(address)), **DRAWN, "act": "save"}
    form.pop("in_practice", None)
    saved = owner.post(address, form)
    assert saved.status_code == 302
    return saved["Location"]


@pytest.fixture
def sat(written, lesson, instructor, learner) -> list[Attempt]:
    """A finished test: the learner was wrong, everybody else right."""
    publish(lesson=lesson, author=instructor, note="With figures", now=timezone.now())
    people = [learner, *(User.objects.create_user(f"l{number}@example.org", "correct horse") for number in range(FEWEST - 1))]
    return [sit(person, lesson, right=person != learner) for person in people]


def sit(person: User, lesson: Lesson, *, right: bool) -> Attempt:
    version = Quiz.objects.get(lesson=lesson, mode="test").versions.latest("pk")
    attempt = start_attempt(user=person, quiz_version=version, now=timezone.now())
    for question in attempt.questions.select_related("question_version"):
        key = newest_key(question.question_version)
        option = key.correct[0] if right else sorted(set(key.feedback) - set(key.correct))[0]
        submit_response(
            attempt=attempt, position=question.position, answer=chose(option), idempotency_key="k", now=timezone.now()
        )
    return finish_attempt(attempt=attempt, now=timezone.now())


def uid_of(page: str) -> str:
    return page.split("/questions/")[1].split("/", maxsplit=1)[0]


def test_it_is_written_without_words(written, lesson):
    question = QuestionsText(files_of(lesson)["questions.yaml"]).questions[-1]
    assert question == {
        "uid": uid_of(written),
        "kind": "generated",
        "about": "api",
        "difficulty": "easy",
        "objective": "tell",
        "template": "head_input",
        "parameters": {"network": "tinynet"},
    }
    assert errors(check_draft(Draft.objects.get(lesson=lesson), course=lesson.course)) == []


def test_the_form_shows_it_again_and_saving_changes_nothing(owner, written, lesson):
    before = files_of(lesson)["questions.yaml"]
    form = form_of(owner.get(written))
    assert form["kind"] == ["generated"]
    assert form["template"] == ["head_input"]
    owner.post(written, {**form, "act": "save"})
    assert files_of(lesson)["questions.yaml"] == before


def test_five_samples_are_shown_with_their_keys(owner, written):
    page = owner.post(written, {**form_of(owner.get(written)), "act": "preview"}).content.decode()
    assert page.count("in_features") > 5
    for number in range(1, 6):
        assert f"Sample {number}" in page
    assert "Sample 6" not in page
    assert page.count("Quick check") == 5


def test_without_figures_the_preview_says_what_to_do(owner, written):
    form = {**form_of(owner.get(written)), "network": ""}
    page = owner.post(written, {**form, "template": "", "act": "preview"}).content.decode()
    assert "Nothing can be drawn yet" in page


def test_a_written_question_loses_its_words_when_it_becomes_a_drawn_one(owner, base, lesson):
    page = base + "questions/edge-practice/"
    form = {**form_of(owner.get(page)), "kind": "generated", "template": "head_input"}
    owner.post(page, {**form, "template": "", "act": "save"})
    question = QuestionsText(files_of(lesson)["questions.yaml"]).questions[1]
    assert question["stem"] == "Where is an edge?", "not before a template is chosen"
    owner.post(page, {**form_of(owner.get(page)), "template": "head_input", "act": "save"})
    question = QuestionsText(files_of(lesson)["questions.yaml"]).questions[1]
    assert set(question) == {"uid", "kind", "about", "difficulty", "objective", "template"}


def test_a_class_is_measured_as_one(owner, base, sat, lesson):
    (drawn,) = [one for one in measured_in(lesson) if one.question_version.kind == "generated"]
    assert (drawn.attempts, drawn.key_number) == (FEWEST, 1)
    assert drawn.statistics is not None
    assert drawn.statistics.facility == pytest.approx((FEWEST - 1) / FEWEST)
    assert drawn.statistics.picks[RIGHT] == FEWEST - 1
    assert sum(drawn.statistics.picks.values()) == FEWEST
    wrong = next(slug for slug, count in drawn.statistics.picks.items() if slug != RIGHT and count)
    page = owner.get(base + "answers/").content.decode()
    assert page.count("What a new head takes") == 1, "one question, however many variants of it were asked"
    assert drawn.picked[wrong] in page
    assert "what is right" in page


def test_its_key_is_computed_and_the_page_says_what_to_do(owner, base, sat, written):
    for what in ("key", "regrade"):
        page = owner.get(f"{base}answers/{uid_of(written)}/1/{what}/")
        assert page.status_code == 200
        for words in ("A key that is computed", "take the question out of the lesson", "override", "Sample 5"):
            assert words in page.content.decode()
        assert owner.post(f"{base}answers/{uid_of(written)}/1/{what}/", {"policy": "full"}).status_code == 409


def test_a_report_says_what_was_computed(owner, base, sat, learner):
    asked = sat[0].questions.get(question_version__template__isnull=False)
    report_key(attempt=sat[0], position=asked.position, text="That is not so.", now=timezone.now())
    page = owner.get(base + "reports/").content.decode()
    assert "Computed as right" in page
    assert newest_key(asked.question_version).answer in page
    assert KeyReport.objects.get().question.uid in page
    assert QuestionVersion.objects.filter(question=asked.question_version.question).count() > 2
