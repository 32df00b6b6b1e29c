"""Redis and every worker are gone: whoever answers notices nothing, and nobody even asks for them."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from django.conf import LazySettings

from tests.quizzes.costs import pages, published_test, queries_of


@pytest.fixture
def closed_port(settings: LazySettings) -> int:
    """Where Redis would be: a port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = int(server.getsockname()[1])
    settings.REDIS_URL = settings.CELERY_BROKER_URL = f"redis://127.0.0.1:{port}/0"
    return port


@pytest.fixture
def connections_tried(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The addresses that anything tried to reach by a socket of Python's; each try fails at once."""
    tried: list[Any] = []

    def refuse(_socket: socket.socket, address: Any) -> None:
        tried.append(address)
        raise ConnectionRefusedError(address)

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    return tried


@pytest.mark.django_db(transaction=True)
def test_no_page_of_a_quiz_looks_for_redis(closed_port: int, connections_tried: list[Any]) -> None:
    """From the door to the gradebook, what is done after a transaction's end included."""
    asked = [page.name for page in pages(published_test(questions=3), crowd=2) if queries_of(page)]
    assert "a right answer, with its feedback" in asked
    assert connections_tried == []


def test_a_try_to_reach_redis_would_be_noticed(closed_port: int, connections_tried: list[Any]) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", closed_port))
    assert connections_tried == [("127.0.0.1", closed_port)]
