"""Figures for Prometheus: counted as requests pass, or read from the database and Redis when asked."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Iterator

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Count
from django.http import HttpRequest
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from inference import queueing
from inference.models import Job, JobState
from operations import health

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, that nobody asks for

REQUESTS = Counter("forward_pass_http_requests", "Requests answered.", ["method", "route", "status"])
REQUEST_SECONDS = Histogram(
    "forward_pass_http_request_seconds",
    "Time until the answer's head was ready.",
    ["route"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)


class SiteCollector(Collector):
    """What the database and Redis know at the moment of asking."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        jobs = GaugeMetricFamily("forward_pass_jobs", "Jobs by state.", labels=["state"])
        try:
            counts = dict(Job.objects.values_list("state").annotate(Count("pk")).order_by())
            depths = _depths()
        except DatabaseError:
            counts = None
        if counts is not None:
            for state in JobState.values:
                jobs.add_metric([state], counts.get(state, 0))
            yield jobs
            yield depths
        yield GaugeMetricFamily("forward_pass_database_up", "1 when the database answers.", value=int(counts is not None))
        yield GaugeMetricFamily("forward_pass_redis_up", "1 when Redis answers.", value=int(health.check_redis().ok))
        ready = health.workers_by_queue()
        yield GaugeMetricFamily("forward_pass_warm_workers", "Workers with a model loaded.", value=ready[queueing.TRACES.queue])
        workers = GaugeMetricFamily("forward_pass_workers", "Workers that are ready, by queue.", labels=["queue"])
        for queue, count in ready.items():
            workers.add_metric([queue], count)
        yield workers

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing: registering must not ask the database."""
        return []


def _depths() -> GaugeMetricFamily:
    depths = GaugeMetricFamily("forward_pass_queue_depth", "Jobs that wait for a worker, by queue.", labels=["queue"])
    waiting = dict(Job.objects.filter(state=JobState.WAITING).values_list("kind").annotate(Count("pk")).order_by())
    for line in queueing.LINES:
        depths.add_metric([line.queue], sum(waiting.get(kind, 0) for kind in line.kinds))
    return depths


REGISTRY.register(SiteCollector())


def render_metrics() -> tuple[bytes, str]:
    """The figures in Prometheus' text format, and its content type."""
    return generate_latest(REGISTRY), CONTENT_TYPE_LATEST


def may_read_metrics(request: HttpRequest) -> bool:
    """Whether the caller sends METRICS_TOKEN or, when none is set, is on this machine."""
    if settings.METRICS_TOKEN:
        # A header is bytes, read as Latin-1; compare_digest raises TypeError for text that is not ASCII.
        sent = request.headers.get("Authorization", "").encode("latin-1", "replace")
        return hmac.compare_digest(sent, f"Bearer {settings.METRICS_TOKEN}".encode())
    # A proxy on this machine passes on what strangers ask, and says so in this header.
    if "X-Forwarded-For" in request.headers:
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
