"""The kind “trace” in questions.yaml: what may be said, what is warned of, what is published and asked."""

from __future__ import annotations

import pytest
from django.utils import timezone

from accounts.models import User
from inference.facts import store_facts
from inference.models import Trace
from lessons.models import Lesson
from lessons.parts import Severity
from quizzes.drawing import can_ask
from quizzes.folder import QuestionsPart
from quizzes.models import QuestionVersion, QuizVersion
from quizzes.reading import Recording
from quizzes.recordings import TRACE
from quizzes.services import quiz_version_of, start_attempt
from tests.inference.conftest import network_facts
from tests.quizzes.conftest import QUESTIONS, Publish, context_for
from tests.quizzes.reading.conftest import changed
from tests.quizzes.reading.test_recordings import photo_of, ran

pytestmark = pytest.mark.torch

META = {
    "networks": ["efficientnet_lite0"],
    "run": {"network": "efficientnet_lite0", "samples": ["chelsea", "rocket"]},
}
FACTS = {"resnet50.feature_dim": 2048, "resnet50.parameters": 25557032, "efficientnet_lite0.title": "EfficientNet-Lite0"}
QUESTION = """\
  - uid: p-read
    kind: trace
    about: concept
    difficulty: easy
    objective: features
    template: numbers_out
    trace: {network: efficientnet_lite0, sample: chelsea}
"""
READING = QUESTIONS.replace("[p-hard, p-easy]", "[p-hard, p-easy, p-read]") + QUESTION
LATEST = READING.replace("{network: efficientnet_lite0, sample: chelsea}", "latest")
"""With nothing run, `latest` falls back on the lesson's sample photos."""


def said(lesson: Lesson, text: str, *, meta: dict[str, object] | None = None) -> list[tuple[Severity, str, int]]:
    """What is found in the part of the file that holds the trace question."""
    first = text.split("\n").index("  - uid: p-read") + 1
    found = QuestionsPart().check(text, context_for(lesson, facts=FACTS, meta=META if meta is None else meta))
    return [(finding.severity, finding.message, finding.line - first) for finding in found if finding.line >= first]


@pytest.fixture
def stored(cat: Recording) -> Trace:
    return ran(cat, sample="chelsea")


def test_a_question_about_a_stored_run_can_be_published(lesson: Lesson, proof_rows: None, stored: Trace) -> None:
    assert said(lesson, READING) == []
    assert said(lesson, LATEST) == []


def test_a_run_that_is_not_there_yet_is_a_warning_that_says_what_to_do(lesson: Lesson, proof_rows: None) -> None:
    for text in (READING, LATEST):
        ((severity, message, line),) = said(lesson, text)
        assert (severity, line) == (Severity.WARNING, 6)
        assert "efficientnet_lite0 on chelsea" in message
        assert "worker" in message


@pytest.mark.parametrize(
    ("was", "by", "words", "line"),
    [
        ("numbers_out", "horoscope", "There is no template “horoscope”. Templates: first_cells, numbers_out", 5),
        ("sample: chelsea", "sample: dog", "There is no sample photo “dog”", 6),
        ("efficientnet_lite0, s", "nosuchnet, s", "Nothing is known about the network “nosuchnet”", 6),
        ("numbers_out", "slowest", "can’t be asked of this run: efficientnet_lite0 on chelsea", 6),
        ("{network: efficientnet_lite0, sample: chelsea}", "newest", "“questions.6.trace”: name a run as {network", 6),
        ("    trace: {network: efficientnet_lite0, sample: chelsea}\n", "", "“questions.6.trace” is missing", 0),
        ("sample: chelsea}", "sample: chelsea, seed: 3}", "There is no field “seed” here. Fields: network, sample.", 6),
    ],
)
def test_what_can_never_be_asked_is_an_error_at_its_line(
    lesson: Lesson, proof_rows: None, cat: Recording, was: str, by: str, words: str, line: int
) -> None:
    ran(changed(cat, lambda told: told["made_by"].update(batch=2)), sample="chelsea")  # whose times nobody asks about
    ((severity, message, at), *_more) = said(lesson, READING.replace(was, by))
    assert (severity, at) == (Severity.ERROR, line)
    assert words in message


def test_latest_is_refused_where_points_count(lesson: Lesson, proof_rows: None, stored: Trace) -> None:
    text = LATEST.replace("[q-features, q-head, q-printed]", "[q-features, q-head, q-printed, p-read]")
    found = said(lesson, text.replace(", p-easy, p-read]", ", p-easy]"))
    assert [severity for severity, _message, _line in found] == [Severity.ERROR]
    assert "same run" in found[0][1]


def test_latest_needs_a_run_for_those_who_have_run_nothing(lesson: Lesson, proof_rows: None, stored: Trace) -> None:
    ((severity, message, _line),) = said(lesson, LATEST, meta={"networks": ["efficientnet_lite0"]})
    assert severity is Severity.ERROR
    assert "“run”" in message


def practice(publish: Publish, text: str) -> QuizVersion:
    found = quiz_version_of(publish(text, facts=FACTS, meta=META), "practice")
    if found is None:
        pytest.fail("the lesson practises nothing")
    return found


def asked(person: User, quiz: QuizVersion) -> list[QuestionVersion]:
    attempt = start_attempt(user=person, quiz_version=quiz, now=timezone.now())
    return [question.question_version for question in attempt.questions.all()]


def test_practice_asks_what_can_be_read_and_leaves_out_what_cannot(
    publish: Publish, learner: User, outsider: User, cat: Recording
) -> None:
    quiz = practice(publish, READING)
    assert can_ask(quiz)
    assert [version.question.uid for version in asked(learner, quiz)] == ["p-easy", "p-hard"]
    ran(cat, sample="chelsea")
    versions = {version.question.uid: version for version in asked(outsider, quiz)}
    assert set(versions) == {"p-easy", "p-hard", "p-read"}
    assert versions["p-read"].kind == "single"
    assert versions["p-read"].template == QuestionVersion.objects.get(kind=TRACE)


def test_each_learner_is_asked_about_their_own_latest_run(
    publish: Publish, learner: User, outsider: User, stored: Trace, cat: Recording
) -> None:
    quiz = practice(publish, LATEST)
    own = ran(cat, owner=learner, upload=photo_of(learner))
    stems = {}
    for person in (learner, outsider):
        stems[person] = next(version for version in asked(person, quiz) if version.question.uid == "p-read")
    assert stems[learner].recipe == {"run": str(own.pk)}
    assert "your own" in stems[learner].stem
    assert "Chelsea" in stems[outsider].stem


def test_publishing_asks_for_the_runs_that_are_not_there(publish: Publish, bell: list[str], lite0: None) -> None:
    publish(LATEST, facts=FACTS, meta=META)
    assert set(Trace.objects.values_list("owner", "job__network", "job__sample")) == {
        (None, "efficientnet_lite0", "chelsea"),
        (None, "efficientnet_lite0", "rocket"),
    }


@pytest.fixture
def lite0(db: None) -> None:
    """What set-up knows of the network whose weights are always there."""
    store_facts("efficientnet_lite0", network_facts(), now=timezone.now())


@pytest.fixture
def bell(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The queue, which these tests don't need."""
    rung: list[str] = []
    monkeypatch.setattr("inference.queueing.ring", lambda _line, network: rung.append(network) or True)
    return rung
