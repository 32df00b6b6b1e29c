"""The whole way through real workers, from the request to what is left of it: a head that is tried, weights that are used."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from PIL import Image
from skimage import data

from accounts.models import User
from inference import facts, jobs, services, streams
from inference.contracts import DEFAULT_NETWORK, Failure, RunKind
from inference.models import Job, JobState, Proof, Trace
from inference.networks.services import downloads
from inference.proof_runs import Prover, prover
from lessons.authoring import create_lesson
from lessons.drafts import save_draft
from lessons.models import Course, Draft, Lesson
from operations.processes import worker_command
from tests.inference.engine.publisher import published
from tests.inference.engine.test_downloading import CONTENT, Publisher
from tests.inference.workers import WARM_SECONDS, Worker, eventually
from tests.studio.conftest import LESSON
from web.problems import Problem

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.redis,
    pytest.mark.worker,
    pytest.mark.torch,
    pytest.mark.weights,
]

Start = Callable[..., Worker]


@pytest.fixture
def visitor(client: Client) -> Client:
    """A browser that nobody has signed in with: its first request makes a guest."""
    return client


# --- training -------------------------------------------------------------------------------------------------------------


def grass() -> SimpleUploadedFile:
    """A photograph of grass that is none of the patches: another size, cut across their edges, on its side and brighter."""
    lawn = Image.fromarray(data.grass()).crop((330, 150, 430, 240)).rotate(90, expand=True)
    buffer = io.BytesIO()
    lawn.point(lambda level: min(255, level + 20)).convert("RGB").save(buffer, "JPEG", quality=90)
    return SimpleUploadedFile("lawn.jpg", buffer.getvalue(), content_type="image/jpeg")


def ask_for_textures(visitor: Client) -> dict[str, Any]:
    wish = {"dataset": "textures", "strategy": "frozen", "epochs": 3, "prediction": "It beats the trivial baseline"}
    answer = visitor.post("/api/v1/training-runs", wish, content_type="application/json")
    assert answer.status_code == 202, answer.content
    told: dict[str, Any] = answer.json()
    return told


@pytest.mark.usefixtures("real_lite0")
def test_a_training_from_the_request_to_a_kept_head_that_is_tried_on_a_new_photo(start: Start, visitor: Client) -> None:
    asked = ask_for_textures(visitor)
    assert (asked["status"], asked["place"]) == ("queued", 1)
    trainer = start(queue="train")
    tracer = start(queue="trace", WARM_NETWORKS="")

    def run() -> dict[str, Any]:
        told: dict[str, Any] = visitor.get(f"/api/v1/training-runs/{asked['id']}").json()
        assert told["status"] in ("queued", "loading", "running", "done"), told["error"]
        return told

    eventually(lambda: run()["status"] == "done", seconds=WARM_SECONDS, why=trainer.told)
    told = run()
    assert [epoch["epoch"] for epoch in told["epochs"]] == [1, 2, 3]
    assert told["confusion"]["against_baseline"] == "beats"
    assert len(told["confusion"]["wrong"]) == told["confusion"]["validation"] - told["confusion"]["correct"]
    job = Trace.objects.select_related("job").get(pk=asked["id"]).job
    eventually(lambda: streams.stored_events(job.pk)[-1].name == "done", seconds=10, why=trainer.told)
    assert job.attempts == 1

    kept_is_a_head(visitor, told)
    the_head_knows_grass(visitor, asked["id"], tracer)
    kept_outlives_the_rest(visitor, asked["id"])


def kept_is_a_head(visitor: Client, told: dict[str, Any]) -> None:
    file = visitor.get(told["head"]["url"])
    assert len(file.content) == told["head"]["bytes"]
    head = torch.load(io.BytesIO(file.content), weights_only=True)
    assert (head["network"], list(head["classes"])) == (DEFAULT_NETWORK, ["brick", "grass", "gravel"])


def the_head_knows_grass(visitor: Client, training: str, worker: Worker) -> None:
    """Another host tries it: the head comes to it by the site's storage alone."""
    answer = visitor.post(f"/training/{training}/try", {"image": grass()})
    assert answer.status_code == 302, answer.content
    trial = Trace.objects.select_related("job").get(job__kind=RunKind.TRIAL)
    assert str(trial.pk) in answer["Location"]

    def state() -> str:
        trial.job.refresh_from_db()
        assert trial.job.state != JobState.FAILED, trial.job.failure
        return trial.job.state

    eventually(lambda: state() == JobState.DONE, seconds=WARM_SECONDS, why=worker.told)
    assert "The head says “grass”" in visitor.get(answer["Location"]).content.decode()
    top = trial.job.document["top_k"][0]
    assert top["label"] == "grass"
    assert top["probability"] > 0.5


def kept_outlives_the_rest(visitor: Client, training: str) -> None:
    visitor.post(f"/training/{training}/keep", {"keep": "1"})
    services.expire(now=timezone.now() + timedelta(days=90))
    assert list(Trace.objects.values_list("pk", flat=True).filter(owner__isnull=False)) == [Trace.objects.get(pk=training).pk]
    assert visitor.get(f"/training/{training}/head").status_code == 200


# --- proofs ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def coded(course: Course, instructor: User) -> Lesson:
    """A lesson whose draft has three pieces of code, none of which was ever run; the second takes a while."""
    lesson = create_lesson(course=course, author=instructor, title="Edges", slug="edges", now=timezone.now())
    samples = ("print('one')", "import time\ntime.sleep(3)", "print('three')")
    fences = "".join(f"\n```python id=s{number}\n{code}\n```\n" for number, code in enumerate(samples))
    text = LESSON.format(uid=lesson.uid).replace("[read, practise, test]", "[read]")
    save_draft(lesson=lesson, files={"lesson.md": text + fences}, revision=1, author=instructor, now=timezone.now())
    return lesson


@pytest.mark.sandbox
def test_proofs_are_asked_for_in_the_studio_survive_a_killed_worker_and_unblock_publishing(
    start: Start, client: Client, instructor: User, coded: Lesson
) -> None:
    command = worker_command("checks")
    queues = command[command.index("-Q") + 1]
    assert queues == "checks,proofs"
    studio = "/studio/courses/vision/lessons/edges/"
    client.force_login(instructor)
    assert "No worker is there to run them just now." in client.get(f"{studio}check/").content.decode()
    first = start(queue=queues, pool="threads", processes=3)
    eventually(lambda: prover() is Prover.READY, seconds=WARM_SECONDS, why=first.told)
    assert client.post(f"{studio}publish/", {"revision": Draft.objects.get(lesson=coded).revision}).status_code == 422
    assert client.post(f"{studio}proofs/run/", {}).status_code == 302
    eventually(lambda: Proof.objects.count() == 1, seconds=WARM_SECONDS, why=first.told)
    assert "1 of 3 have run." in client.get(f"{studio}proofs/").content.decode()
    first.kill()

    second = start(queue=queues, pool="threads", processes=3)

    def ended() -> bool:
        jobs.reap(now=timezone.now())
        return Job.objects.get(kind=RunKind.PROOF).is_finished

    eventually(ended, seconds=WARM_SECONDS, why=second.told)
    job = Job.objects.get(kind=RunKind.PROOF)
    assert (job.state, job.attempts) == (JobState.DONE, 2)
    assert sorted(Proof.objects.values_list("output", flat=True)) == ["", "one\n", "three\n"]
    assert "3 of 3 snippets are proved" in client.get(f"{studio}check/").content.decode()
    assert client.post(f"{studio}publish/", {"revision": Draft.objects.get(lesson=coded).revision}).status_code == 302


# --- weights --------------------------------------------------------------------------------------------------------------

NETWORK, WEIGHTS = "resnet18", "IMAGENET1K_V1"


@pytest.fixture(scope="module")
def state_dict(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real file of ResNet-18's weights, of random numbers, under a name that holds its hash."""
    folder = tmp_path_factory.mktemp("published")
    return folder / published(NETWORK, folder).file


@pytest.fixture
def publisher(state_dict: Path, db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Publisher]:
    """Whose file the library's record names, and who waits after the first half megabyte; the network's facts are computed."""
    publisher = Publisher()
    publisher.content = state_dict.read_bytes()
    publisher.stall = threading.Event()
    monkeypatch.setenv("TEST_RESNET18_URL", f"{publisher.url}/{state_dict.name}")
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(Path(__file__).parent / "elsewhere"), os.environ.get("PYTHONPATH", "")])
    )
    assert facts.compute([NETWORK], now=timezone.now()) == {}
    yield publisher
    if publisher.stall is not None:
        publisher.stall.set()
    publisher.server.shutdown()
    publisher.server.server_close()


@pytest.fixture
def checks(start: Start, settings: Any) -> Worker:
    """The worker that downloads, as the supervisor starts it."""
    return start(queue="checks", pool="threads", processes=2, WEIGHTS_DIR=str(settings.WEIGHTS_DIR))


def ask_for_weights(client: Client, instructor: User) -> Job:
    client.force_login(instructor)
    answer = client.post("/studio/weights/fetch/", {"network": NETWORK, "weights": WEIGHTS})
    assert answer.status_code == 302, answer.content
    return Job.objects.get(kind=RunKind.DOWNLOAD)


def ended(job: Job, worker: Worker) -> str:
    def state() -> str:
        job.refresh_from_db()
        return job.state if job.is_finished else ""

    return str(eventually(state, seconds=60, why=worker.told))


def is_usable() -> bool:
    record = facts.usable_weights(NETWORK, facts.facts_of(NETWORK) or {})
    return record is not None and bool(record["available"])


def traced(owner: User) -> Trace:
    return services.request_trace(owner=owner, network=NETWORK, sample="chelsea", now=timezone.now())


def test_weights_are_asked_for_seen_coming_and_then_there(
    publisher: Publisher, checks: Worker, client: Client, instructor: User, state_dict: Path
) -> None:
    assert not is_usable()
    with pytest.raises(Problem, match="409"):
        traced(instructor)
    job = ask_for_weights(client, instructor)

    def coming() -> bool:
        return downloads()[(NETWORK, WEIGHTS)].bytes > 0

    eventually(coming, seconds=60, why=checks.told)
    on_its_way = downloads()[(NETWORK, WEIGHTS)]
    assert 0 < on_its_way.bytes < on_its_way.total == len(publisher.content)
    assert facts.weights_path(f"{state_dict.name}.part").is_file()
    assert not is_usable(), "only the whole file has its name"
    assert "45 MiB" in client.get("/studio/weights/").content.decode()

    assert publisher.stall is not None
    publisher.stall.set()
    assert ended(job, checks) == JobState.DONE
    there = facts.weights_path(state_dict.name)
    assert there.read_bytes() == publisher.content
    assert [path.name for path in there.parent.iterdir()] == [there.name]
    assert publisher.paths == [f"/{state_dict.name}"]
    assert is_usable()
    assert downloads() == {}
    assert traced(instructor).job.options["weights"] == WEIGHTS


def test_a_file_with_another_hash_is_not_kept_and_said_to_be_wrong(
    publisher: Publisher, checks: Worker, client: Client, instructor: User, state_dict: Path
) -> None:
    publisher.content, publisher.stall = CONTENT, None
    job = ask_for_weights(client, instructor)
    assert ended(job, checks) == JobState.FAILED
    assert job.failure == Failure.DOWNLOAD_WRONG
    page = client.get("/studio/weights/").content.decode()
    assert "What came is another file: its hash is not the one in the file’s name. Nothing of it was kept." in page
    assert list(facts.weights_path(state_dict.name).parent.iterdir()) == []
    assert not is_usable()
