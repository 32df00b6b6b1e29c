"""The pages of training: each view reads the request, calls a service and shows what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import UUID

from django.contrib import messages
from django.core.files.storage import default_storage
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import people
from accounts.models import User
from inference import services as runs
from inference.contracts import RunKind
from inference.models import PhotoSet, Trace
from inference.presenting import address
from inference.training import pairing, services, sets, wording
from inference.training.comparing import compare as compared
from inference.training.forms import PhotoSetForm, TrainingForm
from inference.training.presenting import TrainingView, again_of, present_training, rows_of
from inference.training.telling import Teller, head_context
from inference.training.trials import present_trial
from inference.training_contracts import DataName, Strategy
from inference.views import DAY, OWN_PHOTO, event_stream
from web.problems import Problem, not_found
from web.redirects import safe_next

RETURNED = "training"
"""The name under which the page that asked is told which run to show."""


# --- asking for a run -----------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def training(request: HttpRequest) -> HttpResponse:
    """The form, one's photo sets, runs and heads; a POST asks for a run and goes to where it is shown."""
    if request.method == "POST":
        return _create(request)
    return _training_page(request, _form(request, initial=_initial(request)))


def _create(request: HttpRequest) -> HttpResponse:
    form = _form(request, data=request.POST)
    if form.is_valid():
        try:
            trace = services.request_training(
                owner=people.ensure(request),
                network=form.cleaned_data["network"],
                wish=form.wish(),
                photo_set=form.photo_set,
                prediction=form.cleaned_data["prediction"],
                now=timezone.now(),
            )
        except Problem as problem:
            if problem.status != 422:
                raise
            field = {"photo_set": "dataset", "data": "dataset"}.get(problem.extra.get("field", ""), problem.extra.get("field"))
            form.add_error(field if field in form.fields else None, problem.detail)
        else:
            next_url = safe_next(request, "")
            return redirect(_with_run(next_url, trace) if next_url else address("trace", trace))
    return _training_page(request, form, status=422)


def _training_page(request: HttpRequest, form: TrainingForm, *, status: int = 200) -> HttpResponse:
    person = people.current(request)
    rows = rows_of(services.runs_of(person))
    context = {
        "asking": asking(form),
        "next_url": safe_next(request, ""),
        "photo_sets": [set_row(one) for one in _photo_sets(person)],
        "set_form": PhotoSetForm(auto_id="set-%s"),
        "may_add_set": person is None or person.photo_sets.count() < sets.SETS_KEPT,
        "runs": rows,
        "heads": [row for row in rows if row.has_head],
        "finished": [row for row in rows if row.outcome],
    }
    return render(request, "inference/training/training.html", context, status=status)


def _form(
    request: HttpRequest,
    *,
    data: Mapping[str, Any] | None = None,
    initial: Mapping[str, Any] | None = None,
    offered: Sequence[DataName] | None = None,
) -> TrainingForm:
    return TrainingForm(
        data,
        initial=dict(initial or {}),
        networks=services.trainable_networks(),
        photo_sets=_photo_sets(people.current(request)),
        offered=list(offered) if offered else None,
        auto_id="training-%s",
    )


def _photo_sets(person: User | None) -> list[PhotoSet]:
    return list(person.photo_sets.order_by("created_at")) if person is not None else []


def _initial(request: HttpRequest) -> dict[str, Any]:
    """What the form begins with: the settings of the run that `?from=` names, or the data and network of the address."""
    trace = _named(request, "from")
    if trace is not None:
        told = again_of(trace)
        return told | {"prediction": ""}
    return {name: request.GET[name] for name in ("dataset", "network", "strategy") if request.GET.get(name)}


def _named(request: HttpRequest, parameter: str) -> Trace | None:
    """The run that the address names, when the person may see it."""
    try:
        return services.training_for(trace_id=UUID(request.GET.get(parameter, "")), person=people.current(request))
    except (ValueError, Problem):
        return None


def asking(form: TrainingForm, *, predict: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What `inference/training/_form.html` shows: the form, the data sets with what each shows, the question before the run."""
    chosen = str(form["dataset"].value() or "")
    own = {f"set:{one.pk}": set_row(one) for one in form.offered_sets}
    return {
        "form": form,
        "data": [
            {
                "value": value,
                "title": title,
                "words": own[value].words if value in own else wording.data_question(value),
                "checked": value == chosen,
                "is_own": value in own,
            }
            for value, title in form.data_choices
        ],
        "strategies": [
            {
                "value": name.value,
                "title": wording.strategy_title(name),
                "words": wording.strategy_sentence(name),
                "checked": name == form["strategy"].value(),
            }
            for name in Strategy
        ],
        "question": (predict or {}).get("question") or wording.guess_question(),
        "guesses": list((predict or {}).get("options") or [wording.guess_title(name) for name in wording.GUESSES]),
        "said": form["prediction"].value() or "",
    }


def training_context(
    request: HttpRequest,
    *,
    initial: Mapping[str, Any],
    offered: Sequence[DataName],
    predict: Mapping[str, Any] | None = None,
    next_url: str = "",
) -> dict[str, Any]:
    """What a lesson shows of training: the form as the lesson begins it, and the run that the address names, if any."""
    trace = _named(request, RETURNED)
    person = people.current(request)
    if trace is not None:
        initial = again_of(trace) | {"prediction": ""}
    rows = [row for row in rows_of(services.runs_of(person)) if row.outcome and (trace is None or row.id != str(trace.pk))]
    return {
        "asking": asking(_form(request, initial=initial, offered=offered), predict=predict),
        "next_url": next_url,
        "run": present_training(trace, person=person) if trace is not None else None,
        "run_url": _with_run(next_url, trace) if trace is not None else "",
        "others": rows,
    }


def _with_run(url: str, trace: Trace) -> str:
    """The page that asked, told which run to show."""
    parts = urlsplit(url)
    query = [(name, value) for name, value in parse_qsl(parts.query) if name != RETURNED]
    return urlunsplit(parts._replace(query=urlencode([*query, (RETURNED, str(trace.pk))]), fragment="training"))


# --- a run ----------------------------------------------------------------------------------------------------------------


@require_safe
def training_run(request: HttpRequest, trace_id: UUID) -> HttpResponse:
    """A run in whatever state it is, for its owner and for whoever has its link."""
    trace, view = _visible(request, trace_id)
    shared_url = request.build_absolute_uri(address("trace", trace, trace.share_token)) if trace.share_token else ""
    context = head_context(view, person=people.current(request)) | {"shared_url": shared_url if view.is_own else ""}
    return _private(render(request, "inference/training/run.html", context))


def _visible(request: HttpRequest, trace_id: UUID) -> tuple[Trace, TrainingView]:
    person, token = people.current(request), request.GET.get("share", "")
    trace = services.training_for(trace_id=trace_id, person=person, share_token=token)
    return trace, present_training(trace, person=person, share_token=token)


def _private(response: HttpResponse) -> HttpResponse:
    response["Referrer-Policy"] = "same-origin"
    response["X-Robots-Tag"] = "noindex"
    patch_cache_control(response, private=True, no_cache=True)
    return response


@require_safe
def training_events(request: HttpRequest, trace_id: UUID) -> HttpResponseBase:
    """A run's or a trial's events as they happen; with ?html=1 each carries the pieces of the page that it changes."""
    person, token = people.current(request), request.GET.get("share", "")
    found = runs.trace_for(trace_id=trace_id, person=person, share_token=token)
    if found.job.kind not in (RunKind.TRAINING, RunKind.TRIAL):
        raise not_found()
    html = request.GET.get("html") == "1"
    return event_stream(request, found, Teller(person, token, html, get_token(request) if html else ""))


@require_safe
def compare(request: HttpRequest) -> HttpResponse:
    """Two runs side by side; with fewer than two named, the choice of them."""
    named = [part for text in request.GET.getlist("runs") for part in text.split(",") if part]
    rows = [row for row in rows_of(services.runs_of(people.current(request))) if row.outcome]
    comparison = None
    if len(named) >= 2:
        first, second = (_visible(request, _uuid(part))[1] for part in named[:2])
        comparison = compared(first, second)
    context = {"comparison": comparison, "source": pairing.SOURCE, "finished": rows, "named": named}
    return _private(render(request, "inference/training/compare.html", context))


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise not_found() from error


# --- heads ----------------------------------------------------------------------------------------------------------------


@require_safe
def head(request: HttpRequest, trace_id: UUID) -> HttpResponseBase:
    """The run's head as a file to take along, for whoever may see the run."""
    _trace, view = _visible(request, trace_id)
    kept = runs.file_of(_trace, result="head", key="checkpoint")
    if view.head is None or kept is None or not default_storage.exists(kept.name):
        raise not_found()
    with default_storage.open(kept.name) as file:
        response = HttpResponse(file.read(), content_type=kept.media_type)
    response["Content-Disposition"] = f'attachment; filename="{view.head.file_name}"'
    patch_cache_control(response, private=True, max_age=DAY)
    return response


@require_POST
def keep(request: HttpRequest, trace_id: UUID) -> HttpResponse:
    """Keep one's run and its head past the day on which it would be deleted, or let it go then."""
    trace = services.own_training(trace_id=trace_id, person=people.current(request))
    services.keep_head(trace=trace, keep=request.POST.get("keep") == "1", now=timezone.now())
    return redirect(address("trace", trace))


@require_POST
def try_head(request: HttpRequest, trace_id: UUID) -> HttpResponse:
    """One's own head on a sample or on a photo of one's own; goes to where the trial is shown."""
    trace = services.own_training(trace_id=trace_id, person=people.current(request))
    file = request.FILES.get("image")
    sample = request.POST.get("sample", "")
    if file is None and sample in ("", OWN_PHOTO):
        sentence = _("Choose one of the sample photos, or a file of your own, then try the head on it.")
        raise Problem(422, _("No photo"), sentence, field="image")
    trial = services.request_trial(training=trace, sample=sample, file=file, now=timezone.now())
    return redirect(address("trace", trial))


@require_safe
def trial(request: HttpRequest, trace_id: UUID) -> HttpResponse:
    """A head's trial in whatever state it is, for its owner and for whoever has its link."""
    person, token = people.current(request), request.GET.get("share", "")
    found = services.trial_for(trace_id=trace_id, person=person, share_token=token)
    context = {"trial": present_trial(found, person=person, share_token=token), "expires_at": found.expires_at}
    return _private(render(request, "inference/training/trial.html", context))


# --- photo sets -----------------------------------------------------------------------------------------------------------


class SetRow:
    """A photo set in a list: how many photos each class has, and whether it can be trained on."""

    def __init__(self, photo_set: PhotoSet) -> None:
        counts = sets.counts_of(photo_set)
        self.url = reverse("inference:photo_set", args=[photo_set.pk])
        self.name = photo_set.name
        self.value = f"set:{photo_set.pk}"
        self.words = ", ".join(f"{name}: {count}" for name, count in counts)
        self.count = sum(count for _name, count in counts)
        self.is_ready = not sets.too_small(photo_set)


def set_row(photo_set: PhotoSet) -> SetRow:
    """The set for its owner's list."""
    return SetRow(photo_set)


@require_POST
def create_photo_set(request: HttpRequest) -> HttpResponse:
    """An empty photo set; goes to its page."""
    form = PhotoSetForm(request.POST, auto_id="set-%s")
    if form.is_valid():
        try:
            made = sets.create_photo_set(
                owner=people.ensure(request),
                name=form.cleaned_data["name"],
                classes=form.class_names(),
                now=timezone.now(),
            )
        except Problem as problem:
            _put_into(form, problem)
        else:
            return redirect("inference:photo_set", made.pk)
    return render(request, "inference/training/new_photo_set.html", {"form": form}, status=422)


def _put_into(form: PhotoSetForm, problem: Problem) -> None:
    """A refusal of what was written stands beside it; any other is the page's."""
    if problem.status != 422:
        raise problem
    field = problem.extra.get("field")
    form.add_error(field if field in form.fields else None, problem.detail)


@require_http_methods(["GET", "HEAD", "POST"])
def photo_set(request: HttpRequest, set_id: UUID) -> HttpResponse:
    """One's photo set: its classes with their photos; a POST gives it other names."""
    found = sets.photo_set_for(set_id=set_id, person=people.current(request))
    form = PhotoSetForm(initial={"name": found.name, "classes": "\n".join(found.classes)}, auto_id="set-%s")
    if request.method == "POST":
        form = PhotoSetForm(request.POST, auto_id="set-%s")
        if form.is_valid():
            try:
                sets.rename_photo_set(photo_set=found, name=form.cleaned_data["name"], classes=form.class_names())
            except Problem as problem:
                _put_into(form, problem)
            else:
                return redirect("inference:photo_set", found.pk)
        return _photo_set_page(request, found, form, status=422)
    return _photo_set_page(request, found, form)


def _photo_set_page(
    request: HttpRequest,
    found: PhotoSet,
    form: PhotoSetForm,
    *,
    refused: Iterable[sets.RefusedFile] = (),
    status: int = 200,
) -> HttpResponse:
    found.refresh_from_db()
    photos = list(found.photos.all())
    context = {
        "photo_set": found,
        "form": form,
        "refused": list(refused),
        "too_small": sets.too_small(found),
        "is_training": sets.is_training(found),
        "most": sets.PHOTOS_PER_CLASS,
        "least": sets.PHOTOS_AT_LEAST,
        "classes": [
            {
                "index": index,
                "name": name,
                "photos": (mine := [one for one in photos if one.class_index == index]),
                "has_room": len(mine) < sets.PHOTOS_PER_CLASS,
            }
            for index, name in enumerate(found.classes)
        ],
        "runs": rows_of(list(Trace.objects.filter(owner=found.owner, **sets.runs_on(found)).select_related("job"))),
    }
    return _private(render(request, "inference/training/photo_set.html", context, status=status))


@require_POST
def add_photos(request: HttpRequest, set_id: UUID) -> HttpResponse:
    """Photos into a class of one's set; those that can't be used are named on the page, the others are kept."""
    found = sets.photo_set_for(set_id=set_id, person=people.current(request))
    text = request.POST.get("class", "")
    index = int(text) if text.isascii() and text.isdecimal() and len(text) < 4 else -1
    added = sets.add_photos(photo_set=found, class_index=index, files=request.FILES.getlist("photos"), now=timezone.now())
    if added.kept:
        count = len(added.kept)
        told = ngettext("%(count)d photo added.", "%(count)d photos added.", count) % {"count": count}
        messages.success(request, told)
    if not added.refused:
        return redirect(f"{reverse('inference:photo_set', args=[found.pk])}#class-{index}")
    form = PhotoSetForm(initial={"name": found.name, "classes": "\n".join(found.classes)}, auto_id="set-%s")
    return _photo_set_page(request, found, form, refused=added.refused, status=422)


@require_POST
def delete_photo_set(request: HttpRequest, set_id: UUID) -> HttpResponse:
    """One's photo set with its photos, the runs that trained on it, their heads and trials: all of it goes."""
    found = sets.photo_set_for(set_id=set_id, person=people.current(request))
    sets.delete_photo_set(photo_set=found, now=timezone.now())
    messages.success(request, _("The photo set is deleted, with its photos and everything that was trained on them."))
    return redirect("inference:training")


@require_safe
def set_photo(request: HttpRequest, photo_id: UUID) -> HttpResponseBase:
    """A photo of a set, for the set's owner alone."""
    found = sets.photo_for(photo_id=photo_id, person=people.current(request))
    name = str(found.file.name)
    if not default_storage.exists(name):
        raise not_found()
    with default_storage.open(name) as file:
        response = HttpResponse(file.read(), content_type="image/jpeg")
    response["Content-Disposition"] = f'inline; filename="{PurePosixPath(name).name}"'
    patch_cache_control(response, private=True, max_age=DAY, immutable=True)
    return response


@require_POST
def remove_photo(request: HttpRequest, photo_id: UUID) -> HttpResponse:
    """Take a photo out of one's set."""
    found = sets.photo_for(photo_id=photo_id, person=people.current(request))
    sets.remove_photo(photo=found)
    return redirect(f"{reverse('inference:photo_set', args=[found.photo_set_id])}#class-{found.class_index}")
