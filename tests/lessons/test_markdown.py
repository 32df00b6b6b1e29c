from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from django.utils.safestring import SafeString
from hypothesis import example, given, settings
from hypothesis import strategies as st

from inference.facts import FactMissing
from lessons.figures import BadFigure, write_figure
from lessons.markdown import check, facts_used, render, samples_of
from lessons.mathml import BadMath, to_mathml

FACTS = {
    "resnet50.parameters": 25_557_032,
    "resnet50.macs": 4_089_184_256,
    "efficientnet_b0.macs": 385_814_528,
    "vgg16.head.parameters_share": 0.8940,
    "vgg16.head.macs_share": 0.0080,
    "vgg16.conv_features": [512, 7, 7],
    "resnet50.title": "ResNet-50",
    "resnet50.weights.IMAGENET1K_V2.acc1": 80.858,
    "nothing.zero": 0,
    "evil.title": "<script>alert(1)</script>",
    "lite.stages": {"features.4-5": {"output_shape": [1, 80, 14, 14]}},
}

ELEMENTS = {
    *("p", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "hr", "br", "strong", "em", "s", "code", "a", "sup"),
    *("table", "caption", "thead", "tbody", "tr", "th", "td", "section", "details", "summary", "div", "span", "data", "mark"),
    *("figure", "figcaption", "button", "pre", "samp", "img"),
    *("math", "mrow", "mi", "mn", "mo", "mtext", "msub", "msup", "mfrac", "munder", "mover", "munderover", "msubsup", "msqrt"),
    *("mspace", "mstyle", "mtable", "mtr", "mtd", "mroot", "mpadded", "mphantom", "menclose", "ms", "mfenced", "merror"),
}
ATTRIBUTES = {
    *("id", "class", "href", "title", "rel", "start", "value", "tabindex", "role", "scope", "alt", "src", "width", "height"),
    *("loading", "decoding", "type", "hidden", "data-done", "data-selected", "aria-live", "aria-label", "aria-labelledby"),
}


class Page(HTMLParser):
    """What a browser would make of some HTML: every element, and whether any of it could do harm."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words += data

    def assert_harmless(self) -> None:
        for tag, attributes in self.elements:
            assert tag in ELEMENTS, tag
            if tag.startswith("m") and tag not in ("mark",):
                assert not attributes.keys() & {"href", "style", "class", "id"}, attributes
                continue
            assert attributes.keys() <= ATTRIBUTES, (tag, attributes)
            for name in ("href", "src"):
                address = re.sub(r"[\s\x00-\x1f]", "", attributes.get(name) or "").lower()
                scheme = re.match(r"([a-z][a-z0-9+.-]*):", address)
                assert scheme is None or scheme[1] in ("http", "https", "mailto"), address


PAYLOADS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<form action=//evil><input name=password></form>",
    "<style>*{display:none}</style>",
    "<a href=javascript:alert(1)>x</a>",
    "<base href=//evil>",
    "<meta http-equiv=refresh content='0;//evil'>",
    "<details open ontoggle=alert(1)>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java&#10;script:alert(1))",
    "[x](&#x6A&#x61&#x76&#x61&#x73&#x63&#x72&#x69&#x70&#x74&#x3A;alert(1))",
    "[x](vbscript:x)",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](file:///etc/passwd)",
    "[x](<javascript:alert(1)>)",
    "[x]: javascript:alert(1)\n\n[x]",
    "<javascript:alert(1)>",
    '[x](https://a.b "\\" onmouseover=alert(1) x=\\"")',
    "![x](javascript:alert(1))",
    "![x](data:image/svg+xml,<svg/onload=alert(1)>)",
    '![x" onerror="alert(1)](y.png)',
    "![x](https://evil.example/track.png)",
    "{{ evil.title }}",
    "{{ <script> }}",
    "{{ evil.title | <b> }}",
    "::: predict <script>alert(1)</script>\n<script>alert(2)</script>\n:::",
    "::: insight <img src=x onerror=alert(1)>\nx\n:::",
    "::: <script>\n:::",
    "::: networks <script>\n",
    '::: question "><script>alert(1)</script>\n',
    "```python id=a title=\"<script>alert(1)</script>\"\nprint('<script>alert(1)</script>')\n```",
    "```<script>alert(1)</script>\nx\n```",
    "    <script>alert(1)</script>",
    "$\\text{<script>alert(1)</script>}$",
    "$\\text{<img src=x onerror=alert(1)>}$",
    "$\\href{javascript:alert(1)}{x}$",
    "$\\style{color:red}{x}$",
    "$\\class{x}{y}$",
    "$$\\text{</math><script>alert(1)</script>}$$",
    "Table: <script>alert(1)</script>\n\n| a |\n|---|\n| <script>alert(1)</script> |",
    "# <script>alert(1)</script>",
    '## "><img src=x onerror=alert(1)>',
    "x[^1]\n\n[^1]: <script>alert(1)</script>",
    "x[^<script>]\n\n[^<script>]: y",
    "\ue000" + "0" * 32 + ":0\ue001",
    "&#xE000;0:0&#xE001;",
    "\x00<script>alert(1)</script>",
    "<scr\x00ipt>alert(1)</script>",
    "`<script>alert(1)</script>`",
    "| a |\n|:--|\n| x |{style=color:red}",
]


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("level", ["full", "inline"])
def test_an_author_cannot_put_anything_active_on_a_page(payload, level):
    html = render(payload, facts=FACTS, outputs={"a": {"output": payload, "raised": "", "warnings": [payload]}}, level=level)
    assert isinstance(html, SafeString)
    page = Page(html)
    page.assert_harmless()
    assert "javascript:" not in " ".join(str(value) for _tag, attributes in page.elements for value in attributes.values())


PIECES = st.sampled_from(
    [
        *PAYLOADS,
        *(
            "<",
            ">",
            '"',
            "'",
            "&",
            "`",
            "```",
            "\n",
            "\n\n",
            "    ",
            "* ",
            "1. ",
            "> ",
            "## ",
            "|",
            "---",
            "$",
            "$$",
            "{{",
            "}}",
        ),
        *(":::", "::: note\n", "::: predict x\n", ":::\n", "[", "](", ")", "![", "[^1]", "\\", "{{ resnet50.parameters }}"),
        *("\ue000", "\ue001", "\ue002", "&#xE000;", "a", " b ", "Table: x\n\n", "```python id=x\n", "::: stages resnet50\n"),
    ]
)


@given(st.lists(PIECES | st.text(max_size=8), max_size=12).map("".join))
@example("::: predict [x\n](javascript:alert(1))\n:::")
@settings(max_examples=300, deadline=None)
def test_whatever_is_written_the_page_stays_harmless_and_whole(text):
    html = render(text, facts=FACTS)
    Page(html).assert_harmless()
    assert "\ue000" not in html
    assert "\ue002" not in html
    check(text, facts=FACTS, file="lesson.md", is_lesson=True)
    samples_of(text)


def test_a_placeholder_cannot_be_spoofed():
    text = "{{ resnet50.parameters }} " + " ".join(f"\ue000{'0' * 32}:{n}\ue001 &#xE000;{n}&#xE001;" for n in range(3))
    assert render(text, facts=FACTS).count("<data ") == 1


def test_html_is_shown_as_the_text_it_is():
    assert "&lt;b&gt;x&lt;/b&gt;" in render("<b>x</b>", facts={})


@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        ("resnet50.parameters", "25,557,032"),
        ("resnet50.parameters | millions", "25.6 million"),
        ("resnet50.macs | billions", "4.09 billion"),
        ("efficientnet_b0.macs | billions", "0.386 billion"),
        ("resnet50.macs / efficientnet_b0.macs | times", "10.6×"),
        ("resnet50.macs + efficientnet_b0.macs | billions", "4.47 billion"),
        ("resnet50.parameters * 4 | millions", "102 million"),
        ("vgg16.head.parameters_share | percent", "89.4%"),
        ("vgg16.head.macs_share | percent", "0.800%"),
        ("vgg16.conv_features | shape", "512×7×7"),
        ("vgg16.conv_features", "512×7×7"),
        ("vgg16.conv_features | product", "25,088"),
        ("lite.stages.features.4-5.output_shape", "1×80×14×14"),
        ("resnet50.title", "ResNet-50"),
        ("resnet50.weights.IMAGENET1K_V2.acc1", "80.858"),
        ("nothing.zero | millions", "0 million"),
    ],
)
def test_figures_are_written_for_people(figure, expected):
    assert f">{expected}</data>" in render(f"{{{{ {figure} }}}}", facts=FACTS)


@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        ("resnet50.nothing", "There is no fact “resnet50.nothing”"),
        ("resnet50.parameters | loud", "“loud” is not a format"),
        ("resnet50.parameters |", "A format is missing"),
        ("resnet50.parameters / nothing.zero", "nothing can be divided by it"),
        ("resnet50.title | millions", "is not a number"),
        ("resnet50.title * 2", "is not a number"),
        ("1 + 1 + 1", "is not a figure"),
        ("__import__('os')", "is not a figure"),
        ("lite.stages", "names several facts at once"),
        ("resnet50.parameters | shape", "Only a shape"),
        ("resnet50.title | product", "Only a shape"),
    ],
)
def test_a_figure_that_cannot_be_written_says_why_and_is_marked_where_it_stands(figure, expected):
    text = f"first\n\nIt has {{{{ {figure} }}}}."
    found = check(text, facts=FACTS, file="lesson.md", first_line=10)
    assert [finding.line for finding in found if expected in finding.message] == [12]
    assert "wrong-figure" in render(text, facts=FACTS)


def test_a_figure_in_a_table_may_have_a_format():
    html = render("Table: x\n\n| a | b |\n|---|---|\n| {{ resnet50.parameters | millions }} | 1 |", facts=FACTS)
    assert "25.6 million" in html
    assert html.count("<td") == 2


def test_a_figure_in_code_is_left_as_it_is():
    assert "{{ a | b }}" in Page(render("`{{ a | b }}`\n\n```text\n{{ a | b }}\n```", facts={})).words


@given(st.sampled_from(sorted(FACTS)), st.sampled_from("+-*/"), st.sampled_from(sorted(FACTS)), st.sampled_from(["", "times"]))
def test_a_figure_is_written_or_explained(left, operation, right, style):
    lookup = FACTS.__getitem__
    try:
        written = write_figure(f"{left} {operation} {right}" + (f" | {style}" if style else ""), lookup)
    except BadFigure as error:
        assert str(error)
    else:
        assert written


def test_the_facts_a_text_asks_for_are_known_even_when_missing():
    def nothing(path):
        network, _dot, rest = path.partition(".")
        raise FactMissing(network, rest)

    text = "{{ a.b }} {{ c.d / e.f | times }}\n\n::: stages g"
    assert facts_used(text, nothing)[:2] == ["a.b", "c.d"]


def test_headings_get_ids_of_their_own():
    html = render("## One\n\n## One\n\n### Two `x`", facts={})
    assert re.findall(r'<h(\d) id="([^"]+)"', html) == [("2", "s-one"), ("2", "s-one-2"), ("3", "s-two-x")]


def test_links_away_say_so_and_links_inside_reach_their_heading():
    html = render("## A b\n\n[in](#a-b) [out](https://example.org) [site](/plans/)", facts={})
    assert '<a href="#s-a-b">' in html
    assert '<a href="https://example.org" rel="noopener noreferrer external">' in html
    assert '<a href="/plans/">' in html


def test_a_container_may_stand_in_another_and_hold_a_fence_with_colons():
    text = "::: predict What?\n::: note\nx\n:::\n```text\n:::\n```\nend\n:::\nafter"
    html = render(text, facts={})
    assert html.index("end") < html.index("</details>") < html.index("after")
    assert check(text, facts={}, file="x") == []


def test_a_computed_block_may_have_a_closing_line_of_its_own(settings):
    assert check("::: note\n::: shout hey\n:::\n:::\nafter", facts={}, file="x") == []
    assert "HEY" in render("::: shout hey\n:::\nafter", facts={})


def test_a_predict_block_opens_by_the_browser_alone():
    html = render("::: predict What **now**?\nThis.\n:::", facts={})
    assert html.startswith('<details class="predict"><summary>')
    assert "<strong>now</strong>" in html


def test_an_output_stands_under_its_sample_with_its_versions():
    output = {"output": "25557032\n", "raised": "", "message": "", "warnings": ["old"], "missing": "", "torch": "2.13.0"}
    html = render("```python id=a\nprint(x)\n```", facts={}, outputs={"a": output})
    assert "25557032" in html
    assert "torch 2.13.0" in html
    assert "old" in html


def test_a_sample_that_could_not_run_says_what_it_needs():
    html = render("```python id=a\nx\n```", facts={}, outputs={"a": {"missing": "weights/resnet50"}})
    assert "it needs the weights of resnet50" in html


def test_formulas_become_mathml():
    assert "<mfrac>" in render(r"$\frac{a}{b}$", facts={})
    assert 'display="block"' in render("$$\na + b\n$$", facts={})


@pytest.mark.parametrize(
    "latex", [r"\frac{a", r"\nosuch{x}", r"\begin{aligned} a \end{aligned}", r"\operatorname*{x}", "a & b", "{" * 500]
)
def test_a_formula_that_would_come_out_wrong_is_refused(latex):
    with pytest.raises(BadMath):
        to_mathml(latex, display=False)


@given(st.text(alphabet="\\{}^_&$<>\"'abfrtexhl()[]0 ", max_size=40))
@settings(max_examples=300, deadline=None)
def test_no_formula_escapes_its_element(latex):
    try:
        html = to_mathml(latex, display=False)
    except BadMath:
        return
    Page(html).assert_harmless()
    assert html.startswith("<math") and html.count("<math") == 1


def test_a_large_text_is_rendered_in_reasonable_time():
    import time

    text = "[" * 3000 + "\n\n" + "*a " * 3000 + "\n\n" + "> " * 500 + "x\n\n" + "::: note\n" * 200
    started = time.monotonic()
    render(text, facts={})
    assert time.monotonic() - started < 5
