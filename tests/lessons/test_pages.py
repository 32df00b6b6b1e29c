from __future__ import annotations

import gzip
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.contrib.staticfiles import finders
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from lessons import personal
from lessons.drafts import open_draft, save_draft
from lessons.models import Course, CourseRole, Membership, Visit
from lessons.preview import preview
from lessons.publishing import publish
from lessons.services import current_version
from tests.lessons.conftest import NOW

LESSON = "/courses/tiny/lessons/first-look"

MOST_QUERIES = 10
"""Queries that a lesson's page may take, whoever looks at it."""

MOST_BYTES = 100_000
"""What a lesson's page may weigh with its style sheets and scripts, compressed, without pictures."""


def page(client, path, status=200):
    response = client.get(path)
    assert response.status_code == status, response.content[:500]
    return response.content.decode()


def test_home_lists_the_courses_with_what_to_know_first(client, tiny):
    html = page(client, "/")
    assert "A tiny course" in html
    assert "8 minutes" in html
    assert "2 lessons" in html
    assert "a little Python" in html


def test_home_without_any_course_says_what_will_be_there(client, db):
    assert "No course yet" in page(client, "/")


def test_home_has_the_run_to_try_before_any_stored_trace(client, facts):
    assert 'name="sample"' in page(client, "/")


def test_a_course_shows_its_lessons_their_modes_in_groups_and_objectives(client, tiny):
    html = page(client, "/courses/tiny/")
    assert html.index("A first look") < html.index("A second look")
    for group in ("Understand", "Do"):
        assert f'<span class="dots-group">{group}</span>' in html
    assert "count the parameters of <code>tinynet</code>" in html
    assert f'{LESSON}/follow/"' in html


@pytest.mark.parametrize("mode", ["read", "run", "follow", "code"])
def test_every_mode_is_a_page_in_the_frame(client, tiny, mode):
    html = page(client, f"{LESSON}/{mode}/")
    assert re.search(rf'<a href="{LESSON}/{mode}/" aria-current="page">', html)
    assert html.count("<h1") == 1
    assert '<a href="/courses/tiny/">A tiny course</a>' in html
    assert 'rel="next" href="/courses/tiny/lessons/second-look/read/"' in html
    assert "about 5 minutes" in html
    assert '<meta name="description" content="What a network is made of.">' in html


def test_the_strip_shows_modes_that_are_declared_and_served(client, tiny):
    html = page(client, "/courses/tiny/lessons/second-look/read/")
    assert "/second-look/read/" in html
    assert "/second-look/run/" not in html


def test_a_mode_of_another_room_answers_in_its_lesson(client, tiny, folder):
    from lessons.folders import load_folder

    path = folder / "second-look" / "lesson.md"
    path.write_text(path.read_text().replace("modes: [read]", "modes: [read, review]"))
    load_folder(folder, now=NOW)
    assert page(client, "/courses/tiny/lessons/second-look/review/") == "review of A second look, GET"


def test_read_shows_computed_figures_outputs_and_pictures(client, first):
    html = page(client, f"{LESSON}/read/")
    assert ">2,500,000</data>" in html
    assert ">10.0×</data>" in html
    assert "<samp>2\n</samp>" in html
    assert "sums are old" in html
    assert "AttributeError: &#x27;str&#x27; object has no attribute &#x27;missing&#x27;" in html
    assert "it needs the weights of widenet" in html
    assert "<figcaption>A square</figcaption>" in html
    assert "Before" in html or "before" in html
    assert "https://example.org/paper" in html


def test_the_two_doors_stand_in_a_pattern_lesson_alone(client, tiny):
    assert "Start learning" in page(client, f"{LESSON}/read/")
    assert "Start learning" not in page(client, "/courses/tiny/lessons/second-look/read/")


def test_follow_computes_the_pipeline_and_says_that_nothing_was_run(client, tiny):
    html = page(client, f"{LESSON}/follow/")
    assert "TinyNet" in html
    assert "3×8×8" in html
    assert "75.0%" in html
    assert "This is the structure alone" in html
    other = page(client, f"{LESSON}/follow/?network=widenet")
    assert '?network=widenet" aria-current="page"' in other


def test_an_unknown_network_in_the_address_shows_the_first_one(client, tiny):
    assert '?network=tinynet" aria-current="page"' in page(client, f"{LESSON}/follow/?network=../etc")


def test_code_lists_every_sample_with_what_it_printed(client, tiny):
    html = page(client, f"{LESSON}/code/")
    assert html.count('<figure class="code sample"') == 3
    assert "3 samples, 2 of them recorded" in html


def test_run_asks_for_a_prediction_first(client, tiny):
    html = page(client, f"{LESSON}/run/")
    assert "What comes first?" in html
    assert "a rocket" in html


@pytest.mark.parametrize(
    "path",
    [
        "/courses/nothing/",
        "/courses/tiny/lessons/nothing/read/",
        f"{LESSON}/nothing/",
        f"{LESSON}/train/",
        "/lessons/nothing/",
        f"{LESSON}/pictures/abc/square.png",
        f"{LESSON}/pictures/../../secret",
    ],
)
def test_what_is_not_there_is_a_404_with_a_sentence(client, tiny, path):
    assert "<h1" in page(client, path, 404)


def test_short_addresses_lead_to_reading(client, tiny):
    for path in ("/lessons/first-look/", f"{LESSON}/"):
        response = client.get(path)
        assert (response.status_code, response["Location"]) == (302, f"{LESSON}/read/")


def test_a_course_without_a_release_is_seen_by_nobody_and_its_authors_are_told_why(client, course, instructor, sign_in):
    assert "There is no course at this address" in page(client, "/courses/vision/", 404)
    sign_in(client, instructor)
    assert "Publish a lesson of it in the studio" in page(client, "/courses/vision/", 404)


def test_a_picture_is_served_to_readers_and_never_changes(client, first):
    picture = current_version(first).pictures["square.png"]
    response = client.get(f"{LESSON}/pictures/{picture['sha256']}/square.png")
    assert response.status_code == 200
    assert response["Content-Type"] == "image/png"
    assert "immutable" in response["Cache-Control"]


def test_a_picture_of_a_draft_is_for_its_authors_alone(client, tiny, instructor, outsider, sign_in):
    from lessons.drafts import add_picture
    from tests.lessons.conftest import SQUARE

    Membership.objects.create(course=tiny, user=instructor, role=CourseRole.OWNER)
    lesson = tiny.lessons.get(slug="second-look")
    picture = add_picture(lesson=lesson, name="new.png", content=SQUARE, author=instructor, now=NOW)
    path = reverse("lessons:picture", args=["tiny", "second-look", picture["sha256"], "new.png"])
    page(client, path, 404)
    sign_in(client, outsider)
    page(client, path, 404)
    sign_in(client, instructor)
    assert client.get(path).status_code == 200


def test_somebody_who_comes_back_can_continue_where_they_left_off(client, tiny, learner, sign_in):
    page(client, f"{LESSON}/follow/")
    assert not Visit.objects.exists(), "looking around makes nobody a guest"
    sign_in(client, learner)
    page(client, f"{LESSON}/follow/")
    html = page(client, "/")
    assert "Continue" in html
    assert f'href="{LESSON}/follow/"' in html


def test_visits_are_exported_merged_and_erased(client, tiny, first, learner):
    guest = User.objects.create_guest()
    second = tiny.lessons.get(slug="second-look")
    Visit.objects.create(user=guest, lesson=first, mode="code", at=NOW)
    Visit.objects.create(user=guest, lesson=second, mode="read", at=NOW)
    Visit.objects.create(user=learner, lesson=first, mode="read", at=NOW.replace(year=2025))
    personal.merge(guest, learner)
    assert {(visit["lesson"], visit["mode"]) for visit in personal.export(learner)["visits"]} == {
        ("first-look", "code"),
        ("second-look", "read"),
    }
    assert personal.export(guest)["visits"] == []
    personal.erase(learner)
    assert not Visit.objects.exists()


def test_a_reader_never_sees_a_draft(client, tiny, instructor, sign_in):
    Membership.objects.create(course=tiny, user=instructor, role=CourseRole.OWNER)
    lesson = tiny.lessons.get(slug="second-look")
    files = {"lesson.md": open_draft(lesson).files["lesson.md"].replace("Only words", "Secret words")}
    save_draft(lesson=lesson, files=files, revision=0, author=instructor, now=NOW)
    sign_in(client, instructor)
    assert "Secret words" not in page(client, "/courses/tiny/lessons/second-look/read/")
    publish(lesson=lesson, author=instructor, note="", now=NOW)
    assert "Secret words" in page(client, "/courses/tiny/lessons/second-look/read/")


@pytest.mark.parametrize("mode", ["read", "follow", "code"])
def test_a_preview_is_made_by_the_learners_own_template(rf, first, mode):
    from django.template.loader import render_to_string

    files = open_draft(first).files
    files["lesson.md"] = files["lesson.md"].replace("## Parts", "## Other parts").replace("| times", "| loud")
    request = rf.get("/studio/")
    shown = preview(request, lesson=first, files=files, pictures=open_draft(first).pictures, mode=mode)
    html = render_to_string(shown.template, shown.context, request)
    assert "This is a preview of your draft" in html
    assert shown.findings == []
    partial = render_to_string(shown.partial, shown.context, request)
    assert "<html" not in partial
    if mode == "read":
        assert "Other parts" in partial
        assert "wrong-figure" in partial


def test_a_preview_of_broken_front_matter_still_shows_the_words(rf, first):
    shown = preview(rf.get("/"), lesson=first, files={"lesson.md": "---\ntitel: x\n---\n\n## Words\n"})
    assert "Words" in shown.context["body"]
    assert shown.findings


@pytest.mark.parametrize("who", [None, "learner"])
@pytest.mark.parametrize("mode", ["read", "run", "follow", "code"])
def test_a_lesson_page_takes_few_queries(client, tiny, sign_in, who, mode, request):
    if who:
        sign_in(client, request.getfixturevalue(who))
    page(client, f"{LESSON}/{mode}/")  # the second look finds the words rendered
    with CaptureQueriesContext(connection) as queries:
        page(client, f"{LESSON}/{mode}/")
    assert len(queries) <= MOST_QUERIES, [query["sql"][:120] for query in queries]


def test_the_number_of_queries_does_not_grow_with_the_course(client, tiny, folder, facts):
    from lessons.folders import load_folder

    def queries_of(path):
        page(client, path)
        with CaptureQueriesContext(connection) as queries:
            page(client, path)
        return len(queries)

    paths = ("/", "/courses/tiny/", f"{LESSON}/read/")
    before = [queries_of(path) for path in paths]
    words = (folder / "second-look" / "lesson.md").read_text()
    names = [f"more-{number}" for number in range(6)]
    for name in names:
        (folder / name).mkdir()
        (folder / name / "lesson.md").write_text(words.replace("tiny-second", name).replace("second-look", name))
    course = folder / "course.yaml"
    course.write_text(course.read_text() + "".join(f"  - {name}\n" for name in names))
    load_folder(folder, now=NOW)
    assert [queries_of(path) for path in paths] == before


@pytest.mark.parametrize("mode", ["read", "run", "follow", "code"])
def test_a_lesson_page_weighs_little(client, tiny, mode):
    html = page(client, f"{LESSON}/{mode}/")
    assets = {urlsplit(path).path.removeprefix("/static/") for path in re.findall(r'(?:href|src)="(/static/[^"]+)"', html)}
    files = [str(finders.find(re.sub(r"\.[0-9a-f]{12}(?=\.)", "", name))) for name in sorted(assets)]
    assert len(files) >= 4
    sent = client.get(f"{LESSON}/{mode}/", headers={"accept-encoding": "gzip"})
    assert sent["Content-Encoding"] == "gzip"
    weight = len(sent.content) + sum(len(gzip.compress(Path(file).read_bytes())) for file in files)
    assert weight <= MOST_BYTES


def test_no_page_carries_inline_scripts_styles_or_handlers(client, tiny):
    for path in ("/", "/courses/tiny/", *(f"{LESSON}/{mode}/" for mode in ("read", "run", "follow", "code"))):
        html = page(client, path)
        assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>|\sstyle=|\son[a-z]+=\"|<style", html), path


def test_the_api_lists_courses_and_gives_a_lesson(client, tiny):
    courses = client.get("/api/v1/courses").json()
    assert [item["slug"] for item in courses["items"]] == ["tiny"]
    assert courses["next"] is None
    assert courses["items"][0]["minutes"] == 8
    course = client.get("/api/v1/courses/tiny").json()
    assert [lesson["slug"] for lesson in course["lessons"]] == ["first-look", "second-look"]
    lesson = client.get("/api/v1/courses/tiny/lessons/first-look").json()
    assert [mode["slug"] for mode in lesson["modes"]] == ["read", "run", "follow", "code"]
    assert lesson["outputs"][0]["output"] == "2\n"
    assert "2,500,000" in lesson["html"]


def test_the_api_pages_through_many_courses(client, tiny, monkeypatch):
    from lessons import api

    monkeypatch.setattr(api, "PAGE", 0)
    answer = client.get("/api/v1/courses").json()
    assert answer["items"] == []
    assert answer["next"].endswith("/api/v1/courses?offset=0")


@pytest.mark.parametrize(
    "path", ["/api/v1/courses/nothing", "/api/v1/courses/tiny/lessons/nothing", "/api/v1/courses?offset=x"]
)
def test_the_api_refuses_with_a_problem(client, tiny, path):
    response = client.get(path)
    assert response.status_code in (404, 422)
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["detail"]


def test_unpublished_courses_are_not_in_the_api(client, course):
    assert client.get("/api/v1/courses").json()["items"] == []
    assert client.get("/api/v1/courses/vision").status_code == 404
    assert Course.objects.count() == 1


def stored(network):
    """A finished run of the house."""
    from inference.models import Job, JobState, Trace

    stages = [
        {
            "index": index,
            "name": name,
            "title": name,
            "kind": "features",
            "operation": "convolution",
            "input_shape": [1, 3, 8, 8],
            "output_shape": [1, 16, 4, 4],
            "milliseconds": 1.25,
            "picture": None,
        }
        for index, name in enumerate(("normalise", "features.0-1", "classifier"))
    ]
    document = {
        "stages": stages,
        "attempt": 1,
        "total": 3,
        "top_k": [{"rank": 1, "class_index": 282, "label": "tiger cat", "probability": 0.4}],
        "made_by": {
            "device": "cpu",
            "network": network,
            "weights": "V1",
            "torch": "2.13.0",
            "torchvision": "0.28.0",
            "dtype": "float32",
            "threads": 1,
        },
        "milliseconds": 20.0,
    }
    job = Job.objects.create(
        key="k" * 64, state=JobState.DONE, network=network, sample="chelsea", deadline=NOW, document=document
    )
    return Trace.objects.create(owner=None, job=job)


def test_follow_shows_the_times_of_the_houses_own_run(client, tiny):
    stored("tinynet")
    html = page(client, f"{LESSON}/follow/")
    assert "This is the structure alone" not in html
    assert '<td class="num">1.2</td>' in html
    assert "20 ms" in html


def test_home_plays_the_houses_own_run_and_leads_to_the_readers(client, tiny):
    stored("efficientnet_lite0")
    html = page(client, "/")
    assert "tiger cat" in html
    assert f'href="{LESSON}/run/">Run it on your own photo' in html
