"""What a run of the kind PROOF is asked with, and whether it may still be made. Nothing here runs code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from inference.contracts import EngineError, Failure
from inference.models import Job
from inference.sandbox.snippets import Snippet, canonical_code

MOST_SNIPPETS = 100
MOST_CHARACTERS = 100_000
"""Of one run, all snippets together. What doesn't fit is left for the next."""

_PREFIX = "proof:"


def options_of(snippets: Iterable[Snippet], *, lesson: int, everything: bool, after: str) -> dict[str, Any]:
    """The options of a run, JSON's values; `after` is the lesson's last finished one, so that this is another."""
    told = [{"code": canonical_code(snippet.code), "requires": snippet.requires} for snippet in snippets]
    return {"snippets": told, "lesson": lesson, "everything": everything, "after": after}


def snippets_of(options: Mapping[str, Any]) -> list[Snippet]:
    """The snippets of a run, in their order."""
    return [Snippet(told["code"], requires=told["requires"]) for told in options["snippets"]]


def that_fit(snippets: Iterable[Snippet]) -> list[Snippet]:
    """Of these the first ones that one run takes, each once; one that no run takes is left out."""
    found: dict[tuple[str, str], Snippet] = {}
    characters = 0
    for snippet in snippets:
        code = canonical_code(snippet.code)
        if (code, snippet.requires) in found or not is_storable(code) or characters + len(code) > MOST_CHARACTERS:
            continue
        if len(found) == MOST_SNIPPETS:
            break
        found[(code, snippet.requires)] = snippet
        characters += len(code)
    return list(found.values())


def is_storable(code: str) -> bool:
    """Whether every database can keep it: YAML's escapes write characters that PostgreSQL's JSON refuses."""
    return "\0" not in code and not any("\ud800" <= character <= "\udfff" for character in code)


def result_name(sha256: str) -> str:
    """The name of a snippet's result in a run."""
    return f"{_PREFIX}{sha256}"


def sha256_of(name: str) -> str:
    """The hash of the snippet that a result is about."""
    return name.removeprefix(_PREFIX)


def require_still_allowed(job: Job) -> None:
    """Raises EngineError unless somebody who wants the run may still work on its lesson: a role may be taken meanwhile."""
    may = import_string(settings.PROOF_PERMISSION)
    wanting = [trace.owner for trace in job.traces.filter(cancelled_at=None).select_related("owner")]
    if not any(may(person, job.options["lesson"]) for person in wanting):
        raise EngineError(Failure.NOT_ALLOWED)
