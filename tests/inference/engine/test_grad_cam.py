"""The evidence for a class is captum's Grad-CAM, found in the pass that classifies, for one photograph or several."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam
from hypothesis import given, settings
from hypothesis import strategies as some
from PIL import Image
from skimage import data
from torch import nn

from inference import engine
from inference.contracts import Cancelled, EngineError, Event, Failure, Picture, Result
from inference.engine import Order, pictures, preprocessing
from inference.engine.explaining import LOOKS, grad_cam
from inference.engine.explaining.grad_cam import Evidence, Gathering, Target
from tests.inference.engine.conftest import Recording, recorded
from tests.networks import with_random_weights

pytestmark = [pytest.mark.torch, pytest.mark.weights]

CONVOLUTIONAL = ("resnet18", "vgg11", "efficientnet_b0", "mobilenet_v3_small")


def prepared(loaded: engine.LoadedNetwork, image: Image.Image) -> torch.Tensor:
    *_, last = preprocessing.preprocess(image, loaded.weights.preprocessing)
    return loaded.batch(last.output)


def evidence(loaded: engine.LoadedNetwork, batch: torch.Tensor, classes: list[int]) -> Evidence:
    assert loaded.target is not None
    gathering = Gathering(loaded.target)
    with gathering.during(loaded.model):
        logits = loaded.model(batch)
    return gathering.found(logits, torch.tensor(classes))


def of_captum(loaded: engine.LoadedNetwork, batch: torch.Tensor, classes: list[int]) -> torch.Tensor:
    assert loaded.target is not None
    layer = loaded.model.get_submodule(loaded.target.path)
    found = LayerGradCam(loaded.model, layer).attribute(batch.clone(), target=classes, relu_attributions=True)
    return found[:, 0].detach()  # type: ignore[no-any-return]


def result_of(events: list[Event]) -> Result:
    (found,) = [event for event in events if isinstance(event, Result)]
    return found


@pytest.fixture(scope="module", params=CONVOLUTIONAL)
def convolutional(request: pytest.FixtureRequest) -> engine.LoadedNetwork:
    return with_random_weights(request.param)


def test_it_is_captums_on_convolutional_networks(convolutional: engine.LoadedNetwork, cat: Image.Image) -> None:
    batch = prepared(convolutional, cat)
    classes = [7, 281, 500, 999]
    ours = evidence(convolutional, batch.expand(4, -1, -1, -1), classes).maps
    theirs = of_captum(convolutional, batch.expand(4, -1, -1, -1), classes)
    assert float(theirs.max()) > 0
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5 * float(theirs.max()))


def test_it_is_captums_on_the_cat(lite0: engine.LoadedNetwork, cat: Image.Image) -> None:
    classes = [282, 285, 281, 292]
    batch = prepared(lite0, cat).expand(4, -1, -1, -1)
    theirs = of_captum(lite0, batch, classes)
    torch.testing.assert_close(evidence(lite0, batch, classes).maps, theirs, rtol=1e-4, atol=1e-5 * float(theirs.max()))


def test_a_trace_finds_the_evidence_for_the_most_probable_class(
    lite0: engine.LoadedNetwork, cat: Image.Image, cat_trace: Recording
) -> None:
    (result,) = cat_trace.results
    top = cat_trace.predicted.top_k[0]
    assert result.name == f"grad_cam:{top.class_index}"
    assert (result.figures["class_index"], result.figures["label"]) == (top.class_index, top.label)
    assert (result.figures["target"], result.figures["target_shape"]) == ("features.8", [1, 1280, 7, 7])
    assert result.figures["positive"] is True
    maps = of_captum(lite0, prepared(lite0, cat), [top.class_index])[0]
    assert result.figures["maximum"] == pytest.approx(float(maps.max()), rel=1e-4)
    assert result.figures["peak"] == list(divmod(int(maps.argmax()), 7))


def test_the_cat_is_where_the_cat_is(cat_trace: Recording) -> None:
    (result,) = cat_trace.results
    heat = result.files["heat"]
    assert isinstance(heat, Picture)
    assert (heat.width, heat.height, heat.scale, heat.maximum) == (224, 224, "heat", result.figures["maximum"])
    grey = np.asarray(Image.open(io.BytesIO(heat.content)).convert("L"), dtype=float)
    row, column = result.figures["peak"]
    at_peak = grey[row * 32 + 8 : row * 32 + 24, column * 32 + 8 : column * 32 + 24].mean()
    assert at_peak > 180 > grey.mean() > 20


def test_looking_for_evidence_changes_no_figure(lite0: engine.LoadedNetwork, cat: Image.Image, cat_trace: Recording) -> None:
    without = recorded(lite0, cat, explain=False)
    assert without.results == ()
    assert without.predicted == cat_trace.predicted
    assert [(ran.stage, ran.statistics, ran.picture) for ran in without.stages] == [
        (ran.stage, ran.statistics, ran.picture) for ran in cat_trace.stages
    ]


def test_without_drawing_the_figures_come_without_a_picture(lite0: engine.LoadedNetwork, cat: Image.Image) -> None:
    (result,) = recorded(lite0, cat, draw=False).results
    assert result.figures["positive"] is True
    assert result.files == {}


@pytest.mark.parametrize(
    ("network", "path", "grid"),
    [
        ("alexnet", "features.12", (6, 6)),
        ("convnext_tiny", "features.7.2", (7, 7)),
        ("densenet121", "features.norm5", (7, 7)),
        ("efficientnet_b0", "features.8", (7, 7)),
        ("googlenet", "inception5b", (7, 7)),
        ("inception_v3", "Mixed_7c", (8, 8)),
        ("maxvit_t", "blocks.3.layers.1", (7, 7)),
        ("mnasnet0_5", "layers.16", (7, 7)),
        ("mobilenet_v2", "features.18", (7, 7)),
        ("mobilenet_v3_small", "features.12", (7, 7)),
        ("regnet_y_400mf", "trunk_output.block4.block4-5", (7, 7)),
        ("resnet18", "layer4.1", (7, 7)),
        ("shufflenet_v2_x0_5", "conv5", (7, 7)),
        ("squeezenet1_1", "features.12", (13, 13)),
        ("swin_t", "permute", (7, 7)),
        ("swin_v2_t", "permute", (8, 8)),
        ("vgg11", "features.20", (7, 7)),
        ("vit_b_32", "encoder.layers.encoder_layer_10", (7, 7)),
    ],
)
def test_the_target_is_the_last_grid_on_which_the_answer_depends(
    network: str, path: str, grid: tuple[int, int], cat: Image.Image
) -> None:
    loaded = with_random_weights(network)
    assert loaded.target is not None
    assert loaded.target.path == path
    assert tuple(evidence(loaded, prepared(loaded, cat), [3]).maps.shape) == (1, *grid)


@pytest.fixture(scope="module")
def vit() -> engine.LoadedNetwork:
    return with_random_weights("vit_b_32")


def test_a_vision_transformers_evidence_is_that_of_its_patches(vit: engine.LoadedNetwork, cat: Image.Image) -> None:
    """By hand: how the class' logit depends on the tokens that leave the block before the last, without the class token."""
    batch = prepared(vit, cat)
    model = vit.model
    with torch.enable_grad():
        tokens = model._process_input(batch)  # type: ignore[operator]
        tokens = torch.cat([model.class_token.expand(1, -1, -1), tokens], dim=1) + model.encoder.pos_embedding  # type: ignore[operator, union-attr]
        for layer in list(model.encoder.layers)[:-1]:  # type: ignore[union-attr, arg-type]
            tokens = layer(tokens)
        tokens = tokens.detach().requires_grad_()
        end = model.encoder.ln(list(model.encoder.layers)[-1](tokens))  # type: ignore[union-attr, arg-type, operator]
        model.heads(end[:, 0])[0, 42].backward()  # type: ignore[operator]
    assert tokens.grad is not None
    weights = tokens.grad[0, 1:].mean(0)
    expected = (tokens.detach()[0, 1:] @ weights).relu().view(7, 7)
    ours = evidence(vit, batch, [42]).maps[0]
    torch.testing.assert_close(ours, expected, rtol=1e-3, atol=1e-4 * float(expected.max()))


def test_several_photos_have_each_their_own_evidence(
    lite0: engine.LoadedNetwork, cat: Image.Image, cat_trace: Recording
) -> None:
    coffee = Image.fromarray(data.coffee())  # type: ignore[no-untyped-call]
    heard: list[list[Event]] = [[], [], []]
    orders = [Order(photo, events.append) for photo, events in zip((coffee, cat, coffee), heard, strict=True)]
    orders[2] = Order(coffee, heard[2].append, explain=False)
    lite0.trace_many(orders)
    alone = [result_of(list(recorded(lite0, coffee).events)), *cat_trace.results]
    for events, expected in zip(heard, alone, strict=False):
        found = result_of(events)
        assert found.name == expected.name
        assert found.figures["peak"] == expected.figures["peak"]
        assert found.figures["maximum"] == pytest.approx(expected.figures["maximum"], rel=1e-4)
    assert not [event for event in heard[2] if isinstance(event, Result)]


# --- a look -------------------------------------------------------------------------------------------------------------------


def test_a_look_shows_the_evidence_for_any_class(lite0: engine.LoadedNetwork, cat: Image.Image) -> None:
    told: list[Event] = []
    LOOKS["grad_cam"](lite0, cat, {"class_index": 285}, told.append, lambda: False)
    found = result_of(told)
    assert (found.name, found.figures["label"]) == ("grad_cam:285", "Egyptian cat")
    theirs = of_captum(lite0, prepared(lite0, cat), [285])
    assert found.figures["maximum"] == pytest.approx(float(theirs.max()), rel=1e-4)


def test_a_look_without_a_class_is_at_the_most_probable_one(
    lite0: engine.LoadedNetwork, cat: Image.Image, cat_trace: Recording
) -> None:
    told: list[Event] = []
    LOOKS["grad_cam"](lite0, cat, {}, told.append, lambda: False)
    assert result_of(told) == cat_trace.results[0]


@pytest.mark.parametrize("class_index", [-1, 1000])
def test_a_class_that_is_not_there_is_refused(class_index: int, lite0: engine.LoadedNetwork, cat: Image.Image) -> None:
    with pytest.raises(EngineError) as caught:
        LOOKS["grad_cam"](lite0, cat, {"class_index": class_index}, print, lambda: False)
    assert caught.value.failure is Failure.NOT_THERE
    assert caught.value.details == {"what": "class", "count": 1000}


def test_a_cancelled_look_tells_nothing(lite0: engine.LoadedNetwork, cat: Image.Image) -> None:
    told: list[Event] = []
    with pytest.raises(Cancelled):
        LOOKS["grad_cam"](lite0, cat, {}, told.append, lambda: True)
    assert told == []


# --- what holds for every network and every photograph ------------------------------------------------------------------------


class Small(nn.Module):
    """Two convolutions and a head, with an in-place nonlinearity right after the target."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.target = nn.Conv2d(3, channels, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.head = nn.Linear(channels, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(self.second(self.relu(self.target(images))).mean((2, 3)))
        return logits


small_networks = some.builds(Small, some.integers(1, 5), some.integers(2, 4))


@given(model=small_networks, images=some.integers(1, 4), side=some.integers(3, 9), seed=some.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_evidence_is_never_negative_and_is_captums(model: Small, images: int, side: int, seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    batch = torch.randn(images, 3, side, side, generator=draw)
    classes = torch.randint(model.head.out_features, (images,), generator=draw)
    gathering = Gathering(Target("target", "NCHW"))
    with gathering.during(model):
        logits = model(batch)
    maps = gathering.found(logits, classes).maps
    model.relu.inplace = False  # captum reads what the layer made after the next one has overwritten it
    theirs = LayerGradCam(model, model.target).attribute(batch, target=classes, relu_attributions=True)[:, 0]
    assert float(maps.min()) >= 0
    torch.testing.assert_close(maps, theirs.detach(), rtol=1e-3, atol=1e-6)


@given(model=small_networks, factor=some.floats(0.1, 10))
@settings(max_examples=20, deadline=None)
def test_twice_the_logits_are_twice_the_evidence(model: Small, factor: float) -> None:
    batch = torch.randn(1, 3, 6, 6, generator=torch.Generator().manual_seed(1))

    def maximum() -> float:
        gathering = Gathering(Target("target", "NCHW"))
        with gathering.during(model):
            logits = model(batch)
        return float(gathering.found(logits, torch.tensor([1])).maps.max())

    before = maximum()
    with torch.no_grad():
        model.head.weight.mul_(factor)
    assert maximum() == pytest.approx(before * factor, rel=1e-3, abs=1e-7)


def test_what_was_trainable_stays_so_and_no_hook_stays() -> None:
    model = Small(2, 2)
    model.head.requires_grad_(False)
    trainable = [parameter.requires_grad for parameter in model.parameters()]
    with pytest.raises(RuntimeError, match="shapes"), Gathering(Target("target", "NCHW")).during(model):
        model(torch.zeros(1, 3, 4, 4))
        raise RuntimeError("shapes")
    assert [parameter.requires_grad for parameter in model.parameters()] == trainable
    assert all(not layer._forward_hooks for layer in model.modules())


def test_no_positive_evidence_is_said_and_not_drawn() -> None:
    found = Evidence(Target("target", "NCHW"), (1, 8, 7, 7), (3,), torch.zeros(1, 7, 7))
    result = found.result(0, label="bee", size=224, draw=True)
    assert (result.figures["positive"], result.figures["maximum"]) == (False, 0.0)
    assert result.files == {}
    assert "peak" not in result.figures


def test_little_evidence_is_drawn_on_its_own_scale_which_is_stated() -> None:
    cells = torch.zeros(7, 7)
    cells[2, 5] = 1e-6
    heat = pictures.heat(cells, size=224)
    assert heat.maximum == pytest.approx(1e-6)
    grey = np.asarray(Image.open(io.BytesIO(heat.content)).convert("L"), dtype=float)
    assert grey[2 * 32 + 16, 5 * 32 + 16] > 200 > 60 > grey[200, 20]


def test_the_look_is_registered() -> None:
    assert LOOKS["grad_cam"] is grad_cam.look
