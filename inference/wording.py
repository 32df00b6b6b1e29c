"""Every sentence about runs: the engine emits codes and numbers, here they become words that can be translated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from inference.contracts import Failure
from inference.images import Change, Refusal


def refusal(code: Refusal, details: Mapping[str, Any]) -> str:
    """Why a file is not taken, and what to do."""
    match code:
        case Refusal.EMPTY:
            return _("The file is empty. Choose another one.")
        case Refusal.TOO_MANY_BYTES:
            return _("The file is larger than %(limit)d MB. Save the photo smaller, then choose it again.") % {
                "limit": details["limit"] // (1024 * 1024)
            }
        case Refusal.NOT_A_PHOTO:
            return _not_a_photo(str(details.get("found", "")))
        case Refusal.DAMAGED:
            return _(
                "The file is cut off or damaged: it can’t be read to its end. Save the photo again, or choose another one."
            )
        case Refusal.TOO_MANY_PIXELS:
            return _(
                "The picture has more than %(limit)d million pixels. Make it smaller, then choose it again; the network"
                " looks at a few hundred pixels a side in any case."
            ) % {"limit": details["limit"] // 1_000_000}
        case Refusal.TOO_SMALL:
            return _("The picture is %(width)d × %(height)d pixels. Choose one with at least %(limit)d a side.") % details
        case Refusal.TOO_NARROW:
            return (
                _(
                    "The picture is %(width)d × %(height)d pixels: one side is more than %(limit)d times the other. Crop it, then"
                    " choose it again."
                )
                % details
            )
        case Refusal.STRANGE_VALUES:
            return _("The file holds measurements, not the colours of a photo. Save it as a PNG or JPEG with 8 bits a channel.")


def _not_a_photo(found: str) -> str:
    match found:
        case "HEIC":
            return _("This is a HEIC photo, which can’t be read here. Save or share it as JPEG, then choose that.")
        case "SVG":
            return _("This is an SVG drawing, not a photo. Save it as PNG, then choose that.")
        case "HTML":
            return _("This is a web page, not a photo. Save the picture itself, then choose that.")
        case "ZIP":
            return _("This is an archive or a document, not a photo. Take the picture out of it, then choose that.")
        case "":
            return _("This is not a photo that can be read here. Choose a JPEG, PNG, WebP, GIF, BMP or TIFF file.")
    return _("This is a %(found)s file. Choose a JPEG, PNG, WebP, GIF, BMP or TIFF file.") % {"found": found}


_CHANGES: dict[Change, Promise] = {
    Change.FIRST_FRAME: gettext_lazy("only its first picture was taken"),
    Change.TURNED_UPRIGHT: gettext_lazy("turned upright, as its camera noted"),
    Change.EIGHT_BITS: gettext_lazy("brought to 8 bits a channel"),
    Change.COLOURS_TO_SRGB: gettext_lazy("its colours brought from their own profile to sRGB"),
    Change.COLOURS_TO_RGB: gettext_lazy("its colours brought to RGB"),
    Change.ON_WHITE: gettext_lazy("transparent parts filled with white"),
}


def intake(original: Mapping[str, Any], *, width: int, height: int) -> list[str]:
    """What came and what was done to it before any network saw it, one sentence each."""
    came = _("%(format)s, %(width)d × %(height)d pixels.") % {
        "format": "JPEG" if original.get("format") == "MPO" else original.get("format", ""),
        "width": original.get("width", width),
        "height": original.get("height", height),
    }
    sentences = [came]
    for change in original.get("changes", ()):
        if change == Change.REDUCED:
            sentences.append(_("Above 12 megapixels: reduced to %(width)d × %(height)d.") % {"width": width, "height": height})
        elif change in _CHANGES:
            sentences.append(capfirst(str(_CHANGES[Change(change)])) + ".")
    sentences.append(_("Its metadata (place, time, camera) was not kept."))
    return sentences


def failure(code: str, details: Mapping[str, Any]) -> tuple[str, str]:
    """Why a run failed, and what to do next: two sentences."""
    again = _("Run it again.")
    match code:
        case Failure.WEIGHTS_MISSING:
            return (
                _("The weights of %(network)s are not on this machine, so it can’t predict.")
                % {"network": details.get("network", "")},
                _("Whoever runs this site can put them there; until then, choose another network."),
            )
        case Failure.WEIGHTS_DAMAGED:
            return (
                _("The weights’ file %(file)s is damaged: its hash is not the one in its name.")
                % {"file": details.get("file", "")},
                _("Whoever runs this site has to replace it; until then, choose another network."),
            )
        case Failure.UNKNOWN_NETWORK | Failure.UNKNOWN_WEIGHTS:
            return _("The worker doesn’t know this network or its weights."), _("Choose another network.")
        case Failure.IMAGE_UNREADABLE:
            return _("The worker could not read the photo."), _("Choose another photo, or upload this one again.")
        case Failure.OUT_OF_MEMORY:
            return _("The worker ran out of memory. Nothing you did wrong."), _("Run it again, or choose a smaller network.")
        case Failure.DEADLINE:
            return _("It took too long: the run was given up. The workers may be busy."), again
        case Failure.TOO_MANY_ATTEMPTS:
            return (
                ngettext(
                    "Its worker died during the run, %(attempts)d time.",
                    "Its worker died during the run, %(attempts)d times.",
                    int(details.get("attempts", 1)),
                )
                % {"attempts": int(details.get("attempts", 1))},
                _("Run it again; if it fails again, choose another photo or network."),
            )
    return _("Something broke while it ran. It is our fault and has been written to the log."), again


_OPERATIONS: dict[str, tuple[Promise, Promise]] = {
    "decode": (
        gettext_lazy("Decode"),
        gettext_lazy("The file becomes a grid of pixels: height, width, three colours from 0 to 255."),
    ),
    "orientation": (gettext_lazy("Turn upright"), gettext_lazy("The photo is turned as its camera noted.")),
    "resize": (gettext_lazy("Resize"), gettext_lazy("The shorter side is brought to the size the network was trained with.")),
    "crop": (gettext_lazy("Crop"), gettext_lazy("The middle is kept; whatever lies outside, the network never sees.")),
    "to_tensor": (gettext_lazy("To tensor"), gettext_lazy("0–255 becomes 0–1, and colours move to the front: C × H × W.")),
    "normalise": (
        gettext_lazy("Normalise"),
        gettext_lazy("Each colour minus its mean, divided by its deviation in the training data."),
    ),
    "convolution": (
        gettext_lazy("Convolution"),
        gettext_lazy("Small filters slide over the picture and answer to edges and colours."),
    ),
    "bottleneck": (
        gettext_lazy("Bottleneck blocks"),
        gettext_lazy("Residual blocks: squeeze the channels, look around, widen, and add the input back."),
    ),
    "residual": (gettext_lazy("Residual blocks"), gettext_lazy("Blocks that add what they found to what came in.")),
    "inverted_residual": (
        gettext_lazy("Inverted residual blocks"),
        gettext_lazy("Widen the channels, look at each one by itself, narrow again."),
    ),
    "encoder": (
        gettext_lazy("Encoder blocks"),
        gettext_lazy("Every patch looks at every other patch, and takes from it what helps."),
    ),
    "patches": (gettext_lazy("Patches"), gettext_lazy("The picture is cut into patches, each becomes one list of numbers.")),
    "pool": (gettext_lazy("Pool"), gettext_lazy("Neighbouring values become one: the grid shrinks, the channels stay.")),
    "flatten": (gettext_lazy("Flatten"), gettext_lazy("The grid becomes one long list of numbers.")),
    "linear": (
        gettext_lazy("Linear layer"),
        gettext_lazy("Every feature is weighed for each class: one score a class, the logits."),
    ),
    "softmax": (gettext_lazy("Softmax"), gettext_lazy("The scores become probabilities that sum to 1.")),
}


def stage_title(operation: str, name: str) -> str:
    """What a stage does, in two or three words; its own name where the operation has none here."""
    known = _OPERATIONS.get(operation)
    return str(known[0]) if known else name


def stage_sentence(operation: str, *, blocks: int = 0, details: Mapping[str, Any] | None = None) -> str:
    """What happens in a stage, in a sentence or two; empty where nothing general can be said."""
    known = _OPERATIONS.get(operation)
    told = _with_details(operation, details or {}) or (str(known[1]) if known else "")
    if blocks > 1:
        count = ngettext("%(blocks)d block.", "%(blocks)d blocks.", blocks) % {"blocks": blocks}
        told = f"{count} {told}".strip()
    return told


def _with_details(operation: str, details: Mapping[str, Any]) -> str:
    """The sentence of a stage with this network's own figures in it; empty when they are not told."""
    size = details.get("size")
    side = size[0] if isinstance(size, list) and size else size
    if operation == "resize" and isinstance(side, int):
        interpolation = str(details.get("interpolation") or "")
        if interpolation:
            return _("The shorter side is brought to %(side)d pixels (%(interpolation)s).") % {
                "side": side,
                "interpolation": interpolation,
            }
        return _("The shorter side is brought to %(side)d pixels.") % {"side": side}
    if operation == "crop" and isinstance(side, int):
        return _("The middle %(side)d × %(side)d pixels are kept; whatever lies outside, the network never sees.") % {
            "side": side
        }
    if operation == "normalise" and details.get("mean") and details.get("std"):
        return _("Each colour minus its mean (%(mean)s), divided by its deviation (%(std)s).") % {
            "mean": _numbers(details["mean"]),
            "std": _numbers(details["std"]),
        }
    return ""


def _numbers(values: Any) -> str:
    return ", ".join(f"{value:.3f}" for value in values) if isinstance(values, list | tuple) else f"{values:.3f}"


def shape(sizes: Sequence[int]) -> str:
    """A shape as it is written everywhere here: "3×224×224"; the batch of one is left out."""
    kept = sizes[1:] if len(sizes) > 1 and sizes[0] == 1 else sizes
    return "×".join(f"{size}" for size in kept)


def no_weights(network: str, *, file: str, url: str, folder: str) -> str:
    """That a network can't predict here and exactly how it could."""
    if not file:
        return _("%(network)s has no published weights, so it can be inspected but not run.") % {"network": network}
    return _(
        "%(network)s can be inspected but not run: its weights are not on this machine. Put the file %(file)s (from"
        " %(url)s) into %(folder)s in the folder that WEIGHTS_DIR names; the next run finds it."
    ) % {"network": network, "file": file, "url": url or _("its publisher"), "folder": folder}


def picture_alt(scale: str, *, stage: str, channels: int) -> str:
    """What a stage's picture shows, for whoever can't see it."""
    if scale == "photo":
        return _("The photo after “%(stage)s”") % {"stage": stage}
    return ngettext("%(channels)d feature map of “%(stage)s”", "%(channels)d feature maps of “%(stage)s”", channels) % {
        "channels": channels,
        "stage": stage,
    }


def picture_note(scale: str, *, maximum: float) -> str:
    """How to read a picture's colours; empty for a photo."""
    match scale:
        case "signed":
            return _("blue below 0, red above, up to ±%(maximum).2g") % {"maximum": maximum}
        case "unsigned":
            return _("dark is 0, bright is up to %(maximum).2g") % {"maximum": maximum}
    return ""
