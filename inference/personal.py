"""This room's part of what a person may take along or have erased (settings.PERSONAL_DATA)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from django.core.files.storage import default_storage
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.activity import Activity
from accounts.models import User
from inference.contracts import UNSEEN_KINDS, RunKind
from inference.facts import facts_of
from inference.models import Job, Trace, Upload
from inference.presenting import address
from inference.services import remove_unwanted
from inference.training import personal as training
from inference.training.wording import what_trained

RECENT_AT_MOST = 10


def export(user: User) -> dict[str, Any]:
    """The person's runs with what came out, and what is known of their uploaded photos."""
    return {
        "traces": [_trace(trace) for trace in user.traces.select_related("job").order_by("created_at")],
        "uploads": [
            {
                "id": str(upload.pk),
                "file": _photo_name(upload),
                "width": upload.width,
                "height": upload.height,
                "original": upload.original,
                "created_at": upload.created_at,
                "expires_at": upload.expires_at,
            }
            for upload in user.uploads.order_by("created_at")
        ],
        **training.export(user),
    }


def files(user: User) -> Iterator[tuple[str, bytes]]:
    """The person's photos and heads, each under the name that export() gives it."""
    for upload in user.uploads.order_by("created_at"):
        try:
            with default_storage.open(str(upload.file.name)) as kept:
                yield _photo_name(upload), kept.read()
        except FileNotFoundError:
            continue  # erased at this moment
    yield from training.files(user)


def _photo_name(upload: Upload) -> str:
    return f"photos/{PurePosixPath(str(upload.file.name)).name}"


def _trace(trace: Trace) -> dict[str, Any]:
    document = trace.job.document or {}
    return {
        "id": str(trace.pk),
        "kind": trace.job.kind,
        "network": trace.job.network,
        "sample": trace.job.sample,
        "upload": str(trace.job.upload_id) if trace.job.upload_id else None,
        "prediction": trace.prediction,
        "state": "cancelled" if trace.is_cancelled else trace.job.state,
        "top_k": document.get("top_k"),
        "shared": bool(trace.share_token),
        "created_at": trace.created_at,
    }


def recent(user: User) -> list[Activity]:
    """The person's latest runs, for the profile page."""
    seen = user.traces.select_related("job").exclude(job__kind__in=UNSEEN_KINDS)
    traces = list(seen.order_by("-created_at")[:RECENT_AT_MOST])
    titles = {network: (facts_of(network) or {}).get("title", network) for network in {trace.job.network for trace in traces}}
    return [Activity(trace.created_at, _done(trace, titles), address("trace", trace)) for trace in traces]


def _done(trace: Trace, titles: dict[str, str]) -> str:
    if trace.job.kind == RunKind.TRAINING:
        return _("Trained %(what)s") % {"what": what_trained(trace.job.options)}
    if trace.job.kind == RunKind.OPENED:
        return _("Opened a run of %(network)s from a file") % {"network": titles[trace.job.network]}
    return _("Ran %(network)s") % {"network": titles[trace.job.network]}


def erase(user: User) -> None:
    """Removes the person's traces and photos, and the runs that nobody else needs, with their pictures."""
    training.erase(user)
    jobs = list(user.traces.values_list("job", flat=True))
    user.traces.all().delete()
    remove_unwanted(jobs_of=Job.objects.filter(pk__in=jobs), uploads=Upload.objects.filter(owner=user))


def merge(guest: User, user: User) -> None:
    """A guest's traces and photos become the account's; a photo that the account has already is kept once."""
    with transaction.atomic():
        for upload in guest.uploads.all():
            same = Upload.objects.filter(owner=user, sha256=upload.sha256).first()
            if same is None:
                upload.owner = user
                upload.save(update_fields=["owner"])
            else:
                upload.jobs.update(upload=same)
        guest.traces.update(owner=user)
        training.merge(guest, user)
    remove_unwanted(jobs_of=Job.objects.none(), uploads=Upload.objects.filter(owner=guest))
