"""Generated questions from the course folder on: checked, published, carded, and what their templates bring along."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import unescape

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from inference.facts import store_facts
from lessons.models import Lesson, LessonVersion
from quizzes.blocks import QuestionBlock
from quizzes.folder import QuestionsPart
from quizzes.misconceptions.probing import questions_told
from quizzes.models import KeyRevision, Misconception, QuestionVersion
from quizzes.services import finish_attempt
from tests.quizzes.conftest import QUESTIONS, Publish, context_for
from tests.quizzes.networks import know_tiny_networks, tiny_facts
from tests.quizzes.test_leaks import words_of
from tests.quizzes.test_likeness import META, WITH_GENERATED, answer, begin, place
from tests.quizzes.walk import walk

SignIn = Callable[[Client, User], Client]

ONE = "  - {uid: g-one, kind: generated, about: api, difficulty: easy, objective: heads, template: mistake_behind}\n"


def findings(lesson: Lesson, text: str) -> list[str]:
    return [str(finding) for finding in QuestionsPart().check(text, context_for(lesson, meta=META))]


@pytest.fixture
def version(publish: Publish) -> LessonVersion:
    know_tiny_networks()
    return publish(WITH_GENERATED, meta=META)


class TestChecks:
    @pytest.mark.parametrize(
        ("before", "after", "said"),
        [
            ("template: mistake_behind", "template: horoscope", "There is no template “horoscope”"),
            (", template: mistake_behind", "", "“questions.6.template” is missing"),
            ("kind: generated", "kind: generatd", "“questions.6.kind” must be one of"),
            (" kind: generated,", "", "“questions.6.kind” is missing"),
            ("template:", "templat: x, template:", "Did you mean “template”?"),
            ("template:", "stem: Words, template:", "There is no field “stem” here. Fields: about, difficulty, kind"),
            ("}", ", parameters: {network: vgg16}}", "Nothing is known of vgg16 yet. Run manage.py compute_facts vgg16"),
            ("}", ", parameters: {colour: blue}}", "There is no field “colour” here. Fields: network"),
            ("objective: heads", "objective: tails", "has no objective “tails”"),
        ],
    )
    def test_a_mistake_is_told_with_its_line(self, lesson: Lesson, before: str, after: str, said: str) -> None:
        know_tiny_networks()
        found = [one for one in findings(lesson, QUESTIONS + ONE.replace(before, after)) if said in one]
        assert found, findings(lesson, QUESTIONS + ONE.replace(before, after))
        assert found[0].startswith(f"questions.yaml:{QUESTIONS.count(chr(10)) + 1}:")

    def test_a_template_that_its_network_doesnt_allow(self, lesson: Lesson) -> None:
        store_facts("fewnet", tiny_facts("FewNet") | {"classes": 10}, now=timezone.now())
        found = findings(lesson, QUESTIONS + ONE.replace("}", ", parameters: {network: fewnet}}"))
        assert [one for one in found if "“mistake_behind” can’t be asked of fewnet. Name another network" in one]

    def test_what_is_sound_is_not_complained_about(self, lesson: Lesson) -> None:
        know_tiny_networks()
        text = WITH_GENERATED.replace("g-layer]", "g-layer, g-one]") + ONE
        assert [one for one in findings(lesson, text) if "error" in one and "snippet" not in one] == []

    def test_an_option_may_name_what_a_template_brings_along(self, lesson: Lesson) -> None:
        know_tiny_networks()
        text = QUESTIONS.replace("misconception: head-is-fc", "misconception: bgr")
        assert [one for one in findings(lesson, text) if "no misconception “bgr”" in one]
        assert not [one for one in findings(lesson, text + ONE) if "no misconception “bgr”" in one]


class TestPublishing:
    def test_a_template_has_a_recipe_and_no_words(self, version: LessonVersion) -> None:
        template = QuestionVersion.objects.get(question__uid="g-head")
        assert template.recipe == {"template": "head_input", "parameters": {}, "networks": ["tinynet", "widenet"]}
        assert (template.stem, template.options.count(), template.key_revisions.count()) == ("", 0, 0)

    def test_publishing_it_again_makes_no_new_version(self, version: LessonVersion, publish: Publish, learner: User) -> None:
        begin(learner, version, "practice")
        publish(WITH_GENERATED, meta=META)
        assert QuestionVersion.objects.filter(question__uid="g-head", template=None).count() == 1

    def test_other_networks_make_a_new_version_beside_its_variants(
        self, version: LessonVersion, publish: Publish, learner: User
    ) -> None:
        begin(learner, version, "practice")
        publish(WITH_GENERATED, meta={"networks": ["tinynet"]})
        found = QuestionVersion.objects.filter(question__uid="g-head")
        assert sorted(found.values_list("number", "kind")) == [(1, "generated"), (1, "single"), (2, "generated")]

    def test_templates_bring_their_misconceptions_with_a_page_and_a_mistake_to_run(
        self, client: Client, lesson: Lesson, publish: Publish
    ) -> None:
        know_tiny_networks()
        publish(QUESTIONS.replace("p-easy]", "p-easy, g-one]") + ONE, meta=META)
        brought = Misconception.objects.get(slug="bgr")
        assert (brought.lesson, brought.mistake) == (lesson, "bgr")
        page = client.get("/courses/vision/misconceptions/bgr/")
        assert page.status_code == 200
        assert brought.title in unescape(page.content.decode())
        publish(QUESTIONS)
        assert not Misconception.objects.filter(slug="bgr").exists(), "they go with the question"

    def test_the_lessons_own_words_stand(self, publish: Publish) -> None:
        know_tiny_networks()
        own = QUESTIONS.replace("slug: head-is-fc", "slug: bgr").replace("misconception: head-is-fc", "misconception: bgr")
        publish(own.replace("p-easy]", "p-easy, g-one]") + ONE, meta=META)
        assert Misconception.objects.get(slug="bgr").title == "Every head is called fc"


class TestPages:
    def test_a_card_says_what_is_asked_and_leads_to_practice(self, version: LessonVersion) -> None:
        card = QuestionBlock().render(["g-head"], version=version)
        assert "What a new head takes: another one each time." in card
        assert "practise/?question=g-head" in card

    def test_a_wrong_answer_links_to_the_page_of_its_belief_and_the_page_back(
        self, client: Client, version: LessonVersion, learner: User, sign_in: SignIn
    ) -> None:
        practice = begin(learner, version, "practice")
        asked = answer(practice, place(practice, "g-head"), right=False)
        key = KeyRevision.objects.get(question_version=asked.question_version)
        slug = key.misconceptions[sorted(key.misconceptions)[0]]["slug"]
        visitor = sign_in(client, learner)
        shown = visitor.get(f"/attempts/{practice.pk}/{asked.position}/").content.decode()
        assert f"/courses/vision/misconceptions/{slug}/" in shown
        told = questions_told(misconception=Misconception.objects.get(slug=slug), person=learner)
        assert [one.question_version.question.uid for one in told] == ["g-head"]
        back = unescape(visitor.get(f"/courses/vision/misconceptions/{slug}/").content.decode())
        assert "What a new head takes" in back

    @pytest.mark.parametrize("mode", ["practice", "test"])
    def test_nothing_of_a_variants_key_is_told_before_an_answer(
        self, client: Client, publish: Publish, learner: User, sign_in: SignIn, mode: str
    ) -> None:
        know_tiny_networks()
        text = WITH_GENERATED
        if mode == "test":
            text = text.replace("g-head, g-layer]", "g-layer]").replace("q-printed]", "q-printed, g-head]")
        attempt = begin(learner, publish(text, meta=META), mode)
        secrets = secrets_of(QuestionVersion.objects.filter(question__uid="g-head", seed__isnull=False))
        assert len(secrets) > 5
        visitor = sign_in(client, learner)
        for _route, address, response in walk(visitor, attempt):
            said = unescape(words_of(response)) + str(response.headers)
            leaked = {secret for secret in secrets if secret in said}
            assert not leaked or "/misconceptions" in address, (address, leaked)
        answer(attempt, place(attempt, "g-head"), right=False)
        finish_attempt(attempt=attempt, now=timezone.now())
        results = unescape(visitor.get(f"/attempts/{attempt.pk}/results/").content.decode())
        assert any(secret in results for secret in secrets), "what was looked for is there once it may be told"


def secrets_of(variants: object) -> set[str]:
    """Everything that only the keys of these variants say: words long enough to be nobody else's."""
    said: set[str] = set()
    for key in KeyRevision.objects.filter(question_version__in=variants):  # type: ignore[misc]
        words = [key.hint, *key.solution, *key.feedback.values()]
        words += [belief[name] for belief in key.misconceptions.values() for name in ("belief", "why", "slug")]
        said |= {re.sub(r"`", "", each) for each in words if "`" not in each}
        assert json.dumps(key.correct)
    return {words for words in said if len(words) > 15}
