"""LaTeX to MathML, in a form that is safe to put on a page.

latex2mathml copies text into its markup unescaped and passes `href` and `style` through, so its output is never used as
it is: its tree is written anew from a list of known elements and attributes.
"""

from __future__ import annotations

import re
from html import escape, unescape
from xml.etree.ElementTree import Element

from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from latex2mathml.converter import convert_to_element

LONGEST = 2000

_ARITY = {"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "munder": 2, "mover": 2, "msubsup": 3, "munderover": 3}
_ELEMENTS = {
    *_ARITY,
    *("math", "mrow", "mi", "mn", "mo", "ms", "mtext", "mspace", "msqrt", "mpadded", "mphantom", "menclose"),
    *("mtable", "mtr", "mtd", "mstyle", "mfenced", "merror"),
}
_ATTRIBUTES = {
    *("display", "mathvariant", "stretchy", "fence", "form", "separator", "accent", "movablelimits", "symmetric", "largeop"),
    *("minsize", "maxsize", "lspace", "rspace", "width", "height", "depth", "linethickness", "columnalign", "rowspacing"),
    *("columnspacing", "columnlines", "rowlines", "displaystyle", "scriptlevel", "notation", "linebreak", "open", "close"),
}
_VALUE = re.compile(r"^[\w .,%()|\[\]{}+-]{0,40}$")
_WRONG = {
    r"\\begin\s*\{aligned\}": r"\begin{aligned}",
    r"\\operatorname\s*\*": r"\operatorname*",
    r"\\(?:href|url|style|class|unicode|require)(?![a-zA-Z])": r"\href, \style, \class",
}


class BadMath(ValueError):
    """A formula that cannot be shown rightly; the message says to its author why."""


def to_mathml(latex: str, *, display: bool) -> SafeString:
    """The formula as a `<math>` element; raises BadMath for one that would come out wrong."""
    if len(latex) > LONGEST:
        raise BadMath(_("The formula is too long. Split it."))
    for pattern, name in _WRONG.items():
        if re.search(pattern, latex):
            raise BadMath(_("“%(command)s” does not come out right here. Write the formula without it.") % {"command": name})
    try:
        element = convert_to_element(latex, display="block" if display else "inline")
        body = _written(element, 0)
    except BadMath:
        raise
    except (Exception, RecursionError) as error:  # the library raises whatever its parser stumbles over
        raise BadMath(_("The formula can’t be read. Look for a brace that is not closed.")) from error
    return mark_safe(body)  # noqa: S308 - written element by element from the lists above


def _written(element: Element, depth: int) -> str:
    name = element.tag
    if name not in _ELEMENTS or depth > 60:
        raise BadMath(_("The formula uses something that can’t be shown here. Write it more simply."))
    if len(element) != _ARITY.get(name, len(element)):
        raise BadMath(_("A part of the formula is missing, such as one half of a fraction."))
    text = unescape(element.text or "")
    if name == "mi" and text.startswith("\\"):
        raise BadMath(_("“%(command)s” is not a command that is known here.") % {"command": text})
    if name in ("mi", "mo") and text == "&":
        raise BadMath(_("An & may only stand in a table or a matrix."))
    attributes = "".join(
        f' {key}="{escape(value)}"' for key, value in element.attrib.items() if key in _ATTRIBUTES and _VALUE.match(value)
    )
    inside = escape(text) + "".join(_written(child, depth + 1) + escape(unescape(child.tail or "")) for child in element)
    return f"<{name}{attributes}>{inside}</{name}>"
