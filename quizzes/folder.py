"""The quizzes' part of a course folder: questions.yaml."""

from __future__ import annotations

from inference.proofs import Snippet
from lessons.facts import Facts
from lessons.models import LessonVersion
from lessons.parts import Finding, PartContext
from lessons.standing import Latest, Standing
from quizzes.checks import findings_of
from quizzes.proving import proves, standings_of
from quizzes.publishing import publish_questions
from quizzes.schema import QUESTIONS_FILE, read_questions, snippets_of


class QuestionsPart:
    """Reads, checks and publishes questions.yaml; see lessons.parts.LessonPart."""

    filename = QUESTIONS_FILE

    def check(self, text: str, context: PartContext) -> list[Finding]:
        """What is wrong with the file, each with its line; empty when it can be published."""
        document, source = read_questions(text)
        if document is None:
            return source.findings
        return findings_of(document, source, context, text)

    def publish(self, text: str, context: PartContext, version: LessonVersion) -> None:
        """Stores the questions, keys and quizzes of `version`. Raises ValueError for a file that `check` finds errors in."""
        document, source = read_questions(text)
        if document is None:
            raise ValueError("; ".join(str(finding) for finding in source.findings))
        publish_questions(document, context, version)

    def snippets(self, text: str) -> list[tuple[str, Snippet]]:
        """Every snippet whose proof the file needs: "uid" proves a key, "uid/option" what a mistake comes to."""
        document, _source = read_questions(text)
        if document is None:
            return []
        return [
            (proves(question, option), snippet)
            for question in document.written
            for option, snippet in snippets_of(question).items()
        ]

    def standings(self, text: str, latest: Latest, facts: Facts) -> list[Standing]:
        """How the proofs of these snippets stand; empty for a file that cannot be read."""
        document, _source = read_questions(text)
        if document is None:
            return []
        return [found for question in document.written for found in standings_of(question, latest, facts)]
