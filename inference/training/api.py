"""Training runs over HTTP. Pages and API call the same services; refusals are problem+json."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from ninja import Router, Schema, Status
from pydantic import Field

from accounts import people
from accounts.auth import cookie_or_bearer
from inference.api import EVENT_STREAM, ErrorOut
from inference.contracts import DEFAULT_NETWORK
from inference.models import Trace
from inference.services import cancel_trace
from inference.training import services, sets
from inference.training.presenting import present_training
from inference.training.telling import Teller, training_json
from inference.training_contracts import ALL_BLOCKS, BatchNorm, DataName, Standardisation, Strategy
from inference.views import PREDICTION_LENGTH, event_stream
from web.problems import REFUSALS, ProblemOut

router = Router(tags=["training"], auth=cookie_or_bearer)

LARGEST = 2**31 - 1


class TrainingIn(Schema):
    """What to train. What you leave out is as usual for that strategy and data; what is allowed is told when it is refused."""

    network: str = Field(DEFAULT_NETWORK, max_length=80, description="A network’s id.", examples=[DEFAULT_NETWORK])
    dataset: DataName = Field(DataName.TEXTURES, description="“own” for a photo set of yours.")
    photo_set: UUID | None = Field(None, description="Your photo set’s id, for the data set “own”.")
    strategy: Strategy = Strategy.FROZEN
    epochs: int | None = Field(None, ge=1, le=LARGEST)
    learning_rate: float | None = Field(None, gt=0, allow_inf_nan=False)
    labels_per_class: int | None = Field(None, ge=1, le=LARGEST)
    blocks: int | Literal["all"] | None = Field(None, description=f"Fine-tuning: how many last stages, or “{ALL_BLOCKS}”.")
    batch_norm: BatchNorm | None = None
    standardisation: Standardisation | None = None
    seed: int | None = Field(None, ge=0, le=LARGEST)
    prediction: str = Field("", max_length=PREDICTION_LENGTH, description="What you say will come out, before you know.")


class TrainingOut(Schema):
    """One training run. Accuracies are shares of 1, losses mean cross-entropies in nats, null where they are not finite."""

    id: UUID
    status: Literal["queued", "loading", "running", "done", "failed", "cancelled"]
    sentence: str
    place: int
    network: str
    dataset: str
    strategy: str
    options: dict[str, Any]
    prediction: str
    data: dict[str, Any] | None = None
    baselines: list[dict[str, Any]]
    epochs: list[dict[str, Any]]
    confusion: dict[str, Any] | None = None
    head: dict[str, Any] | None = None
    summary: list[str]
    made_by: dict[str, Any] | None = None
    milliseconds: float | None = None
    error: ErrorOut | None = None
    url: str
    events_url: str
    cancel_url: str | None = None


@router.post(
    "/training-runs",
    response={202: TrainingOut, **REFUSALS, 409: ProblemOut, 422: ProblemOut, 429: ProblemOut},
    summary="Train a head, or more of a network",
)
def create(request: HttpRequest, asked: TrainingIn) -> Any:
    """Answers at once; follow `events_url` or poll the run. One run at a time for each person.

    The same run again is answered from the store; it is shared by all who ask for it, but for runs on your own photos.
    """
    photo_set = None
    if asked.photo_set is not None:
        photo_set = sets.photo_set_for(set_id=asked.photo_set, person=people.current(request))
    wish = asked.dict(exclude={"network", "dataset", "photo_set", "prediction"}) | {"data": asked.dataset}
    trace = services.request_training(
        owner=people.ensure(request),
        network=asked.network,
        wish=wish,
        photo_set=photo_set,
        prediction=asked.prediction,
        now=timezone.now(),
    )
    return Status(202, _out(request, trace))


@router.get("/training-runs/{trace_id}", response={200: TrainingOut, **REFUSALS}, summary="One training run")
def training_run(request: HttpRequest, trace_id: UUID, share: str = "") -> Any:
    """Yours, or one whose owner gave you its `share` token; any other is 404."""
    trace = services.training_for(trace_id=trace_id, person=people.current(request), share_token=share)
    return _out(request, trace, share_token=share)


@router.get(
    "/training-runs/{trace_id}/events",
    response={**REFUSALS},
    summary="A training run’s events as they happen",
    openapi_extra={"responses": {200: {"description": "Server-sent events", "content": EVENT_STREAM}}},
)
def training_events(request: HttpRequest, trace_id: UUID, share: str = "", after: str = "") -> Any:
    """queued, loading, then result… (data, baseline, features, epoch, confusion, head); then done, failed or cancelled.

    Resumes after `Last-Event-ID`.
    """
    person = people.current(request)
    trace = services.training_for(trace_id=trace_id, person=person, share_token=share)
    response: HttpResponseBase = event_stream(request, trace, Teller(person, share, html=False))
    return response


@router.post("/training-runs/{trace_id}/cancel", response={200: TrainingOut, **REFUSALS}, summary="Stop a training run")
def cancel(request: HttpRequest, trace_id: UUID) -> Any:
    """The epochs that ran are kept; a run that has ended stays as it is."""
    trace = services.own_training(trace_id=trace_id, person=people.current(request))
    cancel_trace(trace=trace, now=timezone.now())
    return _out(request, trace)


def _out(request: HttpRequest, trace: Trace, *, share_token: str = "") -> dict[str, Any]:
    """A run as the API answers with it: with the addresses of the API, absolute."""
    told = training_json(present_training(trace, person=people.current(request), share_token=share_token))
    here = f"/api/v1/training-runs/{trace.pk}"
    query = told["events_url"].partition("?")[2]
    told["events_url"] = request.build_absolute_uri(f"{here}/events" + (f"?{query}" if query else ""))
    told["url"] = request.build_absolute_uri(told["url"])
    told["cancel_url"] = request.build_absolute_uri(f"{here}/cancel") if told["cancel_url"] else None
    if told["head"]:
        told["head"]["url"] = request.build_absolute_uri(told["head"]["url"])
    return told
