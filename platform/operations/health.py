"""Whether the parts of a running site answer."""

from __future__ import annotations

from dataclasses import dataclass

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.utils.translation import gettext as _

from inference import heartbeat, queueing
from operations.preflight import first_line

REDIS_TIMEOUT_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Check:
    """One part: whether it works, and a sentence when it does not."""

    name: str
    ok: bool
    detail: str = ""


def readiness() -> list[Check]:
    """The database, Redis and a warm worker, in that order; a worker is not asked for when Redis, where it reports, is gone."""
    redis_check = check_redis()
    return [
        check_database(),
        redis_check,
        check_worker() if redis_check.ok else Check("worker", False, _("Redis, where workers report, does not answer.")),
    ]


def check_database() -> Check:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchone()
    except DatabaseError as error:
        return Check("database", False, _("The database does not answer: %(error)s") % {"error": first_line(error)})
    return Check("database", True)


def check_redis() -> Check:
    try:
        with redis.Redis.from_url(
            settings.REDIS_URL, socket_connect_timeout=REDIS_TIMEOUT_SECONDS, socket_timeout=REDIS_TIMEOUT_SECONDS
        ) as client:
            client.ping()
    except (redis.RedisError, OSError, ValueError) as error:
        return Check("redis", False, _("Redis does not answer: %(error)s") % {"error": first_line(error)})
    return Check("redis", True)


def check_worker() -> Check:
    if warm_worker_count() == 0:
        return Check("worker", False, _("No worker is warm yet: traces wait in the queue until one is."))
    return Check("worker", True)


def warm_worker_count() -> int:
    """How many workers can run a trace at once and have said so lately; 0 when Redis, where they say so, is gone."""
    return workers_by_queue()[queueing.TRACES.queue]


def workers_by_queue() -> dict[str, int]:
    """For each queue how many processes are ready to run what waits there; zeros when Redis is gone."""
    counts = {line.queue: 0 for line in queueing.LINES}
    try:
        ready = heartbeat.workers()
    except (redis.RedisError, OSError):
        return counts
    for worker in ready:
        counts[worker["queue"]] += 1
    return counts
