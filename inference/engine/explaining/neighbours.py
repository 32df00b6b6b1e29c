"""Which photographs are most like a photo: by their pixels, and by the features that the network makes of them.

Both are cosine similarities: of the network's input, reduced to a few cells, and of the vector that enters its head.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from PIL import Image
from torch import nn
from torch.nn.functional import adaptive_avg_pool2d, normalize

from inference.contracts import Asked, Cancelled, Emit, Picture, Result
from inference.engine import pictures, preprocessing
from inference.engine.explaining import library
from inference.engine.explaining.maps import maps_of

if TYPE_CHECKING:
    from inference.engine.tracing import LoadedNetwork

NAME = "neighbours"
NEAREST = 5
CELLS = 16  # a side: what is left of the pixels that are compared
_SAME = 0.9999  # by pixels: the photo itself is no neighbour of its own
_THUMBNAIL = 112


@dataclass(frozen=True, slots=True)
class Described:
    """Photographs by pixels and by features: N × 768 and N × D, each row of length 1."""

    photographs: tuple[tuple[str, bool, str], ...]  # sample, whether it is a cut of it, and its name in the library
    pixels: torch.Tensor
    features: torch.Tensor
    pictures: tuple[Picture, ...]


_described: WeakKeyDictionary[nn.Module, Described] = WeakKeyDictionary()


def look(
    loaded: LoadedNetwork,
    image: Image.Image,
    _options: Mapping[str, Any],
    emit: Emit,
    cancelled: Asked,
) -> None:
    """Emits the photographs nearest to the photo by features and by pixels, each list with the most alike first."""
    with loaded.alone():
        known = described(loaded, cancelled)
        pixels, features, _picture = _vectors(loaded, image)
    by_pixels, by_features = known.pixels @ pixels, known.features @ features
    others = (by_pixels < _SAME).nonzero().flatten().tolist()
    lists = {"by_features": _nearest(known, by_features, others), "by_pixels": _nearest(known, by_pixels, others)}
    shown = {row["file"] for rows in lists.values() for row in rows}
    drawn = zip(known.photographs, known.pictures, strict=True)
    files = {name: picture for (_sample, _is_cut, name), picture in drawn if name in shown}
    figures = {**lists, "among": len(others), "features": features.numel(), "cells": CELLS}
    emit(Result(NAME, figures, files))


def described(loaded: LoadedNetwork, cancelled: Asked) -> Described:
    """The library's photographs as this network sees them, computed once while it is loaded. Raises Cancelled."""
    if (known := _described.get(loaded.model)) is None:
        names, rows = [], []
        for photograph in library.photographs():
            if cancelled():
                raise Cancelled
            names.append((photograph.sample, photograph.is_cut, photograph.name))
            rows.append(_vectors(loaded, photograph.image))
        pixels, features, drawn = zip(*rows, strict=True)
        known = _described[loaded.model] = Described(tuple(names), torch.stack(pixels), torch.stack(features), drawn)
    return known


def _vectors(loaded: LoadedNetwork, image: Image.Image) -> tuple[torch.Tensor, torch.Tensor, Picture]:
    """A photograph's pixels and features, each of length 1, and what of it the network sees, small."""
    cropped, prepared = preprocessing.prepared(image, loaded.weights.preprocessing)
    batch = loaded.batch(prepared)
    pixels = adaptive_avg_pool2d(batch.float().cpu(), CELLS).flatten()
    pooled = next(number for number, stage in enumerate(loaded.plan.stages) if stage.name == "pool")
    features = maps_of(loaded, batch, pooled, loaded.plan.stages[pooled]).flatten()
    small = cropped.resize((_THUMBNAIL, _THUMBNAIL), Image.Resampling.BILINEAR)
    return normalize(pixels, dim=0), normalize(features, dim=0), pictures.photograph(small)


def _nearest(known: Described, similarities: torch.Tensor, others: list[int]) -> list[dict[str, Any]]:
    ordered = sorted(others, key=lambda number: -float(similarities[number]))[:NEAREST]
    told = []
    for number in ordered:
        sample, is_cut, name = known.photographs[number]
        told.append({"sample": sample, "cut": is_cut, "file": name, "similarity": float(similarities[number])})
    return told
