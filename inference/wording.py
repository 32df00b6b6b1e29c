"""Every sentence about runs: the engine emits codes and numbers, here they become words that can be translated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from inference.contracts import Failure, RunKind
from inference.images import Change, Refusal

_REFUSALS: dict[Refusal, Promise] = {
    Refusal.EMPTY: gettext_lazy("The file is empty. Choose another one."),
    Refusal.TOO_MANY_BYTES: gettext_lazy("The file is larger than %(megabytes)d MB. Save the photo smaller, then choose that."),
    Refusal.DAMAGED: gettext_lazy(
        "The file is cut off or damaged: it can’t be read to its end. Save the photo again, or choose another one."
    ),
    Refusal.TOO_MANY_PIXELS: gettext_lazy(
        "The picture has more than %(megapixels)d million pixels. Make it smaller, then choose it again; the network looks at a"
        " few hundred pixels a side in any case."
    ),
    Refusal.TOO_SMALL: gettext_lazy("The picture is %(width)d × %(height)d pixels. Choose one with at least %(limit)d a side."),
    Refusal.TOO_NARROW: gettext_lazy(
        "The picture is %(width)d × %(height)d pixels: one side is more than %(limit)d times the other. Crop it, then choose it"
        " again."
    ),
    Refusal.STRANGE_VALUES: gettext_lazy(
        "The file holds measurements, not the colours of a photo. Save it as a PNG or JPEG with 8 bits a channel."
    ),
}


def refusal(code: Refusal, details: Mapping[str, Any]) -> str:
    """Why a file is not taken, and what to do."""
    if code == Refusal.NOT_A_PHOTO:
        return _not_a_photo(str(details.get("found", "")))
    limit = int(details.get("limit", 0))
    figures = {**details, "megabytes": limit // (1024 * 1024), "megapixels": limit // 1_000_000}
    return str(_REFUSALS[code]) % figures


_PRETENDERS: dict[str, Promise] = {
    "HEIC": gettext_lazy("This is a HEIC photo, which can’t be read here. Save or share it as JPEG, then choose that."),
    "SVG": gettext_lazy("This is an SVG drawing, not a photo. Save it as PNG, then choose that."),
    "HTML": gettext_lazy("This is a web page, not a photo. Save the picture itself, then choose that."),
    "ZIP": gettext_lazy("This is an archive or a document, not a photo. Take the picture out of it, then choose that."),
    "": gettext_lazy("This is not a photo that can be read here. Choose a JPEG, PNG, WebP, GIF, BMP or TIFF file."),
}


def _not_a_photo(found: str) -> str:
    if found in _PRETENDERS:
        return str(_PRETENDERS[found])
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


_STATUSES: dict[str, Promise] = {
    "queued": gettext_lazy("waits"),
    "loading": gettext_lazy("loads"),
    "running": gettext_lazy("runs"),
    "done": gettext_lazy("done"),
    "failed": gettext_lazy("failed"),
    "cancelled": gettext_lazy("stopped"),
}


def status_title(status: str) -> str:
    """Where a run stands, in a word."""
    return str(_STATUSES[status])


_RUNS: dict[RunKind, Promise] = {
    RunKind.LOOK: gettext_lazy("%(photo)s, looked into"),
    RunKind.MISTAKE: gettext_lazy("%(photo)s, with a mistake"),
    RunKind.TRIAL: gettext_lazy("%(photo)s, with your own head"),
    RunKind.MEASUREMENT: gettext_lazy("Its time, measured"),
    RunKind.DOWNLOAD: gettext_lazy("Its weights, downloaded"),
    RunKind.OPENED: gettext_lazy("%(photo)s, from a file"),
}


def run_title(kind: RunKind, *, photo: str) -> str:
    """What ran, in a line of a list: a photo, unless there was more to it."""
    return str(_RUNS[kind]) % {"photo": photo} if kind in _RUNS else photo


_AGAIN = gettext_lazy("Run it again.")
_OTHER_NETWORK = gettext_lazy("Choose another network.")

_FAILURES: dict[str, tuple[Promise, Promise]] = {
    Failure.WEIGHTS_MISSING: (
        gettext_lazy("The weights of this network are not on the worker’s machine, so it can’t predict."),
        gettext_lazy("Whoever runs this site can put them there; until then, choose another network."),
    ),
    Failure.WEIGHTS_DAMAGED: (
        gettext_lazy("The weights’ file on the worker’s machine is damaged: its hash is not the one in its name."),
        gettext_lazy("Whoever runs this site has to replace it; until then, choose another network."),
    ),
    Failure.DOWNLOAD_UNREACHABLE: (
        gettext_lazy("The publisher’s server can’t be reached from the worker’s machine."),
        gettext_lazy("Check its network, or set HTTPS_PROXY or WEIGHTS_MIRROR; then fetch the file again."),
    ),
    Failure.DOWNLOAD_REFUSED: (
        gettext_lazy("The server does not give out this file."),
        gettext_lazy("If WEIGHTS_MIRROR is set, put the file there; else try again later."),
    ),
    Failure.DOWNLOAD_INTERRUPTED: (
        gettext_lazy("The line broke again and again. What has come so far is kept."),
        gettext_lazy("Fetch it again: it goes on from there."),
    ),
    Failure.DOWNLOAD_WRONG: (
        gettext_lazy("What came is another file: its hash is not the one in the file’s name. Nothing of it was kept."),
        gettext_lazy("Fetch it again. If it stays so, the publisher or WEIGHTS_MIRROR has the wrong file under this name."),
    ),
    Failure.DISK_FULL: (
        gettext_lazy("There is no room for the file in the folder of weights. What has come so far is kept."),
        gettext_lazy("Make room in WEIGHTS_DIR, then fetch it again: it goes on from there."),
    ),
    Failure.FOLDER_UNWRITABLE: (
        gettext_lazy("The folder of weights can’t be written to."),
        gettext_lazy("Allow the worker to write to WEIGHTS_DIR, or set it to another folder; then fetch the file again."),
    ),
    Failure.TOO_LARGE: (
        gettext_lazy("This network is too large to be timed while others wait for their runs."),
        gettext_lazy("Time it on a terminal of your own, or choose a smaller one."),
    ),
    Failure.UNKNOWN_NETWORK: (gettext_lazy("The worker doesn’t know this network."), _OTHER_NETWORK),
    Failure.UNKNOWN_WEIGHTS: (gettext_lazy("The worker doesn’t know these weights of the network."), _OTHER_NETWORK),
    Failure.IMAGE_UNREADABLE: (
        gettext_lazy("The worker could not read the photo."),
        gettext_lazy("Choose another photo, or upload this one again."),
    ),
    Failure.NOT_THERE: (
        gettext_lazy("The network, as the worker has it, holds no such place."),
        gettext_lazy("Choose another stage, channel, place or class."),
    ),
    Failure.TRAINING_REFUSED: (
        gettext_lazy("This can’t be trained as it was asked for."),
        gettext_lazy("Change the settings: another network, another strategy, or fewer stages."),
    ),
    Failure.DATA_MISSING: (
        gettext_lazy("The pictures of this data set are not installed on the worker’s machine."),
        gettext_lazy("Choose another data set; whoever runs this site can install the requirements again."),
    ),
    Failure.HEAD_DAMAGED: (
        gettext_lazy("The trained head could not be read: its file is damaged, or not one that was exported here."),
        gettext_lazy("Train it again."),
    ),
    Failure.HEAD_FOREIGN: (
        gettext_lazy("The head was trained on another network, or on other weights of this one."),
        gettext_lazy("Train it again on this network, or try it on the network that it belongs to."),
    ),
    Failure.NO_SANDBOX: (
        gettext_lazy("The worker’s machine has no whole sandbox, so nothing was run."),
        gettext_lazy("Whoever runs this site can install bubblewrap there, or run manage.py check_content."),
    ),
    Failure.NOT_ALLOWED: (
        gettext_lazy("Whoever asked for it may not work on this lesson any more, so nothing was run."),
        gettext_lazy("One of the course’s authors can run the proofs."),
    ),
    Failure.OUT_OF_MEMORY: (
        gettext_lazy("The worker ran out of memory. Nothing you did wrong."),
        gettext_lazy("Run it again, or choose a smaller network."),
    ),
    Failure.NO_GPU: (
        gettext_lazy("The worker is set to run on a GPU and finds none."),
        gettext_lazy("Whoever runs this site can set TRACE_DEVICE to auto; then run it again."),
    ),
    Failure.DEADLINE: (gettext_lazy("It took too long, so it was given up. The workers may be busy."), _AGAIN),
    Failure.TOO_MANY_ATTEMPTS: (
        gettext_lazy("Its worker died again and again while it ran."),
        gettext_lazy("Run it again; if it fails once more, choose another photo or network."),
    ),
    Failure.INTERNAL: (
        gettext_lazy("Something broke while it ran. It is our fault and has been written to the log."),
        _AGAIN,
    ),
}


def failure(code: str) -> tuple[str, str]:
    """Why a run failed, and what to do next: two sentences."""
    reason, action = _FAILURES.get(code, _FAILURES[Failure.INTERNAL])
    return str(reason), str(action)


_TITLES: dict[str, Promise] = {
    "decode": gettext_lazy("Decode"),
    "resize": gettext_lazy("Resize"),
    "crop": gettext_lazy("Crop"),
    "to_tensor": gettext_lazy("To tensor"),
    "normalise": gettext_lazy("Normalise"),
    "convolution": gettext_lazy("Convolution"),
    "bottleneck": gettext_lazy("Bottleneck blocks"),
    "basic_block": gettext_lazy("Residual blocks"),
    "mbconv": gettext_lazy("Inverted residual blocks"),
    "fused_mbconv": gettext_lazy("Fused inverted residual blocks"),
    "inverted_residual": gettext_lazy("Inverted residual blocks"),
    "shuffle_unit": gettext_lazy("Shuffle units"),
    "res_bottleneck_block": gettext_lazy("RegNet blocks"),
    "dense_layer": gettext_lazy("Dense layers"),
    "fire": gettext_lazy("Fire modules"),
    "inception": gettext_lazy("Inception modules"),
    "inception_a": gettext_lazy("Inception modules A"),
    "inception_b": gettext_lazy("Inception module B"),
    "inception_c": gettext_lazy("Inception modules C"),
    "inception_d": gettext_lazy("Inception module D"),
    "inception_e": gettext_lazy("Inception modules E"),
    "cnblock": gettext_lazy("ConvNeXt blocks"),
    "patch_embedding": gettext_lazy("Patches"),
    "encoder_block": gettext_lazy("Encoder blocks"),
    "swin_transformer_block": gettext_lazy("Swin blocks"),
    "swin_transformer_block_v2": gettext_lazy("Swin V2 blocks"),
    "max_vit_layer": gettext_lazy("MaxViT blocks"),
    "class_token": gettext_lazy("Class token"),
    "average_pool": gettext_lazy("Average pool"),
    "flatten": gettext_lazy("Flatten"),
    "linear": gettext_lazy("Linear layer"),
    "softmax": gettext_lazy("Softmax"),
}

_SENTENCES: dict[str, Promise] = {
    "decode": gettext_lazy("The file becomes a grid of pixels: height, width, and three colours from 0 to 255."),
    "resize": gettext_lazy("The shorter side is brought to the size that belongs to the weights."),
    "crop": gettext_lazy("The middle is kept; whatever lies outside, the network never sees."),
    "to_tensor": gettext_lazy("0–255 becomes 0–1, and the colours move to the front: C × H × W."),
    "normalise": gettext_lazy("Each colour minus its mean, divided by its deviation in the training data."),
    "convolution": gettext_lazy("Small filters slide over what came in and answer where it looks like them."),
    "bottleneck": gettext_lazy("Narrow the channels, look around, widen them, and add what came in."),
    "basic_block": gettext_lazy("Look around twice, and add what came in."),
    "mbconv": gettext_lazy("Widen the channels, look at each one by itself, narrow them again."),
    "fused_mbconv": gettext_lazy("Widen the channels by looking around in all of them at once, then narrow them again."),
    "inverted_residual": gettext_lazy("Widen the channels, look at each one by itself, narrow them again."),
    "shuffle_unit": gettext_lazy(
        "Half of the channels pass untouched, the other half look around; then both are shuffled together."
    ),
    "res_bottleneck_block": gettext_lazy(
        "Mix the channels, look around within groups of them, mix again, and add what came in."
    ),
    "dense_layer": gettext_lazy("Each layer sees what all layers before it have found, and adds a few channels of its own."),
    "fire": gettext_lazy("Squeeze to few channels, then expand them by filters of 1×1 and of 3×3 side by side."),
    "inception": gettext_lazy("Filters of several sizes and a pool look at the same input; their answers are stacked."),
    "inception_a": gettext_lazy(
        "Filters of 1×1 and 5×5, two of 3×3 in a row, and a pool look at the same input, side by side."
    ),
    "inception_b": gettext_lazy("Filters and a pool halve the grid side by side; their answers are stacked."),
    "inception_c": gettext_lazy("Filters of 7×7, each split into 1×7 and 7×1, look far along rows and columns."),
    "inception_d": gettext_lazy("Filters and a pool halve the grid side by side; their answers are stacked."),
    "inception_e": gettext_lazy("Filters of 1×3 and 3×1 side by side widen what is known of each place."),
    "cnblock": gettext_lazy(
        "Look far around in each channel by itself (7×7), mix the channels in a wider layer, and add what came in."
    ),
    "patch_embedding": gettext_lazy("The picture is cut into patches; each becomes one list of numbers."),
    "encoder_block": gettext_lazy("Every patch looks at every other one and takes from it what helps."),
    "swin_transformer_block": gettext_lazy(
        "Patches look at each other within windows; in every second block the windows are shifted, so that neighbours meet."
    ),
    "swin_transformer_block_v2": gettext_lazy(
        "As in Swin, patches look at each other within windows; how alike they are is measured by the angle between them."
    ),
    "max_vit_layer": gettext_lazy(
        "An inverted residual, then attention twice: within windows, and across a wide grid over the whole picture."
    ),
    "class_token": gettext_lazy("The one list of numbers that has gathered what matters is kept."),
    "average_pool": gettext_lazy("Each channel becomes one number: its mean over the grid. These are the features."),
    "flatten": gettext_lazy("The grid becomes one long list of numbers."),
    "linear": gettext_lazy("Every number that came in is weighed for every number that goes out."),
    "softmax": gettext_lazy("The scores become probabilities that sum to 1."),
}


def operations() -> list[str]:
    """The codes of operations that have a title and a sentence."""
    return [code for code in _TITLES if code in _SENTENCES]


_NOTES: dict[str, Promise] = {
    "one_column": gettext_lazy(
        "It is the version in one column from the paper of 2014, not the one split over two GPUs that won in 2012."
    ),
    "stride_in_three_by_three": gettext_lazy(
        "Its blocks halve the grid in their 3×3 convolution; in the paper the first 1×1 does. This is known as ResNet V1.5."
    ),
    "batch_norm_added": gettext_lazy("Every convolution is followed by a batch normalisation, which the paper does not have."),
    "three_for_five": gettext_lazy(
        "Where the paper has filters of 5×5, this one has 3×3: a mistake that torchvision keeps, because the weights fit it."
    ),
    "auxiliary_head": gettext_lazy(
        "A second head, which only training runs, is counted among its parameters and belongs to no stage below."
    ),
    "no_squeeze_and_excitation": gettext_lazy(
        "Made for phones: no squeeze-and-excitation, ReLU6 in place of SiLU, and a stem and head that do not grow."
    ),
}


def note(code: str) -> str:
    """In what a network differs from its paper; empty for a code that has no sentence."""
    return str(_NOTES.get(code, ""))


def stage_title(operation: str, name: str = "") -> str:
    """What a stage does, in two or three words; `name` where no operation is told."""
    if operation in _TITLES:
        return str(_TITLES[operation])
    return capfirst(operation.replace("_", " ")) or name


def stage_sentence(operation: str, *, blocks: int = 0, details: Mapping[str, Any] | None = None) -> str:
    """What happens in a stage, in a sentence or two; empty where nothing general can be said."""
    told = _with_figures(operation, details or {}) or str(_SENTENCES.get(operation, ""))
    opening = str(_SENTENCES.get(str((details or {}).get("opens_with")), ""))
    if opening:
        told = _("The first: %(first)s The others: %(others)s") % {"first": opening, "others": told}
    if blocks <= 1:
        return told
    if operation == "convolution":
        count = ngettext("%(blocks)d convolution.", "%(blocks)d convolutions.", blocks) % {"blocks": blocks}
    else:
        count = ngettext("%(blocks)d block.", "%(blocks)d blocks.", blocks) % {"blocks": blocks}
    return f"{count} {told}".strip()


def _with_figures(operation: str, details: Mapping[str, Any]) -> str:
    """The sentence of a stage with this network's own figures in it; empty when they are not told."""
    if operation == "resize" and "size" in details:
        return _("The shorter side is brought to %(size)s pixels (%(interpolation)s).") % {
            "size": details["size"],
            "interpolation": details.get("interpolation", ""),
        }
    if operation == "crop" and "size" in details:
        return _("The middle %(size)s × %(size)s pixels are kept; whatever lies outside, the network never sees.") % {
            "size": details["size"]
        }
    if operation == "normalise" and "mean" in details and "std" in details:
        return _("Each colour minus its mean (%(mean)s), divided by its deviation (%(std)s).") % {
            "mean": _numbers(details["mean"]),
            "std": _numbers(details["std"]),
        }
    if operation == "average_pool" and details.get("scores"):
        return _("Each channel becomes one number: its mean over the grid. There is one for each class: these are the scores.")
    if operation == "convolution" and "kernel" in details and "stride" in details:
        return _("Filters of %(kernel)s slide over what came in, with stride %(stride)s.") % {
            "kernel": "×".join(str(side) for side in details["kernel"]),
            "stride": details["stride"][0],
        }
    return ""


def _numbers(values: Any) -> str:
    return ", ".join(f"{value:.3f}" for value in values) if isinstance(values, list | tuple) else f"{values:.3f}"


def shape(sizes: Sequence[int | None]) -> str:
    """A shape as it is written everywhere here: "3×224×224", without a batch of one; "H×W×3" for a photo of any size."""
    kept = sizes[1:] if len(sizes) > 1 and sizes[0] == 1 else sizes
    unknown = iter("HW")
    return "×".join(next(unknown, "?") if size is None else f"{size}" for size in kept)


def no_weights(network: str, *, title: str, file: str, url: str, folder: str) -> str:
    """That a network can't predict here and exactly how it could."""
    if not file:
        return _("%(network)s has no published weights, so it can be inspected but not run.") % {"network": title}
    return _(
        "%(title)s can be inspected but not run: its weights are not on this machine. An instructor can have them fetched in"
        " the studio, under Weights; whoever runs this site can run “manage.py fetch_weights %(network)s”, or put the file"
        " %(file)s (from %(url)s) into %(folder)s in the folder of weights (data/weights, unless WEIGHTS_DIR or DATA_DIR says"
        " otherwise). The next run finds it."
    ) % {"title": title, "network": network, "file": file, "url": url or _("its publisher"), "folder": folder}


def picture_alt(scale: str, *, stage: str, channels: int) -> str:
    """What a stage's picture shows, for whoever can't see it."""
    if scale == "photo":
        return _("The photo after “%(stage)s”") % {"stage": stage}
    if not channels:
        return _("The numbers after “%(stage)s”, drawn as a grid") % {"stage": stage}
    return ngettext("%(channels)d feature map of “%(stage)s”", "%(channels)d feature maps of “%(stage)s”", channels) % {
        "channels": channels,
        "stage": stage,
    }


def picture_note(scale: str, *, maximum: float) -> str:
    """How to read a picture's colours; empty for a photo."""
    told = {"maximum": f"{maximum:,.0f}" if 100 <= maximum < 1e6 else f"{maximum:.2g}"}  # 120, and not 1.2e+02
    match scale:
        case "signed":
            return _("Blue is below 0, red above; up to ±%(maximum)s.") % told
        case "unsigned":
            return _("Dark is 0; bright is up to %(maximum)s.") % told
    return ""
