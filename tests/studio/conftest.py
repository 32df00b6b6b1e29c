"""A lesson that can be published, its form as a browser would post it, and signed-in clients."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from django.test import Client
from django.utils import timezone

from lessons.authoring import create_lesson
from lessons.models import Course, Draft, Lesson
from lessons.publishing import publish, save_draft

LESSON = """\
---
uid: {uid}
slug: edges
title: Edges
level: beginner
minutes: 10
objectives:
  - {{id: tell, text: Tell an edge from a corner}}
modes: [read, practise, test]
insight: Edges come first.
---

## What an edge is

A line where brightness changes.
"""

QUESTIONS = """\
# kept by the form
misconceptions:
  - slug: brightness
    title: Brightness is an edge
    belief: A bright spot is an edge.
    why: An edge is a change of brightness.
test:
  title: Edges
  questions: [edge-test]
practice:
  questions: [edge-practice]
questions:
  - uid: edge-test
    kind: single
    about: concept
    difficulty: easy
    objective: tell
    stem: What is an edge?
    options:
      - {id: a, text: A change of brightness, right: true, feedback: "Yes: a change."}
      - {id: b, text: A bright spot of light, feedback: "No: bright is not changing.", misconception: brightness}
    hint: Think of a step.
    solution:
      - Look along a line.
    answer: A change of brightness.
  - uid: edge-practice
    kind: single
    about: concept
    difficulty: medium
    objective: tell
    stem: Where is an edge?
    options:
      - {id: a, text: Where brightness changes, right: true, feedback: "Yes: there."}
      - {id: b, text: Where it is the brightest, feedback: "No: look for change.", misconception: brightness}
    hint: Think of a step.
    solution:
      - Look along a line.
    answer: Where brightness changes.
"""


@pytest.fixture
def lesson(course: Course, instructor) -> Lesson:
    """A lesson with a draft that could be published, by `instructor`."""
    lesson = create_lesson(course=course, author=instructor, title="Edges", slug="edges", now=timezone.now())
    save_draft(
        lesson=lesson,
        files={"lesson.md": LESSON.format(uid=lesson.uid), "questions.yaml": QUESTIONS},
        revision=1,
        author=instructor,
        now=timezone.now(),
    )
    return lesson


@pytest.fixture
def published(lesson: Lesson, instructor) -> Lesson:
    """The same lesson, published as version 1."""
    publish(lesson=lesson, author=instructor, note="First", now=timezone.now())
    lesson.refresh_from_db()
    return lesson


@pytest.fixture
def owner(instructor) -> Client:
    """A browser in which the course's owner is signed in."""
    client = Client()
    client.force_login(instructor)
    return client


@pytest.fixture
def second(colleague) -> Client:
    """A browser in which the course's second author is signed in."""
    client = Client()
    client.force_login(colleague)
    return client


@pytest.fixture
def base(lesson: Lesson) -> str:
    return f"/studio/courses/{lesson.course.slug}/lessons/{lesson.slug}/"


def files_of(lesson: Lesson) -> dict[str, str]:
    return Draft.objects.get(lesson=lesson).files


class _Form(HTMLParser):
    """What a browser would post of the form with the given id: every successful control but the buttons."""

    def __init__(self, wanted: str) -> None:
        super().__init__()
        self.wanted, self.inside, self.fields = wanted, False, []
        self.select = self.textarea = None
        self.text = ""

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "form":
            self.inside = given.get("id") == self.wanted
        if not self.inside and given.get("form") != self.wanted:
            return
        if tag == "input" and given.get("name") and given.get("type") not in ("submit", "button"):
            if given.get("type") not in ("checkbox", "radio") or "checked" in given:
                self.fields.append((given["name"], given.get("value", "on" if given.get("type") == "checkbox" else "")))
        elif tag == "select":
            self.select = given.get("name")
        elif tag == "option" and self.select and "selected" in given:
            self.fields.append((self.select, given.get("value", "")))
        elif tag == "textarea":
            self.textarea, self.text = given.get("name"), ""

    def handle_data(self, data):
        if self.textarea:
            self.text += data

    def handle_endtag(self, tag):
        if tag == "form":
            self.inside = False
        elif tag == "select":
            self.select = None
        elif tag == "textarea" and self.textarea:
            # HTML drops one line end after the tag; browsers post CRLF.
            self.fields.append((self.textarea, self.text.removeprefix("\n").replace("\n", "\r\n")))
            self.textarea = None


def form_of(response, wanted: str = "sheet") -> dict[str, list[str]]:
    """The posted values of a page's form, by name."""
    parser = _Form(wanted)
    parser.feed(response.content.decode())
    found: dict[str, list[str]] = {}
    for name, value in parser.fields:
        found.setdefault(name, []).append(value)
    return found
