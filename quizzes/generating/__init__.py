"""Questions without figures, and how a seed and a network's facts give them theirs. No Django, but for `words`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from quizzes.generating.base import Facts, Template
from quizzes.generating.preparing import MISTAKE_BEHIND, PREPROCESSING
from quizzes.generating.shapes import OUTPUT_SHAPE, RECEPTIVE_FIELD, STRIDE
from quizzes.generating.sizes import COST_BY_SIDE, HEAD_INPUT, LAYER_PARAMETERS, TRAINED_PARAMETERS
from quizzes.sketching.base import Drawn, DrawnOption, NotDrawable, Phrase

__all__ = [
    "TEMPLATES",
    "Drawn",
    "DrawnOption",
    "Facts",
    "NotDrawable",
    "Phrase",
    "Template",
    "UnknownTemplate",
    "template_named",
]

TEMPLATES: Mapping[str, Template] = MappingProxyType(
    {
        template.name: template
        for template in (
            OUTPUT_SHAPE,
            STRIDE,
            RECEPTIVE_FIELD,
            LAYER_PARAMETERS,
            HEAD_INPUT,
            TRAINED_PARAMETERS,
            COST_BY_SIDE,
            PREPROCESSING,
            MISTAKE_BEHIND,
        )
    }
)
"""Every template by its name."""


class UnknownTemplate(LookupError):
    """A name that no template has."""


def template_named(name: str) -> Template:
    """The template of that name; raises UnknownTemplate."""
    try:
        return TEMPLATES[name]
    except KeyError as error:
        raise UnknownTemplate(name) from error
