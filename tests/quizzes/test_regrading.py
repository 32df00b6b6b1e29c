"""Regrading after a corrected key: what each policy does, that the plan is what happens, and that no submit slips through."""

from __future__ import annotations

import csv
import io

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from quizzes.grading import grade
from quizzes.models import Attempt, AttemptQuestion, Grade, KeyRevision, QuestionVersion, Regrade, RegradePolicy, Response
from quizzes.questions import Answer, Key
from quizzes.regrading import apply_regrade, plan_regrade, score_under
from quizzes.services import (
    Graded,
    finish_attempt,
    result_of,
    start_attempt,
    start_redo,
    submit_response,
)
from tests.quizzes.conftest import chose
from tests.quizzes.test_correcting import corrected
from web.problems import Problem

ANSWERS = """\
learner,q-features,q-head,q-printed
ann,a,b,b
bea,b,b,
cem,c,a,a
dan,,b,b
"""
"""Under the first key a, b, b are right. q-features is corrected to b."""

GRADES = """\
learner,first,new,better,full,none
ann,3,2,3,3,3
bea,1,2,2,2,1
cem,0,0,0,1,0
dan,2,2,2,2,2
"""


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture
def sat(graded_quiz) -> dict[str, Attempt]:
    """Everybody in ANSWERS, with their finished attempt."""
    attempts = {}
    for row in rows_of(ANSWERS):
        name = row.pop("learner")
        user = User.objects.create_user(f"{name}@example.org", "correct horse", name=name)
        attempt = start_attempt(user=user, quiz_version=graded_quiz, now=timezone.now())
        for position, option in enumerate(row.values(), start=1):
            if option:
                answer(attempt, position, option)
        attempts[name] = finish_attempt(attempt=attempt, now=timezone.now())
    return attempts


def answer(attempt: Attempt, position: int, option: str, *, key: str = "") -> Graded:
    return submit_response(
        attempt=attempt,
        position=position,
        answer=chose(option),
        idempotency_key=key or f"k{position}",
        now=timezone.now(),
    )


def apply(key: KeyRevision, policy: str, author: User) -> Regrade:
    plan = plan_regrade(key_revision=key, policy=RegradePolicy(policy))
    return apply_regrade(
        key_revision=key, policy=RegradePolicy(policy), fingerprint=plan.fingerprint, author=author, now=timezone.now()
    )


def reached(attempts: dict[str, Attempt]) -> dict[str, float]:
    return {name: result_of(attempt).total.reached for name, attempt in attempts.items()}


@pytest.mark.parametrize("policy", RegradePolicy.values)
def test_a_file_of_answers_gives_a_file_of_grades(policy, sat, instructor):
    expected = {row["learner"]: row for row in rows_of(GRADES)}
    assert reached(sat) == {name: float(row["first"]) for name, row in expected.items()}
    key = corrected("q-features", instructor, correct=frozenset("b"))
    plan = plan_regrade(key_revision=key, policy=RegradePolicy(policy))
    assert reached(sat) == {name: float(row["first"]) for name, row in expected.items()}, "a plan writes nothing"
    assert Grade.objects.filter(regrade__isnull=False).count() == 0
    said = {change.user.name: (change.before, change.after) for change in plan.changes if change.user}
    regrade = apply(key, policy, instructor)
    after = reached(sat)
    assert after == {name: float(row[policy]) for name, row in expected.items()}
    happened = {name: after[name] - float(row["first"]) for name, row in expected.items() if after[name] != float(row["first"])}
    assert {name: now - before for name, (before, now) in said.items()} == happened
    assert regrade.changed == len(said) == plan.raised + plan.lowered


def test_grades_are_appended_and_name_key_and_regrade(sat, instructor):
    key = corrected("q-features", instructor, correct=frozenset("b"))
    regrade = apply(key, "new", instructor)
    response = Response.objects.get(attempt_question__attempt=sat["bea"], attempt_question__position=1)
    assert [(grade.key_revision.number, grade.score, grade.regrade) for grade in response.grades.all()] == [
        (1, 0.0, None),
        (2, 1.0, regrade),
    ]
    unchanged = Response.objects.get(attempt_question__attempt=sat["cem"], attempt_question__position=1)
    assert [grade.key_revision.number for grade in unchanged.grades.all()] == [1, 2], "told by the new key, too"


@pytest.mark.parametrize("policy", RegradePolicy.values)
def test_sent_twice_it_is_applied_once(policy, sat, instructor):
    key = corrected("q-features", instructor, correct=frozenset("b"))
    plan = plan_regrade(key_revision=key, policy=RegradePolicy(policy))
    values = {"key_revision": key, "policy": RegradePolicy(policy), "fingerprint": plan.fingerprint}
    first = apply_regrade(**values, author=instructor, now=timezone.now())
    grades = Grade.objects.count()
    assert apply_regrade(**values, author=instructor, now=timezone.now()) == first
    assert (Regrade.objects.count(), Grade.objects.count()) == (1, grades)


def test_another_policy_can_follow(sat, instructor):
    key = corrected("q-features", instructor, correct=frozenset("b"))
    apply(key, "new", instructor)
    assert reached(sat)["ann"] == 2
    apply(key, "better", instructor)
    assert reached(sat)["ann"] == 3, "nobody ends below what they were told at first"
    apply(key, "new", instructor)
    assert reached(sat)["ann"] == 2


def test_a_plan_that_is_not_what_would_happen_any_more_writes_nothing(sat, instructor, graded_quiz, learner):
    key = corrected("q-features", instructor, correct=frozenset("b"))
    plan = plan_regrade(key_revision=key, policy=RegradePolicy.FULL)
    answer(start_attempt(user=learner, quiz_version=graded_quiz, now=timezone.now()), 1, "c")
    with pytest.raises(Problem) as refused:
        apply_regrade(
            key_revision=key,
            policy=RegradePolicy.FULL,
            fingerprint=plan.fingerprint,
            author=instructor,
            now=timezone.now(),
        )
    assert refused.value.status == 409
    assert not Regrade.objects.exists()


def test_only_the_newest_key_regrades(sat, instructor):
    old = corrected("q-features", instructor, correct=frozenset("b"))
    corrected("q-features", instructor, revision=2, correct=frozenset("c"))
    with pytest.raises(Problem) as refused:
        plan_regrade(key_revision=old, policy=RegradePolicy.NEW)
    assert refused.value.status == 409


def test_practice_is_not_regraded(sat, instructor):
    redo = start_redo(attempt=sat["bea"], now=timezone.now())
    answer(redo, 1, "b")
    key = corrected("q-features", instructor, correct=frozenset("b"))
    apply(key, "new", instructor)
    assert [grade.key_revision.number for grade in Grade.objects.filter(response__attempt_question__attempt=redo)] == [1]


def test_the_answer_of_an_open_attempt_is_regraded_too(instructor, attempt):
    answer(attempt, 1, "b")
    key = corrected("q-features", instructor, correct=frozenset("b"))
    apply(key, "new", instructor)
    assert result_of(attempt).total.reached == 1


def test_somebody_who_erased_their_account_is_regraded_without_a_name(sat, instructor):
    Attempt.objects.update(user=None)
    key = corrected("q-features", instructor, correct=frozenset("b"))
    plan = plan_regrade(key_revision=key, policy=RegradePolicy.NEW)
    assert {change.user for change in plan.changes} == {None}
    apply(key, "new", instructor)
    assert reached(sat)["bea"] == 2


def test_a_regrade_is_for_good(sat, instructor):
    apply(corrected("q-features", instructor, correct=frozenset("b")), "new", instructor)
    with pytest.raises(IntegrityError), transaction.atomic():
        Regrade.objects.update(changed=0)
    instructor.delete()
    assert Regrade.objects.get().created_by is None


sets = st.frozensets(st.sampled_from("abcd"), min_size=1)


@given(sets, sets, sets, st.sampled_from(["all_or_nothing", "right_minus_wrong", "right_without_wrong"]))
def test_policies_keep_their_promises(chosen, old, new, credit):
    version = QuestionVersion(kind="multiple")
    revision = KeyRevision(question_version=version, number=2, correct=sorted(new), rule={"credit": credit})
    response = Response(attempt_question=AttemptQuestion(question_version=version), options=sorted(chosen))
    before = grade("multiple", Answer(chosen), Key(old, {"credit": credit})).value
    grades = [Grade(score=before)]
    found = {policy: score_under(policy, response, revision, grades) for policy in RegradePolicy}
    assert all(0 <= score <= 1 for score in found.values())
    assert found[RegradePolicy.NONE] == before
    assert found[RegradePolicy.FULL] == 1
    assert found[RegradePolicy.BETTER] == max(before, found[RegradePolicy.NEW])
    assert (found[RegradePolicy.NEW] == 1) == (chosen == new)


@pytest.mark.parametrize(("policy", "points"), [("new", "Points before: 1, now: 0."), ("full", "Points before: 1, now: 1.")])
def test_a_learner_reads_why_their_points_changed(policy, points, client, sign_in, sat, instructor):
    sign_in(client, User.objects.get(name="ann"))
    question = reverse("quizzes:question", args=[sat["ann"].pk, 1])
    results = reverse("quizzes:results", args=[sat["ann"].pk])
    assert all("was corrected after you answered" not in client.get(url).content.decode() for url in (question, results))
    apply(corrected("q-features", instructor, correct=frozenset("b"), reason="It was b."), policy, instructor)
    for url in (question, results):
        page = client.get(url).content.decode()
        assert f"was corrected after you answered. {points} It was b." in page, url
        assert "Not quite" in page or url == results, "what is said of the answer follows the new key"
        assert "FEEDBACK-FEATURES-A" in page


def test_a_sealed_test_says_nothing_of_a_regrade_before_its_end(client, sign_in, learner, quiz_at_finish, instructor):
    attempt = start_attempt(user=learner, quiz_version=quiz_at_finish, now=timezone.now())
    answer(attempt, 1, "b")
    apply(corrected("q-features", instructor, correct=frozenset("b"), reason="SECRET-REASON"), "new", instructor)
    sign_in(client, learner)
    for url in (reverse("quizzes:question", args=[attempt.pk, 1]), f"/api/v1/attempts/{attempt.pk}"):
        assert "SECRET-REASON" not in client.get(url).content.decode()
    finish_attempt(attempt=attempt, now=timezone.now())
    assert "SECRET-REASON" in client.get(f"/api/v1/attempts/{attempt.pk}").content.decode()
