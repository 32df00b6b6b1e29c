"""The Python that is shown beside a head's download, run as it stands: it says of a photo what the site's trial says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from django.conf import settings
from PIL import Image

from inference import engine
from inference.contracts import Attachment, Event, Material, Predicted, Result, RunKind, RunRequest
from inference.engine import networks
from inference.training.loading import code_of
from inference.training.outcome import HeadView

pytestmark = [pytest.mark.torch, pytest.mark.weights]

SMALL = "squeezenet1_1"  # its last layer is a convolution; its weights are random here, which loading doesn't mind


@pytest.fixture(scope="module")
def weights_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    record = networks.record(SMALL).weights_named("IMAGENET1K_V1")
    torch.manual_seed(3)
    path = record.path(folder)
    path.parent.mkdir(parents=True)
    torch.save(networks.untrained(SMALL, record, num_classes=1000).state_dict(), path)
    return folder


@pytest.fixture(scope="module")
def cache(weights_dir: Path) -> engine.NetworkCache:
    return engine.NetworkCache(weights_dir=weights_dir, threads=1)


def events_of(cache: engine.NetworkCache, request: RunRequest, material: Material) -> list[Event]:
    events: list[Event] = []
    engine.perform(request, material, networks=cache, emit=events.append, cancelled=lambda: False)
    return events


def head_of(cache: engine.NetworkCache, network: str, strategy: str) -> tuple[bytes, HeadView]:
    options = {"data": "textures", "strategy": strategy, "epochs": 1, "labels_per_class": 2}
    events = events_of(cache, RunRequest(RunKind.TRAINING, network, options), Material())
    head = next(event for event in events if isinstance(event, Result) and event.name == "head")
    checkpoint = head.files["checkpoint"]
    assert isinstance(checkpoint, Attachment)
    told = head.figures
    view = HeadView(
        classes=tuple(told["classes"]),
        bytes=told["bytes"],
        parameters=told["parameters"],
        trained_parameters=told["trained_parameters"],
        input_size=told["input_size"],
        of_epoch=told["of_epoch"],
        format=told["format"],
        strategy=told["strategy"],
        url="",
        file_name="head.pt",
    )
    return checkpoint.content, view


@pytest.mark.parametrize(
    ("network", "strategy"),
    [
        ("efficientnet_lite0", "frozen"),
        ("efficientnet_lite0", "finetune"),
        (SMALL, "finetune"),
    ],
)
def test_the_code_says_what_the_sites_trial_says(
    cache: engine.NetworkCache, weights_dir: Path, tmp_path: Path, network: str, strategy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if network == SMALL:  # a file whose hash isn't the one in its name
        monkeypatch.setattr("inference.engine.weights.WeightsRecord.expected_hash", "")
    content, view = head_of(cache, network, strategy)
    (tmp_path / "head.pt").write_bytes(content)
    photo = Image.effect_mandelbrot((160, 120), (-2.0, -1.0, 1.0, 1.0), 60).convert("RGB")
    photo.save(tmp_path / "photo.jpg", quality=95)
    with Image.open(tmp_path / "photo.jpg") as image:
        image.load()
        material = Material(photos=(image,), files={"head": content})
    trial = events_of(cache, RunRequest(RunKind.TRIAL, network, {}), material)
    predicted = next(event for event in trial if isinstance(event, Predicted))

    printed = subprocess.run(
        # the engine's shim first: beside a build of torch without CUDA torchvision's wheel can't be imported otherwise
        [sys.executable, "-c", "import inference.engine\n" + code_of(view, network=network)],
        cwd=tmp_path,
        env={**os.environ, "TORCH_HOME": str(weights_dir), "PYTHONPATH": str(settings.ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert printed.returncode == 0, printed.stderr
    shares = {line.split()[1]: float(line.split()[0].rstrip("%")) for line in printed.stdout.splitlines()}
    assert shares.keys() == set(view.classes)
    for prediction in predicted.top_k:
        assert shares[prediction.label] == pytest.approx(100 * prediction.probability, abs=0.11)
