from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from hypothesis import example, given
from hypothesis import strategies as st

from inference.facts import store_facts
from lessons.drafts import open_draft, save_draft
from lessons.folders import NotLoadable, apply_document, course_text, export_folder, load_folder
from lessons.models import Course, CourseRole, Draft, LessonVersion, Membership, PublishLog, Release
from lessons.publishing import publish
from lessons.schema import CourseDocument, read_course
from lessons.services import current_release, current_version, lessons_of
from tests.lessons.conftest import NOW, network


def author_of(course, instructor):
    Membership.objects.create(course=course, user=instructor, role=CourseRole.OWNER)
    return instructor


def edited(folder, old, new, lesson="second-look"):
    path = folder / lesson / "lesson.md"
    path.write_text(path.read_text().replace(old, new))


def test_a_loaded_course_shows_its_lessons_in_order(tiny):
    assert [version.title for version in lessons_of(tiny)] == ["A first look", "A second look"]
    assert tiny.level == "beginner"
    assert tiny.prerequisites == ["a little Python"]


def test_a_version_keeps_the_facts_and_outputs_it_shows(first):
    version = current_version(first)
    assert version.facts["tinynet.parameters"] == 2_500_000
    assert version.outputs["count"]["output"] == "2\n"
    assert version.outputs["fails"]["raised"] == "AttributeError"
    assert version.outputs["needs"]["missing"] == "weights/widenet"


def test_loading_an_unchanged_folder_does_nothing(tiny, folder):
    report = load_folder(folder, now=NOW)
    assert report.unchanged == ["first-look", "second-look"]
    assert Release.objects.count() == 1
    assert LessonVersion.objects.count() == 2


def test_loading_a_changed_lesson_makes_one_version_and_one_release(tiny, folder):
    edited(folder, "Only words", "More words")
    report = load_folder(folder, now=NOW)
    assert (report.published, report.unchanged) == (["second-look"], ["first-look"])
    assert [version.number for version in lessons_of(tiny)] == [1, 2]
    assert current_release(tiny).number == 2
    assert PublishLog.objects.filter(release__number=2).count() == 1


def test_a_lesson_edited_in_the_studio_since_gets_a_draft_and_learners_see_no_change(tiny, folder, instructor):
    author = author_of(tiny, instructor)
    lesson = tiny.lessons.get(slug="second-look")
    draft = open_draft(lesson)
    files = {"lesson.md": draft.files["lesson.md"].replace("Only words", "Words of the studio")}
    save_draft(lesson=lesson, files=files, revision=0, author=author, now=NOW)
    publish(lesson=lesson, author=author, note="", now=NOW)
    edited(folder, "Only words", "Words of the folder")
    report = load_folder(folder, now=NOW)
    assert report.drafted == ["second-look"]
    assert "Words of the studio" in current_version(lesson).body
    assert "Words of the folder" in open_draft(lesson).files["lesson.md"]


def test_a_draft_with_unpublished_words_is_left_alone(tiny, folder, instructor):
    author = author_of(tiny, instructor)
    lesson = tiny.lessons.get(slug="second-look")
    files = {"lesson.md": open_draft(lesson).files["lesson.md"].replace("Only words", "Half a thought")}
    save_draft(lesson=lesson, files=files, revision=0, author=author, now=NOW)
    edited(folder, "Only words", "Words of the folder")
    assert load_folder(folder, now=NOW).left_alone == ["second-look"]
    assert "Half a thought" in open_draft(lesson).files["lesson.md"]
    assert load_folder(folder, now=NOW).left_alone == ["second-look"], "it is said again until somebody decides"


def test_a_lesson_taken_out_of_the_folder_leaves_the_course_but_keeps_its_versions(tiny, folder):
    shutil.rmtree(folder / "second-look")
    course_file = folder / "course.yaml"
    course_file.write_text(course_file.read_text().replace("  - second-look\n", ""))
    load_folder(folder, now=NOW)
    assert [version.lesson.slug for version in lessons_of(tiny)] == ["first-look"]
    assert LessonVersion.objects.filter(lesson__slug="second-look").exists()


def test_a_lesson_that_comes_back_is_shown_again(tiny, folder):
    course_file = folder / "course.yaml"
    whole = course_file.read_text()
    shutil.move(folder / "second-look", folder.parent / "away")
    course_file.write_text(whole.replace("  - second-look\n", ""))
    load_folder(folder, now=NOW)
    shutil.move(folder.parent / "away", folder / "second-look")
    course_file.write_text(whole)
    load_folder(folder, now=NOW)
    assert [version.lesson.slug for version in lessons_of(tiny)] == ["first-look", "second-look"]
    assert LessonVersion.objects.count() == 2


def test_an_old_lock_is_trusted_when_a_folder_is_loaded(db, folder, facts):
    lock = folder / "proofs.lock.yaml"
    lock.write_text(lock.read_text().replace("torch: 2.13.0", "torch: 2.0.0"))
    course = load_folder(folder, now=NOW).course
    version = current_version(course.lessons.get(slug="first-look"))
    assert version.outputs["count"]["torch"] == "2.0.0"


def test_a_damaged_lock_is_refused(db, folder, facts):
    (folder / "proofs.lock.yaml").write_text("- not\n- a lock\n")
    with pytest.raises(NotLoadable, match=r"proofs\.lock\.yaml: error"):
        load_folder(folder, now=NOW)


def test_new_facts_reach_readers_with_a_new_version_only(tiny, first, folder):
    store_facts("tinynet", network("TinyNet", 3_000_000), now=NOW)
    assert current_version(first).facts["tinynet.parameters"] == 2_500_000


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("course.yaml", "uid: x\nslug: x\n", "course.yaml:1: error: “title” is missing"),
        (
            "course.yaml",
            "uid: x\nslug: x\ntitle: x\nlessons: [nowhere]\n",
            "course.yaml:4: error: There is no folder “nowhere”",
        ),
        ("first-look/lesson.md", "words\n", "first-look/lesson.md:1: error: A lesson begins with a line ---"),
    ],
)
def test_a_wrong_folder_writes_nothing_and_names_file_and_line(db, folder, file, text, expected):
    (folder / file).write_text(text)
    with pytest.raises(NotLoadable) as raised:
        load_folder(folder, now=NOW)
    assert expected in str(raised.value)
    assert not Course.objects.exists()


def test_every_error_of_a_folder_is_reported_at_once(db, folder, facts):
    edited(folder, "title:", "titel:")
    (folder / "proofs.lock.yaml").unlink()
    with pytest.raises(NotLoadable) as raised:
        load_folder(folder, now=NOW)
    said = str(raised.value)
    assert "second-look/lesson.md:4: error: There is no field “titel” here. Did you mean “title”?" in said
    assert "first-look/lesson.md:42: error: The sample “count” has not been run" in said


def test_files_that_nothing_reads_are_errors(db, folder, facts):
    (folder / "second-look" / "questions.yaml").write_text("x: 1\n")
    (folder / "second-look" / "notes.txt").write_text("x")
    with pytest.raises(NotLoadable, match=r"holds \.md, \.yaml, \.json and pictures"):
        load_folder(folder, now=NOW)
    (folder / "second-look" / "notes.txt").unlink()
    with pytest.raises(NotLoadable, match="Nothing reads this file"):
        load_folder(folder, now=NOW)


def test_a_broken_picture_is_refused(db, folder, facts):
    (folder / "first-look" / "square.png").write_bytes(b"\x89PNG\r\n\x1a\nnot really")
    with pytest.raises(NotLoadable, match="no PNG, JPEG, WebP or GIF"):
        load_folder(folder, now=NOW)


def test_a_link_out_of_the_folder_is_refused(db, folder, tmp_path):
    (tmp_path / "secret").write_text("x")
    (folder / "second-look" / "secret.md").symlink_to(tmp_path / "secret")
    with pytest.raises(NotLoadable, match="holds files only"):
        load_folder(folder, now=NOW)


def test_a_part_that_fails_while_publishing_takes_everything_back(db, folder, facts):
    (folder / "second-look" / "notes.yaml").write_text("explode\n")
    with pytest.raises(RuntimeError):
        load_folder(folder, now=NOW)
    assert not Course.objects.exists()


def test_a_part_is_asked_before_anything_is_published(db, folder, facts):
    (folder / "second-look" / "notes.yaml").write_text("fine\nwrong\n")
    with pytest.raises(NotLoadable, match=r"second-look/notes.yaml:2: error: This word is wrong\."):
        load_folder(folder, now=NOW)


def contents(path):
    return {str(file.relative_to(path)): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}


def test_an_export_is_byte_for_byte_what_was_loaded(tiny, folder, tmp_path):
    export_folder(tiny, tmp_path / "out")
    assert contents(tmp_path / "out") == contents(folder)


def test_export_import_export_is_byte_identical_after_an_edit(tiny, tmp_path):
    Course.objects.filter(pk=tiny.pk).update(title="yes: a title", subtitle="2024-01-02", summary="several\nlines: here\n")
    tiny.refresh_from_db()
    export_folder(tiny, tmp_path / "one")
    load_folder(tmp_path / "one", now=NOW)
    tiny.refresh_from_db()
    assert tiny.title == "yes: a title"
    assert tiny.subtitle == "2024-01-02"
    export_folder(tiny, tmp_path / "two")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


LINES = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\t\x85\u2028"), max_size=30)


@given(
    st.builds(
        CourseDocument,
        uid=st.just("c"),
        slug=st.just("c"),
        title=LINES.map(str.strip).filter(bool),
        subtitle=LINES.map(str.strip),
        summary=st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t\x85\u2028"), max_size=60),
        tags=st.lists(LINES.map(str.strip).filter(bool), max_size=3, unique=True),
        level=st.sampled_from(["beginner", "intermediate", "advanced"]),
        prerequisites=st.lists(LINES.map(str.strip), max_size=2),
        lessons=st.lists(st.sampled_from(["a", "b", "c"]), unique=True),
    )
)
@example(CourseDocument(uid="c", slug="c", title="yes", subtitle="2024-01-02", summary="null", tags=["1", "1.5", "true"]))
@example(CourseDocument(uid="1", slug="1", title="0x1f", subtitle="1_000", summary="1:30", tags=["~", "on", "<<", "="]))
def test_a_course_written_anew_says_the_same(document):
    course = Course(uid=document.uid)
    apply_document(course, document)
    text = course_text(course, document.lessons)
    again, findings = read_course(text)
    assert findings == []
    assert again == document
    course.document = text
    assert course_text(course, document.lessons) == text


def test_an_export_never_writes_into_a_folder_with_something_in_it(tiny, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("x")
    with pytest.raises(NotLoadable, match="not empty"):
        export_folder(tiny, tmp_path / "out")


def test_versions_cannot_be_changed(first):
    version = current_version(first)
    with pytest.raises(IntegrityError), transaction.atomic():
        LessonVersion.objects.filter(pk=version.pk).update(title="Other")
    with pytest.raises(IntegrityError), transaction.atomic():
        Release.objects.update(note="other")
    with pytest.raises(IntegrityError), transaction.atomic():
        PublishLog.objects.update(note="other")


def test_an_erased_author_is_forgotten_by_the_versions_they_made(tiny, first, instructor):
    author = author_of(tiny, instructor)
    files = {"lesson.md": open_draft(first).files["lesson.md"].replace("A first look", "Another look")}
    save_draft(lesson=first, files=files, revision=0, author=author, now=NOW)
    version = publish(lesson=first, author=author, note="", now=NOW)
    author.delete()
    version.refresh_from_db()
    assert version.created_by is None


def test_the_owner_of_a_new_course_is_named_on_the_command_line(folder, facts, instructor, capsys):
    call_command("load_course", str(folder), owner=instructor.email)
    assert Membership.objects.get(course__uid="tiny-course").user == instructor
    assert "tiny: published first-look" in capsys.readouterr().out


def test_the_command_says_where_errors_are_and_fails(folder, facts, capsys):
    (folder / "proofs.lock.yaml").unlink()
    with pytest.raises(CommandError):
        call_command("load_course", str(folder))
    assert "tiny/first-look/lesson.md:42" in capsys.readouterr().err


def test_the_export_command_names_the_courses_it_knows(tiny, tmp_path, capsys):
    with pytest.raises(CommandError, match="Courses: tiny"):
        call_command("export_course", "nothing", str(tmp_path / "out"))
    call_command("export_course", "tiny", str(tmp_path / "out"))
    assert "5 files" in capsys.readouterr().out


def test_a_draft_equal_to_what_is_published_does_not_stop_loading(tiny, folder, instructor):
    author = author_of(tiny, instructor)
    lesson = tiny.lessons.get(slug="second-look")
    opened = open_draft(lesson)
    save_draft(lesson=lesson, files=opened.files, revision=0, author=author, now=NOW)
    edited(folder, "Only words", "Words of the folder")
    assert load_folder(folder, now=NOW).published == ["second-look"]
    assert not Draft.objects.exists()


def test_contents_are_the_same_whatever_order_their_files_come_in(first):
    from lessons.drafts import Contents

    one = Contents({"a": "1", "b": "2"}, {"p": {"sha256": "x"}})
    assert one.sha256 == Contents({"b": "2", "a": "1"}, {"p": {"sha256": "x", "width": 1}}).sha256
    assert one.sha256 != replace(one, files={"a": "1"}).sha256
