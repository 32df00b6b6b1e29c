"""How the proofs of a lesson's code stand: shown on the installed versions, on others, never, wrongly, or not here.

Nothing is run here. Whoever may run code (`check_content`) hands in the runs it made, the studio those that are stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext as _

from inference.models import Proof
from inference.proofs import installed_versions, is_fresh, latest_proofs, snippet_sha256
from inference.sandbox.snippets import Snippet, Stopped
from lessons import markdown
from lessons.parts import folder_parts
from lessons.samples import CodeSample, problem_with
from lessons.schema import LESSON_FILE, read_lesson

Latest = Callable[[Snippet], Proof | None]
"""The proof of a snippet on the installed versions, or else its newest on others; none for one that was never run."""


class State(StrEnum):
    """How one snippet's proof stands."""

    FRESH = "fresh"  # it ran on the installed versions, and says what is written
    STALE = "stale"  # it ran on other versions
    MISSING = "missing"  # it never ran, or not as it is written now
    FAILED = "failed"  # it ran, and says something else than what is written, or was stopped
    WEIGHTS = "weights"  # it needs weights that are not on this machine: not recordable here


WORST_FIRST = (State.FAILED, State.MISSING, State.STALE, State.WEIGHTS, State.FRESH)


@dataclass(frozen=True, slots=True)
class Standing:
    """One snippet's proof: what it proves ("lesson.md#sample", "questions.yaml#uid/option"), and how it stands."""

    where: str
    snippet: Snippet
    state: State
    sentence: str = ""  # why it is not fresh, and what to do
    warnings: tuple[str, ...] = ()


def standing(where: str, snippet: Snippet, proof: Proof | None, disagrees: Callable[[Proof], str]) -> Standing:
    """How this snippet's proof stands; `disagrees` says what is wrong with what it came to, empty when nothing is."""
    if proof is None or not is_fresh(proof):
        state = State.STALE if proof else State.MISSING
        return Standing(where, snippet, state, unproved(proof), tuple(proof.warnings) if proof else ())
    if proof.missing:
        return Standing(where, snippet, State.WEIGHTS, needs(proof.missing))
    sentence = disagrees(proof)
    return Standing(where, snippet, State.FAILED if sentence else State.FRESH, sentence, tuple(proof.warnings))


def standings_of_samples(files: Mapping[str, str], latest: Latest) -> Iterator[Standing]:
    """How the proofs of the lesson's own code samples stand."""
    document = read_lesson(files.get(LESSON_FILE, ""))
    for sample in markdown.samples_of(document.body):
        disagrees = _disagreement(sample)
        yield standing(f"{LESSON_FILE}#{sample.id}", sample.snippet, latest(sample.snippet), disagrees)


def standings_in(files: Mapping[str, str], latest: Latest, facts: Callable[[str], Any]) -> list[Standing]:
    """How the proofs of all of a lesson's snippets stand: its own, and those of other rooms' documents."""
    found = [*standings_of_samples(files, latest)]
    for part in folder_parts():
        if part.filename in files:
            found += part.standings(files[part.filename], latest, facts)
    return found


def _disagreement(sample: CodeSample) -> Callable[[Proof], str]:
    return lambda proof: problem_with(sample, proof)


def unproved(stale: Proof | None) -> str:
    """Why a snippet without a proof for the installed versions can't be published, and what to do."""
    if stale is None:
        return _("This snippet has no proof for the installed versions yet. %(how)s") % {"how": how_to_prove()}
    now = installed_versions()
    message = _(
        "This snippet was proved with torch %(old_torch)s and torchvision %(old_vision)s; torch %(torch)s and torchvision"
        " %(vision)s are installed, so the proof is stale. %(how)s"
    )
    versions = {"torch": now.torch, "vision": now.torchvision, "how": how_to_prove()}
    return message % {"old_torch": stale.torch, "old_vision": stale.torchvision, **versions}


def how_to_prove() -> str:
    """What to do about a snippet that has no proof on the installed versions."""
    return _("Run it: under Check in the studio, or with manage.py check_content --record.")


def ended_by(stopped: Stopped) -> str:
    """Why a snippet did not reach its own end, in a sentence."""
    reasons = {
        Stopped.TIME: _("This snippet took too long and was stopped. Make it shorter."),
        Stopped.OUTPUT: _("This snippet printed too much and was stopped. Print less."),
        Stopped.DIED: _("This snippet’s process died: too much memory or time, or it ended itself."),
    }
    return reasons[stopped]


def needs(missing: str) -> str:
    """Why a snippet that needs something could not be recorded."""
    return _("This snippet could not run: it needs %(missing)s, which is not on this machine.") % {"missing": missing}


def stored(snippets: Iterable[Snippet]) -> Latest:
    """What is stored of these snippets, asked for at once."""
    known = latest_proofs(snippets)
    return lambda snippet: known.get(snippet_sha256(snippet))


def worst(states: Iterable[State]) -> State | None:
    """The state that most needs somebody to do something; none where nothing has to be proved."""
    found = set(states)
    return next((state for state in WORST_FIRST if state in found), None)
