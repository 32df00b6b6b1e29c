"""A room of runs for the tests: photos, facts, and an imitation network that emits what the engine would."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files import File
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from PIL import Image

from accounts.models import User
from inference import facts
from inference.connections import client
from inference.contracts import (
    Cancelled,
    Event,
    Finished,
    MadeBy,
    Material,
    Picture,
    Predicted,
    Prediction,
    RunRequest,
    Stage,
    StageKind,
    StageRan,
    Statistics,
)
from inference.queueing import Line
from inference.runs import Part
from tests.inference.workers import Worker
from web.storage import WriteOnceStorage

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NETWORK = "efficientnet_lite0"

STAGES = (
    Stage("decode", StageKind.PREPROCESSING, "decode", (300, 451, 3), (300, 451, 3), layout="HWC"),
    Stage("stem", StageKind.FEATURES, "convolution", (1, 3, 224, 224), (1, 32, 112, 112), 928, 10, 20, title="stem"),
    Stage("head", StageKind.HEAD, "linear", (1, 1280), (1, 1000), 1281000, 1280000, 2560000, title="classifier"),
    Stage("softmax", StageKind.OUTPUT, "softmax", (1, 1000), (1, 1000)),
)


def picture_bytes(side: int = 8) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (side, side), "teal").save(buffer, "WEBP")
    return buffer.getvalue()


class ImitationNetwork:
    """Emits the events of a run of four stages; `between` is called before each."""

    def __init__(self, between: Callable[[int], None] = lambda _index: None) -> None:
        self.between = between
        self.runs = 0
        self.together: list[int] = []

    def perform(
        self, request: RunRequest, material: Material, *, emit: Callable[[Event], None], cancelled: Callable[[], bool]
    ) -> None:
        self.runs += 1
        for index, stage in enumerate(STAGES):
            self.between(index)
            if cancelled():
                raise Cancelled
            picture = Picture(picture_bytes(), "image/webp", 8, 8, "signed", 1.5, (0, 1)) if index < 2 else None
            emit(StageRan(index, len(STAGES), stage, 1.25, Statistics(0.1, 1.0, -1.5, 1.5, 0, 32), picture))
        top_k = (Prediction(1, 282, "tiger cat", 0.62), Prediction(2, 285, "Egyptian cat", 0.21))
        emit(Predicted(top_k))
        emit(Finished(MadeBy("1", NETWORK, "DEFAULT", "ab" * 32, "2.13.0", "0.28.0", "cpu", "float32", 1), 5.0))

    def perform_together(self, request: RunRequest, parts: Sequence[Part]) -> list[object]:
        """Each after the other, where the engine would run them as one; what each ended with."""
        self.together.append(len(parts))
        return [self._outcome(request, part) for part in parts]

    def _outcome(self, request: RunRequest, part: Part) -> object:
        try:
            self.perform(request, part.material, emit=part.emit, cancelled=part.cancelled)
        except Exception as error:
            return error
        return None


@pytest.fixture
def imitation() -> ImitationNetwork:
    return ImitationNetwork()


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Any) -> None:
    """Pictures and uploads of one test stay its own."""
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.WEIGHTS_DIR = tmp_path / "weights"


def network_facts(**changed: Any) -> dict[str, Any]:
    """Facts as the engine prints them, in small."""
    stages = {
        stage.name: {
            "title": stage.title or stage.name,
            "operation": stage.operation,
            "kind": str(stage.kind),
            "input_shape": list(stage.input_shape),
            "output_shape": list(stage.output_shape),
            "parameters": stage.parameters,
            "macs": stage.macs,
        }
        for stage in STAGES
    }
    return {
        "id": NETWORK,
        "title": "EfficientNet-Lite0",
        "family": "EfficientNet-Lite",
        "parameters": 4652008,
        "macs": 385_000_000,
        "flops": 770_000_000,
        "feature_dim": 1280,
        "input_size": 224,
        "classes": 1000,
        "depth": 4,
        "stages": stages,
        "weights": {"DEFAULT": {"available": True, "licence": "Apache-2.0", "acc1": 74.83, "file": "lite0.pth", "url": ""}},
        "default_weights": "DEFAULT",
    } | changed


@pytest.fixture
def lite0_facts(db: None) -> None:
    facts.store_facts(NETWORK, network_facts(), now=NOW)


@pytest.fixture
def resnet50_facts(db: None) -> None:
    """A network whose weights are not here."""
    weights = {
        "IMAGENET1K_V2": {"available": False, "file": "resnet50-11ad3fa6.pth", "url": "https://example.org/resnet50.pth"}
    }
    told = network_facts(id="resnet50", title="ResNet-50", weights=weights, default_weights="IMAGENET1K_V2")
    facts.store_facts("resnet50", told, now=NOW)


@pytest.fixture
def guest(db: None) -> User:
    return User.objects.create_guest()


@pytest.fixture
def bell(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The networks that were rung for; the queue itself is tested with a real one elsewhere."""
    rung: list[str] = []

    def ring(_line: Line, network: str) -> bool:
        rung.append(network)
        return True

    monkeypatch.setattr("inference.queueing.ring", ring)
    return rung


@pytest.fixture(autouse=True)
def every_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """An imitation runs in no time: whether it is still wanted is looked up every time it asks."""
    monkeypatch.setattr("inference.runs.LOOK_SECONDS", 0)


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A storage that takes the beginning of a file and then has no room left."""

    def save(storage: WriteOnceStorage, name: str, content: File[bytes]) -> str:
        path = Path(storage.path(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.read(10))
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(WriteOnceStorage, "_save", save)


def photo_bytes(format: str = "JPEG", size: tuple[int, int] = (64, 48), mode: str = "RGB", **options: Any) -> bytes:
    """A photo-like picture: smooth, so that it is small, and without symmetry."""
    gradient = Image.linear_gradient("L").resize(size)
    image = Image.merge("RGB", (gradient, gradient.rotate(180), Image.new("L", size, 90))).convert(mode)
    buffer = BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def photo_file(content: bytes | None = None, name: str = "photo.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, photo_bytes() if content is None else content, content_type="image/jpeg")


@pytest.fixture
def start(redis_server: str, tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """Starts real workers on an empty Redis, as often as it is called; they are killed when the test ends."""
    client().flushall()
    workers: list[Worker] = []

    def start(**wanted: Any) -> Worker:
        workers.append(Worker(tmp_path / f"host-{len(workers)}", **wanted))
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()


@pytest.fixture
def real_lite0(db: None) -> None:
    """The embedded network as a site knows it: by the name of its real weights."""
    weights = {"IMAGENET1K_V1": {"available": True, "file": "efficientnet-lite0-57934424.pth"}}
    told = network_facts(weights=weights, default_weights="IMAGENET1K_V1")
    facts.store_facts(NETWORK, told, now=timezone.now())
