"""An author has a draft's code run in a real browser: waiting, running, what disagrees, corrected, published."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from accounts.models import User
from inference import heartbeat
from inference.contracts import Result, RunKind
from inference.models import Job, JobState
from inference.runs import run_job
from inference.sandbox.engine import SandboxEngine
from lessons.authoring import create_lesson
from lessons.models import Course, Lesson
from lessons.publishing import save_draft
from tests.inference.workers import eventually
from tests.studio.conftest import LESSON
from tests.studio.test_proving import proved_by

pytestmark = [pytest.mark.browser, pytest.mark.redis, pytest.mark.sandbox]

Shoot = Callable[[Page, str], None]
SAMPLE = """
```python id=old-way
import warnings

warnings.warn("The parameter 'pretrained' is deprecated since 0.13", UserWarning)
print("still runs")
```
"""


class Prover:
    """A worker's part: says that it is there, and runs what waits in the sandbox, waiting after its first snippet."""

    def __init__(self) -> None:
        self.goes_on = threading.Event()
        self._beating = heartbeat.start(queue="proofs")
        self._thread: threading.Thread | None = None
        eventually(lambda: any(worker["queue"] == "proofs" for worker in heartbeat.workers()), seconds=10)

    def take(self) -> None:
        job = Job.objects.get(kind=RunKind.PROOF, state=JobState.WAITING)
        self._thread = threading.Thread(target=self._run, args=(job.pk,), daemon=True)
        self._thread.start()

    def _run(self, job_id: Any) -> None:
        def perform(request: Any, material: Any, *, emit: Any, cancelled: Any) -> None:
            def told(event: Any) -> None:
                emit(event)
                if isinstance(event, Result):
                    self.goes_on.wait(120)

            SandboxEngine().perform(request, material, emit=told, cancelled=cancelled)

        try:
            run_job(job_id=job_id, perform=perform)
        finally:
            connection.close()

    def end(self) -> None:
        self.goes_on.set()
        if self._thread is not None:
            self._thread.join(60)
        self._beating.stop()


@pytest.fixture
def prover(site: str) -> Iterator[Prover]:
    prover = Prover()
    yield prover
    prover.end()


@pytest.fixture
def lesson(course: Course, instructor: User) -> Lesson:
    """A lesson with a sample that warns, and a question that says something else than its code."""
    lesson = create_lesson(course=course, author=instructor, title="Edges", slug="edges", now=timezone.now())
    files = {
        "lesson.md": LESSON.format(uid=lesson.uid) + SAMPLE,
        "questions.yaml": proved_by("print('A change of colour')"),
    }
    save_draft(lesson=lesson, files=files, revision=1, author=instructor, now=timezone.now())
    return lesson


def signed_in(page: Page, site: str, instructor: User) -> str:
    page.goto(site + "/sign-in/?next=/studio/")
    page.get_by_label(re.compile("email", re.IGNORECASE)).fill(instructor.email or "")
    page.get_by_label(re.compile("password", re.IGNORECASE)).first.fill("correct horse")
    page.locator("main form button").first.click()
    page.wait_for_url("**/studio/")
    return f"{site}/studio/courses/vision/lessons/edges/"


def test_an_author_runs_the_proofs_corrects_what_disagrees_and_publishes(
    page: Page, site: str, lesson: Lesson, instructor: User, prover: Prover, shoot: Shoot
) -> None:
    studio = signed_in(page, site, instructor)
    page.goto(studio + "check/")
    proving = page.locator("#proving")
    expect(proving).to_contain_text("0 of 2 snippets are proved")
    shoot(page, "studio-proofs-missing")
    proving.get_by_role("button", name="Run the proofs").click()
    expect(proving).to_contain_text("Next in line.")
    prover.take()
    expect(proving).to_contain_text("1 of 2 have run.")
    expect(page.locator("#proving-said")).to_have_text("1 of 2 have run.")
    stop = proving.get_by_role("button", name="Stop")
    with page.expect_response("**/proofs/?**"):
        stop.focus()
    page.wait_for_timeout(200)  # what was asked for takes its place
    expect(stop).to_be_focused()
    shoot(page, "studio-proofs-running")
    page.reload()
    expect(proving).to_contain_text("1 of 2 have run.")
    prover.goes_on.set()
    expect(proving).to_contain_text("2 snippets have run")
    expect(page.locator("#checked")).to_contain_text("Running this gives “A change of colour”")
    expect(page.locator("#proving-said")).to_contain_text("1 says what is written.")
    shoot(page, "studio-proofs-disagree")

    proving.get_by_role("link", name="See them one by one").click()
    expect(proving).to_contain_text("It warns: UserWarning: The parameter 'pretrained' is deprecated since 0.13")
    shoot(page, "studio-proofs-list")
    proving.get_by_role("link", name="right option").click()
    snippet = page.get_by_label("Code", exact=False).filter(has_text="A change of colour")
    expect(snippet).to_be_visible()
    snippet.fill("print('A change of brightness')")
    page.get_by_role("button", name="Save draft").click()
    expect(proving).to_contain_text("0 of 1 snippet is proved")
    proving.get_by_role("button", name="Run the proofs").click()
    expect(proving).to_contain_text("Next in line.")
    prover.take()
    expect(proving).to_contain_text("1 of 1 snippet is proved")
    shoot(page, "studio-proofs-question")

    page.goto(studio + "publish/")
    page.get_by_role("button", name="Publish version 1").click()
    expect(page.get_by_text("Published version 1. Learners see it now.")).to_be_visible()


def test_the_proofs_are_run_and_stopped_without_scripts(
    browser: Browser, site: str, lesson: Lesson, instructor: User, prover: Prover
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    studio = signed_in(page, site, instructor)
    page.goto(studio + "check/")
    page.get_by_role("button", name="Run the proofs").click()
    expect(page.locator("#proving")).to_contain_text("Next in line.")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#proving")).to_contain_text("Stopped after 0 of 2.")
    page.get_by_role("button", name="Run the proofs").click()
    prover.goes_on.set()
    prover.take()
    eventually(lambda: Job.objects.filter(state=JobState.DONE).exists(), seconds=60)
    page.get_by_role("link", name="Look again").click()
    expect(page.locator("#proving")).to_contain_text("2 snippets have run")
    context.close()
