"""How the proofs of a draft's code stand, in words. Nothing is run: the web process has nothing that could."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from pydantic import ValidationError

from lessons.facts import live_facts
from lessons.models import Lesson
from lessons.publishing import open_draft
from lessons.releases import snippets_in
from lessons.standing import Latest, Standing, State, standings_in, stored, worst
from quizzes.proving import standings_of, unproved_options
from quizzes.schema import QuestionDocument, snippets_of


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
