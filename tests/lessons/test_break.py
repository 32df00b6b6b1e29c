"""Break: what is answered is kept, one step after the other, and nothing names the mistake before the learner did."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.template.loader import render_to_string
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from inference import engine
from inference.contracts import DEFAULT_NETWORK, EngineError, Failure, RunKind
from inference.models import Job, JobState, Trace
from inference.runs import run_job
from lessons import personal
from lessons.folders import load_folder
from lessons.models import CaseAnswer, Course, Lesson
from lessons.preview import preview
from tests.lessons.conftest import NOW

PAGE = "/courses/tiny/lessons/first-look/break/"
MOST_QUERIES = 14

CASES = """modes: [read, run, follow, break, code]
mistakes:
  network: efficientnet_lite0
  cases:
    - id: a-secret-name
      mistake: bgr
      sample: chelsea
      among: [softmax_twice, nearest, bgr, squashed]
      story: A colleague reads photos **otherwise**.
      explanations:
        - {text: The colours are in other places., right: true, feedback: FEEDBACK-RIGHT they are.}
        - {text: The edges are gone., feedback: FEEDBACK-WRONG edges are differences.}
      why: WHY-CASE there are {{ tinynet.depth }} stages.
    - id: an-error
      mistake: no_batch
      sample: coffee
      among: [no_batch, not_permuted, channels_last]
      story: One photo.
      explanations:
        - {text: An axis is missing., right: true, feedback: It is.}
        - {text: It has another size., feedback: It has not.}
"""


@pytest.fixture(scope="module")
def loaded() -> engine.LoadedNetwork:
    return engine.load(DEFAULT_NETWORK)


@pytest.fixture(autouse=True)
def _no_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inference.queueing.ring", lambda *_args, **_named: True)


@pytest.fixture
def lesson(folder, facts) -> Lesson:
    """The tiny course's first lesson with two broken runs."""
    path = folder / "first-look" / "lesson.md"
    path.write_text(path.read_text().replace("modes: [read, run, follow, code]\n", CASES))
    course: Course = load_folder(folder, now=NOW).course
    return course.lessons.get(slug="first-look")


@pytest.fixture
def worked(loaded: engine.LoadedNetwork) -> Callable[[], None]:
    """Does what waits, as a worker would."""
    networks: Any = SimpleNamespace(get=lambda _network, weights="": loaded)

    def perform(request: Any, material: Any, *, emit: Any, cancelled: Any) -> None:
        engine.perform(request, material, networks=networks, emit=emit, cancelled=cancelled)

    def work() -> None:
        for job in Job.objects.filter(state=JobState.WAITING):
            run_job(job_id=job.pk, perform=perform)

    return work


def text_of(client: Client, case: int = 1, status: int = 200) -> str:
    response = client.get(f"{PAGE}?case={case}")
    assert response.status_code == status, response.content[:500]
    return str(response.content.decode())


def choose(client: Client, step: str, choice: str = "", case: int = 1) -> Any:
    return client.post(f"{PAGE}?case={case}", {"step": step, "choice": choice})


def value_of(html: str, words: str) -> str:
    """The form's value of the choice that says these words."""
    found = re.search(r'name="choice" value="([^"]+)"(?:(?!</label>).)*?' + re.escape(words), html, re.DOTALL)
    assert found, words
    return found[1]


# --- the way through -------------------------------------------------------------------------------------------------------


def test_from_a_prediction_to_the_figures(client: Client, lesson: Lesson, worked: Callable[[], None]) -> None:
    html = text_of(client)
    assert "A colleague reads photos <strong>otherwise</strong>." in html
    assert "What becomes of the first choice?" in html

    response = choose(client, "predict", "same")
    assert response["Location"] == f"{PAGE}?case=1#now"
    assert "The run is being made" in text_of(client)
    worked()
    html = text_of(client)
    assert "What happened: Another label takes its place." in html
    assert "Egyptian cat" in html
    assert "Which mistake was made?" in html

    choose(client, "find", "nearest")
    html = text_of(client)
    assert "Not quite." in html
    assert "It is: Blue and red swapped (BGR)." in html

    choose(client, "explain", value_of(html, "The colours are in other places."))
    html = text_of(client)
    assert "FEEDBACK-RIGHT" in html
    assert "What has to stand there instead?" in html

    choose(client, "fix", value_of(html, "permute"))
    html = text_of(client)
    assert "Both runs in figures" in html
    assert "The first choice was “tiger cat”" in html
    assert "how far each stage is from the right run" in html
    assert re.search("WHY-CASE there are .*3.* stages", html)
    answer = CaseAnswer.objects.get()
    assert (answer.predicted, answer.found) == ("same", "nearest")
    assert answer.user.is_guest


def test_answers_survive_a_reload_and_another_browser_of_the_same_person(
    lesson: Lesson, learner: User, worked: Callable[[], None]
) -> None:
    one, other = Client(), Client()
    one.force_login(learner)
    other.force_login(learner)
    choose(one, "predict", "other")
    worked()
    choose(one, "find", "bgr")
    html = text_of(other)
    assert "So it is." in html
    assert "Why does that change what comes out?" in html


def test_the_first_word_counts(client: Client, lesson: Lesson, worked: Callable[[], None]) -> None:
    choose(client, "predict", "same")
    choose(client, "predict", "error")
    worked()
    choose(client, "find", "bgr")
    choose(client, "find", "nearest")
    answer = CaseAnswer.objects.get()
    assert (answer.predicted, answer.found) == ("same", "bgr")


def test_steps_come_in_their_order(client: Client, lesson: Lesson, worked: Callable[[], None]) -> None:
    choose(client, "find", "bgr")
    assert not CaseAnswer.objects.exists()
    choose(client, "predict", "same")
    choose(client, "find", "bgr")  # before there is anything to see
    worked()
    choose(client, "explain", "anything")
    answer = CaseAnswer.objects.get()
    assert (answer.found, answer.explained) == ("", "")


@pytest.mark.parametrize("choice", ["", "gbr", "train_mode", "x" * 5000, "\x00"])
def test_what_was_not_offered_is_refused_with_a_sentence(
    client: Client, lesson: Lesson, worked: Callable[[], None], choice: str
) -> None:
    response = choose(client, "predict", choice)
    assert response.status_code == 422
    assert "Choose one of the answers" in response.content.decode()
    choose(client, "predict", "same")
    worked()
    assert choose(client, "find", choice).status_code == 422
    assert CaseAnswer.objects.get().found == ""


def test_an_error_is_shown_as_it_is(client: Client, lesson: Lesson, worked: Callable[[], None]) -> None:
    choose(client, "predict", "error", case=2)
    worked()
    html = text_of(client, case=2)
    assert "ValueError: expected 4D input (got 3D input)" in html
    assert "So it is." in html


def test_one_may_begin_again(client: Client, lesson: Lesson, worked: Callable[[], None]) -> None:
    choose(client, "predict", "same")
    worked()
    choose(client, "find", "bgr")
    choose(client, "again")
    assert not CaseAnswer.objects.exists()
    assert "What becomes of the first choice?" in text_of(client)


def test_all_learners_share_the_run(lesson: Lesson, worked: Callable[[], None]) -> None:
    one, other = Client(), Client()
    choose(one, "predict", "same")
    worked()
    choose(other, "predict", "same")
    assert "Which mistake was made?" in text_of(other), "it is there at once"
    assert Trace.objects.filter(job__kind=RunKind.MISTAKE).count() == 1
    assert Trace.objects.get().owner is None


def test_a_failed_run_says_why_and_can_be_made_again(client: Client, lesson: Lesson, worked: Callable[[], None]) -> None:
    choose(client, "predict", "same")

    def failing(*_args: Any, **_named: Any) -> None:
        raise EngineError(Failure.OUT_OF_MEMORY)

    run_job(job_id=Trace.objects.get().job_id, perform=failing)
    html = text_of(client)
    assert "There is no run to look at" in html
    assert "ran out of memory" in html
    choose(client, "run")
    worked()
    assert "Which mistake was made?" in text_of(client)


def test_a_run_that_was_thrown_away_can_be_made_again(client: Client, lesson: Lesson, worked: Callable[[], None]) -> None:
    choose(client, "predict", "same")
    worked()
    choose(client, "find", "bgr")
    Trace.objects.all().delete()
    assert "It was thrown away since" in text_of(client)
    choose(client, "run")
    worked()
    assert "Why does that change what comes out?" in text_of(client)


def test_a_number_that_there_is_not_and_other_methods_are_refused(client: Client, lesson: Lesson) -> None:
    for number in ("0", "3", "two", "-1"):
        assert client.get(f"{PAGE}?case={number}").status_code == 404
        assert client.post(f"{PAGE}?case={number}", {"step": "predict"}).status_code == 404
    assert client.put(PAGE).status_code == 405


def test_a_case_that_asks_something_else_begins_anew(
    client: Client, lesson: Lesson, folder: Any, worked: Callable[[], None]
) -> None:
    choose(client, "predict", "same")
    worked()
    choose(client, "find", "bgr")
    path = folder / "first-look" / "lesson.md"
    path.write_text(path.read_text().replace("reads photos **otherwise**", "reads photos in another way"))
    load_folder(folder, now=NOW + timedelta(days=1))
    assert "It is: Blue and red swapped" in text_of(client), "other words ask the same"
    path.write_text(path.read_text().replace("mistake: bgr", "mistake: nearest"))
    load_folder(folder, now=NOW + timedelta(days=2))
    assert "What becomes of the first choice?" in text_of(client)
    choose(client, "predict", "other")
    worked()
    assert CaseAnswer.objects.get().predicted == "other"
    assert "Which mistake was made?" in text_of(client)


def test_without_weights_it_says_how_to_get_them(client: Client, lesson: Lesson, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inference.facts.weights_are_here", lambda _network, _file: False)
    html = text_of(client)
    assert "WEIGHTS_DIR" in html
    assert "What becomes of the first choice?" not in html
    assert choose(client, "predict", "same").status_code == 409
    assert not CaseAnswer.objects.exists()


def test_a_page_takes_few_queries(client: Client, learner: User, lesson: Lesson, worked: Callable[[], None]) -> None:
    client.force_login(learner)
    choose(client, "predict", "same")
    worked()
    choose(client, "find", "bgr")
    text_of(client)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        text_of(client)
    assert len(queries) <= MOST_QUERIES, [query["sql"][:120] for query in queries]


# --- nothing is given away --------------------------------------------------------------------------------------------------


def test_nothing_names_the_mistake_before_the_learner_did(client: Client, lesson: Lesson, worked: Callable[[], None]) -> None:
    """Each offered mistake stands in the page as often as any other, and its run has no address that could be read."""
    pages = [text_of(client)]
    location = choose(client, "predict", "same")["Location"]
    pages.append(text_of(client))
    worked()
    pages.append(text_of(client))
    run = Trace.objects.get(job__kind=RunKind.MISTAKE)
    for html in pages:
        offered = {name: html.count(f'value="{name}"') for name in ("softmax_twice", "nearest", "bgr", "squashed")}
        assert len(set(offered.values())) == 1, offered
        assert html.count("bgr") == offered["bgr"], "and nowhere else"
        secrets = [
            str(run.pk),
            str(run.job_id),
            "a-secret-name",
            "FEEDBACK-",
            "WHY-CASE",
            "mistake:",
            "What is warm in the photo",
        ]
        assert [secret for secret in secrets if secret in html] == []
    assert "bgr" not in location
    order = [pages[-1].index(f'value="{name}"') for name in ("nearest", "squashed", "bgr", "softmax_twice")]
    assert order == sorted(order), "the order is that of the way, not the author's"


def test_the_pictures_addresses_and_headers_say_nothing(client: Client, lesson: Lesson, worked: Callable[[], None]) -> None:
    assert client.get(f"{PAGE}?case=1&picture=input").status_code == 404, "nothing was asked for yet"
    choose(client, "predict", "same")
    worked()
    html = text_of(client)
    addresses = set(re.findall(r'src="([^"]*picture=[^"]*)"', html))
    assert len(addresses) == 2
    for address in addresses:
        response = client.get(address.replace("&amp;", "&"))
        assert response["Content-Type"] == "image/jpeg"
        assert not re.search("bgr|mistake", f"{address} {dict(response.headers)}")
    assert client.get(f"{PAGE}?case=1&picture=../secret").status_code == 404
    assert Client().get(f"{PAGE}?case=1&picture=input").status_code == 404, "only who has predicted sees it"


def test_other_pages_and_the_api_say_nothing_either(
    client: Client, learner: User, lesson: Lesson, worked: Callable[[], None]
) -> None:
    client.force_login(learner)
    choose(client, "predict", "same")
    worked()
    for path in (
        "/courses/tiny/lessons/first-look/read/",
        "/api/v1/courses/tiny/lessons/first-look",
        "/api/v1/courses/tiny",
        "/traces/",
    ):
        response = client.get(path)
        assert response.status_code == 200, path
        assert not re.search("a-secret-name|bgr|WHY-CASE|FEEDBACK-", response.content.decode()), path


def test_explanations_and_lines_carry_no_truth_before_they_are_answered(
    client: Client, lesson: Lesson, worked: Callable[[], None]
) -> None:
    choose(client, "predict", "same")
    worked()
    choose(client, "find", "bgr")
    html = text_of(client)
    assert "FEEDBACK-" not in html
    assert "What has to stand there instead?" not in html
    choose(client, "explain", value_of(html, "The edges are gone."))
    html = text_of(client)
    assert "FEEDBACK-WRONG" in html
    assert "hundreds of times" not in html, "what another line would do is told after the answer"
    form = html[html.index("What has to stand there instead?") :]
    assert not re.search(r'class="option[^"]*(right|wrong)', form)


# --- people and authors ------------------------------------------------------------------------------------------------------


def test_answers_are_exported_merged_and_erased(learner: User, lesson: Lesson) -> None:
    guest = User.objects.create_guest()
    for user, case, found in ((guest, "one", "bgr"), (guest, "two", "nearest"), (learner, "two", "squashed")):
        CaseAnswer.objects.create(user=user, lesson=lesson, case=case, about="x", predicted="same", found=found)
    personal.merge(guest, learner)
    told = personal.export(learner)["broken_runs"]
    assert {(row["case"], row["found"]) for row in told} == {("one", "bgr"), ("two", "squashed")}
    personal.erase(learner)
    assert not CaseAnswer.objects.exists()


def test_authors_see_everything_in_a_preview(rf: Any, lesson: Lesson) -> None:
    request = rf.get("/")
    shown = preview(request, lesson=lesson, files=lesson.versions.get().files, mode="break")
    assert shown.partial == "lessons/_break.html"
    html = render_to_string(shown.partial, shown.context, request=request)
    assert "Blue and red swapped (BGR)" in html
    assert "FEEDBACK-RIGHT" in html


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("mistake: bgr", "mistake: gbr", "“gbr” is not a mistake"),
        ("among: [softmax_twice, nearest, bgr, squashed]", "among: [softmax_twice, nearest, squashed]", "is not in “among”"),
        ("among: [softmax_twice, nearest, bgr, squashed]", "among: [bgr, nearest]", "too short"),
        ("right: true, feedback: FEEDBACK-RIGHT", "feedback: FEEDBACK-RIGHT", "Exactly one explanation"),
        ("id: an-error", "id: a-secret-name", "twice"),
        ("sample: coffee", "sample: tea", "There is no sample photo “tea”"),
        ("  network: efficientnet_lite0\n  cases", "  network: nothing\n  cases", "Nothing is known about the network"),
        ("{{ tinynet.depth }} stages", "{{ tinynet.deep }} stages", "tinynet.deep"),
        ("mistakes:\n", "misteaks:\n", "Did you mean “mistakes”?"),
    ],
)
def test_what_is_wrong_with_a_case_is_told_with_its_line(folder: Any, facts: None, before: str, after: str, says: str) -> None:
    path = folder / "first-look" / "lesson.md"
    text = path.read_text().replace("modes: [read, run, follow, code]\n", CASES)
    assert before in text
    path.write_text(text.replace(before, after, 1) if before != "mistakes:\n" else text.replace("\nmistakes:", "\nmisteaks:"))
    with pytest.raises(Exception) as raised:
        load_folder(folder, now=timezone.now())
    assert says in str(raised.value)


def test_a_lesson_that_declares_break_needs_a_case(folder: Any, facts: None) -> None:
    path = folder / "first-look" / "lesson.md"
    path.write_text(path.read_text().replace("follow, code]", "follow, break, code]"))
    with pytest.raises(Exception, match="needs a field “mistakes”"):
        load_folder(folder, now=timezone.now())
