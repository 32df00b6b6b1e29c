"""The code that stands beside a mistake is run: it makes that mistake, and its repair makes the correct run."""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from inference import engine
from inference.breaking.code import CONTEXT, repair_of
from inference.contracts import MISTAKES, MistakeName
from inference.presenting import ResultView

FIGURES = {"crop_size": 224, "resize_size": 256, "other_mean": [0.5] * 3, "other_std": [0.5] * 3}
"""The right code needs none of them: it reads the weights’ record."""


def step_of(code: str) -> str:
    """The step of the way that a piece of code is."""
    if "mean) / std" in code:
        return "by_hand"
    starts = {
        "picture": "resize",
        "tensor = v2": "batch",
        "tensor": "tensor",
        "batch": "batch",
        "model": "mode",
        "torch": "mode",
    }
    starts |= {"probabilities": "output", "outputs": "output", "label": "label"}
    return next(step for start, step in starts.items() if code.startswith(start))


def ran(code: str, loaded: engine.LoadedNetwork, photo: Image.Image) -> dict[str, Any]:
    """Every name that the whole way has set, with this piece of code in the place of its step."""
    how = loaded.weights.preprocessing.transforms
    right = {step_of(piece): piece for piece in (repair_of(name, FIGURES).right for name in MISTAKES)}
    pieces = {**right, step_of(code): code}
    model = copy.deepcopy(loaded.model).train()  # as after training: the mode is a step of its own
    names: dict[str, Any] = {
        "torch": torch,
        "v2": v2,
        "photo": photo,
        "model": model,
        "weights": SimpleNamespace(transforms=lambda: how, meta={"categories": list(loaded.weights.categories)}),
        "mean": torch.tensor(how.mean),
        "std": torch.tensor(how.std),
    }
    torch.manual_seed(0)
    with torch.inference_mode():
        exec(CONTEXT, names)
        exec(pieces["resize"], names)
        names["pixels"] = torch.from_numpy(np.array(names["picture"]))
        if step_of(code) == "by_hand":
            exec(pieces["by_hand"], names)
        else:
            exec(pieces["tensor"], names)
            exec(pieces["batch"], names)
        exec(pieces["mode"], names)
        exec(pieces["output"], names)
        names["index"] = int(names["probabilities"].argmax())
        exec(pieces["label"], names)
    return names


@pytest.mark.parametrize("name", MISTAKES)
def test_the_code_of_each_mistake_makes_that_mistake(
    name: MistakeName, lite0: engine.LoadedNetwork, cat: Image.Image, broken: dict[str, ResultView]
) -> None:
    figures = broken[name].figures
    code = repair_of(name, figures["preprocessing"]).broken
    if figures["error"]:
        with pytest.raises((RuntimeError, ValueError)) as raised:
            ran(code, lite0, cat)
        assert str(raised.value) == figures["error"]["message"]
        return
    names = ran(code, lite0, cat)
    first = figures["top_k"][0]
    assert names["label"] == first["label"]
    assert float(names["probabilities"].max()) == pytest.approx(first["probability"], rel=1e-3)


@pytest.mark.parametrize("name", MISTAKES)
def test_the_repair_of_each_mistake_is_the_correct_run(
    name: MistakeName, lite0: engine.LoadedNetwork, cat: Image.Image, broken: dict[str, ResultView]
) -> None:
    figures = broken[name].figures
    names = ran(repair_of(name, figures["preprocessing"]).right, lite0, cat)
    first = figures["correct_top_k"][0]
    assert names["label"] == first["label"]
    assert float(names["probabilities"].max()) == pytest.approx(first["probability"], rel=1e-4)


@pytest.mark.parametrize("name", MISTAKES)
def test_no_other_line_puts_a_mistake_right(
    name: MistakeName, lite0: engine.LoadedNetwork, cat: Image.Image, broken: dict[str, ResultView]
) -> None:
    figures = broken[name].figures
    right = figures["correct_top_k"][0]
    repair = repair_of(name, figures["preprocessing"])
    others = [line for line in repair.lines if not line.is_right]
    assert len(others) in (2, 3)
    assert repair.broken not in [line.code for line in others]
    for line in others:
        try:
            names = ran(line.code, lite0, cat)
        except (RuntimeError, ValueError):
            continue
        probability = float(names["probabilities"].max())
        assert names["label"] != right["label"] or probability != pytest.approx(right["probability"], rel=1e-3), line.code


def test_neither_the_ids_nor_the_order_of_the_lines_say_which_is_right(broken: dict[str, ResultView]) -> None:
    places = set()
    for name in MISTAKES:
        repair = repair_of(name, broken[name].figures["preprocessing"])
        assert [line.id for line in repair.lines] == sorted(line.id for line in repair.lines)
        assert sum(line.is_right for line in repair.lines) == 1
        places.add(next(place for place, line in enumerate(repair.lines) if line.is_right))
    assert len(places) > 2
