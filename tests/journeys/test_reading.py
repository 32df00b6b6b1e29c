"""Reading a run in a real browser: a learner runs a photo, practises, and is asked about that very run."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.utils import timezone
from PIL import Image
from playwright.sync_api import Page, expect

from accounts.models import User
from inference.models import Job
from inference.services import ensure_house_traces, stored_trace
from quizzes.models import Attempt, AttemptQuestion
from quizzes.recordings import TRACE
from tests.journeys.test_whole_way import A_RUN_MS, answer, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.worker, pytest.mark.redis, pytest.mark.weights]

LESSON = "/courses/pretrained-vision-models/lessons/pretrained-models-resnet-vgg-efficientnet"


def read_questions(page: Page) -> dict[str, AttemptQuestion]:
    """Template → where the attempt that is on the page asks what was read out of a run."""
    attempt = Attempt.objects.get(pk=page.url.split("/attempts/")[1].split("/")[0])
    asked = attempt.questions.select_related("question_version__template").filter(question_version__template__kind=TRACE)
    return {one.question_version.template.recipe["template"]: one for one in asked if one.question_version.template}


def start(page: Page, site: str) -> dict[str, AttemptQuestion]:
    page.goto(f"{site}{LESSON}/practise/")
    page.get_by_role("button", name="Start practising").click()
    expect(page.get_by_role("heading", name=re.compile("^Question"))).to_be_visible()
    return read_questions(page)


def go_to(page: Page, asked: AttemptQuestion) -> None:
    page.goto(re.sub(r"/attempts/.*", f"/attempts/{asked.attempt_id}/{asked.position}/", page.url))
    page.wait_for_load_state("networkidle")


def test_practice_works_while_nothing_has_run_and_asks_about_samples_once_they_have(
    page: Page, site: str, worker: int, shoot: Callable[[Page, str], None]
) -> None:
    Job.objects.all().delete()  # those that publishing asked for
    assert start(page, site) == {}
    ensure_house_traces(now=timezone.now())
    expect_stored("coffee")
    page.context.clear_cookies()
    asked = start(page, site)
    assert set(asked) >= {"share_of_work", "uses_of_a_weight"}
    go_to(page, asked["uses_of_a_weight"])
    expect(page.locator("#stem table caption")).to_contain_text("Coffee")
    expect(page.get_by_role("cell", name="features.0")).to_be_in_viewport(ratio=1)
    shoot(page, "reading")


def test_a_learner_is_asked_about_the_run_of_their_own_photo(
    page: Page, site: str, worker: int, axe: Callable[[Page], None], shoot: Callable[[Page, str], None], tmp_path: Path
) -> None:
    picture = tmp_path / "orange.png"
    Image.linear_gradient("L").resize((640, 480)).convert("RGB").save(picture)
    page.goto(f"{site}{LESSON}/run/")
    page.get_by_label("The file of your photo").set_input_files(picture)
    page.get_by_role("button", name=re.compile("^Run")).click()
    expect(page.locator("[data-sentence]")).to_contain_text("Done", timeout=A_RUN_MS)

    asked = start(page, site)
    go_to(page, asked["first_cells"])
    expect(page.locator("#stem caption")).to_contain_text("your own")
    expect(page.locator("#stem tbody tr").first).to_contain_text("features.0")
    answer(page, right=False)
    expect(page.locator("#feedback")).to_be_focused()
    expect(page.locator("#feedback")).to_contain_text("Not quite")
    axe(page)
    shoot(page, "reading-wrong")
    before = page.url
    page.get_by_role("button", name="Try one like it").click()
    expect(page).not_to_have_url(before)
    expect(page.locator("#stem caption")).to_contain_text("your own")
    answer(page, right=True)
    expect(page.locator(".quick-check")).to_contain_text("The answer is")
    axe(page)


def expect_stored(sample: str) -> None:
    """Waits for the site's own run of a sample photo."""
    deadline = timezone.now().timestamp() + A_RUN_MS / 1000
    while stored_trace(network="efficientnet_lite0", sample=sample) is None:
        if timezone.now().timestamp() > deadline:
            pytest.fail(f"nobody ran {sample}")
        time.sleep(0.2)


def test_an_author_chooses_what_is_read_out_of_which_run(
    page: Page, site: str, worker: int, admin_person: User, shoot: Callable[[Page, str], None]
) -> None:
    ensure_house_traces(now=timezone.now())
    expect_stored("coffee")
    sign_in(page, site, admin_person)
    page.goto(f"{site}/studio{LESSON}/questions/pattern-read-share-of-work/")
    expect(page.get_by_label("Out of which run")).to_have_value("efficientnet_lite0 coffee")
    page.get_by_label("What is asked").select_option("uses_of_a_weight")
    expect(page.locator("#preview")).to_contain_text("take part for this photo", timeout=A_RUN_MS)
    expect(page.locator("#preview table")).to_have_count(5)
    shoot(page, "reading-studio")
