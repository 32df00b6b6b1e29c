"""Who may read the figures."""

from __future__ import annotations

import pytest
from django.http import HttpRequest
from django.test import RequestFactory, override_settings

from operations.metrics import may_read_metrics


def asking(authorization: str) -> HttpRequest:
    """A request from elsewhere whose header came as these UTF-8 bytes; servers hand them on as Latin-1."""
    header = authorization.encode().decode("latin-1")
    return RequestFactory().get("/metrics", headers={"Authorization": header}, REMOTE_ADDR="192.0.2.7")


@pytest.mark.parametrize("token", ["a long secret", "ein Schlüssel für später"])
@pytest.mark.parametrize("sent", ["", "Bearer ", "Bearer é", "Bearer 鍵", "Bearer a long secre", "a long secret"])
def test_another_token_reads_no_figures(token: str, sent: str) -> None:
    with override_settings(METRICS_TOKEN=token):
        assert not may_read_metrics(asking(sent))


@pytest.mark.parametrize("token", ["a long secret", "ein Schlüssel für später"])
def test_whoever_sends_the_token_reads_the_figures(token: str) -> None:
    with override_settings(METRICS_TOKEN=token):
        assert may_read_metrics(asking(f"Bearer {token}"))
