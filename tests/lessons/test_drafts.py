from __future__ import annotations

import pytest

from lessons.authoring import CourseConflict, create_course, create_lesson, remove_author, save_course
from lessons.drafts import add_picture, keep_picture, open_draft, save_draft
from lessons.models import CourseRole, Draft, LessonFile, LessonVersion, Membership, PublishLog
from lessons.publishing import Conflict, NotPublishable, check_draft, publish, relist, unlist
from lessons.services import current_version, lessons_of
from tests.lessons.conftest import NOW, SQUARE
from web.problems import Problem


@pytest.fixture
def author(tiny, instructor):
    Membership.objects.create(course=tiny, user=instructor, role=CourseRole.OWNER)
    return instructor


@pytest.fixture
def second(tiny):
    return tiny.lessons.get(slug="second-look")


def rewritten(lesson, old, new):
    files = open_draft(lesson).files
    return {**files, "lesson.md": files["lesson.md"].replace(old, new)}


def test_a_draft_begins_from_what_learners_see(author, second):
    draft = open_draft(second)
    assert draft.revision == 0
    assert draft.base_version == 1
    assert "Only words" in draft.files["lesson.md"]


def test_each_save_is_one_revision_on(author, second):
    first_save = save_draft(lesson=second, files=rewritten(second, "Only", "My"), revision=0, author=author, now=NOW)
    assert first_save.revision == 1
    assert save_draft(lesson=second, files=first_save.files, revision=1, author=author, now=NOW).revision == 2


def test_a_save_from_an_old_revision_is_a_conflict_that_loses_nothing(author, second, colleague_of_tiny):
    mine = rewritten(second, "Only words", "Mine")
    theirs = rewritten(second, "Only words", "Theirs")
    save_draft(lesson=second, files=theirs, revision=0, author=colleague_of_tiny, now=NOW)
    with pytest.raises(Conflict) as raised:
        save_draft(lesson=second, files=mine, revision=0, author=author, now=NOW)
    assert "Theirs" in raised.value.draft.files["lesson.md"]
    assert raised.value.draft.updated_by == colleague_of_tiny
    assert raised.value.files == mine
    assert "Theirs" in Draft.objects.get().files["lesson.md"]


@pytest.fixture
def colleague_of_tiny(tiny, colleague):
    Membership.objects.create(course=tiny, user=colleague, role=CourseRole.AUTHOR)
    return colleague


@pytest.mark.parametrize("who", ["learner", "outsider"])
def test_only_authors_save_and_publish(who, request, author, second):
    person = request.getfixturevalue(who)
    with pytest.raises(Problem) as raised:
        save_draft(lesson=second, files={}, revision=0, author=person, now=NOW)
    assert raised.value.status == 403
    with pytest.raises(Problem):
        publish(lesson=second, author=person, note="", now=NOW)
    with pytest.raises(Problem):
        add_picture(lesson=second, name="a.png", content=SQUARE, author=person, now=NOW)
    with pytest.raises(Problem):
        unlist(lesson=second, author=person, note="", now=NOW)
    assert not Draft.objects.exists()


def test_an_instructor_who_became_a_learner_may_not_edit_any_more(author, second):
    author.role = "learner"
    author.save()
    with pytest.raises(Problem):
        save_draft(lesson=second, files={}, revision=0, author=author, now=NOW)


def test_publishing_makes_a_new_version_and_leaves_the_old_one_as_it_was(author, second):
    before = current_version(second)
    save_draft(lesson=second, files=rewritten(second, "Only words", "New words"), revision=0, author=author, now=NOW)
    assert current_version(second) == before, "a draft changes nothing for learners"
    version = publish(lesson=second, author=author, note="better", now=NOW)
    assert (version.number, version.created_by) == (2, author)
    assert "New words" in current_version(second).body
    before.refresh_from_db()
    assert "Only words" in before.body
    log = PublishLog.objects.get(lesson_version=version)
    assert (log.actor, log.note) == (author, "better")


def test_publishing_twice_changes_nothing_the_second_time(author, second):
    save_draft(lesson=second, files=rewritten(second, "Only words", "New words"), revision=0, author=author, now=NOW)
    version = publish(lesson=second, author=author, note="", now=NOW)
    assert publish(lesson=second, author=author, note="", now=NOW) == version
    assert LessonVersion.objects.filter(lesson=second).count() == 2
    assert PublishLog.objects.filter(lesson_version=version).count() == 1


def test_publishing_never_takes_along_a_save_that_the_author_did_not_see(author, second, colleague_of_tiny):
    seen = save_draft(lesson=second, files=rewritten(second, "Only words", "Mine"), revision=0, author=author, now=NOW)
    theirs = rewritten(second, "Mine", "Theirs")
    save_draft(lesson=second, files=theirs, revision=seen.revision, author=colleague_of_tiny, now=NOW)
    with pytest.raises(Conflict) as raised:
        publish(lesson=second, author=author, note="", now=NOW, revision=seen.revision)
    assert raised.value.draft.updated_by == colleague_of_tiny
    assert current_version(second).number == 1
    assert publish(lesson=second, author=author, note="", now=NOW, revision=seen.revision + 1).number == 2


@pytest.mark.parametrize(
    ("old", "new", "line", "expected"),
    [
        ("Only words", "It has {{ tinynet.parametres }}.", 11, "There is no fact “tinynet.parametres”"),
        ("Only words", "It has {{ tinynet.parameters | loud }}.", 11, "“loud” is not a format"),
        ("Only words", "![](none.png)", 11, "says nothing to people who can’t see it"),
        ("Only words", "![x](none.png)", 11, "There is no picture “none.png”"),
        ("Only words", "```python\nprint()\n```", 11, "A Python sample needs an id"),
        ("Only words", "```python id=new\nprint('unproved')\n```", 11, "has not been run on the installed versions"),
        ("Only words", "```python id=count raises=ValueError\nprint(1 + 1)\n```\n", 11, "should end with ValueError"),
        ("Only words", "::: unknown\n", 11, "There is no block “::: unknown”"),
        ("Only words", "::: note\nnever closed", 11, "is never closed"),
        ("Only words", ":::\n", 11, "This ::: closes nothing"),
        ("Only words", "::: shout a b\n", 11, "Shout one word"),
        ("Only words", "$\\begin{aligned}a\\end{aligned}$", 11, "does not come out right here"),
        ("Only words", "[away](javascript:alert(1))\n\n[x](nowhere)", 13, "leads nowhere"),
        ("Only words", "[x](#nothing)", 11, "leads to no heading"),
        ("## Words", "# Words", 9, "Begin headings with ##"),
        ("## Words", "## Words\n\n#### Deep", 11, "Don’t skip a level"),
        ("modes: [read]", "modes: [read, run]", 5, "needs a field “run”"),
        ("modes: [read]", "modes: [follow]", 5, "needs a field “networks”"),
        ("modes: [read]", "modes: [code]", 5, "needs a code sample"),
        ("modes: [read]", "networks: [nonet]", 5, "Nothing is known about the network “nonet”"),
        ("modes: [read]", "run: {network: tinynet, samples: [nobody]}", 5, "There is no sample photo “nobody”"),
        ("uid: tiny-second", "uid: other", 2, "A lesson keeps its uid for good"),
        ("slug: second-look", "slug: first-look", 3, "Another lesson of this course has the slug"),
    ],
)
def test_a_check_says_where_and_stops_publishing(author, second, old, new, line, expected):
    files = rewritten(second, old, new)
    save_draft(lesson=second, files=files, revision=0, author=author, now=NOW)
    with pytest.raises(NotPublishable) as raised:
        publish(lesson=second, author=author, note="", now=NOW)
    found = [finding for finding in raised.value.findings if expected in finding.message]
    assert found, raised.value.findings
    assert (found[0].file, found[0].line) == ("lesson.md", line)
    assert check_draft(files, course=second.course, lesson=second) == raised.value.findings
    assert current_version(second).number == 1


def test_a_warning_stops_nothing(author, second):
    files = rewritten(second, "Only words", "| a |\n|---|\n| b |\n\n<b>x</b>")
    save_draft(lesson=second, files=files, revision=0, author=author, now=NOW)
    said = [finding.message for finding in check_draft(open_draft(second), course=second.course)]
    assert any("The table has no caption" in message for message in said)
    assert any("HTML is not part of a lesson" in message for message in said)
    assert publish(lesson=second, author=author, note="", now=NOW).number == 2


def test_a_stale_proof_stops_publishing_in_the_studio(author, first):
    from inference.models import Proof

    Proof.objects.update(torch="2.0.0")
    said = [finding.message for finding in check_draft(open_draft(first), course=first.course)]
    assert any("was proved with torch 2.0.0" in message and "the proof is stale" in message for message in said)
    with pytest.raises(NotPublishable):
        publish(lesson=first, author=author, note="", now=NOW)


def test_a_renamed_lesson_moves_to_its_new_address(author, second):
    save_draft(
        lesson=second, files=rewritten(second, "slug: second-look", "slug: last-look"), revision=0, author=author, now=NOW
    )
    publish(lesson=second, author=author, note="", now=NOW)
    assert [version.lesson.slug for version in lessons_of(second.course)] == ["first-look", "last-look"]


def test_a_withdrawn_lesson_can_be_listed_again(author, second):
    unlist(lesson=second, author=author, note="", now=NOW)
    assert [version.lesson.slug for version in lessons_of(second.course)] == ["first-look"]
    relist(lesson=second, author=author, note="", now=NOW)
    assert [version.lesson.slug for version in lessons_of(second.course)] == ["first-look", "second-look"]


def test_pictures_are_kept_by_content_once(author, second):
    one = add_picture(lesson=second, name="a.png", content=SQUARE, author=author, now=NOW)
    two = add_picture(lesson=second, name="a.png", content=SQUARE, author=author, now=NOW)
    assert one == two == {"sha256": one["sha256"], "width": 4, "height": 4}
    assert LessonFile.objects.filter(lesson=second).count() == 1
    assert open_draft(second).pictures == {"a.png": one}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.svg", b"<svg onload='alert(1)'/>"),
        ("a.png", b"<html>"),
        ("../a.png", SQUARE),
        ("a/b.png", SQUARE),
        ("a.html", SQUARE),
        ("a.png", SQUARE[:40]),
        ("a.png", b""),
    ],
)
def test_what_is_no_picture_is_refused_with_a_sentence(second, name, content):
    with pytest.raises(Problem) as raised:
        keep_picture(second, name, content)
    assert raised.value.status == 422
    assert not LessonFile.objects.filter(lesson=second).exists()


def test_a_new_course_and_lesson_can_be_published(instructor, facts):
    course = create_course(owner=instructor, title="My course: one", now=NOW)
    lesson = create_lesson(course=course, author=instructor, title='A "quoted" title', now=NOW)
    assert (course.slug, lesson.slug) == ("my-course-one", "a-quoted-title")
    version = publish(lesson=lesson, author=instructor, note="", now=NOW)
    assert version.title == 'A "quoted" title'
    assert lessons_of(course) == [version]


def test_only_instructors_create_courses(learner):
    with pytest.raises(Problem):
        create_course(owner=learner, title="Mine", now=NOW)


def test_a_course_is_saved_by_compare_and_set(tiny, author):
    text = tiny.document.replace("A tiny course", "A small course")
    saved = save_course(course=tiny, text=text, revision=tiny.revision, author=author)
    assert saved.title == "A small course"
    with pytest.raises(CourseConflict) as raised:
        save_course(course=tiny, text=tiny.document, revision=tiny.revision, author=author)
    assert raised.value.course.title == "A small course"


def test_the_last_owner_of_a_course_stays(tiny, author):
    with pytest.raises(Problem) as raised:
        remove_author(course=tiny, owner=author, person=author)
    assert raised.value.status == 409
