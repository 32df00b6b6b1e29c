"""The photographs that the engine compares a photo with: what they show and whose they are.

Credit and licence are what the libraries' own notes say (`skimage/data/_fetchers.py`, `sklearn/datasets/images/README.txt`).
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from inference import samples


@dataclass(frozen=True, slots=True)
class Photograph:
    """A photograph of the library, with whose it is."""

    title: str | Promise
    credit: str


_OTHERS = {
    "brick": Photograph(_("Bricks"), "CC0Textures, CC0"),
    "grass": Photograph(_("Grass"), "linolafett, CC0"),
    "gravel": Photograph(_("Gravel"), "CC0Textures, CC0"),
    "camera": Photograph(_("A man with a camera"), "Lav Varshney, CC0"),
    "clock": Photograph(_("A clock, blurred"), "Stéfan van der Walt, public domain"),
    "coins": Photograph(_("Greek coins"), "Brooklyn Museum, no known restrictions"),
    "hubble": Photograph(_("Galaxies"), "NASA, public domain"),
    "tissue": Photograph(_("Stained tissue"), "CMMI, no known restrictions"),
    "retina": Photograph(_("A retina"), "Mikael Häggström, CC0"),
    "microaneurysms": Photograph(_("A detail of a retina"), "Andreas Maier, CC0"),
    "cell": Photograph(_("A cell"), "Paul Müller and others, CC0"),
    "horse": Photograph(_("The outline of a horse"), "Andreas Preuss, CC0"),
    "text": Photograph(_("Printed text"), "public domain"),
}


def photograph(name: str) -> Photograph:
    """What is known of the photograph of that name; one without a note is called by its name."""
    if (sample := samples.sample_of(name)) is not None:
        return Photograph(sample.title, f"{sample.credit}, {sample.licence}")
    return _OTHERS.get(name, Photograph(name, ""))
