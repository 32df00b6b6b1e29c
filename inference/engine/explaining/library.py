"""The photographs to which a photo is compared: those that scikit-image and scikit-learn carry and whose licence is known.

Each comes with a cut of itself, mirrored: the same thing with its pixels in other places, which is where comparing pixels and
comparing features part ways.

The libraries are not imported (each takes a second): a folder beside `__init__.py` is all that is needed.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

_SCIKIT_IMAGE = {
    "chelsea": "chelsea.png",
    "coffee": "coffee.png",
    "rocket": "rocket.jpg",
    "astronaut": "astronaut.png",
    "brick": "brick.png",
    "grass": "grass.png",
    "gravel": "gravel.png",
    "camera": "camera.png",
    "clock": "clock_motion.png",
    "coins": "coins.png",
    "hubble": "hubble_deep_field.jpg",
    "tissue": "ihc.png",
    "retina": "retina.jpg",
    "microaneurysms": "microaneurysms.png",
    "cell": "cell.png",
    "horse": "horse.png",
    "text": "text.png",
}
_SCIKIT_LEARN = {"flower": "flower.jpg", "china": "china.jpg"}
_FOLDERS = (("skimage", "data", _SCIKIT_IMAGE), ("sklearn", "datasets/images", _SCIKIT_LEARN))


@dataclass(frozen=True, slots=True)
class Photograph:
    """A photograph, or the mirrored cut of one."""

    sample: str
    is_cut: bool
    image: Image.Image

    @property
    def name(self) -> str:
        """Unique in the library."""
        return f"{self.sample}-cut" if self.is_cut else self.sample


def photographs() -> Iterator[Photograph]:
    """All that this installation has, in a fixed order."""
    for package, folder, files in _FOLDERS:
        spec = importlib.util.find_spec(package)  # of a top-level name: nothing is imported
        if spec is None or not spec.submodule_search_locations:
            continue
        place = Path(next(iter(spec.submodule_search_locations))) / folder
        for name, file in files.items():
            if not (place / file).exists():
                continue
            with Image.open(place / file) as opened:
                image = opened.convert("RGB")
            yield Photograph(name, is_cut=False, image=image)
            yield Photograph(name, is_cut=True, image=_cut(image))


def _cut(image: Image.Image) -> Image.Image:
    """Three quarters of a photograph's width and height, off its centre, mirrored."""
    width, height = image.size
    return ImageOps.mirror(image.crop((width // 4, height // 8, width, height // 8 + height * 3 // 4)))
