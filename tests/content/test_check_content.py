"""The command that runs every snippet of a course folder, or of a course's drafts, and compares."""

from __future__ import annotations

import json
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


def test_a_stale_record_is_wrong_and_one_of_no_snippet_is_advice(folder: Path) -> None:
    check(folder, record=True)
    lock = folder / "proofs.lock.yaml"
    lock.write_text(re.sub(r"torch: \S+", "torch: 1.0.0", lock.read_text()))
    change(folder / "sums" / "lesson.md", "print(1 + 2)", "print(1 + 3)")
    with pytest.raises(CommandError) as raised:
        check(folder)
    assert "stale: sums/lesson.md#divide: Its record is of torch 1.0.0" in str(raised.value)
    assert "sums/questions.yaml#what-is-it/b: error: Its record is of torch 1.0.0" in str(raised.value)
    assert "warning: The record" in str(raised.value)
    assert "belongs to no snippet any more" in str(raised.value)


def test_recording_runs_what_has_no_fresh_record_and_nothing_else(folder: Path) -> None:
    assert "0 of 5 have run" in check(folder, record=True)
    assert "0 of 0 have run" in check(folder, record=True)
    change(folder / "sums" / "lesson.md", "print(1 + 2)", "print(1 + 3)")
    assert "0 of 1 have run" in check(folder, record=True)
    change(folder / "proofs.lock.yaml", "torch: 2", "torch: 1.2")  # of all five
    assert "0 of 5 have run" in check(folder, record=True)
    change(folder / "proofs.lock.yaml", "4\n", "44\n")
    with pytest.raises(CommandError, match="but the option says “4”"):
        check(folder, record=True)  # a record is believed …
    assert "0 of 5 have run" in check(folder, record=True, all=True)  # … until everything is run again


def test_the_table_says_how_every_proof_stands(folder: Path) -> None:
    said = check(folder, record=True)
    table = [line.split() for line in said.splitlines() if line.startswith(("lesson", "sums "))]
    assert table == [["lesson", "fresh", "stale", "missing", "failed", "not", "recordable"], ["sums", "4", "0", "0", "0", "1"]]
    assert "not recordable: sums/lesson.md#heavy: This snippet could not run: it needs weights/resnet50" in said
    assert "fresh: sums/questions.yaml#what-is-it/b" not in said
    assert "fresh: sums/questions.yaml#what-is-it/b" in check(folder, verbosity=2)


def test_the_report_as_json_is_the_only_thing_on_standard_output(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check(folder, record=True)
    change(folder / "sums" / "questions.yaml", '"`4`"', '"`5`"')
    with pytest.raises(CommandError) as raised:
        call_command("check_content", str(folder), json=True, stdout=(said := StringIO()), stderr=StringIO())
    assert raised.value.returncode == 1
    report = json.loads(said.getvalue())
    (course,) = report["courses"]
    assert course["counts"] == {"fresh": 3, "stale": 0, "missing": 0, "failed": 1, "weights": 1}
    states = {one["where"]: one["state"] for one in course["snippets"]}
    assert states["sums/questions.yaml#what-is-it"] == "failed"
    assert report["wrong"] == len([one for one in course["findings"] if one["severity"] == "error"]) == 1
    assert set(report["installed"]) == {"torch", "torchvision"}


def test_the_exit_status_tells_wrong_content_from_a_wrong_command(folder: Path) -> None:
    for arguments, options, status in (
        ((folder,), {}, 1),  # nothing is recorded
        ((), {"course": "nowhere"}, 2),
        ((folder,), {"course": "arithmetic"}, 2),
    ):
        with pytest.raises(CommandError) as raised:
            call_command("check_content", *map(str, arguments), stdout=StringIO(), **options)
        assert raised.value.returncode == status


def test_without_bubblewrap_the_command_says_what_it_cannot_contain(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("inference.sandbox.nest", "lessons.management.commands.check_content"):
        monkeypatch.setattr(f"{module}.bubblewrap", lambda: "")
    said = check(folder, record=True)
    assert said.startswith("bubblewrap doesn’t work here: snippets can read what you may read.")
    assert "Everything says what the code does." in said


def test_an_address_in_memory_is_another_one_each_time_and_no_disagreement(folder: Path) -> None:
    change(folder / "sums" / "lesson.md", "print(1 + 2)", "print(object())")
    check(folder, record=True)
    check(folder)


CAUSE = QUESTIONS.replace("about: output", "about: error").replace(
    QUESTIONS[QUESTIONS.index("    stem: ") :],
    """    stem: |
      `int("two")` ends with `ValueError: invalid literal for int() with base 10: 'two'`. Why?
    options:
      - {id: a, text: It is a word, right: true, feedback: Digits are wanted.}
      - {id: b, text: It is a text, feedback: A text of digits will do., misconception: joins}
    hint: What would do?
    solution: [Only digits are read.]
    answer: It is a word.
    proof:
      compare: stem
      snippet: int("two")
      mistakes:
        b: print(int("2"))
""",
)


def test_a_cause_is_proved_by_what_the_other_causes_come_to(folder: Path) -> None:
    (folder / "sums" / "questions.yaml").write_text(CAUSE)
    said = check(folder, record=True)
    assert "error" not in said
    change(folder / "sums" / "questions.yaml", 'b: print(int("2"))', 'b: int("two")')
    with pytest.raises(CommandError, match="The mistake of option “b” comes to “ValueError: invalid literal"):
        check(folder, record=True)


def test_a_wrong_option_of_which_no_code_shows_what_comes_is_told(folder: Path) -> None:
    (folder / "sums" / "questions.yaml").write_text(CAUSE[: CAUSE.index("      mistakes:")])
    said = check(folder, record=True)
    assert re.search(r"questions\.yaml:\d+: warning: No code shows what comes of these options: b\.", said)


TRIED = (
    CAUSE.replace("kind: single", "kind: multiple")
    .replace("about: error", "about: api")
    .replace(
        CAUSE[CAUSE.index("    proof:") :],
        """    proof:
      compare: options
      snippet: |
        holds = {"a": not "two".isdigit(), "b": not isinstance("two", str)}
        print(*[option for option, is_so in holds.items() if is_so])
""",
    )
)


def test_one_snippet_can_try_all_options(folder: Path) -> None:
    (folder / "sums" / "questions.yaml").write_text(TRIED)
    assert "warning" not in check(folder, record=True)
    change(folder / "sums" / "questions.yaml", 'not isinstance("two", str)', 'isinstance("two", str)')
    with pytest.raises(CommandError, match=r"these options hold: a b\. Marked as right are: a\."):
        check(folder, record=True)


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
