"""Source code as HTML: Pygments' classes, coloured by the tokens of app.css."""

from __future__ import annotations

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

_formatter = HtmlFormatter(nowrap=True)


def highlighted(code: str, language: str = "") -> SafeString:
    """The code, escaped, with a <span class> around each token, for <pre class="hl"><code>; plain in an unknown language."""
    text = code.strip("\n")
    try:
        lexer = get_lexer_by_name(language or "text", stripnl=False)
    except ClassNotFound:
        return escape(text)
    return mark_safe(highlight(text, lexer, _formatter).rstrip("\n"))  # noqa: S308 - Pygments escapes what it marks up
