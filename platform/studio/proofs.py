"""How the proofs of a draft's code stand, and how far a run of them is, in words. The web process has nothing to run code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from pydantic import ValidationError

from accounts.models import User
from inference import jobs, wording
from inference.models import JobState
from inference.proof_runs import ProofRun, Prover, newest_run, own_run, prover, why_not
from inference.proofs import is_fresh, snippet_sha256
from lessons.facts import live_facts
from lessons.models import Lesson
from lessons.proof_runs import Place, is_part_of, to_run
from lessons.publishing import open_draft
from lessons.releases import snippets_in
from lessons.schema import LESSON_FILE
from lessons.standing import Latest, Standing, State, ended_by, standings_in, stored, worst
from quizzes.proving import standings_of, unproved_options
from quizzes.schema import QUESTIONS_FILE, QuestionDocument, read_questions, snippets_of
from studio.access import author_of
from studio.documents import excerpt


@dataclass(frozen=True, slots=True)
class ProofState:
    """How the proofs of one question stand."""

    state: State
    word: str
    sentences: tuple[str, ...]  # what to do
    open_options: tuple[str, ...]  # wrong options of which no code shows what comes


def proof_states(questions: Iterable[Mapping[str, Any]]) -> dict[str, ProofState]:
    """By uid, how the proofs of these questions stand; those that need none, or can't be read yet, are left out."""
    read = [question for question in map(_read, questions) if question is not None]
    latest = stored(snippet for question in read for snippet in snippets_of(question).values())
    return {question.uid: state for question in read if (state := _state(question, latest))}


def proof_notice(lesson: Lesson) -> list[str]:
    """What of the draft's code is not proved on the installed versions, one sentence for each way; empty when all is."""
    files = open_draft(lesson).files
    latest = stored(snippet for _where, snippet in snippets_in(files))
    counted = Counter(one.state for one in standings_in(files, latest, live_facts()))
    return [sentence_of(state, counted[state]) for state in State if state is not State.FRESH and counted[state]]


def sentence_of(state: State, count: int) -> str:
    """How many snippets stand like this, in a sentence."""
    sentences = {
        State.STALE: ngettext(
            "%(count)s snippet was proved on other versions of torch or torchvision: its proof is stale.",
            "%(count)s snippets were proved on other versions of torch or torchvision: their proofs are stale.",
            count,
        ),
        State.MISSING: ngettext("%(count)s snippet is to be run.", "%(count)s snippets are to be run.", count),
        State.FAILED: ngettext(
            "%(count)s snippet says something else than what is written.",
            "%(count)s snippets say something else than what is written.",
            count,
        ),
        State.WEIGHTS: ngettext(
            "%(count)s snippet needs weights that are not on this machine.",
            "%(count)s snippets need weights that are not on this machine.",
            count,
        ),
    }
    return sentences[state] % {"count": count}


def word_of(state: State) -> str:
    """The state in a word or two."""
    return {
        State.FRESH: _("proved"),
        State.STALE: _("stale"),
        State.MISSING: _("to be run"),
        State.FAILED: _("disagrees"),
        State.WEIGHTS: _("needs weights"),
    }[state]


def _read(question: Mapping[str, Any]) -> QuestionDocument | None:
    try:
        return QuestionDocument.model_validate(question)
    except ValidationError:
        return None  # the checks say what it lacks


def _state(question: QuestionDocument, latest: Latest) -> ProofState | None:
    found: list[Standing] = list(standings_of(question, latest, live_facts()))
    state = worst(one.state for one in found)
    if state is None:
        return None
    sentences = tuple(dict.fromkeys(one.sentence for one in found if one.sentence))
    return ProofState(state, word_of(state), sentences, tuple(unproved_options(question)))


# --- having them run ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ProofRow:
    """One snippet: what it proves, where it is written, and how its proof stands."""

    where: str
    url: str
    state: State
    word: str
    sentence: str
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the run that is going has come, or what became of the last one."""

    run: ProofRun
    sentence: str
    is_mine: bool  # it is the reader's to stop

    @property
    def is_going(self) -> bool:
        return self.run.is_going


@dataclass(frozen=True, slots=True)
class Proving:
    """The part of a page where proofs are run: of the whole lesson, or of one question."""

    page: str  # where its buttons lead back to: "check", "proofs", "question"
    question: str
    rows: tuple[ProofRow, ...]
    summary: str
    needed: int  # snippets that the button runs
    why_not: str  # why there is no button; empty when there is one
    progress: Progress | None

    @property
    def is_going(self) -> bool:
        return self.progress is not None and self.progress.is_going


def progress_of(lesson: Lesson, author: User) -> Progress | None:
    """How far a run of the lesson's proofs is; None when none is going. No document is read for it: pages ask every 2 s."""
    run = newest_run(lesson.pk)
    if run is None or not run.is_going:
        return None
    is_mine = own_run(owner=author, lesson=lesson.pk) is not None
    return Progress(run, progress_sentence(run, (), prover=prover()), is_mine=is_mine)


def proving_context(request: HttpRequest, lesson: Lesson, page: str, question: str = "") -> dict[str, Any]:
    """What `studio/_proving.html` shows, looked up when a template does: a form that saves itself shows none of it."""
    return {"proving": SimpleLazyObject(partial(_proving, author_of(request), lesson, page, question))}


def _proving(author: User, lesson: Lesson, page: str, question: str) -> Proving:
    files = open_draft(lesson).files
    only = f"{QUESTIONS_FILE}#{question}" if question else ""
    everywhere = snippets_in(files)
    latest = stored(snippet for _where, snippet in everywhere)
    run = newest_run(lesson.pk)
    standings = [_as_it_ended(one, run) for one in standings_in(files, latest, live_facts())]
    told = [one for one in standings if is_part_of(one.where, only)]
    places = [place for place in everywhere if is_part_of(place[0], only)]
    state = prover()
    own = own_run(owner=author, lesson=lesson.pk)
    progress = None if run is None else Progress(run, progress_sentence(run, standings, prover=state), is_mine=own is not None)
    stems = _stems(files.get(QUESTIONS_FILE, ""))
    rows = tuple(_row(one, lesson, stems) for one in told)
    return Proving(page, question, rows, _summary(told), _needed(places, latest), why_not(state), progress)


def _needed(places: Sequence[Place], latest: Latest) -> int:
    found = {snippet_sha256(snippet): latest(snippet) for _where, snippet in places}
    fresh = {sha256: proof for sha256, proof in found.items() if proof is not None and is_fresh(proof)}
    return len(to_run(places, fresh, everything=False))


def _as_it_ended(one: Standing, run: ProofRun | None) -> Standing:
    """The standing with the reason why its snippet, which has no proof, did not reach its own end in the last run."""
    stopped = run.stopped.get(snippet_sha256(one.snippet)) if run else None
    return replace(one, sentence=ended_by(stopped)) if stopped and one.state in (State.MISSING, State.STALE) else one


def _summary(told: Iterable[Standing]) -> str:
    """How many of the snippets are proved."""
    states = [one.state for one in told]
    if not states:
        return _("There is no code to prove here.")
    sentence = ngettext(
        "%(proved)s of %(count)s snippet is proved on the installed versions.",
        "%(proved)s of %(count)s snippets are proved on the installed versions.",
        len(states),
    )
    return sentence % {"proved": states.count(State.FRESH), "count": len(states)}


def progress_sentence(run: ProofRun, told: Iterable[Standing], *, prover: Prover) -> str:
    """Where a run of proofs stands, in one line."""
    counts = {"ended": len(run.ended), "total": run.total}
    match run.job.state:
        case JobState.WAITING:
            return _waiting_sentence(run, prover)
        case JobState.RUNNING:
            said = _("%(ended)s of %(total)s have run.") % counts
            return f"{said} {_('The worker that ran them died; they began again.')}" if run.job.tries > 1 else said
        case JobState.CANCELLED:
            return _("Stopped after %(ended)s of %(total)s. What had run is kept.") % counts
        case JobState.FAILED:
            kept = _("%(ended)s of %(total)s had run; their proofs are kept.") % counts
            return " ".join([*wording.failure(run.job.failure), kept])
    return _ended_sentence(run, told)


def _waiting_sentence(run: ProofRun, prover: Prover) -> str:
    if run.job.tries > 0:
        return _("The worker that ran them died. They wait to begin again.")
    if prover is Prover.UNKNOWN or (run.job.rung_at is None and run.job.attempts == 0):
        return _("Waiting for the queue, which can’t be reached now. Your wish is kept; they run as soon as it can.")
    if prover is not Prover.READY:
        return _("Waiting for a worker that has a sandbox: none is there now.")
    place = jobs.place_in_line(run.job)
    return _("Next in line.") if place <= 1 else _("Waiting: place %(place)d in line.") % {"place": place}


def _ended_sentence(run: ProofRun, told: Iterable[Standing]) -> str:
    """How many of those that ran say what is written now; the others stand in the list."""
    proved = {snippet_sha256(one.snippet) for one in told if one.state is State.FRESH}
    time = date_format(timezone.localtime(run.job.finished_at), "j M, H:i")
    ran = ngettext("%(count)s snippet has run (%(time)s).", "%(count)s snippets have run (%(time)s).", run.total)
    agreeing = len(run.hashes & proved)
    agree = ngettext("%(count)s says what is written.", "%(count)s say what is written.", agreeing)
    return f"{ran % {'count': run.total, 'time': time}} {agree % {'count': agreeing}}"


def _row(one: Standing, lesson: Lesson, stems: Mapping[str, str]) -> ProofRow:
    file, _hash, name = one.where.partition("#")
    where, url = _sample(name, lesson) if file == LESSON_FILE else _question(name, lesson, stems)
    return ProofRow(where, url, one.state, word_of(one.state), one.sentence, one.warnings)


def _sample(name: str, lesson: Lesson) -> tuple[str, str]:
    address = reverse("studio:lesson", args=[lesson.course.slug, lesson.slug])
    return _("Code sample “%(id)s”") % {"id": name}, f"{address}#id_body"


def _question(name: str, lesson: Lesson, stems: Mapping[str, str]) -> tuple[str, str]:
    uid, _slash, option = name.partition("/")
    address = reverse("studio:question", args=[lesson.course.slug, lesson.slug, uid])
    words = {"stem": stems.get(uid) or uid, "option": option}
    where = _("“%(stem)s”, mistake of option %(option)s") if option else _("“%(stem)s”, right option")
    return where % words, f"{address}#part-proof"


def _stems(text: str) -> dict[str, str]:
    """The first words of each question, by uid."""
    document, _source = read_questions(text)
    return {} if document is None else {question.uid: excerpt(question.stem, 60) for question in document.written}
