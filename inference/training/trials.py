"""A head's trial on one photo, as its page and its events show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import User
from inference.models import Trace
from inference.presenting import FileView, PredictionView, ResultView, Status, TraceView, address, present
from inference.training import services, wording


@dataclass(frozen=True, slots=True)
class TrialView:
    """A head on one photo: the run as every run is told of, and what there is to say about the head."""

    run: TraceView
    sentence: str
    top_k: tuple[PredictionView, ...]
    words: str
    seen: FileView | None
    training_url: str
    training_title: str
    events_url: str

    @property
    def id(self) -> str:
        return self.run.id

    @property
    def status(self) -> Status:
        return self.run.status

    @property
    def is_final(self) -> bool:
        return self.run.is_final


def present_trial(trace: Trace, *, person: User | None = None, share_token: str = "") -> TrialView:
    """The trial as `person` may see it."""
    run = present(trace, person=person, share_token=share_token)
    trial: ResultView | None = next((result for result in run.results if result.what == "trial"), None)
    figures = trial.figures if trial else {}
    training = services.training_of(trace) if run.is_own else None
    data = str(figures.get("data") or (training.job.options["data"] if training else ""))
    top_k = tuple(
        PredictionView(one.rank, one.class_index, wording.class_title(data, one.label), one.probability) for one in run.top_k
    )
    return TrialView(
        run=run,
        sentence=_sentence(run),
        top_k=top_k,
        words=_words(top_k, figures),
        seen=trial.files.get("input") if trial else None,
        training_url=address("trace", training) if training else "",
        training_title=services.title_of(training) if training else "",
        events_url=address("training_events", trace, share_token),
    )


def _sentence(run: TraceView) -> str:
    """The one line that says where the trial stands: it has no stages to tell of."""
    match run.status:
        case Status.DONE:
            return _("Done in %(seconds)s s.") % {"seconds": f"{(run.milliseconds or 0) / 1000:.2f}"}
        case Status.RUNNING:
            return _("The head looks at the photo.")
        case Status.CANCELLED:
            return _("Stopped.")
    return run.sentence


def _words(top_k: Sequence[PredictionView], figures: Mapping[str, Any]) -> str:
    """What the head says of the photo, how sure it is, and what that doesn't mean."""
    if not top_k:
        return ""
    words = [
        _("The head says “%(label)s”, with %(percent)s.") % {"label": top_k[0].label, "percent": top_k[0].percent},
        _("It knows its %(count)d classes and nothing else: whatever you show it, their probabilities add up to 1.")
        % {"count": len(figures.get("classes") or top_k)},
    ]
    entropy, highest = figures.get("entropy"), figures.get("highest_entropy")
    if entropy is not None and highest:
        told = {"entropy": f"{entropy:.2f}", "highest": f"{highest:.2f}"}
        words.append(_("Its answer is %(entropy)s bits uncertain, of at most %(highest)s.") % told)
    return " ".join(words)
