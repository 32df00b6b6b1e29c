"""Creating courses and lessons, their order, and two people who change a course at once."""

from __future__ import annotations

import io
import zipfile

from django.utils import timezone

from lessons.authoring import create_lesson
from lessons.models import Course, Lesson, Membership
from lessons.services import lessons_of
from tests.studio.conftest import form_of


def test_an_instructor_without_courses_is_offered_the_first_one(client, sign_in, instructor):
    page = sign_in(client, instructor).get("/studio/").content.decode()
    assert "Create your first course" in page


def test_a_new_course_takes_its_address_from_its_title(client, sign_in, instructor):
    response = sign_in(client, instructor).post("/studio/new/", {"title": "Netze für Anfänger", "slug": "", "uid": ""})
    course = Course.objects.get()
    assert response["Location"] == f"/studio/courses/{course.slug}/"
    assert (course.slug, course.uid, course.title) == ("netze-fur-anfanger", "netze-fur-anfanger", "Netze für Anfänger")
    assert Membership.objects.get(course=course).user == instructor
    assert "Netze für Anfänger" in client.get("/studio/").content.decode()


def test_a_taken_address_or_name_is_said_and_nothing_typed_is_lost(owner, course):
    response = owner.post("/studio/new/", {"title": "Mine", "slug": "vision", "uid": "mine"})
    assert response.status_code == 422
    assert "Another course has the address" in response.content.decode()
    assert form_of_first(response)["title"] == ["Mine"]
    response = owner.post("/studio/new/", {"title": "Mine", "slug": "mine", "uid": "course-vision"})
    assert "Another course has the uid" in response.content.decode()


def form_of_first(response):
    """The first form's values: these pages give theirs no id."""
    from tests.studio.conftest import _Form

    parser = _Form("")
    parser.wanted = None
    parser.feed(response.content.decode())
    return {name: [value] for name, value in parser.fields}


def test_a_title_without_letters_asks_for_an_address(owner, course):
    response = owner.post("/studio/new/", {"title": "深度学习", "slug": "", "uid": ""})
    assert response.status_code in (302, 422)
    if response.status_code == 302:
        assert Course.objects.exclude(pk=course.pk).get().slug


def test_course_details_are_saved_and_seen(owner, course):
    form = form_of(owner.get("/studio/courses/vision/edit/"))
    form |= {"subtitle": "New words", "tags": "a, b ,a", "prerequisites": "Python\r\n\r\nNumbers", "summary": "One\r\n\r\nTwo"}
    assert owner.post("/studio/courses/vision/edit/", form).status_code == 302
    course.refresh_from_db()
    assert (course.subtitle, course.tags, course.prerequisites) == ("New words", ["a", "b"], ["Python", "Numbers"])
    assert course.summary.strip() == "One\n\nTwo"
    again = form_of(owner.get("/studio/courses/vision/edit/"))
    assert again["revision"] == ["2"]
    assert owner.post("/studio/courses/vision/edit/", again).status_code == 302
    course.refresh_from_db()
    assert course.summary.strip() == "One\n\nTwo"


def test_a_course_with_mistakes_is_not_saved_and_says_why(owner, course):
    form = form_of(owner.get("/studio/courses/vision/edit/"))
    for field, value in (("title", ""), ("slug", "Not a slug"), ("language", "??"), ("level", "impossible")):
        response = owner.post("/studio/courses/vision/edit/", {**form, field: value})
        assert response.status_code == 422, field
    course.refresh_from_db()
    assert course.revision == 1


def test_two_people_who_change_a_course_meet_side_by_side(owner, second, course):
    page = "/studio/courses/vision/edit/"
    mine, theirs = form_of(owner.get(page)), form_of(second.get(page))
    second.post(page, {**theirs, "title": "Their title"})
    conflict = owner.post(page, {**mine, "title": "My title", "subtitle": "My subtitle"})
    text = conflict.content.decode()
    assert conflict.status_code == 409
    assert "Their title" in text
    assert "My title" in text
    course.refresh_from_db()
    assert course.title == "Their title"
    form = form_of(conflict)
    assert form["title"] == ["My title"]
    taken = form_of(owner.post(page, {**form, "act": "take", "take": "title"}))
    assert (taken["title"], taken["subtitle"]) == (["Their title"], ["My subtitle"])
    assert owner.post(page, {**taken, "act": "save"}).status_code == 302
    course.refresh_from_db()
    assert (course.title, course.subtitle) == ("Their title", "My subtitle")


def test_a_course_keeps_its_own_when_its_address_changes(owner, lesson):
    form = form_of(owner.get("/studio/courses/vision/edit/"))
    response = owner.post("/studio/courses/vision/edit/", {**form, "slug": "seeing"})
    assert response["Location"] == "/studio/courses/seeing/"
    assert owner.get("/studio/courses/seeing/lessons/edges/").status_code == 200


def test_a_new_lesson_begins_as_a_draft(owner, course):
    response = owner.post("/studio/courses/vision/add-lesson/", {"title": 'Edges: "sharp"', "slug": ""})
    lesson = Lesson.objects.get()
    assert response["Location"] == "/studio/courses/vision/lessons/edges-sharp/"
    assert form_of(owner.get(response["Location"]))["title"] == ['Edges: "sharp"']
    assert lessons_of(course) == []
    assert owner.post("/studio/courses/vision/add-lesson/", {"title": "Again", "slug": lesson.slug}).status_code == 422


def test_lessons_move_up_and_down(owner, course, instructor):
    for title in ("One", "Two", "Three"):
        create_lesson(course=course, author=instructor, title=title, now=timezone.now())

    def order():
        return list(Lesson.objects.filter(course=course).values_list("slug", flat=True))

    owner.post("/studio/courses/vision/lessons/three/move/", {"way": "up"})
    assert order() == ["one", "three", "two"]
    owner.post("/studio/courses/vision/lessons/one/move/", {"way": "down"})
    assert order() == ["three", "one", "two"]
    for slug, way in (("three", "up"), ("two", "down")):
        owner.post(f"/studio/courses/vision/lessons/{slug}/move/", {"way": way})
    assert order() == ["three", "one", "two"]


def test_a_lesson_is_withdrawn_and_listed_again(owner, published):
    listing = "/studio/courses/vision/lessons/edges/listing/"
    owner.post(listing, {"listed": "no"})
    assert lessons_of(published.course) == []
    assert "withdrawn" in owner.get("/studio/courses/vision/").content.decode()
    owner.post(listing, {"listed": "yes"})
    assert [version.number for version in lessons_of(published.course)] == [1]


def test_the_export_is_a_folder_that_can_be_loaded(owner, published):
    response = owner.get("/studio/courses/vision/export/")
    assert response["Content-Disposition"] == 'attachment; filename="vision.zip"'
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        assert {"vision/course.yaml", "vision/edges/lesson.md", "vision/edges/questions.yaml"} <= set(archive.namelist())
        assert archive.read("vision/edges/lesson.md").decode() == published.draft.files["lesson.md"]


def test_nothing_to_export_is_said(owner, lesson):
    response = owner.get("/studio/courses/vision/export/", follow=True)
    assert "publish a lesson first" in response.content.decode()
