"""Having a worker run the code of a lesson's draft: who may, and which snippets. The worker keeps their proofs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from accounts.models import User
from inference import proof_runs
from inference.models import Proof, Trace
from inference.proofs import Snippet, needs_run, proofs_of, snippet_sha256
from lessons.drafts import open_draft, require_author
from lessons.models import Lesson
from lessons.releases import snippets_in
from lessons.services import may_edit

Place = tuple[str, Snippet]
"""What a snippet proves ("lesson.md#sample", "questions.yaml#uid/option"), and the snippet."""


def may_prove(person: User | None, lesson_id: int) -> bool:
    """Whether this person may have the lesson's code run: its authors, asked again when a worker takes it up."""
    lesson = Lesson.objects.select_related("course").filter(pk=lesson_id).first()
    return lesson is not None and may_edit(person, lesson.course)


def request_proofs(*, lesson: Lesson, author: User, only: str = "", everything: bool = False, now: datetime) -> Trace | None:
    """The run of what the draft's code still needs; None when it needs nothing.

    `only` names what shall be proved ("questions.yaml#uid" with its options); with `everything` what is proved runs again.
    Raises Problem: 403 for people who are no authors, and as `inference.proof_runs.request_proofs` does.
    """
    require_author(author, lesson.course)
    places = [place for place in snippets_in(open_draft(lesson).files) if is_part_of(place[0], only)]
    snippets = to_run(places, proofs_of(snippet for _where, snippet in places), everything=everything)
    if not snippets:
        return None
    return proof_runs.request_proofs(owner=author, lesson=lesson.pk, snippets=snippets, everything=everything, now=now)


def to_run(places: Iterable[Place], fresh: Mapping[str, Proof], *, everything: bool) -> list[Snippet]:
    """Of these snippets those that are to be run, each once: without a fresh proof, or all."""
    used = {snippet_sha256(snippet): snippet for _where, snippet in places}
    return [snippet for sha256, snippet in used.items() if everything or needs_run(snippet, fresh.get(sha256))]


def is_part_of(where: str, only: str) -> bool:
    """Whether a place is the one that is named, or one of its options; every place is part of the whole lesson."""
    return not only or where == only or where.startswith(f"{only}/")
