"""The command that runs every snippet of a course folder, or of a course's drafts, and compares."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from inference.models import Proof
from inference.proofs import Snippet, load_lock, proof_of, snippet_sha256
from lessons.drafts import save_draft
from lessons.folders import load_folder
from lessons.models import Course, Lesson

pytestmark = [pytest.mark.sandbox, pytest.mark.django_db]

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

LESSON = """---
uid: sums
slug: sums
title: Sums
objectives:
  - id: add
    text: Add two numbers.
modes: [read, code, practise]
insight: Adding is counting on.
---
```python id=add
print(1 + 2)
```

```python id=divide raises=ZeroDivisionError
1 / 0
```

```python id=heavy requires=weights/resnet50
print("only with weights")
```
"""

QUESTIONS = """misconceptions:
  - {slug: joins, title: Plus joins, belief: Plus joins digits., why: These are numbers.}
practice:
  questions: [what-is-it]
questions:
  - uid: what-is-it
    kind: single
    about: output
    difficulty: easy
    objective: add
    stem: What does `print(2 + 2)` print?
    options:
      - {id: a, text: "`4`", right: true, feedback: Two and two.}
      - {id: b, text: "`22`", feedback: These are numbers., misconception: joins}
    hint: Count.
    solution: [Two and two is four.]
    answer: "4"
    proof:
      compare: output
      snippet: print(2 + 2)
      mistakes:
        b: print("2" + "2")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "course.yaml").write_text("uid: arithmetic\nslug: arithmetic\ntitle: Arithmetic\nlessons: [sums]\n")
    (tmp_path / "sums").mkdir()
    (tmp_path / "sums" / "lesson.md").write_text(LESSON)
    (tmp_path / "sums" / "questions.yaml").write_text(QUESTIONS)
    return tmp_path


def change(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def check(*arguments: object, **options: object) -> str:
    """What the command says; raises CommandError when something is wrong."""
    said = StringIO()
    try:
        call_command("check_content", *map(str, arguments), stdout=said, **options)
    except CommandError as error:
        raise CommandError(f"{said.getvalue()}{error}") from error
    return said.getvalue()


def test_a_folder_that_was_never_run_is_told_to_record(folder: Path) -> None:
    with pytest.raises(CommandError, match=r"sums/lesson\.md#add: error: Its run is not recorded"):
        check(folder)


def test_recording_writes_what_was_printed_and_then_everything_agrees(folder: Path) -> None:
    check(folder, record=True)
    lock = load_lock((folder / "proofs.lock.yaml").read_text())
    added, divided, heavy = (
        lock[snippet_sha256(snippet)].result
        for snippet in (
            Snippet("print(1 + 2)"),
            Snippet("1 / 0"),
            Snippet('print("only with weights")', requires="weights/resnet50"),
        )
    )
    assert added.output == "3\n"
    assert divided.error == "ZeroDivisionError: division by zero"
    assert (heavy.missing, heavy.output) == ("weights/resnet50", "")
    assert len(lock) == 5
    check(folder)
    assert proof_of(Snippet("print(1 + 2)")) is not None
    assert load_folder(folder, now=NOW).published == ["sums"]


def test_recording_twice_changes_nothing(folder: Path) -> None:
    check(folder, record=True)
    before = (folder / "proofs.lock.yaml").read_bytes()
    check(folder, record=True)
    assert (folder / "proofs.lock.yaml").read_bytes() == before


@pytest.mark.parametrize(
    ("file", "before", "after", "says"),
    [
        (
            "questions.yaml",
            '"`4`"',
            '"`5`"',
            r"sums/questions\.yaml:\d+: error: Running this gives “4”, but the option says “5”",
        ),
        ("questions.yaml", '"`22`"', '"`222`"', r"sums/questions\.yaml:\d+: error: Running this gives “22”"),
        ("lesson.md", "1 / 0", "1 / 1", r"sums/lesson\.md:\d+: error: The sample “divide” should end with ZeroDivisionError"),
        ("lesson.md", "print(1 + 2)", "print(one)", r"sums/lesson\.md:\d+: error: The sample “add” fails with NameError"),
    ],
)
def test_what_the_code_does_not_do_is_told_with_file_and_line(
    folder: Path, file: str, before: str, after: str, says: str
) -> None:
    check(folder, record=True)
    change(folder / "sums" / file, before, after)
    with pytest.raises(CommandError, match=says):
        check(folder, record=True)


def test_an_output_that_was_edited_by_hand_is_found(folder: Path) -> None:
    check(folder, record=True)
    change(folder / "proofs.lock.yaml", "3\n", "4\n")
    with pytest.raises(CommandError, match="It now gives “3”, but “4” is recorded"):
        check(folder)


def test_what_was_recorded_with_weights_is_kept_where_there_are_none(folder: Path) -> None:
    check(folder, record=True)
    change(folder / "proofs.lock.yaml", "missing: weights/resnet50", "output: 'recorded elsewhere'")
    check(folder)
    check(folder, record=True)
    assert "recorded elsewhere" in (folder / "proofs.lock.yaml").read_text()


def test_a_record_of_another_version_or_of_no_snippet_is_warned_about(folder: Path) -> None:
    check(folder, record=True)
    lock = folder / "proofs.lock.yaml"
    lock.write_text(re.sub(r"torch: \S+", "torch: 1.0.0", lock.read_text()))
    change(folder / "sums" / "lesson.md", "print(1 + 2)", "print(1 + 3)")
    with pytest.raises(CommandError) as raised:
        check(folder)
    assert "warning: Its record is of torch 1.0.0" in str(raised.value)
    assert "belongs to no snippet any more" in str(raised.value)


def test_a_sample_that_warns_is_told(folder: Path) -> None:
    change(folder / "sums" / "lesson.md", "print(1 + 2)", "import warnings; warnings.warn('old', DeprecationWarning)")
    assert "sums/lesson.md#add: warning: It warns: DeprecationWarning: old" in check(folder, record=True)


def test_a_snippet_that_never_ends_is_no_proof(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inference.sandbox.run.run_snippets.__kwdefaults__", {"timeout": 2.0, "done": lambda _snippet: None})
    change(folder / "sums" / "lesson.md", "print(1 + 2)", "while True: pass")
    with pytest.raises(CommandError, match="took too long"):
        check(folder, record=True)
    assert snippet_sha256(Snippet("while True: pass")) not in load_lock((folder / "proofs.lock.yaml").read_text())


def test_a_broken_folder_is_told_and_nothing_runs(folder: Path) -> None:
    change(folder / "course.yaml", "title: Arithmetic", "titel: Arithmetic")
    with pytest.raises(CommandError, match=r"course\.yaml:3: error: There is no field “titel”"):
        check(folder)
    (folder / "course.yaml").write_text("uid: arithmetic\nslug: arithmetic\ntitle: Arithmetic\nlessons: [sums]\n")
    (folder / "proofs.lock.yaml").write_text("- not a map\n")
    with pytest.raises(CommandError, match="must map snippet hashes"):
        check(folder)


def test_the_drafts_of_a_course_are_proved_so_that_they_can_be_published(course: Course, instructor: User) -> None:
    lesson = Lesson.objects.create(course=course, uid="sums", slug="sums")
    files = {"lesson.md": LESSON, "questions.yaml": QUESTIONS}
    save_draft(lesson=lesson, files=files, revision=0, author=instructor, now=NOW)
    check(course=course.slug)
    assert Proof.objects.count() == 5
    files["questions.yaml"] = QUESTIONS.replace('"`4`"', '"`5`"')
    save_draft(lesson=lesson, files=files, revision=1, author=instructor, now=NOW)
    with pytest.raises(CommandError, match=r"sums/questions\.yaml:\d+: error"):
        check(course=course.slug)


def test_an_unknown_course_and_both_at_once_are_refused(folder: Path) -> None:
    with pytest.raises(CommandError, match="no course “nowhere”"):
        check(course="nowhere")
    with pytest.raises(CommandError, match="not both"):
        check(folder, course="nowhere")
