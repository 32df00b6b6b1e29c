"""Everything that changes an attempt, and how to find one. Keyword arguments and the clock come from the caller.

Each write locks the attempt's row first, so that two tabs and double submits meet one after the other; the unique
constraints of the models hold even where a database knows no row locks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import hold
from lessons.models import Course, Lesson, LessonVersion
from lessons.services import current_version
from quizzes.drawing import Asked, draw_questions, questions_to_ask
from quizzes.exams import deadline_for, moment_words, refuse_to_begin
from quizzes.grading import grade
from quizzes.models import (
    BEFOREHAND,
    Attempt,
    AttemptQuestion,
    Confidence,
    Grade,
    KeyRevision,
    QuestionVersion,
    Quiz,
    QuizMode,
    QuizVersion,
    Response,
    Reveal,
)
from quizzes.questions import Answer, Fault, kind_named
from quizzes.records import ResponseRecord, responses_of
from quizzes.results import Result, missed_questions, result_of
from quizzes.reveal import (
    Situation,
    Standing,
    is_withheld,
    offers_hint,
    offers_steps,
    takes_answers,
    tells_questions,
)
from quizzes.reviewing.cards import rate_answer
from quizzes.timing import GRACE, is_over
from web.problems import Problem, not_found

__all__ = [
    "Graded",
    "ResponseRecord",
    "Result",
    "attempt_for",
    "attempt_question",
    "attempts_at",
    "close_attempt",
    "current_quiz_version",
    "finish_attempt",
    "hand_in_overdue",
    "handed_in_if_over",
    "hold_attempts",
    "locked_attempt",
    "newest_key",
    "position_of",
    "quiz_version_of",
    "responses_of",
    "result_of",
    "save_answer",
    "show_hint",
    "show_outcome",
    "show_step",
    "situation_of",
    "standing_of",
    "start_attempt",
    "start_redo",
    "submit_response",
]

_WORDS_OF_THE_LESSON = [f"quiz_version__lesson_version__{field}" for field in ("body", "files", "outputs")]
_IDEMPOTENCY_KEY = re.compile(r"[A-Za-z0-9._:-]{1,64}")


@dataclass(frozen=True, slots=True)
class Graded:
    """A committed answer and its grade. Whether the learner may be told yet is the policy's matter."""

    response: Response
    grade: Grade
    repeated: bool = False  # the same request had been here before; nothing was written now


# --- finding -----------------------------------------------------------------------------------------------------------------


def quiz_version_of(version: LessonVersion, mode: str) -> QuizVersion | None:
    """The quiz of a lesson version that tests or practises; none when it has no such questions."""
    return QuizVersion.objects.select_related("quiz").filter(lesson_version=version, quiz__mode=mode).first()


def current_quiz_version(quiz: Quiz) -> QuizVersion:
    """The quiz as its course shows it now; 404 when the course shows no such quiz, 409 for a review, which asks cards."""
    if quiz.mode == QuizMode.REVIEW:
        raise Problem(409, _("Nothing to begin here"), _("A review asks what is due. Begin it on the page of your review."))
    version = current_version(quiz.lesson)
    found = quiz_version_of(version, quiz.mode) if version else None
    if found is None:
        raise not_found()
    return found


def attempt_for(*, attempt_id: UUID | str, person: User | None, now: datetime | None = None) -> Attempt:
    """This person's attempt; 404 for one that is not there and for one that is someone else's.

    One whose time is up by `now` (none: this moment) comes back handed in: whoever looks finds it as its deadline left it.
    """
    related = ("quiz_version__quiz", "quiz_version__lesson_version__lesson__course")
    attempts = Attempt.objects.select_related(*related).defer(*_WORDS_OF_THE_LESSON)
    found = person and attempts.filter(pk=attempt_id, user=person).first()
    if not found:
        raise not_found()
    found.user = person
    return handed_in_if_over(found, now=now or timezone.now())


def attempt_question(attempt: Attempt, position: int) -> AttemptQuestion:
    """The question at a place (from 1) of an attempt; 404 when there is no such place."""
    question = attempt.questions.select_related("question_version").filter(position=position).first()
    if question is None:
        raise not_found()
    return question


def position_of(attempt: Attempt, uid: str) -> int | None:
    """The place (from 1) at which an attempt asks the question of this uid; none when it doesn't."""
    return attempt.questions.filter(question_version__question__uid=uid).values_list("position", flat=True).first()


def attempts_at(*, quiz: Quiz, person: User | None, now: datetime | None = None) -> list[Attempt]:
    """This person's attempts at a quiz in any of its versions, the newest first; redos left out."""
    if person is None:
        return []
    related = ("quiz_version__quiz", "quiz_version__lesson_version")
    found = Attempt.objects.select_related(*related).filter(user=person, quiz_version__quiz=quiz, is_redo=False)
    return [handed_in_if_over(attempt, now=now or timezone.now()) for attempt in found.order_by("-started_at")]


def standing_of(attempt: Attempt, *, now: datetime | None = None) -> Standing:
    """What the rules of `quizzes.reveal` need to know of an attempt as a whole, at `now` (none: this moment)."""
    version = attempt.quiz_version
    total_only = version.reveal == Reveal.NEVER and not attempt.is_practice
    waits = version.reveal == Reveal.DATE and not attempt.is_practice
    return Standing(
        finished=attempt.is_finished,
        # Each prediction is told by itself, after a run; together they come to nothing that could be told.
        withheld=total_only
        or attempt.mode == QuizMode.PREDICTION
        or (waits and is_withheld(reveal_at=version.reveal_at, now=now or timezone.now())),
        total_only=total_only,
    )


def situation_of(attempt: Attempt, question: AttemptQuestion, *, answered: bool, now: datetime | None = None) -> Situation:
    """What the rules of `quizzes.reveal` need to know of a question, at `now` (none: this moment)."""
    answer_shown = question.answer_shown_at is not None
    is_prediction = attempt.mode == QuizMode.PREDICTION
    return Situation(
        practice=attempt.is_practice,
        after_each=attempt.quiz_version.reveal == Reveal.EACH,
        finished=attempt.is_finished,
        answered=answered,
        answer_shown=answer_shown,
        withheld=not answer_shown if is_prediction else standing_of(attempt, now=now).withheld,
    )


# --- starting ----------------------------------------------------------------------------------------------------------------


def start_attempt(*, user: User, quiz_version: QuizVersion, now: datetime) -> Attempt:
    """A new attempt at exactly this version of the quiz, or the one that is still open.

    What is asked before the lesson is asked once: there the one that was made comes back, finished or not.
    """
    questions = questions_to_ask(quiz_version, user)
    return _open_or_begin(user=user, quiz_version=quiz_version, questions=questions, redo_of=None, now=now)


def start_redo(*, attempt: Attempt, now: datetime) -> Attempt:
    """Practice with only the questions that a finished attempt missed, or the redo that is still open."""
    if not attempt.is_finished:
        raise Problem(409, _("Not finished yet"), _("Finish this attempt first. Then you can redo what you missed."))
    if attempt.mode in BEFOREHAND:
        raise Problem(409, _("Asked once"), _("These questions are asked once, before the lesson. Practise has more of them."))
    if not tells_questions(standing_of(attempt, now=now)):
        raise Problem(409, _("Not yet"), _("You can redo what you missed once you have been told what that is."))
    missed = {question.position for question in missed_questions(attempt)}
    if not missed or attempt.user is None:
        raise Problem(409, _("Nothing to redo"), _("You missed nothing in this attempt."))
    asked = attempt.questions.select_related("question_version").filter(position__in=missed)
    return _open_or_begin(user=attempt.user, quiz_version=attempt.quiz_version, questions=list(asked), redo_of=attempt, now=now)


def _open_or_begin(
    *,
    user: User,
    quiz_version: QuizVersion,
    questions: Sequence[Asked],
    redo_of: Attempt | None,
    now: datetime,
) -> Attempt:
    wanted = {"user": user, "quiz_version": quiz_version, "is_redo": redo_of is not None}
    is_exam = quiz_version.quiz.mode == QuizMode.EXAM and redo_of is None
    # Whoever left an exam comes back to it, even where a newer version of the lesson asks another one.
    same: dict[str, Any] = {"user": user, "quiz_version__quiz": quiz_version.quiz, "is_redo": False} if is_exam else wanted
    if quiz_version.quiz.mode not in BEFOREHAND:
        same = same | {"finished_at__isnull": True}
    hand_in_overdue(now=now, user=user)
    with transaction.atomic():
        hold(user)
        if found := Attempt.objects.filter(**same).first():
            return found
        deadline_at = None
        if is_exam:
            refuse_to_begin(quiz_version, user=user, now=now)
            deadline_at = deadline_for(quiz_version, user=user, started_at=now)
        attempt = Attempt.objects.create(**wanted, redo_of=redo_of, started_at=now, deadline_at=deadline_at)
        if not draw_questions(attempt, questions) and questions:
            raise Problem(409, _("Nothing to ask yet"), nothing_to_ask())
    return attempt


def nothing_to_ask() -> str:
    """What is said of a quiz whose every question is drawn from figures that are not known yet."""
    return _("These questions are drawn from figures that are still being computed here. Come back in a few minutes.")


# --- answering ---------------------------------------------------------------------------------------------------------------


def save_answer(
    *, attempt: Attempt, position: int, answer: Answer, confidence: str | None = None, now: datetime
) -> AttemptQuestion:
    """Keeps an answer that is not committed yet, so that a closed tab loses nothing. An empty one takes it back.

    How sure the learner said they are of it stays as it was where `confidence` is none. Problem 409 after the deadline.
    """
    attempt = handed_in_if_over(attempt, now=now)
    with transaction.atomic():
        attempt = locked_attempt(attempt)
        question = attempt_question(attempt, position)
        _refuse_unless_open(attempt, question, answered=question.responses.exists(), now=now)
        if not answer.is_empty:
            _refuse_unusable(question, answer)
        question.drafted = answer
        question.draft_confidence = _confidence(question, confidence)
        question.draft_saved_at = now
        question.save(update_fields=["draft", "draft_text", "draft_confidence", "draft_saved_at"])
    return question


def submit_response(
    *,
    attempt: Attempt,
    position: int,
    answer: Answer,
    confidence: str | None = None,
    idempotency_key: str,
    now: datetime,
) -> Graded:
    """Commits an answer and grades it with the newest key of the question version that the learner saw.

    `confidence` is how sure the learner says they are of it; none: what they said with the draft. It is no part of the grade.
    The same request again returns the same grade. Raises Problem 409 when the question takes no (further) answer and
    422 when it is no answer to this question.
    """
    if not _IDEMPOTENCY_KEY.fullmatch(idempotency_key):
        raise Problem(
            422,
            _("Unusable idempotency key"),
            _("An idempotency key is 1 to 64 letters, digits or any of . _ : -"),
        )
    attempt = handed_in_if_over(attempt, now=now)
    with transaction.atomic():
        attempt = locked_attempt(attempt)
        question = attempt_question(attempt, position)
        before = list(question.responses.all())
        if known := next((one for one in before if one.idempotency_key == idempotency_key), None):
            return _repeated(known, answer)
        _refuse_unless_open(attempt, question, answered=bool(before), now=now)
        _refuse_unusable(question, answer)
        question.draft_confidence = _confidence(question, confidence)
        number = len(before) + 1
        return _commit(attempt, question, answer=answer, number=number, idempotency_key=idempotency_key, now=now)


def _repeated(response: Response, answer: Answer) -> Graded:
    if answer != response.answer:
        raise Problem(
            409,
            _("Already sent"),
            _("This form was sent before with another answer, and that one counts. Reload the page to go on."),
        )
    grade = response.grades.order_by("-pk").first()
    if grade is None:
        raise LookupError(f"response {response.pk} has no grade")
    return Graded(response, grade, repeated=True)


def _commit(
    attempt: Attempt, question: AttemptQuestion, *, answer: Answer, number: int = 1, idempotency_key: str, now: datetime
) -> Graded:
    """Stores the response, which is the question's how-manieth, and its grade; an answer that settles it opens its solution."""
    response = Response.objects.create(
        attempt_question=question,
        number=number,
        options=sorted(answer.options),
        text=answer.text,
        gave_up=answer.is_empty,
        confidence="" if answer.is_empty else question.draft_confidence,
        idempotency_key=idempotency_key,
        hint_seen=question.hint_shown_at is not None,
        steps_seen=question.steps_shown,
        committed_at=now,
    )
    revision = newest_key(question.question_version)
    score = grade(question.question_version.kind, answer, revision.key)
    row = Grade.objects.create(
        response=response, key_revision=revision, score=score.value, points=score.value * question.points, graded_at=now
    )
    question.drafted, question.draft_confidence = Answer(), ""
    if _settles(attempt, is_right=score.is_right):
        question.answer_shown_at = now
    question.save(update_fields=["draft", "draft_text", "draft_confidence", "answer_shown_at"])
    if attempt.mode == QuizMode.REVIEW:
        rate_answer(question, response, right=score.is_right)
    return Graded(response, row)


def _settles(attempt: Attempt, *, is_right: bool) -> bool:
    """Whether an answer opens its solution at once; that of a prediction is opened after a run."""
    if attempt.is_practice:
        return is_right
    return attempt.quiz_version.reveal == Reveal.EACH and attempt.mode != QuizMode.PREDICTION


def newest_key(version: QuestionVersion) -> KeyRevision:
    """The key that grades answers committed now. To be called while committing one, never before."""
    revision = version.key_revisions.order_by("-number").first()
    if revision is None:
        raise LookupError(f"question version {version.pk} has no key")
    return revision


# --- hints and steps ---------------------------------------------------------------------------------------------------------


def show_hint(*, attempt: Attempt, position: int, now: datetime) -> AttemptQuestion:
    """Records that the hint was asked for; 409 where there are none (a test) or the question is settled."""
    with transaction.atomic():
        attempt = locked_attempt(attempt)
        question = attempt_question(attempt, position)
        if question.hint_shown_at is not None:
            return question
        if not offers_hint(situation_of(attempt, question, answered=question.responses.exists())):
            raise Problem(409, _("No hint here"), _("Hints belong to practice, while a question is open."))
        question.hint_shown_at = now
        question.save(update_fields=["hint_shown_at"])
    return question


def show_step(*, attempt: Attempt, position: int, step: int, now: datetime) -> AttemptQuestion:
    """Shows the solution up to `step` (from 1), at most one step further than before; the last one opens the answer.

    A solution is part of the key, which nobody sees before committing: asking for its first step before any answer commits
    a response that gives up, with score 0. Trying again stays possible until the last step is shown.
    """
    with transaction.atomic():
        attempt = locked_attempt(attempt)
        question = attempt_question(attempt, position)
        if step <= question.steps_shown:
            return question
        answered = question.responses.exists()
        if not offers_steps(situation_of(attempt, question, answered=answered)):
            raise Problem(409, _("No steps to show"), _("Steps belong to practice, while a question is open."))
        if not answered:
            _commit(attempt, question, answer=Answer(), idempotency_key=f"gave-up-{uuid4()}", now=now)
        question.steps_shown += 1
        if question.steps_shown >= len(newest_key(question.question_version).solution):
            question.answer_shown_at = now
        question.save(update_fields=["steps_shown", "answer_shown_at"])
    return question


def show_outcome(*, attempt: Attempt, position: int, now: datetime) -> AttemptQuestion:
    """Tells what was right of a prediction that was made; 409 before it was, and for questions that are no predictions."""
    with transaction.atomic():
        attempt = locked_attempt(attempt)
        question = attempt_question(attempt, position)
        if question.answer_shown_at is not None:
            return question
        if attempt.mode != QuizMode.PREDICTION or not question.responses.exists():
            raise Problem(409, _("Nothing to tell yet"), _("Make your prediction first. Then you are told what was right."))
        question.answer_shown_at = now
        question.save(update_fields=["answer_shown_at"])
    return question


# --- finishing ---------------------------------------------------------------------------------------------------------------


def finish_attempt(*, attempt: Attempt, now: datetime) -> Attempt:
    """Closes the attempt for good; doing it again changes nothing.

    In a test, choices that were saved but not yet checked are handed in: what the learner chose counts. However late
    somebody looks, no attempt ends after its deadline. Raises Problem 409 for predictions, which are told one by one.
    """
    if attempt.mode == QuizMode.PREDICTION:
        raise Problem(409, _("Nothing to hand in"), _("Predictions are told one by one: run it, then look."))
    return close_attempt(attempt=attempt, now=now)


def close_attempt(*, attempt: Attempt, now: datetime) -> Attempt:
    """Closes any attempt as it stands, predictions too."""
    with transaction.atomic():
        attempt = locked_attempt(attempt)
        if attempt.is_finished:
            return attempt
        ended = min(now, attempt.deadline_at) if attempt.deadline_at else now
        if not attempt.is_practice:
            _hand_in_drafts(attempt, now=ended)
        attempt.finished_at = ended
        attempt.save(update_fields=["finished_at"])
    return attempt


def hand_in_overdue(
    *, now: datetime, user: User | None = None, lesson: Lesson | None = None, course: Course | None = None
) -> int:
    """Hands in every attempt whose time is up, of everybody or of a person, lesson or course; how many there were.

    Whoever looks at attempts calls it first, and so does the clock: none is found open after its deadline.
    """
    late = Attempt.objects.filter(finished_at__isnull=True, deadline_at__lt=now - GRACE)
    if user is not None:
        late = late.filter(user=user)
    if lesson is not None:
        late = late.filter(quiz_version__quiz__lesson=lesson)
    if course is not None:
        late = late.filter(quiz_version__quiz__lesson__course=course)
    found = list(late.order_by("pk"))
    for attempt in found:
        handed_in_if_over(attempt, now=now)
    return len(found)


def handed_in_if_over(attempt: Attempt, *, now: datetime) -> Attempt:
    """The attempt, handed in with what was saved if its time is up. Two at once hand it in once.

    In a transaction of its own: what is refused for coming too late must not undo it.
    """
    if attempt.is_finished or not is_over(attempt.deadline_at, now):
        return attempt
    with transaction.atomic():
        held = locked_attempt(attempt)
        # Extra time may have come in the meantime.
        return finish_attempt(attempt=held, now=now) if is_over(held.deadline_at, now) else held


def _hand_in_drafts(attempt: Attempt, *, now: datetime) -> None:
    for question in attempt.questions.select_related("question_version"):
        if not question.drafted.is_empty and not question.responses.exists():
            _commit(attempt, question, answer=question.drafted, idempotency_key=f"handed-in-{uuid4()}", now=now)


# --- guards ------------------------------------------------------------------------------------------------------------------


def locked_attempt(attempt: Attempt) -> Attempt:
    """The attempt as it is now, held until the transaction ends. What it pins can't have changed, and isn't read again."""
    locked = Attempt.objects.select_for_update().get(pk=attempt.pk)
    locked.quiz_version = attempt.quiz_version
    return locked


def hold_attempts(attempts: QuerySet[Attempt]) -> None:
    """Holds all of these until the transaction ends. Taken in any other order, two who want the same ones would never end."""
    list(attempts.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))


def _refuse_unless_open(attempt: Attempt, question: AttemptQuestion, *, answered: bool, now: datetime) -> None:
    if is_over(attempt.deadline_at, now):
        raise Problem(
            409,
            _("The time is up"),
            _("The time was up on %(at)s. What was saved until then is handed in; this answer came later and was not added.")
            % {"at": moment_words(attempt.deadline_at)},
        )
    if attempt.is_finished:
        raise Problem(
            409,
            _("Already finished"),
            _("This attempt is finished, perhaps in another tab. This answer was not added; your results stand."),
        )
    if takes_answers(situation_of(attempt, question, answered=answered)):
        return
    if attempt.is_practice:
        raise Problem(409, _("Already settled"), _("The answer to this question has been shown. Go on with the next one."))
    raise Problem(
        409,
        _("Already answered"),
        _("You have answered this question, perhaps in another tab. Your first answer counts; this one was not added."),
    )


def _refuse_unusable(question: AttemptQuestion, answer: Answer) -> None:
    fault = kind_named(question.question_version.kind).fault_in(answer, offered=frozenset(question.option_order))
    if fault is not None:
        raise Problem(422, _("Not an answer"), _sentence(fault))


def _confidence(question: AttemptQuestion, said: str | None) -> str:
    """How sure the learner is of the answer now; Problem 422 for a word that stands for no confidence."""
    if said is None:
        return question.draft_confidence
    if said and said not in Confidence.values:
        raise Problem(422, _("Not a confidence"), _("Say how sure you are with one of the three words offered, or not at all."))
    return said


def _sentence(fault: Fault) -> str:
    match fault:
        case Fault.NOTHING_CHOSEN:
            return _("Choose an answer first.")
        case Fault.SEVERAL_CHOSEN:
            return _("Choose one answer only.")
        case Fault.NOTHING_WRITTEN:
            return _("Write a number first.")
        case Fault.NOT_A_NUMBER:
            return _("That is not a number. Write it in digits, such as 1234.5 or 1.2e6.")
    return _("That is none of this question’s options. Reload the page and choose again.")
