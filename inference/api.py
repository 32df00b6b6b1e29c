"""Networks, samples and traces over HTTP. Pages and API call the same services; refusals are problem+json."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import File, Form, Router, Schema, Status
from ninja.files import UploadedFile
from pydantic import Field

from accounts import people
from accounts.auth import cookie_or_bearer
from inference import facts, samples, services, telling
from inference.breaking import services as breaking
from inference.contracts import DEFAULT_NETWORK, MISTAKES, MistakeName
from inference.looking import asking as looking
from inference.models import Trace
from inference.networks.showing import network_detail
from inference.presenting import present
from inference.views import PREDICTION_LENGTH, event_stream
from web.problems import REFUSALS, Problem, ProblemOut

router = Router(tags=["traces"], auth=cookie_or_bearer)


class WeightsOut(Schema):
    """A set of trained weights. Accuracies are per cent on ImageNet-1k's validation set, as its own record states them."""

    name: str
    available: bool
    licence: str  # empty: not stated
    licence_url: str = ""
    top1: float | None = None
    top5: float | None = None
    file: str
    url: str = ""
    size_mb: float | None = None  # of 1024² bytes, as torchvision's records count them
    recipe: str = ""
    said: str = ""  # torchvision's own words about them


class NetworkOut(Schema):
    """A network in computed figures: parameters, multiply-accumulates and FLOPs for one image at its usual input size.

    Until somebody has asked for its figures, or the site has got to it, `is_computed` is false and they are null.
    """

    id: str
    title: str
    family: str
    year: int | None = None  # of its paper's first version
    is_computed: bool = True
    parameters: int | None = None
    macs: int | None = None
    flops: int | None = None
    feature_dim: int | None = None
    input_size: int | None = None
    classes: int | None = None
    depth: int | None = None
    weights: WeightsOut | None = None


class StageOut(Schema):
    """One stage of a network, computed without weights. Shapes are N × C × H × W."""

    name: str
    title: str
    operation: str
    kind: str
    input_shape: list[int]
    output_shape: list[int]
    parameters: int
    macs: int


class MeasuredOut(Schema):
    """How long single passes took on a worker here, with random weights: the median, the fastest, the slowest."""

    median_ms: float
    fastest_ms: float
    slowest_ms: float
    passes: int
    input_size: int
    device: str
    dtype: str
    threads: int
    measured_at: datetime


class NetworkDetail(NetworkOut):
    """A network with its card, its stages in order, its time on a worker here and everything it can be run with."""

    paper: str
    authors: str
    paper_url: str
    notes: list[str]  # in what it differs from its paper
    auxiliary_parameters: int  # of a head that only training runs, and that belongs to no stage
    measured: MeasuredOut | None = None
    stages: list[StageOut]
    all_weights: list[WeightsOut]


class NetworkList(Schema):
    items: list[NetworkOut]
    next: str | None = None


class SampleOut(Schema):
    """A sample photograph, with whose it is."""

    id: str
    title: str
    credit: str
    licence: str
    source: str
    width: int
    height: int
    url: str


class SampleList(Schema):
    items: list[SampleOut]
    next: str | None = None


class PictureOut(Schema):
    """A stage's picture. scale: photo, unsigned (from 0 to maximum) or signed (from -maximum to maximum)."""

    url: str
    width: int
    height: int
    scale: str
    maximum: float
    alt: str
    note: str


class StageRanOut(StageOut):
    """A stage that ran on this photo."""

    index: int
    flops: int
    milliseconds: float | None = None
    statistics: dict[str, float] | None = None
    picture: PictureOut | None = None


class PredictionOut(Schema):
    rank: int
    class_index: int
    label: str
    probability: float


class ErrorOut(Schema):
    """Why a run failed and what to do next."""

    code: str
    detail: str
    next_action: str


class FileOut(Schema):
    """A result's picture or file. Of a picture: its sides, and how to read its scale."""

    url: str
    media_type: str
    width: int
    height: int
    scale: str
    maximum: float
    maxima: list[float]
    channels_shown: list[int]


class RunResultOut(Schema):
    """Something a run found out besides its stages. `name` begins with what it is, as in `grad_cam:281`."""

    name: str
    figures: dict[str, Any]
    files: dict[str, FileOut]


class TraceOut(Schema):
    """One run. `place` is its place in line while it is queued; `sentence` says where it stands."""

    id: UUID
    status: Literal["queued", "loading", "running", "done", "failed", "cancelled"]
    sentence: str
    place: int
    kind: str
    network: str
    prediction: str
    stages: list[StageRanOut]
    total: int
    results: list[RunResultOut]
    top_k: list[PredictionOut]
    pictures: list[str]
    made_by: dict[str, Any] | None = None
    milliseconds: float | None = None
    error: ErrorOut | None = None
    url: str
    events_url: str
    cancel_url: str | None = None


class TraceIn(Schema):
    """What to run. `prediction` is what you say will come out, before you know."""

    network: str = Field(DEFAULT_NETWORK, max_length=80, description="A network’s id.", examples=[DEFAULT_NETWORK])
    sample: str = Field("", max_length=80, description="A sample’s id.", examples=["chelsea"])
    prediction: str = Field("", max_length=PREDICTION_LENGTH, examples=["a cat"])
    mistakes: list[MistakeName] = Field(
        [],
        max_length=len(MISTAKES),
        description="Mistakes to make on purpose, each beside the correct run. Repeat the field for more than one.",
        examples=[["bgr", "softmax_twice"]],
    )
    explain: str = Field(
        "",
        max_length=40,
        description=(
            "A closer look instead of the trace: `maps`, `unit`, `grad_cam`, `attention` or `neighbours`. The fields below say"
            " at what; each look reads only its own."
        ),
        examples=["maps"],
    )
    stage: str = Field("", max_length=80, description="For `maps` and `unit`: a stage’s name.", examples=["features4"])
    channels: str = Field(
        "", max_length=400, description="For `maps`: `varied` (default), `all`, or numbers as `3, 17, 40-47`."
    )
    shared_scale: bool = Field(False, description="For `maps`: one scale for all.")
    channel: int | None = Field(None, ge=0, description="For `unit`, with `y` and `x`: which number of the stage’s output.")
    y: int | None = Field(None, ge=0)
    x: int | None = Field(None, ge=0)
    layer: str = Field(
        "", max_length=120, description="For `unit`: a layer inside the stage, by its path. For `attention`: 0…, or `rollout`."
    )
    head: str = Field("", max_length=20, description="For `attention`: 0…, or `mean` (default).")
    query: str = Field("", max_length=20, description="For `attention`: `class`, or row and column of a patch as `3,5`.")
    class_index: int | None = Field(None, ge=0, description="For `grad_cam`: the class; its first choice if none is given.")


LOOK_FIELDS = ("stage", "channels", "shared_scale", "channel", "y", "x", "layer", "head", "query", "class_index")
EVENT_STREAM = {"text/event-stream": {"schema": {"type": "string"}}}


@router.get("/networks", response={200: NetworkList, **REFUSALS}, summary="The networks this site knows")
def networks(request: HttpRequest) -> Any:
    """Their figures are computed from the models; `weights.available` says whether a trace is possible now."""
    return {"items": [telling.network_row(network, known) for network, known in facts.listed().items()], "next": None}


@router.get("/networks/{network_id}", response={200: NetworkDetail, **REFUSALS}, summary="One network with its stages")
def network(request: HttpRequest, network_id: str) -> Any:
    """The stages are computed without weights, so a network that can't predict here still has them.

    While `is_computed` is false its figures have been asked for: ask again in a few seconds.
    """
    return network_detail(network_id)


@router.get("/samples", response={200: SampleList, **REFUSALS}, summary="The sample photos")
def sample_list(request: HttpRequest) -> Any:
    """Photographs that the installed libraries carry, each with its credit and licence."""
    items = [
        {
            "id": sample.id,
            "title": str(sample.title),
            "credit": sample.credit,
            "licence": sample.licence,
            "source": sample.source,
            "width": sample.width,
            "height": sample.height,
            "url": request.build_absolute_uri(reverse("inference:sample", kwargs={"sample_id": sample.id})),
        }
        for sample in samples.all_samples()
    ]
    return {"items": items, "next": None}


@router.post(
    "/traces",
    response={202: TraceOut, **REFUSALS, 409: ProblemOut, 413: ProblemOut, 422: ProblemOut, 429: ProblemOut, 507: ProblemOut},
    summary="Run a network on a photo",
)
def create(request: HttpRequest, form: Form[TraceIn], image: File[UploadedFile | None] = None) -> Any:
    """Send `sample` or `image`: a photo of yours (JPEG, PNG, WebP, GIF, BMP or TIFF, at most 10 MB) that only you can see.

    Answers at once; follow `events_url` or poll the trace. The same request is answered from the store. With `mistakes` the
    correct run is not traced stage by stage: `top_k` is its answer, and there is a result `mistake:<name>` for each mistake.
    With `explain` nothing is traced either: what was looked at is in `results`, after `crop`, what of the photo was seen.
    """
    _refuse_what_would_be_ignored(request, form, image)
    now = timezone.now()
    asked: dict[str, Any] = {
        "owner": people.ensure(request),
        "network": form.network,
        "prediction": form.prediction,
        "now": now,
    }
    if form.explain:
        trace = _look(form, image, asked)
    elif form.mistakes and image is not None:
        trace = breaking.request_photo_mistakes(names=form.mistakes, file=image, **asked)
    elif form.mistakes:
        trace = breaking.request_mistakes(names=form.mistakes, sample=form.sample, **asked)
    elif image is not None:
        trace = services.request_photo_trace(file=image, **asked)
    else:
        trace = services.request_trace(sample=form.sample, **asked)
    return Status(202, trace_out(request, trace))


def _written(value: str | int | bool | None) -> str:
    """A value as a form on a page would send it; empty for what was not given."""
    if value is True:
        return "on"
    return "" if value is None or value is False else str(value)


def _look(form: TraceIn, image: UploadedFile | None, asked: dict[str, Any]) -> Trace:
    """The look that the form asks for, in the words in which a page's form would."""
    told = {"look": form.explain, **{name: _written(getattr(form, name)) for name in LOOK_FIELDS}}
    return looking.request_look(asked=told, sample=form.sample, file=image, **asked)


def _refuse_what_would_be_ignored(request: HttpRequest, form: TraceIn, image: UploadedFile | None) -> None:
    """Raises Problem 422 where the caller would get another run than the one asked for."""
    if form.explain and form.mistakes:
        sentence = _("A run makes mistakes or explains, not both. Ask for them one after the other.")
        raise Problem(422, _("Two kinds of run"), sentence, field="explain")
    if not form.explain and (unread := [name for name in LOOK_FIELDS if _written(getattr(form, name))]):
        sentence = _("“%(field)s” belongs to a closer look. Say which one in “explain”, or leave it out.")
        raise Problem(422, _("Which look?"), sentence % {"field": unread[0]}, field="explain")
    if image is not None and form.sample:
        raise Problem(
            422, _("Two photos"), _("A run is of one photo: send a sample or an image of your own, not both."), field="image"
        )


@router.get("/traces/{trace_id}", response={200: TraceOut, **REFUSALS}, summary="One trace, whatever its state")
def trace(request: HttpRequest, trace_id: UUID, share: str = "") -> Any:
    """Yours, the house’s own, or one whose owner gave you its `share` token; any other is 404."""
    person = people.current(request)
    return trace_out(request, services.trace_for(trace_id=trace_id, person=person, share_token=share), share_token=share)


@router.get(
    "/traces/{trace_id}/events",
    response={**REFUSALS},
    summary="A trace’s events as they happen",
    openapi_extra={"responses": {200: {"description": "Server-sent events", "content": EVENT_STREAM}}},
)
def trace_events(request: HttpRequest, trace_id: UUID, share: str = "", after: str = "") -> Any:
    """queued, loading, stage…, prediction, result…; then done, failed or cancelled. Resumes after `Last-Event-ID`."""
    person = people.current(request)
    found = services.trace_for(trace_id=trace_id, person=person, share_token=share)
    response: HttpResponseBase = event_stream(request, found, telling.Teller(person=person, share_token=share, html=False))
    return response


@router.post("/traces/{trace_id}/cancel", response={200: TraceOut, **REFUSALS}, summary="Stop one of your traces")
def cancel(request: HttpRequest, trace_id: UUID) -> Any:
    """What already ran is kept; a trace that has ended stays as it is."""
    found = services.own_trace(trace_id=trace_id, person=people.current(request))
    services.cancel_trace(trace=found, now=timezone.now())
    return trace_out(request, found)


def trace_out(request: HttpRequest, found: Trace, *, share_token: str = "") -> dict[str, Any]:
    """A trace as the API answers with it: with the addresses of the API, absolute."""
    told = telling.trace_json(present(found, person=people.current(request), share_token=share_token))
    here = f"/api/v1/traces/{found.pk}"
    query = told["events_url"].partition("?")[2]
    told["events_url"] = request.build_absolute_uri(f"{here}/events" + (f"?{query}" if query else ""))
    told["url"] = request.build_absolute_uri(told["url"])
    told["cancel_url"] = request.build_absolute_uri(f"{here}/cancel") if told["cancel_url"] else None
    return told
