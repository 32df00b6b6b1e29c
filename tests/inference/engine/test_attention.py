"""Attention is shown as the network computes it: rows that sum to one, laid over the cells that a token may attend to."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from PIL import Image
from torch import nn
from torchvision.models import SwinTransformer, VisionTransformer
from torchvision.models.maxvit import PartitionAttentionLayer
from torchvision.models.swin_transformer import ShiftedWindowAttention, ShiftedWindowAttentionV2

from inference import engine
from inference.contracts import EngineError, Event, Failure, Picture, Result
from inference.engine.explaining import LOOKS, attention
from inference.engine.explaining.attention import NO_CELL, layers_of, rolled_out, weights_of
from tests.networks import with_random_weights

pytestmark = [pytest.mark.torch, pytest.mark.weights]


@pytest.fixture(scope="module")
def small_vit() -> VisionTransformer:
    torch.manual_seed(0)
    return VisionTransformer(
        image_size=32, patch_size=8, num_layers=3, num_heads=2, hidden_dim=12, mlp_dim=24, num_classes=5
    ).eval()


@pytest.fixture(scope="module")
def vit() -> engine.LoadedNetwork:
    return with_random_weights("vit_b_32")


def looked(loaded: engine.LoadedNetwork, image: Image.Image, **options: Any) -> Result:
    told: list[Event] = []
    LOOKS["attention"](loaded, image, options, told.append, lambda: False)
    (result,) = told
    assert isinstance(result, Result)
    return result


def by_hand(model: VisionTransformer, batch: torch.Tensor) -> list[torch.Tensor]:
    """softmax(Q Kᵀ / √d) of each layer, heads × tokens × tokens, written out."""
    tokens = model._process_input(batch)
    tokens = torch.cat([model.class_token, tokens], dim=1) + model.encoder.pos_embedding
    found = []
    for block in model.encoder.layers:
        layer = block.self_attention
        normed = block.ln_1(tokens)[0]
        queries, keys, _ = (normed @ layer.in_proj_weight.T + layer.in_proj_bias).chunk(3, dim=-1)
        width = layer.embed_dim // layer.num_heads
        heads = [slice(number * width, (number + 1) * width) for number in range(layer.num_heads)]
        found.append(torch.stack([(queries[:, at] @ keys[:, at].T / math.sqrt(width)).softmax(-1) for at in heads]))
        tokens = block(tokens)
    return found


@torch.inference_mode()
def test_a_vision_transformers_weights_are_those_computed_by_hand(small_vit: VisionTransformer) -> None:
    batch = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    seen = weights_of(small_vit, batch, [layer.path for layer in layers_of(small_vit)])
    for weights, expected in zip(seen, by_hand(small_vit, batch), strict=True):
        torch.testing.assert_close(weights.weights[0], expected, rtol=1e-5, atol=1e-6)
        assert weights.grid == (4, 4)
        assert weights.cells.tolist() == [[NO_CELL, *range(16)]]


@torch.inference_mode()
def test_reading_does_not_change_the_answer_and_leaves_no_hook(small_vit: VisionTransformer) -> None:
    batch = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    before = small_vit(batch)
    weights_of(small_vit, batch, [layer.path for layer in layers_of(small_vit)])
    assert torch.equal(small_vit(batch), before)
    assert all(not module._forward_hooks and not module._forward_pre_hooks for module in small_vit.modules())


@torch.inference_mode()
def test_rollout_of_a_single_layer_is_half_its_mean_and_half_the_token_itself(small_vit: VisionTransformer) -> None:
    batch = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    first, second, third = weights_of(small_vit, batch, [layer.path for layer in layers_of(small_vit)])
    torch.testing.assert_close(rolled_out([first]).weights[0, 0], first.weights[0].mean(0) / 2 + torch.eye(17) / 2)
    flow = rolled_out([first, second, third]).weights[0, 0]
    torch.testing.assert_close(flow.sum(-1), torch.ones(17))


# --- windows ------------------------------------------------------------------------------------------------------------------


def output_by_hand(module: nn.Module, weights: attention.Weights, taken: torch.Tensor) -> torch.Tensor:
    """A window layer's output, H·W × C: each cell's sum of its attended cells' values, by the weights that were read."""
    channels = taken.shape[-1]
    cells = taken.reshape(-1, channels)
    values = (cells @ module.qkv.weight.T + module.qkv.bias)[:, 2 * channels :]  # type: ignore[operator, union-attr]
    heads = weights.weights.shape[1]
    width = channels // heads
    mixed = torch.zeros_like(values)
    for window in range(weights.weights.shape[0]):
        for token, cell in enumerate(weights.cells[window].tolist()):
            for head in range(heads):
                at = slice(head * width, (head + 1) * width)
                mixed[cell, at] = weights.weights[window, head, token] @ values[weights.cells[window], at]
    return mixed @ module.proj.weight.T + module.proj.bias  # type: ignore[operator, union-attr]


@pytest.mark.parametrize("kind", [ShiftedWindowAttention, ShiftedWindowAttentionV2])
@pytest.mark.parametrize("shift", [0, 2])
@torch.inference_mode()
def test_weights_of_windows_lead_to_the_layers_output(kind: type[ShiftedWindowAttention], shift: int) -> None:
    torch.manual_seed(2)
    module = kind(dim=6, window_size=[4, 4], shift_size=[shift, shift], num_heads=2).eval()
    taken = torch.randn(1, 8, 12, 6)
    (weights,) = weights_of(module, taken, [""])
    assert weights.grid == (8, 12)
    assert sorted(weights.cells.flatten().tolist()) == list(range(96))
    expected = module(taken).reshape(-1, 6)
    torch.testing.assert_close(output_by_hand(module, weights, taken), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", [ShiftedWindowAttention, ShiftedWindowAttentionV2])
@pytest.mark.parametrize(("shift", "side"), [(0, 12), (2, 12), (1, 8), (2, 4)])
@torch.inference_mode()
def test_what_is_within_reach_is_what_a_token_gives_weight_to(
    kind: type[ShiftedWindowAttention], shift: int, side: int
) -> None:
    torch.manual_seed(2)
    module = kind(dim=6, window_size=[4, 4], shift_size=[shift, shift], num_heads=2).eval()
    (weights,) = weights_of(module, torch.randn(1, side, 12, 6), [""])
    for window, cells in enumerate(weights.cells.tolist()):
        for token, cell in enumerate(cells):
            seen = (weights.weights[window, :, token] > 1e-20).all(0)
            assert torch.equal(weights.within_reach(window, list(divmod(cell, 12))), seen)


@torch.inference_mode()
def test_cells_that_only_fill_a_window_up_are_none_of_the_photos() -> None:
    module = ShiftedWindowAttention(dim=4, window_size=[4, 4], shift_size=[0, 0], num_heads=1).eval()
    (weights,) = weights_of(module, torch.randn(1, 6, 6, 4), [""])
    cells = weights.cells.flatten()
    assert sorted(cells[cells != NO_CELL].tolist()) == list(range(36))
    assert int((cells == NO_CELL).sum()) == 64 - 36


@pytest.mark.parametrize("partition", ["window", "grid"])
@torch.inference_mode()
def test_maxvits_windows_and_grids(partition: str) -> None:
    torch.manual_seed(3)
    layer = PartitionAttentionLayer(4, 2, 2, partition, (4, 4), 2, nn.GELU, nn.LayerNorm, 0.0, 0.0, 0.0).eval()
    (weights,) = weights_of(layer, torch.randn(1, 4, 4, 4), [""])
    assert tuple(weights.weights.shape) == (4, 2, 4, 4)
    torch.testing.assert_close(weights.weights.sum(-1), torch.ones(4, 2, 4))
    beside, apart = [0, 1, 4, 5], [0, 2, 8, 10]  # a window's cells lie together, a grid's two apart
    assert weights.cells[0].tolist() == (beside if partition == "window" else apart)


def test_layers_are_found_with_their_heads_and_convolutions_attend_to_nothing() -> None:
    swin = SwinTransformer([4, 4], 8, [2, 2], [1, 2], [7, 7], num_classes=3)
    assert [layer.cut for layer in layers_of(swin)] == ["window"] * 4
    assert [layer.heads for layer in layers_of(swin)] == [1, 1, 2, 2]
    assert layers_of(nn.Conv2d(3, 3, 3)) == []


@torch.inference_mode()
def test_a_window_as_large_as_its_grid_is_neither_shifted_nor_a_window() -> None:
    """torchvision does not shift it: https://github.com/pytorch/vision/blob/main/torchvision/models/swin_transformer.py."""
    swin = SwinTransformer([4, 4], 8, [2, 2], [1, 2], [4, 4], num_classes=3).eval()
    seen = weights_of(swin, torch.randn(1, 3, 32, 32), [layer.path for layer in layers_of(swin)])
    assert [(weights.grid, weights.reach) for weights in seen] == [
        ((8, 8), "window"),
        ((8, 8), "shifted_window"),
        ((4, 4), "all"),
        ((4, 4), "all"),
    ]


@pytest.mark.parametrize(("shift", "reach"), [(0, "window"), (2, "shifted_window")])
@torch.inference_mode()
def test_a_window_as_large_as_one_side_is_shifted_along_the_other(shift: int, reach: str) -> None:
    module = ShiftedWindowAttention(dim=6, window_size=[4, 4], shift_size=[shift, shift], num_heads=2).eval()
    (weights,) = weights_of(module, torch.randn(1, 4, 12, 6), [""])
    assert weights.reach == reach
    assert set(weights.cells[0].tolist()) == {row * 12 + column + shift for row in range(4) for column in range(4)}


# --- the look -----------------------------------------------------------------------------------------------------------------


def test_without_a_wish_it_is_what_the_class_token_attends_to_in_the_last_layer(
    vit: engine.LoadedNetwork, cat: Image.Image
) -> None:
    result = looked(vit, cat)
    figures = result.figures
    assert result.name == "attention:11:mean:class"
    assert (figures["layer"], figures["heads"], figures["grid"], figures["reach"]) == (11, 12, [7, 7], "all")
    assert (figures["attended"], len(figures["layers"])) == (49, 12)
    assert 0 < figures["entropy"] <= figures["entropy_of_even"] == pytest.approx(math.log2(50))
    heat = result.files["heat"]
    assert isinstance(heat, Picture)
    assert (heat.width, heat.scale, heat.maximum) == (224, "heat", figures["maximum"])


def test_a_layer_a_head_and_a_cell_can_be_chosen(vit: engine.LoadedNetwork, cat: Image.Image) -> None:
    result = looked(vit, cat, layer=3, head=5, query=[2, 6])
    assert result.name == "attention:3:5:2-6"
    batch = vit.batch(_prepared(vit, cat))
    with vit.alone():
        (weights,) = weights_of(vit.model, batch, ["encoder.layers.encoder_layer_3.self_attention"])
    row = weights.weights[0, 5, 1 + 2 * 7 + 6]
    assert result.figures["maximum"] == pytest.approx(float(row[1:].max()))
    assert result.figures["to_class_token"] == pytest.approx(float(row[0]))


def _prepared(loaded: engine.LoadedNetwork, image: Image.Image) -> torch.Tensor:
    from inference.engine import preprocessing

    *_, last = preprocessing.preprocess(image, loaded.weights.preprocessing)
    assert isinstance(last.output, torch.Tensor)
    return last.output


def test_all_layers_can_be_followed(vit: engine.LoadedNetwork, cat: Image.Image) -> None:
    result = looked(vit, cat, layer="rollout")
    assert result.name == "attention:rollout:mean:class"
    assert result.figures["path"] == ""
    assert result.files


@pytest.mark.parametrize(("network", "side", "attended"), [("swin_t", 7, 49), ("swin_v2_t", 8, 64), ("maxvit_t", 7, 49)])
def test_where_tokens_attend_within_windows_it_is_asked_about_a_cell(
    network: str, side: int, attended: int, cat: Image.Image
) -> None:
    loaded = with_random_weights(network)
    result = looked(loaded, cat)
    figures = result.figures
    assert figures["query"] == [side // 2, side // 2]
    assert (figures["grid"], figures["attended"], figures["to_class_token"]) == ([side, side], attended, None)
    first = looked(loaded, cat, layer=0, head=0, query=[0, 0]).figures
    assert first["attended"] == attended < math.prod(first["grid"])
    with pytest.raises(EngineError):
        looked(loaded, cat, query="class")
    with pytest.raises(EngineError):
        looked(loaded, cat, layer="rollout")


@pytest.mark.parametrize(
    ("options", "what", "count"),
    [
        ({"layer": 12}, "layer", 12),
        ({"layer": -1}, "layer", 12),
        ({"head": 12}, "head", 12),
        ({"query": [7, 0]}, "query", 49),
        ({"query": [0, -1]}, "query", 49),
    ],
)
def test_what_is_not_there_is_refused(
    options: dict[str, Any], what: str, count: int, vit: engine.LoadedNetwork, cat: Image.Image
) -> None:
    with pytest.raises(EngineError) as caught:
        looked(vit, cat, **options)
    assert caught.value.failure is Failure.NOT_THERE
    assert caught.value.details == {"what": what, "count": count}


def test_a_convolutional_network_has_no_attention(lite0: engine.LoadedNetwork, cat: Image.Image) -> None:
    with pytest.raises(EngineError) as caught:
        looked(lite0, cat)
    assert caught.value.details == {"what": "layer", "count": 0}
