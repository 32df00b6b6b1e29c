"""Predictions: one answer before a run, told after it, never in its way."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from inference.contracts import RunKind
from inference.models import Job, JobState, Trace
from lessons.models import LessonVersion
from quizzes.beforehand.predictions import asked_before, made_of
from quizzes.models import Attempt, AttemptQuestion, QuizVersion, Response
from quizzes.personal import export, merge
from quizzes.services import finish_attempt, start_attempt
from tests.quizzes.beforehand.conftest import BEFOREHAND, META
from tests.quizzes.conftest import Publish
from web.problems import Problem

RUN = "/courses/vision/lessons/one/run/"
HTMX = {"HX-Request": "true"}


def text_of(response: Any) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def form_of(response: Any) -> dict[str, str]:
    """The hidden fields of the prediction's form, and the letter of each option by its words."""
    html = response.content.decode()
    form = html[html.index('<form id="answer"') : html.index("</form>", html.index('<form id="answer"'))]
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))
    letters = re.findall(r'name="choice" value="([A-F])".*?<span class="option-text">(.*?)</span>', form, re.DOTALL)
    return fields | {words.strip(): letter for letter, words in letters}


def predict(client: Client, words: str, *, at: str = RUN, **headers: str) -> Any:
    fields = form_of(client.get(at))
    quiz = asked_quiz_id()
    sent = {name: fields[name] for name in ("idempotency_key", "version", "next")} | {"choice": fields[words]}
    return client.post(f"/quizzes/{quiz}/predictions/run/", sent, headers=headers)


def asked_quiz_id() -> int:
    return int(QuizVersion.objects.filter(quiz__mode="prediction").values_list("quiz_id", flat=True)[0])


def ran(person: User, *, label: str = "tabby", at: datetime | None = None, **job: Any) -> Trace:
    now = at or timezone.now()
    values: dict[str, Any] = {"kind": RunKind.TRACE, "network": "resnet50", "state": JobState.DONE} | job
    made = Job.objects.create(
        key=uuid4().hex,
        deadline=now,
        finished_at=now,
        document={"top_k": [{"rank": 1, "class_index": 281, "label": label, "probability": 0.5}]},
        **values,
    )
    return Trace.objects.create(owner=person, job=made, created_at=now)


@pytest.mark.parametrize("mode", ["run", "train"])
def test_a_page_with_a_prediction_asks_for_no_second_one(client: Client, publish: Publish, mode: str) -> None:
    prompt = {"question": "What comes first?", "options": ["a cat", "a rocket"], "why": "Cats are on the list."}
    meta = META | {"run": META["run"] | {"predict": prompt}, "train": META["train"] | {"predict": prompt}}
    page = f"/courses/vision/lessons/one/{mode}/"
    publish(BEFOREHAND, meta=meta)
    with_prediction = client.get(page)
    assert text_of(with_prediction).count("Predict") == 1
    assert 'name="prediction"' not in with_prediction.content.decode()
    publish(BEFOREHAND.replace("predictions: {run: b-run, train: b-train}\n", ""), meta=meta)
    without = client.get(page).content.decode()
    assert without.count('value="a rocket"') == 1
    assert "Predict, then" in without


def test_it_is_asked_on_the_modes_page_and_looking_writes_nothing(client: Client, version: LessonVersion) -> None:
    page = client.get(RUN)
    assert "Predict first" in text_of(page)
    assert "Stem of b-run?" in text_of(page)
    assert "no-store" in page.headers["Cache-Control"]
    assert not Attempt.objects.exists()
    assert form_of(page)["Right of b-run"] == form_of(client.get(RUN))["Right of b-run"]


@pytest.mark.parametrize("words", ["Right of b-run", "Wrong of b-run"])
def test_an_answer_is_kept_and_told_only_after_a_run(
    visitor: Client, learner: User, version: LessonVersion, words: str
) -> None:
    said = predict(visitor, words)
    assert said.headers["Location"] == f"{RUN}#prediction"
    waiting = visitor.get(RUN)
    assert f"You said {words}" in text_of(waiting)
    assert not re.search(r"FEEDBACK|STEP|FINAL|came true|another way", waiting.content.decode())
    ran(learner, at=timezone.now() - timedelta(days=1))
    ran(learner, network="vgg16")
    ran(learner, state=JobState.FAILED)
    assert "In your run" not in text_of(visitor.get(RUN))
    ran(learner, label="a tabby cat")
    told = text_of(visitor.get(RUN))
    assert "The network’s first choice is “a tabby cat”" in told
    assert ("came true" in told) == (words == "Right of b-run")
    assert f"FEEDBACK-B-RUN-{'A' if words == 'Right of b-run' else 'B'}" in told
    assert "What was right Right of b-run" in told


def test_somebody_elses_run_tells_nothing(visitor: Client, colleague: User, version: LessonVersion) -> None:
    predict(visitor, "Right of b-run")
    ran(colleague)
    assert "FEEDBACK" not in visitor.get(RUN).content.decode()


def test_who_saw_it_run_elsewhere_may_ask_to_be_told(visitor: Client, version: LessonVersion) -> None:
    outcome = f"/quizzes/{asked_quiz_id()}/predictions/run/outcome/"
    assert visitor.post(outcome, headers=HTMX).status_code == 409
    predict(visitor, "Wrong of b-run")
    part = visitor.post(outcome, headers=HTMX)
    assert "FEEDBACK-B-RUN-B" in part.content.decode()
    assert "<html" not in part.content.decode()
    assert visitor.post(outcome, {"next": RUN}).headers["Location"] == f"{RUN}#prediction"


def test_htmx_gets_the_part_and_a_refusal_in_its_place(visitor: Client, version: LessonVersion) -> None:
    fields = form_of(visitor.get(RUN))
    address = f"/quizzes/{asked_quiz_id()}/predictions/run/"
    sent = {name: fields[name] for name in ("idempotency_key", "version", "next")}
    empty = visitor.post(address, sent, headers=HTMX)
    assert (empty.status_code, "Choose an answer first." in text_of(empty)) == (422, True)
    assert visitor.post(address, sent).status_code == 422
    old = visitor.post(address, {**sent, "version": "1234", "choice": "A"}, headers=HTMX)
    assert (old.status_code, "A new version of the lesson was published." in text_of(old)) == (422, True)
    said = visitor.post(address, {**sent, "choice": fields["Right of b-run"], "confidence": "certain"}, headers=HTMX)
    assert "Now run it." in text_of(said)
    assert Response.objects.get().confidence == "certain"
    again = visitor.post(address, {**sent, "choice": fields["Right of b-run"]}, headers=HTMX)
    assert (again.status_code, Response.objects.count()) == (200, 1)
    second_thought = {**sent, "idempotency_key": "other", "choice": fields["Wrong of b-run"]}
    assert visitor.post(address, second_thought, headers=HTMX).status_code == 422
    assert Response.objects.count() == 1
    waiting = visitor.get(address, headers=HTMX)
    assert 'hx-trigger="ended from:body"' in waiting.content.decode()


def test_what_is_not_asked_is_not_there(visitor: Client, version: LessonVersion) -> None:
    quiz = asked_quiz_id()
    for address in (
        f"/quizzes/{quiz}/predictions/break/",
        f"/quizzes/{quiz}/predictions/read/",
        "/quizzes/999/predictions/run/",
    ):
        assert visitor.get(address, headers=HTMX).status_code == 404
        assert visitor.post(f"{address}outcome/").status_code == 404


def test_all_predictions_of_a_version_are_one_attempt_that_stays_out_of_the_way(
    visitor: Client, learner: User, version: LessonVersion
) -> None:
    predict(visitor, "Right of b-run")
    attempt = Attempt.objects.get(user=learner)
    assert [question.option_order for question in attempt.questions.all()][1] == []  # a number has no options
    for address in (f"/attempts/{attempt.pk}/", f"/attempts/{attempt.pk}/1/", f"/attempts/{attempt.pk}/results/"):
        assert visitor.get(address, follow=True).redirect_chain[-1][0] == f"{RUN}#prediction"
    assert visitor.get(f"/attempts/{attempt.pk}/finish/").headers["Location"] == f"{RUN}#prediction"
    with pytest.raises(Problem) as refused:
        finish_attempt(attempt=attempt, now=timezone.now())
    assert refused.value.status == 409
    progress = text_of(visitor.get("/me/progress/"))
    assert "Go on with your test" not in progress
    assert "Took the test" not in progress


def test_a_new_version_that_asks_the_same_does_not_ask_again(
    visitor: Client, learner: User, version: LessonVersion, publish: Publish
) -> None:
    predict(visitor, "Right of b-run")
    same = publish(BEFOREHAND.replace("Stem of b-train?", "How many?"), meta=META)
    assert "You said" in text_of(visitor.get(RUN))
    asked = asked_before(same, "run")
    assert asked is not None
    assert made_of(asked, learner) is not None
    publish(BEFOREHAND.replace("Stem of b-run?", "Another stem?"), meta=META)
    assert "Predict first" in text_of(visitor.get(RUN))


def test_over_http_it_tells_nothing_until_it_is_asked_to(visitor: Client, learner: User, prediction_quiz: QuizVersion) -> None:
    attempt = visitor.post(f"/api/v1/quizzes/{prediction_quiz.quiz_id}/attempts").json()
    assert attempt["mode"] == "prediction"
    order = AttemptQuestion.objects.get(attempt=attempt["id"], position=1).option_order
    place = f"/api/v1/attempts/{attempt['id']}/questions/1"
    assert visitor.post(f"{place}/outcome").status_code == 409
    body = {"options": ["AB"[order.index("b")]], "final": True, "idempotency_key": "k"}
    put = visitor.put(place, json.dumps(body), "application/json").json()
    assert (put["status"], put["question"]["verdict"], put["question"]["answer"]) == ("answered", None, None)
    assert visitor.post(f"/api/v1/attempts/{attempt['id']}/finish").status_code == 409
    told = visitor.post(f"{place}/outcome").json()
    assert told["verdict"]["right"] is False
    assert told["answer"]["options"] == ["AB"[order.index("a")]]


def test_a_guests_predictions_join_the_account(learner: User, guest: User, prediction_quiz: QuizVersion) -> None:
    for person in (learner, guest):
        start_attempt(user=person, quiz_version=prediction_quiz, now=timezone.now())
    merge(guest, learner)
    attempts = Attempt.objects.filter(user=learner)
    assert sorted(attempt.is_finished for attempt in attempts) == [False, True]
    assert {one["score"] for one in export(learner)["attempts"]} == {None}
