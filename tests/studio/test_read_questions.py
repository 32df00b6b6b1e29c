"""Questions that are read out of runs, in the studio: written by choosing a template and a run, seen in five samples."""

from __future__ import annotations

import re

import pytest
from django.utils import timezone

from inference.facts import store_facts
from inference.models import Trace
from lessons.models import Draft
from lessons.publishing import check_draft, errors, publish
from quizzes.models import QuestionVersion
from quizzes.reading import READINGS, Recording
from studio.documents import QuestionsText
from tests.inference.conftest import network_facts
from tests.quizzes.reading.conftest import cat, runs  # noqa: F401 - fixtures
from tests.quizzes.reading.test_recordings import ran
from tests.studio.conftest import files_of, form_of

pytestmark = pytest.mark.torch

READ = {
    "kind": "trace",
    "template": "never_seen",
    "trace": "efficientnet_lite0 chelsea",
    "about": "concept",
    "difficulty": "easy",
    "objective": "tell",
    "in_practice": "on",
}


@pytest.fixture
def stored(db: None, cat: Recording) -> Trace:  # noqa: F811 - the fixture
    store_facts("efficientnet_lite0", network_facts(), now=timezone.now())
    return ran(cat, sample="chelsea")


@pytest.fixture
def written(owner, base, lesson, stored):
    """A question about a stored run in the draft's practice, as an author chooses it; its page."""
    address = owner.get(base + "add-question/")["Location"]
    saved = owner.post(address, {**form_of(owner.get(address)), **READ, "act": "save"})
    assert saved.status_code == 302
    return saved["Location"]


def test_it_is_written_without_words(written, lesson):
    question = QuestionsText(files_of(lesson)["questions.yaml"]).questions[-1]
    assert {name: question[name] for name in ("kind", "template", "trace")} == {
        "kind": "trace",
        "template": "never_seen",
        "trace": {"network": "efficientnet_lite0", "sample": "chelsea"},
    }
    assert not {"stem", "options", "parameters", "answer"} & set(question)
    assert errors(check_draft(Draft.objects.get(lesson=lesson), course=lesson.course)) == []


def test_the_form_shows_it_again_and_saving_changes_nothing(owner, written, lesson):
    before = files_of(lesson)["questions.yaml"]
    form = form_of(owner.get(written))
    assert (form["kind"], form["template"], form["trace"]) == (["trace"], ["never_seen"], ["efficientnet_lite0 chelsea"])
    owner.post(written, {**form, "act": "save"})
    assert files_of(lesson)["questions.yaml"] == before


def test_each_kind_offers_its_own_templates(owner, written):
    def offered(kind: str) -> set[str]:
        page = owner.post(written, {**form_of(owner.get(written)), "kind": kind, "act": "kind"}).content.decode()
        select = re.search(r'<select name="template".*?</select>', page, re.DOTALL)
        return set(re.findall(r'<option value="(\w+)"', select[0])) if select else set()

    assert offered("trace") == set(READINGS)
    assert "head_input" in offered("generated")
    assert not offered("generated") & set(READINGS)
    assert offered("single") == set()


def test_the_latest_run_is_one_word(owner, written, lesson):
    owner.post(written, {**form_of(owner.get(written)), "trace": "latest", "act": "save"})
    assert QuestionsText(files_of(lesson)["questions.yaml"]).questions[-1]["trace"] == "latest"
    assert form_of(owner.get(written))["trace"] == ["latest"]


def test_samples_are_shown_with_their_tables_and_keys(owner, written):
    page = owner.post(written, {**form_of(owner.get(written)), "act": "preview"}).content.decode()
    assert page.count("256×384×3") == 5
    assert page.count("Quick check") == 5


def test_without_the_run_the_preview_says_what_is_missing(owner, written):
    form = {**form_of(owner.get(written)), "trace": "efficientnet_lite0 rocket"}
    page = owner.post(written, {**form, "act": "preview"}).content.decode()
    assert "a run has to have finished" in page


def test_it_is_listed_by_what_it_asks_and_published(owner, base, written, lesson, instructor):
    assert "How much of the photo is cut off" in owner.get(base + "questions/").content.decode()
    publish(lesson=lesson, author=instructor, note="Read it", now=timezone.now())
    published = QuestionVersion.objects.get(kind="trace")
    assert published.recipe == {
        "template": "never_seen",
        "runs": [{"network": "efficientnet_lite0", "sample": "chelsea"}],
        "own": [],
    }
