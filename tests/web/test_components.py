"""The components that pages are made of: what they say, and that they escape what they are given."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from django.core.paginator import Paginator
from django.template import Context, Template
from django.test import RequestFactory
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from web.charts import Chart, Series, bar_drawing, line_drawing, round_up
from web.code import highlighted


def made(source: str, **context: object) -> str:
    return Template("{% load web %}" + source).render(Context(context))


@pytest.mark.parametrize(
    "source",
    [
        "{% button kind=x name=x value=x %}{{ x }}{% endbutton %}",
        "{% link_button url=x %}{{ x }}{% endlink_button %}",
        "{% notice title=x %}{{ x }}{% endnotice %}",
        "{% card title=x url=x eyebrow=x %}{{ x }}{% endcard %}",
        "{% data_table caption=x %}{{ x }}{% enddata_table %}",
        "{% empty title=x %}{{ x }}{% endempty %}",
        "{% code_block language='python' caption=x %}{{ x }}{% endcode_block %}",
        "{% code_block caption=x %}{{ x }}{% endcode_block %}",
        "{% progress 1 2 x %}",
        "{% tags many label=x %}",
        "{% keycap x 'right' %}",
        "{% tabs items x %}",
        "{% checklist items %}",
        "{% line_chart chart %}{% bar_chart chart %}",
    ],
)
def test_components_escape_what_they_are_given(source):
    evil = '"><script>alert(1)</script>'
    chart = Chart(evil, [evil], [Series(evil, [1.0])], axis=evil, summary=evil)
    items = [{"label": evil, "url": evil, "state": "right", "text": evil, "help": evil}]
    html = made(source, x=evil, many=[evil], items=items, chart=chart)
    assert "<script>" not in html
    assert '""' not in html.replace('=""', "")


def test_a_card_with_an_address_is_one_link():
    assert made("{% card title='T' url='/x/' level=3 %}<p>y</p>{% endcard %}").count("<a ") == 1


def test_a_table_scrolls_and_can_be_reached():
    html = made("{% data_table caption='Stages' %}<tbody></tbody>{% enddata_table %}")
    assert 'tabindex="0" role="region" aria-label="Stages"' in html
    assert "<caption>Stages</caption>" in html


def test_the_strip_marks_the_current_mode_and_where_groups_begin():
    items = [
        {"label": "Read", "url": "/read/", "group": "understand"},
        {"label": "Run", "url": "/run/", "group": "understand", "current": True},
        {"label": "Test", "url": "/test/", "group": "keep"},
    ]
    html = made("{% include 'web/_strip.html' %}", items=items)
    assert '<a href="/run/" aria-current="page">Run</a>' in html
    assert html.count("aria-current") == 1
    assert html.count('<li class="group">') == 2


def test_a_mark_never_stands_alone_for_a_screen_reader():
    assert made("{% keycap 'A' 'wrong' %}").startswith('<span class="keycap" aria-hidden="true">A<svg class="mark"')
    assert "svg" not in made("{% keycap 'A' %}")


def test_a_checklist_says_its_states_in_words():
    states = ["right", "wrong", "hint", "open"]
    html = made("{% checklist items %}", items=[{"state": state, "text": state} for state in states])
    assert all(word in html for word in ("(done)", "(must be repaired)", "(worth a look)", "(not done yet)"))


def test_pages_keep_the_rest_of_the_query():
    request = RequestFactory().get("/?level=easy&page=2")
    html = made("{% pagination page %}", request=request, page=Paginator(range(30), 10).page(2))
    assert 'href="?level=easy&amp;page=1"' in html
    assert 'href="?level=easy&amp;page=3"' in html
    assert "Page 2 of 3" in html


def test_one_page_needs_no_pages():
    assert made("{% pagination page %}", request=RequestFactory().get("/"), page=Paginator([], 10).page(1)).strip() == ""


def test_times_are_told_in_the_readers_zone():
    moment = datetime(2026, 1, 1, 23, 30, tzinfo=UTC)
    with timezone.override(ZoneInfo("Asia/Tokyo")):
        assert made("{% when x %}", x=moment) == '<time datetime="2026-01-01T23:30:00+00:00">2 Jan 2026, 08:30</time>'
    assert made("{% when x %}", x=date(2026, 1, 2)) == '<time datetime="2026-01-02">2 January 2026</time>'
    assert made("{% when x %}", x=None) == ""


def test_code_is_coloured_by_classes_and_survives_any_language():
    assert '<span class="kn">import</span>' in highlighted("import x", "python")
    assert highlighted("<b>", "no such language") == "&lt;b&gt;"


@given(st.text())
def test_highlighting_never_lets_a_tag_through(code):
    html = highlighted("<b>" + code, "python")
    assert "<b>" not in html


@given(st.floats(min_value=1e-9, max_value=1e12))
def test_a_scale_reaches_every_value_and_wastes_little(value):
    assert value * (1 - 1e-6) <= round_up(value) <= value * 2.5 * (1 + 1e-6)


@given(st.lists(st.one_of(st.none(), st.floats(min_value=0, max_value=1e6)), min_size=1, max_size=60))
def test_every_point_of_a_chart_stays_inside_it(values):
    chart = Chart("x", [str(n) for n in range(len(values))], [Series("y", values)])
    drawing = line_drawing(chart)
    assert all(0 <= x <= drawing.width and 0 <= y <= drawing.height for line in drawing.lines for x, y in line.dots)
    assert all(0 <= bar.width <= 100 for bar in bar_drawing(chart).bars)
    assert len(drawing.labels) <= 10
    assert len(chart.rows) == len(values)


def test_the_third_series_of_a_chart_is_what_the_others_are_held_against():
    chart = Chart("Accuracy", ["1", "2"], [Series(name, [50.0, 60.0]) for name in ("one", "two", "baseline")], scale=100)
    html = made("{% line_chart c %}", c=chart)
    assert html.count('class="chart-line third"') == 1
    assert html.count("<li>baseline</li>") == 1


def test_a_given_scale_holds_unless_a_value_is_above_it():
    assert Chart("x", ["1"], [Series("y", [40.0])], scale=100).top == 100
    assert Chart("x", ["1"], [Series("y", [140.0])], scale=100).top == 200


def test_a_chart_carries_its_table():
    html = made("{% line_chart c %}", c=Chart("Loss", ["1", "2"], [Series("training", [0.5, None])], axis="Epoch"))
    assert '<th scope="row">1</th><td class="num">0.500</td>' in html
    assert '<td class="num">–</td>' in html
    assert 'role="img"' in html


def test_an_interval_chart_draws_bounds_and_best_guess_and_has_its_table() -> None:
    series = [Series("best", [60.0]), Series("at least", [25.0]), Series("at most", [75.0])]
    html = made("{% interval_chart c %}", c=Chart("Known", ["Shapes"], series, decimals=0, scale=100, mark=50))
    assert '<rect class="chart-range" x="25.0" height="10" width="50.0"/>' in html
    assert '<rect class="chart-mark" x="50.0"' in html
    assert '<rect class="chart-best" x="60.0"' in html
    cells = re.findall(r'<td class="num">(\d+)</td>', html)
    assert cells == ["60", "25", "75"]
