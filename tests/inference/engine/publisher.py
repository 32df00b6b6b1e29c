"""A publisher of weights on this machine: real HTTP, a real state dict of random numbers, under a name that holds its hash."""

from __future__ import annotations

import dataclasses
import hashlib
import http
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import torch

from inference.engine import networks
from inference.engine.weights import WeightsRecord


class _Handler(SimpleHTTPRequestHandler):
    """Files of one folder, with ranges as the publisher's server knows them."""

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Range", "")))  # type: ignore[attr-defined]
        path = Path(self.directory) / Path(self.path).name
        if not path.is_file():
            self.send_error(http.HTTPStatus.NOT_FOUND)
            return
        content = path.read_bytes()
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        self.send_response(http.HTTPStatus.PARTIAL_CONTENT if start else http.HTTPStatus.OK)
        self.send_header("Content-Length", str(len(content) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        self.wfile.write(content[start:])

    def log_message(self, *_arguments: Any) -> None:
        pass


@dataclasses.dataclass(frozen=True)
class Publisher:
    url: str
    folder: Path
    asked: list[tuple[str, str]]


@contextmanager
def publishing(folder: Path) -> Iterator[Publisher]:
    """A server of the files in a folder, for as long as it is needed."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(folder)))
    server.asked = []  # type: ignore[attr-defined]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield Publisher(f"http://127.0.0.1:{server.server_port}", folder, server.asked)  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def published(network: str, folder: Path) -> WeightsRecord:
    """Random weights of a network, saved under the name that their hash gives them; the record that goes with the file."""
    record = networks.record(network)
    default = record.weights_named(record.default_weights)
    torch.manual_seed(0)
    model = networks.untrained(network, default, num_classes=len(default.categories))
    torch.save(model.state_dict(), folder / "new.pth")
    sha256 = hashlib.sha256((folder / "new.pth").read_bytes()).hexdigest()
    file = (folder / "new.pth").rename(folder / f"{network}-{sha256[:8]}.pth")
    return dataclasses.replace(default, file=file.name, size_mb=round(file.stat().st_size / 1024**2, 3))


def use(record: WeightsRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if torchvision's record of these weights named that file."""
    known = networks.record(record.network)
    weights = tuple(record if other.name == record.name else other for other in known.weights)
    changed = dataclasses.replace(known, weights=weights)
    original = networks.record
    monkeypatch.setattr(networks, "record", lambda network: changed if network == record.network else original(network))
