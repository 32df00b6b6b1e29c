"""The data sets: those that come with installed libraries, read from the files that their wheels bring along, and own photos.

Nothing is downloaded and neither library is imported: scikit-image's own functions would fetch a file that is missing.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference.contracts import EngineError, Failure
from inference.engine.preprocessing import decode
from inference.training_contracts import SHIPPED, DataName, DataWarning, LabelsFrom, Split

Pictures = NDArray[np.uint8]
"""N × height × width × 3."""

TEXTURE_SIDE = 64  # pixels
TISSUE_SIDE = 32
FACES = 100  # the first hundred of scikit-image's subset are faces, the second hundred are not
DIGITS_PER_CLASS = (50, 30)  # to train on, to be judged by

# Haematoxylin, eosin and DAB as optical densities of red, green and blue: Ruifrok and Johnston, "Quantification of
# histochemical staining by color deconvolution" (2001); the figures are those of G. Landini's ImageJ plug-in.
_STAINS = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])
_DAB = 2
_DARKEST = 1e-6  # what a black pixel is taken for: its logarithm is finite


@dataclass(frozen=True, slots=True)
class Source:
    """Where pictures come from: the package that brings the file along, and who made them."""

    package: str  # as it is imported
    distribution: str  # as it is installed
    file: str
    credit: str
    licence: str  # empty where the package states none
    url: str

    @property
    def path(self) -> Path:
        """The file. EngineError: the package, or the file in it, is missing."""
        spec = importlib.util.find_spec(self.package)  # of a top-level name: nothing is imported
        if spec is not None and spec.submodule_search_locations:
            path = Path(next(iter(spec.submodule_search_locations))) / self.file
            if path.is_file():
                return path
        raise EngineError(Failure.DATA_MISSING, package=self.distribution, file=self.file)

    def figures(self) -> dict[str, str]:
        """The source in JSON's values."""
        return {
            "package": self.distribution,
            "version": version(self.distribution),
            "file": self.file,
            "credit": self.credit,
            "licence": self.licence,
            "url": self.url,
        }


@dataclass(frozen=True, slots=True)
class Examples:
    """Pictures with the class of each."""

    pictures: Sequence[Image.Image]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.pictures)

    def __add__(self, other: Examples) -> Examples:
        return Examples([*self.pictures, *other.pictures], np.concatenate([self.labels, other.labels]))

    def chosen(self, places: Sequence[int] | NDArray[np.int64]) -> Examples:
        """The examples at these places, in this order."""
        return Examples([self.pictures[place] for place in places], self.labels[np.asarray(places, dtype=np.int64)])

    def per_class(self, classes: int) -> list[int]:
        """How many there are of each class."""
        return [int(number) for number in np.bincount(self.labels, minlength=classes)]


@dataclass(frozen=True, slots=True)
class DataSet:
    """Examples, and what a reader has to know of them."""

    name: DataName
    classes: tuple[str, ...]
    examples: Examples
    pool: int  # the first so many may be trained on, the rest are there to judge by; of own photos all, and no rest
    split: Split
    labels_from: LabelsFrom
    warnings: tuple[DataWarning, ...]
    sources: tuple[Source, ...] = ()
    threshold: float | None = None  # tissue: the mean DAB above which a patch has "much"


def shipped(name: DataName) -> DataSet:
    """One of the data sets that come with the libraries: the same examples in the same order, always. EngineError: missing."""
    return _READERS[name]()


def own(photos: Sequence[Image.Image], labels: Sequence[int], classes: tuple[str, ...]) -> DataSet:
    """A learner's photos, each with the index of its class."""
    return DataSet(
        name=DataName.OWN,
        classes=classes,
        examples=Examples([decode(photo) for photo in photos], np.array(labels, dtype=np.int64)),
        pool=len(photos),
        split=Split.CROSS_VALIDATION,
        labels_from=LabelsFrom.LEARNER,
        warnings=(DataWarning.FEW,),
    )


def _skimage(file: str, credit: str, licence: str, url: str = "") -> Source:
    return Source("skimage", "scikit-image", f"data/{file}", credit, licence, url)


_TEXTURES = (
    _skimage("brick.png", "CC0Textures, Bricks25", "CC0", "https://cc0textures.com/view.php?tex=Bricks25"),
    _skimage("grass.png", "linolafett, DeviantArt", "CC0", "https://www.deviantart.com/linolafett/art/Grass-01-434853879"),
    _skimage("gravel.png", "CC0Textures, Gravel04", "CC0", "https://cc0textures.com/view.php?tex=Gravel04"),
)


def _textures() -> DataSet:
    """Patches of three photographs of one texture each."""
    halves: dict[bool, list[Image.Image]] = {True: [], False: []}
    labels: dict[bool, list[int]] = {True: [], False: []}
    for label, source in enumerate(_TEXTURES):
        with Image.open(source.path) as picture:
            for is_left, patch in _patches(picture.convert("RGB"), TEXTURE_SIDE):
                halves[is_left].append(patch)
                labels[is_left].append(label)
    return DataSet(
        name=DataName.TEXTURES,
        classes=SHIPPED[DataName.TEXTURES].classes,
        examples=Examples(halves[True], np.array(labels[True])) + Examples(halves[False], np.array(labels[False])),
        pool=len(halves[True]),
        split=Split.HALVES,
        labels_from=LabelsFrom.PICTURE,
        warnings=(DataWarning.ONE_PICTURE_PER_CLASS, DataWarning.GREY),
        sources=_TEXTURES,
    )


_LFW = _skimage(
    "lfw_subset.npy", "Labeled Faces in the Wild (Huang et al. 2007), a subset", "", "https://vis-www.cs.umass.edu/lfw/"
)


def _faces() -> DataSet:
    """Small grey pictures, half of them faces."""
    grey = np.load(_LFW.path, allow_pickle=False)
    pictures = _from_grey(grey)
    labels = np.repeat([0, 1], FACES)
    half = FACES // 2
    first = [*range(half), *range(FACES, FACES + half)]
    second = [*range(half, FACES), *range(FACES + half, 2 * FACES)]
    everything = Examples(pictures, labels)
    return DataSet(
        name=DataName.FACES,
        classes=SHIPPED[DataName.FACES].classes,
        examples=everything.chosen(first + second),
        pool=len(first),
        split=Split.ORDER,
        labels_from=LabelsFrom.LIBRARY,
        warnings=(DataWarning.GREY, DataWarning.TINY),
        sources=(_LFW,),
    )


_DIGITS = Source(
    "sklearn",
    "scikit-learn",
    "datasets/data/digits.csv.gz",
    "E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits (UCI)",
    "",
    "https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits",
)


def _digits() -> DataSet:
    """Handwritten digits of 8 × 8 pixels with seventeen levels."""
    table = np.loadtxt(_DIGITS.path, delimiter=",")
    everything = Examples(_from_grey(table[:, :-1].reshape(-1, 8, 8) / 16), table[:, -1].astype(np.int64))
    half = len(everything) // 2
    classes = SHIPPED[DataName.DIGITS].classes
    first = _first_of_each(everything.labels[:half], len(classes), DIGITS_PER_CLASS[0])
    second = half + _first_of_each(everything.labels[half:], len(classes), DIGITS_PER_CLASS[1])
    return DataSet(
        name=DataName.DIGITS,
        classes=classes,
        examples=everything.chosen(np.concatenate([first, second])),
        pool=len(first),
        split=Split.ORDER,
        labels_from=LabelsFrom.LIBRARY,
        warnings=(DataWarning.GREY, DataWarning.TINY),
        sources=(_DIGITS,),
    )


def _first_of_each(labels: NDArray[np.int64], classes: int, number: int) -> NDArray[np.int64]:
    """Where the first examples of each class stand, in the order of the list."""
    places = [np.flatnonzero(labels == label)[:number] for label in range(classes)]
    return np.sort(np.concatenate(places))


_IHC = _skimage(
    "ihc.png",
    "Center for Microscopy and Molecular Imaging (colonic glands, FHL2 stained with DAB, counterstained with haematoxylin)",
    "no known copyright restrictions",
)


def _tissue() -> DataSet:
    """Patches of one stained slide, labelled by how much of the brown stain is in them."""
    with Image.open(_IHC.path) as picture:
        slide = picture.convert("RGB")
    patches = _patches(slide, TISSUE_SIDE)
    stained = np.array([brown_stain(np.asarray(patch)).mean() for _, patch in patches])
    is_left = np.array([left for left, _ in patches])
    threshold = float(np.median(stained))
    everything = Examples([patch for _, patch in patches], (stained > threshold).astype(np.int64))
    left, right = np.flatnonzero(is_left), np.flatnonzero(~is_left)
    return DataSet(
        name=DataName.TISSUE,
        classes=SHIPPED[DataName.TISSUE].classes,
        examples=everything.chosen(np.concatenate([left, right])),
        pool=len(left),
        split=Split.HALVES,
        labels_from=LabelsFrom.STAIN,
        warnings=(DataWarning.LABELS_LEAK, DataWarning.ONE_SLIDE, DataWarning.TINY),
        sources=(_IHC,),
        threshold=threshold,
    )


def brown_stain(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    """How much DAB there is at each pixel of height × width × 3: colour deconvolution (Ruifrok and Johnston 2001)."""
    density = np.log(np.maximum(picture / 255, _DARKEST)) / np.log(_DARKEST)
    brown: NDArray[np.float64] = np.maximum(density @ np.linalg.inv(_STAINS), 0)[..., _DAB]
    return brown


def _patches(picture: Image.Image, side: int) -> list[tuple[bool, Image.Image]]:
    """Squares that do not overlap, row by row, each with whether it lies in the left half. None lies in both."""
    middle = picture.width // 2
    return [
        (left < middle, picture.crop((left, top, left + side, top + side)))
        for top in range(0, picture.height - side + 1, side)
        for left in range(0, picture.width - side + 1, side)
        if left + side <= middle or left >= middle
    ]


def _from_grey(pictures: NDArray[np.floating]) -> list[Image.Image]:
    """N × height × width of 0 to 1, as pictures with three equal channels."""
    levels = np.rint(np.clip(pictures, 0, 1) * 255).astype(np.uint8)
    return [Image.fromarray(picture).convert("RGB") for picture in levels]


_READERS: Mapping[DataName, Callable[[], DataSet]] = {
    DataName.TEXTURES: _textures,
    DataName.FACES: _faces,
    DataName.DIGITS: _digits,
    DataName.TISSUE: _tissue,
}
