"""Looking's cast: real facts of a convolutional network and of a transformer, and runs made by the real engine."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from inference import engine, facts, services
from inference.contracts import RunKind
from inference.models import Job, Trace
from inference.runs import run_job
from inference.tasks import WarmEngine
from tests.inference.conftest import NOW

NETWORK, TRANSFORMER = "efficientnet_lite0", "vit_b_16"


@cache
def computed(network: str) -> dict[str, Any]:
    return dict(engine.facts(network))


@pytest.fixture
def known(db: None) -> None:
    for network in (NETWORK, TRANSFORMER):
        facts.store_facts(network, computed(network), now=NOW)


@pytest.fixture
def work() -> Callable[[], None]:
    """Runs whatever waits, as a worker does."""

    def work() -> None:
        for job_id in Job.objects.filter(state="waiting").values_list("pk", flat=True):
            run_job(job_id=job_id, perform=WarmEngine().perform, clock=lambda: NOW)

    return work


@pytest.fixture
def cat_run(known: None, bell: list[str], work: Callable[[], None]) -> Trace:
    """The house's finished run of the cat."""
    trace = services.request_run(kind=RunKind.TRACE, owner=None, network=NETWORK, sample="chelsea", now=NOW)
    work()
    return Trace.objects.select_related("job", "job__upload").get(pk=trace.pk)


@pytest.fixture
def learner(db: None) -> User:
    return User.objects.create_guest()


@pytest.fixture
def as_learner(client: Client, learner: User) -> Client:
    client.force_login(learner)
    return client
