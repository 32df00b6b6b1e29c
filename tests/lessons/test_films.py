"""Recorded runs in lessons: what a block may ask for, what is checked, what readers and previews get."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from django.test import Client

from inference.facts import store_facts
from inference.models import Job, Trace
from inference.runs import run_job
from inference.services import request_trace
from lessons.films import BadFilm, asked_for
from lessons.folders import NotLoadable, export_folder, load_folder
from lessons.models import Lesson, LessonVersion
from lessons.parts import Severity
from lessons.preview import unsaved_version
from lessons.publishing import check_draft, publish, save_draft
from lessons.words import body_html
from tests.inference.conftest import ImitationNetwork, network_facts
from tests.lessons.conftest import NOW

GOLDEN = Path(__file__).parents[1] / "inference" / "sharing" / "golden.trace.json"
READ = "/courses/tiny/lessons/first-look/read/"
BLOCK = "\n\n::: trace cat.json\n"


@pytest.fixture
def recorded(folder: Path) -> Path:
    """The tiny course's folder with a recorded run in its first lesson."""
    (folder / "first-look" / "cat.json").write_bytes(GOLDEN.read_bytes())
    lesson = folder / "first-look" / "lesson.md"
    lesson.write_text(lesson.read_text() + BLOCK)
    return folder


@pytest.fixture
def site_facts(facts, db):
    """Facts of a network that has weights here, with the stages that the imitation runs."""
    store_facts("efficientnet_lite0", network_facts(), now=NOW)


@pytest.fixture
def bell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inference.queueing.ring", lambda *_arguments, **_more: True)


def findings_of(folder: Path) -> str:
    with pytest.raises(NotLoadable) as refused:
        load_folder(folder, now=NOW)
    return str(refused.value)


def read(client: Client) -> str:
    response = client.get(READ)
    assert response.status_code == 200
    return response.content.decode()


# --- a file of the folder ---------------------------------------------------------------------------------------------------


def test_readers_get_the_whole_film_and_what_replays_it(recorded: Path, facts: None, client: Client) -> None:
    load_folder(recorded, now=NOW)
    page = read(client)
    assert page.count('<li class="frame"') == 4
    assert "data-replay" in page
    assert "inference/film.js" in page
    assert "inference/sharing.css" in page
    assert "Recorded on 1 March 2026: weights DEFAULT, torch 2.13.0, torchvision 0.28.0, on cpu." in page
    assert "EfficientNet-Lite0 looks at: Chelsea the cat" in page
    assert "(Stéfan van der Walt, CC0)" in page
    assert "The network’s first choice is “tiger cat”, with 62.0%." in page
    assert "You said" not in page


def test_a_lesson_without_films_loads_nothing_for_them(tiny, client: Client) -> None:
    page = read(client)
    assert "film.js" not in page
    assert "data-replay" not in page


def test_pictures_have_addresses_that_never_change(recorded: Path, facts: None, client: Client) -> None:
    load_folder(recorded, now=NOW)
    address = re.search(r'src="(/courses/tiny/lessons/first-look/films/[^"]+)"', read(client))
    assert address
    assert address[1] == "/courses/tiny/lessons/first-look/films/1/cat.json/0"
    response = client.get(address[1])
    assert response["Content-Type"] == "image/webp"
    assert "immutable" in response["Cache-Control"]
    for wrong in ("1/cat.json/2", "1/cat.json/99", "2/cat.json/0", "1/dog.json/0", "1/lesson.md/0"):
        assert client.get(f"/courses/tiny/lessons/first-look/films/{wrong}").status_code == 404


def test_a_folder_with_a_recorded_run_comes_out_as_it_went_in(recorded: Path, facts: None, tmp_path: Path) -> None:
    course = load_folder(recorded, now=NOW).course
    export_folder(course, tmp_path / "out")
    assert (tmp_path / "out" / "first-look" / "cat.json").read_bytes() == GOLDEN.read_bytes()
    assert load_folder(tmp_path / "out", now=NOW).published == []


def test_a_missing_file_is_told_with_its_line(recorded: Path, facts: None) -> None:
    (recorded / "first-look" / "cat.json").unlink()
    told = findings_of(recorded)
    line = (recorded / "first-look" / "lesson.md").read_text().splitlines().index("::: trace cat.json") + 1
    assert f"first-look/lesson.md:{line}: error: There is no file “cat.json” in this lesson." in told


def test_a_damaged_file_is_told_with_what_is_wrong_in_it(recorded: Path, facts: None) -> None:
    told = json.loads(GOLDEN.read_bytes())
    told["top_k"][0]["rank"] = "first"
    (recorded / "first-look" / "cat.json").write_text(json.dumps(told))
    assert "cat.json: “top_k[0].rank” must be a whole number." in findings_of(recorded)


def test_a_run_on_other_versions_is_a_warning(recorded: Path, facts: None) -> None:
    told = json.loads(GOLDEN.read_bytes())
    told["made_by"]["torch"] = "1.13.1"
    (recorded / "first-look" / "cat.json").write_text(json.dumps(told))
    report = load_folder(recorded, now=NOW)
    assert any("cat.json: It was recorded with torch 1.13.1" in str(finding) for finding in report.warnings)


def test_a_run_that_no_block_shows_is_a_warning(recorded: Path, facts: None) -> None:
    (recorded / "first-look" / "dog.json").write_bytes(GOLDEN.read_bytes())
    report = load_folder(recorded, now=NOW)
    assert [finding.message for finding in report.warnings if finding.file == "first-look/dog.json"] == [
        "No block shows this recorded run. Remove it, or show it: ::: trace dog.json"
    ]


@pytest.mark.parametrize(
    "words",
    [
        "",
        "../cat.json",
        "cat.txt",
        "Cat.JSON",
        "cat.json dog.json",
        "network=a",
        "network=a sample=b more=c",
        "network=a network=b",
    ],
)
def test_what_a_block_cannot_ask_for_is_told_with_an_example(words: str) -> None:
    with pytest.raises(BadFilm, match=r"::: trace network=efficientnet_lite0 sample=chelsea"):
        asked_for(words.split())


def test_words_elsewhere_than_in_the_lesson_show_no_run(recorded: Path, facts: None) -> None:
    lesson = recorded / "first-look" / "lesson.md"
    lesson.write_text(lesson.read_text().replace("insight: Count", "insight: |\n  ::: trace cat.json\n\n  Count"))
    assert "A recorded run can stand in a lesson’s own text only." in findings_of(recorded)


def test_the_same_film_twice_is_two_things_to_a_reader(recorded: Path, facts: None, client: Client) -> None:
    lesson = recorded / "first-look" / "lesson.md"
    lesson.write_text(lesson.read_text() + "\n\n## Film 2\n" + BLOCK + "\n\nBack to [the first](#film).\n")
    load_folder(recorded, now=NOW)
    page = read(client)
    assert page.count("data-replay") == 2
    assert_distinct(page)
    film = re.search(r'<figcaption id="([^"]+)"', page)
    assert film
    assert f'href="#{film[1]}"' in page


def assert_distinct(page: str) -> None:
    """No two elements have one id, and no two regions one name."""
    for what in (r'\sid="([^"]+)"', r'role="region" aria-label="([^"]+)"'):
        told = re.findall(what, page)
        assert len(told) > 1
        assert sorted(told) == sorted(set(told))


# --- one of the site's own runs ---------------------------------------------------------------------------------------------


@pytest.fixture
def of_the_site(folder: Path) -> Path:
    lesson = folder / "first-look" / "lesson.md"
    lesson.write_text(lesson.read_text() + "\n\n::: trace network=efficientnet_lite0 sample=coffee\n")
    return folder


def run(trace: Trace) -> None:
    run_job(job_id=trace.job_id, perform=ImitationNetwork().perform, clock=lambda: NOW)


def test_publishing_asks_for_the_run_and_readers_see_it_when_it_is_made(
    of_the_site: Path, site_facts: None, bell: None, client: Client
) -> None:
    load_folder(of_the_site, now=NOW)
    before = read(client)
    assert before.count('class="frame waiting"') == 4
    assert "This run has not been made yet." in before
    run(Trace.objects.get(owner=None))
    after = read(client)
    assert 'class="frame waiting"' not in after
    assert "data-replay" in after
    assert re.search(r'src="/traces/[0-9a-f-]+/pictures/0"', after)
    assert "looks at: Coffee" in after


def test_the_sites_own_run_twice_is_two_things_too_before_and_after_it_ran(
    of_the_site: Path, site_facts: None, bell: None, client: Client
) -> None:
    lesson = of_the_site / "first-look" / "lesson.md"
    lesson.write_text(lesson.read_text() + "\n\n::: trace network=efficientnet_lite0 sample=coffee\n")
    load_folder(of_the_site, now=NOW)
    before = read(client)
    assert before.count("This run has not been made yet.") == 2
    assert_distinct(before)
    run(Trace.objects.get(owner=None))
    after = read(client)
    assert after.count("data-replay") == 2
    assert_distinct(after)


def test_a_run_that_is_there_is_not_asked_for_again(of_the_site: Path, site_facts: None, bell: None) -> None:
    run(request_trace(owner=None, network="efficientnet_lite0", sample="coffee", now=NOW))
    load_folder(of_the_site, now=NOW)
    assert Job.objects.count() == 1


def test_a_network_without_weights_is_a_warning_and_an_unknown_one_an_error(
    folder: Path, facts: None, bell: None, client: Client
) -> None:
    lesson = folder / "first-look" / "lesson.md"
    lesson.write_text(lesson.read_text() + "\n\n::: trace network=tinynet sample=coffee\n")
    report = load_folder(folder, now=NOW)
    assert any("This site has no run of tinynet on this photo" in str(finding) for finding in report.warnings)
    assert "the network’s weights are not on this site’s machine" in read(client)
    lesson.write_text(lesson.read_text().replace("network=tinynet sample=coffee", "network=nonet sample=nothing"))
    told = findings_of(folder)
    assert "Nothing is known about the network “nonet”." in told
    assert "There is no sample photo “nothing”." in told


# --- drafts -----------------------------------------------------------------------------------------------------------------


def test_a_preview_shows_the_pictures_without_storing_anything(tiny, first: Lesson) -> None:
    version = first.versions.get()
    text = version.files["lesson.md"] + BLOCK
    unsaved, _findings = unsaved_version(first, {"lesson.md": text, "cat.json": GOLDEN.read_text()}, version.pictures)
    html = body_html(unsaved)
    assert html.count('src="data:image/webp;base64,') == 2
    assert "first-look/films" not in html


def test_a_draft_with_a_recorded_run_is_checked_and_published(tiny, first: Lesson, instructor, client: Client) -> None:
    tiny.memberships.create(user=instructor, role="owner")
    files = dict(first.versions.get().files)
    files["lesson.md"] += BLOCK
    draft = save_draft(lesson=first, files=files, revision=0, author=instructor, now=NOW)
    errors = [finding for finding in check_draft(draft, course=tiny) if finding.severity == Severity.ERROR]
    assert ["There is no file “cat.json”" in error.message for error in errors] == [True]
    save_draft(lesson=first, files={**files, "cat.json": GOLDEN.read_text()}, revision=1, author=instructor, now=NOW)
    published = publish(lesson=first, author=instructor, note="", now=NOW)
    assert published.number == 2
    assert "/first-look/films/2/cat.json/0" in read(client)
    assert LessonVersion.objects.get(number=1, lesson=first).files.keys() == {"lesson.md"}
