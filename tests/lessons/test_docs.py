"""docs/content-format.md is tested: its examples load, its tables name what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings

from lessons import markdown
from lessons.facts import live_facts
from lessons.figures import FORMATS
from lessons.folders import load_folder
from lessons.markdown import samples_of
from lessons.modes import MODE_SLUGS
from lessons.parts import errors
from lessons.samples import problem_with
from lessons.schema import LessonMeta, read_course, read_lesson
from lessons.services import lessons_of
from lessons.tables import COLUMNS
from quizzes.schema import read_questions
from tests.lessons.conftest import NOW, SQUARE

DOCUMENT = Path(settings.ROOT) / "docs" / "content-format.md"
TEXT = DOCUMENT.read_text()


def examples(kind: str) -> list[str]:
    found = re.findall(rf"^(`{{3,}}){re.escape(kind)}\n(.*?)^\1$", TEXT, re.MULTILINE | re.DOTALL)
    assert found, kind
    return [text for _fence, text in found]


def test_its_course_is_a_course():
    course, findings = read_course(examples("yaml course")[0])
    assert findings == []
    assert course.lessons == ["first-lesson"]


@pytest.mark.parametrize("text", examples("markdown body"))
def test_every_piece_of_markdown_is_right(text, facts, proofs):
    pictures = {"square.png": {"sha256": "0" * 64}}
    findings = markdown.check(text, facts=live_facts(), file="lesson.md", pictures=pictures, files={}, is_lesson=True)
    assert findings == []


@pytest.mark.parametrize("text", examples("yaml questions"))
def test_every_piece_of_questions_is_right(text):
    document, source = read_questions(text)
    assert source.findings == []
    assert document.questions


def test_the_whole_example_can_be_loaded(tmp_path, facts, proofs):
    folder = tmp_path / "my-course"
    (folder / "first-lesson").mkdir(parents=True)
    (folder / "course.yaml").write_text(examples("yaml course")[0])
    body = "\n\n".join(examples("markdown body"))
    (folder / "first-lesson" / "lesson.md").write_text(examples("markdown lesson")[0] + "\n" + body)
    (folder / "first-lesson" / "square.png").write_bytes(SQUARE)
    report = load_folder(folder, now=NOW)
    assert errors(report.warnings) == []
    assert [version.title for version in lessons_of(report.course)] == ["ResNet: a first look"]


def test_it_names_every_field_mode_format_and_column():
    fields = set(re.findall(r"^([a-z_]+):", "\n".join(examples("markdown lesson")), re.MULTILINE))
    assert fields == set(LessonMeta.model_fields)
    for name in (*MODE_SLUGS, *FORMATS, *COLUMNS):
        assert f"`{name}`" in TEXT, name


def test_its_samples_are_those_of_the_tests(proofs):
    from inference.proofs import proof_of

    samples = [sample for text in examples("markdown body") for sample in samples_of(text)]
    assert [sample.id for sample in samples] == ["count", "fails", "needs"]
    assert [problem_with(sample, proof_of(sample.snippet)) for sample in samples] == ["", "", ""]


def test_its_lesson_has_no_error_of_its_own():
    assert read_lesson(examples("markdown lesson")[0]).findings == []
