"""What the open choices of the studio's forms offer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from inference.facts import FactMissing, fact, known_networks
from inference.samples import all_samples
from lessons.models import Course, Draft
from lessons.modes import all_modes
from lessons.schema import LESSON_FILE
from quizzes.models import Misconception
from quizzes.schema import QUESTIONS_FILE
from studio.documents import LessonText, QuestionsText, excerpt
from studio.editing import Files
from studio.yamltext import UnreadableError

Choices = Sequence[tuple[str, Any]]


def lesson_choices() -> Mapping[str, Choices]:
    """The modes that are served here, the networks that are known here, and the sample photos."""
    networks = network_choices()
    return {
        "modes": [(mode.slug, mode.title) for mode in all_modes()],
        "networks": networks,
        "run_network": networks,
        "run_samples": [(sample.id, sample.title) for sample in all_samples()],
    }


def network_choices() -> list[tuple[str, str]]:
    """Every network that facts are known of: its name and title."""
    return [(name, _title(name)) for name in known_networks()]


def _title(network: str) -> str:
    try:
        return str(fact(network, "title"))
    except FactMissing:
        return network


def question_choices(course: Course, files: Files) -> Mapping[str, Choices]:
    """The lesson's objectives, the course's misconceptions, and the weights that code may need."""
    return {
        "objective": objective_choices(files),
        "misconception": misconception_choices(course, files),
        "requires": [(f"weights/{name}", title) for name, title in network_choices()],
    }


def objective_choices(files: Files) -> list[tuple[str, str]]:
    """The draft's objectives: id and words."""
    try:
        rows = LessonText(files.get(LESSON_FILE, "")).values["objectives"]
    except UnreadableError:
        return []
    return [(row["id"], excerpt(row["text"], 70) or row["id"]) for row in rows if row["id"]]


def misconception_choices(course: Course, files: Files) -> list[tuple[str, str]]:
    """The misconceptions of this draft, of the course's other drafts, and of what is published."""
    found = dict(Misconception.objects.filter(course=course).values_list("slug", "title"))
    others = Draft.objects.filter(lesson__course=course).values_list("files", flat=True)
    for each in (*others, files):
        found |= {row["slug"]: row["title"] for row in _misconceptions(each) if row["slug"]}
    return sorted(found.items(), key=lambda pair: pair[1])


def _misconceptions(files: Files) -> list[dict[str, Any]]:
    try:
        return QuestionsText(files.get(QUESTIONS_FILE, "")).misconceptions
    except UnreadableError:
        return []
