"""What templates need to show a closer look. `{% load looking %}`"""

from __future__ import annotations

from django import template

from inference.looking import reading
from inference.presenting import ResultView

register = template.Library()


@register.simple_tag
def maps(result: ResultView) -> reading.MapsView:
    """A sheet of maps: {% maps result as told %}"""
    return reading.read_maps(result)


@register.simple_tag
def unit(result: ResultView) -> reading.UnitView:
    """The arithmetic of a unit: {% unit result as told %}"""
    return reading.read_unit(result)


@register.simple_tag
def field_of(result: ResultView) -> reading.FieldView:
    """A unit's receptive field: {% field_of result as told %}"""
    return reading.read_field(result)


@register.simple_tag
def evidence(result: ResultView) -> list[str]:
    """What Grad-CAM found: {% evidence result as sentences %}"""
    return reading.evidence_sentences(result)


@register.simple_tag
def attention(result: ResultView) -> list[str]:
    """What a token attends to: {% attention result as sentences %}"""
    return reading.attention_sentences(result)


@register.simple_tag
def neighbours(result: ResultView, by: str) -> list[reading.NeighbourView]:
    """The photographs most alike: {% neighbours result "by_features" as rows %}"""
    return reading.neighbours(result, by)


@register.simple_tag
def neighbours_sentence(result: ResultView) -> str:
    """How they were found."""
    return reading.neighbours_sentence(result)
