"""Mistakes on a real network: each has the effect that it is there to show, on weights that were really trained."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy.spatial.distance import jensenshannon
from skimage import data

from inference import engine
from inference.contracts import MISTAKES, Cancelled, EngineError, Event, Finished, MistakeName, Predicted, Result
from inference.engine import mistakes, preprocessing
from inference.engine.__main__ import main
from inference.engine.mistakes.divergence import jensen_shannon, relative_l2
from tests.networks import plain_answer


def made(loaded: engine.LoadedNetwork, image: Image.Image, *names: MistakeName, seed: int = 0) -> dict[str, Any]:
    """The figures of each mistake by its name."""
    events: list[Event] = []
    mistakes.make(loaded, image, names, emit=events.append, seed=seed)
    return {str(event.figures["slug"]): event.figures for event in events if isinstance(event, Result)}


@pytest.fixture(scope="session")
def broken_cat(lite0: engine.LoadedNetwork, cat: Image.Image) -> dict[str, Any]:
    """Every mistake on the cat."""
    return made(lite0, cat, *MISTAKES)


def distances(figures: dict[str, Any]) -> dict[str, float | None]:
    return {stage["name"]: stage["relative_l2"] for stage in figures["stages"]}


# --- what each mistake does: the figures were measured with these weights on this photo ------------------------------------


@pytest.mark.parametrize(
    ("name", "first", "bits"),
    [
        (MistakeName.NEAREST, "tiger cat", 0.0036),
        (MistakeName.SQUASHED, "Egyptian cat", 0.142),
        (MistakeName.NOT_CROPPED, "Egyptian cat", 0.125),
        (MistakeName.WRONG_SIZE, "Egyptian cat", 0.212),
        (MistakeName.BGR, "Egyptian cat", 0.025),
        (MistakeName.ZERO_TO_255, "pillow", 0.853),
        (MistakeName.NO_NORMALISATION, "tiger cat", 0.008),
        (MistakeName.OTHER_MEAN_STD, "Egyptian cat", 0.036),
        (MistakeName.NORMALISED_TWICE, "tabby", 0.139),
        (MistakeName.CHANNELS_LAST, "window screen", 0.891),
        (MistakeName.SOFTMAX_TWICE, "tiger cat", 0.829),
        (MistakeName.LABEL_OFFSET, "tabby", 0.698),
    ],
)
def test_each_mistake_has_its_effect_on_the_cat(broken_cat: dict[str, Any], name: MistakeName, first: str, bits: float) -> None:
    figures = broken_cat[name]
    assert figures["error"] is None
    assert figures["top_k"][0]["label"] == first
    assert figures["correct_top_k"][0]["label"] == "tiger cat"
    assert figures["divergence_bits"] == pytest.approx(bits, abs=0.01)
    assert figures["same_first"] == (first == "tiger cat")


def test_training_mode_gives_an_answer_that_is_worth_nothing(broken_cat: dict[str, Any]) -> None:
    figures = broken_cat[MistakeName.TRAIN_MODE]
    assert figures["divergence_bits"] > 0.7
    assert figures["first_probability"] < 0.05
    assert figures["layers"] == {"batch_norms": 49, "dropouts": 16}


def test_a_mistake_that_raises_gives_the_exact_error(broken_cat: dict[str, Any], lite0: engine.LoadedNetwork) -> None:
    batch = torch.zeros(1, 224, 224, 3)
    with pytest.raises(RuntimeError) as raised:
        lite0.model(batch)
    told = broken_cat[MistakeName.NOT_PERMUTED]
    assert told["error"] == {"type": "RuntimeError", "message": str(raised.value), "stage": "features0"}
    assert told["top_k"] == []
    assert told["divergence_bits"] is None
    assert told["input"]["shape"] == [1, 224, 224, 3]

    with pytest.raises(ValueError, match="4D") as raised_too:
        lite0.model(torch.zeros(3, 224, 224))
    assert broken_cat[MistakeName.NO_BATCH]["error"]["message"] == str(raised_too.value)


def test_softmax_twice_keeps_the_order_and_flattens_it(broken_cat: dict[str, Any]) -> None:
    figures = broken_cat[MistakeName.SOFTMAX_TWICE]
    order = [row["class_index"] for row in figures["correct_top_k"]]
    assert [row["class_index"] for row in figures["top_k"]] == order
    assert figures["first_probability"] == pytest.approx(0.0015, abs=0.0002)
    far = distances(figures)
    assert far.pop("softmax") == pytest.approx(1.0, abs=0.01)
    assert set(far.values()) == {0.0}, "up to the logits nothing is different"


def test_a_label_offset_changes_names_alone(broken_cat: dict[str, Any]) -> None:
    figures = broken_cat[MistakeName.LABEL_OFFSET]
    assert set(distances(figures).values()) == {0.0}
    right, wrong = figures["correct_top_k"], figures["top_k"]
    assert [row["probability"] for row in wrong] == [row["probability"] for row in right]
    assert [row["class_index"] + 1 for row in wrong] == [row["class_index"] for row in right]


def test_colours_heal_on_the_way_and_bytes_do_not(broken_cat: dict[str, Any]) -> None:
    bgr, plain_bytes = distances(broken_cat[MistakeName.BGR]), distances(broken_cat[MistakeName.ZERO_TO_255])
    assert bgr["softmax"] < bgr["pool"] < bgr["features1"]  # type: ignore[operator]
    assert min(value for value in plain_bytes.values() if value is not None) > 0.9


def test_stages_of_another_shape_are_not_compared(broken_cat: dict[str, Any]) -> None:
    smaller = broken_cat[MistakeName.WRONG_SIZE]["stages"]
    grids = [stage for stage in smaller if stage["shape"] != stage["correct_shape"]]
    assert grids
    assert all(stage["relative_l2"] is None for stage in grids)
    assert all(stage["relative_l2"] is not None for stage in smaller if stage not in grids)


def test_a_photo_may_hide_what_another_shows(lite0: engine.LoadedNetwork, broken_cat: dict[str, Any]) -> None:
    astronaut = Image.fromarray(data.astronaut())  # type: ignore[no-untyped-call]
    figures = made(lite0, astronaut, MistakeName.NO_NORMALISATION)["no_normalisation"]
    assert figures["divergence_bits"] > 20 * broken_cat["no_normalisation"]["divergence_bits"]


def untrained(network: str) -> engine.LoadedNetwork:
    """A network with random numbers: neither an error nor what a mode switches depends on training."""
    record = engine.record(network)
    weights = record.weights_named(record.default_weights)
    size, classes = weights.preprocessing.crop_size, len(weights.categories)
    plan = engine.stages.plan(engine.networks.build(network, weights), size=size, classes=classes)
    torch.manual_seed(0)
    model = engine.networks.untrained(network, weights, num_classes=classes)
    return engine.LoadedNetwork(model=model, weights=weights, weights_sha256="", plan=plan, device="cpu", threads=1)


def test_a_vision_transformer_refuses_another_size_and_has_nothing_that_training_mode_changes(cat: Image.Image) -> None:
    figures = made(untrained("vit_b_32"), cat, MistakeName.WRONG_SIZE, MistakeName.TRAIN_MODE)
    assert figures["wrong_size"]["error"]["message"] == "Wrong image height! Expected 224 but got 112!"
    assert figures["train_mode"]["divergence_bits"] < 1e-6
    assert figures["train_mode"]["layers"] == {"batch_norms": 0, "dropouts": 0}


@pytest.mark.parametrize(
    ("network", "name", "error", "stage"),
    [
        ("swin_t", MistakeName.NOT_PERMUTED, "expected input[1, 224, 224, 3] to have 3 channels", "features0"),
        ("inception_v3", MistakeName.TRAIN_MODE, "Expected more than 1 value per channel when training", "Mixed_7a-7c"),
        ("maxvit_t", MistakeName.NOT_CROPPED, "is invalid for input of size", "blocks0"),
    ],
)
def test_every_family_ends_in_its_own_words(cat: Image.Image, network: str, name: MistakeName, error: str, stage: str) -> None:
    figures = made(untrained(network), cat, name)[name]
    assert error in figures["error"]["message"]
    assert figures["error"]["stage"] == stage
    assert figures["correct_top_k"]


# --- how it is done --------------------------------------------------------------------------------------------------------


def test_without_a_mistake_the_way_is_bit_for_bit_the_correct_run(lite0: engine.LoadedNetwork, cat: Image.Image) -> None:
    how = lite0.weights.preprocessing
    *_, last = preprocessing.preprocess(cat, how)
    assert torch.equal(mistakes.right(how).prepared(cat), last.output)  # type: ignore[arg-type]


def test_the_correct_run_beside_a_mistake_is_the_trace(lite0: engine.LoadedNetwork, cat: Image.Image) -> None:
    events: list[Event] = []
    mistakes.make(lite0, cat, [MistakeName.BGR], emit=events.append)
    predicted, result, finished = events
    assert isinstance(predicted, Predicted)
    assert isinstance(result, Result)
    assert isinstance(finished, Finished)
    assert predicted.top_k == plain_answer(lite0, cat)
    assert result.name == "mistake:bgr"
    assert set(result.files) == {"input", "correct_input"}
    assert finished.made_by.seed == 0


def test_a_mistake_leaves_the_network_as_it_was(lite0: engine.LoadedNetwork, cat: Image.Image) -> None:
    before = {name: tensor.clone() for name, tensor in lite0.model.state_dict().items()}
    answer = plain_answer(lite0, cat)
    made(lite0, cat, MistakeName.TRAIN_MODE)
    assert all(torch.equal(tensor, before[name]) for name, tensor in lite0.model.state_dict().items())
    assert not lite0.model.training
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in lite0.model.modules())
    assert plain_answer(lite0, cat) == answer


def test_a_seed_gives_the_same_figures_whatever_else_is_run(lite0: engine.LoadedNetwork, cat: Image.Image) -> None:
    alone = made(lite0, cat, MistakeName.TRAIN_MODE)["train_mode"]
    state = torch.random.get_rng_state()
    among = made(lite0, cat, MistakeName.SQUASHED, MistakeName.TRAIN_MODE)["train_mode"]
    assert among == alone
    assert torch.equal(torch.random.get_rng_state(), state), "the process's own chance is left alone"
    assert made(lite0, cat, MistakeName.TRAIN_MODE, seed=1)["train_mode"]["top_k"] != alone["top_k"]


def test_figures_are_json(broken_cat: dict[str, Any]) -> None:
    assert set(broken_cat) == {str(name) for name in MISTAKES}
    json.dumps(broken_cat, allow_nan=False)


def test_a_cancelled_run_stops_between_stages_and_leaves_no_hook(lite0: engine.LoadedNetwork, cat: Image.Image) -> None:
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked > 15  # within the first mistake's run

    events: list[Event] = []
    with pytest.raises(Cancelled):
        mistakes.make(lite0, cat, [MistakeName.BGR], emit=events.append, cancelled=cancelled)
    assert [type(event) for event in events] == [Predicted]
    assert not any(module._forward_hooks for module in lite0.model.modules())


def test_a_machine_without_memory_is_no_mistake(
    lite0: engine.LoadedNetwork, cat: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(_tensor: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes.")

    monkeypatch.setattr(
        "inference.engine.mistakes.paired.MISTAKES", {MistakeName.BGR: lambda way: replace(way, batch=exhausted)}
    )
    with pytest.raises(EngineError) as raised:
        made(lite0, cat, MistakeName.BGR)
    assert raised.value.failure == "out_of_memory"


def test_the_command_line_breaks_a_photo(cat: Image.Image, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cat.save(tmp_path / "cat.png")
    assert main(["break", str(tmp_path / "cat.png"), "--mistake", "bgr", "--mistake", "no_batch"]) == 0
    told = capsys.readouterr().out
    assert "0.025 of 1 bit apart; the right first choice is now at rank 2" in told
    assert "ValueError in features0: expected 4D input (got 3D input)" in told
    with pytest.raises(SystemExit):
        main(["break", str(tmp_path / "cat.png"), "--mistake", "gbr"])
    assert "invalid choice: 'gbr'" in capsys.readouterr().err


# --- the divergence --------------------------------------------------------------------------------------------------------

distributions = st.lists(st.floats(0, 1), min_size=4, max_size=4).filter(lambda values: sum(values) > 1e-3)


def distribution(values: list[float]) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64) / sum(values)


@given(distributions, distributions)
def test_the_divergence_is_symmetric_and_between_0_and_1(one: list[float], other: list[float]) -> None:
    left, right = distribution(one), distribution(other)
    bits = jensen_shannon(left, right)
    assert 0 <= bits <= 1
    assert bits == pytest.approx(jensen_shannon(right, left), abs=1e-12)
    assert jensen_shannon(left, left) == pytest.approx(0, abs=1e-12)


def test_the_divergence_of_disjoint_distributions_is_one_bit() -> None:
    assert jensen_shannon(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])) == 1.0


def test_the_divergence_agrees_with_an_independent_one() -> None:
    left, right = torch.tensor([0.6, 0.3, 0.1, 0.0]), torch.tensor([0.1, 0.3, 0.5, 0.1])
    assert jensen_shannon(left, right) == pytest.approx(jensenshannon(left.numpy(), right.numpy(), base=2) ** 2, abs=1e-6)


def test_the_difference_of_a_stage_is_measured_in_parts_of_the_right_one() -> None:
    assert relative_l2(torch.tensor([3.0, 4.0]), torch.tensor([3.0, 4.0])) == 0
    assert relative_l2(torch.tensor([6.0, 8.0]), torch.tensor([3.0, 4.0])) == 1
    assert relative_l2(torch.zeros(2), torch.zeros(3)) is None
