"""A tiny course with one of everything, and facts about two networks that nobody has to compute."""

from __future__ import annotations

import base64
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.cache import cache

from inference.facts import store_facts
from inference.proofs import LockEntry, Snippet, dump_lock, installed_versions, snippet_sha256, store_proofs
from inference.sandbox.snippets import SnippetResult
from lessons.folders import load_folder
from lessons.models import Lesson

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TINY = Path(__file__).parent / "tiny"
SQUARE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAQAAAAECAIAAAAmkwkpAAAAEElEQVR4nGNQSFgARwzEcQDMQxIBsLSc1wAAAABJRU5ErkJggg=="
)


def network(title: str, parameters: int) -> dict:
    """What the engine would tell about a network of three stages."""
    stages = {
        "normalise": ("preprocessing", "normalise", [1, 3, 8, 8], [1, 3, 8, 8], 0, 0),
        "features.0-1": ("features", "convolution", [1, 3, 8, 8], [1, 16, 4, 4], parameters - 100, 3_000_000),
        "classifier": ("head", "linear", [1, 16], [1, 10], 100, 1_000_000),
    }
    return {
        "id": title.lower(),
        "title": title,
        "family": "Tiny",
        "parameters": parameters,
        "macs": 4_000_000,
        "flops": 8_000_000,
        "feature_dim": 16,
        "input_size": 8,
        "depth": 3,
        "head": {"parameters": 100, "macs": 1_000_000, "parameters_share": 100 / parameters, "macs_share": 0.25},
        "stages": {
            name: {
                "title": name,
                "kind": kind,
                "operation": operation,
                "input_shape": given,
                "output_shape": made,
                "parameters": count,
                "macs": macs,
                "flops": 2 * macs,
                "blocks": 0,
                "layer_paths": [],
            }
            for name, (kind, operation, given, made, count, macs) in stages.items()
        },
        "weights": {},
        "torchvision": "0.28.0",
    }


@pytest.fixture(autouse=True)
def _alone(settings, tmp_path):
    """The rooms above are replaced by small stand-ins of this folder, so that these tests are about lessons."""
    settings.FOLDER_PARTS = ["tests.lessons.parts.NotesPart"]
    settings.LESSON_MODES = ["tests.lessons.parts.KeepMode"]
    settings.LESSON_BLOCKS = ["tests.lessons.parts.ShoutBlock"]
    settings.PUBLISH_CHECKS = []
    settings.MEDIA_ROOT = tmp_path / "media"
    cache.clear()


@pytest.fixture
def facts(db):
    store_facts("tinynet", network("TinyNet", 2_500_000), now=NOW)
    store_facts("widenet", network("WideNet", 25_000_000), now=NOW)
    weights = {"weights": {"V1": {"file": "lite.pth", "available": True}}, "default_weights": "V1"}
    store_facts("efficientnet_lite0", {**network("Lite", 4_000_000), **weights}, now=NOW)


def ran(code: str, *, requires: str = "", **told) -> tuple[str, SnippetResult]:
    """A snippet's hash and its run, as if it had been run on the installed versions."""
    versions = installed_versions()
    result = SnippetResult(torch=versions.torch, torchvision=versions.torchvision, python="3.11.7", **told)
    return snippet_sha256(Snippet(code=code, requires=requires)), result


RUNS = {
    "count": ran("print(1 + 1)\n", output="2\n", warnings=("DeprecationWarning: sums are old",)),
    "fails": ran('"".missing\n', raised="AttributeError", message="'str' object has no attribute 'missing'"),
    "needs": ran('print("never run here")\n', requires="weights/widenet", missing="weights/widenet"),
}


@pytest.fixture
def proofs(db):
    """The proofs of the tiny course's samples, as rows."""
    store_proofs(dict(RUNS.values()), now=NOW)


def copy_of_the_tiny_course(path: Path) -> Path:
    """The tiny course with its picture and its proofs, in a folder that may be changed."""
    shutil.copytree(TINY, path)
    (path / "first-look" / "square.png").write_bytes(SQUARE)
    entries = {sha256: LockEntry(result, (f"first-look/lesson.md#{name}",)) for name, (sha256, result) in RUNS.items()}
    (path / "proofs.lock.yaml").write_text(dump_lock(entries))
    return path


@pytest.fixture
def folder(tmp_path) -> Path:
    """A copy of the tiny course that a test may change."""
    return copy_of_the_tiny_course(tmp_path / "tiny")


@pytest.fixture
def tiny(folder, facts):
    """The tiny course, loaded."""
    return load_folder(folder, now=NOW).course


@pytest.fixture
def first(tiny) -> Lesson:
    return tiny.lessons.get(slug="first-look")
