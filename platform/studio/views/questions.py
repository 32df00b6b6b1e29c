"""The questions of a lesson's draft: the list, the editor, the test's and practice's order, the misconceptions."""

from __future__ import annotations

import secrets
from string import ascii_lowercase
from typing import Any

from django.contrib import messages
from django.db.models import TextChoices
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from lessons.models import Lesson
from lessons.modes import all_modes
from lessons.publishing import open_draft
from lessons.schema import LESSON_FILE
from quizzes.models import About, Difficulty, Misconception
from quizzes.modes import PractiseMode, TestMode
from quizzes.schema import QUESTIONS_FILE
from quizzes.variants import DRAWERS
from studio.access import author_of, for_lesson
from studio.choices import misconception_choices, mistake_choices, prediction_choices, question_choices
from studio.conflicts import fingerprint
from studio.documents import LISTS, LessonText, QuestionsText, Values, without_other_kinds
from studio.editing import Files, Misconceptions, OneQuestion, QuizSettings, change_files
from studio.forms import MISCONCEPTION_ROWS, QUESTION_ROWS, QuestionForm, QuizForm, StudioForm, called
from studio.frame import lesson_frame
from studio.needs import needs_of_question
from studio.previews import question_preview, samples_preview
from studio.proofs import proof_notice, proof_states, proving_context
from studio.sheets import SheetPage
from studio.yamltext import UnreadableError
from web.problems import not_found

NEW_QUESTION: Values = {"kind": "single", "about": About.CONCEPT, "difficulty": Difficulty.EASY, "in_practice": True}


@require_http_methods(["GET", "HEAD", "POST"])
@for_lesson
def questions(request: HttpRequest, lesson: Lesson) -> HttpResponse:
    """All questions of the draft, the test and practice in order, and what the test is called."""
    page = SheetPage(
        request,
        lesson,
        QuizSettings(),
        QuizForm,
        {},
        "studio/questions.html",
        _url("questions", lesson),
        options=prediction_choices,
    )
    draft = open_draft(lesson)
    try:
        document = QuestionsText(draft.files.get(QUESTIONS_FILE, ""))
    except UnreadableError:
        return page.respond()  # which leads to the document
    proofs = proof_states(document.questions)
    page.context = {
        "rows": [{**_row(document, uid), "proof": proofs.get(uid)} for uid in document.uids],
        "proof_notice": lambda: proof_notice(lesson),
        "lists": [_listed(document, name) for name in LISTS],
        "missing_modes": _missing_modes(draft.files, document),
    }
    return page.respond()


def _missing_modes(files: Files, document: QuestionsText) -> list[str]:
    """The titles of modes that would ask these questions, but that the lesson doesn't offer."""
    try:
        offered = LessonText(files.get(LESSON_FILE, "")).values["modes"]
    except UnreadableError:
        return []
    quiz = document.quiz
    asking = {TestMode.slug: quiz["test"] or quiz["exam"], PractiseMode.slug: quiz["practice"]}
    asked = [slug for slug, uids in asking.items() if uids]
    return [str(mode.title) for mode in all_modes() if mode.slug in asked and mode.slug not in offered]


def _row(document: QuestionsText, uid: str) -> dict[str, Any]:
    question = document.questions[document.uids.index(uid)]
    return {
        "uid": uid,
        "excerpt": called(question),
        "about": _label(About, question.get("about")),
        "difficulty": _label(Difficulty, question.get("difficulty")),
        "test": _place(document.quiz["test"], uid),
        "exam": _place(document.quiz["exam"], uid),
        "practice": _place(document.quiz["practice"], uid),
        "pretest": _place(document.quiz["pretest"], uid),
    }


def _label(choices: type[TextChoices], value: Any) -> str:
    """The choice in words; a value that is none of them as it stands."""
    return choices(value).label if value in choices.values else str(value or "")


def _place(uids: list[str], uid: str) -> int | None:
    return uids.index(uid) + 1 if uid in uids else None


def _listed(document: QuestionsText, name: str) -> dict[str, Any]:
    uids = document.quiz[name]
    return {
        "name": name,
        "title": {"test": _("In the graded test"), "exam": _("In the exam"), "practice": _("In practice")}.get(
            name, _("Before the lesson")
        ),
        "rows": [
            {
                "uid": uid,
                "excerpt": _row(document, uid)["excerpt"] if uid in document.uids else _("(no such question)"),
                "first": place == 0,
                "last": place == len(uids) - 1,
            }
            for place, uid in enumerate(uids)
        ],
    }


@require_POST
@for_lesson
def move(request: HttpRequest, lesson: Lesson) -> HttpResponse:
    """Moves a question up or down in the test or in practice."""
    name, uid, way = (request.POST.get(field, "") for field in ("list", "uid", "way"))

    def moved(files: dict[str, str]) -> dict[str, str]:
        document = QuestionsText(files.get(QUESTIONS_FILE, ""))
        uids = list(document.quiz.get(name, ())) if name in LISTS else []
        if uid not in uids:
            return files
        place = uids.index(uid)
        other = place - 1 if way == "up" else place + 1
        if not 0 <= other < len(uids):
            return files
        uids[place], uids[other] = uids[other], uids[place]
        return {**files, QUESTIONS_FILE: document.with_quiz({**document.quiz, name: uids})}

    _change(request, lesson, moved)
    return redirect(_url("questions", lesson) + f"#list-{name if name in LISTS else 'test'}")


def _change(request: HttpRequest, lesson: Lesson, change: Any) -> None:
    try:
        change_files(lesson=lesson, change=change, author=author_of(request), now=timezone.now())
    except UnreadableError as error:
        messages.error(
            request, _("Line %(line)s of questions.yaml: %(problem)s") % {"line": error.line, "problem": error.message}
        )


@require_GET
@for_lesson
def new_question(request: HttpRequest, lesson: Lesson) -> HttpResponse:
    """A fresh lasting name for a question, and its empty form. Nothing is stored before the first save."""
    uid = f"{lesson.slug[:40].strip('-')}-{secrets.token_hex(3)}"
    return redirect(_url("question", lesson, uid) + "?new=1")


@require_http_methods(["GET", "HEAD", "POST"])
@for_lesson
def question(request: HttpRequest, lesson: Lesson, uid: str) -> HttpResponse:
    """The editor of one question."""
    draft = open_draft(lesson)

    def shown(files: Files) -> SafeString:
        document = QuestionsText(files.get(QUESTIONS_FILE, ""))
        written = document.questions[document.uids.index(uid)]
        if written.get("kind") in DRAWERS:
            return samples_preview(lesson, files, draft.pictures, written)
        return question_preview(lesson, files, draft.pictures, document.values(uid) or {}, _beliefs(lesson, document))

    is_new = "new" in request.GET
    return SheetPage(
        request,
        lesson,
        OneQuestion(uid),
        QuestionForm,
        QUESTION_ROWS,
        "studio/question.html",
        _url("question", lesson, uid) + ("?new=1" if is_new else ""),
        options=lambda files: question_choices(lesson.course, files),
        needs=lambda files: needs_of_question(files, uid),
        finish=lambda values: _with_option_ids(without_other_kinds(values)),
        preview=shown,
        blank=NEW_QUESTION if is_new else None,
        after=_url("question", lesson, uid),
        context={"uid": uid, "is_new": is_new} | ({} if is_new else proving_context(request, lesson, "question", uid)),
    ).respond()


def _with_option_ids(values: Values) -> Values:
    """The values with an id for every option: new ones get the first free letter."""
    taken = {row["id"] for row in values["options"]}
    letters = (letter for letter in ascii_lowercase if letter not in taken)
    return {**values, "options": [{**row, "id": row["id"] or next(letters)} for row in values["options"]]}


def _beliefs(lesson: Lesson, document: QuestionsText) -> dict[str, Values]:
    """Every misconception that an option may name, by its short name: the draft's own and the course's published ones."""
    published = Misconception.objects.filter(course=lesson.course).values("slug", "title", "belief", "why")
    return {row["slug"]: dict(row) for row in published} | {row["slug"]: row for row in document.misconceptions}


def _there(lesson: Lesson, uid: str) -> Values:
    """The question's values; 404 when it isn't there, or can't be shown (its page then leads to the document)."""
    try:
        values = OneQuestion(uid).read(open_draft(lesson).files)
    except UnreadableError:
        values = None
    if values is None:
        raise not_found()
    return values


@require_POST
@for_lesson
def duplicate(request: HttpRequest, lesson: Lesson, uid: str) -> HttpResponse:
    """A copy of the question, in no list yet, opened in the editor."""
    new_uid = f"{uid[:50].rstrip('-')}-{secrets.token_hex(3)}"

    def copied(files: dict[str, str]) -> dict[str, str]:
        return {**files, QUESTIONS_FILE: QuestionsText(files.get(QUESTIONS_FILE, "")).with_copy(uid, new_uid)}

    _there(lesson, uid)
    _change(request, lesson, copied)
    messages.success(request, _("This is the copy. It is neither in the test nor in practice yet."))
    return redirect(_url("question", lesson, new_uid))


@require_http_methods(["GET", "HEAD", "POST"])
@for_lesson
def delete(request: HttpRequest, lesson: Lesson, uid: str) -> HttpResponse:
    """Asks, then takes the question out of the draft; published versions keep it."""
    values = _there(lesson, uid)
    if request.method == "POST" and request.POST.get("opened_with") == fingerprint(values):

        def without(files: dict[str, str]) -> dict[str, str]:
            return {**files, QUESTIONS_FILE: QuestionsText(files.get(QUESTIONS_FILE, "")).without_question(uid)}

        _change(request, lesson, without)
        messages.success(request, _("Deleted from the draft. Learners keep it until you publish."))
        return redirect(_url("questions", lesson))
    context = {"uid": uid, "values": values, "excerpt": called(values, 200), "opened_with": fingerprint(values)}
    changed = request.method == "POST"
    return render(
        request,
        "studio/delete_question.html",
        {**lesson_frame(request, lesson, "questions"), **context, "changed_meanwhile": changed},
        status=409 if changed else 200,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@for_lesson
def misconceptions(request: HttpRequest, lesson: Lesson) -> HttpResponse:
    """What people believe, and why it fails: options point to these."""
    own = Misconceptions()

    def elsewhere(files: Files) -> list[tuple[str, str]]:
        mine = {row["slug"] for row in own.read(files)["misconceptions"]}
        return [pair for pair in misconception_choices(lesson.course, {}) if pair[0] not in mine]

    page = SheetPage(
        request,
        lesson,
        own,
        StudioForm,
        MISCONCEPTION_ROWS,
        "studio/misconceptions.html",
        _url("misconceptions", lesson),
        options=lambda _files: {"mistake": mistake_choices()},
    )
    try:
        page.context = {"elsewhere": elsewhere(open_draft(lesson).files)}
    except UnreadableError:
        page.context = {}
    return page.respond()


def _url(name: str, lesson: Lesson, *more: str) -> str:
    return reverse(f"studio:{name}", args=[lesson.course.slug, lesson.slug, *more])
