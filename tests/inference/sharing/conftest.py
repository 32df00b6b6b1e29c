"""Finished runs to write as documents, by the imitation network and by no worker."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import UploadedFile

from accounts.models import User
from inference.contracts import Event, Picture, Result
from inference.models import Trace
from inference.runs import run_job
from inference.services import request_trace, store_upload
from inference.sharing.opening import keep_trace, read_file
from inference.sharing.writing import write_trace
from tests.inference.conftest import NETWORK, NOW, ImitationNetwork, photo_bytes, photo_file, picture_bytes

EVIDENCE = Result(
    "grad_cam:282",
    {
        "class_index": 282,
        "label": "tiger cat",
        "target": "features.8",
        "target_shape": [1, 1280, 7, 7],
        "grid": [7, 7],
        "positive": True,
        "maximum": 0.5,
        "peak": [3, 1],
        "share_above_half": 0.25,
    },
    {"heat": Picture(picture_bytes(32), "image/webp", 32, 32, "heat", 0.5)},
)
OTHER = Result("neighbours", {"among": 6, "cells": 32, "features": 1280, "by_features": [], "by_pixels": []})


class ExplainedNetwork(ImitationNetwork):
    """The imitation with evidence for its first class, and with a result that no document carries."""

    def perform(self, request: Any, material: Any, *, emit: Callable[[Event], None], cancelled: Callable[[], bool]) -> None:
        def with_results(event: Event) -> None:
            if type(event).__name__ == "Finished":
                emit(EVIDENCE)
                emit(OTHER)
            emit(event)

        super().perform(request, material, emit=with_results, cancelled=cancelled)


def finished(trace: Trace, network: ImitationNetwork | None = None) -> Trace:
    run_job(job_id=trace.job_id, perform=(network or ExplainedNetwork()).perform, clock=lambda: NOW)
    return Trace.objects.select_related("job", "job__upload").get(pk=trace.pk)


@pytest.fixture
def cat(guest: User, lite0_facts: None, bell: list[str]) -> Trace:
    """The guest's finished trace of a sample."""
    trace = request_trace(owner=guest, network=NETWORK, sample="chelsea", prediction="a cat", now=NOW)
    return finished(trace)


@pytest.fixture
def own_photo(guest: User, lite0_facts: None, bell: list[str]) -> Trace:
    """The guest's finished trace of a photo of their own."""
    upload = store_upload(owner=guest, file=photo_file(photo_bytes(size=(96, 64))), now=NOW)
    return finished(request_trace(owner=guest, network=NETWORK, upload=upload, now=NOW))


@pytest.fixture
def house(lite0_facts: None, bell: list[str]) -> Trace:
    """The house's own finished trace."""
    return finished(request_trace(owner=None, network=NETWORK, sample="coffee", now=NOW))


@pytest.fixture
def told(cat: Trace) -> dict[str, Any]:
    """The cat's document as JSON's values, to be changed by a test."""
    return json.loads(write_trace(cat))


def open_trace(*, owner: User, file: UploadedFile[Any]) -> Trace:
    """What the page and the API do with a file."""
    read, sha256 = read_file(file)
    return keep_trace(owner=owner, read=read, sha256=sha256, now=NOW)


def as_file(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()
