"""From questions.yaml to immutable rows.

A question gets a new version only where its public words changed, and a new key revision where only its key did. A key that
was corrected on its own page stays while the document says what it said before.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import override

from lessons.facts import Recorder
from lessons.films import Asked as Film
from lessons.films import ask_for_house_runs
from lessons.models import Course, LessonVersion
from lessons.parts import PartContext
from quizzes.keys import rule_of
from quizzes.models import (
    KeyRevision,
    Misconception,
    Question,
    QuestionVersion,
    Quiz,
    QuizMode,
    QuizQuestion,
    QuizVersion,
    Reveal,
)
from quizzes.schema import AnyQuestion, ExamDocument, QuestionDocument, QuestionsDocument, ReadingDocument, TemplateDocument
from quizzes.sketching.words import Misconception as Belief
from quizzes.storing import key_says, public_digest, store_question_version
from quizzes.variants import DRAWERS
from quizzes.words import filled, record_facts


def publish_questions(document: QuestionsDocument, context: PartContext, version: LessonVersion) -> None:
    """Stores a checked document's questions, keys and quizzes as the ones of `version`. To be called in a transaction."""
    _keep_misconceptions(document, context, version)
    beliefs = _beliefs(version.lesson.course)
    published = {question.uid: _publish_question(question, context, version, beliefs) for question in document.questions}
    if document.test:
        test = document.test
        quiz = _quiz_version(version, QuizMode.TEST, title=test.title, reveal=Reveal(test.reveal), reveal_at=test.reveal_at)
        _ask(quiz, [published[uid] for uid in test.questions])
    if document.exam:
        _ask(_exam(version, document.exam), [published[uid] for uid in document.exam.questions])
    if document.practice:
        quiz = _quiz_version(version, QuizMode.PRACTICE, title="", reveal=Reveal.EACH)
        _ask(quiz, [published[uid] for uid in document.practice.questions])
    if document.pretest:
        quiz = _quiz_version(version, QuizMode.PRETEST, title="", reveal=Reveal.FINISH)
        _ask(quiz, [published[uid] for uid in document.pretest.questions])
    if document.predictions:
        before = document.predictions.by_mode
        quiz = _quiz_version(version, QuizMode.PREDICTION, title="", reveal=Reveal.EACH)
        _ask(quiz, [published[uid] for uid in before.values()], before=list(before))
    if document.pattern_pool and "test" in context.meta.get("modes", []):  # that is where it is taken
        quiz = _quiz_version(version, QuizMode.PATTERN, title="", reveal=Reveal.FINISH)
        _ask(quiz, [published[uid] for uid in document.pattern_pool])
    _ask_for_runs(document, context)


def _ask_for_runs(document: QuestionsDocument, context: PartContext) -> None:
    """Asks for those of the site's own runs that questions are read out of and that nobody has run."""
    readings = [question for question in document.questions if isinstance(question, ReadingDocument)]
    runs = [Film(**run) for question in readings for run in question.recipe(context.meta)["runs"]]
    ask_for_house_runs(list(dict.fromkeys(runs)), now=timezone.now())


def _keep_misconceptions(document: QuestionsDocument, context: PartContext, version: LessonVersion) -> None:
    """The misconceptions in the words of this version, their figures written out: their pages look nothing up."""
    lesson = version.lesson
    slugs = {misconception.slug for misconception in document.misconceptions}
    brought = {slug: belief for slug, belief in _brought(document, context).items() if slug not in slugs}
    Misconception.objects.filter(lesson=lesson).exclude(slug__in=[*slugs, *brought]).delete()
    for misconception in document.misconceptions:
        words = misconception.model_dump(exclude={"slug"})
        words |= {field: filled(words[field], context.facts) for field in ("belief", "why")}
        Misconception.objects.update_or_create(
            course=lesson.course, slug=misconception.slug, defaults={"lesson": lesson, **words}
        )
    elsewhere = Misconception.objects.filter(course=lesson.course, slug__in=brought).exclude(lesson=lesson)
    for slug in elsewhere.values_list("slug", flat=True):
        del brought[slug]  # what another lesson of the course says of it stands
    for belief in brought.values():
        words = {"title": belief.title, "belief": belief.belief, "why": belief.why, "mistake": belief.mistake}
        Misconception.objects.update_or_create(course=lesson.course, slug=belief.slug, defaults={"lesson": lesson, **words})


def _brought(document: QuestionsDocument, context: PartContext) -> dict[str, Belief]:
    """The misconceptions that templates bring along, by their slugs, in the course's language."""
    found: dict[str, Belief] = {}
    with override(context.course.language):
        for question in document.questions:
            if isinstance(question, TemplateDocument):
                drawer = DRAWERS[question.kind](None)
                slugs = drawer.misconceptions(question.recipe(context.meta))
                found |= {slug: drawer.belief(slug) for slug in sorted(slugs)}
    return found


def _beliefs(course: Course) -> dict[str, dict[str, str]]:
    """Slug → the words that a key keeps of each misconception of the course."""
    fields = ("slug", "title", "belief", "why", "mistake")
    rows = Misconception.objects.filter(course=course).values_list(*fields)
    return {row[0]: dict(zip(fields, row, strict=True)) for row in rows}


def _publish_question(
    document: AnyQuestion, context: PartContext, version: LessonVersion, beliefs: Mapping[str, dict[str, str]]
) -> QuestionVersion:
    question, _new = Question.objects.get_or_create(uid=document.uid, defaults={"lesson": version.lesson})
    if isinstance(document, TemplateDocument):
        return _question_version(question, template_part(document, context))  # each variant has a key of its own
    asked = _question_version(question, public_part(document, context))
    _keep_key(asked, document, context, beliefs, version)
    return asked


def _question_version(question: Question, public: Mapping[str, Any]) -> QuestionVersion:
    newest = question.versions.filter(template__isnull=True).order_by("-number").first()
    if newest and newest.public_sha256 == public_digest(public):
        return newest
    return store_question_version(public, question=question, number=newest.number + 1 if newest else 1)


def public_part(document: QuestionDocument, context: PartContext) -> dict[str, Any]:
    """All that is shown of a question before an answer, with the facts its words show."""
    facts = Recorder(context.facts)
    options = document.options if document.shows_options else []
    record_facts([document.stem, *(option.text for option in options)], facts)
    return {
        "kind": document.kind,
        "about": document.about,
        "difficulty": document.difficulty,
        "objective": document.objective,
        "stem": document.stem,
        "options": [{"key": option.id, "text": option.text} for option in options],
        "facts": facts.kept,
    }


def template_part(document: TemplateDocument, context: PartContext) -> dict[str, Any]:
    """What stands in place of the words of a question that is drawn anew each time it is asked."""
    return {
        "kind": document.kind,
        "about": document.about,
        "difficulty": document.difficulty,
        "objective": document.objective,
        "stem": "",
        "options": [],
        "facts": {},
        "recipe": document.recipe(context.meta),
    }


def key_part(document: QuestionDocument, context: PartContext, beliefs: Mapping[str, dict[str, str]]) -> dict[str, Any]:
    """All that is shown of a question after an answer, with the facts its words show."""
    misconceptions = {option.id: beliefs[option.misconception] for option in document.options if option.misconception}
    words = [document.hint, document.answer, *document.solution, *(option.feedback for option in document.options)]
    words += [] if document.shows_options else [option.text for option in document.options]
    words += [belief[field] for belief in misconceptions.values() for field in ("belief", "why")]
    facts = Recorder(context.facts)
    record_facts(words, facts)
    return {
        "correct": [option.id for option in document.right],
        "rule": rule_of(document, context.facts),
        "feedback": {option.id: option.feedback for option in document.options},
        "misconceptions": misconceptions,
        "hint": document.hint,
        "solution": list(document.solution),
        "answer": document.answer,
        "facts": facts.kept,
    }


def _keep_key(
    asked: QuestionVersion,
    document: QuestionDocument,
    context: PartContext,
    beliefs: Mapping[str, dict[str, str]],
    version: LessonVersion,
) -> None:
    key = json.loads(json.dumps(key_part(document, context, beliefs), default=str))  # as the database will give it back
    newest = asked.key_revisions.order_by("-number").first()
    if newest and key_says(newest, key):
        return
    published = asked.key_revisions.filter(reason="").order_by("-number").first()
    if newest and newest.reason and published and key_says(published, key):
        return  # the document is older than the correction, and publishing it for another reason must not undo that
    KeyRevision.objects.create(
        question_version=asked, number=newest.number + 1 if newest else 1, created_by=version.created_by, **key
    )


def _exam(version: LessonVersion, document: ExamDocument) -> QuizVersion:
    return _quiz_version(
        version,
        QuizMode.EXAM,
        title=document.title,
        reveal=Reveal(document.reveal),
        reveal_at=document.reveal_at,
        minutes=document.minutes,
        opens_at=document.opens_at,
        closes_at=document.closes_at,
        attempts_allowed=document.attempts,
    )


def _quiz_version(
    version: LessonVersion, mode: QuizMode, *, title: str, reveal: Reveal, **limits: datetime | int | None
) -> QuizVersion:
    quiz, _new = Quiz.objects.get_or_create(lesson=version.lesson, mode=mode)
    return QuizVersion.objects.create(quiz=quiz, lesson_version=version, title=title[:200], reveal=reveal, **limits)


def _ask(quiz: QuizVersion, questions: Sequence[QuestionVersion], *, before: Sequence[str] = ()) -> None:
    """Puts the questions into the quiz in this order; `before` has the mode that each prediction is asked before."""
    modes = before or [""] * len(questions)
    QuizQuestion.objects.bulk_create(
        QuizQuestion(quiz_version=quiz, position=position, question_version=question, before=mode)
        for position, (question, mode) in enumerate(zip(questions, modes, strict=True), start=1)
    )
