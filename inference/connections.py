"""Connections to Redis: short tempers, because Redis is never the truth here and no page may wait for it."""

from __future__ import annotations

from functools import lru_cache

import redis
from django.conf import settings
from redis import asyncio as redis_asyncio

TIMEOUT_SECONDS = 1.0
Unreachable = (redis.RedisError, OSError)
"""What a client raises when Redis is gone, still loading or refuses; the caller says what then stands in for it."""


def client() -> redis.Redis:
    """This process' client for short commands, shared by its threads."""
    return _client(settings.REDIS_URL)


@lru_cache(maxsize=4)
def _client(url: str) -> redis.Redis:
    return redis.Redis.from_url(
        url, decode_responses=True, socket_connect_timeout=TIMEOUT_SECONDS, socket_timeout=TIMEOUT_SECONDS
    )


def follower() -> redis_asyncio.Redis:
    """A new asynchronous client for one event loop. It may wait for messages for as long as none come: no read timeout."""
    return redis_asyncio.Redis.from_url(
        settings.REDIS_URL, decode_responses=True, socket_connect_timeout=TIMEOUT_SECONDS, socket_timeout=None
    )
