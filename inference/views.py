"""The pages of runs and networks: each view reads the request, calls a service and shows what came of it."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import UUID

from django.contrib import messages
from django.core.files.storage import default_storage
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _
from django.views.decorators.http import condition, require_http_methods, require_POST, require_safe

from accounts import people
from accounts.models import User
from inference import events, facts, samples, services, telling
from inference.breaking.services import break_url, request_mistakes, request_photo_mistakes
from inference.contracts import DEFAULT_NETWORK, UNSEEN_KINDS, MistakeName
from inference.looking.asking import look_url
from inference.models import Trace
from inference.presenting import TraceView, address, present, rows_of, waiting_frames
from inference.sharing.writing import is_film
from inference.streams import EventId
from web.problems import Problem, json_response, not_found
from web.redirects import safe_next

RECENT = 50
PREDICTION_LENGTH = 200
OWN_PHOTO = "own"
DAY = 24 * 3600


# --- a trace --------------------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def traces(request: HttpRequest) -> HttpResponse:
    """One's own runs; a POST asks for a new one and answers with it, as a page or, for a script, as JSON."""
    if request.method == "POST":
        return _create(request)
    person = people.current(request)
    own = Trace.objects.filter(owner=person).exclude(job__kind__in=UNSEEN_KINDS) if person else Trace.objects.none()
    return render(request, "inference/traces.html", {"traces": rows_of(own.order_by("-created_at")[:RECENT])})


def _create(request: HttpRequest) -> HttpResponse:
    as_json = request.accepts("application/json") and not request.accepts("text/html")
    try:
        trace = _requested(request)
    except Problem as problem:
        if as_json:
            return json_response(problem)
        raise
    view = present(trace, person=people.current(request))
    if as_json:
        # "scripted": a script that inserts a <noscript> makes its content real, and this one would reload the page
        html = render_to_string("inference/_trace.html", {"trace": view, "scripted": True}, request=request)
        return JsonResponse({**telling.trace_json(view), "html": html}, status=202)
    next_url = safe_next(request, "")
    return redirect(_with_trace(next_url, trace) if next_url else view.url)


def _requested(request: HttpRequest) -> Trace:
    """The run that a form asks for, with the mistakes it names. A chosen file counts before a chosen sample: without scripts
    nothing unchecks that."""
    file = request.FILES.get("image")
    sample = request.POST.get("sample", "")
    kept = _uuid(request.POST.get("upload", ""))
    if file is None and kept is None and sample in ("", OWN_PHOTO):
        raise Problem(
            422, _("No photo"), _("Choose one of the sample photos, or a file of your own, then run it again."), field="image"
        )
    now = timezone.now()
    owner = people.ensure(request)
    network = _text(request, "network", limit=80) or DEFAULT_NETWORK
    asked: dict[str, Any] = {
        "owner": owner,
        "network": network,
        "prediction": _text(request, "prediction", limit=PREDICTION_LENGTH),
        "now": now,
    }
    mistakes = request.POST.getlist("mistakes")
    if file is not None:
        if mistakes:
            return request_photo_mistakes(names=mistakes, file=file, **asked)
        return services.request_photo_trace(file=file, **asked)
    upload = services.upload_for(upload_id=kept, person=owner) if kept is not None else None
    asked |= {"sample": "" if upload is not None else sample, "upload": upload}
    return request_mistakes(names=mistakes, **asked) if mistakes else services.request_trace(**asked)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _text(request: HttpRequest, name: str, *, limit: int) -> str:
    return request.POST.get(name, "").replace("\x00", "").strip()[:limit]


def _with_trace(url: str, trace: Trace) -> str:
    """The page that asked, told which trace to show."""
    parts = urlsplit(url)
    query = [(name, value) for name, value in parse_qsl(parts.query) if name != "trace"]
    return urlunsplit(parts._replace(query=urlencode([*query, ("trace", str(trace.pk))]), fragment="run"))


@require_safe
def trace(request: HttpRequest, trace_id: UUID) -> HttpResponse:
    """A trace in whatever state it is, for its owner and for whoever has its link."""
    found, view = _visible(request, trace_id)
    if not view.url.startswith(request.path):
        return redirect(view.url)  # a kind of run that has a page of its own
    shared_url = request.build_absolute_uri(view.shared_url) if view.shared_url else ""
    context = {
        "trace": view,
        "shared_url": shared_url,
        "expires_at": found.expires_at,
        "take": _take(request, found, view),
        "break_url": break_url(found, share_token=request.GET.get("share", "")),
        "look_url": look_url(found, share_token=request.GET.get("share", "")),
    }
    response = render(request, "inference/trace.html", context)
    response["Referrer-Policy"] = "same-origin"
    response["X-Robots-Tag"] = "noindex"
    patch_cache_control(response, private=True, no_cache=True)
    return response


def _take(request: HttpRequest, found: Trace, view: TraceView) -> dict[str, Any] | None:
    """What the page offers of a whole film: to download it, and to compare it; None for what is none."""
    if not is_film(found):
        return None
    share = request.GET.get("share", "")
    query = {"a": str(found.pk), **({"a_share": share} if share else {})}
    return {
        "share": share,
        "own_photo": view.is_own and found.job.upload_id is not None,
        "compare_url": f"{reverse('inference:compare')}?{urlencode(query)}",
    }


def _visible(request: HttpRequest, trace_id: UUID) -> tuple[Trace, TraceView]:
    person = people.current(request)
    token = request.GET.get("share", "")
    found = services.trace_for(trace_id=trace_id, person=person, share_token=token)
    return found, present(found, person=person, share_token=token)


@require_safe
def trace_events(request: HttpRequest, trace_id: UUID) -> HttpResponseBase:
    """The trace's events as they happen; with ?html=1 each carries the piece of the page that it changes."""
    person = people.current(request)
    token = request.GET.get("share", "")
    found = services.trace_for(trace_id=trace_id, person=person, share_token=token)
    html = request.GET.get("html") == "1"
    teller = telling.Teller(person=person, share_token=token, html=html, csrf_token=get_token(request) if html else "")
    return event_stream(request, found, teller, audience=teller.audience)


def event_stream(request: HttpRequest, found: Trace, teller: telling.Tells, *, audience: Hashable = None) -> HttpResponseBase:
    """The response that follows a trace from where the reader left off; the caller has checked who asks.

    What is the same for all readers of one `audience` is said once for all of them.
    """
    after = EventId.parse(request.headers.get("Last-Event-ID", "") or request.GET.get("after", ""))
    response = StreamingHttpResponse(
        events.follow(trace=found, after=after, describe=teller.describe, audience=audience),
        content_type="text/event-stream",
    )
    response["Cache-Control"] = "no-cache, no-transform"
    response["X-Accel-Buffering"] = "no"  # nginx would hold events back
    return response


@require_POST
def cancel(request: HttpRequest, trace_id: UUID) -> HttpResponse:
    """Stop one's own trace; what already ran stays."""
    found = services.own_trace(trace_id=trace_id, person=people.current(request))
    services.cancel_trace(trace=found, now=timezone.now())
    return _back(request, found)


@require_POST
def share(request: HttpRequest, trace_id: UUID) -> HttpResponse:
    """Make the link that lets anyone who has it look at one's trace."""
    found = services.own_trace(trace_id=trace_id, person=people.current(request))
    services.share_trace(trace=found)
    messages.success(request, _("Whoever has the link below can look at this run and its pictures."))
    return _back(request, found)


@require_POST
def unshare(request: HttpRequest, trace_id: UUID) -> HttpResponse:
    """Make every link to one's trace open nothing."""
    found = services.own_trace(trace_id=trace_id, person=people.current(request))
    services.unshare_trace(trace=found, now=timezone.now())
    messages.success(request, _("The link opens nothing any more."))
    return _back(request, found)


@require_POST
def delete(request: HttpRequest, trace_id: UUID) -> HttpResponse:
    """Remove one's trace, its pictures and the photo that only it used."""
    found = services.own_trace(trace_id=trace_id, person=people.current(request))
    services.delete_trace(trace=found, now=timezone.now())
    messages.success(request, _("The run is deleted."))
    return redirect("inference:traces")


def _back(request: HttpRequest, found: Trace) -> HttpResponse:
    return redirect(safe_next(request, address("trace", found)))


# --- pictures ---------------------------------------------------------------------------------------------------------------


@require_safe
def picture(request: HttpRequest, trace_id: UUID, index: int) -> HttpResponseBase:
    """The picture of one stage, for whoever may see the trace; also while it runs."""
    person = people.current(request)
    found = services.trace_for(trace_id=trace_id, person=person, share_token=request.GET.get("share", ""))
    kept = services.picture_of(found, index=index)
    if kept is None or not default_storage.exists(kept.name):
        raise not_found()
    return _private_file(kept.name, media_type=kept.media_type)


@require_safe
def result_file(request: HttpRequest, trace_id: UUID, result: str, key: str) -> HttpResponseBase:
    """A picture or file of one of a run's results, for whoever may see the run; also while it runs."""
    found = services.trace_for(trace_id=trace_id, person=people.current(request), share_token=request.GET.get("share", ""))
    return result_response(found, result=result, key=key)


def result_response(found: Trace, *, result: str, key: str) -> HttpResponseBase:
    """A picture or file of one of a run's results; the caller has checked who asks. Problem 404 where there is none."""
    kept = services.file_of(found, result=result, key=key)
    if kept is None or not default_storage.exists(kept.name):
        raise not_found()
    response = _private_file(kept.name, media_type=kept.media_type)
    if not kept.media_type.startswith("image/"):
        response["Content-Disposition"] = f'attachment; filename="{PurePosixPath(kept.name).name}"'
    return response


@require_safe
def upload(request: HttpRequest, upload_id: UUID) -> HttpResponseBase:
    """An uploaded photo, for its owner alone."""
    found = services.upload_for(upload_id=upload_id, person=people.current(request))
    name = str(found.file.name)
    if not default_storage.exists(name):
        raise not_found()
    return _private_file(name, media_type="image/png" if name.endswith(".png") else "image/jpeg")


def _private_file(name: str, *, media_type: str) -> HttpResponseBase:
    with default_storage.open(name) as file:
        response = HttpResponse(file.read(), content_type=media_type)
    response["Content-Disposition"] = "inline"
    patch_cache_control(response, private=True, max_age=DAY, immutable=True)
    return response


def _sample_etag(request: HttpRequest, sample_id: str) -> str | None:
    try:
        return f'"{samples.sample_sha256(sample_id)[:20]}-{_side(request)}"'
    except KeyError:
        return None


def _side(request: HttpRequest) -> int:
    return samples.THUMBNAIL_SIDE if request.GET.get("size") == "small" else samples.PICTURE_SIDE


@require_safe
@condition(etag_func=_sample_etag)
def sample(request: HttpRequest, sample_id: str) -> HttpResponse:
    """A sample photo as WebP; ?size=small for its thumbnail."""
    try:
        content = samples.picture(sample_id, _side(request))
    except KeyError as error:
        raise not_found() from error
    response = HttpResponse(content, content_type=samples.PICTURE_MEDIA_TYPE)
    patch_cache_control(response, public=True, max_age=DAY * 7)
    return response


# --- the form that asks for a run --------------------------------------------------------------------------------------------


def run_context(
    request: HttpRequest,
    *,
    network: str = DEFAULT_NETWORK,
    samples: Iterable[str] | None = None,
    predict: Mapping[str, Any] | None = None,
    mistakes: Sequence[MistakeName] = (),
    networks: Sequence[tuple[str, str]] = (),
    next_url: str = "",
) -> dict[str, Any]:
    """What `inference/_run.html` shows: the photos to choose from, the prediction to make, and the run asked for, if any.

    `samples` are ids, all when none are given; `predict` is {question, options: [text…], why: HTML shown after the run};
    `mistakes` are made beside the correct run; `networks` (id, title) are offered in place of the one; `next_url` is where a
    browser without scripts comes back to.
    """
    known = facts.facts_of(network) or {}
    weights = facts.usable_weights(network, known) if known else None
    person = people.current(request)
    return {
        "network": network,
        "network_title": str(known.get("title") or network),
        "samples": _offered(samples),
        "own": OWN_PHOTO,
        "predict": predict,
        "mistakes": [str(name) for name in mistakes],
        "networks": networks,
        "prediction_length": PREDICTION_LENGTH,
        "next_url": next_url,
        "no_weights": telling.no_weights_sentence(network, known) if known and not (weights or {}).get("available") else "",
        "seconds": 0 if mistakes else services.usual_seconds(network),
        "frames": () if mistakes else waiting_frames(known),
        "trace": _shown(request, person, mistakes),
    }


def _offered(wanted: Iterable[str] | None) -> list[samples.Sample]:
    ids = None if wanted is None else list(wanted)
    offered = samples.all_samples()
    if not ids:
        return offered
    return sorted((sample for sample in offered if sample.id in ids), key=lambda sample: ids.index(sample.id))


def _shown(request: HttpRequest, person: User | None, mistakes: Sequence[MistakeName]) -> TraceView | None:
    """The trace that the address names, when the person may see it; a page about mistakes shows runs of these alone."""
    trace_id = _uuid(request.GET.get("trace", ""))
    if trace_id is None:
        return None
    try:
        found = services.trace_for(trace_id=trace_id, person=person)
    except Problem:
        return None
    if mistakes and found.job.options.get("mistakes") != [str(name) for name in mistakes]:
        return None
    return present(found, person=person)
