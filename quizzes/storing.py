"""How a question becomes rows: its public part with options, and whether a stored key says what another would."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from quizzes.models import KeyRevision, Option, QuestionVersion


def public_digest(public: Mapping[str, Any]) -> str:
    """The SHA-256 of a public part: the same for the same words."""
    return hashlib.sha256(json.dumps(public, sort_keys=True, default=str).encode()).hexdigest()


def store_question_version(public: Mapping[str, Any], **more: Any) -> QuestionVersion:
    """A new question version with this public part and its options; `more` are the row's other fields."""
    fields = {name: value for name, value in public.items() if name != "options"}
    made = QuestionVersion.objects.create(public_sha256=public_digest(public), **fields, **more)
    Option.objects.bulk_create(
        Option(question_version=made, position=position, **option) for position, option in enumerate(public["options"])
    )
    return made


def key_says(revision: KeyRevision, key: Mapping[str, Any]) -> bool:
    """Whether a stored key says what this one would."""
    return all(getattr(revision, name) == value for name, value in key.items())
