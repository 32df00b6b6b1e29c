"""Proofs: what snippets printed, kept as rows for the site and as `proofs.lock.yaml` beside a course folder's lessons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import yaml
from django.conf import settings
from django.db import transaction

from inference.models import Proof
from inference.sandbox.snippets import (
    Snippet,
    SnippetResult,
    Versions,
    installed_versions,
    normalised_output,
    outputs_match,
    public_version,
    shown,
    snippet_sha256,
    weights_are_here,
)

__all__ = [
    "LOCK_FILENAME",
    "LockEntry",
    "LockError",
    "Snippet",
    "Versions",
    "dump_lock",
    "installed_versions",
    "is_fresh",
    "keep_runs",
    "latest_proofs",
    "load_lock",
    "needs_run",
    "normalised_output",
    "outputs_match",
    "proof_of",
    "proofs_of",
    "result_of",
    "shown",
    "snippet_sha256",
    "stale_proof_of",
    "store_proofs",
]

LOCK_FILENAME = "proofs.lock.yaml"
_HEADER = "# Written by `manage.py check_content --record`: what each snippet printed when it ran. Never edited by hand.\n"
_FIELDS = ("where", "output", "raised", "message", "warnings", "missing", "torch", "torchvision", "python")


class LockError(ValueError):
    """A lock file that cannot be read; the message says where and why."""


class Versioned(Protocol):
    """Anything that names the versions it was made on: a Proof row or a SnippetResult."""

    @property
    def torch(self) -> str: ...

    @property
    def torchvision(self) -> str: ...


@dataclass(frozen=True, slots=True)
class LockEntry:
    """One snippet's recorded run and the places in the folder that use it ("lesson-folder/lesson.md#sample-id")."""

    result: SnippetResult
    where: tuple[str, ...] = ()


def is_fresh(proof: Versioned) -> bool:
    """True when the proof was made on the versions installed here."""
    return Versions(torch=public_version(proof.torch), torchvision=public_version(proof.torchvision)) == installed_versions()


def proof_of(snippet: Snippet) -> Proof | None:
    """The stored proof of this snippet on the installed versions, or None when it has yet to be run."""
    return proofs_of([snippet]).get(snippet_sha256(snippet))


def proofs_of(snippets: Iterable[Snippet]) -> dict[str, Proof]:
    """The stored proofs of these snippets on the installed versions, by hash, in one query."""
    versions = installed_versions()
    hashes = [snippet_sha256(snippet) for snippet in snippets]
    rows = Proof.objects.filter(snippet_sha256__in=hashes, torch=versions.torch, torchvision=versions.torchvision)
    return {row.snippet_sha256: row for row in rows}


def latest_proofs(snippets: Iterable[Snippet]) -> dict[str, Proof]:
    """The stored proofs of these snippets by hash, in one query: on the installed versions, else the newest on others."""
    hashes = [snippet_sha256(snippet) for snippet in snippets]
    rows = Proof.objects.filter(snippet_sha256__in=hashes).order_by("proved_at", "pk")
    return {row.snippet_sha256: row for row in sorted(rows, key=is_fresh)}


def stale_proof_of(snippet: Snippet) -> Proof | None:
    """The newest stored proof of a snippet that has none on the installed versions; none for one that has, or never ran."""
    proof = latest_proofs([snippet]).get(snippet_sha256(snippet))
    return proof if proof and not is_fresh(proof) else None


def needs_run(snippet: Snippet, known: Proof | SnippetResult | None) -> bool:
    """Whether a snippet is to be run of which this is known on the installed versions: what it lacked may be here by now."""
    return known is None or bool(known.missing and weights_are_here(snippet.requires, settings.WEIGHTS_DIR))


def keep_runs(results: Mapping[str, SnippetResult], *, now: datetime) -> int:
    """Keep, of these runs by snippet hash, what proves something; returns how many.

    One that was stopped proves nothing, and one that lacked its weights takes no place of one that had them.
    """
    versions = installed_versions()
    complete = Proof.objects.filter(
        snippet_sha256__in=list(results), torch=versions.torch, torchvision=versions.torchvision, missing=""
    )
    proved = set(complete.values_list("snippet_sha256", flat=True))
    kept = {
        sha256: result for sha256, result in results.items() if not result.stopped and not (result.missing and sha256 in proved)
    }
    return store_proofs(kept, now=now)


def store_proofs(results: Mapping[str, SnippetResult], *, now: datetime) -> int:
    """Keep runs, by snippet hash, as Proof rows; a run on the same versions replaces the one before. Returns how many."""
    with transaction.atomic():
        for sha256, result in results.items():
            if result.stopped:
                raise ValueError(f"snippet {sha256[:12]} was stopped ({result.stopped}): that is no proof")
            Proof.objects.update_or_create(
                snippet_sha256=sha256,
                torch=public_version(result.torch),
                torchvision=public_version(result.torchvision),
                defaults={
                    "python": result.python,
                    "output": result.output,
                    "raised": result.raised,
                    "message": result.message,
                    "warnings": list(result.warnings),
                    "missing": result.missing,
                    "proved_at": now,
                },
            )
    return len(results)


def result_of(proof: Proof) -> SnippetResult:
    """The run that a Proof row keeps."""
    return SnippetResult(
        output=proof.output,
        raised=proof.raised,
        message=proof.message,
        warnings=tuple(proof.warnings),
        missing=proof.missing,
        torch=proof.torch,
        torchvision=proof.torchvision,
        python=proof.python,
    )


class _LockDumper(yaml.SafeDumper):
    """Writes printed text as blocks, so that a changed output shows as a changed line."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_LockDumper.add_representer(str, _represent_text)


def dump_lock(entries: Mapping[str, LockEntry]) -> str:
    """The lock file's text: entries in the order of where they are used, fields that say nothing left out."""
    document: dict[str, dict[str, Any]] = {}
    for sha256, entry in sorted(entries.items(), key=lambda item: (item[1].where, item[0])):
        if entry.result.stopped:
            raise ValueError(f"snippet {sha256[:12]} was stopped ({entry.result.stopped}): that is no proof")
        fields = {name: getattr(entry.result, name) for name in _FIELDS if name != "where"}
        fields["warnings"] = list(entry.result.warnings)
        document[sha256] = {"where": list(entry.where)} | {name: value for name, value in fields.items() if value}
    if not document:
        return _HEADER
    return _HEADER + yaml.dump(document, Dumper=_LockDumper, sort_keys=False, allow_unicode=True, width=120)


def load_lock(text: str) -> dict[str, LockEntry]:
    """The entries of a lock file by snippet hash; raises LockError when it is not one."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise LockError(f"{LOCK_FILENAME} is no YAML: {error}") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise LockError(f"{LOCK_FILENAME} must map snippet hashes to what they printed")
    return {str(sha256): _entry(str(sha256), fields) for sha256, fields in document.items()}


def _entry(sha256: str, fields: object) -> LockEntry:
    if not isinstance(fields, dict) or not set(fields) <= set(_FIELDS):
        raise LockError(f"{LOCK_FILENAME}: entry {sha256[:12]} may only have the fields {', '.join(_FIELDS)}")
    texts = {name: fields.get(name, "") for name in _FIELDS if name not in ("where", "warnings")}
    lists = {name: fields.get(name, []) for name in ("where", "warnings")}
    if not all(isinstance(value, str) for value in texts.values()):
        raise LockError(f"{LOCK_FILENAME}: entry {sha256[:12]} has a field that is not text")
    if not all(isinstance(value, list) and all(isinstance(item, str) for item in value) for value in lists.values()):
        raise LockError(f"{LOCK_FILENAME}: entry {sha256[:12]}: 'where' and 'warnings' are lists of text")
    return LockEntry(result=SnippetResult(**texts, warnings=tuple(lists["warnings"])), where=tuple(lists["where"]))
