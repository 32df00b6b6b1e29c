"""The feature maps of any stage of a network on one photograph, on one sheet.

Maps with negative numbers are drawn blue, white and red, symmetric about zero; others from dark, zero, to bright. Each has
its own scale, whose end is told, or all have the scale of the whole stage, so that they can be compared.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.nn.functional import adaptive_avg_pool2d

from inference.contracts import Asked, Cancelled, Emit, EngineError, Failure, Picture, Result, Stage
from inference.encoding import LEVELS, PNG, RULE, Pixels
from inference.engine import preprocessing, reductions, stages
from inference.engine.explaining.operations import stage_named

if TYPE_CHECKING:
    from inference.engine.tracing import LoadedNetwork

NAME = "maps"
VARIED, ALL = "varied", "all"
MOST_VARIED = 16
TOLD = 64
"""How many maps are told one by one; of more, as when all are drawn, only the sheet is."""
SIDE = 448  # pixels that a sheet of a few maps aims at
LONGEST = 960  # pixels of a sheet of all maps


def look(
    loaded: LoadedNetwork,
    image: Image.Image,
    options: Mapping[str, Any],
    emit: Emit,
    cancelled: Asked,
) -> None:
    """Emits the maps of options["stage"]: those that vary most, all, or a list of channels. EngineError: not there."""
    _cropped, prepared = preprocessing.prepared(image, loaded.weights.preprocessing)
    if cancelled():
        raise Cancelled
    number, stage = stage_named(loaded, str(options["stage"]))
    with loaded.alone():
        maps = maps_of(loaded, loaded.batch(prepared), number, stage)
    emit(sheet(stage, maps, options.get("channels", VARIED), shared=bool(options.get("shared_scale"))))


def maps_of(loaded: LoadedNetwork, batch: torch.Tensor, number: int, stage: Stage) -> torch.Tensor:
    """What the network's stage of that number makes of the first photograph, C × H × W on the host.

    The caller has the network to itself.
    """

    def on_host(output: torch.Tensor) -> torch.Tensor:
        return reductions.as_grid(output, stage.layout)[0].to("cpu", torch.float32)

    with torch.inference_mode():
        return stages.met(loaded.model, batch, loaded.plan.boundaries[number], on_host)


def sheet(stage: Stage, maps: torch.Tensor, wanted: str | Sequence[int], *, shared: bool) -> Result:
    """The wanted channels of C × H × W as one picture, with what is to be said of them. EngineError: no such channel."""
    channels = _chosen(maps, wanted)
    flat = maps.flatten(1)
    lowest, highest = flat.amin(1), flat.amax(1)
    is_silent = (lowest == highest) & (flat.shape[1] > 1)
    maxima = torch.maximum(lowest.abs(), highest.abs())
    of_all = float(maxima.max())
    signed = bool(lowest.min() < 0)
    shown = maps[channels]
    shared = shared or flat.shape[1] == 1  # a single number says nothing on a scale of its own
    scales = torch.full((len(channels),), of_all) if shared else maxima[channels]
    columns = math.ceil(math.sqrt(len(channels)))
    picture, tile = _drawn(shown, scales, signed=signed, columns=columns)
    told = [
        {
            "channel": channel,
            "maximum": float(maxima[channel]),
            "lowest": float(lowest[channel]),
            "highest": float(highest[channel]),
            "mean": float(flat[channel].mean()),
            "silent": bool(is_silent[channel]),
        }
        for channel in channels[:TOLD]
    ]
    figures = {
        "stage": stage.name,
        "layout": stage.layout,
        "wanted": wanted if isinstance(wanted, str) else "chosen",
        "channels": maps.shape[0],
        "grid": list(maps.shape[1:]),
        "shown": channels,
        "told": told if len(channels) <= TOLD else [],
        "silent": is_silent.nonzero().flatten().tolist(),
        "signed": signed,
        "shared_scale": shared,
        "maximum": of_all,
        "columns": columns,
        "tile": list(tile),
    }
    return Result(f"{NAME}:{stage.name}", figures, {"sheet": picture})


def _chosen(maps: torch.Tensor, wanted: str | Sequence[int]) -> list[int]:
    count = maps.shape[0]
    if wanted == ALL or maps[0].numel() == 1:  # of a vector's numbers none varies
        return list(range(count))
    if isinstance(wanted, str):
        varied = maps.flatten(1).var(1).topk(min(MOST_VARIED, count)).indices.tolist()
        return sorted(varied)
    if any(not 0 <= channel < count for channel in wanted):
        raise EngineError(Failure.NOT_THERE, what="channel", count=count)
    return list(dict.fromkeys(wanted))


def _drawn(maps: torch.Tensor, scales: torch.Tensor, *, signed: bool, columns: int) -> tuple[Picture, tuple[int, int]]:
    """The maps in rows, and the height and width of each in pixels: whole pixels for a cell, where there is room."""
    count, height, width = maps.shape
    longest = SIDE if count <= TOLD else LONGEST
    times = longest // columns // max(height, width)
    tile = (height * times, width * times) if times else (max(1, longest // columns),) * 2
    zero = (LEVELS // 2) if signed else 0
    unit = (LEVELS - 1 - zero) / scales.clamp_min(torch.finfo(torch.float32).tiny)
    cells = maps if times else adaptive_avg_pool2d(maps, tile)
    levels = (cells * unit[:, None, None] + zero).round().clamp(0, LEVELS - 1).to(torch.uint8)
    pixels = levels.repeat_interleave(times, 1).repeat_interleave(times, 2) if times else levels
    sheet = _in_rows(pixels.numpy(), columns)
    scale = "signed" if signed else "unsigned"
    high, wide = sheet.shape
    drawn = Pixels(wide, high, sheet.tobytes(), scale)
    return Picture(drawn, PNG, wide, high, scale, maximum=float(scales.max())), tile


def _in_rows(tiles: NDArray[np.uint8], columns: int) -> NDArray[np.uint8]:
    """Tiles × h × w in rows; the last line of each is a rule between it and the next, where it has lines to spare."""
    count, height, width = tiles.shape
    rows = math.ceil(count / columns)
    laid = np.full((rows * columns, height, width), RULE, dtype=np.uint8)
    laid[:count] = tiles
    if count > 1 and min(height, width) > 12:
        laid[:, -1] = laid[:, :, -1] = RULE
    return laid.reshape(rows, columns, height, width).swapaxes(1, 2).reshape(rows * height, columns * width)
