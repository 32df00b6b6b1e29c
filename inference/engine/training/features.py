"""What a network as it is makes of examples: computed once for each network and data set, and kept with the network."""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch

from inference.engine.tracing import LoadedNetwork
from inference.engine.training.body import Body
from inference.engine.training.data import DataSet
from inference.engine.training.learner import BATCH, Stop
from inference.engine.training.pixels import Preparation, all_pixels
from inference.training_contracts import FLOOR, DataName, Standardisation

_EPSILON = 1e-6


class Features:
    """The features of whole data sets, N × dimension on the CPU. Those of shipped data stay as long as their network is warm.

    Always of all examples in the same batches: computed for a few, their last digits would depend on who asked before.
    """

    def __init__(self) -> None:
        self._kept: WeakKeyDictionary[LoadedNetwork, dict[DataName, torch.Tensor]] = WeakKeyDictionary()

    def holds(self, loaded: LoadedNetwork, data: DataSet) -> bool:
        """Whether nothing need be computed."""
        return data.name in self._kept.get(loaded, {})

    def of(self, loaded: LoadedNetwork, body: Body, data: DataSet, stop_if_cancelled: Stop) -> torch.Tensor:
        """The features of all examples, in their order. A learner's own photos are not kept."""
        if self.holds(loaded, data):
            return self._kept[loaded][data.name]
        preparation = Preparation.at(loaded.weights.preprocessing, body.side)
        pixels = all_pixels(preparation, data.examples.pictures, stop_if_cancelled)
        features = in_batches(body, preparation, pixels.to(loaded.device), stop_if_cancelled)
        if data.name is not DataName.OWN:
            self._kept.setdefault(loaded, {})[data.name] = features
        return features


def in_batches(body: Body, preparation: Preparation, pixels: torch.Tensor, stop_if_cancelled: Stop) -> torch.Tensor:
    """Features, N × dimension on the CPU, of N × 3 × side × side bytes."""
    seen = []
    with torch.inference_mode():
        for batch in pixels.split(BATCH):  # type: ignore[no-untyped-call]
            stop_if_cancelled()
            seen.append(body.model(preparation.numbers(batch)).float().cpu())
    return torch.cat(seen).clone()


@dataclass(frozen=True, slots=True)
class Standards:
    """What features are moved and divided by before a head sees them: vectors of the features' dimension."""

    mean: torch.Tensor
    deviation: torch.Tensor

    def applied(self, features: torch.Tensor) -> torch.Tensor:
        """The features, N × dimension, in these standards."""
        return (features - self.mean) / self.deviation

    def folded(self, weight: torch.Tensor, bias: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The linear layer that says of plain features what this one (classes × dimension) says of standardised ones."""
        divided = weight.double() / self.deviation.double()
        return divided.float(), (bias.double() - divided @ self.mean.double()).float()


def standards(features: torch.Tensor, how: Standardisation) -> Standards:
    """The standards of training features, N × dimension.

    Without the floor it is as many write it: plus a millionth, so that nothing is divided by zero. A feature that happens not
    to vary over the training examples is then blown up a million times on all others.
    """
    mean, deviation = features.mean(0), features.std(0, unbiased=False)
    if how is Standardisation.NONE:
        return Standards(torch.zeros_like(mean), torch.ones_like(deviation))
    if how is Standardisation.UNFLOORED:
        return Standards(mean, deviation + _EPSILON)
    return Standards(mean, deviation.clamp_min(FLOOR))
