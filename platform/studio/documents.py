"""lesson.md and questions.yaml as the values that forms show, and back.

A form knows some fields of a document. Writing its values changes those whose shown value changed, and nothing else: a field
no form knows stays, and so does a value of an unexpected type until somebody edits it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import chain, count
from typing import Any, Protocol

from django.utils.text import slugify
from django.utils.translation import gettext as _

from lessons.documents import split_front_matter
from studio import yamltext
from studio.yamltext import Path, UnreadableError

Values = dict[str, Any]

_DIGITS = re.compile("0|[1-9][0-9]{0,8}")
_MARKS = re.compile(r"^```.*$|[`*]", re.MULTILINE)

MOST_ROWS = 150
"""Items of one list that a form shows; a document with more is edited as text, so that none is dropped."""

ABSENT = object()
"""What a field reads when the document should not have it."""


class NotShownError(ValueError):
    """A value in a document that no form can show: where, and why."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(reason)
        self.path = path
        self.reason = reason


class Kind(Protocol):
    """How one field of a document looks in a form."""

    def show(self, value: Any) -> Any:
        """The form's value for the document's (None: it has none). Raises NotShownError for one no form can show."""

    def read(self, given: Any, old: Any) -> Any:
        """The document's value for the form's, or ABSENT; `old` is what the document has now."""


@dataclass(frozen=True, slots=True)
class Text:
    """Words on one line or several."""

    def show(self, value: Any) -> str:
        if value is None:
            return ""
        if isinstance(value, str):
            return value.strip("\n")
        if isinstance(value, dict | list):
            raise NotShownError((), _("it must be text"))
        return yamltext.dump(value).removesuffix("...\n").strip()

    def read(self, given: Any, old: Any) -> Any:
        text = str(given or "").strip("\n")
        # A block of several lines ends with a line end, as an editor writes it.
        return (text + "\n" if "\n" in text else text) or ABSENT


@dataclass(frozen=True, slots=True)
class Number:
    """A number; None when there is none."""

    def show(self, value: Any) -> Any:
        if isinstance(value, dict | list):
            raise NotShownError((), _("it must be a number"))
        return value

    def read(self, given: Any, old: Any) -> Any:
        return ABSENT if given is None else given


class NumberOrWord(Text):
    """A whole number, or a word in its place; the form has both as words."""

    def read(self, given: Any, old: Any) -> Any:
        return int(given) if _DIGITS.fullmatch(str(given or "")) else Text().read(given, old)


class RunNamed(Text):
    """A run that a question is read out of: the word latest, or a network and a sample, which the form has as two words."""

    def show(self, value: Any) -> str:
        if isinstance(value, dict) and set(value) == {"network", "sample"}:
            return f"{Text().show(value['network'])} {Text().show(value['sample'])}"
        return Text().show(value)

    def read(self, given: Any, old: Any) -> Any:
        network, blank, sample = str(given or "").partition(" ")
        return {"network": network, "sample": sample} if blank else Text().read(given, old)


@dataclass(frozen=True, slots=True)
class Flag:
    """True, or not there."""

    def show(self, value: Any) -> bool:
        return value is True

    def read(self, given: Any, old: Any) -> Any:
        return True if given else ABSENT


@dataclass(frozen=True, slots=True)
class Pool:
    """Of which questions the test of the pattern is drawn: of those to practise (empty), of none ("off"), of its "own" list."""

    def show(self, value: Any) -> str:
        if value is None:
            return ""
        if value is False:
            return "off"
        if isinstance(value, dict):
            return "own"
        raise NotShownError((), _("it must be false, or have fields of its own"))

    def read(self, given: Any, old: Any) -> Any:
        return False if given == "off" else ABSENT


@dataclass(frozen=True, slots=True)
class Words:
    """A list of short words."""

    def show(self, value: Any) -> list[str]:
        if value is None:
            return []
        if not isinstance(value, list) or any(isinstance(word, dict | list) for word in value):
            raise NotShownError((), _("it must be a list of words"))
        if len(value) > MOST_ROWS:
            raise NotShownError((), _("it has too many items for a form"))
        return [Text().show(word) for word in value]

    def read(self, given: Any, old: Any) -> Any:
        return [str(word) for word in given or [] if str(word).strip()] or ABSENT


@dataclass(frozen=True, slots=True)
class Lines:
    """A list of which the form shows each item on a line of its own."""

    def show(self, value: Any) -> str:
        return "\n".join(Words().show(value))

    def read(self, given: Any, old: Any) -> Any:
        return Words().read([line.strip() for line in str(given or "").split("\n")], old)


class Ticks(Words):
    """A list of which a form shows only what is in it: those that stay keep their order, new ones come last."""

    def read(self, given: Any, old: Any) -> Any:
        kept = [word for word in old if word in given] if isinstance(old, list) else []
        return kept + [word for word in given if word not in kept] or ABSENT


@dataclass(frozen=True, slots=True)
class Rows:
    """A list of items with fields of their own. `was` in a row names the item that it continues, by its identity."""

    identity: str
    fields: Mapping[str, Field]

    def show(self, value: Any) -> list[Values]:
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise NotShownError((), _("it must be a list of items with fields"))
        if len(value) > MOST_ROWS:
            raise NotShownError((), _("it has too many items for a form"))
        return [self._shown(number, item) for number, item in enumerate(value)]

    def _shown(self, number: int, item: Mapping[str, Any]) -> Values:
        try:
            return {"was": Text().show(item.get(self.identity)), **show(self.fields, item)}
        except NotShownError as error:
            raise NotShownError((number, *error.path), error.reason) from None

    def read(self, given: Any, old: Any) -> Any:
        free = list(enumerate(old)) if isinstance(old, list) else []
        items = []
        for row in given or []:
            match = next(
                (pair for pair in free if row.get("was") and Text().show(pair[1].get(self.identity)) == row["was"]), None
            )
            if match is not None:
                free.remove(match)
            item = write(self.fields, match[1] if match else {}, row)
            if item:
                items.append(item)
        return items or ABSENT


@dataclass(frozen=True, slots=True)
class Steps:
    """A list of texts, each a row of its own with the one field `text`."""

    def show(self, value: Any) -> list[Values]:
        return [{"text": word} for word in Words().show(value)]

    def read(self, given: Any, old: Any) -> Any:
        kept = {Text().show(step): step for step in old} if isinstance(old, list) else {}
        texts = [str(row.get("text") or "").strip("\n") for row in given or []]
        return [kept.get(text, Text().read(text, None)) for text in texts if text.strip()] or ABSENT


@dataclass(frozen=True, slots=True)
class Field:
    """One value of a form: where it stands in the document, and how it looks."""

    path: tuple[str, ...]
    kind: Kind = Text()


def show(fields: Mapping[str, Field], data: Mapping[str, Any]) -> Values:
    """The form's values. Raises NotShownError for a value that no form can show."""
    values: Values = {}
    for name, field in fields.items():
        found: Any = data
        for place, step in enumerate(field.path):
            if found is not None and not isinstance(found, dict):
                raise NotShownError(field.path[:place], _("it must have fields of its own"))
            found = (found or {}).get(step)
        try:
            values[name] = field.kind.show(found)
        except NotShownError as error:
            raise NotShownError((*field.path, *error.path), error.reason) from None
    return values


def write(fields: Mapping[str, Field], data: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The data with the values in it: unchanged ones as they were, unknown ones kept, empty ones gone."""
    result: dict[str, Any] = deepcopy(dict(data))
    for name, field in fields.items():
        if name in values:
            _put(result, field, values[name])
    return result


def _put(data: dict[str, Any], field: Field, given: Any) -> None:
    way = [data]
    for step in field.path[:-1]:
        inner = way[-1].get(step)
        way.append(inner if isinstance(inner, dict) else {})
    last = field.path[-1]
    old = way[-1].get(last)
    if field.kind.show(old) == given:
        return
    value = field.kind.read(given, old)
    if value is ABSENT:
        way[-1].pop(last, None)
    else:
        way[-1][last] = value
    for step, outer, inner in reversed(list(zip(field.path[:-1], way, way[1:], strict=False))):
        if inner:
            outer[step] = inner
        else:
            outer.pop(step, None)


def _row(*names: str, **kinds: Kind) -> dict[str, Field]:
    return {name: Field((name,), kinds.get(name, Text())) for name in (*names, *kinds)}


COURSE_FIELDS: Mapping[str, Field] = {
    **_row("title", "subtitle", "summary", "slug", "subject", "level", "language"),
    "tags": Field(("tags",), Words()),
    "prerequisites": Field(("prerequisites",), Lines()),
}

CASE_FIELDS: Mapping[str, Field] = {
    **_row("id", "mistake", "sample", among=Ticks()),
    **_row("story", explanations=Rows("text", _row("text", right=Flag()) | _row("feedback"))),
    **_row("why"),
}

LESSON_FIELDS: Mapping[str, Field] = {
    **_row("title", "subtitle", "slug", minutes=Number()),
    "level": Field(("level",)),
    "tags": Field(("tags",), Words()),
    "objectives": Field(("objectives",), Rows("id", _row("id", "text", "section"))),
    "modes": Field(("modes",), Ticks()),
    "networks": Field(("networks",), Ticks()),
    "run_network": Field(("run", "network")),
    "run_samples": Field(("run", "samples"), Ticks()),
    "predict_question": Field(("run", "predict", "question")),
    "predict_options": Field(("run", "predict", "options"), Steps()),
    "predict_why": Field(("run", "predict", "why")),
    "look_network": Field(("look", "network")),
    "look_samples": Field(("look", "samples"), Ticks()),
    "look_question": Field(("look", "predict", "question")),
    "look_options": Field(("look", "predict", "options"), Steps()),
    "look_why": Field(("look", "predict", "why")),
    "break_network": Field(("mistakes", "network")),
    "cases": Field(("mistakes", "cases"), Rows("id", CASE_FIELDS)),
    "train_network": Field(("train", "network")),
    "train_data": Field(("train", "data"), Steps()),
    "train_strategy": Field(("train", "strategy")),
    "train_epochs": Field(("train", "epochs"), Number()),
    "train_learning_rate": Field(("train", "learning_rate"), Number()),
    "train_labels_per_class": Field(("train", "labels_per_class"), Number()),
    "train_blocks": Field(("train", "blocks"), NumberOrWord()),
    "train_seed": Field(("train", "seed"), Number()),
    "train_about": Field(("train", "about")),
    "train_question": Field(("train", "predict", "question")),
    "train_options": Field(("train", "predict", "options"), Steps()),
    "train_why": Field(("train", "predict", "why")),
    "insight": Field(("insight",)),
    "sources": Field(("sources",), Rows("url", _row("title", "url"))),
}

QUESTION_FIELDS: Mapping[str, Field] = {
    **_row("kind", "about", "difficulty", "objective", "stem"),
    "credit": Field(("credit",)),
    "absolute": Field(("tolerance", "absolute"), Number()),
    "relative": Field(("tolerance", "relative"), Number()),
    "options": Field(("options",), Rows("id", _row("id", "text", "feedback", "misconception", right=Flag()))),
    "hint": Field(("hint",)),
    "solution": Field(("solution",), Steps()),
    "answer": Field(("answer",)),
    "snippet": Field(("proof", "snippet")),
    "requires": Field(("proof", "requires")),
    "compare": Field(("proof", "compare")),
    "template": Field(("template",)),
    "network": Field(("parameters", "network")),
    "trace": Field(("trace",), RunNamed()),
}

ONLY_OF_KIND: Mapping[str, Values] = {
    "multiple": {"credit": ""},
    "numeric": {"absolute": None, "relative": None},
    "generated": {"template": "", "network": ""},
    "trace": {"template": "", "trace": ""},
}
"""What one kind of question alone needs, and the value that says nothing of it."""

DRAWN_KINDS = ("generated", "trace")
"""Kinds whose words are drawn each time: such a question has none of its own."""

WORDS: Values = {
    **dict.fromkeys(("stem", "hint", "answer", "snippet", "requires", "compare"), ""),
    "options": [],
    "solution": [],
}
"""What a question with words of its own has, and the value that says nothing of it."""

MISCONCEPTION_FIELDS = _row("slug", "title", "belief", "why", "mistake")

PREDICTED = ("run", "break", "train")
"""The modes that a prediction can be asked before."""

QUIZ_FIELDS: Mapping[str, Field] = {
    "title": Field(("test", "title")),
    "reveal": Field(("test", "reveal")),
    "reveal_at": Field(("test", "reveal_at")),
    "test": Field(("test", "questions"), Words()),
    "exam_title": Field(("exam", "title")),
    "exam_minutes": Field(("exam", "minutes"), Number()),
    "exam_attempts": Field(("exam", "attempts"), Number()),
    "exam_opens_at": Field(("exam", "opens_at")),
    "exam_closes_at": Field(("exam", "closes_at")),
    "exam_reveal": Field(("exam", "reveal")),
    "exam_reveal_at": Field(("exam", "reveal_at")),
    "exam": Field(("exam", "questions"), Words()),
    "practice": Field(("practice", "questions"), Words()),
    "pattern": Field(("pattern",), Pool()),
    "pretest": Field(("pretest", "questions"), Words()),
    **{f"before_{mode}": Field(("predictions", mode)) for mode in PREDICTED},
}

LISTS = ("test", "exam", "practice", "pretest")
"""The quizzes whose questions stand in an order that the forms change."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the forms something of a document is edited; `page` is empty when only the document itself shows it."""

    page: str = ""  # "lesson", "question", "misconceptions", "quiz"
    field: str = ""  # the form field's name, "options-1-text"
    uid: str = ""  # of the question
    line: int = 0  # within the field, counted from 1


class LessonText:
    """A lesson.md as form values. Raises UnreadableError when its fields are not such that a form can show them."""

    def __init__(self, text: str) -> None:
        text = text.replace("\r\n", "\n")
        self.text = text
        self._halves = split_front_matter(text)
        self._yaml = self._halves.yaml if self._halves else ""
        self.body = self._halves.body if self._halves else text
        self._offset = 1  # the line of the opening fence
        self.data = _fields_of(self._yaml, offset=self._offset)
        self.values: Values = _shown(LESSON_FIELDS, self.data, self._yaml, self._offset)
        self.values["body"] = self.body.strip("\n")

    @property
    def uid(self) -> str:
        return str(self.data.get("uid", ""))

    def with_values(self, values: Mapping[str, Any]) -> str:
        """The document with a form's values in it."""
        front = yamltext.rewrite(self._yaml, write(LESSON_FIELDS, self.data, values)).rstrip("\n")
        body = self.body
        if "body" in values and values["body"] != self.values["body"]:
            body = f"\n{values['body']}\n"
        if self._halves is not None and front == self._yaml.rstrip("\n") and body == self.body:
            return self.text
        return f"---\n{front}\n---\n{body}"

    def place_of(self, line: int) -> Place:
        """The form field that shows a line of the document."""
        if self._halves and line >= self._halves.body_line:
            skipped = len(self.body) - len(self.body.lstrip("\n"))
            return Place("lesson", "body", line=max(1, line - self._halves.body_line + 1 - skipped))
        path = yamltext.path_at(self._yaml, line - self._offset)
        return Place("lesson", field_at(LESSON_FIELDS, path)) if path else Place("lesson")


def without_other_kinds(values: Values) -> Values:
    """A question's values without what only another kind than its own needs.

    Drafts save themselves, so words are kept until a template is chosen: choosing a kind by mistake loses none.
    """
    own = ONLY_OF_KIND.get(values["kind"], {})
    others = {name: value for nothing in ONLY_OF_KIND.values() for name, value in nothing.items() if name not in own}
    is_drawn = values["kind"] in DRAWN_KINDS and values["template"]
    return {**values, **others, **(WORDS if is_drawn else {})}


def with_names_of_cases(values: Values) -> Values:
    """A lesson's values in which every broken run has a short name of its own: learners' answers are kept by it."""
    taken = {case["id"] for case in values["cases"]}
    named = []
    for case in values["cases"]:
        about = slugify(f"{case['mistake']} {case['sample']}").replace("_", "-")
        name = case["id"] or _free(about or "case", taken)
        taken.add(name)
        named.append({**case, "id": name})
    return {**values, "cases": named}


def _free(name: str, taken: set[str]) -> str:
    """The name, with a number where it is taken."""
    return next(one for one in chain([name], (f"{name}-{number}" for number in count(2))) if one not in taken)


class QuestionsText:
    """A questions.yaml as form values. Raises UnreadableError when a form cannot show it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.data = _fields_of(text)
        self.quiz: Values = _shown(QUIZ_FIELDS, self.data, text)
        self.misconceptions = self._rows("misconceptions", "slug", MISCONCEPTION_FIELDS)
        self._rows("questions", "uid", {})

    def _rows(self, name: str, identity: str, fields: Mapping[str, Field]) -> list[Values]:
        return list(_shown({name: Field((name,), Rows(identity, fields))}, self.data, self.text)[name])

    @property
    def questions(self) -> list[dict[str, Any]]:
        return self.data.get("questions") or []

    @property
    def uids(self) -> list[str]:
        return [Text().show(question.get("uid")) for question in self.questions]

    def index(self, uid: str) -> int | None:
        """The place of the question in the document."""
        return self.uids.index(uid) if uid in self.uids else None

    def values(self, uid: str) -> Values | None:
        """The form values of one question; None when it is not there. Raises UnreadableError when a form cannot show it."""
        index = self.index(uid)
        if index is None:
            return None
        question = self.questions[index]
        way = ("questions", index)
        try:
            values = show(QUESTION_FIELDS, question)
        except NotShownError as error:
            raise UnreadableError(yamltext.line_of(self.text, (*way, *error.path)), error.reason) from None
        proof = question.get("proof") or {}
        mistakes = proof.get("mistakes") or {}
        if not isinstance(mistakes, dict):
            raise UnreadableError(yamltext.line_of(self.text, (*way, "proof", "mistakes")), _("it must have fields of its own"))
        for row in values["options"]:
            row["mistake"] = Text().show(mistakes.get(row["id"]))
        return {**values, **{f"in_{name}": uid in self.quiz[name] for name in LISTS}}

    def with_question(self, uid: str, values: Mapping[str, Any]) -> str:
        """The document with one question as the form says; a new one comes last."""
        questions = deepcopy(self.questions)
        index = self.index(uid)
        if index is None:
            questions.append({"uid": uid})
            index = len(questions) - 1
        shown = {row["was"] for row in (self.values(uid) or {"options": []})["options"]}
        question = write(QUESTION_FIELDS, questions[index], values)
        questions[index] = _with_mistakes(question, values.get("options", []), shown)
        quiz = {name: _listed(self.quiz[name], uid, bool(values.get(f"in_{name}"))) for name in LISTS}
        return self._with({**write(QUIZ_FIELDS, self.data, quiz), "questions": questions})

    def without_question(self, uid: str) -> str:
        """The document without the question, and without it in its lists."""
        questions = [question for question, name in zip(self.questions, self.uids, strict=True) if name != uid]
        quiz: Values = {name: _listed(self.quiz[name], uid, False) for name in LISTS}
        quiz |= {name: "" for name in (f"before_{mode}" for mode in PREDICTED) if self.quiz[name] == uid}
        return self._with({**write(QUIZ_FIELDS, self.data, quiz), **self._pool_without(uid), "questions": questions})

    def _pool_without(self, uid: str) -> dict[str, Any]:
        """The pattern's own list without the question; nothing where it has none that names it."""
        pool = self.data.get("pattern")
        if not isinstance(pool, dict):
            return {}
        listed = pool.get("questions")
        if not isinstance(listed, list) or uid not in listed:
            return {}
        return {"pattern": {**pool, "questions": [other for other in listed if other != uid]}}

    def with_copy(self, uid: str, new_uid: str) -> str:
        """The document with a copy of the question right after it, in no list yet."""
        index = self.index(uid)
        if index is None:
            return self.text
        copy = {**deepcopy(self.questions[index]), "uid": new_uid}
        return self._with({**self.data, "questions": [*self.questions[: index + 1], copy, *self.questions[index + 1 :]]})

    def with_quiz(self, values: Mapping[str, Any]) -> str:
        """The document with the two lists of questions as the form says."""
        return self._with(write(QUIZ_FIELDS, self.data, values))

    def with_misconceptions(self, rows: Sequence[Mapping[str, Any]]) -> str:
        """The document with the misconceptions as the form says."""
        fields = {"misconceptions": Field(("misconceptions",), Rows("slug", MISCONCEPTION_FIELDS))}
        return self._with(write(fields, self.data, {"misconceptions": [dict(row) for row in rows]}))

    def place_of(self, line: int) -> Place:
        """The page and field that show a line of the document."""
        match yamltext.path_at(self.text, line):
            case ("questions", int(index), *rest) if index < len(self.uids):
                return Place("question", _question_field(rest, self.questions[index]), uid=self.uids[index])
            case ("misconceptions", int(index), *rest):
                return Place("misconceptions", "-".join(["misconceptions", str(index), *map(str, rest[:1])]))
            case ("predictions", str(mode), *_rest) if mode in PREDICTED:
                return Place("quiz", f"before_{mode}")
            case ("exam", str(field), *_rest) if f"exam_{field}" in QUIZ_FIELDS:
                return Place("quiz", f"exam_{field}")
            case ("test" | "exam" | "practice" | "pattern" | "pretest" as name, *rest):
                return Place(
                    "quiz", str(rest[0]) if name == "test" and rest[:1] in (["title"], ["reveal"], ["reveal_at"]) else name
                )
        return Place()

    def _with(self, data: Mapping[str, Any]) -> str:
        names = ("misconceptions", "test", "exam", "practice", "pattern", "pretest", "predictions", "questions")
        ordered = {name: data[name] for name in names if data.get(name)}
        said = {name for name, value in data.items() if value or value is False or name in self.data}  # false declines
        unknown = {name: value for name, value in data.items() if name not in ordered and name in said}
        return yamltext.rewrite(self.text, {**ordered, **unknown}) if ordered or unknown else self.text


def field_at(fields: Mapping[str, Field], path: Path) -> str:
    """The name of the form's input that shows the value at `path` of a document; empty when none does."""
    for name, field in fields.items():
        if path[: len(field.path)] == field.path:
            return "-".join([name, *_inside(field.kind, path[len(field.path) :])])
    while path:
        for name, field in fields.items():
            if field.path[: len(path)] == path:
                return name
        path = path[:-1]
    return ""


def _inside(kind: Kind, rest: Path) -> list[str]:
    """The end of an input's name: where within a field of this kind the value at `rest` is shown."""
    match kind:
        case Steps() if rest:
            return [str(rest[0]), "text"]
        case Rows() if rest:
            return [step for step in (str(rest[0]), field_at(kind.fields, rest[1:])) if step]
    return []


def excerpt(text: Any, length: int = 90) -> str:
    """The first words of a Markdown text, on one line and without its marks."""
    line = " ".join(_MARKS.sub("", str(text or "")).split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def _question_field(rest: Sequence[str | int], question: Mapping[str, Any]) -> str:
    if rest[:2] == ["proof", "mistakes"]:
        options = question.get("options") or []
        keys = [option.get("id") for option in options if isinstance(option, dict)]
        return f"options-{keys.index(rest[2])}-mistake" if rest[2:] and rest[2] in keys else "snippet"
    return field_at(QUESTION_FIELDS, tuple(rest)) if rest else ""


def _with_mistakes(question: dict[str, Any], rows: Sequence[Mapping[str, Any]], shown: set[str]) -> dict[str, Any]:
    """The question with its options' runnable mistakes; those of options that no form showed stay."""
    proof = question.get("proof") or {}
    old = proof.get("mistakes") or {}
    mistakes = {key: snippet for key, snippet in old.items() if key not in shown}
    for row in rows:
        text = str(row.get("mistake") or "").strip("\n")
        kept = old.get(row.get("was"))
        if text and row.get("id"):
            mistakes[row["id"]] = kept if Text().show(kept) == text else Text().read(text, None)
    if mistakes == old:
        return question
    rest = {name: value for name, value in proof.items() if name != "mistakes"}
    proof = {**rest, "mistakes": mistakes} if mistakes else rest
    others = {name: value for name, value in question.items() if name != "proof"}
    return {**others, "proof": proof} if proof else others


def _listed(uids: Sequence[str], uid: str, wanted: bool) -> list[str]:
    if wanted:
        return list(uids) if uid in uids else [*uids, uid]
    return [other for other in uids if other != uid]


def _fields_of(text: str, offset: int = 0) -> dict[str, Any]:
    try:
        data = yamltext.load(text)
    except UnreadableError as error:
        raise UnreadableError(error.line + offset, error.message) from None
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise UnreadableError(1 + offset, _("It should hold fields, one “name: value” a line."))
    return data


def _shown(fields: Mapping[str, Field], data: Mapping[str, Any], text: str, offset: int = 0) -> Values:
    try:
        return show(fields, data)
    except NotShownError as error:
        way = " → ".join(_steps(error.path))
        raise UnreadableError(
            yamltext.line_of(text, error.path) + offset, _("“%(field)s”: %(reason)s.") % {"field": way, "reason": error.reason}
        ) from None


def _steps(path: Path) -> Iterator[str]:
    return (str(step + 1 if isinstance(step, int) else step) for step in path)
