"""What templates need to show a mistake. `{% load breaking %}`"""

from __future__ import annotations

from django import template

from inference.breaking.reading import BrokenView, read
from inference.presenting import ResultView

register = template.Library()


@register.simple_tag
def broken(result: ResultView) -> BrokenView:
    """A mistake's result, read: {% broken result as told %}"""
    return read(result)
