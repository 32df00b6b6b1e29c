"""Weights: what their own record says, where their file is, and reading it safely.

`weights_dir` has the layout of TORCH_HOME: a file lies at `<weights_dir>/hub/checkpoints/<file>`, under the name that it has
at its address. A name that ends in `-<hash>` is held to it: the file's sha256 begins with that hash.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import re
from dataclasses import dataclass
from pathlib import Path

import torch
from torchvision.models import WeightsEnum
from torchvision.transforms._presets import ImageClassification

from inference.contracts import Asked, EngineError, Failure
from inference.engine import downloading
from inference.engine.cards import LICENCES

_HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,64})\.[a-z]+$")


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How a photograph becomes the input that these weights were trained on. Sizes in pixels."""

    resize_size: int  # of the shorter side
    crop_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str
    antialias: bool
    transforms: ImageClassification  # torchvision's own, which the traced steps must equal


@dataclass(frozen=True, slots=True)
class WeightsRecord:
    """One set of trained weights of a network. What its record does not state is None or empty."""

    network: str
    name: str
    url: str
    file: str
    preprocessing: Preprocessing
    categories: tuple[str, ...]
    licence: str
    licence_url: str
    recipe: str
    said: str  # torchvision's own words about them
    acc1: float | None  # per cent, ImageNet-1k validation
    acc5: float | None
    parameters: int | None
    gmacs: float | None
    size_mb: float | None
    installed: Path | None = None  # the file, where a package brings it along

    def path(self, weights_dir: Path) -> Path:
        """Where the file is, or would be."""
        return self.installed or checkpoints(weights_dir) / self.file

    def available(self, weights_dir: Path) -> bool:
        """Whether the file is there; it is held to its hash when it is read."""
        return self.path(weights_dir).is_file()

    @property
    def expected_hash(self) -> str:
        """The beginning of the file's sha256 that its name states; empty when it states none."""
        found = _HASH_IN_NAME.search(self.file)
        return found[1] if found else ""

    def fetch(self, weights_dir: Path, *, told: downloading.Told, cancelled: Asked) -> downloading.Fetched:
        """Downloads the file unless it is there. Raises as `downloading.fetch` does."""
        if self.installed is not None:
            there = downloading.already_there(self, self.installed, cancelled=cancelled)
            if there is None:
                raise self._missing(self.installed)
            return there
        return downloading.fetch(self, checkpoints(weights_dir), told=told, cancelled=cancelled)

    def read(self, weights_dir: Path) -> tuple[dict[str, torch.Tensor], str]:
        """The stored tensors by name, and the file's sha256. EngineError: missing or damaged."""
        path = self.path(weights_dir)
        try:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError as error:
            raise self._missing(path) from error
        if not found.startswith(self.expected_hash):
            raise self.damaged(found)
        try:
            return torch.load(path, map_location="cpu", weights_only=True), found
        except (EOFError, OSError, RuntimeError, ValueError, pickle.UnpicklingError) as error:
            raise self.damaged(found) from error

    def _missing(self, path: Path) -> EngineError:
        return EngineError(
            Failure.WEIGHTS_MISSING,
            network=self.network,
            weights=self.name,
            file=self.file,
            url=self.url,
            folder=str(path.parent),
        )

    def damaged(self, found: str) -> EngineError:
        """The error for a file of that sha256, which is not what its name says or does not hold this network's weights."""
        return EngineError(
            Failure.WEIGHTS_DAMAGED,
            network=self.network,
            weights=self.name,
            file=self.file,
            url=self.url,
            expected=self.expected_hash,
            found=found,
        )


def checkpoints(weights_dir: Path) -> Path:
    """The folder of downloaded files in a weights folder."""
    return weights_dir / "hub" / "checkpoints"


def default_weights_dir() -> Path:
    """WEIGHTS_DIR, else `weights` in DATA_DIR, else `data/weights` in the house: where the site looks as well."""
    house = Path(__file__).resolve().parents[2]
    data = Path(os.environ.get("DATA_DIR") or house / "data")
    return Path(os.environ.get("WEIGHTS_DIR") or data / "weights").resolve()


def preprocessing_of(transforms: ImageClassification) -> Preprocessing:
    """The figures of one of torchvision's classification presets."""
    return Preprocessing(
        resize_size=transforms.resize_size[0],
        crop_size=transforms.crop_size[0],
        mean=tuple(transforms.mean),
        std=tuple(transforms.std),
        interpolation=transforms.interpolation.value,
        antialias=bool(transforms.antialias),
        transforms=transforms,
    )


def record_of(network: str, weights: WeightsEnum) -> WeightsRecord:
    """What torchvision's own record of these weights states."""
    meta = weights.meta
    accuracy = meta.get("_metrics", {}).get("ImageNet-1K", {})
    return WeightsRecord(
        network=network,
        name=weights.name,
        url=weights.url,
        file=weights.url.rsplit("/", 1)[-1],
        preprocessing=preprocessing_of(weights.transforms()),
        categories=tuple(meta["categories"]),
        licence=LICENCES.get(meta.get("license", ""), meta.get("license", "")),
        licence_url=meta.get("license", ""),
        recipe=meta.get("recipe", ""),
        said=_plain(meta.get("_docs", "")),
        acc1=accuracy.get("acc@1"),
        acc5=accuracy.get("acc@5"),
        parameters=meta.get("num_params"),
        gmacs=meta.get("_ops"),
        size_mb=meta.get("_file_size"),
    )


def _plain(text: str) -> str:
    """A sentence of torchvision's documentation without its markup."""
    return re.sub(r"`+([^`<]+?)(?: <[^>]+>)?`+_*", r"\1", " ".join(text.split()))
