"""The sample photographs: those that scikit-image and scikit-learn carry, found by their files.

Neither library is imported (each takes a second and scikit-image's loader would want the network for the others): a
folder beside `__init__.py` is all that is needed. Titles are ours; credit and licence are what the libraries' own notes
say (`skimage/data/_fetchers.py`, `sklearn/datasets/images/README.txt`).
"""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from PIL import Image

PICTURE_MEDIA_TYPE = "image/webp"
PICTURE_SIDE = 640
THUMBNAIL_SIDE = 192


@dataclass(frozen=True, slots=True)
class Sample:
    """A photograph that everybody may run, with whose it is. Sizes in pixels."""

    id: str
    title: str | Promise
    alt: str | Promise
    credit: str
    licence: str
    source: str
    path: Path
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class _Note:
    """What is known of a photograph before its file is looked for."""

    id: str
    title: Promise
    alt: Promise
    package: str
    file: str
    credit: str
    licence: str
    source: str


_PUBLIC_DOMAIN = "public domain"
_CC0 = "CC0"
_CC_BY = "CC BY 2.0"
_NOTES = (
    _Note(
        "chelsea",
        _("Chelsea the cat"),
        _("The face of a cat with green eyes, close up"),
        "skimage",
        "data/chelsea.png",
        "Stéfan van der Walt",
        _CC0,
        "",
    ),
    _Note(
        "coffee",
        _("Coffee"),
        _("A cup of coffee on a saucer with a spoon, on a wooden table, from above"),
        "skimage",
        "data/coffee.png",
        "Rachel Michetti, courtesy of Pikolo Espresso Bar",
        _CC0,
        "",
    ),
    _Note(
        "rocket",
        _("Rocket"),
        _("A rocket standing upright between steel towers at dusk"),
        "skimage",
        "data/rocket.jpg",
        "SpaceX",
        _PUBLIC_DOMAIN,
        "https://www.flickr.com/photos/spacexphotos/16511594820/",
    ),
    _Note(
        "astronaut",
        _("Astronaut"),
        _("The portrait of a smiling astronaut in an orange suit, a model of the Space Shuttle behind her"),
        "skimage",
        "data/astronaut.png",
        "NASA (Eileen Collins)",
        _PUBLIC_DOMAIN,
        "https://flic.kr/p/r9qvLn",
    ),
    _Note(
        "flower",
        _("Flower"),
        _("A round orange flower before dark leaves, close up"),
        "sklearn",
        "datasets/images/flower.jpg",
        "vultilion",
        _CC_BY,
        "https://www.flickr.com/photos/vultilion/6056698931/",
    ),
    _Note(
        "china",
        _("China"),
        _("A Chinese tower of four storeys with curved roofs, above trees and a lake"),
        "sklearn",
        "datasets/images/china.jpg",
        "danielbuechele",
        _CC_BY,
        "https://www.flickr.com/photos/danielbuechele/6061409035/",
    ),
)


def all_samples() -> list[Sample]:
    """The sample photographs of this installation, in the order in which they are shown."""
    return list(_found())


def sample_of(sample_id: str) -> Sample | None:
    """The sample of this id, or None."""
    return next((sample for sample in _found() if sample.id == sample_id), None)


@lru_cache(maxsize=16)
def sample_sha256(sample_id: str) -> str:
    """The hash of the sample's file; raises KeyError when there is no such sample."""
    sample = sample_of(sample_id)
    if sample is None:
        raise KeyError(sample_id)
    return hashlib.sha256(sample.path.read_bytes()).hexdigest()


@lru_cache(maxsize=32)
def picture(sample_id: str, side: int) -> bytes:
    """The sample as WebP, at most `side` pixels on its longer side; raises KeyError when there is no such sample."""
    sample = sample_of(sample_id)
    if sample is None:
        raise KeyError(sample_id)
    with Image.open(sample.path) as image:
        small = image.convert("RGB")
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = BytesIO()
    small.save(buffer, "WEBP", quality=82, method=4)
    return buffer.getvalue()


@lru_cache(maxsize=1)
def _found() -> tuple[Sample, ...]:
    return tuple(sample for sample in map(_sample, _NOTES) if sample is not None)


def _sample(note: _Note) -> Sample | None:
    """The photograph, or None where the library does not carry it."""
    spec = importlib.util.find_spec(note.package)  # of a top-level name: nothing is imported
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(next(iter(spec.submodule_search_locations))) / note.file
    if not path.exists():
        return None
    with Image.open(path) as image:
        width, height = image.size
    return Sample(note.id, note.title, note.alt, note.credit, note.licence, note.source, path, width, height)
