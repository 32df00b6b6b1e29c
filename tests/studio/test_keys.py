"""Correcting the key of a published question in the studio, and regrading after a plan."""

from __future__ import annotations

import pytest
from django.utils import timezone

from accounts.models import User
from lessons.models import Draft
from lessons.publishing import publish
from quizzes.models import Attempt, Grade, QuestionVersion, Quiz, Regrade
from quizzes.results import result_of
from quizzes.services import finish_attempt, newest_key, start_attempt, submit_response
from tests.quizzes.conftest import chose
from tests.studio.conftest import form_of

PAGE = "answers/edge-test/1/"


@pytest.fixture
def sat(published, learner) -> dict[str, Attempt]:
    """One learner chose a, which is right under the first key, another b."""
    other = User.objects.create_user("otto@example.org", "correct horse", name="Otilia Other")
    version = Quiz.objects.get(lesson=published, mode="test").versions.get()
    attempts = {}
    for user, option in ((learner, "a"), (other, "b")):
        attempt = start_attempt(user=user, quiz_version=version, now=timezone.now())
        submit_response(attempt=attempt, position=1, answer=chose(option), idempotency_key="k", now=timezone.now())
        attempts[option] = finish_attempt(attempt=attempt, now=timezone.now())
    return attempts


def asked() -> QuestionVersion:
    return QuestionVersion.objects.get(question__uid="edge-test", number=1)


def correct(owner, base, **changes: str):
    page = owner.get(base + PAGE + "key/")
    form = {name: values[-1] for name, values in form_of(page, "key-form").items()}
    return owner.post(base + PAGE + "key/", {**form, "right": "b", "reason": "Brightness was meant.", **changes})


def test_the_form_shows_the_key_that_grades_now(owner, base, published):
    page = owner.get(base + PAGE + "key/").content.decode()
    for words in ("What is an edge?", "A change of brightness", "Yes: a change.", "Look along a line.", "grades now"):
        assert words in page


def test_a_corrected_key_grades_from_now_on_and_leads_to_the_regrade(owner, base, sat, instructor):
    response = correct(owner, base)
    assert response.status_code == 302
    assert response["Location"].endswith(PAGE + "regrade/")
    key = newest_key(asked())
    assert (key.number, key.correct, key.reason, key.created_by) == (2, ["b"], "Brightness was meant.", instructor)
    assert [result_of(sat[option]).total.reached for option in "ab"] == [1, 0], "grades stay until they are regraded"
    page = owner.get(response["Location"]).content.decode()
    assert "Brightness was meant." in page
    assert "Nothing is written yet" not in page


def test_the_draft_is_corrected_as_well_and_publishing_keeps_the_key(owner, base, published, instructor):
    correct(owner, base, answer="A bright spot.")
    draft = Draft.objects.get(lesson=published)
    assert "A bright spot." in draft.files["questions.yaml"]
    assert "# kept by the form" in draft.files["questions.yaml"]
    publish(lesson=published, author=instructor, note="", now=timezone.now())
    assert QuestionVersion.objects.filter(question__uid="edge-test").count() == 1
    assert newest_key(asked()).number == 2, "the document says the same, so no further key"


def test_a_draft_that_differs_is_left_alone_and_said(owner, base, published, instructor):
    draft = Draft.objects.get(lesson=published)
    draft.files["questions.yaml"] = draft.files["questions.yaml"].replace("edge-test", "edge-other")
    draft.save()
    page = owner.get(correct(owner, base)["Location"]).content.decode()
    assert "The draft could not be corrected" in page


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"reason": ""}, 422, "required"),
        ({"answer": ""}, 422, "required"),
        ({"right": "zzz"}, 422, "valid choice"),
        ({"right": "a"}, 422, "This is the key as it stands"),
        ({"revision": "7"}, 409, "Somebody gave this question another key"),
        ({"revision": "x"}, 409, "Somebody gave this question another key"),
        ({"answer": "{{ nothing.known }}"}, 422, "nothing"),
    ],
)
def test_what_is_no_key_comes_back_with_a_sentence(owner, base, published, changes, status, words):
    response = correct(owner, base, **changes)
    assert response.status_code == status
    assert words in response.content.decode()
    assert newest_key(asked()).number == 1


def test_a_regrade_says_whose_points_change_before_it_writes(owner, base, sat):
    correct(owner, base)
    url = base + PAGE + "regrade/"
    page = owner.get(url, {"policy": "new"})
    words = page.content.decode()
    for expected in ("Lena Learner", "Otilia Other", "More points: 1. Fewer points: 1.", "Change 2 grades"):
        assert expected in words
    assert Grade.objects.count() == 2, "looking writes nothing"
    better = owner.get(url, {"policy": "better"}).content.decode()
    assert "Lena Learner" not in better
    fingerprint = page.context["plan"].fingerprint
    for _twice in range(2):
        assert owner.post(url, {"policy": "new", "fingerprint": fingerprint}).status_code == 302
    assert [result_of(sat[option]).total.reached for option in "ab"] == [0, 1]
    assert Regrade.objects.count() == 1
    assert "2 grades changed" in owner.get(url).content.decode()


def test_a_plan_of_yesterday_writes_nothing_and_shows_todays(owner, base, sat):
    correct(owner, base)
    response = owner.post(base + PAGE + "regrade/", {"policy": "new", "fingerprint": "old"})
    assert response.status_code == 409
    page = response.content.decode()
    assert "Nothing was written" in page
    assert "Change 2 grades" in page
    assert not Regrade.objects.exists()


@pytest.mark.parametrize("policy", ["", "everything", "NEW"])
def test_no_policy_asks_for_one(owner, base, sat, policy):
    for response in (
        owner.get(base + PAGE + "regrade/", {"policy": policy}),
        owner.post(base + PAGE + "regrade/", {"policy": policy}),
    ):
        assert response.status_code == 200
        assert "Show what would change" in response.content.decode()
    assert not Regrade.objects.exists()


def test_a_wording_that_is_not_there_is_404(owner, base, published):
    for page in ("answers/edge-test/2/key/", "answers/nothing/1/key/", f"answers/edge-test/{'9' * 30}/regrade/"):
        assert owner.get(base + page).status_code == 404, page


def test_the_answers_lead_to_key_and_regrade(owner, base, sat):
    page = owner.get(base + "answers/").content.decode()
    assert base + PAGE + "key/" in page
    assert base + PAGE + "regrade/" in page
