"""Warm workers say so in Redis every few seconds: a process answers to a ping long before its network is loaded."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from contextlib import suppress

from inference.connections import Unreachable, client

PREFIX = "warm-worker:"
BEAT_SECONDS = 4
EXPIRY_SECONDS = 12


def warm_workers() -> list[dict[str, str | int | float]]:
    """The workers that can run a trace at once: name, pid, network, since (epoch seconds). Raises redis.RedisError."""
    redis = client()
    names = sorted(redis.scan_iter(match=f"{PREFIX}*", count=200))
    said = redis.mget(names) if names else []
    return [json.loads(text) for text in said if text]


def start(*, network: str) -> Heartbeat:
    """Begin to say that this process is warm, with `network` loaded; lasts until stopped or until the process dies."""
    heartbeat = Heartbeat(network=network)
    heartbeat.start()
    return heartbeat


class Heartbeat(threading.Thread):
    """Sets an expiring key again and again, so that a killed worker stops being warm by itself."""

    def __init__(self, *, network: str) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self.worker = f"{socket.gethostname()}:{os.getpid()}"
        self._key = PREFIX + self.worker
        self._said = json.dumps({"name": self.worker, "pid": os.getpid(), "network": network, "since": time.time()})
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
