"""Two runs side by side: which stages share a row, what is said, and who may look."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from django.db.models import JSONField
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from inference import services
from inference.contracts import StageKind
from inference.grids import halvings, side_of
from inference.models import Job, JobState, Trace
from inference.presenting import Frame, present
from inference.sharing.comparing import Ran, align, compare, likeness
from tests.inference.conftest import photo_file
from tests.inference.sharing.conftest import open_trace

COMPARE = "/traces/compare/"


def ran(
    name: str,
    kind: StageKind = StageKind.FEATURES,
    grid: int | None = None,
    operation: str = "convolution",
    side: int | None = None,
) -> Ran:
    frame = Frame(0, name, name, operation, operation, str(kind), True, "", "")
    return Ran(frame, grid, halvings(grid, of=side))


def rows(left: list[Ran], right: list[Ran]) -> list[tuple[str, str]]:
    return [(pair.a.frame.name if pair.a else "", pair.b.frame.name if pair.b else "") for pair in align(left, right)]


# --- which stages share a row -----------------------------------------------------------------------------------------------


def test_stages_at_the_same_grid_share_a_row() -> None:
    left = [ran("stem", grid=112), ran("layer1", grid=56), ran("layer2", grid=28), ran("fc", StageKind.HEAD, None, "linear")]
    right = [ran("a", grid=224), ran("b", grid=112), ran("c", grid=28), ran("head", StageKind.HEAD, None, "linear")]
    assert rows(left, right) == [("", "a"), ("stem", "b"), ("layer1", ""), ("layer2", "c"), ("fc", "head")]


def test_networks_that_take_photos_of_other_sides_are_paired_where_the_same_part_is_left() -> None:
    """As their stages are aligned on the networks' own comparison: Inception v3 beside ResNet-50 and AlexNet."""
    inception = [ran(name, grid=grid, side=299) for name, grid in (("5b", 35), ("6a", 17), ("7a", 8))]
    resnet = [ran(name, grid=grid, side=224) for name, grid in (("layer1", 56), ("layer2", 28), ("layer3", 14), ("layer4", 7))]
    alexnet = [ran(name, grid=grid, side=224) for name, grid in (("conv1", 27), ("conv2", 13))]
    assert rows(inception, resnet) == [("", "layer1"), ("5b", "layer2"), ("6a", "layer3"), ("7a", "layer4")]
    assert rows(alexnet, resnet) == [("", "layer1"), ("conv1", "layer2"), ("conv2", "layer3"), ("", "layer4")]


@given(st.integers(0, 10**15), st.integers(0, 10**15))
def test_any_sides_of_an_opened_file_have_an_answer(side: int, of: int) -> None:
    counted = halvings(side, of=of)
    assert (counted is None) == (not side or not of)


def test_preprocessing_steps_are_paired_by_what_they_do() -> None:
    left = [ran(name, StageKind.PREPROCESSING, 224, name) for name in ("decode", "resize", "crop")]
    right = [ran(name, StageKind.PREPROCESSING, 256, name) for name in ("decode", "crop")]
    assert rows(left, right) == [("decode", "decode"), ("resize", ""), ("crop", "crop")]


def test_kinds_never_mix() -> None:
    assert rows([ran("a", StageKind.HEAD, None, "linear")], [ran("b", StageKind.OUTPUT, None, "linear")]) == [
        ("a", ""),
        ("", "b"),
    ]


def test_the_same_network_is_paired_stage_by_stage() -> None:
    stages = [ran(f"block{index}", grid=14, operation="mbconv") for index in range(6)]
    assert rows(stages, stages) == [(f"block{index}", f"block{index}") for index in range(6)]


def test_grids_are_found_in_every_layout() -> None:
    assert side_of({"layout": "NCHW", "output_shape": [1, 64, 56, 48]}) == 56
    assert side_of({"layout": "NHWC", "output_shape": [1, 56, 48, 96]}) == 56
    assert side_of({"layout": "HWC", "output_shape": [300, 451, 3]}) == 300
    assert side_of({"layout": "NLC", "output_shape": [1, 197, 768]}) == 14
    assert side_of({"layout": "NC", "output_shape": [1, 1000]}) is None
    assert side_of({}) is None


stages = st.lists(
    st.builds(
        ran,
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(list(StageKind)),
        st.sampled_from([None, 7, 14]),
        st.sampled_from(["linear", "convolution"]),
    ),
    max_size=7,
).map(lambda found: sorted(found, key=lambda one: list(StageKind).index(StageKind(one.frame.kind))))


@given(stages, stages)
def test_every_stage_stands_in_one_row_and_in_its_order(left: list[Ran], right: list[Ran]) -> None:
    pairs = align(left, right)
    assert [pair.a for pair in pairs if pair.a] == left
    assert [pair.b for pair in pairs if pair.b] == right
    assert all(likeness(pair.a, pair.b) for pair in pairs if pair.a and pair.b)
    assert [pair.number for pair in pairs] == list(range(1, len(pairs) + 1))


# --- what is said -----------------------------------------------------------------------------------------------------------


def comparison(a: Trace, b: Trace) -> Any:
    return compare(a, b, a=present(a), b=present(b))


@pytest.mark.django_db
def test_sentences_follow_from_the_figures(cat: Trace, house: Trace) -> None:
    document = house.job.document
    document["top_k"] = [
        {"rank": 1, "class_index": 967, "label": "espresso", "probability": 0.5},
        {"rank": 2, "class_index": 282, "label": "tiger cat", "probability": 0.1},
    ]
    document["stages"][1]["statistics"]["std"] = 3.0
    document["stages"][1]["milliseconds"] = 11.25
    document["milliseconds"] = 15.0
    document["made_by"]["threads"] = 4
    told = comparison(cat, house)
    assert told.sentences == [
        "One network, two photos: what differs comes from the photos.",
        "A puts “tiger cat” first, with 62.0%; B puts “espresso” first, with 50.0%. 1 class stands on both lists.",
        "A took 5 ms and B 15 ms: B took 3.00 times as long as A. They didn’t run under the same conditions (threads), so"
        " compare their times only roughly.",
        "In A the stage that takes longest is decode, with 25% of the time.",
        "In B the stage that takes longest is stem, with 75% of the time.",
        "The outputs differ most in how far they spread at stem: 1 in A, 3 in B.",
    ]
    assert [(row.label, row.difference) for row in told.classes] == [
        ("tiger cat", "-52.0"),
        ("Egyptian cat", ""),
        ("espresso", ""),
    ]
    assert told.charts[0].series[1].values == [1.25, 11.25, 1.25, 1.25]


@pytest.mark.django_db
def test_two_networks_are_told_by_their_size(cat: Trace, house: Trace) -> None:
    house.job.network = "resnet50"
    house.job.sample = "chelsea"
    house.job.document["stages"][2]["parameters"] = 25_000_000
    told = comparison(cat, house)
    assert told.sentences[0].startswith("One photo, two networks")
    assert told.sentences[1].startswith("Both put “tiger cat” first: A with 62.0%, B with 62.0%. 2 classes")
    assert told.sentences[2] == "A has 1.28 M parameters and does 1.28 M multiply-adds; B has 25.0 M and does 1.28 M."


@pytest.mark.django_db
def test_a_run_beside_itself_differs_in_nothing(cat: Trace) -> None:
    told = comparison(cat, cat)
    assert told.sentences[0].startswith("The same network on the same photo")
    assert told.sentences[-1] == "No stage’s output spreads differently by more than 1%."
    assert {row.difference for row in told.classes} == {"+0.0"}


@pytest.mark.django_db
def test_figures_from_a_file_may_be_as_far_apart_as_the_format_allows(cat: Trace, house: Trace) -> None:
    cat.job.document["stages"][2]["statistics"] = {"mean": 0.0, "std": 1e30, "minimum": 0.0, "maximum": 1e30}
    house.job.document["stages"][2]["statistics"] = {"mean": 0.0, "std": 5e-324, "minimum": 0.0, "maximum": 0.0}
    assert comparison(cat, house).sentences[-1].endswith("1e+30 in A, 4.94e-324 in B.")


# --- who may look -----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_both_must_be_visible(client: Client, cat: Trace, house: Trace, guest: User, outsider: User) -> None:
    query = {"a": str(cat.pk), "b": str(house.pk)}
    assert client.get(COMPARE, query).status_code == 404
    client.force_login(outsider)
    assert client.get(COMPARE, query).status_code == 404
    assert client.get(COMPARE, {"a": str(house.pk), "b": str(cat.pk)}).status_code == 404
    token = services.share_trace(trace=cat)
    shared = client.get(COMPARE, query | {"a_share": token})
    assert shared.status_code == 200
    assert f"/traces/{cat.pk}/pictures/1?share={token}" in shared.content.decode()
    assert client.get(COMPARE, query | {"b_share": token}).status_code == 404
    client.force_login(guest)
    page = client.get(COMPARE, query).content.decode()
    assert "One network, two photos" in page
    assert page.count("data-replay") == 2


@pytest.mark.django_db
def test_what_is_no_trace_is_nothing(client: Client, house: Trace) -> None:
    for value in (str(uuid4()), "nonsense", "x" * 5000):
        assert client.get(COMPARE, {"a": str(house.pk), "b": value}).status_code == 404


@pytest.mark.django_db
def test_only_whole_films_are_compared(client: Client, house: Trace, cat: Trace, guest: User) -> None:
    client.force_login(guest)
    Job.objects.filter(pk=cat.job_id).update(state=JobState.RUNNING)
    response = client.get(COMPARE, {"a": str(house.pk), "b": str(cat.pk)})
    assert response.status_code == 422
    assert "Only finished runs of one photo can be compared" in response.content.decode()


@pytest.mark.django_db
def test_the_form_offers_what_one_may_see(client: Client, house: Trace, cat: Trace, guest: User, outsider: User) -> None:
    client.force_login(guest)
    page = client.get(COMPARE, {"a": str(cat.pk)}).content.decode()
    assert f'value="{cat.pk}" selected' in page
    assert f'value="{house.pk}"' in page
    client.force_login(outsider)
    page = client.get(COMPARE).content.decode()
    assert str(cat.pk) not in page
    assert str(house.pk) in page


@pytest.mark.django_db
def test_runs_are_offered_and_listed_without_reading_their_films(
    client: Client, house: Trace, cat: Trace, guest: User, told: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = open_trace(owner=guest, file=photo_file(json.dumps(told).encode()))
    read: list[str] = []
    field = Job._meta.get_field("document")

    def reading(value: Any, *rest: Any) -> Any:
        decoded = JSONField.from_db_value(field, value, *rest)
        read.append("stages" if isinstance(decoded, dict) and "stages" in decoded else "a part")
        return decoded

    monkeypatch.setattr(field, "from_db_value", reading)
    client.force_login(guest)
    page = client.get(COMPARE).content.decode()
    assert all(f'value="{trace.pk}"' in page for trace in (house, cat, opened))
    assert page.count("EfficientNet-Lite0: Chelsea the cat (tiger cat)") == 2 * 2, "one's own and the opened, for A and for B"
    runs = client.get("/traces/").content.decode()
    assert runs.count("tiger cat, 62.0%") == 2
    assert "stages" not in read


@pytest.mark.django_db
def test_without_any_run_the_page_says_what_will_be_here(client: Client) -> None:
    assert "No finished run yet" in client.get(COMPARE).content.decode()


@pytest.mark.django_db
def test_an_opened_file_beside_a_run_says_where_it_is_from(
    client: Client, told: dict[str, Any], house: Trace, learner: User
) -> None:
    trace = open_trace(owner=learner, file=photo_file(json.dumps(told).encode()))
    client.force_login(learner)
    page = client.get(COMPARE, {"a": str(trace.pk), "b": str(house.pk)}).content.decode()
    assert "Opened from a file" in page
    assert "One network, two photos" in page
