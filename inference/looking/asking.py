"""What may be asked of closer looks: their options, checked against what is known of the network, and the runs of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from accounts.models import User
from inference import facts, services
from inference.contracts import RunKind, StageKind
from inference.models import JobState, Trace, Upload
from inference.presenting import address
from web.problems import Problem

LOOKABLE = (RunKind.TRACE, RunKind.LOOK)
"""The kinds of runs whose photo and network can be looked into."""

MOST_CHANNELS = 64
_MOST_DIGITS = 5  # no layer is so large, and no network has so many heads, that a number of it needs more
_ATTENTIVE = {"encoder_block": 1, "swin_transformer_block": 1, "swin_transformer_block_v2": 1, "max_vit_layer": 2}
_LAYER = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+){0,12}")

Options = dict[str, Any]


@dataclass(frozen=True, slots=True)
class StagePlace:
    """A stage whose output can be looked at, and the grid of its units."""

    name: str
    title: str
    channels: int
    height: int
    width: int

    @property
    def has_grid(self) -> bool:
        return self.height * self.width > 1

    @property
    def shape(self) -> str:
        return f"{self.channels}×{self.height}×{self.width}" if self.has_grid else str(self.channels)


def stages_of(network: str) -> list[StagePlace]:
    """The network's stages in order, without preprocessing and softmax; none while its facts are not computed."""
    known = facts.facts_of(network) or {}
    return [
        StagePlace(name, str(stage.get("title") or name), *_grid(stage))
        for name, stage in (known.get("stages") or {}).items()
        if stage.get("kind") in (StageKind.FEATURES, StageKind.HEAD)
    ]


def _grid(stage: Mapping[str, Any]) -> tuple[int, int, int]:
    """Channels, height and width of a stage's output, as the engine counts them."""
    shape = stage["output_shape"]
    match stage.get("layout"):
        case "NHWC":
            return shape[3], shape[1], shape[2]
        case "NLC":
            height, width = stage["details"]["grid"]
            return shape[2], height, width
    return (shape[1], shape[2], shape[3]) if len(shape) == 4 else (shape[-1], 1, 1)


def attention_layers(network: str) -> int:
    """How many layers of attention the network has; 0 in a convolutional one."""
    known = facts.facts_of(network) or {}
    return sum(
        _ATTENTIVE.get(stage.get("operation", ""), 0) * int(stage.get("blocks") or 0)
        for stage in (known.get("stages") or {}).values()
    )


# --- options ------------------------------------------------------------------------------------------------------------


def options_of(network: str, asked: Mapping[str, str]) -> Options:
    """The options of the look that a form or the API asks for, the same for the same look. Raises Problem 422."""
    kinds: dict[str, Callable[[str, Mapping[str, str]], Options]] = {
        "maps": _maps,
        "grad_cam": _grad_cam,
        "attention": _attention,
        "unit": _unit,
        "neighbours": lambda _network, _asked: {},
    }
    name = asked.get("look", "")
    if name not in kinds:
        sentence = _("“%(look)s” is not a look that can be taken here. Choose from: %(known)s.")
        raise _nonsense("look", sentence % {"look": name[:40], "known": ", ".join(kinds)})
    return {"look": name, **kinds[name](network, asked)}


def _maps(network: str, asked: Mapping[str, str]) -> Options:
    stage = _stage(network, asked)
    options: Options = {"stage": stage.name, "shared_scale": asked.get("shared_scale", "") in ("on", "true", "True", "1")}
    wanted = asked.get("channels", "").strip()
    if wanted == "all":
        return options | {"channels": "all"}
    if wanted in ("", "varied"):
        return options
    return options | {"channels": _channels(wanted, stage)}


def _channels(wanted: str, stage: StagePlace) -> list[int]:
    """The channels that a text such as "3, 17, 40-47" names, in order. Raises Problem 422."""
    found: set[int] = set()
    for part in wanted.split(","):
        match = re.fullmatch(r"\s*(\d{1,6})\s*(?:[-–]\s*(\d{1,6})\s*)?", part)
        if match is None:
            raise _nonsense("channels", _("Write channels as numbers with commas between them, such as “3, 17, 40-47”."))
        first, last = int(match[1]), int(match[2] or match[1])
        if last >= stage.channels:
            raise _out_of_range("channels", _("channels"), stage.channels)
        found |= set(range(first, min(last, first + MOST_CHANNELS) + 1))
        if not first <= last or len(found) > MOST_CHANNELS:
            sentence = _("Choose 1 to %(most)d channels at a time, the first of a range before its last.")
            raise _nonsense("channels", sentence % {"most": MOST_CHANNELS})
    return sorted(found)


def _grad_cam(network: str, asked: Mapping[str, str]) -> Options:
    if not asked.get("class_index", "").strip():
        return {}
    classes = (facts.facts_of(network) or {}).get("classes")
    return {"class_index": _number(asked, "class_index", _("classes"), below=classes)}


def _attention(network: str, asked: Mapping[str, str]) -> Options:
    layers = attention_layers(network)
    if not layers:
        sentence = _("This network has no attention: it is convolutional. Look at its maps and its evidence instead.")
        raise _nonsense("look", sentence)
    options: Options = {}
    layer, head, query = (asked.get(name, "").strip() for name in ("layer", "head", "query"))
    if layer == "rollout":
        if "encoder_block" not in _operations(network):
            sentence = _("Attention can be followed through all layers only where every token sees all others. Choose a layer.")
            raise _nonsense("layer", sentence)
        options["layer"] = layer
    elif layer:
        options["layer"] = _number(asked, "layer", _("layers"), below=layers)
    if head not in ("", "mean"):
        options["head"] = _number(asked, "head", _("heads"), below=None)
    if query == "class":
        options["query"] = query
    elif query:
        cell = re.fullmatch(r"(\d{1,4})\s*[, ]\s*(\d{1,4})", query)
        if cell is None:
            raise _nonsense("query", _("Write “class”, or the row and column of a patch with a comma between them."))
        options["query"] = [int(cell[1]), int(cell[2])]
    return options


def _operations(network: str) -> set[str]:
    known = facts.facts_of(network) or {}
    return {str(stage.get("operation")) for stage in (known.get("stages") or {}).values()}


def _unit(network: str, asked: Mapping[str, str]) -> Options:
    stage = _stage(network, asked)
    layer = asked.get("layer", "").strip()
    sizes: tuple[int | None, int | None, int | None]
    if not layer:
        sizes = (stage.channels, stage.height, stage.width)
    elif _LAYER.fullmatch(layer) and len(layer) <= 120:
        sizes = (None, None, None)
    else:
        raise _nonsense("layer", _("Write the layer as PyTorch names it, with dots between its parts."))
    named = (("channel", _("channels")), ("y", _("rows")), ("x", _("columns")))
    place = {name: _number(asked, name, what, below=size) for (name, what), size in zip(named, sizes, strict=True)}
    return {"stage": stage.name, **({"layer": layer} if layer else {}), **place}


def _stage(network: str, asked: Mapping[str, str]) -> StagePlace:
    stages = stages_of(network)
    for stage in stages:
        if stage.name == asked.get("stage", ""):
            return stage
    sentence = _("The network has no stage of this name that can be looked at. Choose from: %(known)s.")
    raise _nonsense("stage", sentence % {"known": ", ".join(stage.name for stage in stages) or "–"})


def _number(asked: Mapping[str, str], name: str, what: str, *, below: int | None) -> int:
    """The number in this field. `below` is how many there are, None where only the worker knows. Raises Problem 422."""
    text = asked.get(name, "").strip()
    if below is None:
        return _small_number(name, text)
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) >= below:
        raise _out_of_range(name, what, below)
    return int(text)


def _small_number(name: str, text: str) -> int:
    if not re.fullmatch(r"[0-9]+", text):
        raise _nonsense(name, _("Write a whole number; the first is 0."))
    if len(text) > _MOST_DIGITS:
        raise _nonsense(name, _("This number is too large. Choose a smaller one; the first is 0."))
    return int(text)


def _out_of_range(field: str, what: str, count: int) -> Problem:
    sentence = _("Of %(what)s there are %(count)d: choose a number from 0 to %(last)d.")
    return _nonsense(field, sentence % {"what": what, "count": count, "last": count - 1})


def _nonsense(field: str, sentence: str) -> Problem:
    return Problem(422, _("This can’t be looked at"), sentence, field=field)


# --- asking -------------------------------------------------------------------------------------------------------------


def request_look(
    *,
    owner: User | None,
    network: str,
    asked: Mapping[str, str],
    sample: str = "",
    upload: Upload | None = None,
    file: UploadedFile[bytes] | None = None,
    prediction: str = "",
    now: datetime,
) -> Trace:
    """One person's look at a sample, their own upload, or the photo in `file`, which is then kept for them alone.

    No owner is the house itself, which has no photos of its own. Raises Problem as `services.request_run` and
    `services.request_photo_run` do, 404 for an unknown network, and 422 for options that make no sense.
    """
    facts_or_404(network)
    run: dict[str, Any] = {
        "kind": RunKind.LOOK,
        "owner": owner,
        "network": network,
        "options": options_of(network, asked),
        "prediction": prediction,
        "now": now,
    }
    if file is not None:
        return services.request_photo_run(**run, file=file)
    return services.request_run(**run, sample=sample, upload=upload)


def request_look_on(*, trace: Trace, owner: User, asked: Mapping[str, str], now: datetime) -> Trace:
    """A look at the photo and network of a run that this person may see.

    Raises Problem 404 where the photo is somebody else's: whoever was given a link may look at its pictures, not run it.
    """
    job = trace.job
    upload = services.upload_for(upload_id=job.upload_id, person=owner) if job.upload_id is not None else None
    return request_look(owner=owner, network=job.network, asked=asked, sample=job.sample, upload=upload, now=now)


def facts_or_404(network: str) -> None:
    """Raises Problem 404 for a network that the site does not know, before anything is said about its stages."""
    if facts.facts_of(network) is None:
        raise services.no_such_network()


def look_url(trace: Trace, *, share_token: str = "") -> str:
    """Where a finished run's photo and network can be looked into; empty for what can't."""
    if trace.job.kind not in LOOKABLE or trace.job.state != JobState.DONE:
        return ""
    return address("look", trace, share_token)
