"""The parts of the lesson's form that belong to a mode: Look inside, Break and Train, from an empty lesson to a valid one."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from inference.contracts import MISTAKES
from inference.facts import store_facts
from inference.samples import all_samples
from inference.training_contracts import SHIPPED
from lessons.models import Draft
from lessons.publishing import check_draft, errors, save_draft
from lessons.schema import read_lesson
from tests.lessons.conftest import network
from tests.studio.conftest import files_of, form_of

SHIPPED_LESSONS = sorted(Path(settings.ROOT).glob("lessons/content/*/*/lesson.md"))

CASE = {
    "cases-0-was": "",
    "cases-0-mistake": "bgr",
    "cases-0-sample": "chelsea",
    "cases-0-among": ["squashed", "bgr", "train_mode"],
    "cases-0-story": "Read by **another** library.\r\n\r\nWhat is wrong?",
    "cases-0-why": "Shapes survive.",
    "cases-0-explanations-0-was": "",
    "cases-0-explanations-0-text": "Filters know colours by their place.",
    "cases-0-explanations-0-feedback": "Yes: blue stands where red was.",
    "cases-0-explanations-right": "0",
    "cases-0-explanations-1-was": "",
    "cases-0-explanations-1-text": "The photo has no edges.",
    "cases-0-explanations-1-feedback": "They are all there.",
}
LOOK = {
    "look_network": "efficientnet_lite0",
    "look_samples": ["chelsea", "coffee"],
    "look_question": "What will you see?",
    "look_options-0-was": "",
    "look_options-0-text": "Edges",
    "look_options-1-was": "",
    "look_options-1-text": "Whiskers",
    "look_why": "Early stages answer to edges.",
}
TRAIN = {
    "train_network": "efficientnet_lite0",
    "train_data-0-was": "",
    "train_data-0-text": "tissue",
    "train_data-1-was": "",
    "train_data-1-text": "textures",
    "train_strategy": "finetune",
    "train_epochs": "5",
    "train_learning_rate": "0.0005",
    "train_labels_per_class": "20",
    "train_blocks": "all",
    "train_seed": "7",
    "train_about": "Few labels.",
    "train_question": "Will it win?",
    "train_options-0-was": "",
    "train_options-0-text": "Yes",
    "train_options-1-was": "",
    "train_options-1-text": "No",
    "train_why": "The colour is the label.",
}
WHOLE = {**LOOK, "break_network": "efficientnet_lite0", **CASE, **TRAIN, "modes": ["read", "look-inside", "break", "train"]}


@pytest.fixture(autouse=True)
def _facts(db):
    store_facts("efficientnet_lite0", network("EfficientNet-Lite0", 4_652_008), now=timezone.now())
    store_facts("resnet50", network("ResNet-50", 25_557_032), now=timezone.now())


def front_of(lesson):
    """The draft's front matter, as the checks read it."""
    return read_lesson(files_of(lesson)["lesson.md"])


def saved(owner, base, **fields):
    """Saves the lesson's form as it stands with these fields; the page after that."""
    response = owner.post(base, {**form_of(owner.get(base)), **fields, "act": "save"})
    assert response.status_code == 302
    return owner.get(base)


# --- what can be chosen -------------------------------------------------------------------------------------------------------


def test_networks_photos_mistakes_and_data_are_chosen_from_those_that_exist(owner, base, lesson):
    page = saved(owner, base, **{"cases-0-was": "", "cases-0-story": "One."})
    form = page.context["sheet"].form
    for name in ("look_network", "break_network", "train_network"):
        assert dict(form.fields[name].choices) == {
            "": "none",
            "efficientnet_lite0": "EfficientNet-Lite0 (no weights here yet)",
            "resnet50": "ResNet-50 (no weights here yet)",
        }
    case = page.context["sheet"].lists["cases"].rows[0].form
    assert [value for value, _label in case.fields["among"].choices] == [str(name) for name in MISTAKES]
    assert [value for value, _label in case.fields["sample"].choices] == [sample.id for sample in all_samples()]
    data = page.context["sheet"].lists["train_data"].rows[0].form
    assert [value for value, _label in data.fields["text"].choices] == ["", *map(str, SHIPPED)]
    told = page.content.decode()
    assert "Blue and red swapped (BGR)" in told
    assert '<img src="/samples/chelsea?size=small" alt=""' in told


def test_a_choice_of_the_document_that_is_not_here_is_offered_all_the_same(owner, base, lesson, instructor):
    draft = Draft.objects.get(lesson=lesson)
    odd = "look: {network: future_net, samples: [moon]}\ntrain: {network: future_net, data: [moons], strategy: dream}\n"
    text = draft.files["lesson.md"].replace("insight:", odd + "insight:")
    files = {**draft.files, "lesson.md": text}
    save_draft(lesson=lesson, files=files, revision=draft.revision, author=instructor, now=timezone.now())
    form = form_of(owner.get(base))
    assert (form["look_network"], form["look_samples"]) == (["future_net"], ["moon"])
    assert (form["train_data-0-text"], form["train_strategy"]) == (["moons"], ["dream"])
    saved(owner, base)
    assert files_of(lesson)["lesson.md"] == text


# --- form → document → form ---------------------------------------------------------------------------------------------------


def test_what_is_filled_in_can_be_published_and_is_shown_again(owner, base, lesson):
    again = form_of(saved(owner, base, **WHOLE))
    assert errors(check_draft(Draft.objects.get(lesson=lesson), course=lesson.course)) == []
    assert {name: again[name] for name in WHOLE if not name.endswith("-was")} == {
        name: value if isinstance(value, list) else [value] for name, value in WHOLE.items() if not name.endswith("-was")
    }
    meta = front_of(lesson).meta
    assert meta.mistakes.cases[0].id == "bgr-chelsea"
    assert meta.mistakes.cases[0].explanations[0].right
    assert (meta.train.data, meta.train.blocks, meta.train.learning_rate) == (["tissue", "textures"], "all", 0.0005)
    assert meta.look.predict.options == ["Edges", "Whiskers"]


@pytest.mark.parametrize("path", SHIPPED_LESSONS, ids=lambda path: path.parent.name)
def test_saving_a_shipped_lesson_through_the_page_changes_no_byte(owner, base, lesson, instructor, path):
    draft = Draft.objects.get(lesson=lesson)
    files = {**draft.files, "lesson.md": path.read_text()}
    save_draft(lesson=lesson, files=files, revision=draft.revision, author=instructor, now=timezone.now())
    form = form_of(owner.get(base))
    assert form["cases-3-explanations-right"]
    saved(owner, base)
    assert files_of(lesson) == files
    saved(owner, base, train_seed="3")
    changed = files_of(lesson)["lesson.md"].splitlines()
    assert [line for line in changed if line not in path.read_text().splitlines()] == ["  seed: 3"]


def test_a_mode_that_is_switched_off_keeps_what_was_written_for_it(owner, base, lesson):
    saved(owner, base, **WHOLE)
    again = form_of(saved(owner, base, modes=["read"]))
    assert again["cases-0-mistake"] == ["bgr"]
    assert front_of(lesson).meta.modes == ["read"]
    assert front_of(lesson).meta.train.epochs == 5


def test_a_part_that_is_emptied_leaves_the_document(owner, base, lesson):
    before = files_of(lesson)["lesson.md"]
    form = form_of(saved(owner, base, **WHOLE))
    others = {name: value for name, value in form.items() if not name.startswith(("look_", "break_", "cases-", "train_"))}
    assert owner.post(base, {**others, "modes": ["read", "practise", "test"], "act": "save"}).status_code == 302
    assert read_lesson(files_of(lesson)["lesson.md"]).meta == read_lesson(before).meta


# --- rows within rows, without scripts ----------------------------------------------------------------------------------------


def test_explanations_are_added_moved_and_removed_within_their_run(owner, base, lesson):
    form = form_of(saved(owner, base, **WHOLE))
    form |= {"cases-0-story": "Typed, not saved"}
    second = form_of(owner.post(base, {**form, "act": "add:cases"}))
    assert second["cases-1-explanations-2-text"] == [""], "a new run begins with three explanations"
    second |= {"cases-1-mistake": "nearest", "cases-1-explanations-2-text": "Third", "cases-1-explanations-right": "2"}
    moved = form_of(owner.post(base, {**second, "act": "up:cases-1-explanations:2"}))
    assert (moved["cases-1-explanations-1-text"], moved["cases-1-explanations-right"]) == (["Third"], ["1"])
    assert moved["cases-0-explanations-right"] == ["0"]
    assert moved["cases-0-explanations-0-text"] == ["Filters know colours by their place."]
    swapped = form_of(owner.post(base, {**moved, "act": "up:cases:1"}))
    assert (swapped["cases-0-mistake"], swapped["cases-1-story"]) == (["nearest"], ["Typed, not saved"])
    assert (swapped["cases-0-explanations-right"], swapped["cases-1-explanations-right"]) == (["1"], ["0"])
    fewer = form_of(owner.post(base, {**swapped, "act": "remove:cases-1-explanations:0"}))
    assert fewer["cases-1-explanations-0-text"] == ["The photo has no edges."]
    assert "cases-1-explanations-right" not in fewer
    for nonsense in ("add:cases-9-explanations", "up:cases-0-nothing:1", "remove:cases-x:0", "add:cases-0"):
        assert owner.post(base, {**form, "act": nonsense}).status_code == 200
    assert front_of(lesson).meta.mistakes.cases[0].story.startswith("Read by")


def test_there_is_a_button_for_another_row_as_long_as_one_may_be_added(owner, base, lesson):
    form = form_of(saved(owner, base, **WHOLE))
    for number in range(2, 5):
        response = owner.post(base, {**form, "act": "add:cases-0-explanations"})
        form = form_of(response) | {f"cases-0-explanations-{number}-text": "Another"}
    told = response.content.decode()
    assert 'value="add:cases-0-explanations"' not in told
    assert 'value="add:cases"' in told
    assert "cases-0-explanations-5-was" not in form_of(owner.post(base, {**form, "act": "add:cases-0-explanations"}))


def test_the_run_whose_explanations_are_rearranged_stays_open(owner, base, lesson):
    form = form_of(saved(owner, base, **WHOLE))
    row = owner.post(base, {**form, "act": "add:cases-0-explanations"}).context["sheet"].lists["cases"].rows[0]
    assert row.is_open
    assert row.summary == "Blue and red swapped (BGR) · Chelsea the cat"
    assert not owner.get(base).context["sheet"].lists["cases"].rows[0].is_open


# --- what is wrong, and what is missing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("train_epochs", "many", "Enter a whole number."),
        ("train_epochs", "31", "Choose a number, 1 to 30."),
        ("train_learning_rate", "0,001", "Enter a number."),
        ("train_learning_rate", "nan", "Enter a number."),
        ("train_learning_rate", "2", "Choose a number, 0.000001 to 1."),
        ("train_seed", "-1", "Choose a number, 0 to"),
        ("look_question", "x" * 301, "at most 300 characters"),
        ("cases-0-id", "Two Words", "Use small letters"),
        ("cases-0-explanations-1-text", "x" * 301, "at most 300 characters"),
    ],
)
def test_a_refused_form_says_why_beside_the_input_and_keeps_every_word(owner, base, lesson, name, value, sentence):
    form = form_of(owner.get(base)) | WHOLE | {name: value}
    refused = owner.post(base, {**form, "act": "save"})
    assert refused.status_code == 422
    told = refused.content.decode()
    assert f'href="#id_{name}"' in told
    beside = told.split(f'id="id_{name}_error"')[1].split("</ul>")[0]
    assert sentence in beside
    kept = form_of(refused)
    for field, given in form.items():
        if field not in ("csrfmiddlewaretoken", "opened_with", "revision"):
            shown = [text.replace("\r\r", "\r") for text in kept.get(field, [])]  # browsers read CRLF as one line end
            assert shown == (given if isinstance(given, list) else [given]), field
    assert "train:" not in files_of(lesson)["lesson.md"]


NEEDS = [
    ({"modes": ["read", "look-inside"]}, "look_network", "Learners have Look inside, but it has no network."),
    ({"modes": ["read", "follow"]}, "networks", "Learners have Follow, but it has no network."),
    ({"look_network": ""}, "look_network", "“Network to look into” is missing. Add it."),
    ({"look_options-1-text": ""}, "look_options", "Give the question two options or more."),
    ({"cases-0-story": ""}, "cases-0-story", "“Story” is missing. Add it."),
    ({"cases-0-sample": ""}, "cases-0-sample", "“Photo” is missing. Add it."),
    ({"cases-0-among": ["squashed", "nearest", "train_mode"]}, "cases-0-among", "The mistake “bgr” is not in"),
    ({"cases-0-among": ["bgr"]}, "cases-0-among", "at least 3"),
    ({"cases-0-explanations-right": ""}, "cases-0-explanations", "Exactly one explanation"),
    ({"cases-0-explanations-1-feedback": ""}, "cases-0-explanations-1-feedback", "is missing. Add it."),
    ({"train_data-0-text": "", "train_data-1-text": ""}, "train_data", "“Data sets” is missing. Add it."),
    ({"train_labels_per_class": "51"}, "train_labels_per_class", "1 to 50"),
    ({"train_data-1-text": "tissue"}, "train_data", "stands there twice"),
]


@pytest.mark.parametrize(("fields", "name", "sentence"), NEEDS, ids=[f"{name}: {words}" for _fields, name, words in NEEDS])
def test_what_a_saved_draft_needs_stands_beside_its_input_and_in_the_check(owner, base, lesson, fields, name, sentence):
    page = saved(owner, base, **({**WHOLE, **fields} if "modes" not in fields else fields))
    told = page.content.decode()
    prefix = "" if f'id="{name}_needs"' in told else "id_"
    assert sentence.replace("’", "&#x27;") in told.split(f'id="{prefix}{name}_needs"')[1].split("</ul>")[0]
    assert told.count("To publish:") == 1
    assert "Nothing stops publishing" not in owner.get(base + "check/").content.decode()


def test_nothing_is_asked_for_where_nothing_is_missing(owner, base, lesson):
    assert "To publish:" not in saved(owner, base, **WHOLE).content.decode()


def test_the_part_with_something_missing_lies_open_and_the_others_do_not(owner, base, lesson):
    told = saved(owner, base, **{**WHOLE, "cases-0-story": ""}).content.decode()
    assert 'id="part-break" open' in told
    assert 'id="part-look" open' not in told
    assert 'id="part-train" open' not in told


def test_the_check_leads_to_the_input(owner, base, lesson):
    saved(owner, base, **{**WHOLE, "cases-0-among": ["squashed", "nearest", "train_mode"]})
    assert f'href="{base}#id_cases-0-among"' in owner.get(base + "check/").content.decode()


# --- two authors --------------------------------------------------------------------------------------------------------------


def test_two_authors_of_a_broken_run_read_both_in_words(owner, second, base, lesson):
    saved(owner, base, **WHOLE)
    mine, theirs = form_of(owner.get(base)), form_of(second.get(base))
    second.post(base, {**theirs, "cases-0-explanations-1-text": "Their explanation", "act": "save"})
    conflict = owner.post(base, {**mine, "cases-0-story": "My story", "act": "save"})
    assert conflict.status_code == 409
    told = conflict.content.decode()
    assert "Their explanation" in told
    assert "Mistakes to choose from: squashed, bgr, train_mode" in told
    taken = form_of(owner.post(base, {**form_of(conflict), "act": "take", "take": ["cases"]}))
    assert taken["cases-0-explanations-1-text"] == ["Their explanation"]


# --- what learners will see ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("look-inside", "What will you see?"),
        ("break", "Filters know colours by their place."),
        ("train", "Will it win?"),
    ],
)
def test_each_mode_can_be_previewed_before_it_is_saved(owner, base, lesson, mode, words):
    form = form_of(owner.get(base)) | WHOLE
    shown = owner.post(base + "?fragment=1", {**form, "act": "preview", "preview_mode": mode}).content.decode()
    assert words in shown
    assert "Shown without its fields" not in shown
    assert "train:" not in files_of(lesson)["lesson.md"]
