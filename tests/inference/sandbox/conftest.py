"""Two ways to run snippets, each in a process that is started once for all tests of a file: with bubblewrap, and without."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from inference.sandbox import nest
from inference.sandbox.nest import Nest
from inference.sandbox.run import Limits
from inference.sandbox.snippets import Snippet, SnippetResult

Run = Callable[..., SnippetResult]


@pytest.fixture(scope="module")
def _nests() -> Iterator[dict[str, Nest]]:
    with Nest() as walled, Nest() as bare:
        yield {"walled": walled, "bare": bare}


def _runs(prepared: Nest) -> Run:
    def run(code: str, *, timeout: float = 20.0, requires: str = "", **limits: int) -> SnippetResult:
        return prepared.run(Snippet(code, requires=requires), timeout=timeout, limits=Limits(**limits))

    return run


@pytest.fixture(params=["walled", "bare"])
def anyhow(request: pytest.FixtureRequest, _nests: dict[str, Nest], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs code with bubblewrap, and once more without: what is expected of this must hold in both."""
    if request.param == "bare":
        monkeypatch.setattr(nest, "bubblewrap", lambda: "")
    return _runs(_nests[request.param])


@pytest.fixture
def walled(_nests: dict[str, Nest]) -> Run:
    """Runs code with bubblewrap: what is expected of this is its doing alone."""
    if not nest.bubblewrap():
        pytest.skip("bubblewrap 0.8 or newer does not work here: install it, and allow user namespaces")  # CI lets none pass
    return _runs(_nests["walled"])
