"""docs/authoring.md is tested: its words stand on the pages, and its steps lead to a published lesson."""

from __future__ import annotations

import re
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from inference.facts import store_facts
from lessons.models import Lesson
from lessons.services import current_version
from tests.studio.conftest import form_of

TEXT = (Path(settings.ROOT) / "docs" / "authoring.md").read_text()
STUDIO = Path(settings.ROOT) / "platform" / "studio"


def test_every_word_it_names_stands_on_a_page():
    files = [*STUDIO.rglob("*.html"), *STUDIO.rglob("*.py"), *(Path(settings.ROOT) / "platform" / "web").rglob("*.html")]
    pages = "\n".join(path.read_text() for path in files)
    named = {" ".join(words.split()) for words in re.findall(r"\*\*([^*]+)\*\*", TEXT)}
    assert len(named) > 15
    assert [words for words in sorted(named) if words not in pages] == []


def test_its_steps_lead_to_a_published_lesson(client, sign_in, instructor):
    store_facts("resnet50", {"title": "ResNet-50", "parameters": 25_557_032}, now=timezone.now())
    body = re.search(r"```markdown lesson\n(.*?)\n```", TEXT, re.DOTALL)[1]
    table = dict(re.findall(r"^\| ([^|]+?) \| ([^|]+?) \|$", TEXT, re.MULTILINE))
    feedback = re.findall(r"^\| its feedback \| ([^|]+?) \|$", TEXT, re.MULTILINE)
    sign_in(client, instructor)
    course = client.post("/studio/new/", {"title": "Your course"})["Location"]
    editor = client.post(course + "add-lesson/", {"title": "Your first lesson"})["Location"]
    form = form_of(client.get(editor)) | {
        "subtitle": "You will count.",
        "insight": "Size isn't work.",
        "objectives-0-was": "",
        "objectives-0-text": "Tell size from work",
        "body": body,
        "modes": ["read", "practise"],
    }
    assert client.post(editor, {**form, "act": "save"}).status_code == 302
    question = client.get(editor + "add-question/")["Location"]
    asked = form_of(client.get(question)) | {
        "stem": table["Question"],
        "options-0-text": table["Option 1, marked *This is the right answer*"],
        "options-0-feedback": feedback[0],
        "options-right": "0",
        "options-1-text": table["Option 2"],
        "options-1-feedback": feedback[1],
        "hint": table["Hint"],
        "solution-0-text": table["Step"],
        "answer": table["Final answer"],
        "objective": "tell-size-from-work",
        "in_practice": "on",
    }
    assert client.post(question, {**asked, "act": "save"}).status_code == 302
    stopped = client.get(editor + "check/").content.decode()
    assert "1 thing stops publishing" in stopped
    assert "parametres" in stopped
    lesson = Lesson.objects.get()
    revision = lesson.draft.revision
    assert client.post(editor + "publish/", {"revision": revision}).status_code == 422
    form = form_of(client.get(editor)) | {"body": body.replace("parametres", "parameters")}
    client.post(editor, {**form, "act": "save"})
    assert "stops publishing" not in client.get(editor + "check/").content.decode().replace("Nothing stops publishing", "")
    assert client.post(editor + "publish/", {"revision": revision + 1, "note": "First"}).status_code == 302
    assert current_version(lesson).number == 1
    shown = client.get(client.get(editor + "history/").context["learners_url"]).content.decode()
    assert "25.6" in shown
