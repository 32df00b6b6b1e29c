"""The pages of a review and its API: what is due, one card a screen, the end, and whose it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from lessons.models import LessonVersion
from quizzes.grading import letter_of
from quizzes.models import Attempt, Review, ReviewCard, ReviewItem, ReviewSitting
from quizzes.reviewing.cards import add_insight
from quizzes.services import attempt_question
from tests.quizzes.conftest import QUESTIONS, Publish
from tests.quizzes.test_attempts import RIGHT, WRONG, uid_at
from tests.quizzes.test_leaks import SignIn, token
from tests.quizzes.test_reviewing import answer, miss, sit

LONG_AGO = timedelta(days=3)


@pytest.fixture
def visitor(client: Client, learner: User, sign_in: SignIn) -> Client:
    return sign_in(client, learner)


@pytest.fixture
def version(publish: Publish) -> LessonVersion:
    return publish(meta={"modes": ["read", "practise", "test", "review"]})


def text_of(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def letter(attempt: Attempt, position: int, *, right: bool) -> str:
    asked = attempt_question(attempt, position)
    return letter_of((RIGHT if right else WRONG)[uid_at(attempt, position)], asked.option_order)


def asked() -> tuple[Attempt, int, str]:
    """Where the card is answered that is asked now: its attempt, place and address."""
    item = ReviewItem.objects.filter(asked_at__isnull=False, review=None, skipped="").latest("pk")
    assert item.attempt_question is not None
    where = item.attempt_question
    return where.attempt, where.position, reverse("quizzes:question", args=[where.attempt_id, where.position])


def test_an_empty_review_says_what_will_come(client: Client, version: LessonVersion) -> None:
    assert "No cards yet" in text_of(client.get("/me/review/"))
    page = client.get("/courses/vision/lessons/one/review/")
    assert "No cards of this lesson yet" in text_of(page)
    assert 'aria-current="page"' in page.content.decode()
    nothing = client.post("/me/review/start/")
    assert nothing["Location"] == "/me/review/"
    assert not ReviewSitting.objects.exists()


def test_from_what_is_due_over_one_card_a_screen_to_the_end(visitor: Client, learner: User, version: LessonVersion) -> None:
    now = timezone.now()
    miss(learner, version, "p-hard", now=now - LONG_AGO)
    add_insight(learner, version.lesson, now=now - LONG_AGO)
    due = visitor.get("/me/review/")
    assert "2 cards are due" in text_of(due)
    assert "Cards due now and in the coming week" in text_of(due)
    assert "Start with 3" not in text_of(due)
    page = visitor.post("/me/review/start/", follow=True)
    attempt, position, where = asked()
    assert page.redirect_chain[-1][0] == where
    assert "Card 1 of 2" in text_of(page)
    assert "Next card" not in text_of(page)
    assert "Show a hint" in text_of(page)
    post = {"choice": letter(attempt, position, right=True), "idempotency_key": "one"}
    for _twice in range(2):
        page = visitor.post(where, post, follow=True)
        assert "Good. This card comes back in 3 days." in text_of(page)
    assert Review.objects.filter(item__isnull=False).count() == 1
    sitting = ReviewSitting.objects.get()
    out, back = ({"wanted": word, "back": where} for word in ("no", "yes"))
    card = Review.objects.latest("pk").card
    assert "This card doesn’t come back." in text_of(visitor.post(f"/me/review/cards/{card.pk}/", out, follow=True))
    assert "This card comes back in 3 days." in text_of(visitor.post(f"/me/review/cards/{card.pk}/", back, follow=True))
    # Pages of an attempt lead to the sitting, which has more lessons than one.
    for name in ("attempt", "results", "finish"):
        page = visitor.get(reverse(f"quizzes:{name}", args=[attempt.pk]))
        assert page["Location"] == f"/me/review/{sitting.pk}/"
    insight = visitor.post(f"/me/review/{sitting.pk}/next/", follow=True)
    assert "Card 2 of 2" in text_of(insight)
    assert "Read it twice." not in text_of(insight)
    shown = visitor.get(insight.redirect_chain[-1][0], {"show": "1"})
    assert "Read it twice." in text_of(shown)
    assert re.search(r"Again 1 day .* Good 2 days Easy 8 days", text_of(shown))
    unclear = visitor.post(insight.redirect_chain[-1][0], {"rating": "perfect"})
    assert unclear.status_code == 422
    assert "Say how well you knew it" in text_of(unclear)
    rated = visitor.post(insight.redirect_chain[-1][0], {"rating": "easy"}, follow=True)
    assert "Easy. This card comes back in 8 days." in text_of(rated)
    end = visitor.post(f"/me/review/{sitting.pk}/next/", follow=True)
    assert "Done for now" in text_of(end)
    assert "2 cards reviewed" in text_of(end)
    assert re.search(r"Which one is smallest\? One Good 3 days Key insight One Easy 8 days", text_of(end))
    assert "2 cards answered today" in text_of(visitor.get("/me/review/"))
    assert visitor.get(where).status_code == 200
    assert visitor.post(f"/me/review/{sitting.pk}/next/")["Location"] == f"/me/review/{sitting.pk}/"


def test_after_an_absence_three_are_offered(visitor: Client, learner: User, publish: Publish) -> None:
    long_ago = timezone.now() - timedelta(days=30)
    body, tail = QUESTIONS.split("questions:\n  - uid: q-features")
    uids = [f"more-{number}" for number in range(9)]
    block = tail[tail.index("  - uid: p-easy") :]
    more = "".join(block.replace("uid: p-easy", f"uid: {uid}").replace("Where are", f"{uid} asks, where are") for uid in uids)
    text = body.replace("[p-hard, p-easy]", f"[p-hard, p-easy, {', '.join(uids)}]")
    version = publish(f"{text}questions:\n  - uid: q-features{tail}{more}")
    attempt = sit(learner, version, "practice", now=long_ago)
    for question in attempt.questions.all():
        uid = uid_at(attempt, question.position)
        if uid in uids:
            WRONG.setdefault(uid, "b")
        answer(attempt, question.position, right=False, now=long_ago)
    page = visitor.get("/me/review/")
    assert "11 cards are due" in text_of(page)
    assert "Start with 3" in text_of(page)
    visitor.post("/me/review/start/", {"few": "1"})
    assert ReviewItem.objects.count() == 3


def test_told_questions_are_added_and_taken_out(visitor: Client, learner: User, version: LessonVersion) -> None:
    attempt = sit(learner, version, "test", now=timezone.now())
    where = reverse("quizzes:question", args=[attempt.pk, 1])
    form = reverse("reviewing:question_card", args=[attempt.pk, 1])
    assert "Add to review" not in text_of(visitor.get(where))
    assert visitor.post(form).status_code == 409
    assert not ReviewCard.objects.exists()
    answer(attempt, 1, right=True, now=timezone.now())
    assert "Add to review" in text_of(visitor.get(where))
    assert "comes up in your review in 1 day" in text_of(visitor.post(form, follow=True))
    assert "Add to review" in text_of(visitor.post(form, {"wanted": "no"}, follow=True))
    answer(attempt, 2, right=False, now=timezone.now())
    missed = visitor.get(reverse("quizzes:question", args=[attempt.pk, 2]))
    assert "Don’t ask this again" in text_of(missed)


def test_a_lessons_review_has_its_insight_as_a_card(visitor: Client, version: LessonVersion) -> None:
    page = "/courses/vision/lessons/one/review/"
    assert "Add to review" in text_of(visitor.get(page))
    assert "It is one of your cards." in text_of(visitor.post(page, follow=True))
    assert "Add to review" in text_of(visitor.post(page, {"wanted": "no"}, follow=True))
    assert visitor.put(page).status_code == 405


def test_a_review_is_nobody_elses(visitor: Client, learner: User, outsider: User, version: LessonVersion) -> None:
    miss(outsider, version, "p-hard", now=timezone.now() - LONG_AGO)
    add_insight(outsider, version.lesson, now=timezone.now() - LONG_AGO)
    other = Client()
    other.force_login(outsider)
    other.post("/me/review/start/")
    sitting, card = ReviewSitting.objects.get(), ReviewCard.objects.first()
    assert card is not None
    for method, url in (
        ("get", f"/me/review/{sitting.pk}/"),
        ("post", f"/me/review/{sitting.pk}/next/"),
        ("post", f"/me/review/{sitting.pk}/end/"),
        ("get", f"/me/review/{sitting.pk}/2/"),
        ("post", f"/me/review/cards/{card.pk}/"),
        ("get", f"/api/v1/me/reviews/{sitting.pk}"),
        ("post", f"/api/v1/me/reviews/{sitting.pk}/next"),
        ("post", f"/api/v1/me/reviews/{sitting.pk}/end"),
        ("post", f"/api/v1/me/reviews/{sitting.pk}/cards/2"),
        ("delete", f"/api/v1/me/reviews/cards/{card.pk}"),
    ):
        headers = token(visitor) if url.startswith("/api") else None
        answered = getattr(visitor, method)(url, {"rating": "good"}, content_type="application/json", headers=headers)
        assert answered.status_code == 404, url
    assert "No cards yet" in text_of(visitor.get("/me/review/"))
    assert visitor.post("/me/review/start/", {"lesson": "99999"}).status_code == 404


def test_a_guest_reviews_too_and_goes_back_only_on_this_site(client: Client, version: LessonVersion) -> None:
    client.post("/courses/vision/lessons/one/review/")
    card = ReviewCard.objects.get()
    assert card.user.is_guest
    away = client.post(f"/me/review/cards/{card.pk}/", {"wanted": "no", "back": "https://elsewhere.example/"})
    assert away["Location"] == "/me/review/"
    card.refresh_from_db()
    assert card.removed_at is not None


def test_a_review_by_script(
    visitor: Client, learner: User, version: LessonVersion, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    now = timezone.now()
    miss(learner, version, "p-hard", now=now - LONG_AGO)
    add_insight(learner, version.lesson, now=now - LONG_AGO)
    headers = token(visitor)

    def post(path: str, body: dict[str, Any] | None = None) -> Any:
        return visitor.post(f"/api/v1/me/reviews{path}", body or {}, content_type="application/json", headers=headers)

    visitor.get("/api/v1/me/reviews")
    with django_assert_max_num_queries(14):
        due = visitor.get("/api/v1/me/reviews").json()
    assert (due["due"], [item["kind"] for item in due["items"]]) == (2, ["question", "insight"])
    assert due["week"][0] == {"label": "now", "day": None, "cards": 2}
    begun = post("", {"lesson": "one"})
    assert begun.status_code == 200, begun.content
    sitting = begun.json()
    assert (sitting["position"], sitting["cards"], sitting["card"]["kind"]) == (1, 2, "question")
    attempt, position, _where = asked()
    place = f"/api/v1/attempts/{sitting['card']['attempt']}/questions/{sitting['card']['question']}"
    body = {"options": [letter(attempt, position, right=False)], "final": True, "idempotency_key": "k"}
    assert visitor.put(place, body, content_type="application/json", headers=headers).json()["status"] == "graded"
    assert post(f"/{sitting['id']}/cards/2", {"rating": "good"}).status_code == 409
    sitting = post(f"/{sitting['id']}/next").json()
    assert (sitting["position"], sitting["card"]["kind"]) == (2, "insight")
    assert [choice["days"] for choice in sitting["card"]["choices"]] == [1, 1, 2, 8]
    assert post(f"/{sitting['id']}/cards/2", {"rating": "perfect"}).status_code == 422
    for rating in ("hard", "easy"):
        rated = post(f"/{sitting['id']}/cards/2", {"rating": rating}).json()
        assert (rated["rating"], rated["days"]) == ("hard", 1)
    over = post(f"/{sitting['id']}/next").json()
    assert (over["finished_at"] is not None, over["card"]) == (True, None)
    assert [one["rating"] for one in over["reviewed"]] == ["again", "hard"]
    assert post("").status_code == 409
    card = ReviewCard.objects.get(question=None)
    assert visitor.delete(f"/api/v1/me/reviews/cards/{card.pk}", headers=headers).status_code == 204
    card.refresh_from_db()
    assert card.removed_at is not None
