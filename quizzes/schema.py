"""What questions.yaml may say: strict, an unknown field is an error with its line."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from django.utils.translation import gettext as _
from pydantic import BeforeValidator, Field, StringConstraints

from inference.contracts import INSPECTED_NETWORKS
from inference.proofs import Snippet
from inference.sandbox.snippets import normalised_output
from lessons.documents import Document, read_yaml, validated
from lessons.schema import Line, LongLine, NetworkName, Slug, Strict, Uid
from quizzes.moments import Moment
from quizzes.patterns.choosing import FEWEST
from quizzes.questions import Asks, kind_named

QUESTIONS_FILE = "questions.yaml"

Words = Annotated[str, StringConstraints(min_length=1, max_length=20_000, strip_whitespace=True)]
"""Markdown that may not be empty."""

OptionId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=16)]
Code = Annotated[str, StringConstraints(min_length=1, max_length=20_000)]


_ERROR = re.compile(r"(?P<name>[A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit|Iteration))(?::|$)")


class MisconceptionDocument(Strict):
    """Something people believe; `why` says why it fails."""

    slug: Slug
    title: Line
    belief: Words
    why: Words
    mistake: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]*$", max_length=80)] = ""


class TestDocument(Strict):
    """The graded quiz: its questions in order, and when a learner is told what was right."""

    __test__ = False  # pytest would take it for a test

    title: LongLine = ""
    reveal: Literal["each", "finish", "date", "never"] = "each"
    reveal_at: Moment | None = None  # for the policy "date"
    questions: list[Uid] = Field(min_length=1)


class ExamDocument(Strict):
    """The exam: its questions in order, its time limit, when it can be begun, and when a learner is told what was right."""

    title: LongLine = ""
    minutes: int = Field(ge=1, le=600)
    attempts: int = Field(default=1, ge=1, le=20)
    opens_at: Moment | None = None
    closes_at: Moment | None = None
    reveal: Literal["finish", "date", "never"] = "finish"
    reveal_at: Moment | None = None  # for the policy "date"
    questions: list[Uid] = Field(min_length=1)


class PracticeDocument(Strict):
    """The questions to practise with."""

    questions: list[Uid] = Field(min_length=1)


class PatternDocument(Strict):
    """The pool of the test of the pattern, of which each attempt asks ten; without a question there is no such test."""

    questions: list[Uid]


def _declined(pattern: Any) -> Any:
    return {"questions": []} if pattern is False else pattern


class PretestDocument(Strict):
    """The two questions that are asked before the lesson."""

    questions: list[Uid] = Field(min_length=1)


class PredictionsDocument(Strict):
    """The question that is asked before each of these modes: mode → uid."""

    run: Uid | None = None
    break_: Uid | None = Field(default=None, alias="break")
    train: Uid | None = None

    @property
    def by_mode(self) -> dict[str, str]:
        """Mode → uid, for those modes that have one, in the order of a lesson's modes."""
        asked = {"run": self.run, "break": self.break_, "train": self.train}
        return {mode: uid for mode, uid in asked.items() if uid}


class OptionDocument(Strict):
    """One choice, whether it is right, and what is said to those who choose it."""

    id: OptionId
    text: Words
    right: bool = False
    feedback: Words
    misconception: Slug | None = None


class ToleranceDocument(Strict):
    """How far from the right number an answer may be: absolute + relative × the number."""

    absolute: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0
    relative: Annotated[float, Field(ge=0, lt=1)] = 0


class ProofDocument(Strict):
    """The code that proves the key; `mistakes` prove that a distractor is what a mistake would print."""

    snippet: Code
    requires: Annotated[str, StringConstraints(pattern=r"^(weights/[a-z0-9_]+)?$", max_length=120)] = ""
    compare: Literal["output", "error", "stem", "options"]
    mistakes: dict[OptionId, Code] = {}


class QuestionDocument(Strict):
    """One question with its key."""

    uid: Uid
    kind: Literal["single", "multiple", "numeric", "output"]
    about: Literal["concept", "api", "output", "error", "choice"]
    difficulty: Literal["easy", "medium", "hard"]
    objective: Slug
    stem: Words
    options: list[OptionDocument]
    credit: Literal["", "all_or_nothing", "right_minus_wrong", "right_without_wrong"] = ""  # of a multiple choice
    tolerance: ToleranceDocument | None = None  # of a number
    hint: Words
    solution: list[Words] = Field(min_length=1, max_length=12)
    answer: Words
    proof: ProofDocument | None = None

    @property
    def right(self) -> list[OptionDocument]:
        return [option for option in self.options if option.right]

    @property
    def shows_options(self) -> bool:
        """Whether learners see the options; where they write a number, these are the answers that are expected."""
        return kind_named(self.kind).asks is not Asks.NUMBER


class TemplateDocument(Strict):
    """A question that is drawn anew each time it is asked: what it is about, and nothing of its words."""

    uid: Uid
    kind: str
    about: Literal["concept", "api", "output", "error", "choice"]
    difficulty: Literal["easy", "medium", "hard"]
    objective: Slug
    template: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=80)]

    @abstractmethod
    def recipe(self, meta: Mapping[str, Any]) -> dict[str, Any]:
        """What the kind's drawer in `quizzes.variants` draws by, for a lesson of this front matter: JSON, and public."""


class ParametersDocument(Strict):
    """What is not left to chance."""

    network: NetworkName | None = None


class GeneratedDocument(TemplateDocument):
    """A question that is drawn from facts of the lesson's networks, or of the one that its parameters name."""

    kind: Literal["generated"]
    parameters: ParametersDocument = ParametersDocument()

    def recipe(self, meta: Mapping[str, Any]) -> dict[str, Any]:
        """The template's name, its parameters, and the networks that it may be about."""
        return {
            "template": self.template,
            "parameters": self.parameters.model_dump(exclude_none=True),
            "networks": list(meta.get("networks") or INSPECTED_NETWORKS),
        }


class RunDocument(Strict):
    """One of the site's own runs: a network on a sample photo."""

    network: NetworkName
    sample: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]+$", max_length=80)]


def _or_latest(value: Any) -> Any:
    """None for the learner's latest run, and a run otherwise."""
    if value == "latest":
        return None
    if not isinstance(value, Mapping):
        raise ValueError(_("name a run as {network: efficientnet_lite0, sample: chelsea}, or write latest"))  # noqa: TRY004
    return value


class ReadingDocument(TemplateDocument):
    """A question that is read out of a finished run: one of the site's own, or the learner's latest."""

    kind: Literal["trace"]
    trace: Annotated[RunDocument | None, BeforeValidator(_or_latest)]  # none: the learner's latest

    def recipe(self, meta: Mapping[str, Any]) -> dict[str, Any]:
        """The template's name, the site's own runs it may be read from, and the networks whose latest run comes before them."""
        if self.trace:
            return {"template": self.template, "runs": [self.trace.model_dump()], "own": []}
        run = meta.get("run") or {}
        runs = [{"network": run["network"], "sample": sample} for sample in run.get("samples", ())]
        own = dict.fromkeys([*(meta.get("networks") or ()), *(each["network"] for each in runs)])
        return {"template": self.template, "runs": runs, "own": list(own)}


AnyQuestion = Annotated[QuestionDocument | GeneratedDocument | ReadingDocument, Field(discriminator="kind")]
"""One question of the file, by its kind."""


def shape_of(kind: object) -> type[QuestionDocument] | type[TemplateDocument]:
    """What a question of this kind may say; one of an unknown kind is taken for a written one."""
    shapes: dict[object, type[TemplateDocument]] = {"generated": GeneratedDocument, "trace": ReadingDocument}
    return shapes.get(kind, QuestionDocument)


class QuestionsDocument(Strict):
    """questions.yaml."""

    misconceptions: list[MisconceptionDocument] = []
    test: TestDocument | None = None
    exam: ExamDocument | None = None
    practice: PracticeDocument | None = None
    pretest: PretestDocument | None = None
    predictions: PredictionsDocument | None = None
    pattern: Annotated[PatternDocument | None, BeforeValidator(_declined)] = None  # none: what practice asks
    questions: list[AnyQuestion] = []

    @property
    def beforehand(self) -> list[str]:
        """The uids that are asked before a learner could know: the pretest's and the predictions'."""
        asked = self.pretest.questions if self.pretest else []
        return [*asked, *(self.predictions.by_mode.values() if self.predictions else ())]

    @property
    def pattern_pool(self) -> list[str]:
        """The uids of which a test of the pattern is drawn; empty where there is none."""
        if self.pattern:
            return self.pattern.questions
        practised = self.practice.questions if self.practice else []
        return practised if len(practised) >= FEWEST else []

    @property
    def written(self) -> list[QuestionDocument]:
        """The questions that have words of their own."""
        return [question for question in self.questions if isinstance(question, QuestionDocument)]


def read_questions(text: str) -> tuple[QuestionsDocument | None, Document]:
    """questions.yaml and the lines it was written on; none in place of the first when the findings of the second say why."""
    document = read_yaml(text.replace("\r\n", "\n"), QUESTIONS_FILE)
    if document.value is None and not document.findings:
        return QuestionsDocument(), document  # an empty file asks nothing
    return validated(document, QuestionsDocument), document


def snippets_of(question: QuestionDocument) -> dict[str, Snippet]:
    """What has to be run for a question: option id → snippet, and "" → the snippet that proves its key."""
    proof = question.proof
    if proof is None:
        return {}
    words = {option.id: option.text for option in question.options}
    right = question.right[0].text if question.right else ""
    found = {"": Snippet(proof.snippet, requires=proof.requires, raises=_raised_in(right) if proof.compare == "error" else "")}
    for option, code in proof.mistakes.items():
        found[option] = Snippet(code, requires=proof.requires, raises=_raised_in(words.get(option, "")))
    return found


def _raised_in(words: str) -> str:
    """The exception that words such as "ValueError: too small" name; empty for anything else."""
    match = _ERROR.match(normalised_output(words))
    return match["name"] if match else ""
