"""The right answers, found out once more: by building the network and looking, not by its facts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, cast

import pytest
import torch
from PIL import Image
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from inference.contracts import MistakeName
from inference.engine import networks
from inference.engine.mistakes.registered import MISTAKES
from inference.engine.mistakes.way import right as right_way
from quizzes.generating import TEMPLATES, Drawn, Facts

pytestmark = pytest.mark.torch

LAYERS = (nn.Linear, nn.Conv2d)


def drawn_by(name: str, known: Facts, seeds: int) -> Iterator[Drawn]:
    return (TEMPLATES[name].draw(seed, known) for seed in range(seeds))


@cache
def built(network: str) -> nn.Module:
    record = networks.record(network)
    return networks.build(network, record.weights_named(record.default_weights))


def passed(network: str, photos: int, side: int) -> dict[str, torch.Size]:
    """Module → the shape of what it gave in one pass of photos without contents."""
    shapes: dict[str, torch.Size] = {}

    def keep(name: str) -> Any:
        def look(_module: nn.Module, _inputs: Any, output: Any) -> None:
            if isinstance(output, torch.Tensor):
                shapes[name] = output.shape

        return look

    model = built(network)
    handles = [module.register_forward_hook(keep(name)) for name, module in model.named_modules()]
    try:
        with torch.inference_mode():
            model(torch.zeros(photos, 3, side, side, device="meta"))
    finally:
        for handle in handles:
            handle.remove()
    return shapes


def stage_of(drawn: Drawn, known: Facts) -> dict[str, Any]:
    stages = known[drawn.network]["stages"].values()
    return next(stage for stage in stages if stage["title"] == drawn.stem["stage"])


def said(drawn: Drawn, name: str) -> Any:
    return drawn.answer[name]


def test_a_stage_gives_the_shape_that_is_right(known: Facts) -> None:
    for drawn in drawn_by("output_shape", known, 15):
        photos, channels, height, width = cast(Any, drawn.stem["entered_shape"])
        assert (channels, height) == (3, width)
        assert tuple(passed(drawn.network, photos, width)[cast(str, drawn.stem["end"])]) == said(drawn, "shape"), drawn


def test_the_stride_is_the_side_shared_by_the_maps_cells(known: Facts) -> None:
    for drawn in drawn_by("stride_of_stage", known, 10):
        side = cast(int, drawn.stem["side"])
        assert side / passed(drawn.network, 1, side)[cast(str, drawn.stem["end"])][2] == said(drawn, "count"), drawn


def test_a_cell_sees_what_its_kernels_reach_back_to(known: Facts) -> None:
    """Backwards from one cell: width → (width − 1) · stride + kernel, layer by layer."""
    for drawn in drawn_by("receptive_field", known, 200):
        stage = stage_of(drawn, known)
        features = built(drawn.network).get_submodule("features")
        below, found = 0, []
        for name, layer in features.named_children():
            if isinstance(layer, nn.Conv2d | nn.MaxPool2d):
                found.append((layer.kernel_size, layer.stride))
            below += isinstance(layer, nn.Conv2d) and f"features.{name}" in stage["layer_paths"]
            if below == drawn.stem["nth"]:
                break
        width = 1
        for kernel, stride in reversed(found):
            width = (width - 1) * _one(stride) + _one(kernel)
        assert width == said(drawn, "count"), drawn


def _one(size: Any) -> int:
    return size if isinstance(size, int) else size[0]


def test_a_layer_has_as_many_parameters_as_it_is_made_with(known: Facts) -> None:
    for drawn in drawn_by("layer_parameters", known, 300):
        has_bias = drawn.stem.code.endswith("with-bias")
        width, classes = cast(int, drawn.stem["width"]), cast(int, drawn.stem["classes"])
        layer = nn.Linear(width, classes, bias=has_bias, device="meta")
        assert sum(parameter.numel() for parameter in layer.parameters()) == said(drawn, "count"), drawn


def test_the_head_takes_what_the_old_one_took(known: Facts) -> None:
    for drawn in drawn_by("head_input", known, 300):
        old = [module for module in built(drawn.network).modules() if isinstance(module, LAYERS)][-1]
        assert isinstance(old, nn.Linear)
        assert old.in_features == said(drawn, "count"), drawn


def test_a_strategy_trains_what_it_leaves_open(known: Facts) -> None:
    for drawn in drawn_by("trained_parameters", known, 30):
        record = networks.record(drawn.network)
        model = networks.build(drawn.network, record.weights_named(record.default_weights))
        path, old = [named for named in model.named_modules() if isinstance(named[1], nn.Linear)][-1]
        new = nn.Linear(old.in_features, cast(int, drawn.stem["classes"]), device="meta")
        model.set_submodule(path, new)
        model.requires_grad_(drawn.stem.code.endswith("scratch"))
        new.requires_grad_(True)
        if drawn.stem.code.endswith("finetune"):
            stages = [stage for stage in known[drawn.network]["stages"].values() if stage["kind"] == "features"]
            opened = [stage for stage in stages if stage["parameters"]][-cast(int, drawn.stem["last"]) :]
            for path in (path for stage in opened for path in stage["layer_paths"]):
                model.get_submodule(path).requires_grad_(True)
        trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
        assert trained == said(drawn, "count"), drawn


def flops(network: str, side: int) -> int:
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        built(network)(torch.zeros(1, 3, side, side, device="meta"))
    return counter.get_total_flops()


def test_a_pass_costs_about_that_many_times_as_much(known: Facts) -> None:
    for drawn in drawn_by("cost_by_side", known, 10):
        native, side = cast(int, drawn.stem["native"]), cast(int, drawn.stem["side"])
        factor = flops(drawn.network, side) / flops(drawn.network, native)
        said_factors = {option.key: cast(float, dict(option.text.figures).get("factor", 1)) for option in drawn.options}
        nearest = min(said_factors, key=lambda key: abs(said_factors[key] - factor))
        assert nearest == drawn.right, (drawn, factor)
        assert factor == pytest.approx(said_factors[drawn.right], rel=0.1)


def test_the_recipe_is_that_of_the_weights(known: Facts) -> None:
    for drawn in drawn_by("preprocessing", known, 100):
        how = networks.record(drawn.network).weights_named(str(drawn.stem["weights"])).preprocessing
        assert drawn.answer.code == "preparation.whole"
        assert (how.resize_size, how.crop_size) == (said(drawn, "resize"), said(drawn, "crop"))
        assert how.mean == pytest.approx(said(drawn, "mean"), abs=5e-4)
        assert how.std == pytest.approx(said(drawn, "std"), abs=5e-4)


def test_the_mistake_that_is_right_makes_that_output_and_no_other_does(known: Facts) -> None:
    """Each mistake on offer is made by the engine itself."""
    for drawn in drawn_by("mistake_behind", known, 90):
        made = {option.key for option in drawn.options if _comes_out(drawn, MistakeName(option.text.code.partition(".")[2]))}
        assert made == {drawn.right}, drawn


def _comes_out(drawn: Drawn, name: MistakeName) -> bool:
    """Whether the engine, making this mistake, gives what the stem says was seen."""
    record = networks.record(drawn.network)
    way = MISTAKES[name](right_way(record.weights_named(record.default_weights).preprocessing))
    stem = cast(Any, drawn.stem)
    match drawn.stem.code.removeprefix("mistake_behind."):
        case "shape-stem":
            photo = Image.new("RGB", (stem["width"], stem["height"]))
            return tuple(way.prepared(photo).shape) == stem["seen_shape"]
        case "colour-stem":
            pixels = way.prepared(Image.new("RGB", (640, 480), stem["colour"])).flatten(2)[0]
            return bool(torch.allclose(pixels.mean(-1), torch.tensor(stem["seen_values"]), atol=0.0051))
    share = stem["right_percent"] / 100
    expected = torch.full((stem["classes"],), (1 - share) / (stem["classes"] - 1), dtype=torch.float64)
    expected[stem["right_index"]] = share
    probabilities = way.labelled(way.probabilities(expected.log()))
    seen = float(probabilities.max()) * 100 == pytest.approx(stem["seen_percent"], rel=0.06)
    return bool(int(probabilities.argmax()) == stem["seen_index"] and seen)
