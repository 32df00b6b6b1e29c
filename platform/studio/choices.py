"""What the open choices of the studio's forms offer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from inference.breaking.wording import TELLINGS
from inference.contracts import MISTAKES
from inference.facts import known_networks, listed, titles, usable_weights
from inference.samples import all_samples
from inference.training import wording as training_wording
from inference.training_contracts import ALL_BLOCKS, BLOCKS, SHIPPED, Strategy
from lessons.models import Course, Draft
from lessons.modes import all_modes
from lessons.schema import LESSON_FILE
from quizzes.models import Misconception
from quizzes.schema import QUESTIONS_FILE
from studio.documents import PREDICTED, LessonText, QuestionsText, excerpt
from studio.editing import Files
from studio.yamltext import UnreadableError

Choices = Sequence[tuple[str, Any]]


@dataclass(frozen=True, slots=True)
class Photo:
    """What a sample photo is called, and where its picture is."""

    title: str
    url: str

    def __str__(self) -> str:
        return self.title


def prediction_choices(files: Files) -> Mapping[str, Choices]:
    """The draft's questions, for each mode that a prediction can be asked before."""
    document = QuestionsText(files.get(QUESTIONS_FILE, ""))
    asked = [
        (uid, excerpt(question.get("stem"), 80) or uid) for uid, question in zip(document.uids, document.questions, strict=True)
    ]
    return {f"before_{mode}": [("", _("none")), *asked] for mode in PREDICTED}


def lesson_choices() -> Mapping[str, Choices]:
    """The modes that are served here, the networks, sample photos and data sets that are here, the mistakes and strategies."""
    networks, photos = runnable_choices(), photo_choices()
    mistakes = mistake_choices()
    return {
        "modes": [(mode.slug, mode.title) for mode in all_modes()],
        "networks": network_choices(),
        "run_network": networks,
        "run_samples": photos,
        "look_network": networks,
        "look_samples": photos,
        "break_network": networks,
        "mistake": mistakes,
        "among": mistakes,
        "sample": photos,
        "train_network": networks,
        "text": [  # a row of train_data has no other name in documents
            (str(name), training_wording.data_title(name)) for name in SHIPPED
        ],
        "train_strategy": [
            ("", _("as usual: %(strategy)s") % {"strategy": training_wording.strategy_title(Strategy.FROZEN)}),
            *((str(name), training_wording.strategy_title(name)) for name in Strategy),
        ],
        "train_blocks": [
            ("", _("as usual: %(blocks)s") % {"blocks": training_wording.blocks_title(int(BLOCKS.usual))}),
            *(
                (str(count), training_wording.blocks_title(count))
                for count in range(int(BLOCKS.lowest), int(BLOCKS.highest) + 1)
            ),
            (ALL_BLOCKS, training_wording.blocks_title(ALL_BLOCKS)),
        ],
    }


def mistake_choices() -> list[tuple[str, str]]:
    """The mistakes that can be run: name and title."""
    return [(str(name), str(TELLINGS[name].title)) for name in MISTAKES]


def photo_choices() -> list[tuple[str, Photo]]:
    """The sample photos: id, and title with picture."""
    small = "?size=small"
    return [
        (sample.id, Photo(str(sample.title), reverse("inference:sample", args=[sample.id]) + small)) for sample in all_samples()
    ]


def runnable_choices() -> list[tuple[str, str]]:
    """Every network that facts are known of; those that can't run here yet say so."""
    records = listed(known_networks())
    return [
        (name, title if _has_weights(name, records) else _("%(network)s (no weights here yet)") % {"network": title})
        for name, title in network_choices()
    ]


def _has_weights(network: str, records: Mapping[str, dict[str, Any]]) -> bool:
    weights = usable_weights(network, records.get(network, {}))
    return weights is not None and bool(weights["available"])


def network_choices() -> list[tuple[str, str]]:
    """Every network that facts are known of: its name and title."""
    known = titles()
    return [(name, known.get(name, name)) for name in known_networks()]


def question_choices(course: Course, files: Files) -> Mapping[str, Choices]:
    """The lesson's objectives, the course's misconceptions, and the weights that code may need."""
    return {
        "objective": objective_choices(files),
        "misconception": misconception_choices(course, files),
        "requires": [(f"weights/{name}", title) for name, title in network_choices()],
        "network": network_choices(),
        "trace": run_choices(),
    }


def run_choices() -> list[tuple[str, str]]:
    """The runs that a question can be read out of: the learner's latest, then the site's own of each network that can run."""
    records = listed(known_networks())
    networks = [(name, title) for name, title in network_choices() if _has_weights(name, records)]
    own = [
        (f"{name} {sample.id}", _("%(network)s on “%(photo)s”") % {"network": title, "photo": sample.title})
        for name, title in networks
        for sample in all_samples()
    ]
    return [("latest", _("the learner’s latest run")), *own]


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
