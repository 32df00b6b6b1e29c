"""A published lesson with a test and practice questions, for the tests of this room."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from inference.models import Proof
from inference.proofs import Snippet, installed_versions, snippet_sha256
from lessons.facts import frozen
from lessons.models import Course, Lesson, LessonVersion, Release, ReleaseLesson
from lessons.parts import PartContext
from quizzes.folder import QuestionsPart
from quizzes.models import Attempt, QuizMode, QuizVersion
from quizzes.questions import Answer
from quizzes.services import quiz_version_of, start_attempt

FACTS = {"resnet50.feature_dim": 2048, "resnet50.parameters": 25557032}

META = {
    "uid": "lesson-one",
    "slug": "one",
    "title": "One",
    "minutes": 5,
    "level": "beginner",
    "tags": [],
    "networks": [],
    "insight": "Read it twice.",
    "sources": [],
    "objectives": [{"id": "features", "text": "Say what a backbone gives"}, {"id": "heads", "text": "Find the head"}],
    "modes": ["read", "practise", "test"],
}

QUESTIONS = """\
misconceptions:
  - slug: features-are-classes
    title: Features are classes
    belief: BELIEF-CLASSES the backbone already answers with classes.
    why: WHY-CLASSES the head turns features into classes.
  - slug: head-is-fc
    title: Every head is called fc
    belief: BELIEF-FC all networks name their head fc.
    why: WHY-FC each family names its own.
test:
  title: How well do you know it?
  reveal: each
  questions: [q-features, q-head, q-printed]
practice:
  questions: [p-hard, p-easy]
questions:
  - uid: q-features
    kind: single
    about: concept
    difficulty: easy
    objective: features
    stem: How many numbers does the backbone of ResNet-50 give for one photo?
    options:
      - {id: a, text: "{{ resnet50.feature_dim }} numbers", right: true, feedback: FEEDBACK-FEATURES-A it is the pooled width.}
      - {id: b, text: 1000 numbers, feedback: FEEDBACK-FEATURES-B these are classes., misconception: features-are-classes}
      - {id: c, text: 224 numbers, feedback: FEEDBACK-FEATURES-C that is the side of the photo.}
    hint: HINT-FEATURES look at the input of the head.
    solution: [STEP-FEATURES-1 look at layer4., STEP-FEATURES-2 average over space.]
    answer: FINAL-FEATURES {{ resnet50.feature_dim }} numbers.
  - uid: q-head
    kind: single
    about: api
    difficulty: medium
    objective: heads
    stem: |
      What replaces the head here?

      ```python
      model = vgg16()
      ```
    options:
      - {id: a, text: "`model.fc`", feedback: FEEDBACK-HEAD-A there is none., misconception: head-is-fc}
      - {id: b, text: "`model.classifier[6]`", right: true, feedback: FEEDBACK-HEAD-B the last linear layer.}
    hint: HINT-HEAD print the network.
    solution: [STEP-HEAD-1 print it.]
    answer: FINAL-HEAD the seventh module.
  - uid: q-printed
    kind: single
    about: output
    difficulty: hard
    objective: heads
    stem: What does this print?
    options:
      - {id: a, text: "`[2, 2]`", feedback: FEEDBACK-PRINTED-A that is the doubled list., misconception: features-are-classes}
      - {id: b, text: "`[1, 1]`", right: true, feedback: FEEDBACK-PRINTED-B repeated twice.}
      - {id: c, text: "`2`", feedback: FEEDBACK-PRINTED-C that is its length.}
      - {id: d, text: "`[1]`", feedback: FEEDBACK-PRINTED-D it is repeated.}
    hint: HINT-PRINTED lists repeat.
    solution: [STEP-PRINTED-1 repeat it.]
    answer: FINAL-PRINTED a list of two ones.
    proof:
      snippet: |
        print([1] * 2)
      compare: output
      mistakes: {a: "print([n * 2 for n in [1, 1]])"}
  - uid: p-hard
    kind: single
    about: choice
    difficulty: hard
    objective: features
    stem: Which one is smallest?
    options:
      - {id: a, text: ResNet, right: true, feedback: FEEDBACK-HARD-A of these it is.}
      - {id: b, text: VGG, feedback: FEEDBACK-HARD-B its head is huge., misconception: head-is-fc}
      - {id: c, text: ViT, feedback: FEEDBACK-HARD-C it is larger., misconception: features-are-classes}
    hint: HINT-HARD count parameters.
    solution: [STEP-HARD-1 count., STEP-HARD-2 compare., STEP-HARD-3 decide.]
    answer: FINAL-HARD the residual one.
  - uid: p-easy
    kind: single
    about: concept
    difficulty: easy
    objective: heads
    stem: Where are the classes?
    options:
      - {id: a, text: In the head, right: true, feedback: FEEDBACK-EASY-A that is its work.}
      - {id: b, text: In the stem, feedback: FEEDBACK-EASY-B too early., misconception: features-are-classes}
    hint: HINT-EASY last of all.
    solution: [STEP-EASY-1 go to the end.]
    answer: FINAL-EASY the head.
"""


def chose(*options: str) -> Answer:
    """An answer that names options by their keys; without any it gives up."""
    return Answer(frozenset(options))


@pytest.fixture
def proof_rows(db: None) -> None:
    """The runs that QUESTIONS needs, recorded on the installed versions."""
    versions = installed_versions()
    for code, output in (("print([1] * 2)\n", "[1, 1]\n"), ("print([n * 2 for n in [1, 1]])", "[2, 2]\n")):
        Proof.objects.create(
            snippet_sha256=snippet_sha256(Snippet(code)), torch=versions.torch, torchvision=versions.torchvision, output=output
        )


@pytest.fixture
def lesson(course: Course) -> Lesson:
    return Lesson.objects.create(course=course, uid="lesson-one", slug="one")


Publish = Callable[..., LessonVersion]


@pytest.fixture
def publish(lesson: Lesson) -> Publish:
    """Publishes questions.yaml as the next version of the lesson, and releases it."""

    def publish(
        text: str = QUESTIONS, *, facts: Mapping[str, Any] | None = None, meta: Mapping[str, Any] | None = None
    ) -> LessonVersion:
        number = lesson.versions.count() + 1
        version = LessonVersion.objects.create(
            lesson=lesson,
            number=number,
            title="One",
            meta={**META, **(meta or {})},
            body="Read this.",
            files={"questions.yaml": text},
            files_sha256=str(number),
        )
        QuestionsPart().publish(text, context_for(lesson, facts=facts, meta=meta), version)
        release = Release.objects.create(course=lesson.course, number=number, published_at=timezone.now())
        ReleaseLesson.objects.create(release=release, position=0, lesson_version=version)
        return version

    return publish


def context_for(
    lesson: Lesson,
    *,
    facts: Mapping[str, Any] | None = None,
    proofs: Callable[[Snippet], Proof | None] | None = None,
    meta: Mapping[str, Any] | None = None,
) -> PartContext:
    """What the quizzes' part of the folder is told about a lesson."""
    return PartContext(
        lesson.course,
        lesson,
        {**META, **(meta or {})},
        frozen(FACTS if facts is None else facts),
        proofs or (lambda snippet: None),
    )


@pytest.fixture
def version(publish: Publish) -> LessonVersion:
    return publish()


@pytest.fixture
def graded_quiz(version: LessonVersion) -> QuizVersion:
    found = quiz_version_of(version, QuizMode.TEST)
    if found is None:
        pytest.fail("the lesson has no test")
    return found


@pytest.fixture
def practice_quiz(version: LessonVersion) -> QuizVersion:
    found = quiz_version_of(version, QuizMode.PRACTICE)
    if found is None:
        pytest.fail("the lesson has no practice")
    return found


@pytest.fixture
def quiz_at_finish(publish: Publish) -> QuizVersion:
    """The same test, which tells nothing before its end."""
    found = quiz_version_of(publish(QUESTIONS.replace("reveal: each", "reveal: finish")), QuizMode.TEST)
    if found is None:
        pytest.fail("the lesson has no test")
    return found


@pytest.fixture
def attempt(learner: User, graded_quiz: QuizVersion) -> Attempt:
    return start_attempt(user=learner, quiz_version=graded_quiz, now=timezone.now())


@pytest.fixture
def practice(learner: User, practice_quiz: QuizVersion) -> Attempt:
    return start_attempt(user=learner, quiz_version=practice_quiz, now=timezone.now())
