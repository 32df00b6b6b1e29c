"""What may be asked of mistakes: a run of some of them, on a photo of one's own or a sample."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from accounts.models import User
from inference import facts, services
from inference.contracts import MISTAKES, MistakeName, RunKind
from inference.models import JobState, Trace, Upload
from inference.presenting import address
from inference.telling import no_weights_sentence
from web.problems import Problem

BREAKABLE = (RunKind.TRACE, RunKind.LOOK, RunKind.MISTAKE)
"""The kinds of runs whose photo and network can be run once more."""


def chosen(names: Iterable[str]) -> list[MistakeName]:
    """The mistakes of these names, each once, in the contracts' order. Raises Problem 422 for none and for an unknown one."""
    wanted = set(names)
    known = {str(name) for name in MISTAKES}
    if unknown := sorted(wanted - known):
        raise Problem(
            422,
            _("No such mistake"),
            _("“%(name)s” is not a mistake that can be made here. Choose from: %(known)s.")
            % {"name": unknown[0][:80], "known": ", ".join(str(name) for name in MISTAKES)},
            field="mistakes",
        )
    if not wanted:
        raise Problem(422, _("No mistake chosen"), _("Choose at least one mistake, then run it."), field="mistakes")
    return [name for name in MISTAKES if str(name) in wanted]


def request_mistakes(
    *,
    owner: User | None,
    network: str,
    names: Iterable[str],
    sample: str = "",
    upload: Upload | None = None,
    prediction: str = "",
    now: datetime,
) -> Trace:
    """One person's run of some mistakes on a sample or their own upload; no owner is the house itself.

    Raises Problem as `services.request_run` does, and 422 for mistakes that are none.
    """
    return services.request_run(
        kind=RunKind.MISTAKE,
        owner=owner,
        network=network,
        options=_options(names),
        sample=sample,
        upload=upload,
        prediction=prediction,
        now=now,
    )


def request_photo_mistakes(
    *, owner: User, network: str, names: Iterable[str], file: UploadedFile[bytes], prediction: str = "", now: datetime
) -> Trace:
    """One person's run of some mistakes on the photo in `file`, which is kept for them alone."""
    return services.request_photo_run(
        kind=RunKind.MISTAKE,
        owner=owner,
        network=network,
        options=_options(names),
        file=file,
        prediction=prediction,
        now=now,
    )


def request_mistakes_on(*, trace: Trace, owner: User, names: Iterable[str], now: datetime) -> Trace:
    """A run of some mistakes on the photo and network of a trace that this person may see.

    Raises Problem 404 where the photo is somebody else's: whoever was given a link may look at its pictures, not run it.
    """
    job = trace.job
    upload = services.upload_for(upload_id=job.upload_id, person=owner) if job.upload_id is not None else None
    return request_mistakes(owner=owner, network=job.network, names=names, sample=job.sample, upload=upload, now=now)


def break_url(trace: Trace, *, share_token: str = "") -> str:
    """Where a finished run can be broken; empty for what can't be run once more."""
    if trace.job.kind not in BREAKABLE or trace.job.state != JobState.DONE:
        return ""
    return address("break", trace, share_token)


def _options(names: Iterable[str]) -> dict[str, list[str]]:
    return {"mistakes": [str(name) for name in chosen(names)]}


def house_run(*, network: str, mistake: MistakeName, sample: str) -> Trace | None:
    """The house's newest run of one mistake on a sample, whatever its state; None before it was asked for."""
    runs = Trace.objects.select_related("job").filter(
        owner=None,
        job__kind=RunKind.MISTAKE,
        job__network=network,
        job__sample=sample,
        job__options__mistakes=[str(mistake)],
    )
    return runs.order_by("-created_at").first()


def no_run_of(network: str) -> str:
    """Why a network can't be broken here, in a sentence; empty where it can."""
    known = facts.facts_of(network) or {}
    weights = facts.usable_weights(network, known) if known else None
    if not known or (weights or {}).get("available"):
        return ""
    return no_weights_sentence(network, known)
