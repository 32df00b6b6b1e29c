"""Networks over HTTP, besides their figures: several side by side, and how long they take on a worker here."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Query, Router, Schema, Status
from pydantic import Field

from accounts import people
from accounts.auth import cookie_or_bearer
from inference import facts
from inference.api import MeasuredOut, NetworkDetail
from inference.models import Trace
from inference.networks import comparing, services
from inference.networks.showing import network_detail
from inference.presenting import present
from web.problems import REFUSALS, Problem, ProblemOut, not_found

router = Router(tags=["networks"], auth=cookie_or_bearer)


class CellOut(Schema):
    """A stage of one network: its title, what it does, its output's shape, how many blocks it holds."""

    title: str
    does: str
    shape: str
    blocks: int


class AlignedOut(Schema):
    """Stages whose grids are about the same part of the input's side; one list for each network, in the order asked for."""

    label: str
    cells: list[list[CellOut]]


class ComparisonOut(Schema):
    """Networks side by side. Rows of `aligned` are only told once all of them are computed."""

    items: list[NetworkDetail]
    aligned: list[AlignedOut]


class MeasurementIn(Schema):
    network: str = Field(max_length=80, description="A network’s id.", examples=["resnet50"])


class MeasurementOut(Schema):
    """A wish to have a network timed; `measured` once it is done."""

    id: UUID
    network: str
    status: str
    sentence: str
    measured: MeasuredOut | None = None
    events_url: str


class Compared(Schema):
    networks: str = Field(max_length=600, description="Two to six ids, separated by commas.", examples=["resnet50,vit_b_16"])


@router.get(
    "/networks-compared", response={200: ComparisonOut, **REFUSALS, 422: ProblemOut}, summary="Several networks side by side"
)
def compared(request: HttpRequest, query: Query[Compared]) -> Any:
    """What the comparison page shows: figures, accuracies, measured time, and the stages aligned by how small the grid is."""
    asked = comparing.asked([query.networks])
    if not comparing.FEWEST <= len(asked) <= comparing.MOST:
        sentence = _("Name %(fewest)d to %(most)d networks, separated by commas.")
        figures = {"fewest": comparing.FEWEST, "most": comparing.MOST}
        raise Problem(422, _("Not comparable"), sentence % figures, field="networks")
    items = [network_detail(network) for network in asked]
    known = [facts.facts_of(network) for network in asked]
    whole = [one for one in known if one is not None]
    return {"items": items, "aligned": comparing.aligned(whole) if len(whole) == len(asked) else []}


@router.post(
    "/measurements",
    response={202: MeasurementOut, **REFUSALS, 422: ProblemOut, 429: ProblemOut},
    summary="Time a network on a worker here",
)
def create(request: HttpRequest, asked: MeasurementIn) -> Any:
    """The median of repeated passes of one photo, with random weights. Answers at once; poll it, or follow `events_url`."""
    trace = services.request_measurement(owner=people.ensure(request), network=asked.network, now=timezone.now())
    return Status(202, _out(request, trace))


@router.get("/measurements/{measurement_id}", response={200: MeasurementOut, **REFUSALS}, summary="One measurement")
def measurement(request: HttpRequest, measurement_id: UUID) -> Any:
    """Yours; anybody else's is 404. The newest of each network is in the network itself."""
    trace = services.measurement_for(trace_id=measurement_id, person=people.current(request))
    if trace is None:
        raise not_found()
    return _out(request, trace)


def _out(request: HttpRequest, trace: Trace) -> dict[str, Any]:
    view = present(trace, person=people.current(request))
    return {
        "id": trace.pk,
        "network": trace.job.network,
        "status": str(view.status),
        "sentence": view.sentence,
        "measured": services.measured_by(trace.job),
        "events_url": request.build_absolute_uri(f"/api/v1/traces/{trace.pk}/events"),
    }
