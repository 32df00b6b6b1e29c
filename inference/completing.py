"""Completing the facts: a fresh site knows all networks by their records and computes their figures bit by bit.

Whoever opens the page of one that has none yet puts it first. The rest follows once the site has been up for a minute, some at
a time, at the machine's lowest priority.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import datetime

from celery import current_app
from kombu.exceptions import KombuError

from inference import facts
from inference.connections import Unreachable, client

log = logging.getLogger(__name__)

COMPUTE_ONE = "inference.tasks.compute_facts"
QUEUE = "checks"
ASKED_SECONDS = 60
"""For how long nobody else asks for the same network."""
AT_A_TIME = facts.NETWORKS_AT_A_TIME
FAILED_SECONDS = 6 * 3600
"""After how long one that failed is tried again."""

_FILLING = "facts:filling"


def ask_for(network: str) -> bool:
    """Ask a worker to compute a network's figures now; False when the queue can't be reached. Asking twice does no harm."""
    try:
        if not client().set(_asked(network), 1, nx=True, ex=ASKED_SECONDS):
            return True
        # retry=False: with Celery's own retries a request would hang for seconds while Redis is down
        current_app.send_task(COMPUTE_ONE, kwargs={"network": network}, queue=QUEUE, ignore_result=True, retry=False)
    except (KombuError, *Unreachable) as error:
        log.warning("the facts of %s can't be asked for: %s", network, error)
        with suppress(*Unreachable):
            client().delete(_asked(network))
        return False
    return True


def compute_one(*, network: str, now: datetime) -> None:
    """Compute a network's figures, unless they have been computed meanwhile."""
    if facts.facts_of(network) is None and facts.record_of(network) is not None:
        _noted(facts.compute([network], now=now))
    with suppress(*Unreachable):
        client().delete(_asked(network))


def has_failed(network: str) -> bool:
    """Whether computing its figures has failed lately."""
    try:
        return bool(client().exists(_failed(network)))
    except Unreachable:
        return False


def complete_some(*, now: datetime) -> bool:
    """Compute the figures of the next few networks that have none, one such run at a time; whether more are missing."""
    redis = client()
    if not redis.set(_FILLING, 1, nx=True, ex=facts.ENGINE_SECONDS + ASKED_SECONDS):
        return False
    try:
        missing = [network for network in facts.missing() if not has_failed(network)]
        if missing:
            _noted(facts.compute(missing[:AT_A_TIME], now=now, politely=True))
        return len(missing) > AT_A_TIME
    finally:
        redis.delete(_FILLING)


def _noted(failures: dict[str, str]) -> None:
    for network, reason in failures.items():
        log.error("the facts of %s can't be computed: %s", network, reason)
        with suppress(*Unreachable):
            client().set(_failed(network), 1, ex=FAILED_SECONDS)


def _asked(network: str) -> str:
    return f"facts:asked:{network}"


def _failed(network: str) -> str:
    return f"facts:failed:{network}"
