"""The components of every page. `{% load web %}`; each tag's docstring shows its use."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from django import template
from django.core.paginator import Page
from django.http import QueryDict
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from web.charts import Chart, bar_drawing, interval_drawing, line_drawing
from web.code import highlighted

register = template.Library()

NOTICES = {"info": "", "right": " right", "wrong": " wrong", "hint": " hint"}


@register.simple_block_tag
def button(content: str, kind: str = "", name: str = "", value: str = "", type: str = "submit") -> SafeString:
    """A button; kind: primary, danger, quiet, small (or several).

    {% button kind="primary" name="final" value="1" %}Check answer{% endbutton %}
    """
    named = format_html(' name="{}" value="{}"', name, value) if name else ""
    return format_html(
        '<button class="{}" type="{}"{}>{}</button>', f"btn {kind}".strip(), type, named, _rendered_text(content)
    )


@register.simple_block_tag
def link_button(content: str, url: str, kind: str = "") -> SafeString:
    """A link that looks like a button, for going somewhere.

    {% link_button url=next_url kind="primary" %}Next question{% endlink_button %}
    """
    return format_html('<a class="{}" href="{}">{}</a>', f"btn {kind}".strip(), url, _rendered_text(content))


@register.simple_block_tag
def notice(content: str, kind: str = "info", title: str = "", role: str = "") -> SafeString:
    """A boxed remark; kind: info, right, wrong, hint. role="alert" only for what just failed.

    {% notice kind="wrong" title=_("Not published") role="alert" %}<p>…</p>{% endnotice %}
    """
    return _rendered("notice", content, {"kind": NOTICES[kind], "title": title, "role": role})


@register.simple_block_tag
def card(content: str, title: str, url: str = "", eyebrow: str = "", level: int = 2) -> SafeString:
    """A sheet with a heading; with a url the whole sheet is the link. level is the heading's: 2 or 3.

    {% card title=course.title url=course_url eyebrow="beginner · 35 min" %}<p>…</p>{% endcard %}
    """
    return _rendered("card", content, {"title": title, "url": url, "eyebrow": eyebrow, "level": level})


@register.simple_block_tag
def data_table(content: str, caption: str, hidden_caption: bool = False) -> SafeString:
    """A table in a region that scrolls sideways and can be reached by keyboard. Content: <thead>…</thead><tbody>…</tbody>.

    {% data_table caption=_("Stages of ResNet-50") %}<thead>…</thead><tbody>…</tbody>{% enddata_table %}
    """
    return _rendered("data_table", content, {"caption": caption, "hidden": hidden_caption})


@register.simple_block_tag
def empty(content: str, title: str) -> SafeString:
    """An empty state: what will appear here, and one action.

    {% empty title=_("No attempts yet") %}<p>…</p><p><a class="btn" …>…</a></p>{% endempty %}
    """
    return _rendered("empty", content, {"title": title})


@register.simple_block_tag
def code_block(content: str, language: str = "", caption: str = "") -> SafeString:
    """Code with its copy button (load web/copy.js on the page), highlighted when a language is named. Content: escaped text.

    {% code_block language="python" caption=_("Count the parameters") %}{{ code }}{% endcode_block %}
    """
    return code_figure(_unescaped(content), language=language, caption=caption)


def code_figure(code: str, *, language: str = "", caption: str = "", output: str = "") -> SafeString:
    """The same figure for Python callers; `output` (plain text) stands under the code."""
    context = {"code": highlighted(code, language), "caption": caption or language, "output": output}
    return mark_safe(render_to_string("web/components/code_block.html", context))  # noqa: S308 - a template made it


@register.simple_tag
def progress(value: float, maximum: float, label: str) -> SafeString:
    """A bar with its numbers: {% progress 3 10 _("Questions answered") %}"""
    bar = format_html('<progress value="{}" max="{}" aria-label="{}"></progress>', value, maximum or 1, label)
    return format_html('<div class="progress">{}<span aria-hidden="true">{} / {}</span></div>', bar, value, maximum)


@register.simple_tag
def tags(names: Iterable[str], label: str = "") -> SafeString:
    """Small labels in a row: {% tags course.tags label=_("Tags") %}; nothing when there are none."""
    items = [format_html("<li>{}</li>", name) for name in names]
    if not items:
        return SafeString("")
    return format_html('<ul class="tags" aria-label="{}">{}</ul>', label or _("Tags"), SafeString("".join(items)))


@register.inclusion_tag("web/components/checklist.html")
def checklist(items: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What is done and what is missing: {% checklist items %} of {state: right|wrong|hint|open, text, help?, url?}."""
    words = {"right": _("done"), "wrong": _("must be repaired"), "hint": _("worth a look"), "open": _("not done yet")}
    return {"items": [{**item, "said": words[item["state"]]} for item in items]}


@register.inclusion_tag("web/components/keycap.html")
def keycap(letter: str, mark: str = "") -> dict[str, Any]:
    """An option's letter, with the grease pencil's mark around it: {% keycap "A" "right" %}; mark: right, wrong or empty.

    Say the verdict in words too; the mark is hidden from screen readers.
    """
    return {"letter": letter, "mark": mark}


@register.inclusion_tag("web/components/tabs.html")
def tabs(items: Iterable[Mapping[str, Any]], label: str) -> dict[str, Any]:
    """Links to sibling pages: {% tabs items _("Parts of the course") %} of {label, url, current}."""
    return {"items": items, "label": label}


@register.inclusion_tag("web/components/pagination.html", takes_context=True)
def pagination(context: Mapping[str, Any], page: Page[Any], name: str = "page") -> dict[str, Any]:
    """Older and newer, where there is more than one page: {% pagination page_obj %}; other query values are kept."""
    query: QueryDict = context["request"].GET.copy()

    def url(number: int) -> str:
        query[name] = str(number)
        return f"?{query.urlencode()}"

    return {
        "page": page,
        "previous": url(page.previous_page_number()) if page.has_previous() else "",
        "next": url(page.next_page_number()) if page.has_next() else "",
    }


@register.inclusion_tag("web/components/line_chart.html")
def line_chart(chart: Chart) -> dict[str, Any]:
    """A line chart of web.charts.Chart, with its table: {% line_chart chart %}"""
    return {"chart": chart, "drawing": line_drawing(chart)}


@register.inclusion_tag("web/components/bar_chart.html")
def bar_chart(chart: Chart) -> dict[str, Any]:
    """A bar chart of web.charts.Chart (first series), with its table: {% bar_chart chart %}"""
    return {"chart": chart, "drawing": bar_drawing(chart)}


@register.inclusion_tag("web/components/interval_chart.html")
def interval_chart(chart: Chart) -> dict[str, Any]:
    """Best guesses between their bounds (three series of web.charts.Chart), with the table: {% interval_chart chart %}"""
    return {"chart": chart, "drawing": interval_drawing(chart)}


@register.simple_tag
def when(moment: datetime | date | None) -> SafeString:
    """A time in the reader's zone, readable by machines too: {% when attempt.finished_at %}; nothing for None."""
    if moment is None:
        return SafeString("")
    if not isinstance(moment, datetime):
        return format_html('<time datetime="{}">{}</time>', moment.isoformat(), date_format(moment, _("j F Y")))
    local = timezone.localtime(moment)
    return format_html('<time datetime="{}">{}</time>', moment.isoformat(), date_format(local, _("j M Y, H:i")))


@register.filter
def letter(position: int) -> str:
    """An option's letter by its place, from 0: 0 → A."""
    return chr(ord("A") + int(position))


def _rendered(name: str, content: str, context: dict[str, Any]) -> SafeString:
    made = render_to_string(f"web/components/{name}.html", {**context, "content": _rendered_text(content)})
    return mark_safe(made.strip())  # noqa: S308 - a template made it


def _rendered_text(content: str) -> SafeString:
    """A block's content: the template engine rendered and escaped it already."""
    return mark_safe(content.strip())  # noqa: S308


def _unescaped(content: str) -> str:
    """The text that the template engine escaped on its way into a block."""
    return html.unescape(content)
