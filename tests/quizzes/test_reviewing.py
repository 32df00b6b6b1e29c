"""Cards and sittings on rows: what becomes a card and when, how an answer rates it, and what a sitting asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from lessons.models import LessonVersion
from quizzes import personal
from quizzes.models import Attempt, QuestionVersion, QuizMode, Rated, Review, ReviewCard, ReviewItem, ReviewSitting, Skipped
from quizzes.reviewing import cards
from quizzes.reviewing.adding import change_card
from quizzes.reviewing.cards import add_insight, card_for, put_back, remove
from quizzes.reviewing.gathering import cards_of, due_count
from quizzes.reviewing.presenting import overview_of, sitting_view
from quizzes.reviewing.rules import FEW, Rating
from quizzes.reviewing.scheduling import LIBRARY, PARAMETERS
from quizzes.reviewing.sittings import STALE, begin, finish, go_on, items_of, rate_insight
from quizzes.services import (
    attempt_question,
    finish_attempt,
    quiz_version_of,
    show_hint,
    show_step,
    start_attempt,
    start_redo,
    submit_response,
)
from tests.quizzes.conftest import QUESTIONS, Publish, chose
from tests.quizzes.networks import know_tiny_networks
from tests.quizzes.racing import at_once
from tests.quizzes.test_attempts import RIGHT, WRONG, uid_at
from tests.quizzes.test_likeness import WITH_GENERATED
from web.problems import Problem

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def sit(user: User, version: LessonVersion, mode: str, *, now: datetime = NOW) -> Attempt:
    quiz = quiz_version_of(version, mode)
    assert quiz is not None
    return start_attempt(user=user, quiz_version=quiz, now=now)


def answer(attempt: Attempt, position: int, *, right: bool, now: datetime = NOW, sure: str = "", key: str = "") -> None:
    chosen = (RIGHT if right else WRONG)[uid_at(attempt, position)]
    submit_response(
        attempt=attempt,
        position=position,
        answer=chose(chosen),
        confidence=sure,
        idempotency_key=key or f"k{position}-{right}-{now:%d%H%M}",
        now=now,
    )


def miss(user: User, version: LessonVersion, *uids: str, now: datetime = NOW, sure: str = "") -> Attempt:
    """A practice attempt in which these questions are answered wrong."""
    attempt = sit(user, version, "practice", now=now)
    for asked in attempt.questions.all():
        if uid_at(attempt, asked.position) in uids:
            answer(attempt, asked.position, right=False, now=now, sure=sure)
    return attempt


def uid_of(item: ReviewItem | None) -> str:
    assert item is not None
    return item.card.question.uid if item.card.question else "insight"


def asked_in(item: ReviewItem | None) -> tuple[Attempt, int]:
    """Where a question's card is answered."""
    assert item is not None
    assert item.attempt_question is not None
    return Attempt.objects.get(pk=item.attempt_question.attempt_id), item.attempt_question.position


def reviewed(sitting: ReviewSitting, *, now: datetime, right: bool = True, sure: str = "") -> Review:
    """The next card of a sitting, answered."""
    attempt, position = asked_in(go_on(sitting=sitting, now=now))
    answer(attempt, position, right=right, now=now, sure=sure, key="again")
    return Review.objects.latest("pk")


# --- what becomes a card


def test_a_missed_question_comes_back_the_day_after(learner: User, version: LessonVersion) -> None:
    attempt = miss(learner, version, "p-hard")
    answer(attempt, 1, right=True)
    assert due_count(learner, NOW) == 0
    assert due_count(learner, NOW + DAY) == 1
    (card,) = ReviewCard.objects.all()
    assert card.question is not None
    assert (card.question.uid, card.due_at, card.reviewed_at) == ("p-hard", NOW + DAY, NOW)
    assert (card.scheduler, card.parameters) == (LIBRARY, PARAMETERS)
    (log,) = card.reviews.all()
    assert (log.rating, log.reviewed_at) == (Rated.AGAIN, NOW)
    assert log.response is not None
    for _again in range(2):
        assert due_count(learner, NOW + DAY) == 1
    assert Review.objects.count() == 1


DATED = QUESTIONS.replace("reveal: each", "reveal: date\n  reveal_at: 2026-03-05T09:00:00Z")


@pytest.mark.parametrize(
    ("text", "from_then_on"),
    [
        (QUESTIONS, NOW),
        (QUESTIONS.replace("reveal: each", "reveal: finish"), NOW + timedelta(hours=1)),
        (DATED, NOW + 3 * DAY),
        (QUESTIONS.replace("reveal: each", "reveal: never"), None),
    ],
    ids=["each", "finish", "date", "never"],
)
def test_no_card_exists_before_its_answer_may_be_told(
    learner: User, publish: Publish, text: str, from_then_on: datetime | None
) -> None:
    attempt = sit(learner, publish(text), "test")
    answer(attempt, 1, right=False)
    hours = (0, 1, 2, 71, 72, 500)
    made: dict[int, bool] = {}
    for hour in hours:
        now = NOW + timedelta(hours=hour)
        if hour == 1:
            finish_attempt(attempt=attempt, now=now)
        cards_of(learner, now=now)
        made[hour] = ReviewCard.objects.filter(user=learner, question__isnull=False).exists()
        if not made[hour]:
            with pytest.raises(Problem):
                change_card(attempt_question(attempt, 1), wanted=True, now=now)
    assert made == {hour: from_then_on is not None and NOW + timedelta(hours=hour) >= from_then_on for hour in hours}


def test_a_redo_and_a_review_make_no_cards_of_their_own(learner: User, version: LessonVersion) -> None:
    attempt = miss(learner, version, "p-hard")
    redo = start_redo(attempt=finish_attempt(attempt=attempt, now=NOW), now=NOW)
    answer(redo, 1, right=False, now=NOW + timedelta(hours=1))
    cards_of(learner, now=NOW + timedelta(hours=2))
    assert Review.objects.count() == 1


def test_a_known_card_slips_back_when_it_is_missed_elsewhere(learner: User, version: LessonVersion) -> None:
    attempt = miss(learner, version, "p-hard")
    finish_attempt(attempt=attempt, now=NOW)
    card = cards_of(learner, now=NOW).cards[0]
    cards.rate(card, Rating.EASY, at=NOW + DAY, item=_item(learner, card))
    card.refresh_from_db()
    assert card.due_at > NOW + 2 * DAY
    miss(learner, version, "p-hard", now=NOW + DAY + timedelta(hours=2))
    (card,) = [one for one in cards_of(learner, now=NOW + 3 * DAY).cards if not one.is_insight]
    assert card.due_at == NOW + 2 * DAY + timedelta(hours=2)


def _item(user: User, card: ReviewCard) -> ReviewItem:
    sitting = ReviewSitting.objects.create(user=user, finished_at=NOW)
    return ReviewItem.objects.create(sitting=sitting, position=1, card=card)


def test_what_was_taken_out_stays_out_until_it_is_put_back(learner: User, version: LessonVersion) -> None:
    attempt = miss(learner, version, "p-hard")
    card = cards_of(learner, now=NOW).cards[0]
    remove(card, now=NOW)
    finish_attempt(attempt=attempt, now=NOW)
    miss(learner, version, "p-hard", now=NOW + DAY)
    assert not [one for one in cards_of(learner, now=NOW + 9 * DAY).cards if not one.is_insight]
    with CaptureQueriesContext(connection) as looks:
        cards_of(learner, now=NOW + 9 * DAY)
    assert len(looks) <= 8, "what was settled before costs nothing at the next look"
    put_back(card)
    assert [one.question_id for one in cards_of(learner, now=NOW + 9 * DAY).due(NOW + 9 * DAY)].count(card.question_id) == 1


def test_learners_add_what_they_were_told_and_nobody_adds_twice(learner: User, version: LessonVersion) -> None:
    attempt = miss(learner, version)
    asked = attempt_question(attempt, 1)
    with pytest.raises(Problem) as refused:
        change_card(asked, wanted=True, now=NOW)
    assert refused.value.status == 409
    answer(attempt, 1, right=True)
    asked = attempt_question(attempt, 1)
    for _twice in range(2):
        assert change_card(asked, wanted=True, now=NOW).is_in
    assert due_count(learner, NOW + DAY) == 1
    assert not change_card(asked, wanted=False, now=NOW).is_in
    assert due_count(learner, NOW + DAY) == 0


def test_the_key_insight_comes_once_a_lesson_was_practised_or_tested_to_the_end(learner: User, version: LessonVersion) -> None:
    attempt = sit(learner, version, "test")
    assert not cards_of(learner, now=NOW).cards
    finish_attempt(attempt=attempt, now=NOW)
    (card,) = cards_of(learner, now=NOW + 3 * DAY).cards
    assert (card.is_insight, card.due_at) == (True, NOW + DAY)
    assert add_insight(learner, card.lesson, now=NOW) == card


# --- a sitting


@pytest.mark.parametrize(
    ("reach", "rating"),
    [
        (lambda attempt, at: answer(attempt, at, right=True), Rated.GOOD),
        (lambda attempt, at: answer(attempt, at, right=True, sure="certain"), Rated.EASY),
        (lambda attempt, at: answer(attempt, at, right=True, sure="guess"), Rated.HARD),
        (
            lambda attempt, at: (
                show_hint(attempt=attempt, position=at, now=NOW),
                answer(attempt, at, right=True, sure="certain"),
            ),
            Rated.HARD,
        ),
        (lambda attempt, at: (answer(attempt, at, right=False), answer(attempt, at, right=True)), Rated.AGAIN),
        (lambda attempt, at: show_step(attempt=attempt, position=at, step=1, now=NOW), Rated.AGAIN),
    ],
    ids=["right", "certain", "guess", "hint", "second try", "steps"],
)
def test_the_first_answer_rates_the_card_once(
    learner: User, version: LessonVersion, reach: Callable[[Attempt, int], object], rating: Rated
) -> None:
    miss(learner, version, "p-hard", now=NOW - 3 * DAY)
    sitting = begin(person=learner, now=NOW)
    item = go_on(sitting=sitting, now=NOW)
    attempt, position = asked_in(item)
    assert attempt.mode is QuizMode.REVIEW
    assert item == go_on(sitting=sitting, now=NOW), "a card that is open is not left by “Next card”"
    reach(attempt, position)
    log = Review.objects.get(item=item)
    assert log.rating == rating
    card = ReviewCard.objects.get()
    assert (card.due_at, card.reviewed_at) == (log.due_at, NOW)
    assert card.reviews.count() == 2
    assert go_on(sitting=sitting, now=NOW) is None
    sitting.refresh_from_db()
    attempt.refresh_from_db()
    assert sitting.is_finished
    assert attempt.is_finished


def test_certain_and_wrong_is_asked_before_what_is_longest_forgotten(learner: User, version: LessonVersion) -> None:
    attempt = sit(learner, version, "test", now=NOW - 20 * DAY)
    answer(attempt, 1, right=False, now=NOW - 20 * DAY)
    answer(attempt, 2, right=False, now=NOW - 9 * DAY)
    answer(attempt, 3, right=False, now=NOW - 2 * DAY, sure="certain")
    sitting = begin(person=learner, now=NOW)
    assert [uid_of(item) for item in items_of(sitting)] == ["q-printed", "q-features", "q-head"]


def test_beginning_twice_goes_on_and_an_old_sitting_makes_room(learner: User, version: LessonVersion) -> None:
    with pytest.raises(Problem) as refused:
        begin(person=learner, now=NOW)
    assert refused.value.status == 409
    miss(learner, version, "p-hard", "p-easy", now=NOW - 2 * DAY)
    sitting = begin(person=learner, now=NOW, most=1)
    assert sitting.items.count() == 1
    assert begin(person=learner, now=NOW + timedelta(hours=1)) == sitting
    of_lesson = begin(person=learner, lesson=version.lesson, now=NOW + timedelta(hours=1))
    assert of_lesson != sitting
    sitting.refresh_from_db()
    assert sitting.is_finished
    later = begin(person=learner, lesson=version.lesson, now=NOW + timedelta(hours=1) + STALE)
    assert later not in (sitting, of_lesson)
    assert later.items.count() == 2
    assert ReviewSitting.objects.filter(finished_at=None).count() == 1


def test_a_sitting_asks_for_about_ten_minutes(learner: User, version: LessonVersion) -> None:
    miss(learner, version, "p-hard", "p-easy", now=NOW - 2 * DAY)
    test = sit(learner, version, "test", now=NOW - 2 * DAY)
    for position in (1, 2, 3):
        answer(test, position, right=False, now=NOW - 2 * DAY)
    add_insight(learner, version.lesson, now=NOW - 2 * DAY)
    sitting = begin(person=learner, now=NOW)
    assert sitting.items.count() == 6
    now = NOW
    for _card in range(5):
        attempt, position = asked_in(go_on(sitting=sitting, now=now))
        now += timedelta(minutes=5)
        answer(attempt, position, right=True, now=now)
    assert go_on(sitting=sitting, now=now) is None
    sitting.refresh_from_db()
    view = sitting_view(sitting)
    assert (len(view.reviewed), view.left, view.enough) == (5, 1, True)
    assert due_count(learner, now) == 1


def test_stopping_leaves_what_was_not_answered_due(learner: User, version: LessonVersion) -> None:
    miss(learner, version, "p-hard", "p-easy", now=NOW - 2 * DAY)
    sitting = begin(person=learner, now=NOW)
    go_on(sitting=sitting, now=NOW)
    for _twice in range(2):
        finish(sitting=sitting, now=NOW)
    assert [item.skipped for item in items_of(sitting)] == [Skipped.LEFT, ""]
    assert due_count(learner, NOW) == 2
    assert not Attempt.objects.filter(quiz_version__quiz__mode=QuizMode.REVIEW, finished_at=None).exists()


def test_an_insight_is_rated_by_its_learner_once(learner: User, version: LessonVersion) -> None:
    add_insight(learner, version.lesson, now=NOW - DAY)
    sitting = begin(person=learner, now=NOW)
    with pytest.raises(Problem) as too_early:
        rate_insight(sitting=sitting, position=1, rating=Rating.GOOD, now=NOW)
    assert too_early.value.status == 409
    assert uid_of(go_on(sitting=sitting, now=NOW)) == "insight"
    first = rate_insight(sitting=sitting, position=1, rating=Rating.GOOD, now=NOW)
    assert rate_insight(sitting=sitting, position=1, rating=Rating.AGAIN, now=NOW + DAY) == first
    assert first.due_at == NOW + 2 * DAY
    with pytest.raises(Problem) as nowhere:
        rate_insight(sitting=sitting, position=2, rating=Rating.GOOD, now=NOW)
    assert nowhere.value.status == 404


# --- what is asked changes


def test_a_question_is_asked_as_the_current_release_words_it(learner: User, version: LessonVersion, publish: Publish) -> None:
    miss(learner, version, "p-hard", now=NOW - 2 * DAY)
    publish(QUESTIONS.replace("Which one is smallest?", "Which of these is smallest?"))
    attempt, position = asked_in(go_on(sitting=begin(person=learner, now=NOW), now=NOW))
    assert attempt_question(attempt, position).question_version.stem == "Which of these is smallest?"
    assert attempt.quiz_version.lesson_version.number == 2


WITHOUT_HARD = QUESTIONS.replace("questions: [p-hard, p-easy]", "questions: [p-easy]").replace("uid: p-hard", "uid: p-other")


def test_a_withdrawn_question_is_skipped_with_a_sentence(learner: User, version: LessonVersion, publish: Publish) -> None:
    miss(learner, version, "p-hard", now=NOW - 5 * DAY)
    miss(learner, version, "p-easy", now=NOW - 2 * DAY)
    sitting = begin(person=learner, now=NOW)
    publish(WITHOUT_HARD)
    assert uid_of(go_on(sitting=sitting, now=NOW)) == "p-easy"
    (line,) = sitting_view(sitting).skipped
    assert line.view.skipped
    assert due_count(learner, NOW) == 1
    overview = overview_of(learner, now=NOW)
    assert (overview.due, len(overview.cards.gone)) == (1, 1)
    publish(QUESTIONS)
    assert due_count(learner, NOW) == 2


def test_a_generated_question_comes_back_as_another_variant(learner: User, publish: Publish) -> None:
    know_tiny_networks()
    attempt = sit(learner, publish(WITH_GENERATED, meta={"networks": ["tinynet", "widenet"]}), "practice")
    missed = attempt.questions.get(question_version__question__uid="g-head")
    correct = missed.question_version.key_revisions.get().correct
    wrong = next(option for option in missed.option_order if option not in correct)
    submit_response(attempt=attempt, position=missed.position, answer=chose(wrong), idempotency_key="k", now=NOW)
    sitting = begin(person=learner, now=NOW + DAY)
    review, position = asked_in(go_on(sitting=sitting, now=NOW + DAY))
    again = attempt_question(review, position).question_version
    assert again.template == missed.question_version.template
    assert again.question == missed.question_version.question


def test_an_insight_that_a_lesson_lost_is_skipped(learner: User, version: LessonVersion, publish: Publish) -> None:
    add_insight(learner, version.lesson, now=NOW - DAY)
    sitting = begin(person=learner, now=NOW)
    publish(meta={"insight": ""})
    assert go_on(sitting=sitting, now=NOW) is None
    assert [item.skipped for item in items_of(sitting)] == [Skipped.WITHDRAWN]


def test_a_card_taken_out_during_a_sitting_is_not_asked_in_it(learner: User, version: LessonVersion) -> None:
    miss(learner, version, "p-hard", "p-easy", now=NOW - 2 * DAY)
    sitting = begin(person=learner, now=NOW)
    first = go_on(sitting=sitting, now=NOW)
    assert first is not None
    remove(first.card, now=NOW)
    second = go_on(sitting=sitting, now=NOW)
    assert second is not None
    assert second.position == 2


# --- over weeks


def test_over_weeks_what_is_known_comes_rarer_and_what_is_missed_comes_soon(learner: User, version: LessonVersion) -> None:
    miss(learner, version, "p-hard", now=NOW)
    now, spans = NOW, []
    for _review in range(5):
        now = ReviewCard.objects.get().due_at if spans else NOW + DAY
        assert due_count(learner, now - timedelta(minutes=1)) == 0
        log = reviewed(begin(person=learner, now=now), now=now)
        spans.append(log.due_at - now)
        finish(sitting=ReviewSitting.objects.latest("started_at"), now=now)
    assert spans == sorted(spans)
    assert spans[-1] > timedelta(weeks=2)
    now = ReviewCard.objects.get().due_at
    log = reviewed(begin(person=learner, now=now), right=False, sure="certain", now=now)
    assert timedelta(days=1) <= log.due_at - now < spans[-1] / 2
    assert ReviewCard.objects.get().certain_and_wrong
    overview = overview_of(learner, now=log.due_at + 40 * DAY)
    assert (overview.due, overview.offers_few) == (1, False)


def test_another_scheduler_finds_the_state_anew_in_the_log(learner: User, version: LessonVersion) -> None:
    miss(learner, version, "p-hard", now=NOW)
    now = NOW + DAY
    card = cards_of(learner, now=now).cards[0]
    spoilt = {**card.state, "stability": 300.0}
    ReviewCard.objects.update(state=spoilt, parameters="of others")
    log = reviewed(begin(person=learner, now=now), now=now)
    assert log.due_at < now + 9 * DAY
    assert ReviewCard.objects.get().parameters == PARAMETERS


def test_the_log_is_only_added_to(learner: User, version: LessonVersion) -> None:
    miss(learner, version, "p-hard")
    cards_of(learner, now=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        Review.objects.update(rating=Rated.EASY)


# --- people


@pytest.fixture
def guest(db: None) -> User:
    return User.objects.create_guest()


def test_a_guests_cards_join_the_account_and_two_logs_of_one_question_become_one(
    learner: User, guest: User, version: LessonVersion
) -> None:
    miss(learner, version, "p-hard", now=NOW)
    finish(sitting=begin(person=learner, now=NOW + DAY), now=NOW + DAY)
    miss(guest, version, "p-hard", "p-easy", now=NOW + DAY)
    sitting = begin(person=guest, now=NOW + 2 * DAY)
    reviewed(sitting, now=NOW + 2 * DAY)
    mine = begin(person=learner, now=NOW + 2 * DAY)
    personal.merge(guest, learner)
    merged = {card.question.uid: card for card in ReviewCard.objects.filter(user=learner) if card.question}
    assert set(merged) == {"p-hard", "p-easy"}
    logs = {uid: [log.rating for log in card.reviews.all()] for uid, card in merged.items()}
    assert sorted(map(len, logs.values())) in ([1, 3], [2, 2])
    assert not ReviewCard.objects.filter(user=guest).exists()
    mine.refresh_from_db()
    assert mine.is_finished
    assert begin(person=learner, now=NOW + 2 * DAY) == sitting, "the guest's sitting goes on"
    assert go_on(sitting=sitting, now=NOW + 2 * DAY) is not None


def test_cards_are_exported_and_erased(learner: User, version: LessonVersion) -> None:
    miss(learner, version, "p-hard")
    reviewed(begin(person=learner, now=NOW + DAY), now=NOW + DAY)
    exported = personal.export(learner)["review"]
    assert [log["rating"] for log in exported["cards"][0]["reviews"]] == [1, 3]
    assert len(exported["sittings"]) == 1
    personal.erase(learner)
    assert not ReviewCard.objects.exists()
    assert not ReviewSitting.objects.exists()
    learner.delete()


# --- at the same moment


@pytest.mark.django_db(transaction=True)
def test_at_the_same_moment_there_is_one_card_one_sitting_one_question_and_one_rating(
    learner: User, version: LessonVersion
) -> None:
    miss(learner, version, "p-hard", "p-easy", now=NOW - 2 * DAY)
    counted = at_once(*[lambda: due_count(learner, NOW)] * 3)
    assert counted == [2, 2, 2]
    assert (ReviewCard.objects.count(), Review.objects.count()) == (2, 2)
    begun = at_once(*[lambda: begin(person=learner, now=NOW)] * 3)
    assert len({str(one) for one in begun}) == 1, begun
    sitting = ReviewSitting.objects.get()
    items = at_once(*[lambda: go_on(sitting=sitting, now=NOW)] * 3)
    assert items == [items[0]] * 3
    attempt, position = asked_in(sitting.items.first())
    assert attempt.questions.count() == 1
    at_once(*[lambda: answer(attempt, position, right=True, key="same")] * 3)
    assert Review.objects.filter(item__sitting=sitting).count() == 1
    ends = at_once(*[lambda: finish(sitting=sitting, now=NOW)] * 2)
    assert ends == [sitting] * 2


def test_a_few_are_few(learner: User, version: LessonVersion) -> None:
    test = sit(learner, version, "test", now=NOW - 2 * DAY)
    for position in (1, 2, 3):
        answer(test, position, right=False, now=NOW - 2 * DAY)
    miss(learner, version, "p-hard", now=NOW - 2 * DAY)
    assert begin(person=learner, now=NOW, most=FEW).items.count() == FEW


def test_a_quiz_of_a_review_is_made_once_for_each_version_and_begun_by_nobody(learner: User, version: LessonVersion) -> None:
    from quizzes.models import Quiz
    from quizzes.reviewing.sittings import review_quiz
    from quizzes.services import current_quiz_version

    assert review_quiz(version) == review_quiz(version)
    with pytest.raises(Problem) as refused:
        current_quiz_version(Quiz.objects.get(mode=QuizMode.REVIEW))
    assert refused.value.status == 409
    assert QuestionVersion.objects.filter(quiz_questions__quiz_version__quiz__mode=QuizMode.REVIEW).count() == 0


def test_nobody_known_has_no_cards(db: None) -> Iterator[None]:
    assert due_count(None, NOW) == 0
    assert overview_of(None, now=NOW).total == 0
    assert card_for(None) is None
