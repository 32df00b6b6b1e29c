"""Every mode from its door to its end and to the gradebook, by the links and buttons of its pages alone."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from lessons.models import Course, Lesson
from quizzes.models import Attempt
from tests.quizzes.beforehand.conftest import META as BEFOREHAND
from tests.quizzes.beforehand.conftest import asked
from tests.quizzes.conftest import Publish
from tests.quizzes.patterns.conftest import with_pool
from tests.quizzes.walker import Walker

TEST, PRACTISE, READ, RUN = (f"/courses/vision/lessons/one/{mode}/" for mode in ("test", "practise", "read", "run"))
NAME = "Wanda Walker"
MORE = """\
pretest:
  questions: [b-one, b-two]
predictions: {run: b-run}
exam:
  minutes: 30
  reveal: finish
  questions: [x-1, x-2]
"""
EVERYTHING = with_pool(6, more=MORE) + asked("b-one", "features") + asked("b-two", "heads") + asked("b-run", "features")
META = {**BEFOREHAND, "modes": ["read", "run", "train", "practise", "test", "review"]}
RIGHT = {  # a piece of each question's stem → a piece of what is right
    "How many numbers": "numbers",
    "What replaces the head": "classifier",
    "What does this print": "[1, 1]",
    "Which one is smallest": "ResNet",
    "Where are the classes": "In the head",
    "Which of these is number": "The number",
    "Stem of": "Right of",
}
WRONG = {
    "How many numbers": "224",
    "What replaces the head": "model.fc",
    "What does this print": "[2, 2]",
    "Which one is smallest": "VGG",
    "Where are the classes": "In the stem",
    "Which of these is number": "Another number",
    "Stem of": "Wrong of",
}


@pytest.fixture
def walker(db: None) -> Walker:
    """Somebody who signed up before they came."""
    User.objects.create_user("wanda@example.org", "correct horse", name=NAME)
    walker = Walker()
    assert walker.client.login(username="wanda@example.org", password="correct horse")
    return walker


@pytest.fixture
def grades(course: Course, instructor: User) -> Callable[[], list[str]]:
    """What the gradebook's file has of the walker, besides their name and address; nothing when they have no row."""

    def grades() -> list[str]:
        client = Client()
        client.force_login(instructor)
        file = client.get(f"/studio/courses/{course.slug}/gradebook.csv").content.decode("utf-8-sig")
        rows = [row for row in csv.DictReader(io.StringIO(file)) if row["learner"] == NAME]
        return [value for row in rows for name, value in row.items() if name not in ("learner", "address") and value]

    return grades


def answer(walker: Walker, button: str, *, right: bool = True) -> None:
    """Answers the question on the page."""
    table = RIGHT if right else WRONG
    stem = next(words for words in table if walker.sees(words))
    choice = table[stem]
    if choice == "numbers":  # the figure is written as the page writes figures
        choice = next(words for words in walker.choices if "2" in words and "048" in words)
    walker.press(button, choose=choice)


def hand_in(walker: Walker) -> None:
    walker.press(next(button for button in walker.buttons if button.startswith(("Hand in", "Finish"))))


def test_a_test_that_tells_after_each_answer(walker: Walker, publish: Publish, grades: Callable[[], list[str]]) -> None:
    publish(EVERYTHING, meta=META)
    walker.open(TEST)
    walker.press("Start the test")
    answer(walker, "Check answer")
    assert walker.sees("FEEDBACK-FEATURES-A")
    assert grades() == [], "nothing before it is handed in"
    walker.follow("Next question")
    answer(walker, "Check answer", right=False)
    assert walker.sees("FEEDBACK-HEAD-A")
    assert walker.sees("FINAL-HEAD")
    walker.follow("Next question")
    answer(walker, "Check answer")
    assert "Show a hint" not in walker.buttons
    walker.press("Finish and see the results")
    assert walker.sees("2 of 3")
    assert grades()[:2] == ["0.6667", "1"]


def test_a_test_that_tells_at_its_end(walker: Walker, publish: Publish, grades: Callable[[], list[str]]) -> None:
    publish(EVERYTHING.replace("reveal: each", "reveal: finish"), meta=META)
    walker.open(TEST)
    walker.press("Start the test")
    for right in (True, False, True):
        answer(walker, "Save and go on", right=right)
        assert not walker.sees("FEEDBACK")
    walker.follow(next(words for words in walker.links if "Question 2" in words))  # what was saved may still change
    answer(walker, "Save and go on")
    walker.follow("Finish")
    hand_in(walker)
    assert walker.sees("3 of 3")
    assert walker.sees("FINAL-HEAD")
    assert grades()[:2] == ["1", "1"]


def test_practice_with_a_hint_steps_and_another_try(walker: Walker, publish: Publish, grades: Callable[[], list[str]]) -> None:
    publish(EVERYTHING, meta=META)
    walker.open(PRACTISE)
    walker.press(next(button for button in walker.buttons if button.startswith("Start")))
    walker.press("Show a hint")
    assert walker.sees("HINT-")
    answer(walker, "Check answer", right=False)
    answer(walker, "Check again")
    assert walker.sees("FEEDBACK-")
    walker.follow("Next question")
    walker.press("Show the steps")
    assert walker.sees("STEP-")
    walker.follow("Finish")
    hand_in(walker)
    attempt = Attempt.objects.get()
    assert attempt.is_finished
    assert attempt.is_practice
    assert grades() == []


def test_a_redo_of_what_a_test_missed(walker: Walker, publish: Publish, grades: Callable[[], list[str]]) -> None:
    publish(EVERYTHING, meta=META)
    walker.open(TEST)
    walker.press("Start the test")
    answer(walker, "Check answer", right=False)
    walker.follow("Finish")
    hand_in(walker)
    before = grades()
    walker.press(next(button for button in walker.buttons if "missed" in button))
    assert walker.sees("Redo")
    for _question in range(3):
        answer(walker, "Check answer")
        if "Next question" in walker.links:
            walker.follow("Next question")
    walker.press("Finish and see the results")
    assert walker.sees("3 of 3")
    assert grades() == before, "a redo is practice"


def test_the_test_of_the_pattern(walker: Walker, publish: Publish, grades: Callable[[], list[str]]) -> None:
    publish(EVERYTHING, meta=META)
    walker.open(TEST)
    walker.press("Start the test of the pattern")
    count = Attempt.objects.get().questions.count()
    for place in range(count):
        assert "Show a hint" not in walker.buttons
        button = next(button for button in walker.buttons if button in ("Check answer", "Save and go on"))
        answer(walker, button, right=place != count - 1)
        if "Next question" in walker.links and button == "Check answer":
            walker.follow("Next question")
    hand_in(walker)
    assert any(walker.sees(level) for level in ("weak", "growing", "strong", "Weak", "Growing", "Strong"))
    assert grades() == [], "it isn't graded"


def test_an_exam(walker: Walker, publish: Publish, grades: Callable[[], list[str]]) -> None:
    publish(EVERYTHING, meta=META)
    walker.open(TEST)
    assert walker.sees("You have 30 minutes")
    walker.press("Begin the exam", choose="I have read this")
    for right in (True, False):
        answer(walker, "Save and go on", right=right)
        assert not walker.sees("FEEDBACK")
    assert grades() == []
    hand_in(walker)
    assert walker.sees("1 of 2")
    assert "0.5" in grades()
    walker.open(TEST)
    assert walker.sees("you have taken it")
    assert "Begin the exam" not in walker.buttons


def test_a_review_of_what_was_missed(
    walker: Walker, publish: Publish, grades: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(EVERYTHING, meta=META)
    walker.open(TEST)
    walker.press("Start the test")
    answer(walker, "Check answer", right=False)
    walker.follow("Finish")
    hand_in(walker)
    before = grades()
    days_later = timezone.now() + timedelta(days=30)
    monkeypatch.setattr(timezone, "now", lambda: days_later)
    assert walker.client.login(username="wanda@example.org", password="correct horse")
    walker.open("/me/review/")
    walker.press(next(button for button in walker.buttons if button.startswith("Start")))
    assert walker.sees("Card 1 of")
    answer(walker, "Check answer")
    assert walker.sees("This card comes back in")
    assert grades() == before, "a review isn't graded"


def test_two_questions_before_a_lesson(walker: Walker, publish: Publish, grades: Callable[[], list[str]]) -> None:
    publish(EVERYTHING, meta=META)
    walker.open(READ)
    walker.press("Try two questions")
    answer(walker, next(button for button in walker.buttons if button.startswith(("Save", "Check"))))
    assert not walker.sees("FEEDBACK")
    answer(walker, next(button for button in walker.buttons if button.startswith(("Save", "Check"))), right=False)
    assert walker.sees("1 of 2")
    assert walker.sees("FEEDBACK-B-TWO-B")
    walker.open(READ)
    assert walker.sees("you knew 1 of 2")
    assert "Try two questions" not in walker.buttons
    assert grades() == []


def test_a_prediction_before_a_run(walker: Walker, publish: Publish, lesson: Lesson, grades: Callable[[], list[str]]) -> None:
    publish(EVERYTHING, meta=META)
    walker.open(RUN)
    assert walker.sees("Predict first")
    answer(walker, "That is my prediction")
    walker.open(RUN)
    assert walker.sees("Predicted. Now run it.")
    assert not walker.sees("FEEDBACK")
    walker.press("I have seen it run: tell me")
    assert walker.sees("Your prediction came true")
    assert walker.sees("FEEDBACK-B-RUN-A")
    assert grades() == []
