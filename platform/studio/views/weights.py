"""Which weights are on this machine, and the button that has one fetched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from accounts.people import instructor_required
from inference import facts, telling, wording
from inference.models import JobState, Trace
from inference.networks import services
from inference.presenting import TraceView, present
from studio.access import author_of


@dataclass(frozen=True, slots=True)
class Row:
    """One set of weights: of which network, what its record says, and the download that is under way or failed."""

    network: str
    title: str
    family: str
    record: Mapping[str, Any]
    download: services.Download | None
    own: TraceView | None  # how the one who asks sees that download

    @property
    def is_coming(self) -> bool:
        return self.download is not None and not self.download.job.is_finished

    @property
    def has_failed(self) -> bool:
        return self.download is not None and self.download.job.state == JobState.FAILED

    @property
    def rate(self) -> float:
        """MiB a second."""
        return self.download.bytes_per_second / 1024**2 if self.download else 0.0

    @property
    def megabytes(self) -> int:
        """MiB in all, as far as the server has said."""
        return round(self.download.total / 1024**2) if self.download else 0

    @property
    def failure(self) -> tuple[str, str]:
        """Why it could not be had, and what to do."""
        return wording.failure(self.download.job.failure) if self.download else ("", "")


@require_safe
@instructor_required
def weights(request: HttpRequest) -> HttpResponse:
    """All weights of all networks: those that are coming first, then by family."""
    rows = _rows(author_of(request))
    family, only = request.GET.get("family", "")[:80], request.GET.get("only", "")
    shown = [row for row in rows if family in ("", row.family) and _is_wanted(row, only)]
    context = {
        "coming": [row for row in rows if row.is_coming or row.has_failed],
        "rows": shown,
        "here": sum(bool(row.record["available"]) for row in rows),
        "total": len(rows),
        "families": sorted({row.family for row in rows}, key=str.casefold),
        "family": family,
        "only": only,
        "is_waiting": any(row.is_coming for row in rows),
        "asks_again": any(row.is_coming and row.own is None for row in rows),  # one's own are followed by their events
        "folder": facts.WEIGHTS_SUBFOLDER,
    }
    return render(request, "studio/weights.html", context)


@require_POST
@instructor_required
def fetch(request: HttpRequest) -> HttpResponse:
    """Have weights fetched by a worker, then show how far they are."""
    network, name = (request.POST.get(field, "").replace("\x00", "")[:80] for field in ("network", "weights"))
    services.request_download(owner=author_of(request), network=network, weights=name, now=timezone.now())
    messages.success(request, _("A worker fetches them; you may leave this page meanwhile."))
    return redirect(reverse("studio:weights") + "#coming")


def _rows(person: User) -> list[Row]:
    downloads = services.downloads()
    own = _own_views(downloads, person)
    found = []
    for network, known in facts.listed().items():
        for record in telling.weights_rows(network, known):
            key = (network, str(record["name"]))
            title, family = str(known.get("title") or network), str(known.get("family") or "")
            found.append(Row(network, title, family, record, downloads.get(key), own.get(key)))
    return found


def _own_views(downloads: Mapping[tuple[str, str], services.Download], person: User) -> dict[tuple[str, str], TraceView]:
    """The downloads under way that this person asked for, as they may follow and stop them."""
    jobs = {download.job.pk: key for key, download in downloads.items() if not download.job.is_finished}
    traces = Trace.objects.filter(owner=person, cancelled_at=None, job_id__in=jobs).select_related("job")
    return {jobs[trace.job_id]: present(trace, person=person) for trace in traces}


def _is_wanted(row: Row, only: str) -> bool:
    if only == "here":
        return bool(row.record["available"])
    return not row.record["available"] if only == "missing" else True
