"""Questions that are drawn anew each time they are asked: a template's variants, as ordinary rows.

A template is a published question version of a kind that `DRAWERS` knows. It is asked of nobody. Each attempt asks a variant:
a question version of an ordinary kind with options and a key of its own, which points to its template and names its seed. So
whatever asks, shows, grades or explains questions does so with variants as with all others, and what a learner saw is kept.

What a variant is drawn from, and who finds the words for it, is the matter of the kind's drawer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Mapping
from random import SystemRandom
from types import MappingProxyType
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import override

from accounts.models import User
from inference.facts import facts_of_each
from lessons.models import Course
from quizzes.drawers import Drawer, Recipe, Variant, VariantOption, in_words
from quizzes.generating import TEMPLATES, Drawn, NotDrawable, UnknownTemplate, template_named
from quizzes.generating.words import TITLES, misconception, worded
from quizzes.models import KeyRevision, Misconception, QuestionVersion
from quizzes.questions import Asks, kind_named
from quizzes.recordings import TRACE, RecordingsDrawer
from quizzes.sketching.words import Misconception as Belief
from quizzes.storing import key_says, public_digest, store_question_version

__all__ = [
    "DRAWERS",
    "GENERATED",
    "TRACE",
    "Drawer",
    "NotDrawable",
    "Recipe",
    "Variant",
    "VariantOption",
    "Variants",
    "is_template",
    "misconceptions_of",
    "samples_of",
    "title_of",
    "variant_of",
]

GENERATED = "generated"
"""The kind of a template whose variants are drawn from networks' facts."""

SEEDS = 2**31
"""Seeds are below this: what a positive integer column holds everywhere."""

TRIES = 20
"""How many seeds are tried for words that were not asked yet."""


class FactsDrawer:
    """Draws from networks' facts: the recipe is {"template", "parameters", "networks"}, as `quizzes.generating` has them."""

    def __init__(self, _person: User | None = None) -> None:
        self._facts: dict[str, dict[str, Any]] = {}
        self._asked: set[str] = set()

    def draw(self, recipe: Recipe, seed: int) -> Variant:
        """The variant that this seed gives; raises NotDrawable."""
        return in_words(self.drawn(recipe, seed), worded=worded, misconception=misconception)

    def title(self, recipe: Recipe) -> str:
        """What the template asks, in a few words; its name where this version of the software does not know it."""
        return str(TITLES.get(recipe["template"], recipe["template"]))

    def misconceptions(self, recipe: Recipe) -> frozenset[str]:
        """The slugs of the template's misconceptions."""
        template = TEMPLATES.get(recipe["template"])
        return template.misconceptions if template else frozenset()

    def belief(self, slug: str) -> Belief:
        """What a template's misconception says."""
        return misconception(slug)

    def drawn(self, recipe: Recipe, seed: int) -> Drawn:
        """The same as codes and figures; raises NotDrawable."""
        try:
            template = template_named(recipe["template"])
        except UnknownTemplate as error:
            raise NotDrawable(recipe["template"]) from error  # published by a version of this software that had it
        parameters = recipe.get("parameters") or {}
        return template.draw(seed, self._facts_of({*recipe["networks"], *parameters.values()}), parameters)

    def _facts_of(self, networks: set[str]) -> dict[str, dict[str, Any]]:
        if unknown := networks - self._asked:
            self._facts |= facts_of_each(unknown)
            self._asked |= unknown
        return {network: facts for network, facts in self._facts.items() if network in networks}


DRAWERS: Mapping[str, Callable[[User | None], Drawer]] = MappingProxyType({GENERATED: FactsDrawer, TRACE: RecordingsDrawer})
"""The kind of a template → what draws its variants, for a person or for nobody. A new kind of template is a line here."""


def is_template(version: QuestionVersion) -> bool:
    """Whether it is asked by its variants, and never itself."""
    return version.kind in DRAWERS


def title_of(template: QuestionVersion) -> str:
    """What a template asks, in a few words, in the language that is active."""
    return DRAWERS[template.kind](None).title(template.recipe)


def misconceptions_of(template: QuestionVersion) -> frozenset[str]:
    """The slugs of what may lead to a template's distractors."""
    return DRAWERS[template.kind](None).misconceptions(template.recipe)


def variant_of(template: QuestionVersion, *, seed: int | None = None) -> QuestionVersion:
    """The template's variant of this seed (none: of chance), as a stored question version with options and a key.

    The same seed gives the same row for as long as its words are the same, in two threads as well. Raises NotDrawable where
    nothing can be drawn. For several variants in one piece of work use `Variants`.
    """
    return Variants().of(template, seed=seed)


SAMPLE_SEEDS = (1, 2, 3, 4, 5)
"""Of the variants that an author is shown, and that publishing checks."""


def samples_of(kind: str, recipe: Recipe, *, language: str) -> list[Variant]:
    """Five variants of a template that may not be published yet, in that language; nothing is stored. Raises NotDrawable."""
    drawer = DRAWERS[kind](None)
    with override(language):
        return [drawer.draw(recipe, seed) for seed in SAMPLE_SEEDS]


class Variants:
    """Draws variants for one piece of work, looking up each thing once; `person` is who is asked, if it is anybody."""

    def __init__(self, person: User | None = None) -> None:
        self._person = person
        self._drawers: dict[str, Drawer] = {}
        self._beliefs: dict[int, dict[str, Belief]] = {}
        self._chance = SystemRandom()

    def of(self, template: QuestionVersion, *, seed: int | None = None, besides: Container[str] = ()) -> QuestionVersion:
        """See `variant_of`. Without a seed, words whose stem is in `besides` are drawn only where no others are found."""
        if seed is None:
            seed = self._fresh_seed(template, besides)
        return self._stored(template, seed, self.drawn(template, seed))

    def _fresh_seed(self, template: QuestionVersion, besides: Container[str]) -> int:
        seeds = [self._chance.randrange(SEEDS) for _try in range(TRIES)]
        return next((seed for seed in seeds if self.drawn(template, seed).stem not in besides), seeds[0])

    def drawn(self, template: QuestionVersion, seed: int) -> Variant:
        """The words of a variant in its course's language; nothing is stored. Raises NotDrawable."""
        with override(_course(template).language):
            return self._drawer(template.kind).draw(template.recipe, seed)

    def _drawer(self, kind: str) -> Drawer:
        if kind not in self._drawers:
            self._drawers[kind] = DRAWERS[kind](self._person)
        return self._drawers[kind]

    def _stored(self, template: QuestionVersion, seed: int, variant: Variant) -> QuestionVersion:
        public = _public_part(template, variant)
        key = json.loads(json.dumps(self._key_part(template, variant)))  # as the database will give it back
        kept = _kept(template, seed, public)
        if kept is None:
            try:
                with transaction.atomic():
                    kept = store_question_version(
                        public, question_id=template.question_id, number=template.number, template=template, seed=seed
                    )
                    KeyRevision.objects.create(question_version=kept, number=1, **key)
                    return kept
            except IntegrityError:
                # Another thread drew the same: its row is the one.
                kept = _kept(template, seed, public)
                if kept is None:
                    raise
        _keep_key(kept, key)
        return kept

    def _key_part(self, template: QuestionVersion, variant: Variant) -> dict[str, Any]:
        """All that is said after an answer. A misconception that the course describes is told in the course's words."""
        own = self._beliefs_of(_course(template))
        beliefs = {option.key: own.get(option.belief.slug, option.belief) for option in variant.options if option.belief}
        return {
            "correct": list(variant.right),
            "rule": dict(variant.rule),
            "feedback": {option.key: option.feedback for option in variant.options},
            "misconceptions": {key: _told(belief) for key, belief in beliefs.items()},
            "hint": variant.hint,
            "solution": list(variant.solution),
            "answer": variant.answer,
            "facts": {},
        }

    def _beliefs_of(self, course: Course) -> dict[str, Belief]:
        if course.pk not in self._beliefs:
            rows = Misconception.objects.filter(course=course).values_list("slug", "title", "belief", "why", "mistake")
            self._beliefs[course.pk] = {row[0]: Belief(*row) for row in rows}
        return self._beliefs[course.pk]


def _course(template: QuestionVersion) -> Course:
    return template.question.lesson.course


def _public_part(template: QuestionVersion, variant: Variant) -> dict[str, Any]:
    """All that is shown of a variant before an answer."""
    options = variant.options if kind_named(variant.kind).asks is not Asks.NUMBER else ()
    own = {"recipe": {"run": variant.of_run}} if variant.of_run else {}
    return own | {
        "kind": variant.kind,
        "about": template.about,
        "difficulty": template.difficulty,
        "objective": template.objective,
        "stem": variant.stem,
        "options": [{"key": option.key, "text": option.text} for option in options],
        "facts": {},
    }


def _told(belief: Belief) -> dict[str, str]:
    return {
        "slug": belief.slug,
        "title": belief.title,
        "belief": belief.belief,
        "why": belief.why,
        "mistake": belief.mistake,
    }


def _kept(template: QuestionVersion, seed: int, public: Mapping[str, Any]) -> QuestionVersion | None:
    return template.variants.filter(seed=seed, public_sha256=public_digest(public)).first()


def _keep_key(variant: QuestionVersion, key: Mapping[str, Any]) -> None:
    """A new key where what is said after an answer is worded otherwise by now."""
    newest = variant.key_revisions.order_by("-number").first()
    if newest is not None and key_says(newest, key):
        return
    try:
        with transaction.atomic():
            KeyRevision.objects.create(question_version=variant, number=newest.number + 1 if newest else 1, **key)
    except IntegrityError:
        pass  # another thread has just kept the same
