"""Whether a question's code shows what the question says: its key, and each distractor that stands for a mistake.

What a snippet must come to follows from `compare`:

- output, error: the right option is what the snippet gives, and an option's mistake gives what that option says;
- stem: the question shows what the snippet gives, and a mistake must give something else, or its option were right as well;
- options: the snippet tries every option and prints the ids of those that hold, so it proves key and distractors at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from django.utils.translation import gettext as _

from inference.models import Proof
from inference.proofs import Snippet, result_of
from inference.sandbox.snippets import normalised_output, outputs_match
from lessons.facts import Facts
from lessons.figures import BadFigure
from lessons.standing import Latest, Standing, standing
from quizzes.questions.multiple import MultipleChoice
from quizzes.questions.output import CodeOutput
from quizzes.questions.single import SingleChoice
from quizzes.schema import QUESTIONS_FILE, QuestionDocument, snippets_of
from quizzes.words import filled

PROVED = ("output", "error")
"""What a question is about when its key must be proved by running."""

RUNNABLE = ("api", *PROVED)
"""What a question is about when its key and its distractors can be tried by running."""

_SHOWN = 300  # characters of an output that a sentence quotes


@dataclass(frozen=True, slots=True)
class Claim:
    """One snippet and what must come of it; `option` is the one whose mistake it makes, empty for the key's own."""

    option: str
    snippet: Snippet
    compare: str  # as in the document; of a mistake "either" (what its option says) or "other" (not what the stem shows)
    words: str


def proves(question: QuestionDocument, option: str) -> str:
    """What a snippet proves, in a word: "uid" the key, "uid/option" what an option's mistake comes to."""
    return f"{question.uid}/{option}" if option else question.uid


def unfit(question: QuestionDocument) -> str:
    """Why the question's code can't be compared as its proof says; empty when it can."""
    compare = question.proof.compare if question.proof else ""
    if question.kind == CodeOutput.name and compare in ("stem", "options"):
        return _("What the snippet of an output question gives is its right option: compare output or error, not stem.")
    if question.kind == MultipleChoice.name and compare in PROVED:
        return _("A snippet gives one output, and several options can be right here: compare options, or use another kind.")
    if compare == "options" and question.kind not in (SingleChoice.name, MultipleChoice.name):
        return _("Only a question with options to choose can be compared by options. Compare output.")
    return ""


def claims_of(question: QuestionDocument) -> Iterator[Claim]:
    """Every snippet of the question that has an option to be compared with."""
    if question.proof is None:
        return
    compare = question.proof.compare
    words = {option.id: option.text for option in question.options}
    for option, snippet in snippets_of(question).items():
        if option:
            if option in words:
                yield Claim(option, snippet, *(("other", question.stem) if compare == "stem" else ("either", words[option])))
        elif compare == "options":
            yield Claim("", snippet, compare, " ".join(right.id for right in question.right))
        elif question.right:
            yield Claim("", snippet, compare, question.stem if compare == "stem" else question.right[0].text)


def unproved_options(question: QuestionDocument) -> list[str]:
    """The ids of wrong options of which no code shows what comes of them, where code could."""
    if question.about not in RUNNABLE or question.proof is None or question.proof.compare == "options":
        return []
    return [option.id for option in question.options if not option.right and option.id not in question.proof.mistakes]


def disagreement(claim: Claim, run: Proof, facts: Facts) -> str:
    """What is wrong with what a snippet came to, in a sentence; empty when it is what it must be."""
    try:
        words = filled(claim.words, facts)
    except BadFigure:
        return ""  # said where the words are checked
    printed = printed_by(run, claim.compare)
    shown = normalised_output(printed)[:_SHOWN]
    if claim.compare == "stem":
        message = _("This snippet ends with “%(printed)s”, which the stem does not show. Correct one of them.")
        return "" if stands_in(printed, words) else message % {"printed": shown}
    if claim.compare == "other":
        message = _(
            "The mistake of option “%(option)s” comes to “%(printed)s”, which is what the question shows. Then the option is"
            " right as well, or the code doesn’t make that mistake."
        )
        return message % {"option": claim.option, "printed": shown} if stands_in(printed, words) else ""
    if claim.compare == "options":
        message = _(
            "Running this finds that these options hold: %(printed)s. Marked as right are: %(option)s. Correct one of them."
        )
        agrees = not result_of(run).error and sorted(printed.split()) == sorted(words.split())
        return "" if agrees else message % {"printed": shown or _("none"), "option": words}
    message = _("Running this gives “%(printed)s”, but the option says “%(option)s”. Correct one of them.")
    return "" if outputs_match(printed, words) else message % {"printed": shown, "option": normalised_output(words)[:_SHOWN]}


def printed_by(run: Proof, compare: str) -> str:
    """What a run is compared by: its output, the last line of its error, or whichever came last."""
    error = result_of(run).error
    if compare == "output":
        return run.output
    return error if compare == "error" else error or run.output


def stands_in(printed: str, stem: str) -> bool:
    """Whether the stem shows what was printed, word for word; blanks at line ends don't count."""
    lines = [line.rstrip() for line in stem.split("\n")]
    wanted = normalised_output(printed)
    return bool(wanted) and wanted in "\n".join(lines)


def standings_of(question: QuestionDocument, latest: Latest, facts: Facts) -> Iterator[Standing]:
    """How the proofs of the question's snippets stand, the key's first."""
    for claim in claims_of(question):
        where = f"{QUESTIONS_FILE}#{proves(question, claim.option)}"
        yield standing(where, claim.snippet, latest(claim.snippet), partial(_disagreement, claim, facts))


def _disagreement(claim: Claim, facts: Facts, run: Proof) -> str:
    return disagreement(claim, run, facts)
