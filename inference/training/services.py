"""What may be asked of training: a run on a data set or on own photos, and a head tried on one more photo."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from inference import documents, facts, services
from inference.contracts import DEFAULT_NETWORK, RunKind
from inference.models import Job, JobState, PhotoSet, Trace
from inference.training import sets, wording
from inference.training_contracts import TRAINABLE_PARAMETERS, DataName, OptionRefused, Strategy, TrainingOptions, checked
from web.problems import Problem, not_found

RETRY_AFTER_SECONDS = 60


# --- asking for a run -----------------------------------------------------------------------------------------------------


def request_training(
    *,
    owner: User | None,
    network: str = DEFAULT_NETWORK,
    wish: Mapping[str, Any],
    photo_set: PhotoSet | None = None,
    prediction: str = "",
    now: datetime,
) -> Trace:
    """One person's training run; what `wish` (training_contracts' options) leaves out or has as None is as usual.

    The same options are the same run for everybody, but for own photos, which are their owner's alone. Raises Problem: 404,
    409 without weights, 422 for options that make no sense, 429 while another of the person's runs trains.
    """
    options = full_options(network=network, wish=wish, photo_set=photo_set)
    with transaction.atomic():
        trace = services.request_run(
            kind=RunKind.TRAINING,
            owner=owner,
            network=network,
            options=options,
            is_private=photo_set is not None,
            prediction=prediction,
            now=now,
        )
        _refuse_a_second_run(trace)
        if photo_set is not None:
            sets.keep_longer(photo_set, now=now)
    return trace


def full_options(*, network: str, wish: Mapping[str, Any], photo_set: PhotoSet | None) -> dict[str, Any]:
    """The options of a run, with nothing left to be guessed, as the job keeps them. Raises Problem 422."""
    asked = {name: value for name, value in wish.items() if value is not None}
    own = _of_set(photo_set) if photo_set is not None else {}
    if photo_set is not None:
        asked |= {"data": DataName.OWN, **own}
    elif asked.get("data") == DataName.OWN:
        raise Problem(422, _("No photo set"), _("Choose one of your photo sets to train on."), field="photo_set")
    try:
        options = checked(asked)
    except OptionRefused as error:
        raise _refusal(error, photo_set) from error
    _refuse_too_large(network, options)
    return {**json.loads(json.dumps(asdict(options))), **own}


def _of_set(photo_set: PhotoSet) -> dict[str, Any]:
    """What the engine is told of a set's photos, and which they are. The same photos in another order are the same run."""
    photos = sorted(photo_set.photos.all(), key=lambda photo: (photo.class_index, photo.sha256))
    return {
        "classes": list(photo_set.classes),
        "labels": [photo.class_index for photo in photos],
        "photos": [photo.sha256 for photo in photos],
        "photo_set": str(photo_set.pk),
    }


def _refusal(error: OptionRefused, photo_set: PhotoSet | None) -> Problem:
    if error.option == "labels" and photo_set is not None:
        sentence = _("Each class needs %(least)d to %(most)d photos. Add some to: %(names)s.") % {
            "least": sets.PHOTOS_AT_LEAST,
            "most": sets.PHOTOS_PER_CLASS,
            "names": ", ".join(f"“{name}”" for name in sets.too_small(photo_set)),
        }
        return Problem(422, _("Too few photos"), sentence, field="photo_set")
    return Problem(422, _("This can’t be trained"), wording.refused(error), field=error.option)


def _refuse_too_large(network: str, options: TrainingOptions) -> None:
    """Raises Problem 422 where more than a head would be trained of a network that is too large for it here."""
    known = facts.facts_of(network) or {}
    if options.strategy is Strategy.FROZEN or (known.get("parameters") or 0) <= TRAINABLE_PARAMETERS:
        return
    sentence = _(
        "%(network)s has %(parameters).1f million parameters, and here at most %(limit)d million are trained. Freeze its"
        " backbone, or choose a smaller network."
    ) % {
        "network": known.get("title") or network,
        "parameters": known["parameters"] / 1e6,
        "limit": TRAINABLE_PARAMETERS // 1_000_000,
    }
    raise Problem(422, _("Too large to train here"), sentence, field="strategy")


def _refuse_a_second_run(trace: Trace) -> None:
    """Raises Problem 429, which undoes the request, while others of the person's runs train or wait to."""
    if trace.owner_id is None or trace.job.is_finished:
        return
    others = unfinished_of(trace.owner_id).exclude(job=trace.job_id).values("job").distinct().count()
    if others < settings.TRAINING_LIMIT:
        return
    sentence = ngettext(
        "You have %(count)d training run that isn’t finished. Let it finish or stop it, then ask again.",
        "You have %(count)d training runs that aren’t finished. Let one finish or stop one, then ask again.",
        others,
    )
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    raise Problem(429, _("One training run at a time"), sentence % {"count": others}, headers=headers)


def unfinished_of(owner_id: int) -> Any:
    """The person's training runs that wait or run."""
    unfinished = (JobState.WAITING, JobState.RUNNING)
    return Trace.objects.filter(owner_id=owner_id, cancelled_at=None, job__kind=RunKind.TRAINING, job__state__in=unfinished)


def trainable_networks() -> list[tuple[str, str, bool]]:
    """The networks whose weights are here: id, title, and whether more than a head of it may be trained."""
    found = []
    for network, known in facts.listed().items():
        weights = facts.usable_weights(network, known)
        if weights is not None and weights["available"]:
            small = (known.get("parameters") or weights.get("parameters") or 0) <= TRAINABLE_PARAMETERS
            found.append((network, str(known.get("title") or network), small))
    return sorted(found, key=lambda one: (one[0] != DEFAULT_NETWORK, one[1]))


# --- looking at runs and heads --------------------------------------------------------------------------------------------


def training_for(*, trace_id: UUID, person: User | None, share_token: str = "") -> Trace:
    """A training run, for whoever may see it; Problem 404 for everybody else, and for runs of other kinds."""
    return _of_kind(RunKind.TRAINING, trace_id=trace_id, person=person, share_token=share_token)


def trial_for(*, trace_id: UUID, person: User | None, share_token: str = "") -> Trace:
    """A head's trial on a photo, for whoever may see it; Problem 404 for everybody else, and for runs of other kinds."""
    return _of_kind(RunKind.TRIAL, trace_id=trace_id, person=person, share_token=share_token)


def _of_kind(kind: RunKind, *, trace_id: UUID, person: User | None, share_token: str) -> Trace:
    trace = services.trace_for(trace_id=trace_id, person=person, share_token=share_token)
    if trace.job.kind != kind:
        raise not_found()
    return trace


def own_training(*, trace_id: UUID, person: User | None) -> Trace:
    """The person's own training run: to try its head, to keep it. Problem 404 for everybody else."""
    trace = services.own_trace(trace_id=trace_id, person=person)
    if trace.job.kind != RunKind.TRAINING:
        raise not_found()
    return trace


def runs_of(person: User | None) -> list[Trace]:
    """The person's training runs, the newest first."""
    if person is None:
        return []
    traces = Trace.objects.filter(owner=person, job__kind=RunKind.TRAINING).select_related("job")
    return list(traces.order_by("-created_at"))


def has_head(job: Job) -> bool:
    """Whether the run has finished with a head that can be tried and taken along."""
    return job.state == JobState.DONE and any(result["name"] == "head" for result in (job.document or {}).get("results", ()))


def keep_head(*, trace: Trace, keep: bool, now: datetime) -> None:
    """Keep a run, and with it its head, until its owner lets it go; or let it expire as others do."""
    trace.pinned = keep
    if not keep:
        trace.expires_at = sets.expiry(now)
    trace.save(update_fields=["pinned", "expires_at"])


def set_names(traces: list[Trace]) -> dict[str, str]:
    """The names of the photo sets that these runs trained on, by id."""
    ids = {str(trace.job.options.get("photo_set") or "") for trace in traces} - {""}
    return {str(pk): name for pk, name in PhotoSet.objects.filter(pk__in=ids).values_list("pk", "name")}


def title_of(trace: Trace) -> str:
    """A run in a line, with the name of the photo set it trained on."""
    names = set_names([trace])
    return wording.what_trained(trace.job.options, set_name=names.get(str(trace.job.options.get("photo_set") or ""), ""))


# --- trying a head --------------------------------------------------------------------------------------------------------


def request_trial(*, training: Trace, sample: str = "", file: UploadedFile[Any] | None = None, now: datetime) -> Trace:
    """The run's head on a sample or on the photo in `file`, for the run's owner.

    Raises Problem: 409 where there is no head (yet), 404 and 422 for the photo, 429 for too many that wait.
    """
    job = training.job
    if not has_head(job):
        raise Problem(409, _("No head yet"), _("This run has no head to try: let it finish, or train another one."))
    owner = training.owner
    if owner is None:
        raise not_found()
    asked: dict[str, Any] = {
        "kind": RunKind.TRIAL,
        "owner": owner,
        "network": job.network,
        "options": {"head_of": str(job.pk)},
        "now": now,
    }
    if file is not None:
        return services.request_photo_run(**asked, file=file)
    return services.request_run(**asked, sample=sample, is_private="photo_set" in job.options)


def training_of(trial: Trace) -> Trace | None:
    """The owner's run whose head a trial tried; None where it is gone."""
    head_of = trial.job.options.get("head_of")
    runs = Trace.objects.select_related("job").filter(owner=trial.owner_id, job__pk=head_of, job__kind=RunKind.TRAINING)
    return runs.order_by("-created_at").first()


def last_event(told: Mapping[str, Any]) -> str:
    """The id of the last event that is in what a run has told: a page goes on after it."""
    events = documents.events_of(dict(told)) if told.get("results") else []
    return str(events[-1].id) if events else ""
