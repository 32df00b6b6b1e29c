"""`::: trace …`: a recorded run in a lesson, to replay. From a file beside lesson.md, or one of the site's own runs.

A file's film belongs to the lesson's version and never changes. One of the site's own runs is looked up when the page is
served: it may not have run yet when the lesson is published, and a newer engine makes a newer one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.core.cache import cache
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from inference import facts as stored_facts
from inference.models import Trace
from inference.presenting import waiting_frames
from inference.samples import all_samples, sample_of
from inference.services import request_trace, stored_trace
from inference.sharing.reading import NotReadable
from inference.sharing.schema import DrawnPicture, StagePart
from inference.sharing.showing import Film, film_of, film_of_trace, read_once, staleness
from lessons.facts import FactMissing, Facts
from lessons.parts import Severity
from web.problems import Problem

if TYPE_CHECKING:
    from lessons.models import LessonVersion

SUFFIX = ".json"
KEEP_SECONDS = 60 * 60

_FILE = re.compile(r"^[a-z0-9][a-z0-9._-]{0,80}\.json$")
_SETTING = re.compile(r"^(network|sample)=([a-z0-9_-]+)$")
_PLACE = re.compile(r'<div data-house-film="([a-z0-9_]+) ([a-z0-9_-]+) ([a-z0-9-]+) ([0-9]+)"></div>')


@dataclass(frozen=True, slots=True)
class Asked:
    """What a block asks for: a file of the lesson, or a network on a sample."""

    file: str = ""
    network: str = ""
    sample: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a film stands in a lesson: its id there, and which of the lesson's films it is, counted from 1."""

    id: str
    number: int


class BadFilm(ValueError):
    """A block that can't be shown; its text says why, and what to write."""


def asked_for(arguments: Sequence[str]) -> Asked:
    """What stands behind `::: trace`; raises BadFilm."""
    if len(arguments) == 1 and _FILE.match(arguments[0]):
        return Asked(file=arguments[0])
    matches = [match for argument in arguments if (match := _SETTING.match(argument))]
    settings = {match[1]: match[2] for match in matches}
    if len(arguments) == 2 and set(settings) == {"network", "sample"}:
        return Asked(network=settings["network"], sample=settings["sample"])
    raise BadFilm(
        _("Name a recorded run beside lesson.md (::: trace run.json), or one of the site’s own: %(example)s.")
        % {"example": "::: trace network=efficientnet_lite0 sample=chelsea"}
    )


def problems_with(asked: Asked, files: Mapping[str, str], facts: Facts) -> Iterator[tuple[Severity, str]]:
    """What is wrong with a block whose words are right: errors stop publishing, warnings are said."""
    if asked.file:
        yield from _problems_with_file(asked.file, files)
        return
    try:
        facts(f"{asked.network}.title")
    except FactMissing:
        message = _(
            "Nothing is known about the network “%(network)s”. Check its name, or compute it:"
            " manage.py compute_facts %(network)s."
        )
        yield Severity.ERROR, message % {"network": asked.network}
    if sample_of(asked.sample) is None:
        known = ", ".join(sample.id for sample in all_samples())
        message = _("There is no sample photo “%(sample)s”. Photos: %(known)s.")
        yield Severity.ERROR, message % {"sample": asked.sample, "known": known}
        return
    if not _is_there_or_comes(asked):
        message = _(
            "This site has no run of %(network)s on this photo, and can’t make one: its weights are not on this machine."
            " Learners see the empty film until they are."
        )
        yield Severity.WARNING, message % {"network": asked.network}


def _problems_with_file(name: str, files: Mapping[str, str]) -> Iterator[tuple[Severity, str]]:
    if name not in files:
        message = _("There is no file “%(name)s” in this lesson. Add the recorded run beside lesson.md, or correct the name.")
        yield Severity.ERROR, message % {"name": name}
        return
    try:
        read = read_once(files[name])
    except NotReadable as error:
        for sentence in error.sentences:
            yield Severity.ERROR, f"{name}: {sentence}"
        return
    if old := staleness(read.document):
        yield Severity.WARNING, f"{name}: {old}"


def _is_there_or_comes(asked: Asked) -> bool:
    return can_run(asked.network) or stored_trace(network=asked.network, sample=asked.sample) is not None


def can_run(network: str) -> bool:
    """Whether the network's weights are on this machine."""
    known = stored_facts.facts_of(network) or {}
    record = stored_facts.usable_weights(network, known) if known else None
    return bool(record and record["available"])


# --- showing ------------------------------------------------------------------------------------------------------------


def film_html(asked: Asked, version: LessonVersion, place: Place) -> SafeString:
    """The film of a file, or the place where `filled` puts one of the site's own runs. Raises BadFilm for a bad file."""
    if asked.network:
        return format_html('<div data-house-film="{} {} {} {}"></div>', asked.network, asked.sample, place.id, place.number)
    try:
        document = read_once(version.files[asked.file]).document
    except (KeyError, NotReadable) as error:
        raise BadFilm(str(error)) from error

    def picture_url(stage: StagePart, picture: DrawnPicture) -> str:
        if version.pk is None:  # a preview: nothing is stored that an address could lead to
            return f"data:{picture.media_type};base64,{picture.content}"
        course, lesson = version.lesson.course.slug, version.lesson.slug
        return reverse("lessons:film_picture", args=[course, lesson, version.number, asked.file, stage.index])

    return _rendered(film_of(document, picture_url=picture_url), place)


def picture_in(version: LessonVersion, name: str, index: int) -> tuple[bytes, str] | None:
    """A picture of one of the version's recorded runs, with its media type; None where there is none."""
    try:
        read = read_once(version.files[name]) if name.endswith(SUFFIX) else None
    except (KeyError, NotReadable):
        return None
    if read is None or index not in read.stages:
        return None
    picture = read.document.stages[index].picture
    return (read.stages[index], picture.media_type) if picture else None


def filled(html: str) -> SafeString:
    """A lesson's HTML with the site's own runs in their places."""
    return mark_safe(_PLACE.sub(_house_film, html))  # noqa: S308 - templates made both


def _house_film(asked: re.Match[str]) -> str:
    network, sample, film_id, number = asked.groups()
    place = Place(film_id, int(number))
    trace = stored_trace(network=network, sample=sample)
    if trace is None:
        return _empty_film(network, sample, place)
    key = f"lessons.films:{trace.pk}:{place.id}:{place.number}:{get_language()}"
    html = cache.get(key)
    if html is None:
        html = str(_rendered(film_of_trace(Trace.objects.select_related("job__upload").get(pk=trace.pk)), place))
        cache.set(key, html, KEEP_SECONDS)
    return str(html)


def is_shown_in(html: str) -> bool:
    """Whether a page needs what plays films."""
    return 'class="replay"' in html


def _empty_film(network: str, sample: str, place: Place) -> str:
    """The stages that will run, and why there is nothing in them yet."""
    known = stored_facts.facts_of(network) or {}
    photo = sample_of(sample)
    context = {
        "network": network if known else "",
        "comes": can_run(network),
        "network_title": str(known.get("title") or network),
        "photo_title": str(photo.title) if photo else sample,
        "frames": waiting_frames(known),
        "id": place.id,
        "film_number": place.number,
    }
    return render_to_string("lessons/_film_waiting.html", context)


def _rendered(film: Film, place: Place) -> SafeString:
    context = {"film": film, "id": place.id, "film_number": place.number, "provenance": film.provenance}
    return render_to_string("inference/_replay.html", context)


# --- publishing ---------------------------------------------------------------------------------------------------------


def ask_for_house_runs(asked: Sequence[Asked], *, now: datetime) -> None:
    """Ask for those of the site's own runs that a lesson shows and that nobody has run; without weights there are none."""
    for one in asked:
        if one.network and stored_trace(network=one.network, sample=one.sample) is None:
            with suppress(Problem):  # what stops it was told by the checks
                request_trace(owner=None, network=one.network, sample=one.sample, now=now)
