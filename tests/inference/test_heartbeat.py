"""A worker says that it is warm, and stops saying so when it stops or dies."""

from __future__ import annotations

import time
from typing import Any

import pytest
import redis

from inference import heartbeat
from inference.connections import client


@pytest.mark.redis
def test_a_warm_worker_is_seen_until_it_stops(redis_server: str) -> None:
    client().flushall()
    assert heartbeat.warm_workers() == []
    beating = heartbeat.start(queue="trace", networks=["efficientnet_lite0"])
    deadline = time.monotonic() + 5
    while not (warm := heartbeat.warm_workers()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert warm[0]["networks"] == ["efficientnet_lite0"]
    assert 0 < client().ttl(f"{heartbeat.PREFIX}{beating.worker}") <= heartbeat.EXPIRY_SECONDS
    beating.stop()
    assert heartbeat.warm_workers() == []


def test_without_redis_the_caller_is_told_and_the_worker_is_not_disturbed(settings: Any) -> None:
    settings.REDIS_URL = f"unix://{settings.DATA_DIR}/nothing.sock"
    with pytest.raises(redis.RedisError):
        heartbeat.warm_workers()
    beating = heartbeat.start(queue="trace", networks=["efficientnet_lite0"])
    time.sleep(0.05)
    assert beating.is_alive()
    beating.stop()
