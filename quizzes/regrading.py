"""What a corrected key does to answers that an older one graded: first as a plan that says whose points change, then for good.

Grades are appended and the newest one counts. A regrade locks the attempts as every submit does, one after the other in the
order of their ids: an answer that is being committed has its grade before the regrade looks, and one that comes later waits and
finds the new key, which was committed before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from quizzes.grading import grade
from quizzes.models import GRADED, Attempt, Grade, KeyRevision, Regrade, RegradePolicy, Response
from quizzes.services import hold_attempts, newest_key
from web.problems import Problem


@dataclass(frozen=True, slots=True)
class Change:
    """One answer whose points a regrade changes."""

    response: int
    attempt: UUID
    started_at: datetime
    user: User | None  # none: erased
    before: float  # points
    after: float
    points: int  # what the question is worth in this attempt


@dataclass(frozen=True, slots=True)
class Plan:
    """What a policy would do under a key."""

    key_revision: KeyRevision
    policy: RegradePolicy
    answers: int  # how many answers to the question there are
    changes: tuple[Change, ...]
    rows: tuple[tuple[int, float, float], ...]  # the grades to append: response, score, points

    @property
    def fingerprint(self) -> str:
        """Another one as soon as anything that would be written differs."""
        return hashlib.sha256(repr((self.key_revision.pk, self.policy.value, self.rows)).encode()).hexdigest()

    @property
    def raised(self) -> int:
        return sum(change.after > change.before for change in self.changes)

    @property
    def lowered(self) -> int:
        return sum(change.after < change.before for change in self.changes)


def plan_regrade(*, key_revision: KeyRevision, policy: RegradePolicy) -> Plan:
    """What the policy would change; nothing is written. 409 when the question has a newer key."""
    _refuse_old(key_revision)
    answers = _answers(key_revision)
    changes, rows = [], []
    for response in answers:
        grades = list(response.grades.all())
        stands = grades[-1]
        score = score_under(policy, response, key_revision, grades)
        asked = response.attempt_question
        points = score * asked.points
        if points != stands.points:
            changes.append(
                Change(
                    response=response.pk,
                    attempt=asked.attempt_id,
                    started_at=asked.attempt.started_at,
                    user=asked.attempt.user,
                    before=stands.points,
                    after=points,
                    points=asked.points,
                )
            )
        # An answer whose points stay gets a grade too: it names the key by which its learner is told what was right.
        if points != stands.points or (stands.key_revision_id != key_revision.pk and policy != RegradePolicy.NONE):
            rows.append((response.pk, score, points))
    return Plan(key_revision, policy, len(answers), tuple(changes), tuple(rows))


def score_under(policy: RegradePolicy, response: Response, key_revision: KeyRevision, grades: Sequence[Grade]) -> float:
    """The score (0..1) of an answer by a policy; `grades` are those it has, the oldest first."""
    version = key_revision.question_version
    match policy:
        case RegradePolicy.NONE:
            return grades[-1].score
        case RegradePolicy.FULL if not response.gave_up:
            return 1.0
    by_key = grade(version.kind, response.answer, key_revision.key).value
    if policy == RegradePolicy.BETTER:
        # Nobody ends below what they were told at first, nor below what stands.
        return max(by_key, grades[0].score, grades[-1].score)
    return by_key


def apply_regrade(
    *, key_revision: KeyRevision, policy: RegradePolicy, fingerprint: str, author: User, now: datetime
) -> Regrade:
    """Writes exactly what the plan of this fingerprint said, all of it or nothing. Sent twice, it is applied once.

    Raises Problem 409 when the plan would be another one by now, or the question has a newer key.
    """
    with transaction.atomic():
        _lock(key_revision)
        plan = plan_regrade(key_revision=key_revision, policy=policy)
        done = key_revision.regrades.order_by("-pk").first()
        if done is not None and done.policy == policy and not plan.rows:
            return done
        if plan.fingerprint != fingerprint:
            raise Problem(
                409,
                _("Changed meanwhile"),
                _("Answers or grades changed after you looked. Nothing was written: look at what would change now."),
            )
        regrade = Regrade.objects.create(
            key_revision=key_revision, policy=policy, changed=len(plan.changes), created_at=now, created_by=author
        )
        Grade.objects.bulk_create(
            Grade(response_id=response, key_revision=key_revision, regrade=regrade, score=score, points=points, graded_at=now)
            for response, score, points in plan.rows
        )
    return regrade


def _lock(key_revision: KeyRevision) -> None:
    """Other regrades by this key, and every attempt that asks the question, wait until the transaction ends."""
    list(KeyRevision.objects.select_for_update(no_key=True).filter(pk=key_revision.pk).values_list("pk"))
    asking = Attempt.objects.filter(questions__question_version=key_revision.question_version).values("pk")
    hold_attempts(Attempt.objects.filter(pk__in=asking))


def _refuse_old(key_revision: KeyRevision) -> None:
    if newest_key(key_revision.question_version).pk != key_revision.pk:
        raise Problem(409, _("Not the newest key"), _("This question has a newer key. Regrade with that one."))


def _answers(key_revision: KeyRevision) -> list[Response]:
    """The answers to the question in tests, finished or open; practice counts for nothing, so it stays as it is."""
    return list(
        Response.objects.filter(
            attempt_question__question_version=key_revision.question_version,
            attempt_question__attempt__is_redo=False,
            attempt_question__attempt__quiz_version__quiz__mode__in=GRADED,
        )
        .select_related("attempt_question__attempt__user")
        .prefetch_related("grades")
        .order_by("attempt_question__attempt__started_at", "pk")
    )
