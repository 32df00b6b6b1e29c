"""A trace as pages, API and events show it: one value, made from rows, the document and, while it runs, the stream."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

from django.db.models import F, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from inference import documents, facts, heartbeat, jobs, samples, streams, wording
from inference.connections import Unreachable
from inference.contracts import RunKind
from inference.models import Job, JobState, Trace
from inference.streams import EventId
from inference.training.wording import what_came_out, what_trained


class Status(StrEnum):
    """Where a trace stands, as everybody is told."""

    QUEUED = "queued"
    LOADING = "loading"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self in (Status.DONE, Status.FAILED, Status.CANCELLED)


@dataclass(frozen=True, slots=True)
class PictureView:
    """A stage's picture: its address, its sides in pixels, what it shows in words."""

    url: str
    width: int
    height: int
    scale: str
    maximum: float
    alt: str
    note: str


@dataclass(frozen=True, slots=True)
class FileView:
    """A result's picture or file: its address and, of a picture, its sides in pixels and how to read it."""

    url: str
    media_type: str
    width: int = 0
    height: int = 0
    scale: str = ""
    maximum: float = 0.0
    maxima: tuple[float, ...] = ()
    channels_shown: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ResultView:
    """Something a run found out besides its stages. Its room has the template `inference/results/_<what>.html` for it."""

    name: str
    figures: Mapping[str, Any]
    files: Mapping[str, FileView]
    photo: str = ""  # the address of what of the photo the network saw: what a heat map is laid over

    @property
    def what(self) -> str:
        """What it is: "grad_cam" of "grad_cam:281"."""
        return self.name.partition(":")[0]

    @property
    def template(self) -> str:
        return f"inference/results/_{self.what}.html"

    @property
    def templates(self) -> tuple[str, str]:
        """Its own template, and the one for what has nothing to show by itself."""
        return self.template, "inference/results/_other.html"


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of the film: a stage that ran, or the space that waits for it."""

    index: int
    name: str
    title: str
    operation: str
    operation_code: str
    kind: str
    ran: bool
    shape: str
    sentence: str
    input_shape: tuple[int, ...] = ()
    output_shape: tuple[int, ...] = ()
    parameters: int = 0
    macs: int = 0
    flops: int = 0
    milliseconds: float | None = None
    statistics: Mapping[str, float] | None = None
    picture: PictureView | None = None

    @property
    def number(self) -> int:
        """Its place in the film, counted from 1."""
        return self.index + 1


@dataclass(frozen=True, slots=True)
class PredictionView:
    """One of the classes of highest probability."""

    rank: int
    class_index: int
    label: str
    probability: float

    @property
    def percent(self) -> str:
        """As it is written: "62.4%"; what is not certain is never "100.0%"."""
        if self.probability < 0.001:
            return "< 0.1%"
        written = f"{self.probability:.1%}"
        return "> 99.9%" if written == "100.0%" and self.probability < 1 else written

    @property
    def bar(self) -> str:
        """The length of its bar, of 100."""
        return f"{100 * self.probability:.2f}"


@dataclass(frozen=True, slots=True)
class PhotoView:
    """The photo that is traced, and whose it is; no address where the reader may not see the whole of it."""

    title: str
    alt: str
    url: str
    credit: str
    width: int
    height: int
    intake: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OpenedView:
    """What an opened file says of itself: which program wrote it, and when the run was."""

    written_by: str
    ran_at: datetime


@dataclass(frozen=True, slots=True)
class TraceView:
    """Everything that a page, the API or an event says about a trace."""

    id: str
    status: Status
    sentence: str
    network: str
    network_title: str
    kind: str
    frames: tuple[Frame, ...]
    results: tuple[ResultView, ...]
    total: int
    top_k: tuple[PredictionView, ...]
    prediction: str
    verdict: str
    place: int
    error: str
    error_code: str
    next_action: str
    made_by: Mapping[str, Any]
    milliseconds: float | None
    photo: PhotoView
    is_own: bool
    url: str
    events_url: str
    cancel_url: str
    shared_url: str
    after: str
    again: tuple[tuple[str, str], ...]  # fields and values of the form that asks once more
    created_at: datetime
    tries: int = 1
    opened: OpenedView | None = None  # none: it ran here
    network_url: str = ""  # empty: this site knows no such network

    @property
    def is_final(self) -> bool:
        return self.status.is_final

    @property
    def ran(self) -> int:
        """How many stages have run."""
        return sum(frame.ran for frame in self.frames)

    @property
    def results_by_what(self) -> dict[str, list[ResultView]]:
        """The results in the order in which they came, by what they are."""
        found: dict[str, list[ResultView]] = {}
        for result in self.results:
            found.setdefault(result.what, []).append(result)
        return found

    @property
    def pictures(self) -> list[str]:
        """The addresses of all pictures, in the order of the stages."""
        return [frame.picture.url for frame in self.frames if frame.picture is not None]


def present(trace: Trace, *, person: User | None = None, share_token: str = "") -> TraceView:
    """The trace as `person` may see it; `share_token` goes into the addresses of whoever came by the owner's link."""
    job = trace.job
    told = told_so_far(job)
    status = status_of(trace, has_stages=bool(told["stages"]))
    network = facts.facts_of(job.network, "title", *(() if _is_whole(job, told) else ("preprocessing", "stages"))) or {}
    frames = _frames(trace, told, network, share_token=share_token)
    top_k = top_k_of(told)
    error, action = wording.failure(job.failure) if status == Status.FAILED else ("", "")
    place = jobs.place_in_line(job) if status == Status.QUEUED else 0
    is_own = person is not None and trace.owner_id == person.pk
    total = told["total"] or len(frames)
    return TraceView(
        id=str(trace.pk),
        status=status,
        sentence=sentence_of(
            status, job=job, place=place, frame=_last_ran(frames), total=total, milliseconds=told.get("milliseconds")
        ),
        network=job.network,
        network_title=str(network.get("title") or told.get("network_title") or job.network),
        kind=job.kind,
        frames=frames,
        results=_results(trace, told, share_token=share_token),
        total=total,
        top_k=top_k,
        prediction=trace.prediction,
        verdict=verdict(trace.prediction, top_k),
        place=place,
        error=error,
        error_code=job.failure if status == Status.FAILED else "",
        next_action=action,
        made_by=told.get("made_by") or {},
        milliseconds=told.get("milliseconds"),
        photo=_photo(trace, told, is_own=is_own, share_token=share_token),
        is_own=is_own,
        url=address("trace", trace, share_token),
        events_url=address("events", trace, share_token),
        cancel_url=address("cancel", trace) if is_own and not status.is_final else "",
        shared_url=address("trace", trace, trace.share_token or "") if is_own and trace.share_token else "",
        after=str(_last_event(told)),
        again=_again(trace) if is_own and status in (Status.FAILED, Status.CANCELLED) else (),
        created_at=trace.created_at,
        tries=told.get("tries", 1),
        opened=_opened(told) if job.kind == RunKind.OPENED else None,
        network_url=reverse("inference:network", args=[job.network]) if network else "",
    )


def _opened(told: Mapping[str, Any]) -> OpenedView:
    return OpenedView(told["written_by"], datetime.fromisoformat(told["ran_at"]))


def _last_event(told: Mapping[str, Any]) -> EventId:
    """The last event that is in what was told so far: a page goes on after it."""
    events = documents.events_of(dict(told)) if told["stages"] else []
    return events[-1].id if events else EventId(told["attempt"], 0)


def _again(trace: Trace) -> tuple[tuple[str, str], ...]:
    """The form's fields and values that ask for the same run once more."""
    job = trace.job
    photo = ("upload", str(job.upload_id)) if job.upload_id else ("sample", job.sample)
    mistakes = (("mistakes", name) for name in job.options.get("mistakes", ()))
    return (("network", job.network), ("prediction", trace.prediction), photo, *mistakes)


@dataclass(frozen=True, slots=True)
class TraceRow:
    """A trace in a list: without its film."""

    id: str
    url: str
    title: str
    photo_title: str
    network_title: str
    first: PredictionView | None
    outcome: str
    status: Status
    status_title: str
    created_at: datetime


def rows_of(traces: QuerySet[Trace]) -> list[TraceRow]:
    """The traces for their owner's list. Of each document only what a row shows is read: a film's stages make it long."""
    titles = facts.titles()
    found = traces.select_related("job", "job__upload").defer("job__document")
    found_with_parts = found.annotate(
        told_top_k=F("job__document__top_k"), told_results=F("job__document__results"), told_photo=F("job__document__photo")
    )
    return [
        _row_of(
            trace,
            {"top_k": trace.told_top_k or (), "results": trace.told_results or (), "photo": trace.told_photo},
            titles=titles,
        )
        for trace in found_with_parts
    ]


def _row_of(trace: Trace, told: Mapping[str, Any], *, titles: Mapping[str, str]) -> TraceRow:
    status = status_of(trace, has_stages=True)
    photo_title = _photo(trace, told, is_own=True).title
    return TraceRow(
        id=str(trace.pk),
        url=address("trace", trace),
        title=_title(trace.job, photo_title),
        photo_title=photo_title,
        network_title=titles.get(trace.job.network, trace.job.network),
        first=next(iter(top_k_of(told)), None),
        outcome=_outcome(trace.job, told),
        status=status,
        status_title=wording.status_title(status),
        created_at=trace.created_at,
    )


def _title(job: Job, photo_title: str) -> str:
    """What ran, in a line: its photo and what was done with it, or what was trained on."""
    kind = RunKind(job.kind)
    return what_trained(job.options) if kind == RunKind.TRAINING else wording.run_title(kind, photo=photo_title)


def _outcome(job: Job, told: Mapping[str, Any]) -> str:
    """What came out, in a few words; empty before anything did."""
    if job.kind == RunKind.TRAINING:
        return what_came_out(told)
    first = next(iter(top_k_of(told)), None)
    return f"{first.label}, {first.percent}" if first else ""


_PAGES = {RunKind.TRAINING: "training_run", RunKind.TRIAL: "trial"}
"""The kinds of runs that have a page of their own."""

_SECTIONS = {RunKind.MEASUREMENT: "time", RunKind.DOWNLOAD: "weights"}
"""The kinds of runs that are shown on their network's page, and where on it."""


def address(name: str, trace: Trace, share_token: str = "", **parts: Any) -> str:
    """The path of one of a trace's pages, with the share token that opens it; "trace" is the page that shows it."""
    section = _SECTIONS.get(RunKind(trace.job.kind)) if name == "trace" else None
    if section is not None:
        return reverse("inference:network", kwargs={"network_id": trace.job.network}) + f"#{section}"
    page = _PAGES.get(RunKind(trace.job.kind), name) if name == "trace" else name
    path = reverse(f"inference:{page}", kwargs={"trace_id": trace.pk, **parts})
    return f"{path}?{urlencode({'share': share_token})}" if share_token else path


def told_so_far(job: Job) -> dict[str, Any]:
    """The job's document: whole when it is over, else what was kept of its newest attempt and what its stream has besides."""
    if job.is_finished and job.document is not None:
        return dict(job.document)
    told = copy.deepcopy(job.document) if job.document is not None else documents.begun(job.attempts, tries=job.tries)
    if job.state == JobState.WAITING:
        return told
    known = documents.events_of(told)
    last = known[-1].id if job.document is not None and known else EventId(job.attempts, 0)
    for event in streams.stored_events(job.pk, after=last):
        if event.id.attempt != job.attempts:
            continue
        if event.name == documents.STAGE:
            told["stages"].append(event.data)
            told["total"] = event.data["total"]
        elif event.name == documents.RESULT:
            told.setdefault("results", []).append(event.data)
        else:
            told |= event.data
    return told


def status_of(trace: Trace, *, has_stages: bool) -> Status:
    """Where the trace stands: its job's state, unless its owner stopped it."""
    if trace.is_cancelled:
        return Status.CANCELLED
    match trace.job.state:
        case JobState.WAITING:
            return Status.QUEUED
        case JobState.RUNNING:
            return Status.RUNNING if has_stages else Status.LOADING
    return Status(trace.job.state)


def sentence_of(
    status: Status, *, job: Job, place: int = 0, frame: Frame | None = None, total: int = 0, milliseconds: float | None = None
) -> str:
    """The one line that says where a run stands."""
    match status:
        case Status.QUEUED:
            return queued_sentence(job, place=place)
        case Status.RUNNING if frame is not None:
            return stage_sentence(frame, total=total)
        case Status.DONE:
            return done_sentence(total=total, milliseconds=milliseconds or 0)
        case Status.CANCELLED:
            return _("Stopped. What already ran is kept below.") if frame is not None else _("Stopped before it began.")
        case Status.FAILED:
            return _("The run stopped early.")
    return loading_sentence(job.kind, tries=job.tries)


def loading_sentence(kind: str, *, tries: int) -> str:
    """What is going on before the first stage: for the first time, or once more because a worker died over it."""
    if tries <= 1:
        return _("Asking for the file.") if kind == RunKind.DOWNLOAD else _("Loading the network.")
    if kind == RunKind.DOWNLOAD:
        return _("It goes on where the last attempt stopped.")
    if kind == RunKind.TRAINING:
        return _("The worker that ran this died. It begins again from its seed: attempt %(number)d.") % {"number": tries}
    return _("The worker that ran this died. It begins again: attempt %(number)d.") % {"number": tries}


def queued_sentence(job: Job, *, place: int) -> str:
    """Why it waits: its place in line, a queue that can't be reached, or no worker that is ready."""
    if job.rung_at is None and job.attempts == 0:
        return _("Waiting for the queue, which can’t be reached now. Your run is kept and starts by itself.")
    try:
        ready = bool(heartbeat.warm_workers())
    except Unreachable:
        return _("Waiting for the queue, which can’t be reached now. Your run is kept and starts by itself.")
    if job.tries > 0:
        return _("The worker that ran this died. It waits to begin again: place %(place)d in line.") % {"place": place}
    line = _("Next in line.") if place <= 1 else _("Waiting: place %(place)d in line.") % {"place": place}
    return line if ready else f"{line} {_('The worker is still getting ready.')}"


def late_sentence() -> str:
    """Why a run's stages come late: Redis, over which they come, can't be reached."""
    return _("The run goes on. Its stages come a few seconds late, until the site’s queue can be reached again.")


def stage_sentence(frame: Frame, *, total: int) -> str:
    """How far a run has come: "Stage 3 of 8: layer1, 64×56×56"."""
    return _("Stage %(number)d of %(total)d: %(name)s, %(shape)s") % {
        "number": frame.number,
        "total": total,
        "name": frame.title,
        "shape": frame.shape,
    }


def done_sentence(*, total: int, milliseconds: float) -> str:
    """That a run is over, how many stages it had, if any, and how long it took."""
    if not total:
        return _("Done in %(seconds)s s.") % {"seconds": f"{milliseconds / 1000:.2f}"}
    stages = ngettext("%(total)d stage", "%(total)d stages", total) % {"total": total}
    return _("Done: %(stages)s in %(seconds)s s.") % {"stages": stages, "seconds": f"{milliseconds / 1000:.2f}"}


def verdict(prediction: str, top_k: tuple[PredictionView, ...]) -> str:
    """What was said before the run beside what came out; empty before there is an answer."""
    if not top_k:
        return ""
    first = top_k[0]
    told = {"prediction": prediction, "label": first.label, "percent": first.percent}
    if prediction:
        return _("You said “%(prediction)s”. The network’s first choice is “%(label)s”, with %(percent)s.") % told
    return _("The network’s first choice is “%(label)s”, with %(percent)s.") % told


def top_k_of(told: Mapping[str, Any]) -> tuple[PredictionView, ...]:
    """The classes of highest probability that a document or an event tells of."""
    return tuple(
        PredictionView(row["rank"], row["class_index"], row["label"], row["probability"]) for row in told.get("top_k", ())
    )


def frame_of(trace: Trace, stage: Mapping[str, Any], *, share_token: str = "") -> Frame:
    """A stage that ran, as its frame in the film."""
    return told_frame(stage, picture_url=address("picture", trace, share_token, index=stage["index"]))


def told_frame(stage: Mapping[str, Any], *, picture_url: str) -> Frame:
    """The frame of a stage that a document tells of, its picture at this address."""
    shape = wording.shape(stage["output_shape"])
    title = str(stage.get("title") or stage["name"])
    return Frame(
        index=stage["index"],
        name=stage["name"],
        title=title,
        operation=wording.stage_title(stage["operation"], title),
        operation_code=stage["operation"],
        kind=stage["kind"],
        ran=True,
        shape=shape,
        sentence=wording.stage_sentence(stage["operation"], blocks=stage.get("blocks", 0), details=stage.get("details")),
        input_shape=tuple(stage["input_shape"]),
        output_shape=tuple(stage["output_shape"]),
        parameters=stage.get("parameters", 0),
        macs=stage.get("macs", 0),
        flops=stage.get("flops", 0),
        milliseconds=stage.get("milliseconds"),
        statistics=stage.get("statistics"),
        picture=_picture(stage, title=title, url=picture_url),
    )


def _results(trace: Trace, told: Mapping[str, Any], *, share_token: str) -> tuple[ResultView, ...]:
    photo = seen_photo(trace, told, share_token=share_token)
    return tuple(result_of(trace, result, share_token=share_token, photo=photo) for result in told.get("results", ()))


def seen_photo(trace: Trace, told: Mapping[str, Any], *, share_token: str = "") -> str:
    """The address of the picture of what of the photo the network saw; empty where a run tells of none."""
    for stage in told["stages"]:
        if stage["operation"] == "crop" and stage.get("picture"):
            return address("picture", trace, share_token, index=stage["index"])
    for result in told.get("results", ()):
        if result["name"] == "crop" and "photo" in result["files"]:
            return address("result_file", trace, share_token, result="crop", key="photo")
    return ""


def result_of(trace: Trace, result: Mapping[str, Any], *, share_token: str = "", photo: str = "") -> ResultView:
    """A result that a document or an event tells of, with the addresses of its files and of the photo that it is about."""
    files = {
        key: FileView(
            url=address("result_file", trace, share_token, result=result["name"], key=key),
            media_type=file["media_type"],
            width=file.get("width", 0),
            height=file.get("height", 0),
            scale=file.get("scale", ""),
            maximum=file.get("maximum", 0.0),
            maxima=tuple(file.get("maxima", ())),
            channels_shown=tuple(file.get("channels_shown", ())),
        )
        for key, file in result["files"].items()
    }
    return ResultView(result["name"], result["figures"], files, photo)


def _picture(stage: Mapping[str, Any], *, title: str, url: str) -> PictureView | None:
    picture = stage.get("picture")
    if not picture:
        return None
    return PictureView(
        url=url,
        width=picture["width"],
        height=picture["height"],
        scale=picture["scale"],
        maximum=picture["maximum"],
        alt=wording.picture_alt(picture["scale"], stage=title, channels=len(picture["channels_shown"])),
        note=wording.picture_note(picture["scale"], maximum=picture["maximum"]),
    )


def waiting_frames(network: Mapping[str, Any]) -> tuple[Frame, ...]:
    """The film before a run: a waiting frame for each stage that the network's facts promise."""
    promised = [*(network.get("preprocessing") or {}).items(), *(network.get("stages") or {}).items()]
    return tuple(_waiting_frame(index, name, stage) for index, (name, stage) in enumerate(promised))


def _frames(trace: Trace, told: Mapping[str, Any], network: Mapping[str, Any], *, share_token: str) -> tuple[Frame, ...]:
    """The film: what ran, then what still waits."""
    ran = tuple(frame_of(trace, stage, share_token=share_token) for stage in told["stages"])
    return ran if _is_whole(trace.job, told) else ran + waiting_frames(network)[len(ran) :]


def _is_whole(job: Job, told: Mapping[str, Any]) -> bool:
    """Whether nothing of the film is still to come. Only a trace promises one."""
    return bool(told.get("made_by")) or job.kind != RunKind.TRACE


def _waiting_frame(index: int, name: str, stage: Mapping[str, Any]) -> Frame:
    title = str(stage.get("title") or name)
    operation = str(stage.get("operation") or name)  # a preprocessing step is called what it does
    return Frame(
        index=index,
        name=name,
        title=title,
        operation=wording.stage_title(operation, title),
        operation_code=operation,
        kind=str(stage.get("kind", "")),
        ran=False,
        shape=wording.shape(stage.get("output_shape") or ()),
        sentence="",
    )


def _last_ran(frames: tuple[Frame, ...]) -> Frame | None:
    return next((frame for frame in reversed(frames) if frame.ran), None)


def _photo(trace: Trace, told: Mapping[str, Any], *, is_own: bool, share_token: str = "") -> PhotoView:
    job = trace.job
    if job.kind == RunKind.OPENED:
        return _photo_of_file(trace, told["photo"], share_token=share_token)
    if job.upload is not None:
        upload = job.upload
        title = _("Your photo") if is_own else _("A learner’s photo")
        url = reverse("inference:upload", kwargs={"upload_id": upload.pk}) if is_own else ""
        intake = tuple(wording.intake(upload.original, width=upload.width, height=upload.height)) if is_own else ()
        return PhotoView(title, title, url, "", upload.width, upload.height, intake)
    sample = samples.sample_of(job.sample)
    if sample is None:
        return PhotoView(job.sample, job.sample, "", "", 0, 0)
    return _photo_of_sample(sample)


def _photo_of_sample(sample: samples.Sample) -> PhotoView:
    url = reverse("inference:sample", kwargs={"sample_id": sample.id})
    credit = f"{sample.credit}, {sample.licence}"
    return PhotoView(str(sample.title), str(sample.alt), url, credit, sample.width, sample.height)


def _photo_of_file(trace: Trace, told: Mapping[str, Any], *, share_token: str) -> PhotoView:
    """The photo of an opened file: a sample that is the same here, the picture in the file, or its title alone."""
    sample = samples.sample_of(trace.job.sample)
    if sample is not None:
        return _photo_of_sample(sample)
    title = told["title"] or _("A photo")
    url = address("photo", trace, share_token) if told.get("picture") else ""
    return PhotoView(title, title, url, told["credit"], told["width"], told["height"])
