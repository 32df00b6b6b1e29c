"""Networks as people look at them: listed, sorted, one by one, side by side, timed, and their weights fetched."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils.html import strip_tags
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from inference import completing, facts, runs
from inference.contracts import Cancelled, EngineError, Failure, Finished, MadeBy, Result, RunKind
from inference.models import Job, JobState, Trace
from inference.networks import comparing, listing, services
from inference.services import delete_trace
from tests.inference.conftest import NETWORK, NOW, network_facts
from web.problems import Problem

pytestmark = pytest.mark.django_db

RESNET = "resnet50"
WEIGHTS = {
    "IMAGENET1K_V1": {
        "file": "resnet50-0676ba61.pth",
        "url": "https://example.org/resnet50-0676ba61.pth",
        "acc1": 76.13,
        "size_mb": 97.8,
        "licence": "",
        "parameters": 25_557_032,
        "gmacs": 4.089,
    },
    "SWAG": {
        "file": "resnet50-11ad3fa6.pth",
        "url": "https://example.org/resnet50-11ad3fa6.pth",
        "acc1": 80.858,
        "licence": "CC BY-NC 4.0",
        "licence_url": "https://example.org/LICENSE",
        "said": "These weights improve upon the results of the original paper.",
    },
}


def entry(title: str, family: str, **changed: Any) -> dict[str, Any]:
    return {"title": title, "family": family, "year": 2015, "weights": WEIGHTS, "default_weights": "IMAGENET1K_V1", **changed}


CATALOGUE = {
    NETWORK: entry("EfficientNet-Lite0", "EfficientNet-Lite", weights=network_facts()["weights"], default_weights="DEFAULT"),
    RESNET: entry("ResNet-50", "ResNet"),
    "resnet18": entry("ResNet-18", "ResNet"),
    "vit_h_14": entry(
        "ViT-H/14",
        "Vision Transformer",
        weights={"E2E": {"file": "vit_h_14.pth", "parameters": 633_470_440, "gmacs": 1016.717}},
        default_weights="E2E",
    ),
}


@pytest.fixture
def catalogue(db: None) -> None:
    """All networks by their records; the figures of two are computed."""
    facts.store_facts(facts.LIBRARY, {"version": "0.28.0", "catalogue": CATALOGUE}, now=NOW)
    facts.store_facts(NETWORK, network_facts(), now=NOW)
    told = network_facts(
        id=RESNET,
        title="ResNet-50",
        family="ResNet",
        year=2015,
        paper="Deep Residual Learning for Image Recognition",
        authors="He et al.",
        paper_url="https://arxiv.org/abs/1512.03385",
        notes=["stride_in_three_by_three"],
        parameters=25_557_032,
        macs=4_089_184_256,
        weights=WEIGHTS,
        default_weights="IMAGENET1K_V1",
    )
    facts.store_facts(RESNET, told, now=NOW)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The networks whose figures were asked for; the queue itself is tested with a real one elsewhere."""
    rung: list[str] = []
    monkeypatch.setattr(completing, "ask_for", lambda network: rung.append(network) or True)
    monkeypatch.setattr(completing, "has_failed", lambda _network: False)
    return rung


def text_of(response: Any) -> str:
    assert response.status_code == 200, response.status_code
    return " ".join(strip_tags(response.content.decode().replace("</", " </")).replace("&nbsp;", " ").split())


class ImitationWorker:
    """Measures and downloads without a network and without a publisher."""

    def __init__(self, *results: Result, error: Exception | None = None, device: str = "cpu") -> None:
        self.results, self.error, self.device = results, error, device

    def perform(self, request: Any, material: Any, *, emit: Any, cancelled: Any) -> None:
        for result in self.results:
            if cancelled():
                raise Cancelled
            emit(result)
        if self.error is not None:
            raise self.error
        emit(Finished(MadeBy("2", request.network, "", "", "2.13.0", "0.28.0", self.device, "float32", 1), 5.0))


def measurement(median: float) -> Result:
    figures = {"median_ms": median, "fastest_ms": median - 1, "slowest_ms": median + 1, "passes": 25, "input_size": 224}
    return Result("measurement", figures | {"batch": 1, "parameter_bytes": 1, "random_weights": True})


def step(percent: int) -> Result:
    figures = {"bytes": percent * 10_000, "total": 1_000_000, "bytes_per_second": 5_000_000, "waits": False}
    return Result(f"progress:{percent}", figures)


def run(trace: Trace, worker: ImitationWorker) -> Trace:
    runs.run_job(job_id=trace.job_id, perform=worker.perform, clock=lambda: NOW)
    trace.job.refresh_from_db()
    return trace


# --- the list -------------------------------------------------------------------------------------------------------------


def test_every_network_of_the_catalogue_is_listed_before_its_figures_are_computed(client: Client, catalogue: None) -> None:
    page = text_of(client.get("/networks/"))
    assert "4 networks." in page
    assert "1 has its weights on this machine" in page
    assert "The figures of 2 are not computed yet" in page
    for record in CATALOGUE.values():
        assert record["title"] in page


def titles(client: Client, query: str) -> list[str]:
    return [row["title"] for row in client.get(f"/networks/?{query}").context["networks"]]


def test_the_list_is_sorted_and_filtered(client: Client, catalogue: None) -> None:
    assert titles(client, "sort=parameters") == ["EfficientNet-Lite0", "ResNet-50", "ResNet-18", "ViT-H/14"]
    assert titles(client, "sort=-parameters") == ["ResNet-50", "EfficientNet-Lite0", "ResNet-18", "ViT-H/14"]
    assert titles(client, "sort=title&family=ResNet") == ["ResNet-18", "ResNet-50"]
    assert titles(client, "here=1") == ["EfficientNet-Lite0"]
    assert titles(client, "here=1&family=ResNet") == []
    assert len(titles(client, "sort=nonsense&family=&here=yes")) == 4


def test_a_heading_says_how_the_list_is_sorted_and_turns_it_round() -> None:
    order = listing.Order.asked({"sort": "-parameters", "family": "ResNet"})
    by_title = {str(heading.title): heading for heading in listing.headings(order)}
    assert by_title["Parameters"].direction == "descending"
    assert by_title["Parameters"].query == "sort=parameters&family=ResNet"
    assert by_title["Multiply-adds"].query == "sort=-macs&family=ResNet"
    assert by_title["Network"].query == "sort=title&family=ResNet"


@given(st.dictionaries(st.sampled_from(["sort", "family", "here"]), st.text(max_size=20)))
def test_whatever_the_address_asks_the_list_has_an_order(query: dict[str, str]) -> None:
    rows = [{"title": name, "family": "F", "parameters": size, "weights": None} for name, size in (("b", 2), ("a", None))]
    order = listing.Order.asked(query)
    assert {row["title"] for row in listing.arranged(rows, order)} <= {"a", "b"}
    assert listing.headings(order)


# --- one network ----------------------------------------------------------------------------------------------------------


def test_a_card_says_where_a_network_comes_from(client: Client, catalogue: None) -> None:
    response = client.get(f"/networks/{RESNET}/")
    page = text_of(response)
    assert "Paper Deep Residual Learning for Image Recognition , He et al." in page
    assert "2015" in page
    assert "76.1% first choice right" in page
    assert "This is known as ResNet V1.5." in page
    assert "CC BY-NC 4.0" in page
    assert "Licence of its default weights not stated" in page
    assert "torchvision’s documentation on SWAG" in page
    assert b'href="https://arxiv.org/abs/1512.03385"' in response.content


def test_a_network_without_weights_shows_its_structure_and_no_empty_film(client: Client, catalogue: None) -> None:
    response = client.get(f"/networks/{RESNET}/")
    page = text_of(response)
    assert "manage.py fetch_weights resnet50" in page
    assert "It can be taken apart here, but not run" in page
    assert b'class="film"' not in response.content
    assert "Where its parameters are, and where the work is done" in page
    assert b'class="film"' in client.get(f"/networks/{NETWORK}/").content


def test_opening_a_page_asks_for_figures_that_are_missing(client: Client, catalogue: None, asked: list[str]) -> None:
    response = client.get("/networks/resnet18/")
    assert "The figures are being computed" in text_of(response)
    assert response["Cache-Control"] == "no-store"
    assert asked == ["resnet18"]
    assert client.get("/networks/resnet19/").status_code == 404
    assert asked == ["resnet18"]


def test_without_a_queue_the_page_says_so(client: Client, catalogue: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completing, "ask_for", lambda _network: False)
    assert "The queue can’t be reached now" in text_of(client.get("/networks/resnet18/"))


def test_what_could_not_be_computed_is_not_asked_for_again(
    client: Client, catalogue: None, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(completing, "has_failed", lambda _network: True)
    assert "The engine could not build ResNet-18 on this machine" in text_of(client.get("/networks/resnet18/"))
    assert asked == []


@pytest.mark.torch
def test_a_worker_computes_what_was_asked_for(catalogue: None) -> None:
    completing.compute_one(network="resnet18", now=NOW)
    assert facts.fact("resnet18", "parameters") == 11_689_512
    completing.compute_one(network="resnet5000", now=NOW)
    assert facts.facts_of("resnet5000") is None


# --- side by side ---------------------------------------------------------------------------------------------------------


def test_two_networks_stand_side_by_side(client: Client, catalogue: None) -> None:
    response = client.get(f"/networks/compare/?networks={NETWORK},{RESNET}")
    page = text_of(response)
    assert "25.6 M" in page
    assert "4.65 M" in page
    assert "76.1%" in page
    assert [chart.title for chart in response.context["charts"]] == [
        "Parameters, in millions",
        "Multiply-adds for one photo, in thousand millions",
        "First choice right, per cent",
    ]
    assert client.get(f"/networks/compare/?networks={NETWORK}&networks={RESNET}&networks=").content.count(b"<thead>") == 2


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "Two networks or more will stand here side by side"),
        ("networks=", "Two networks or more will stand here side by side"),
        (f"networks={RESNET}", "One network alone can’t be compared"),
        (f"networks={RESNET},{RESNET}", "One network alone can’t be compared"),
        ("networks=nothing,<script>", "There are no networks called “nothing”, “&lt;script&gt;”."),
        (f"networks={NETWORK},{RESNET},nothing", "There is no network called “nothing”."),
    ],
)
def test_an_address_that_names_too_few_or_unknown_networks_is_explained(
    query: str, said: str, client: Client, catalogue: None
) -> None:
    assert said in text_of(client.get(f"/networks/compare/?{query}"))


def test_the_library_passes_for_no_network(client: Client, catalogue: None, guest: User) -> None:
    for path in (f"/networks/{facts.LIBRARY}/", f"/api/v1/networks/{facts.LIBRARY}"):
        assert client.get(path).status_code == 404
    client.force_login(guest)
    assert client.post("/networks/measure/", {"networks": facts.LIBRARY}).status_code == 404
    assert client.post("/traces/", {"network": facts.LIBRARY, "sample": "chelsea"}).status_code == 404
    assert not Job.objects.exists()


def test_figures_that_are_missing_are_asked_for_before_comparing(client: Client, catalogue: None, asked: list[str]) -> None:
    assert "ResNet-18, ViT-H/14" in text_of(client.get(f"/networks/compare/?networks={RESNET},resnet18,vit_h_14"))
    assert asked == ["resnet18", "vit_h_14"]


def stage(kind: str, operation: str, shape: list[int], layout: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "operation": operation, "output_shape": shape, "layout": layout, "title": operation, **more}


def test_stages_are_aligned_by_the_part_of_the_side_that_is_left() -> None:
    convolutional = {
        "input_size": 299,
        "stages": {
            "stem": stage("features", "convolution", [1, 192, 35, 35], "NCHW", blocks=5),
            "last": stage("features", "inception_e", [1, 2048, 8, 8], "NCHW"),
            "pool": stage("head", "average_pool", [1, 2048], "NC"),
            "fc": stage("head", "linear", [1, 1000], "NC"),
        },
    }
    shifted = {"input_size": 224, "stages": {"one": stage("features", "patch_embedding", [1, 56, 56, 96], "NHWC")}}
    squeezed = {
        "input_size": 224,
        "stages": {
            "classifier": stage("head", "convolution", [1, 1000, 13, 13], "NCHW"),
            "pool": stage("head", "average_pool", [1, 1000], "NC", details={"scores": True}),
        },
    }
    tokens = {
        "input_size": 518,
        "stages": {
            "patches": stage("features", "patch_embedding", [1, 1370, 1280], "NLC", details={"grid": [37, 37]}),
            "token": stage("head", "class_token", [1, 1280], "NC"),
        },
    }
    rows = {
        row.label: [[cell.title for cell in cells] for cells in row.cells]
        for row in comparing.aligned([convolutional, shifted, tokens, squeezed])
    }
    assert rows == {
        "1/4": [[], ["patch_embedding"], [], []],
        "1/8": [["convolution"], [], [], []],
        "1/16": [[], [], ["patch_embedding"], ["convolution"]],
        "1/32": [["inception_e"], [], [], []],
        "to a vector": [["average_pool"], [], ["class_token"], []],
        "to scores": [["linear"], [], [], ["average_pool"]],
    }


# --- time -----------------------------------------------------------------------------------------------------------------


def test_a_network_is_timed_and_everybody_sees_the_median(client: Client, catalogue: None, bell: list[str]) -> None:
    response = client.post("/networks/measure/", {"networks": RESNET})
    assert response["Location"] == f"/networks/{RESNET}/#time"
    trace = Trace.objects.get()
    assert trace.job.kind == RunKind.MEASUREMENT
    assert "A worker is timing it" in text_of(client.get(f"/networks/{RESNET}/"))
    run(trace, ImitationWorker(measurement(75.7)))
    page = text_of(Client().get(f"/networks/{RESNET}/"))
    assert "75.7 ms a pass: the median of 25, which took 74.7 to 76.7 ms." in page
    assert "The weights were random numbers" in page


@pytest.mark.parametrize(("device", "says"), [("cpu", False), ("NVIDIA H200", True)])
def test_it_is_said_in_which_precision_a_pass_was_timed_and_where_runs_may_be_faster(
    device: str, says: bool, client: Client, catalogue: None, bell: list[str]
) -> None:
    client.post("/networks/measure/", {"networks": RESNET})
    run(Trace.objects.get(), ImitationWorker(measurement(75.7), device=device))
    page = text_of(client.get(f"/networks/{RESNET}/"))
    assert f"on a worker here ({device}, float32)." in page
    assert ("may be computed in bfloat16" in page) is says
    assert f"{device}, float32" in text_of(client.get(f"/networks/compare/?networks={NETWORK},{RESNET}"))
    assert client.get(f"/api/v1/networks/{RESNET}").json()["measured"]["dtype"] == "float32"


def test_several_are_timed_with_one_button(client: Client, catalogue: None, bell: list[str]) -> None:
    response = client.post("/networks/measure/", {"networks": f"{NETWORK},{RESNET}"})
    assert response["Location"] == f"/networks/compare/?networks={NETWORK},{RESNET}#time"
    for trace, median in zip(Trace.objects.order_by("job__network"), (20.0, 75.0), strict=True):
        run(trace, ImitationWorker(measurement(median)))
    response = client.get(response["Location"].partition("#")[0])
    assert response.context["charts"][-1].title == "Time of one pass here, in milliseconds"
    assert list(response.context["charts"][-1].series[0].values) == [20.0, 75.0]


def test_people_who_ask_together_share_one_measurement_and_later_ones_get_another(
    catalogue: None, guest: User, instructor: User, bell: list[str]
) -> None:
    first = services.request_measurement(owner=guest, network=RESNET, now=NOW)
    assert services.request_measurement(owner=instructor, network=RESNET, now=NOW).job_id == first.job_id
    run(first, ImitationWorker(measurement(75.0)))
    assert services.request_measurement(owner=guest, network=RESNET, now=NOW + timedelta(seconds=30)).job_id == first.job_id
    later = services.request_measurement(owner=guest, network=RESNET, now=NOW + timedelta(hours=1))
    assert later.job_id != first.job_id
    run(later, ImitationWorker(measurement(60.0)))
    assert services.measured([RESNET])[RESNET].median_ms in (60.0, 75.0)


def test_a_network_is_timed_anew_also_after_an_older_measurement_was_deleted(
    catalogue: None, guest: User, bell: list[str]
) -> None:
    made = []
    for hours in range(3):
        made.append(services.request_measurement(owner=guest, network=RESNET, now=NOW + timedelta(hours=hours)))
        run(made[-1], ImitationWorker(measurement(75.0)))
    delete_trace(trace=Trace.objects.select_related("job").get(pk=made[0].pk), now=NOW)
    again = services.request_measurement(owner=guest, network=RESNET, now=NOW + timedelta(hours=3))
    assert again.job_id not in [trace.job_id for trace in made]
    assert again.job.state == JobState.WAITING


def test_a_network_that_would_keep_others_waiting_is_not_timed(client: Client, catalogue: None, guest: User) -> None:
    with pytest.raises(Problem) as caught:
        services.request_measurement(owner=guest, network="vit_h_14", now=NOW)
    assert caught.value.status == 422
    assert "python -m inference.engine measure vit_h_14" in caught.value.detail
    assert client.post("/networks/measure/", {"networks": "vit_h_14"}).status_code == 422
    assert not Job.objects.exists()


@pytest.mark.parametrize(("networks", "status"), [("", 422), (",,", 422), ("nothing", 404), (f"{RESNET},nothing", 404)])
def test_nonsense_is_not_timed(networks: str, status: int, client: Client, catalogue: None) -> None:
    assert client.post("/networks/measure/", {"networks": networks}).status_code == status
    assert not Job.objects.exists()


# --- over the API ---------------------------------------------------------------------------------------------------------


def test_the_api_lists_all_networks_and_tells_one_in_full(client: Client, catalogue: None, asked: list[str]) -> None:
    items = {item["id"]: item for item in client.get("/api/v1/networks").json()["items"]}
    assert list(items) == list(CATALOGUE)
    assert (items[RESNET]["is_computed"], items["resnet18"]["is_computed"]) == (True, False)
    assert items["resnet18"]["parameters"] is None
    told = client.get(f"/api/v1/networks/{RESNET}").json()
    assert (told["authors"], told["year"], told["paper_url"]) == ("He et al.", 2015, "https://arxiv.org/abs/1512.03385")
    assert told["measured"] is None
    assert asked == []
    waiting = client.get("/api/v1/networks/resnet18").json()
    assert (waiting["is_computed"], waiting["stages"], waiting["title"]) == (False, [], "ResNet-18")
    assert asked == ["resnet18"]
    assert client.get("/api/v1/networks/nothing").status_code == 404


def test_the_api_compares(client: Client, catalogue: None, asked: list[str]) -> None:
    told = client.get("/api/v1/networks-compared", {"networks": f"{NETWORK},{RESNET}"}).json()
    assert [item["id"] for item in told["items"]] == [NETWORK, RESNET]
    assert [len(row["cells"]) for row in told["aligned"]] == [2] * len(told["aligned"])
    assert told["aligned"]
    assert client.get("/api/v1/networks-compared", {"networks": f"{RESNET},resnet18"}).json()["aligned"] == []
    assert client.get("/api/v1/networks-compared", {"networks": RESNET}).status_code == 422
    assert client.get("/api/v1/networks-compared", {"networks": f"{RESNET},nothing"}).status_code == 404


def test_the_api_times_a_network(client: Client, catalogue: None, bell: list[str]) -> None:
    def post(network: str) -> Any:
        return client.post("/api/v1/measurements", {"network": network}, content_type="application/json")

    answer = post(RESNET)
    assert answer.status_code == 202
    told = answer.json()
    assert (told["network"], told["measured"]) == (RESNET, None)
    run(Trace.objects.get(), ImitationWorker(measurement(75.0)))
    told = client.get(f"/api/v1/measurements/{told['id']}").json()
    assert (told["status"], told["measured"]["median_ms"]) == ("done", 75.0)
    assert client.get(f"/api/v1/networks/{RESNET}").json()["measured"]["passes"] == 25
    assert Client().get(f"/api/v1/measurements/{told['id']}").status_code in (401, 404)
    assert post("vit_h_14").status_code == 422
    assert post("nothing").status_code == 404


# --- weights --------------------------------------------------------------------------------------------------------------


def test_an_instructor_has_weights_fetched_and_sees_how_far_they_are(
    catalogue: None, instructor: User, bell: list[str]
) -> None:
    trace = services.request_download(owner=instructor, network=RESNET, weights="SWAG", now=NOW)
    assert trace.job.kind == RunKind.DOWNLOAD
    assert services.request_download(owner=instructor, network=RESNET, weights="SWAG", now=NOW).pk == trace.pk
    run(trace, ImitationWorker(step(10), step(37), error=EngineError(Failure.DISK_FULL)))
    found = services.downloads()[(RESNET, "SWAG")]
    assert found.percent == 37
    assert found.job.state == JobState.FAILED
    assert found.job.failure == Failure.DISK_FULL


def test_a_file_that_was_fetched_and_removed_can_be_fetched_again(catalogue: None, instructor: User, bell: list[str]) -> None:
    first = run(
        services.request_download(owner=instructor, network=RESNET, weights="SWAG", now=NOW), ImitationWorker(step(100))
    )
    assert first.job.state == JobState.DONE
    assert services.downloads() == {}
    again = services.request_download(owner=instructor, network=RESNET, weights="SWAG", now=NOW)
    assert again.job_id != first.job_id


def test_a_failed_download_is_taken_up_by_the_same_job(catalogue: None, instructor: User, bell: list[str]) -> None:
    first = run(
        services.request_download(owner=instructor, network=RESNET, weights="SWAG", now=NOW),
        ImitationWorker(error=EngineError(Failure.DOWNLOAD_INTERRUPTED)),
    )
    again = services.request_download(owner=instructor, network=RESNET, weights="SWAG", now=NOW)
    assert again.job_id == first.job_id
    assert again.job.state == JobState.WAITING


def test_only_instructors_fetch_and_only_what_is_missing(catalogue: None, guest: User, instructor: User, settings: Any) -> None:
    def status(person: User, network: str, weights: str) -> int:
        with pytest.raises(Problem) as caught:
            services.request_download(owner=person, network=network, weights=weights, now=NOW)
        return caught.value.status

    assert status(guest, RESNET, "SWAG") == 403
    assert status(instructor, "nothing", "SWAG") == 404
    assert status(instructor, RESNET, "V9") == 404
    assert status(instructor, NETWORK, "DEFAULT") == 409
    folder = settings.WEIGHTS_DIR / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    (folder / WEIGHTS["SWAG"]["file"]).write_bytes(b"")  # type: ignore[arg-type, operator]
    assert status(instructor, RESNET, "SWAG") == 409
    assert not Job.objects.exists()


# --- filling the facts ----------------------------------------------------------------------------------------------------


def test_missing_figures_are_those_of_the_catalogue_that_were_not_computed(catalogue: None) -> None:
    assert facts.missing() == ["resnet18", "vit_h_14"]
    assert facts.record_of("resnet18") == CATALOGUE["resnet18"]
    assert facts.record_of("nothing") is None


@pytest.mark.redis
def test_they_are_completed_some_at_a_time_and_a_failure_is_not_tried_again(
    catalogue: None, redis_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed: list[tuple[list[str], bool]] = []

    def compute(networks: list[str], *, now: Any, politely: bool) -> dict[str, str]:
        computed.append((list(networks), politely))
        facts.store_facts(networks[0], {"parameters": 1}, now=now)
        return dict.fromkeys(networks[1:], "no reason")

    monkeypatch.setattr(facts, "compute", compute)
    monkeypatch.setattr(completing, "AT_A_TIME", 1)
    assert completing.complete_some(now=NOW)
    monkeypatch.setattr(completing, "AT_A_TIME", 8)
    facts.store_facts("other", {}, now=NOW)
    monkeypatch.setattr(facts, "missing", lambda: ["a", "b"])
    assert not completing.complete_some(now=NOW)
    assert completing.has_failed("b")
    monkeypatch.setattr(facts, "missing", lambda: ["b"])
    assert not completing.complete_some(now=NOW)
    assert computed == [(["resnet18"], True), (["a", "b"], True)]


def test_the_command_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call_command("fetch_weights", "--help")
    assert "WEIGHTS_MIRROR" in capsys.readouterr().out
