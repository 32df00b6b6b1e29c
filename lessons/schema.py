"""What course.yaml and the front matter of lesson.md may say: strict, an unknown field is an error."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from django.conf import settings
from django.utils.translation import gettext as _
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationInfo, field_validator

from inference import training_contracts
from inference.contracts import MISTAKES
from inference.training import wording as training_wording
from lessons.documents import Document, FrontMatter, read_yaml, split_front_matter, validated
from lessons.modes import MODE_SLUGS
from lessons.parts import Finding

LESSON_FILE = "lesson.md"
COURSE_FILE = "course.yaml"
LOCK_FILE = "proofs.lock.yaml"


def _unique(values: list[Any]) -> list[Any]:
    seen = [getattr(value, "id", value) for value in values]
    repeated = sorted({str(value) for value in seen if seen.count(value) > 1})
    if repeated:
        raise ValueError(_("%(values)s stands there twice. Keep one.") % {"values": ", ".join(repeated)})
    return values


def _known_mode(value: str) -> str:
    if value not in MODE_SLUGS:
        raise ValueError(_("“%(mode)s” is not a mode. Modes: %(known)s.") % {"mode": value, "known": ", ".join(MODE_SLUGS)})
    return value


def _known_mistake(value: str) -> str:
    if value not in [str(name) for name in MISTAKES]:
        known = ", ".join(str(name) for name in MISTAKES)
        raise ValueError(_("“%(mistake)s” is not a mistake. Mistakes: %(known)s.") % {"mistake": value, "known": known})
    return value


def _known_data(value: str) -> str:
    known = [str(name) for name in training_contracts.SHIPPED]
    if value not in known:
        message = _("“%(data)s” is not a data set. Data sets: %(known)s.")
        raise ValueError(message % {"data": value, "known": ", ".join(known)})
    return value


def _web_address(value: str) -> str:
    if not value.startswith(("https://", "http://")):
        raise ValueError(_("A source's address begins with https://."))
    return value


def _language(value: str) -> str:
    if not value.replace("-", "").isalnum():
        raise ValueError(_("A language is a code such as “en” or “pt-br”."))
    return value


Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*$", max_length=80)]
Uid = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64)]
NetworkName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+$", max_length=80)]
Line = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True, pattern=r"^[^\n]*$")]
LongLine = Annotated[str, StringConstraints(max_length=300, strip_whitespace=True, pattern=r"^[^\n]*$")]
Markdown = Annotated[str, StringConstraints(max_length=20_000)]


MistakeSlug = Annotated[str, AfterValidator(_known_mistake)]
ShippedData = Annotated[str, AfterValidator(_known_data)]


class Strict(BaseModel):
    """A part of a document in which an unknown field, or a value of another type, is an error."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class CourseDocument(Strict):
    """course.yaml."""

    uid: Uid
    slug: Slug
    title: Line
    subtitle: LongLine = ""
    summary: Markdown = ""
    subject: Annotated[str, StringConstraints(max_length=80)] = ""
    tags: Annotated[list[Line], AfterValidator(_unique)] = Field(default=[], max_length=12)
    level: Literal["beginner", "intermediate", "advanced"] = "beginner"
    prerequisites: list[LongLine] = Field(default=[], max_length=12)
    language: Annotated[str, StringConstraints(min_length=2, max_length=16), AfterValidator(_language)] = settings.LANGUAGE_CODE
    lessons: Annotated[list[Slug], AfterValidator(_unique)] = []


class Objective(Strict):
    """One thing the learner can do afterwards; questions name it. `section` is the heading of the part that teaches it."""

    id: Slug
    text: LongLine
    section: Annotated[str, StringConstraints(max_length=200, strip_whitespace=True)] = ""


class Predict(Strict):
    """The question before the run, and what is said about it afterwards."""

    question: LongLine
    options: Annotated[list[Line], AfterValidator(_unique)] = Field(default=[], max_length=8)
    why: Markdown = ""


class Run(Strict):
    """What the Run mode offers: a network and photographs."""

    network: NetworkName
    samples: Annotated[list[Uid], AfterValidator(_unique)] = Field(default=[], max_length=12)
    predict: Predict | None = None


def _to_choose_from(options: list[str]) -> list[str]:
    if len(options) < 2:
        raise ValueError(_("Before looking, learners choose what they expect. Give the question two options or more."))
    return options


class Expect(Predict):
    """The question before looking, which learners answer by choosing."""

    options: Annotated[list[Line], AfterValidator(_unique), AfterValidator(_to_choose_from)] = Field(
        default=[], max_length=8, validate_default=True
    )


class Look(Strict):
    """What the Look inside mode offers: a network, photographs, and what to expect before looking."""

    network: NetworkName
    samples: Annotated[list[Uid], AfterValidator(_unique)] = Field(default=[], max_length=12)
    predict: Expect | None = None


class Explanation(Strict):
    """Something that could explain a broken run, whether it does, and what is said to those who choose it."""

    text: LongLine
    right: bool = False
    feedback: LongLine


def _one_right(explanations: list[Explanation]) -> list[Explanation]:
    if sum(explanation.right for explanation in explanations) != 1:
        raise ValueError(_("Exactly one explanation must have “right: true”."))
    return explanations


class Case(Strict):
    """One broken run: what led to it, which mistake was made, among which the learner looks for it, and why it matters."""

    id: Slug  # kept with learners' answers; never shown, so that it may say what it is about
    mistake: MistakeSlug
    sample: Uid
    story: Markdown
    among: Annotated[list[MistakeSlug], AfterValidator(_unique)] = Field(min_length=3, max_length=8)
    explanations: Annotated[list[Explanation], AfterValidator(_one_right)] = Field(min_length=2, max_length=5)
    why: Markdown = ""

    @field_validator("among")
    @classmethod
    def _can_be_found(cls, among: list[str], info: ValidationInfo) -> list[str]:
        mistake = info.data.get("mistake")  # none where it is wrong itself, which is said already
        if mistake is not None and mistake not in among:
            raise ValueError(_("The mistake “%(mistake)s” is not in “among”. Add it.") % {"mistake": mistake})
        return among


class Mistakes(Strict):
    """What the Break mode offers: a network, and broken runs of it to find the mistake in."""

    network: NetworkName
    cases: Annotated[list[Case], AfterValidator(_unique)] = Field(min_length=1, max_length=8)


class Train(Strict):
    """What the Train mode begins with: data sets, of which the first is chosen, and settings; others are as usual."""

    network: NetworkName
    data: Annotated[list[ShippedData], AfterValidator(_unique)] = Field(min_length=1)
    strategy: Literal["frozen", "finetune", "scratch"] = "frozen"
    epochs: int | None = None
    learning_rate: float | None = None
    labels_per_class: int | None = None
    blocks: int | Literal["all"] | None = None
    seed: int | None = None
    about: Markdown = ""
    predict: Predict | None = None

    @field_validator("epochs", "learning_rate", "labels_per_class", "blocks", "seed")
    @classmethod
    def _can_be_trained(cls, value: float | str | None, info: ValidationInfo) -> float | str | None:
        beside = {"data": info.data.get("data"), "strategy": info.data.get("strategy")}
        if value is None or None in beside.values() or info.field_name is None:
            return value  # what is wrong with the data or the strategy is said there
        options = {**beside, "data": info.data["data"][0], info.field_name: value}
        try:
            training_contracts.checked(options)
        except training_contracts.OptionRefused as error:
            raise ValueError(training_wording.refused(error)) from error
        return value


class Source(Strict):
    """Where a claim that no machine checks comes from."""

    title: LongLine
    url: Annotated[str, StringConstraints(max_length=500), AfterValidator(_web_address)]


class LessonMeta(Strict):
    """The front matter of lesson.md."""

    uid: Uid
    slug: Slug
    title: Line
    subtitle: LongLine = ""
    level: Literal["beginner", "intermediate", "advanced"] = "beginner"
    tags: Annotated[list[Line], AfterValidator(_unique)] = Field(default=[], max_length=12)
    minutes: int = Field(default=10, ge=1, le=600)
    objectives: Annotated[list[Objective], AfterValidator(_unique)] = Field(default=[], max_length=12)
    modes: Annotated[list[Annotated[str, AfterValidator(_known_mode)]], AfterValidator(_unique)] = Field(
        default=["read"], min_length=1
    )
    networks: Annotated[list[NetworkName], AfterValidator(_unique)] = Field(default=[], max_length=12)
    run: Run | None = None
    look: Look | None = None
    mistakes: Mistakes | None = None
    train: Train | None = None
    insight: Markdown = ""
    sources: list[Source] = Field(default=[], max_length=40)


class LessonDocument:
    """lesson.md taken apart. `meta` is none when the front matter has errors; the body is there all the same."""

    def __init__(self, text: str, file: str = LESSON_FILE) -> None:
        text = text.replace("\r\n", "\n")
        halves = split_front_matter(text)
        self.file = file
        self.halves = halves or FrontMatter("", text, 1)
        self.document = read_yaml(self.halves.yaml, file, first_line=2) if halves else Document(file)
        if halves is None:
            message = _("A lesson begins with a line ---, its fields, and another line ---. Add them.")
            self.document.findings.append(Finding(file, 1, message))
        self.meta = validated(self.document, LessonMeta)

    @property
    def body(self) -> str:
        return self.halves.body

    @property
    def body_line(self) -> int:
        return self.halves.body_line

    @property
    def findings(self) -> list[Finding]:
        return self.document.findings

    def line(self, *path: str | int) -> int:
        return self.document.line(path)


def read_lesson(text: str, file: str = LESSON_FILE) -> LessonDocument:
    """lesson.md taken apart, with one finding for each thing that is wrong with its front matter."""
    return LessonDocument(text, file)


def read_course(text: str, file: str = COURSE_FILE) -> tuple[CourseDocument | None, list[Finding]]:
    """course.yaml, or none with one finding for each thing that is wrong with it."""
    document = read_yaml(text, file)
    course = validated(document, CourseDocument)
    return course, document.findings
