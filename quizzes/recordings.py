"""Variants that are read out of finished runs: which run a question is about, and whose it may be.

A stored run is the site's own, of a sample photo. The latest one is the learner's: of a sample, or of a photo of their own. Of
their own photo no class is asked, because what a network saw in it is told by the run alone and goes when the run goes: a
variant keeps shapes, counts and times, names that run, and so is asked of nobody else.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from uuid import UUID

from django.utils.translation import gettext as _

from accounts.models import User
from inference import facts, samples
from inference.models import Trace
from inference.services import latest_traces, stored_trace
from quizzes.drawers import Recipe, Variant, in_words
from quizzes.reading import READINGS, NotDrawable, Recording, Template, UnknownReading, reading_named
from quizzes.reading.words import TITLES, misconception, stem_of, worded
from quizzes.sketching.words import Misconception as Belief

TRACE = "trace"
"""The kind of a template whose variants are read out of finished runs."""

LATEST_READ = 3
"""How many of a learner's newest runs are tried: the newest one may be too near to call."""


class RecordingsDrawer:
    """Draws from runs: the recipe is {"template", "runs", "own"}; `own` names the networks whose latest run comes first."""

    def __init__(self, person: User | None = None) -> None:
        self._person = person
        self._own: dict[frozenset[str], list[Trace]] = {}
        self._stored: dict[tuple[str, str], Trace | None] = {}
        self._recordings: dict[UUID, Recording] = {}
        self._titles: dict[str, str] = {}

    def draw(self, recipe: Recipe, seed: int) -> Variant:
        """The variant that this seed gives; raises NotDrawable where no run is there, or none allows such a question."""
        try:
            template = reading_named(recipe["template"])
        except UnknownReading as error:
            raise NotDrawable(recipe["template"]) from error  # published by a version of this software that had it
        trace, recording = self._run_for(template, recipe, seed)
        drawn = template.draw(seed, recording)
        return in_words(
            drawn,
            worded=worded,
            misconception=misconception,
            stem=stem_of(drawn),
            of_run=str(trace.pk) if _is_private(trace) else "",
        )

    def title(self, recipe: Recipe) -> str:
        """What the template asks, in a few words; its name where this version of the software does not know it."""
        return str(TITLES.get(recipe["template"], recipe["template"]))

    def misconceptions(self, recipe: Recipe) -> frozenset[str]:
        """The slugs of the template's misconceptions."""
        template = READINGS.get(recipe["template"])
        return template.misconceptions if template else frozenset()

    def belief(self, slug: str) -> Belief:
        """What a template's misconception says."""
        return misconception(slug)

    def _run_for(self, template: Template, recipe: Recipe, seed: int) -> tuple[Trace, Recording]:
        """The newest own run that allows the question; else a stored one, by chance."""
        stored = list(self._stored_runs(recipe))
        Random(f"run:{seed}").shuffle(stored)  # noqa: S311 - a seed has to give the same question again
        for trace in (*self._own_runs(recipe), *stored):
            recording = self._recording(trace)
            if template.allows(recording) and not (_is_private(trace) and template.names_classes):
                return trace, recording
        raise NotDrawable(template.name)

    def _own_runs(self, recipe: Recipe) -> list[Trace]:
        networks = frozenset(recipe["own"])
        if self._person is None or not networks:
            return []
        if networks not in self._own:
            self._own[networks] = latest_traces(owner=self._person, networks=networks, limit=LATEST_READ)
        return self._own[networks]

    def _stored_runs(self, recipe: Recipe) -> Iterator[Trace]:
        for run in recipe["runs"]:
            place = (run["network"], run["sample"])
            if place not in self._stored:
                self._stored[place] = stored_trace(network=place[0], sample=place[1])
            if trace := self._stored[place]:
                yield trace

    def _recording(self, trace: Trace) -> Recording:
        if trace.pk not in self._recordings:
            self._titles = self._titles or facts.titles()
            job = trace.job
            sample = samples.sample_of(job.sample)
            photo = str(sample.title) if sample else job.sample or _("your own")
            self._recordings[trace.pk] = Recording(self._titles.get(job.network, job.network), photo, job.document or {})
        return self._recordings[trace.pk]


def _is_private(trace: Trace) -> bool:
    """Whether the run is of somebody's own photo."""
    return trace.job.upload_id is not None
