"""What this room keeps about a person: where they last were, and what they found in broken runs.

(What they wrote as an author stays, without their name.)
"""

from __future__ import annotations

from typing import Any

from accounts.models import User
from lessons.models import CaseAnswer, Membership, Visit


def export(user: User) -> dict[str, Any]:
    """Every row about the person, as plain values."""
    visits = Visit.objects.filter(user=user).select_related("lesson__course").order_by("at")
    memberships = Membership.objects.filter(user=user).select_related("course").order_by("pk")
    return {
        "visits": [
            {"course": visit.lesson.course.slug, "lesson": visit.lesson.slug, "mode": visit.mode, "at": visit.at.isoformat()}
            for visit in visits
        ],
        "broken_runs": [
            {
                "course": answer.lesson.course.slug,
                "lesson": answer.lesson.slug,
                "case": answer.case,
                "predicted": answer.predicted,
                "found": answer.found,
                "explained": answer.explained,
                "fixed": answer.fixed,
                "at": answer.updated_at.isoformat(),
            }
            for answer in CaseAnswer.objects.filter(user=user).select_related("lesson__course").order_by("created_at")
        ],
        "memberships": [{"course": membership.course.slug, "role": membership.role} for membership in memberships],
    }


def erase(user: User) -> None:
    """Removes the person's visits, answers and memberships; published versions stay and name nobody."""
    CaseAnswer.objects.filter(user=user).delete()
    Visit.objects.filter(user=user).delete()
    Membership.objects.filter(user=user).delete()


def merge(guest: User, user: User) -> None:
    """Hands a guest's visits to the account signed into; of two visits to one lesson the later one stays.

    Of two ways through one broken run the account's own stays: it was answered without knowing the other.
    """
    own = CaseAnswer.objects.filter(user=user)
    for answer in CaseAnswer.objects.filter(user=guest):
        if own.filter(lesson_id=answer.lesson_id, case=answer.case).exists():
            answer.delete()
        else:
            answer.user = user
            answer.save(update_fields=["user"])
    for visit in Visit.objects.filter(user=guest).select_related("lesson"):
        kept = Visit.objects.filter(user=user, lesson=visit.lesson).first()
        if kept is None:
            visit.user = user
            visit.save(update_fields=["user"])
            continue
        if visit.at > kept.at:
            kept.mode, kept.at = visit.mode, visit.at
            kept.save(update_fields=["mode", "at"])
        visit.delete()
