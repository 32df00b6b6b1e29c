"""Pages around the trace document: download it, open one, compare two."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.files.storage import default_storage
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from accounts import people
from accounts.models import User
from inference import services
from inference.contracts import RunKind
from inference.models import JobState, Trace
from inference.presenting import present, rows_of
from inference.sharing import opening, writing
from inference.sharing.comparing import compare
from web.problems import Problem, not_found

DAY = 24 * 3600


@require_safe
def document(request: HttpRequest, trace_id: UUID) -> HttpResponse:
    """The trace as a file, for whoever may see it; ?photo=1 puts the photo in, for its owner alone."""
    with_photo = request.GET.get("photo") in ("1", "true")
    return document_response(request, trace_id, share_token=request.GET.get("share", ""), with_photo=with_photo)


def document_response(request: HttpRequest, trace_id: UUID, *, share_token: str, with_photo: bool) -> HttpResponse:
    """The document as a download that no cache on the way keeps. Problem 404 for whoever may not have it, or not its photo."""
    person = people.current(request)
    if with_photo:
        trace = services.own_trace(trace_id=trace_id, person=person)
    else:
        trace = services.trace_for(trace_id=trace_id, person=person, share_token=share_token)
    response = HttpResponse(writing.write_trace(trace, with_photo=with_photo), content_type=writing.MEDIA_TYPE)
    response["Content-Disposition"] = f'attachment; filename="{writing.file_name(trace)}"'
    response["X-Robots-Tag"] = "noindex"
    patch_cache_control(response, private=True, no_store=True)
    return response


@require_safe
def photo(request: HttpRequest, trace_id: UUID) -> HttpResponseBase:
    """The photo that came with an opened file, for whoever may see the trace."""
    person = people.current(request)
    trace = services.trace_for(trace_id=trace_id, person=person, share_token=request.GET.get("share", ""))
    told = (trace.job.document or {}).get("photo") if trace.job.kind == RunKind.OPENED else None
    kept = (told or {}).get("picture")
    if not kept or not default_storage.exists(kept["name"]):
        raise not_found()
    with default_storage.open(kept["name"]) as file:
        response = HttpResponse(file.read(), content_type=kept["media_type"])
    patch_cache_control(response, private=True, max_age=DAY, immutable=True)
    return response


class OpenForm(forms.Form):
    """The file of a run that was downloaded here or elsewhere."""

    file = forms.FileField(
        label=gettext_lazy("The file of a run"),
        help_text=gettext_lazy("A .json file that “Download this run” gave you, at most 2 MB."),
        widget=forms.ClearableFileInput(attrs={"accept": ".json,application/json"}),
        error_messages={"required": gettext_lazy("Choose a file first."), "empty": gettext_lazy("The file is empty.")},
        allow_empty_file=False,
    )


@require_http_methods(["GET", "HEAD", "POST"])
def open_file(request: HttpRequest) -> HttpResponse:
    """The form that opens a file; a POST keeps what it holds and shows it."""
    form = OpenForm(request.POST, request.FILES) if request.method == "POST" else OpenForm()
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                read, sha256 = opening.read_file(form.cleaned_data["file"])
                trace = opening.keep_trace(owner=people.ensure(request), read=read, sha256=sha256, now=timezone.now())
            except Problem as problem:
                status = problem.status
                form.add_error("file", problem.extra.get("sentences") or problem.detail)
            else:
                messages.success(request, _("The file is open. Only you see it, until you share it."))
                return redirect("inference:trace", trace.pk)
    return render(request, "inference/open.html", {"form": form}, status=status)


# --- two side by side -------------------------------------------------------------------------------------------------------

OFFERED = 100
"""How many traces the form offers to choose from."""


@require_safe
def compare_traces(request: HttpRequest) -> HttpResponse:
    """Two traces side by side: ?a=…&b=…, each seen as its own page would be; with less than two, the form that asks."""
    person = people.current(request)
    chosen = [_chosen(request, name, person) for name in ("a", "b")]
    context: dict[str, Any] = {"choices": _choices(person, chosen), "names": ("a", "b")}
    first, second = chosen
    if first is not None and second is not None:
        views = {
            name: present(trace, person=person, share_token=request.GET.get(f"{name}_share", ""))
            for name, trace in (("a", first), ("b", second))
        }
        context["comparison"] = compare(first, second, **views)
    response = render(request, "inference/compare.html", context)
    response["X-Robots-Tag"] = "noindex"
    patch_cache_control(response, private=True, no_cache=True)
    return response


def _chosen(request: HttpRequest, name: str, person: User | None) -> Trace | None:
    """The trace that the address names; Problem 404 for one that this person may not see, 422 for one that is no film."""
    told = request.GET.get(name, "")
    if not told:
        return None
    try:
        trace_id = UUID(told)
    except ValueError as error:
        raise not_found() from error
    trace = services.trace_for(trace_id=trace_id, person=person, share_token=request.GET.get(f"{name}_share", ""))
    if not writing.is_film(trace):
        raise Problem(
            422,
            _("Nothing to compare"),
            _("Only finished runs of one photo can be compared. Choose another run, or let it finish."),
        )
    return trace


def _choices(person: User | None, chosen: list[Trace | None]) -> list[dict[str, Any]]:
    """What the form offers for A and for B: one's own films, the house's, and what the address names already."""
    films = Trace.objects.filter(job__kind__in=writing.KINDS, job__state=JobState.DONE, cancelled_at=None)
    own = rows_of(films.filter(owner=person).order_by("-created_at")[:OFFERED]) if person else []
    house = rows_of(films.filter(owner=None).order_by("job__network", "job__sample")[:OFFERED])
    known = {row.id for row in [*own, *house]}
    named = rows_of(films.filter(pk__in=[trace.pk for trace in chosen if trace is not None and str(trace.pk) not in known]))
    return [
        {"title": title, "options": rows}
        for title, rows in ((_("Chosen"), named), (_("Your runs"), own), (_("The site’s own runs"), house))
        if rows
    ]
