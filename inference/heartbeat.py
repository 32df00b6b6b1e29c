"""Workers say in Redis every few seconds that they can run something: a process answers to a ping long before it is warm."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from inference import gpus, queueing
from inference.connections import Unreachable, client

PREFIX = "worker:"
BEAT_SECONDS = 4
EXPIRY_SECONDS = 12


def workers() -> list[dict[str, Any]]:
    """The worker processes that are ready: name, pid, queue, networks, gpu, since (epoch seconds). Raises redis.RedisError."""
    redis = client()
    names = sorted(redis.scan_iter(match=f"{PREFIX}*", count=200))
    said = redis.mget(names) if names else []
    return [json.loads(text) for text in said if text]


def warm_workers() -> list[dict[str, Any]]:
    """The workers that can run a trace at once. Raises redis.RedisError."""
    return [worker for worker in workers() if worker["queue"] == queueing.TRACES.queue]


def start(*, queue: str, networks: Sequence[str] = ()) -> Heartbeat:
    """Begin to say that this process is ready, with `networks` loaded; lasts until stopped or until the process dies."""
    heartbeat = Heartbeat(queue=queue, networks=networks)
    heartbeat.start()
    return heartbeat


class Heartbeat(threading.Thread):
    """Sets an expiring key again and again, so that a killed worker stops being ready by itself."""

    def __init__(self, *, queue: str, networks: Sequence[str]) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self.worker = f"{socket.gethostname()}:{os.getpid()}:{queue}"  # a process may listen to two
        self._key = PREFIX + self.worker
        said = {"name": self.worker, "pid": os.getpid(), "queue": queue, "networks": list(networks), "since": time.time()}
        self._said = json.dumps(said | {"gpu": os.environ.get(gpus.VISIBLE, "")})
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.is_set():
            with suppress(*Unreachable):  # Redis is restarting: the next beat tries again
                client().set(self._key, self._said, ex=EXPIRY_SECONDS)
            self._stopped.wait(BEAT_SECONDS)

    def stop(self) -> None:
        """Stop beating and take the word back at once."""
        self._stopped.set()
        with suppress(*Unreachable):  # without Redis the key expires by itself
            client().delete(self._key)
