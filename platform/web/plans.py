"""The plans page: a Markdown file of the operator's, read anew for each visit."""

from __future__ import annotations

import nh3
from django.conf import settings
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

FILE_NAME = "plans.md"


def operators_words() -> SafeString | None:
    """DATA_DIR/plans.md as sanitised HTML, None when the operator wrote none."""
    path = settings.DATA_DIR / FILE_NAME
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return mark_safe(nh3.clean(MarkdownIt("commonmark").enable("table").render(text)))  # noqa: S308 - sanitised in this line
