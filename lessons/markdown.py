"""An author's Markdown as safe HTML, and what is wrong with it.

The author's words become HTML first and are sanitised; what the house computes (figures, formulas, code and its recorded
output, tables of facts, pictures) is put in afterwards, where a placeholder stands that no author can write: it carries
a random number drawn for this one rendering.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING, Any, Literal

import nh3
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import slugify
from django.utils.translation import gettext as _
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from lessons.blocks import LessonBlock, lesson_blocks
from lessons.facts import FactMissing, Facts, frozen
from lessons.figures import BadFigure, exact_figure, write_figure
from lessons.films import Asked, BadFilm, Place, asked_for, film_html, problems_with
from lessons.mathml import BadMath, to_mathml
from lessons.parts import Finding, Severity
from lessons.samples import BadSample, CodeSample, is_python, missing_sentence, read_sample
from lessons.syntax import dialect
from lessons.tables import COLUMNS, DEFAULT_COLUMNS, network_rows, stage_rows, title_of, version_of
from web.code import highlighted

if TYPE_CHECKING:
    from lessons.models import LessonVersion

Level = Literal["full", "inline"]

_PIPE = "\ue002"  # stands for a | inside {{ … }}, which would otherwise end a table's cell
_PRIVATE = re.compile("[\ue000-\ue00f\x00]")
_BRACES = re.compile(r"\{\{[^{}\n]*\}\}")
_TAG = re.compile(r"</?[A-Za-z][A-Za-z0-9]*(?:\s[^<>]*)?/?>|<!--")
_SETTING = re.compile(r'(?P<name>[a-z]+)="(?P<value>[^"]*)"')
_NETWORK = re.compile(r"^[a-z0-9_]+$")

_TAGS = {
    *("p", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "hr", "br", "strong", "em", "s", "code", "a"),
    *("table", "caption", "thead", "tbody", "tr", "th", "td", "sup", "section", "details", "summary", "div", "span"),
}
_ATTRIBUTES = {
    "a": {"href", "title", "id", "rel"},
    "ol": {"start"},
    "li": {"id"},
    "caption": {"id"},
    **{f"h{level}": {"id"} for level in range(2, 7)},
}
_CLASSES = {
    "details": {"predict"},
    "span": {"predict-label", "predict-ask"},
    "div": {"callout", "insight", "note", "warning", "predict-reveal"},
    "p": {"callout-label"},
    "sup": {"footnote-ref"},
    "section": {"footnotes"},
    "ol": {"footnotes-list"},
    "li": {"footnote-item"},
    "a": {"footnote-backref"},
    "th": {"right", "center"},
    "td": {"right", "center"},
}
_VALUES = {
    "div": {"role": {"note"}},
    "th": {"scope": {"col"}},
}


@dataclass(slots=True)
class Build:
    """One text on its way to a page: what it may use, what it turned out to need, and what is wrong with it."""

    facts: Facts
    outputs: Mapping[str, Any] | None = None
    version: LessonVersion | None = None
    pictures: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    blocks: Mapping[str, LessonBlock] = field(default_factory=dict)
    files: Mapping[str, str] | None = None  # the lesson's files, where the text is checked as a lesson's own
    file: str = "lesson.md"
    first_line: int = 1
    is_lesson: bool = False  # a lesson's own body: its Python samples need ids
    prefix: str = "s-"
    findings: list[Finding] = field(default_factory=list)
    samples: list[CodeSample] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    anchors: dict[str, int] = field(default_factory=dict)
    films: int = 0
    links: list[tuple[str, int]] = field(default_factory=list)
    headings: list[tuple[int, int]] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    mark: str = field(default_factory=lambda: secrets.token_hex(16))

    def part(self, html: str) -> str:
        """The placeholder of a computed part."""
        self.parts.append(html)
        return f"\ue000{self.mark}:{len(self.parts) - 1}\ue001"

    def complain(self, line: int, message: str, severity: Severity = Severity.ERROR) -> None:
        self.findings.append(Finding(self.file, line + self.first_line, message, severity))

    def missing(self, line: int, message: str, shown: str) -> str:
        """Notes what is wrong and returns what stands there instead, so that a preview shows where."""
        self.complain(line, message)
        return self.part(f'<mark class="wrong-figure">{escape(shown)}</mark>')

    def anchor(self, words: str) -> str:
        """An id for a heading, a table or a film that nothing else of the text has."""
        name = made = _slug(words)
        while made in self.anchors:  # a heading may be called what a second one of another name would be: "Film 2"
            self.anchors[name] += 1
            made = f"{name}-{self.anchors[name]}"
        self.anchors[made] = 1
        return f"{self.prefix}{made}"


def render(
    text: str,
    *,
    facts: Facts | Mapping[str, Any],
    outputs: Mapping[str, Any] | None = None,
    lesson_version: LessonVersion | None = None,
    level: Level = "full",
    prefix: str = "s-",
) -> SafeString:
    """The text as safe HTML. What is wrong is marked where it stands, never raised. `prefix` begins the ids of its headings."""
    pictures = lesson_version.pictures if lesson_version else {}
    build = Build(
        _lookup(facts), outputs=outputs, version=lesson_version, pictures=pictures, blocks=lesson_blocks(), prefix=prefix
    )
    return _rendered(text, build, level)


def check(
    text: str,
    *,
    facts: Facts | Mapping[str, Any],
    file: str,
    first_line: int = 1,
    pictures: Mapping[str, Mapping[str, Any]] | None = None,
    files: Mapping[str, str] | None = None,
    is_lesson: bool = False,
) -> list[Finding]:
    """What is wrong with a text, each with its line: figures, formulas, samples, headings, pictures, blocks, links.

    `files` are those beside a lesson's own text; without them it can show no recorded run.
    """
    build = Build(
        _lookup(facts),
        pictures=pictures or {},
        blocks=lesson_blocks(),
        files=files,
        file=file,
        first_line=first_line,
        is_lesson=is_lesson,
    )
    _rendered(text, build, "full")
    _check_headings(build)
    _check_links(build)
    return sorted(set(build.findings))


def samples_of(text: str, *, first_line: int = 1) -> list[CodeSample]:
    """The code samples of a text in order; fences that are none are left out."""
    samples = []
    for token in dialect().parse(_prepared(text)):
        if token.type == "fence" and is_python(token.info):
            try:
                samples.append(read_sample(token.info, _restored(token.content), (token.map or [0])[0] + first_line))
            except BadSample:
                continue
    return samples


def headings_of(text: str) -> list[str]:
    """The words of a text's headings, in order."""
    tokens = dialect().parse(_prepared(text))
    return [
        "".join(_plain_text(tokens[index + 1].children or [], None))
        for index, token in enumerate(tokens)
        if token.type == "heading_open"
    ]


def heading_id(words: str, *, prefix: str = "s-") -> str:
    """The id of the first heading of these words in a text that was rendered with this prefix."""
    return f"{prefix}{_slug(words)}"


def _slug(words: str) -> str:
    return slugify(words)[:60] or "section"


def films_of(text: str) -> list[Asked]:
    """The recorded runs that a text shows, in order; blocks that name none are left out."""
    films = []
    for token in dialect().parse(_prepared(text)):
        if token.type == "block" and token.info == "trace":
            with suppress(BadFilm):
                films.append(asked_for(token.content.split()))
    return films


def facts_used(text: str, facts: Facts) -> list[str]:
    """The facts that a text asks for while it is written, in order; those that are missing among them."""
    asked: list[str] = []

    def asking(path: str) -> Any:
        asked.append(path)
        return facts(path)

    _rendered(text, Build(asking, blocks={}), "full")
    return list(dict.fromkeys(asked))


def _lookup(facts: Facts | Mapping[str, Any]) -> Facts:
    return frozen(facts) if isinstance(facts, Mapping) else facts


def _prepared(text: str) -> str:
    text = _PRIVATE.sub("\ufffd", text.replace("\r\n", "\n"))
    return _BRACES.sub(lambda match: match[0].replace("\\|", "|").replace("|", _PIPE), text)


def _restored(text: str) -> str:
    return text.replace(_PIPE, "|")


def _rendered(text: str, build: Build, level: Level) -> SafeString:
    md = _parser()
    env = {"build": build, "docId": build.prefix.strip("-")}
    prepared = _prepared(text)
    html = md.renderInline(prepared, env) if level == "inline" else md.render(prepared, env)
    clean = nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        allowed_classes=_CLASSES,
        tag_attribute_values=_VALUES,
        url_schemes={"http", "https", "mailto"},
        link_rel=None,
    )
    placeholders = f"\ue000{build.mark}:([0-9]+)\ue001|[\ue000\ue001\ue003-\ue00f]"
    whole = re.sub(placeholders, lambda match: build.parts[int(match[1])] if match[1] else "\ufffd", clean)
    return mark_safe(_restored(whole))  # noqa: S308 - the author's part was sanitised, the rest is the house's own


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    md = dialect()
    own = _Renderer(md)
    rules: dict[str, Any] = {**vars(md.renderer)["rules"], **own.own_rules()}
    own.rules = rules
    md.renderer = own
    return md


def sample_html(sample: CodeSample, output: Mapping[str, Any] | None) -> SafeString:
    """A code sample with its recorded output, or why there is none."""
    context = {
        "sample": sample,
        "code": highlighted(sample.code, "python"),
        "output": output,
        "missing": missing_sentence(output or {}),
        "error": f"{output['raised']}: {output['message']}".removesuffix(": ") if output and output.get("raised") else "",
    }
    return render_to_string("lessons/_sample.html", context)


def _code(code: str, language: str) -> SafeString:
    return render_to_string("lessons/_code.html", {"code": highlighted(code, language), "language": language or _("text")})


class _Renderer(RendererHTML):
    """Tokens to HTML; `env["build"]` is the text's Build."""

    _own = (
        *("figure", "math_inline", "math_block", "fence", "code_block", "image", "link_open", "heading_open", "text"),
        *("table_open", "table_close", "th_open", "td_open", "container_open", "container_close", "block", "stray_end"),
        *("footnote_caption", "footnote_anchor"),
    )

    def own_rules(self) -> dict[str, Callable[..., str]]:
        return {name: getattr(self, f"_{name}") for name in self._own}

    def _text(self, tokens: Sequence[Token], index: int, _options: Any, env: Any) -> str:
        content = tokens[index].content
        if tag := _TAG.search(content):
            message = _("“%(tag)s” is shown as text: HTML is not part of a lesson. Use Markdown or a ::: block.") % {
                "tag": tag[0]
            }
            env["build"].complain(tokens[index].meta.get("line", 0), message, Severity.WARNING)
        return escape(content, quote=False)

    def _figure(self, tokens: Sequence[Token], index: int, _options: Any, env: Any) -> str:
        build: Build = env["build"]
        expression = _restored(tokens[index].content)
        try:
            words, exact = write_figure(expression, build.facts), exact_figure(expression, build.facts)
        except BadFigure as error:
            return build.missing(tokens[index].meta.get("line", 0), str(error), "{{ " + expression + " }}")
        return build.part(f'<data class="figure" value="{escape(exact)}">{escape(words)}</data>')

    def _math_inline(self, tokens: Sequence[Token], index: int, _options: Any, env: Any) -> str:
        return self._math(tokens[index], env["build"], display=False)

    def _math_block(self, tokens: Sequence[Token], index: int, _options: Any, env: Any) -> str:
        return self._math(tokens[index], env["build"], display=True)

    def _math(self, token: Token, build: Build, *, display: bool) -> str:
        try:
            mathml = to_mathml(_restored(token.content).strip(), display=display)
        except BadMath as error:
            line = token.map[0] if token.map else token.meta.get("line", 0)
            return build.missing(line, str(error), token.content)
        return build.part(
            f'<div class="formula" tabindex="0" role="group" aria-label="{escape(_("Formula"))}">{mathml}</div>'
            if display
            else mathml
        )

    def _fence(self, tokens: Sequence[Token], index: int, _options: Any, env: Any) -> str:
        build: Build = env["build"]
        token = tokens[index]
        line = token.map[0] if token.map else 0
        info, code = token.info.strip(), _restored(token.content)
        if is_python(info) and (build.is_lesson or " " in info):
            return self._sample(info, code, line, build)
        return build.part(_code(code, info.split(" ", 1)[0]))

    def _code_block(self, tokens: Sequence[Token], index: int, _options: Any, env: Any) -> str:
        return str(env["build"].part(_code(_restored(tokens[index].content), "")))

    def _sample(self, info: str, code: str, line: int, build: Build) -> str:
        try:
            sample = read_sample(info, code, line + build.first_line)
        except BadSample as error:
            build.complain(line, str(error))
            return build.part(_code(code, "python"))
        if any(other.id == sample.id for other in build.samples):
            build.complain(line, _("Two samples have the id “%(id)s”. Give each its own.") % {"id": sample.id})
        build.samples.append(sample)
        output = None if build.outputs is None else build.outputs.get(sample.id)
        return build.part(sample_html(sample, output))

    def _image(self, tokens: Sequence[Token], index: int, _options: Any, env: Any) -> str:
        build: Build = env["build"]
        token = tokens[index]
        line = token.meta.get("line", 0)
        name = str(token.attrs.get("src", ""))
        alt = "".join(_plain_text(token.children or [], build))
        if not alt.strip():
            build.complain(
                line,
                _("The picture “%(name)s” says nothing to people who can’t see it. Describe it: ![…](%(name)s).")
                % {"name": name},
            )
        picture = build.pictures.get(name)
        if picture is None:
            message = _(
                "There is no picture “%(name)s” in this lesson. Add the file beside lesson.md, or correct the name."
            ) % {"name": name}
            return build.missing(line, message, alt or name)
        context = {
            "url": picture_url(build.version, name, str(picture["sha256"])) if build.version else "",
            "alt": alt,
            "width": picture.get("width"),
            "height": picture.get("height"),
            "caption": str(token.attrs.get("title", "")) if token.meta.get("alone") else "",
        }
        return build.part(render_to_string("lessons/_picture.html", context))

    def _link_open(self, tokens: Sequence[Token], index: int, _options: Any, env: Any) -> str:
        build: Build = env["build"]
        token = tokens[index]
        href = str(token.attrs.get("href", ""))
        build.links.append((href, token.meta.get("line", 0)))
        title = f' title="{escape(str(token.attrs["title"]))}"' if token.attrs.get("title") else ""
        rel = ' rel="noopener noreferrer external"' if re.match(r"^(?:[a-z]+:|//)", href, re.IGNORECASE) else ""
        if href.startswith("#"):
            href = f"#{build.prefix}{href[1:]}"
        return f'<a href="{escape(href)}"{title}{rel}>'

    def _heading_open(self, tokens: Sequence[Token], index: int, _options: Any, env: Any) -> str:
        build: Build = env["build"]
        level = int(tokens[index].tag[1])
        line = (tokens[index].map or [0])[0]
        build.headings.append((level, line))
        words = "".join(_plain_text(tokens[index + 1].children or [], None))
        tokens[index].tag = tokens[index + 2].tag = f"h{max(level, 2)}"  # the page's own title is its h1
        return f'<h{max(level, 2)} id="{build.anchor(words)}">'

    def _table_open(self, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
        build: Build = env["build"]
        caption = tokens[index].meta.get("caption")
        if caption:
            name = build.anchor("table")
            label, words = (
                f'aria-labelledby="{name}"',
                f'<caption id="{name}">{self.renderInline(caption, options, env)}</caption>',
            )
        else:
            label, words = f'aria-label="{escape(_("Table"))}"', ""
            message = _("The table has no caption. Write a line “Table: …” before it, with an empty line between.")
            build.complain((tokens[index].map or [0])[0], message, Severity.WARNING)
        return build.part(f'<div class="table" tabindex="0" role="group" {label}>') + f"<table>{words}"

    def _table_close(self, _tokens: Sequence[Token], _index: int, _options: Any, env: Any) -> str:
        return "</table>" + str(env["build"].part("</div>"))

    def _th_open(self, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
        return f'<th scope="col"{_alignment(tokens[index])}>'

    def _td_open(self, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
        return f"<td{_alignment(tokens[index])}>"

    def _container_open(self, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
        build: Build = env["build"]
        token = tokens[index]
        line = (token.map or [0])[0]
        if not token.meta["closed"]:
            build.complain(line, _("“::: %(name)s” is never closed. End it with a line :::") % {"name": token.info})
        if token.info == "predict":
            if not token.content:
                build.complain(line, _("Ask something: ::: predict What comes out?"))
            question = self._inline(token.content, options, env)
            return (
                f'<details class="predict"><summary><span class="predict-label">{escape(_("Predict first"))}</span> {question}'
                f' <span class="predict-ask">{escape(_("Decide on an answer, then open."))}</span></summary>'
                f'<div class="predict-reveal">'
            )
        labels = {"insight": _("Key insight"), "note": _("Note"), "warning": _("Careful")}
        words = self._inline(token.content, options, env) if token.content else escape(labels[token.info])
        return f'<div class="callout {token.info}" role="note"><p class="callout-label">{words}</p>'

    def _inline(self, words: str, options: Any, env: Any) -> str:
        tokens = _parser().parseInline(words, env)
        return self.renderInline(tokens[0].children or [], options, env)

    def _container_close(self, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
        return "</div></details>" if tokens[index].info == "predict" else "</div>"

    def _stray_end(self, tokens: Sequence[Token], index: int, _options: Any, env: Any) -> str:
        env["build"].complain((tokens[index].map or [0])[0], _("This ::: closes nothing. Remove it."))
        return ""

    def _block(self, tokens: Sequence[Token], index: int, _options: Any, env: Any) -> str:
        build: Build = env["build"]
        token = tokens[index]
        try:
            return build.part(self._computed(token, build))
        except (BadFigure, BadFilm, FactMissing) as error:
            return build.missing((token.map or [0])[0], str(error), f"::: {token.info} {token.content}".rstrip())

    def _computed(self, token: Token, build: Build) -> str:
        """What a block on a line of its own shows; raises BadFigure, BadFilm and FactMissing."""
        arguments = token.content.split()
        match token.info:
            case "networks":
                return _networks(token.content, build.facts)
            case "stages":
                return _stages(arguments, build.facts)
            case "trace":
                return self._film(arguments, (token.map or [0])[0], build)
        block = build.blocks.get(token.info)
        if block is None:
            known = ", ".join(["predict", "insight", "note", "warning", "networks", "stages", "trace", *build.blocks])
            message = _("There is no block “::: %(name)s”. Blocks: %(known)s.")
            raise BadFigure(message % {"name": token.info, "known": known})
        if problem := block.check(arguments):
            raise BadFigure(problem)
        return block.render(arguments, version=build.version)

    def _film(self, arguments: Sequence[str], line: int, build: Build) -> str:
        """A recorded run where a version shows its text, what is wrong with it where the text is checked."""
        asked = asked_for(arguments)
        place = Place(build.anchor("film"), number=build.films + 1)
        build.films = place.number
        if build.version is not None:
            return film_html(asked, build.version, place)
        if build.files is None:
            raise BadFilm(_("A recorded run can stand in a lesson’s own text only."))
        for severity, message in problems_with(asked, build.files, build.facts):
            build.complain(line, message, severity)
        return ""

    def _footnote_caption(self, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
        return str(tokens[index].meta["id"] + 1)

    def _footnote_anchor(self, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
        name = self.rules["footnote_anchor_name"](tokens, index, options, env)
        label = escape(_("Back to the text"))
        return str(
            env["build"].part(f' <a class="footnote-backref" href="#fnref{escape(str(name))}" aria-label="{label}">↩</a>')
        )


def picture_url(version: LessonVersion, name: str, sha256: str) -> str:
    """Where a lesson's picture is served from: its content is part of the address, so it never changes."""
    return reverse("lessons:picture", args=[version.lesson.course.slug, version.lesson.slug, sha256, name])


def _alignment(token: Token) -> str:
    side = str(token.attrs.get("style", "")).removeprefix("text-align:")
    return f' class="{side}"' if side in ("right", "center") else ""


def _plain_text(tokens: Sequence[Token], build: Build | None) -> Iterator[str]:
    """The words without their markup; figures are written out when a build is given."""
    for token in tokens:
        if token.type == "figure" and build:
            try:
                yield write_figure(_restored(token.content), build.facts)
            except BadFigure as error:
                build.complain(token.meta.get("line", 0), str(error))
        elif token.type in ("text", "code_inline"):
            yield token.content
        elif token.type in ("softbreak", "hardbreak"):
            yield " "
        elif token.children:
            yield from _plain_text(token.children, build)


def _networks(words: str, facts: Facts) -> SafeString:
    settings = {match["name"]: match["value"] for match in _SETTING.finditer(words)}
    networks = _SETTING.sub("", words).split()
    columns = settings.get("columns", " ".join(DEFAULT_COLUMNS)).split()
    if not networks or not all(_NETWORK.match(name) for name in networks):
        raise BadFigure(_('Name the networks: ::: networks resnet50 vgg16 columns="parameters macs"'))
    unknown = [name for name in columns if name not in COLUMNS] + [
        name for name in settings if name not in ("columns", "caption")
    ]
    if unknown:
        raise BadFigure(
            _("There is no column “%(name)s”. Columns: %(known)s.") % {"name": unknown[0], "known": ", ".join(COLUMNS)}
        )
    context = {
        "rows": network_rows(networks, columns, facts),
        "columns": [COLUMNS[name].title for name in columns],
        "caption": settings.get("caption", ""),
        "torchvision": version_of(networks[0], facts),
        "macs": any("macs" in name or name == "flops" for name in columns),
    }
    return render_to_string("lessons/_networks.html", context)


def _stages(arguments: Sequence[str], facts: Facts) -> SafeString:
    if len(arguments) != 1:
        raise BadFigure(_("Name one network: ::: stages resnet50"))
    network = arguments[0]
    context = {
        "title": title_of(network, facts),
        "rows": stage_rows(network, facts),
        "torchvision": version_of(network, facts),
    }
    return render_to_string("lessons/_stages.html", context)


def _check_headings(build: Build) -> None:
    before = 1
    for level, line in build.headings:
        if level == 1:
            build.complain(line, _("The lesson’s title is the page’s only heading of level 1. Begin headings with ##."))
        elif level > before + 1:
            message = _("A heading of level %(level)s follows one of level %(before)s. Don’t skip a level.")
            build.complain(line, message % {"level": level, "before": before})
        before = max(level, 2) if level == 1 else level


def _check_links(build: Build) -> None:
    for href, line in build.links:
        if href.startswith("#"):
            if href[1:] not in build.anchors:
                build.complain(line, _("The link “%(link)s” leads to no heading of this lesson.") % {"link": href})
        elif not re.match(r"^(?:https?://|mailto:|/(?!/))", href, re.IGNORECASE):
            message = _("The link “%(link)s” leads nowhere. Begin it with https://, with / for a page of this site, or with #.")
            build.complain(line, message % {"link": href})
