"""Who may open what: a course belongs to its authors; to everyone else it is not there."""

from __future__ import annotations

import pytest
from django.test import Client

from lessons.models import CourseRole, Lesson, Membership

LESSON_PAGES = [
    "",
    "questions/",
    "questions/edge-test/",
    "questions/edge-test/delete/",
    "add-question/",
    "misconceptions/",
    "pictures/",
    "check/",
    "proofs/",
    "publish/",
    "history/",
    "history/1/restore/",
    "answers/",
    "answers.csv",
    "reports/",
    "answers/edge-test/1/key/",
    "answers/edge-test/1/regrade/",
    "answers/edge-test/1/regrade/?policy=full",
    "documents/",
    "documents/lesson.md/",
    "documents/questions.yaml/",
]
LESSON_POSTS = [
    "",
    "move/",
    "listing/",
    "move-question/",
    "questions/edge-test/",
    "questions/edge-test/duplicate/",
    "proofs/run/",
    "proofs/stop/",
    "publish/",
    "reports/",
    "answers/edge-test/1/key/",
    "answers/edge-test/1/regrade/",
]
COURSE_PAGES = ["", "edit/", "members/", "add-lesson/", "export/", "gradebook/", "gradebook.csv", "extra-time/"]


@pytest.fixture
def pages(published: Lesson) -> list[str]:
    course = "/studio/courses/vision/"
    return [course + page for page in COURSE_PAGES] + [f"{course}lessons/edges/{page}" for page in LESSON_PAGES]


@pytest.fixture
def posts(published: Lesson) -> list[str]:
    course = "/studio/courses/vision/"
    return [course + page for page in COURSE_PAGES[1:4]] + [f"{course}lessons/edges/{page}" for page in LESSON_POSTS]


def test_the_owner_and_an_author_open_every_page(owner, second, pages):
    for page in pages:
        for client in (owner, second):
            assert client.get(page).status_code in (200, 302), page


def test_an_admin_opens_every_page(client, admin_person, sign_in, pages):
    sign_in(client, admin_person)
    for page in pages:
        assert client.get(page).status_code in (200, 302), page


def test_another_courses_instructor_finds_nothing(client, outsider, sign_in, pages, posts):
    sign_in(client, outsider)
    for page in pages:
        assert client.get(page).status_code == 404, page
    for page in posts:
        assert client.post(page, {}).status_code == 404, page


def test_a_learner_is_told_that_the_studio_is_for_instructors(client, learner, sign_in, pages, posts):
    sign_in(client, learner)
    for page in ["/studio/", "/studio/new/", *pages]:
        assert client.get(page).status_code == 403, page
    for page in posts:
        assert client.post(page, {}).status_code == 403, page


def test_somebody_without_an_account_is_sent_to_sign_in(client, pages):
    for page in ["/studio/", "/studio/new/", *pages]:
        response = client.get(page)
        assert response.status_code == 302, page
        assert response["Location"].startswith("/sign-in/"), page


def test_an_instructor_made_learner_loses_the_studio(owner, instructor, pages):
    instructor.role = "learner"
    instructor.save()
    assert owner.get(pages[0]).status_code == 403


def test_what_is_not_there_is_404(owner, lesson):
    for page in (
        "courses/nowhere/",
        "courses/vision/lessons/nowhere/",
        "courses/vision/lessons/edges/questions/nothing/",
        "courses/vision/lessons/edges/documents/secret.txt/",
        "courses/vision/lessons/edges/history/9/restore/",
        "courses/vision/lessons/edges/pictures/none.png/",
    ):
        assert owner.get(f"/studio/{page}").status_code == 404, page


def test_a_lesson_of_another_course_is_not_found_through_mine(owner, lesson, outsider):
    elsewhere = Membership.objects.get(user=outsider).course
    Lesson.objects.create(course=elsewhere, uid="other", slug="other")
    assert owner.get("/studio/courses/vision/lessons/other/").status_code == 404
    assert owner.get("/studio/courses/elsewhere/lessons/other/").status_code == 404


def test_only_the_owner_changes_who_works_on_a_course(owner, second, course, outsider, learner, colleague):
    page = "/studio/courses/vision/members/"
    assert b"Add an author" not in second.get(page).content
    assert second.post(page, {"email": outsider.email}).status_code == 403
    assert second.post(page, {"remove": str(colleague.pk)}).status_code == 403
    assert owner.post(page, {"email": outsider.email.upper()}).status_code == 302
    assert Membership.objects.get(course=course, user=outsider).role == CourseRole.AUTHOR
    assert owner.post(page, {"remove": str(outsider.pk)}).status_code == 302
    assert not Membership.objects.filter(course=course, user=outsider).exists()


def test_adding_somebody_who_cannot_be_an_author_says_why(owner, course, learner, colleague, instructor):
    page = "/studio/courses/vision/members/"
    for email, words in (
        (learner.email, "Only instructors can be authors"),
        (colleague.email, "works on the course already"),
        ("nobody@example.org", "Ask them to sign up first"),
        ("not an address", "valid email"),
    ):
        response = owner.post(page, {"email": email})
        assert response.status_code == 422
        assert words in response.content.decode()


def test_the_last_owner_stays(owner, course, instructor):
    for number in (str(instructor.pk), "99999999999999999999", "x"):
        owner.post("/studio/courses/vision/members/", {"remove": number})
    assert Membership.objects.filter(course=course, user=instructor).exists()


def test_posting_needs_the_csrf_token(instructor, lesson, base):
    client = Client(enforce_csrf_checks=True)
    client.force_login(instructor)
    assert client.post(base, {"act": "save"}).status_code == 403
