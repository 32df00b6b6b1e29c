"""The trivial competitors: what a few numbers, or a network of three layers, reach on the same examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn
from torch.nn.functional import cross_entropy

from inference.contracts import Result
from inference.engine.training import judging
from inference.engine.training.data import DataSet, Examples
from inference.engine.training.division import Division
from inference.engine.training.learner import Learner, Lessons, Stop
from inference.training_contracts import Baseline, DataName

PIXELS = 64  # larger pictures are reduced to squares of REDUCED pixels
REDUCED = 32
_LEAST_DEVIATION = 1e-3  # of 1: a pixel that is always dark is not divided by nothing
_PENALTY = 1.0  # scikit-learn's C: https://scikit-learn.org/stable/modules/linear_model.html#binary-case
_STEPS = 500
_EPOCHS = 30
_LEARNING_RATE = 3e-3

Numbers = NDArray[np.float64]


def baselines(data: DataSet, division: Division, *, seed: int, stop_if_cancelled: Stop) -> list[Result]:
    """What each competitor reaches on the held-out examples of all folds together."""
    names = [Baseline.MAJORITY, Baseline.MEAN_COLOUR, Baseline.MEAN_AND_DEVIATION, Baseline.PIXELS]
    if data.name is DataName.DIGITS:
        names.append(Baseline.SMALL_NETWORK)
    return [_judged(name, data, division, seed, stop_if_cancelled) for name in names]


def _judged(name: Baseline, data: DataSet, division: Division, seed: int, stop_if_cancelled: Stop) -> Result:
    inputs = _SEEN[name](data.examples)
    labels = data.examples.labels
    predicted = []
    for fold in division.folds:
        stop_if_cancelled()
        taught, asked = inputs[fold.training], inputs[fold.held_out]
        if name is Baseline.SMALL_NETWORK:
            predicted.append(_small_network(taught, labels[fold.training], asked, seed, stop_if_cancelled))
        else:
            predicted.append(logistic_regression(taught, labels[fold.training], asked))
    figures = {
        "name": str(name),
        "inputs": int(np.prod(inputs.shape[1:])),
        **judging.score(np.concatenate(predicted), labels[division.held_out]),
    }
    return Result(f"baseline:{name}", figures)


def _nothing(examples: Examples) -> Numbers:
    return np.zeros((len(examples), 0))


def _colours(examples: Examples) -> Numbers:
    """The mean of each channel, N × 3, or × 1 of grey pictures: 0 to 1."""
    return np.stack([pixels.mean((0, 1)) for pixels in map(_as_numbers, examples.pictures)])[:, : _channels(examples)]


def _colours_and_deviations(examples: Examples) -> Numbers:
    deviations = np.stack([pixels.std((0, 1)) for pixels in map(_as_numbers, examples.pictures)])
    return np.concatenate([_colours(examples), deviations[:, : _channels(examples)]], axis=1)


def _pixels(examples: Examples) -> Numbers:
    """All pixels of small pictures of one size, and of others a reduced copy's: N × channels × height × width, 0 to 1."""
    sizes = {picture.size for picture in examples.pictures}
    as_they_are = len(sizes) == 1 and max(*sizes.pop()) <= PIXELS
    pictures = examples.pictures if as_they_are else [_reduced(picture) for picture in examples.pictures]
    return np.stack([_as_numbers(picture) for picture in pictures]).transpose(0, 3, 1, 2)[:, : _channels(examples)]


def _reduced(picture: Image.Image) -> Image.Image:
    return picture.convert("RGB").resize((REDUCED, REDUCED), Image.Resampling.BOX)


def _as_numbers(picture: Image.Image) -> Numbers:
    numbers: Numbers = np.asarray(picture.convert("RGB"), dtype=np.float64) / 255
    return numbers


def _channels(examples: Examples) -> int:
    """One where every picture is grey: its channels are equal, and three times the same number is one number."""
    return 1 if all(_is_grey(picture) for picture in examples.pictures) else 3


def _is_grey(picture: Image.Image) -> bool:
    red, green, blue = picture.convert("RGB").split()
    return red.tobytes() == green.tobytes() == blue.tobytes()


_SEEN: dict[Baseline, Callable[[Examples], Numbers]] = {
    Baseline.MAJORITY: _nothing,
    Baseline.MEAN_COLOUR: _colours,
    Baseline.MEAN_AND_DEVIATION: _colours_and_deviations,
    Baseline.PIXELS: _pixels,
    Baseline.SMALL_NETWORK: _pixels,
}


def logistic_regression(inputs: Numbers, labels: NDArray[np.int64], asked: Numbers) -> NDArray[np.int64]:
    """The most probable class of each of `asked`, M × …, learned from `inputs`, N × …; the most frequent one without inputs.

    Multinomial, on standardised inputs, with scikit-learn's penalty: the sum of the cross-entropies and half the squared
    weights. The minimum is unique, so that it depends on no seed.
    """
    known, new = _standardised(inputs.reshape(len(inputs), -1), asked.reshape(len(asked), -1))
    x, y = torch.from_numpy(known), torch.from_numpy(labels)
    classes = int(labels.max()) + 1
    weight = torch.zeros(classes, x.shape[1], dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(classes, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=_STEPS, tolerance_grad=1e-6, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = _PENALTY * cross_entropy(x @ weight.T + bias, y, reduction="sum") + weight.square().sum() / 2
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    said = torch.from_numpy(new) @ weight.detach().T + bias.detach()
    most: NDArray[np.int64] = said.argmax(1).numpy()
    return most


def _standardised(known: Numbers, new: Numbers) -> Sequence[Numbers]:
    mean, deviation = known.mean(0), np.maximum(known.std(0), _LEAST_DEVIATION)
    return (known - mean) / deviation, (new - mean) / deviation


def small_network(channels: int, classes: int) -> nn.Module:
    """Three convolutions and a linear layer, for pictures from 4 × 4 pixels."""
    return nn.Sequential(
        nn.Conv2d(channels, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(256, classes),
    )


def _small_network(
    inputs: Numbers, labels: NDArray[np.int64], asked: Numbers, seed: int, stop_if_cancelled: Stop
) -> NDArray[np.int64]:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = small_network(inputs.shape[1], int(labels.max()) + 1)
    taught = Lessons(torch.from_numpy(inputs).float(), torch.from_numpy(labels))
    held_out = Lessons(torch.from_numpy(asked).float(), torch.zeros(len(asked), dtype=torch.long))
    learner = Learner(model, training=taught, held_out=held_out, learning_rate=_LEARNING_RATE, seed=seed)
    for _ in range(_EPOCHS):
        learner.learn(stop_if_cancelled)
    most: NDArray[np.int64] = learner.asked(held_out, stop_if_cancelled)[0].argmax(1).numpy()
    return most


def best(results: Sequence[Result]) -> dict[str, Any]:
    """The figures of the competitor that was right most often; of equals the simpler one."""
    return dict(max(results, key=lambda result: result.figures["accuracy"]).figures)
