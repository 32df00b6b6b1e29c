"""What people do at the same moment: threads that begin together, several rounds each, and the books balance after every one.

Here on SQLite; `tests/database/test_rooms_on_postgresql.py` runs the same races where writers really run at once.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.services import erase_person, merge_guest
from lessons.models import Course, Lesson, LessonVersion
from quizzes.beforehand.predictions import predict
from quizzes.likeness import ask_another
from quizzes.models import (
    Attempt,
    AttemptQuestion,
    Grade,
    GradeOverride,
    KeyReport,
    KeyRevision,
    QuestionVersion,
    QuizMode,
    QuizVersion,
    Regrade,
    RegradePolicy,
    Response,
    Review,
    ReviewCard,
    ReviewItem,
    ReviewSitting,
)
from quizzes.overriding import override_grade
from quizzes.regrading import apply_regrade, plan_regrade
from quizzes.reports import answer_report, report_key
from quizzes.reviewing.adding import card_state
from quizzes.reviewing.sittings import begin, go_on
from quizzes.reviewing.sittings import finish as end_review
from quizzes.services import (
    Graded,
    attempt_question,
    current_quiz_version,
    finish_attempt,
    newest_key,
    quiz_version_of,
    result_of,
    save_answer,
    show_hint,
    show_step,
    start_attempt,
    start_redo,
    submit_response,
)
from tests.quizzes.conftest import QUESTIONS, Publish, chose
from tests.quizzes.racing import at_once, raced, refusals
from tests.quizzes.test_correcting import corrected, version_of
from tests.quizzes.test_walkthroughs import EVERYTHING
from tests.quizzes.test_walkthroughs import META as WITH_EVERYTHING
from web.problems import Problem

ROUNDS = 4

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def eager_threads() -> Iterator[None]:
    """Threads take turns far more often than usual, so that fewer rounds meet more orders."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.0002)
    yield
    sys.setswitchinterval(before)


def sit(quiz: QuizVersion) -> Attempt:
    """The open attempt of somebody new."""
    return start(User.objects.create_guest(), quiz)


def start(user: User, quiz: QuizVersion) -> Attempt:
    return start_attempt(user=user, quiz_version=quiz, now=timezone.now())


def submit(attempt: Attempt, option: str = "a", *, position: int = 1, key: str = "") -> Graded:
    return submit_response(
        attempt=attempt,
        position=position,
        answer=chose(option),
        idempotency_key=key or f"key-{option}",
        now=timezone.now(),
    )


def save(attempt: Attempt, option: str) -> AttemptQuestion:
    return save_answer(attempt=attempt, position=1, answer=chose(option), now=timezone.now())


def finish(attempt: Attempt) -> Attempt:
    return finish_attempt(attempt=attempt, now=timezone.now())


def step(attempt: Attempt, wanted: int) -> AttemptQuestion:
    return show_step(attempt=attempt, position=1, step=wanted, now=timezone.now())


def regrade(key: KeyRevision, policy: RegradePolicy, author: User) -> Regrade:
    """What an instructor does: looks at the plan, confirms it, and looks again when it no longer holds."""
    for _try in range(5):
        plan = plan_regrade(key_revision=key, policy=policy)
        try:
            return apply(key, policy, plan.fingerprint, author)
        except Problem as problem:
            if problem.status != 409:
                raise
    raise AssertionError("the plan never held")


def apply(key: KeyRevision, policy: RegradePolicy, fingerprint: str, author: User) -> Regrade:
    return apply_regrade(key_revision=key, policy=policy, fingerprint=fingerprint, author=author, now=timezone.now())


def graded(outcomes: list[object]) -> list[Graded]:
    return [outcome for outcome in outcomes if isinstance(outcome, Graded)]


class TestOnesOwnAttempt:
    """Two tabs, two clicks, a slow connection."""

    def test_start_and_start_begin_one_attempt(self, graded_quiz: QuizVersion) -> None:
        for _round in range(ROUNDS):
            person = User.objects.create_guest()
            outcomes = raced(*[partial(start, person, graded_quiz)] * 4)
            assert outcomes == [person.attempts.get()] * 4

    def test_start_and_finish_leave_a_finished_and_at_most_one_open_attempt(self, graded_quiz: QuizVersion) -> None:
        for _round in range(ROUNDS):
            first = sit(graded_quiz)
            person = first.user
            assert person is not None
            outcomes = raced(partial(finish, first), *[partial(start, person, graded_quiz)] * 3)
            assert not refusals(outcomes)
            assert person.attempts.count() <= 2

    def test_save_and_submit_commit_what_was_submitted(self, graded_quiz: QuizVersion) -> None:
        for _round in range(ROUNDS):
            attempt = sit(graded_quiz)
            outcomes = raced(partial(save, attempt, "b"), partial(submit, attempt, "a"))
            assert graded(outcomes)
            assert attempt_question(attempt, 1).responses.get().options == ["a"]

    def test_save_and_finish_hand_the_draft_in_or_refuse_it(self, graded_quiz: QuizVersion) -> None:
        for _round in range(ROUNDS):
            attempt = sit(graded_quiz)
            outcomes = raced(partial(save, attempt, "a"), partial(finish, attempt))
            assert result_of(attempt).right == (0 if refusals(outcomes) else 1)

    def test_the_same_submit_four_times_is_graded_once(self, graded_quiz: QuizVersion) -> None:
        for _round in range(ROUNDS):
            attempt = sit(graded_quiz)
            outcomes = graded(raced(*[partial(submit, attempt)] * 4))
            assert len({outcome.grade.pk for outcome in outcomes}) == 1
            assert sorted(outcome.repeated for outcome in outcomes) == [False, True, True, True]

    def test_two_submits_commit_one_answer_and_refuse_the_other(self, graded_quiz: QuizVersion) -> None:
        for _round in range(ROUNDS):
            attempt = sit(graded_quiz)
            outcomes = raced(partial(submit, attempt, "a"), partial(submit, attempt, "b"))
            assert len(graded(outcomes)) == len(refusals(outcomes)) == 1

    def test_submit_and_finish_grade_the_answer_or_refuse_it(self, graded_quiz: QuizVersion) -> None:
        for _round in range(ROUNDS):
            attempt = sit(graded_quiz)
            outcomes = raced(partial(submit, attempt), partial(finish, attempt))
            assert Response.objects.filter(attempt_question__attempt=attempt).count() == len(graded(outcomes))
            assert len(graded(outcomes)) + len(refusals(outcomes)) == 1

    def test_finish_and_finish_hand_each_draft_in_once(self, graded_quiz: QuizVersion) -> None:
        for _round in range(ROUNDS):
            attempt = sit(graded_quiz)
            save(attempt, "a")
            outcomes = raced(*[partial(finish, attempt)] * 3)
            assert len({outcome.finished_at for outcome in outcomes if isinstance(outcome, Attempt)}) == 1
            assert result_of(attempt).right == 1

    def test_hint_and_submit_agree_whether_the_hint_was_there(self, practice_quiz: QuizVersion) -> None:
        for _round in range(ROUNDS):
            attempt = sit(practice_quiz)
            hint = partial(show_hint, attempt=attempt, position=1, now=timezone.now())
            outcomes = raced(hint, partial(submit, attempt, "a"))
            question = attempt_question(attempt, 1)
            assert question.answer_shown_at is not None, "a right answer settles a practice question"
            assert question.responses.get().hint_seen == (not refusals(outcomes))

    def test_step_and_step_give_up_once_and_show_one_step(self, practice_quiz: QuizVersion) -> None:
        for _round in range(ROUNDS):
            attempt = sit(practice_quiz)
            assert not refusals(raced(*[partial(step, attempt, 1)] * 3))
            assert attempt_question(attempt, 1).responses.get().gave_up
            assert attempt_question(attempt, 1).steps_shown == 1

    def test_step_and_submit_never_count_a_right_answer_after_giving_up(self, practice_quiz: QuizVersion) -> None:
        for _round in range(ROUNDS):
            attempt = sit(practice_quiz)
            raced(partial(step, attempt, 1), partial(submit, attempt, "a"))
            first = attempt_question(attempt, 1).responses.get(number=1)
            assert result_of(attempt).right == (not first.gave_up)

    def test_redo_and_redo_begin_one_redo(self, graded_quiz: QuizVersion) -> None:
        for _round in range(ROUNDS):
            attempt = finish(sit(graded_quiz))
            outcomes = raced(*[partial(start_redo, attempt=attempt, now=timezone.now())] * 3)
            assert outcomes == [attempt.redos.get()] * 3


class TestEditing:
    """What an author does while learners answer."""

    @pytest.fixture
    def republish(self, publish: Publish, lesson: Lesson) -> Callable[[], LessonVersion]:
        """Publishes a test of other words, keys and length than the one before, as the studio does: all or nothing."""
        versions = iter(range(2, 100))

        def republish() -> LessonVersion:
            number = next(versions)
            text = QUESTIONS.replace("How many numbers does", f"In {number} words, how many numbers does")
            text = text.replace("FEEDBACK-HEAD-B the last", f"In edition {number} the last")
            with transaction.atomic():
                Course.objects.select_for_update().get(lessons=lesson)
                return publish(text.replace("[q-features, ", "[") if number % 2 else text)

        return republish

    def test_publish_and_start_pin_one_whole_version(
        self, republish: Callable[[], LessonVersion], graded_quiz: QuizVersion
    ) -> None:
        for _round in range(ROUNDS):
            people = [User.objects.create_guest() for _ in range(3)]
            begin = [lambda person=person: start(person, current_quiz_version(graded_quiz.quiz)) for person in people]
            for attempt in raced(republish, *begin)[1:]:
                assert isinstance(attempt, Attempt)
                asked = attempt.questions.values_list("question_version", flat=True)
                of_version = attempt.quiz_version.quiz_questions.values_list("question_version", flat=True)
                assert list(asked) == list(of_version)

    def test_publish_and_submit_grade_what_was_asked_by_a_key_that_stood(
        self, republish: Callable[[], LessonVersion], graded_quiz: QuizVersion
    ) -> None:
        for _round in range(ROUNDS):
            attempt = sit(graded_quiz)
            asked = attempt_question(attempt, 2).question_version
            stood = newest_key(asked).number
            (committed,) = graded(raced(republish, partial(submit, attempt, "b", position=2)))
            assert committed.grade.key_revision.question_version == asked
            assert committed.grade.key_revision.number in (stood, newest_key(asked).number)
            assert committed.grade.score == 1

    def test_publish_and_correct_give_keys_one_after_the_other(
        self, republish: Callable[[], LessonVersion], graded_quiz: QuizVersion, instructor: User
    ) -> None:
        asked = version_of("q-head")
        for turn in range(ROUNDS):
            stood = newest_key(asked).number
            option = "ab"[turn % 2]
            correct = partial(corrected, "q-head", instructor, revision=stood, correct=frozenset(option))
            outcomes = raced(republish, correct)
            assert isinstance(outcomes[0], LessonVersion), "a correction never spoils a publication"
            numbers = sorted(asked.key_revisions.values_list("number", flat=True))
            assert numbers == list(range(1, len(numbers) + 1))

    def test_correct_and_correct_keep_the_first_and_refuse_the_second(self, version: object, instructor: User) -> None:
        for turn in range(ROUNDS):
            outcomes = raced(
                *[partial(corrected, "q-features", instructor, revision=turn + 1, correct=frozenset("bca"[turn % 3]))] * 2
            )
            assert len(refusals(outcomes)) == 1
            assert newest_key(version_of("q-features")).number == turn + 2

    def test_correct_and_regrade_leave_every_grade_with_a_key_it_names(
        self, graded_quiz: QuizVersion, instructor: User, colleague: User
    ) -> None:
        attempt = sit(graded_quiz)
        submit(attempt, "b")
        key = corrected("q-features", instructor, correct=frozenset("b"))
        for turn in range(ROUNDS):
            correct = partial(corrected, "q-features", instructor, revision=key.number, correct=frozenset("cb"[turn % 2]))
            outcomes = raced(partial(regrade_or_refuse, key, colleague), correct)
            stands = Grade.objects.latest("pk")
            assert stands.score == (stands.key_revision.correct == ["b"])
            key = newest_key(key.question_version)
            assert outcomes[1] == key
            regrade(key, RegradePolicy.NEW, instructor)
            assert result_of(attempt).total.reached == (key.correct == ["b"])

    def test_regrade_and_submit_leave_no_answer_to_the_old_key(self, graded_quiz: QuizVersion, instructor: User) -> None:
        for turn in range(ROUNDS):
            attempts = [sit(graded_quiz) for _ in range(2)]
            key = corrected("q-features", instructor, revision=turn + 1, correct=frozenset("bc"[turn % 2]))
            outcomes = raced(
                partial(regrade, key, RegradePolicy.NEW, instructor), *[partial(submit, attempt, "b") for attempt in attempts]
            )
            assert not refusals(outcomes)
            for attempt in attempts:
                assert result_of(attempt).items[0].counting.grade.key_revision == key
                assert result_of(attempt).total.reached == (key.correct == ["b"])

    def test_correct_with_its_regrade_and_submit_leave_no_answer_to_the_old_key(
        self, graded_quiz: QuizVersion, instructor: User
    ) -> None:
        for turn in range(ROUNDS):
            attempts = [sit(graded_quiz) for _ in range(2)]

            def correct_and_regrade(turn: int = turn) -> Regrade:
                key = corrected("q-features", instructor, revision=turn + 1, correct=frozenset("bc"[turn % 2]))
                return regrade(key, RegradePolicy.NEW, instructor)

            outcomes = raced(correct_and_regrade, *[partial(submit, attempt, "b") for attempt in attempts])
            assert not refusals(outcomes)
            for attempt in attempts:
                assert result_of(attempt).total.reached == (turn % 2 == 0), "by the new key, whichever was first"

    @pytest.mark.parametrize("policy", [RegradePolicy.NEW, RegradePolicy.NONE])
    def test_the_same_regrade_twice_is_written_once(
        self, policy: RegradePolicy, graded_quiz: QuizVersion, instructor: User, colleague: User
    ) -> None:
        for turn in range(ROUNDS):
            if turn:  # the first time nobody has answered yet
                submit(sit(graded_quiz), "b")
            key = corrected("q-features", instructor, revision=turn + 1, correct=frozenset("bc"[turn % 2]))
            fingerprint = plan_regrade(key_revision=key, policy=policy).fingerprint
            outcomes = raced(*[partial(apply, key, policy, fingerprint, author) for author in (instructor, colleague)])
            assert outcomes == [key.regrades.get()] * 2

    def test_two_policies_at_once_write_what_their_plans_said_or_nothing(
        self, graded_quiz: QuizVersion, instructor: User, colleague: User
    ) -> None:
        for turn in range(ROUNDS):
            attempt = sit(graded_quiz)
            submit(attempt, "b")
            key = corrected("q-features", instructor, revision=turn + 1, correct=frozenset("bc"[turn % 2]))
            plans = [plan_regrade(key_revision=key, policy=policy) for policy in (RegradePolicy.NEW, RegradePolicy.FULL)]
            authors = (instructor, colleague)
            outcomes = raced(
                *[partial(apply, key, plan.policy, plan.fingerprint, who) for plan, who in zip(plans, authors, strict=True)]
            )
            for plan, outcome in zip(plans, outcomes, strict=True):
                written = Grade.objects.filter(regrade=outcome) if isinstance(outcome, Regrade) else Grade.objects.none()
                said = list(plan.rows) if isinstance(outcome, Regrade) else []
                assert sorted(written.values_list("response", "score", "points")) == sorted(said)
            assert result_of(attempt).items[0].counting.grade.regrade == key.regrades.latest("pk")

    def test_regrades_of_two_questions_do_not_block_each_other(
        self, graded_quiz: QuizVersion, instructor: User, colleague: User
    ) -> None:
        attempts = [sit(graded_quiz) for _ in range(6)]
        for attempt in attempts:
            submit(attempt, "b")
            submit(attempt, "a", position=2)
        for turn in range(ROUNDS):
            option = "ba"[turn % 2]
            keys = [
                corrected("q-features", instructor, revision=turn + 1, correct=frozenset(option)),
                corrected("q-head", instructor, revision=turn + 1, correct=frozenset("ab"[turn % 2])),
            ]
            outcomes = raced(*[partial(regrade, key, RegradePolicy.NEW, instructor) for key in keys])
            assert not refusals(outcomes)
            assert {result_of(attempt).total.reached for attempt in attempts} == {2 if turn % 2 == 0 else 0}

    def test_report_and_report_make_one(self, graded_quiz: QuizVersion) -> None:
        for _round in range(ROUNDS):
            attempt = sit(graded_quiz)
            submit(attempt, "b")
            report = partial(report_key, attempt=attempt, position=1, text="b is right", now=timezone.now())
            assert raced(*[report] * 3) == [KeyReport.objects.get(user=attempt.user)] * 3

    def test_two_answers_to_a_report_are_one(self, graded_quiz: QuizVersion, instructor: User, colleague: User) -> None:
        for _round in range(ROUNDS):
            attempt = sit(graded_quiz)
            submit(attempt, "b")
            report = report_key(attempt=attempt, position=1, text="b is right", now=timezone.now())
            outcomes = raced(
                *[
                    partial(answer_report, report=report, text=f"By {who}.", author=who, now=timezone.now())
                    for who in (instructor, colleague)
                ]
            )
            assert len(refusals(outcomes)) == 1

    def test_an_answer_that_read_the_old_key_is_regraded_all_the_same(
        self, graded_quiz: QuizVersion, instructor: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The submit stands between reading the key and committing while another thread corrects it and regrades."""
        attempt = sit(graded_quiz)
        has_read, regraded = threading.Event(), threading.Event()

        def slow_key(version: QuestionVersion) -> KeyRevision:
            key = newest_key(version)
            has_read.set()
            regraded.wait(1)  # a regrade that waits for this submit can't be done before
            return key

        def correct_and_regrade() -> Regrade:
            has_read.wait(10)
            done = regrade(corrected("q-features", instructor, correct=frozenset("b")), RegradePolicy.NEW, instructor)
            regraded.set()
            return done

        monkeypatch.setattr("quizzes.services.newest_key", slow_key)
        outcomes = raced(partial(submit, attempt, "b"), correct_and_regrade)
        (committed,) = graded(outcomes)
        assert committed.grade.key_revision.number == 1
        assert result_of(attempt).total.reached == 1
        assert attempt_question(attempt, 1).responses.get().grades.latest("pk").key_revision.number == 2


def regrade_or_refuse(key: KeyRevision, author: User) -> Regrade:
    """A regrade of somebody who doesn't look again."""
    plan = plan_regrade(key_revision=key, policy=RegradePolicy.NEW)
    return apply(key, RegradePolicy.NEW, plan.fingerprint, author)


class TestComingAndGoing:
    """Signing in with a guest's work, and erasing an account, while another tab goes on."""

    @pytest.fixture
    def both(self) -> Callable[[], tuple[User, User]]:
        """A guest, and the account that they are about to sign in to."""
        numbers = iter(range(100))

        def both() -> tuple[User, User]:
            email = f"person{next(numbers)}@example.org"
            return User.objects.create_guest(), User.objects.create_user(email, "correct horse", name=email)

        return both

    def test_merge_and_submit_lose_no_answer(self, both: Callable[[], tuple[User, User]], graded_quiz: QuizVersion) -> None:
        for _round in range(ROUNDS):
            guest, account = both()
            theirs, older = start(guest, graded_quiz), start(account, graded_quiz)
            save(older, "a")
            outcomes = raced(
                partial(merge_guest, guest=guest, user=account),
                partial(submit, theirs),
                partial(submit, older),
            )
            assert isinstance(outcomes[1], Graded)
            assert set(account.attempts.all()) == {theirs, older}
            assert result_of(theirs).right == result_of(older).right == 1

    def test_merge_and_start_leave_one_open_attempt_of_a_person_who_is_there(
        self, both: Callable[[], tuple[User, User]], graded_quiz: QuizVersion
    ) -> None:
        for turn in range(2 * ROUNDS):
            guest, account = both()
            if turn % 2:
                start(guest, graded_quiz)
            raced(
                partial(merge_guest, guest=guest, user=account),
                partial(start, guest, graded_quiz),
                partial(start, account, graded_quiz),
            )
            assert not Attempt.objects.filter(user__isnull=True).exists(), "nothing begun is nobody's"

    def test_signing_in_twice_merges_once(self, both: Callable[[], tuple[User, User]], graded_quiz: QuizVersion) -> None:
        for _round in range(ROUNDS):
            guest, account = both()
            theirs = start(guest, graded_quiz)
            assert not refusals(raced(*[partial(merge_guest, guest=guest, user=account)] * 3))
            assert account.attempts.get() == theirs

    def test_merge_and_regrade_wait_for_each_other(
        self, both: Callable[[], tuple[User, User]], graded_quiz: QuizVersion, instructor: User
    ) -> None:
        for turn in range(ROUNDS):
            guest, account = both()
            attempts = [start(person, graded_quiz) for person in (guest, account)]
            for attempt in attempts:
                submit(attempt, "b")
            key = corrected("q-features", instructor, revision=turn + 1, correct=frozenset("bc"[turn % 2]))
            outcomes = raced(
                partial(merge_guest, guest=guest, user=account), partial(regrade, key, RegradePolicy.NEW, instructor)
            )
            assert not refusals(outcomes)
            assert account.attempts.count() == 2

    def test_erase_and_submit_keep_the_answer_without_a_name_or_refuse_it(
        self, both: Callable[[], tuple[User, User]], graded_quiz: QuizVersion
    ) -> None:
        for _round in range(ROUNDS):
            _guest, account = both()
            attempt = start(account, graded_quiz)
            outcomes = raced(partial(erase_person, user=account), partial(submit, attempt))
            assert Response.objects.filter(attempt_question__attempt=attempt).count() == len(graded(outcomes))
            assert not User.objects.filter(pk=account.pk or 0, email=account.email).exists()

    def test_erase_and_start_leave_nobody_behind(self, both: Callable[[], tuple[User, User]], graded_quiz: QuizVersion) -> None:
        for _round in range(ROUNDS):
            _guest, account = both()
            same = User.objects.get(pk=account.pk)
            outcomes = raced(partial(erase_person, user=account), partial(start, same, graded_quiz))
            assert outcomes[0] is None, outcomes
            assert not User.objects.filter(pk=same.pk).exists()

    def test_erase_and_report_leave_no_words_behind(
        self, both: Callable[[], tuple[User, User]], graded_quiz: QuizVersion
    ) -> None:
        for _round in range(ROUNDS):
            _guest, account = both()
            same = User.objects.get(pk=account.pk)
            attempt = start(same, graded_quiz)
            submit(attempt, "b")
            report = partial(report_key, attempt=attempt, position=1, text="b is right", now=timezone.now())
            outcomes = raced(partial(erase_person, user=account), report)
            assert outcomes[0] is None, outcomes
            assert not KeyReport.objects.exists()

    def test_erase_and_regrade_wait_for_each_other(
        self, both: Callable[[], tuple[User, User]], graded_quiz: QuizVersion, instructor: User
    ) -> None:
        for turn in range(ROUNDS):
            _guest, account = both()
            for _again in range(3):
                attempt = start(account, graded_quiz)
                submit(attempt, "b")
                finish(attempt)
            key = corrected("q-features", instructor, revision=turn + 1, correct=frozenset("bc"[turn % 2]))
            outcomes = raced(partial(erase_person, user=account), partial(regrade, key, RegradePolicy.NEW, instructor))
            assert not refusals(outcomes)


class TestOtherModes:
    """What is asked beforehand, reviews, overrides and one more question like another; exams have `test_exam_races.py`."""

    @pytest.fixture
    def everything(self, publish: Publish) -> LessonVersion:
        """A lesson with every mode."""
        return publish(EVERYTHING, meta=WITH_EVERYTHING)

    def test_two_predictions_are_one(self, everything: LessonVersion) -> None:
        asked = quiz_of(everything, QuizMode.PREDICTION).quiz_questions.select_related("quiz_version__quiz").get()
        for _round in range(ROUNDS):
            person = User.objects.create_guest()
            outcomes = raced(
                *[
                    partial(
                        predict,
                        user=person,
                        asked=asked,
                        answer=chose(option),
                        confidence="",
                        idempotency_key=f"key-{option}",
                        now=timezone.now(),
                    )
                    for option in "ab"
                ]
            )
            assert len(refusals(outcomes)) == 1
            assert person.attempts.get().questions.get().responses.count() == 1

    def test_two_clicks_add_one_question_like_another(self, everything: LessonVersion) -> None:
        practice = quiz_of(everything, QuizMode.PRACTICE)
        for _round in range(ROUNDS):
            attempt = sit(practice)
            before = attempt.questions.count()
            submit(attempt, "b")
            outcomes = raced(*[partial(ask_another, attempt=attempt, position=1, now=timezone.now())] * 3)
            assert len(set(outcomes)) == 1
            assert attempt.questions.count() <= before + 1

    def test_what_was_missed_is_one_card_however_many_pages_look(self, everything: LessonVersion) -> None:
        quiz = quiz_of(everything, QuizMode.TEST)
        for _round in range(ROUNDS):
            attempt = sit(quiz)
            submit(attempt, "b")
            asked = attempt_question(attempt, 1)
            raced(*[partial(card_state, asked, now=timezone.now())] * 3)
            card = ReviewCard.objects.get(user=attempt.user)
            assert card.reviews.count() == 1

    def test_a_review_that_is_begun_and_gone_on_with_twice_asks_one_card_once(self, everything: LessonVersion) -> None:
        quiz = quiz_of(everything, QuizMode.TEST)
        later = timezone.now() + timedelta(days=30)
        for _round in range(ROUNDS):
            attempt = sit(quiz)
            person = attempt.user
            assert person is not None
            submit(attempt, "b")
            card_state(attempt_question(attempt, 1), now=timezone.now())
            begun = raced(*[partial(begin, person=person, now=later)] * 3)
            (sitting,) = set(begun)
            assert isinstance(sitting, ReviewSitting)
            asked = raced(*[partial(go_on, sitting=sitting, now=later)] * 3)
            (item,) = set(asked)
            assert isinstance(item, ReviewItem)
            assert item.attempt_question is not None
            reviewed = item.attempt_question.attempt
            outcomes = raced(
                partial(submit, reviewed, "a"), partial(submit, reviewed, "b"), partial(end_review, sitting=sitting, now=later)
            )
            assert Review.objects.filter(item=item).count() == min(1, len(graded(outcomes)))

    def test_merge_and_a_reviewed_answer_leave_one_card_for_each_question(self, everything: LessonVersion) -> None:
        quiz = quiz_of(everything, QuizMode.TEST)
        for turn in range(ROUNDS):
            guest = User.objects.create_guest()
            account = User.objects.create_user(f"both{turn}@example.org", name="Both")
            attempts = [start(person, quiz) for person in (guest, account)]
            for attempt in attempts:
                submit(attempt, "b")
            looks = [partial(card_state, attempt_question(attempt, 1), now=timezone.now()) for attempt in attempts]
            raced(partial(merge_guest, guest=guest, user=account), *looks)
            cards = ReviewCard.objects.values_list("user", "question")
            assert len(cards) == len(set(cards))
            assert not ReviewCard.objects.exclude(user=account).exists() or ReviewCard.objects.count() <= 2 * (turn + 1)

    def test_erase_and_a_look_at_what_was_missed_leave_no_card_behind(self, everything: LessonVersion) -> None:
        quiz = quiz_of(everything, QuizMode.TEST)
        for turn in range(ROUNDS):
            person = User.objects.create_user(f"gone{turn}@example.org", name="Gone")
            attempt = start(person, quiz)
            submit(attempt, "b")
            look = partial(card_state, attempt_question(attempt, 1), now=timezone.now())
            outcomes = raced(partial(erase_person, user=User.objects.get(pk=person.pk)), look)
            assert outcomes[0] is None, outcomes
            assert not ReviewCard.objects.exists()

    def test_two_overrides_of_a_grade_keep_the_first_and_refuse_the_second(
        self, everything: LessonVersion, instructor: User, colleague: User
    ) -> None:
        quiz = quiz_of(everything, QuizMode.TEST)
        for turn in range(ROUNDS):
            person = User.objects.create_user(f"graded{turn}@example.org", name="Graded")
            finish(start(person, quiz))
            outcomes = raced(
                *[
                    partial(
                        override_grade,
                        quiz=quiz.quiz,
                        person=person,
                        score=score,
                        reason="Answered on paper.",
                        known=0,
                        author=author,
                        now=timezone.now(),
                    )
                    for score, author in ((1.0, instructor), (0.5, colleague))
                ]
            )
            assert len(refusals(outcomes)) == 1
            assert GradeOverride.objects.get(user=person) in outcomes


def quiz_of(version: LessonVersion, mode: QuizMode) -> QuizVersion:
    found = quiz_version_of(version, mode)
    if found is None:
        pytest.fail(f"the lesson has no {mode}")
    return found


def test_what_two_threads_came_to_is_told_in_their_order() -> None:
    assert at_once(lambda: 1, lambda: 2, lambda: 3) == [1, 2, 3]
    (failed,) = at_once(lambda: 1 // 0)
    assert isinstance(failed, ZeroDivisionError)
