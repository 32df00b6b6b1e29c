"""Extra `::: name` blocks of a lesson's Markdown, offered by rooms above through `settings.LESSON_BLOCKS`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from django.conf import settings
from django.utils.module_loading import import_string
from django.utils.safestring import SafeString

if TYPE_CHECKING:
    from lessons.models import LessonVersion


class LessonBlock(Protocol):
    """One kind of block that stands on a line of its own: `::: name argument argument`.

    What `render` returns is trusted: it is inserted after the author's words were sanitised. It may be kept and shown
    to everyone, so it must not depend on who reads.
    """

    name: str

    def check(self, arguments: Sequence[str]) -> str:
        """A sentence that says what is wrong with the arguments; empty when they can be used."""

    def render(self, arguments: Sequence[str], *, version: LessonVersion | None) -> SafeString:
        """The block's HTML; `version` is none in a text that belongs to no published version (a preview, a stem)."""


def lesson_blocks() -> dict[str, LessonBlock]:
    """Name → one instance of each class that settings.LESSON_BLOCKS names."""
    blocks: list[LessonBlock] = [import_string(path)() for path in settings.LESSON_BLOCKS]
    return {block.name: block for block in blocks}
