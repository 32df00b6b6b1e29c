"""What is wrong with a lesson's questions: each finding says where and what to do. Errors stop publishing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.utils import timezone
from django.utils.translation import gettext as _

from inference.contracts import MISTAKES
from inference.facts import facts_of_each
from inference.proofs import stale_proof_of
from inference.services import stored_trace
from lessons.documents import Document, Path
from lessons.drafts import Contents
from lessons.figures import BadFigure
from lessons.films import Asked as Film
from lessons.films import problems_with
from lessons.markdown import check as check_markdown
from lessons.parts import Finding, PartContext, Severity
from lessons.schema import LESSON_FILE, read_lesson
from lessons.standing import needs, unproved
from lessons.syntax import dialect
from quizzes.blocks import QuestionBlock
from quizzes.exams import moment_words
from quizzes.generating import TEMPLATES
from quizzes.keys import choices_of, rule_of
from quizzes.models import GRADED, Misconception, Question, QuizQuestion, Reveal
from quizzes.patterns.choosing import FEWEST
from quizzes.policies import exam_faults, reveal_faults
from quizzes.proving import PROVED, RUNNABLE, Claim, claims_of, disagreement, unfit, unproved_options
from quizzes.questions import Asks, Choice, Fault, kind_named
from quizzes.questions.multiple import MultipleChoice
from quizzes.questions.numeric import Numeric
from quizzes.questions.output import CodeOutput
from quizzes.reading import READINGS
from quizzes.schema import (
    QUESTIONS_FILE,
    AnyQuestion,
    GeneratedDocument,
    QuestionDocument,
    QuestionsDocument,
    ReadingDocument,
    TemplateDocument,
    read_questions,
)
from quizzes.variants import DRAWERS, NotDrawable, Variant, samples_of
from quizzes.words import compared, filled

NOTABLY_LONGER = 1.2
"""How much longer than every other option a right one must be for a guesser to notice."""

PRETEST_QUESTIONS = 2
"""How many questions stand before a lesson: enough to make curious, too few to hold anybody up."""

_QUESTION_BLOCK = re.compile(r"^[ \t]*:::+[ \t]*question\b", re.MULTILINE)
_TEXT_BLOCK = re.compile(r"[|>][-+0-9]*[ \t]*(?:#.*)?$")


def findings_of(document: QuestionsDocument, source: Document, context: PartContext, text: str) -> list[Finding]:
    """Everything that is wrong with the document, in the order of its lines."""
    checks = _Checks(document, source, context, text.replace("\r\n", "\n").split("\n"))
    found = [
        *checks.misconceptions(),
        *checks.quizzes(),
        *checks.pretest(),
        *checks.predictions(),
        *(finding for index in range(len(document.questions)) for finding in checks.question(index)),
    ]
    return sorted(set(found))


@dataclass(frozen=True, slots=True)
class _Checks:
    document: QuestionsDocument
    source: Document
    context: PartContext
    lines: Sequence[str]

    def error(self, path: Path, message: str) -> Finding:
        return Finding(self.source.file, self.source.line(path), message)

    def warning(self, path: Path, message: str) -> Finding:
        return Finding(self.source.file, self.source.line(path), message, Severity.WARNING)

    # --- the file as a whole

    def misconceptions(self) -> Iterator[Finding]:
        """Slugs are unique in the whole course, and each belongs to one lesson; a mistake named is one that can be run."""
        slugs = Counter(misconception.slug for misconception in self.document.misconceptions)
        owners = dict(
            Misconception.objects.filter(course_id=self.context.course.pk, slug__in=slugs)
            .exclude(lesson_id=self.context.lesson.pk)
            .values_list("slug", "lesson__slug")
        )
        for index, misconception in enumerate(self.document.misconceptions):
            path = ("misconceptions", index, "slug")
            if slugs[misconception.slug] > 1:
                yield self.error(
                    path, _("The misconception “%(slug)s” is defined twice. Keep one.") % {"slug": misconception.slug}
                )
            if owner := owners.get(misconception.slug):
                yield self.error(
                    path,
                    _(
                        "The misconception “%(slug)s” is defined by the lesson “%(lesson)s” already. Options may name it;"
                        " remove it here, or choose another slug."
                    )
                    % {"slug": misconception.slug, "lesson": owner},
                )
            if misconception.mistake and misconception.mistake not in [str(name) for name in MISTAKES]:
                yield self.error(
                    ("misconceptions", index, "mistake"),
                    _("There is no mistake “%(mistake)s” to run. Leave it out, or name one of: %(known)s.")
                    % {"mistake": misconception.mistake, "known": ", ".join(str(name) for name in MISTAKES)},
                )
            for field in ("belief", "why"):
                yield from self.words(getattr(misconception, field), ("misconceptions", index, field))

    def quizzes(self) -> Iterator[Finding]:
        """Each list names questions of this file, each once; what the test or the exam asks stands in no other list."""
        lists = self.lists()
        known = {question.uid for question in self.document.questions}
        yield from self.policies()
        yield from self.asked_twice(lists)
        yield from self.withheld_still(lists)
        if 0 < len(lists["pattern"]) < FEWEST:
            message = _("A test of the pattern draws from at least %(fewest)s questions. Name more of them.")
            yield self.error(("pattern", "questions"), message % {"fewest": FEWEST})
        for name, asked in lists.items():
            for index, uid in enumerate(asked):
                path = (name, "questions", index)
                if uid not in known:
                    yield self.error(
                        path, _("There is no question “%(uid)s” in this file. Correct the uid, or write it.") % {"uid": uid}
                    )
                if asked.index(uid) < index:
                    yield self.error(path, _("The question “%(uid)s” stands here twice. Keep one.") % {"uid": uid})
        asked_by = {"test": [*lists["test"], *lists["exam"]], "practise": lists["practice"]}
        for mode, asked in asked_by.items():
            if mode in self.context.meta.get("modes", []) and not asked:
                message = _("The lesson declares the mode “%(mode)s”, but no question is asked there, so it is not shown.")
                yield self.warning((), message % {"mode": mode})
            if asked and mode not in self.context.meta.get("modes", []):
                message = _("The lesson does not declare the mode “%(mode)s”, so learners are not asked these questions.")
                section = "practice" if mode == "practise" else "test" if lists["test"] else "exam"
                yield self.warning((section,), message % {"mode": mode})

    def lists(self) -> dict[str, Sequence[str]]:
        """The uids that each quiz of the file asks, by the name of its section."""
        document = self.document
        sections = {"test": document.test, "exam": document.exam, "practice": document.practice, "pattern": document.pattern}
        return {name: section.questions if section else [] for name, section in sections.items()}

    def asked_twice(self, lists: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
        """What one quiz asks before another does would tell that one's answer."""
        told = {
            ("practice", "test"): _(
                "The question “%(uid)s” is in the test as well: practising it would tell its answer. Use another one."
            ),
            ("pattern", "test"): _(
                "The question “%(uid)s” is in the graded test as well: the test of the pattern would tell its answer."
                " Use another one."
            ),
        }
        in_exam = _("The question “%(uid)s” is in the exam as well: asked here, it would be known there. Use another one.")
        told |= {(name, "exam"): in_exam for name in ("test", "practice", "pattern")}
        for (name, graded), message in told.items():
            for index, uid in enumerate(lists[name]):
                if uid in lists[graded]:
                    yield self.error((name, "questions", index), message % {"uid": uid})

    def policies(self) -> Iterator[Finding]:
        """When the test and the exam are taken and told."""
        faults = [("test", fault) for fault in reveal_faults(self.document.test)] if self.document.test else []
        faults += [("exam", fault) for fault in exam_faults(self.document.exam)] if self.document.exam else []
        for name, fault in faults:
            yield (self.error if fault.stops else self.warning)((name, fault.field), fault.words)

    def withheld_still(self, lists: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
        """Whether something that learners have sat would be told here before its date, or though it never is to be told."""
        sat = QuizQuestion.objects.filter(
            quiz_version__quiz__lesson_id=self.context.lesson.pk,
            quiz_version__quiz__mode__in=GRADED,
            quiz_version__attempts__isnull=False,
        )
        dates = sat.filter(quiz_version__reveal=Reveal.DATE, quiz_version__reveal_at__gt=timezone.now())
        until = dict(dates.values_list("question_version__question__uid", "quiz_version__reveal_at"))
        never = sat.filter(quiz_version__reveal=Reveal.NEVER).values_list("question_version__question__uid", flat=True)
        for name in ("practice", "pattern"):
            for index, uid in enumerate(lists[name]):
                path = (name, "questions", index)
                if uid in until:
                    message = _(
                        "Learners have answered “%(uid)s” where it is told on %(at)s: here it would be told before."
                        " Wait until then."
                    )
                    yield self.error(path, message % {"uid": uid, "at": moment_words(until[uid])})
                elif uid in set(never):
                    message = _("“%(uid)s” was asked where its answer is never told: here it would be.")
                    yield self.warning(path, message % {"uid": uid})

    def pretest(self) -> Iterator[Finding]:
        """Two questions of this file, neither of which the test asks."""
        asked = self.document.pretest.questions if self.document.pretest else []
        if asked and len(asked) != PRETEST_QUESTIONS:
            message = _("A pretest asks two questions, and here it has %(count)s. Name two.")
            yield self.error(("pretest", "questions"), message % {"count": len(asked)})
        for index, uid in enumerate(asked):
            if asked.index(uid) < index:
                message = _("The question “%(uid)s” stands here twice. Keep one.")
                yield self.error(("pretest", "questions", index), message % {"uid": uid})
            yield from self.told_early(uid, ("pretest", "questions", index))

    def predictions(self) -> Iterator[Finding]:
        """Before each mode a question of its own, with one answer to choose or a number to write, and words of its own."""
        asked = self.document.predictions.by_mode if self.document.predictions else {}
        questions = {question.uid: question for question in self.document.questions}
        for mode, uid in asked.items():
            path = ("predictions", mode)
            if list(asked.values()).count(uid) > 1:
                message = _("The question “%(uid)s” is asked before two modes. Give each a question of its own.")
                yield self.error(path, message % {"uid": uid})
            if mode not in self.context.meta.get("modes", []):
                message = _("The lesson does not declare the mode “%(mode)s”, so learners are not asked this prediction.")
                yield self.warning(path, message % {"mode": mode})
            question = questions.get(uid)
            if isinstance(question, TemplateDocument):
                message = _(
                    "“%(uid)s” is drawn anew for each attempt, and a prediction is the same for all. Use a written question."
                )
                yield self.error(path, message % {"uid": uid})
            elif question and kind_named(question.kind).asks is Asks.SEVERAL:
                message = _("A prediction is one choice or one number, and “%(uid)s” asks for several. Use another question.")
                yield self.error(path, message % {"uid": uid})
            yield from self.told_early(uid, path)

    def told_early(self, uid: str, path: Path) -> Iterator[Finding]:
        """Whether a question that is told before the lesson is there, and is no question that counts later."""
        if uid not in {question.uid for question in self.document.questions}:
            message = _("There is no question “%(uid)s” in this file. Correct the uid, or write it.")
            yield self.error(path, message % {"uid": uid})
        for quiz in (self.document.test, self.document.exam):
            if quiz and uid in quiz.questions:
                message = _(
                    "The question “%(uid)s” is graded as well, and learners are told its answer here. Better use another one."
                )
                # An exam's question may be known to nobody; one of the test comes back to those who have read the lesson.
                complaint = self.error if quiz is self.document.exam else self.warning
                yield complaint(path, message % {"uid": uid})

    # --- one question

    def question(self, index: int) -> Iterator[Finding]:
        question = self.document.questions[index]
        path: Path = ("questions", index)
        yield from self.identity(question, path)
        if isinstance(question, TemplateDocument):
            yield from self.drawn(question, path)
            return
        yield from self.options(question, path)
        yield from self.all_words(question, path)
        yield from self.proof(question, path)

    def identity(self, question: AnyQuestion, path: Path) -> Iterator[Finding]:
        uids = [other.uid for other in self.document.questions]
        if uids.count(question.uid) > 1:
            yield self.error(
                (*path, "uid"), _("Two questions have the uid “%(uid)s”. Give each its own.") % {"uid": question.uid}
            )
        elsewhere = (
            Question.objects.filter(uid=question.uid).exclude(lesson_id=self.context.lesson.pk).select_related("lesson").first()
        )
        if elsewhere:
            message = _("The uid “%(uid)s” belongs to a question of the lesson “%(lesson)s”. Choose another one.")
            yield self.error((*path, "uid"), message % {"uid": question.uid, "lesson": elsewhere.lesson.slug})
        objectives = [objective["id"] for objective in self.context.meta.get("objectives", [])]
        if question.objective not in objectives:
            message = _("The lesson has no objective “%(objective)s”. Objectives: %(known)s.")
            known = ", ".join(objectives) or _("none")
            yield self.error((*path, "objective"), message % {"objective": question.objective, "known": known})
        asked = [*(self.document.test.questions if self.document.test else ())]
        asked += self.document.exam.questions if self.document.exam else []
        asked += self.document.practice.questions if self.document.practice else []
        asked += self.document.pattern_pool
        asked += self.document.beforehand
        if question.uid not in asked:
            yield self.warning((*path, "uid"), _("No quiz of the lesson asks “%(uid)s”.") % {"uid": question.uid})

    def options(self, question: QuestionDocument, path: Path) -> Iterator[Finding]:
        ids = [option.id for option in question.options]
        yield from self.asked(question, path)
        known = {misconception.slug for misconception in self.document.misconceptions}
        known |= set(Misconception.objects.filter(course_id=self.context.course.pk).values_list("slug", flat=True))
        known |= brought_along(self.document, self.context)
        for index, option in enumerate(question.options):
            here = (*path, "options", index)
            if ids.index(option.id) < index:
                yield self.error((*here, "id"), _("Two options have the id “%(id)s”. Give each its own.") % {"id": option.id})
            if option.misconception and option.misconception not in known:
                message = _("There is no misconception “%(slug)s” in this course. Define it under misconceptions.")
                yield self.error((*here, "misconception"), message % {"slug": option.misconception})
            if option.right and option.misconception:
                yield self.error((*here, "misconception"), _("The right option can’t stand for a misconception. Remove it."))
            if not option.right and not option.misconception:
                message = _("Option “%(id)s” is wrong without a misconception: say which belief leads to it.")
                yield self.warning(here, message % {"id": option.id})
        yield from self.option_texts(question, path)

    def asked(self, question: QuestionDocument, path: Path) -> Iterator[Finding]:
        """Whether a question of its kind can have these options, and says nothing that only another kind needs."""
        if question.credit and question.kind != MultipleChoice.name:
            message = _("“credit” says how several right options count, so it belongs to the kind multiple. Remove it.")
            yield self.error((*path, "credit"), message)
        if question.tolerance and question.kind != Numeric.name:
            message = _("“tolerance” says how near a number must come, so it belongs to the kind numeric. Remove it.")
            yield self.error((*path, "tolerance"), message)
        right = [option.id for option in question.right]
        try:
            options, rule = choices_of(question, self.context.facts), rule_of(question, self.context.facts)
        except BadFigure:
            return  # said where the words are checked
        for fault in kind_named(question.kind).faults(options, right, rule):
            yield self.error((*path, "options"), sentence(fault))

    def option_texts(self, question: QuestionDocument, path: Path) -> Iterator[Finding]:
        """No two options read the same, and the right one doesn't stand out by its length."""
        try:
            texts = [compared(filled(option.text, self.context.facts)) for option in question.options]
        except BadFigure:
            return  # said where the words are checked
        for index, text in enumerate(texts):
            if texts.index(text) < index:
                message = _("Options “%(first)s” and “%(second)s” read the same. Change one of them.")
                names = {"first": question.options[texts.index(text)].id, "second": question.options[index].id}
                yield self.error((*path, "options", index, "text"), message % names)
        right = [len(text) for text, option in zip(texts, question.options, strict=True) if option.right]
        wrong = [len(text) for text, option in zip(texts, question.options, strict=True) if not option.right]
        if (
            right
            and wrong
            and question.shows_options
            and question.about not in PROVED
            and min(right) > NOTABLY_LONGER * max(wrong)
        ):
            message = _("The right option is much the longest, which gives it away. Shorten it, or lengthen another.")
            yield self.warning((*path, "options"), message)

    def all_words(self, question: QuestionDocument, path: Path) -> Iterator[Finding]:
        for field in ("stem", "hint", "answer"):
            yield from self.words(getattr(question, field), (*path, field))
        for index, step in enumerate(question.solution):
            yield from self.words(step, (*path, "solution", index))
        for index, option in enumerate(question.options):
            yield from self.words(option.text, (*path, "options", index, "text"))
            yield from self.words(option.feedback, (*path, "options", index, "feedback"))

    def words(self, text: str, path: Path) -> Iterator[Finding]:
        """What is wrong with one Markdown text: figures without facts, formulas, pictures, links."""
        line = self.source.line(path)
        if line <= len(self.lines) and _TEXT_BLOCK.search(self.lines[line - 1]):
            line += 1  # the words begin below `stem: |`
        yield from check_markdown(
            text, facts=self.context.facts, file=self.source.file, first_line=line, pictures=self.context.pictures
        )
        if _QUESTION_BLOCK.search(text):
            yield self.error(path, _("A question can’t hold another question. Remove the “::: question” block."))

    # --- questions that are drawn

    def drawn(self, question: TemplateDocument, path: Path) -> Iterator[Finding]:
        """Whether the question can be drawn from what is known, and its samples can be asked."""
        known = READINGS if isinstance(question, ReadingDocument) else TEMPLATES
        if question.template not in known:
            message = _("There is no template “%(name)s”. Templates: %(known)s.")
            yield self.error((*path, "template"), message % {"name": question.template, "known": ", ".join(known)})
            return
        if isinstance(question, ReadingDocument) and (problems := list(self.run_of(question, (*path, "trace")))):
            yield from problems
            return
        recipe = question.recipe(self.context.meta)
        try:
            samples = samples_of(question.kind, recipe, language=self.context.course.language)
        except NotDrawable:
            if isinstance(question, GeneratedDocument):
                yield self.error(path, self.not_drawable(question))
            elif isinstance(question, ReadingDocument):
                yield from self.not_readable(question, (*path, "trace"))
            return
        for sample in samples:
            yield from self.sample(sample, path)

    def run_of(self, question: ReadingDocument, where: Path) -> Iterator[Finding]:
        """Whether the run that is named can be there, and whether all are asked about the same one where it counts."""
        graded = [quiz.questions for quiz in (self.document.test, self.document.exam) if quiz]
        if question.trace:
            film = Film(network=question.trace.network, sample=question.trace.sample)
            for severity, message in problems_with(film, {}, self.context.facts):
                if severity is Severity.ERROR:
                    yield self.error(where, message)
        elif any(question.uid in uids for uids in graded):
            message = _("What is graded asks everybody about the same run: name a network and a sample in place of “latest”.")
            yield self.error(where, message)
        elif not question.recipe(self.context.meta)["runs"]:
            message = _(
                "Who has run nothing yet is asked about the lesson’s sample run, and the lesson has none. Give it the field"
                " “run”, or name a network and a sample in place of “latest”."
            )
            yield self.error(where, message)

    def not_readable(self, question: ReadingDocument, where: Path) -> Iterator[Finding]:
        """Why no sample can be drawn, and what to do: a run may still come, but figures that are too near stay so."""
        runs = question.recipe(self.context.meta)["runs"]
        names = {"runs": ", ".join(_("%(network)s on %(sample)s") % run for run in runs), "name": question.template}
        if any(stored_trace(network=run["network"], sample=run["sample"]) is None for run in runs):
            message = _(
                "There is no finished run yet: %(runs)s. Until there is, the question is left out. Publishing asks for it; a"
                " worker and the network’s weights have to be there."
            )
            yield self.warning(where, message % names)
        elif runs:
            message = _(
                "The template “%(name)s” can’t be asked of this run: %(runs)s. Its figures are too near to call, or it has none"
                " of that sort. Name another sample, or another template."
            )
            yield self.error(where, message % names)

    def not_drawable(self, question: GeneratedDocument) -> str:
        """Why nothing can be drawn, and what to do."""
        recipe = question.recipe(self.context.meta)
        wanted = [question.parameters.network] if question.parameters.network else recipe["networks"]
        unknown = sorted(set(wanted) - set(facts_of_each(wanted)))
        if unknown:
            message = _("Nothing is known of %(networks)s yet. Run manage.py compute_facts %(networks)s.")
            return message % {"networks": " ".join(unknown)}
        message = _("The template “%(name)s” can’t be asked of %(networks)s. Name another network in “parameters”.")
        return message % {"name": question.template, "networks": ", ".join(wanted)}

    def sample(self, sample: Variant, path: Path) -> Iterator[Finding]:
        """What is wrong with one drawn question: a fault of its template, which no author can mend."""
        choices = [Choice(option.key, option.text) for option in sample.options]
        faults = [sentence(fault) for fault in kind_named(sample.kind).faults(choices, sample.right, sample.rule)]
        texts = [compared(option.text) for option in sample.options]
        if len(set(texts)) < len(texts):
            faults.append(_("Two options read the same."))
        for fault in faults:
            yield self.error(
                path, _("A question drawn here can’t be asked: %(fault)s Use another template.") % {"fault": fault}
            )

    # --- proofs

    def proof(self, question: QuestionDocument, path: Path) -> Iterator[Finding]:
        """A question about output or an error is proved by running; its mistakes are proved the same way."""
        here = (*path, "proof")
        if question.proof is None:
            if question.about in PROVED:
                message = _("A question about %(about)s needs a proof: the snippet that shows which option is right.")
                yield self.error(path, message % {"about": question.about})
            elif question.kind == CodeOutput.name:
                message = _("A question of the kind output needs a proof: the snippet that shows which option is right.")
                yield self.error(path, message)
            elif question.about in RUNNABLE:
                yield self.warning(path, _("Nothing proves the key of this question. Write code that shows it, under proof."))
            return
        if problem := unfit(question):
            yield self.error((*here, "compare"), problem)
            return
        options = {option.id: option for option in question.options}
        for option in question.proof.mistakes:
            where = (*here, "mistakes", option)
            if option not in options:
                yield self.error(where, _("There is no option “%(id)s” whose mistake this could be.") % {"id": option})
            elif options[option].right:
                yield self.error(where, _("Option “%(id)s” is right, so no mistake leads to it.") % {"id": option})
        if open_options := unproved_options(question):
            message = _("No code shows what comes of these options: %(options)s. Write the mistake behind each under mistakes.")
            yield self.warning(here, message % {"options": ", ".join(open_options)})
        for claim in claims_of(question):
            yield from self.claimed(claim, (*here, "mistakes", claim.option) if claim.option else (*here, "snippet"))

    def claimed(self, claim: Claim, where: Path) -> Iterator[Finding]:
        run = self.context.proofs(claim.snippet)
        if run is None:
            yield self.error(where, unproved(stale_proof_of(claim.snippet)))
            return
        if run.missing:
            yield self.error(where, needs(run.missing))
            return
        for warned in () if claim.option else run.warnings:  # that a mistake warns is part of what it comes to
            yield self.warning(where, _("This snippet warns: %(warning)s") % {"warning": warned})
        if problem := disagreement(claim, run, self.context.facts):
            yield self.error(where, problem)


def sentence(fault: Fault) -> str:
    """What is wrong with a question's options, and what to do."""
    return {
        Fault.TOO_FEW_OPTIONS: _("A question needs at least two options. Add one."),
        Fault.TOO_MANY_OPTIONS: _("A question has at most six options. Remove some."),
        Fault.NO_RIGHT_OPTION: _("No option is right. Mark one as right."),
        Fault.SEVERAL_RIGHT_OPTIONS: _("Several options are right. Leave one of them marked as right."),
        Fault.OPTION_IS_NO_NUMBER: _(
            "The options of a numeric question are the numbers that are expected. Write only numbers."
        ),
        Fault.WRONG_WITHIN_TOLERANCE: _(
            "A wrong number is so near to the right one that the tolerance takes it. Make the tolerance smaller, or remove it."
        ),
    }[fault]


def brought_along(document: QuestionsDocument, context: PartContext) -> set[str]:
    """The slugs of misconceptions that the document's templates bring along."""
    templates = [question for question in document.questions if isinstance(question, TemplateDocument)]
    drawers = [(DRAWERS[question.kind](None), question.recipe(context.meta)) for question in templates]
    return {slug for drawer, recipe in drawers for slug in drawer.misconceptions(recipe)}


def check_cards(*, contents: Contents, context: PartContext) -> list[Finding]:
    """Cards `::: question uid` in the lesson's prose that lead to no practice question; see settings.PUBLISH_CHECKS."""
    document, _source = read_questions(contents.files.get(QUESTIONS_FILE, ""))
    if document is None:
        return []  # its own findings come first
    asked = document.practice.questions if document.practice else []
    lesson = read_lesson(contents.files.get(LESSON_FILE, ""))
    message = _("The card “::: question %(uid)s” leads to no practice question. Name one that practice asks.")
    return [
        Finding(LESSON_FILE, lesson.body_line + (token.map or [0])[0], message % {"uid": token.content})
        for token in dialect().parse(lesson.body)
        if token.type == "block" and token.info == QuestionBlock.name and token.content.split() not in [[uid] for uid in asked]
    ]
