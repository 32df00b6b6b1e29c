"""Runs snippets for the site, inside a worker: in the sandbox, one at a time, and only where all its fences stand."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from inference.contracts import (
    ENGINE_VERSION,
    Asked,
    Cancelled,
    Emit,
    EngineError,
    Failure,
    Finished,
    MadeBy,
    Material,
    Result,
    RunRequest,
)
from inference.proof_orders import result_name, snippets_of
from inference.proofs import keep_runs, needs_run, proofs_of, result_of, snippet_sha256
from inference.runs import OneByOne
from inference.sandbox.nest import Limits, Nest, is_full
from inference.sandbox.run import DEFAULT_TIMEOUT, preloaded
from inference.sandbox.snippets import SnippetResult, installed_versions


def proves_here() -> bool:
    """Whether this machine may run authors' code for the site: it is not turned off, and the sandbox is whole."""
    return bool(settings.PROOFS) and is_full()


class SandboxEngine(OneByOne):
    """Makes runs of the kind PROOF: each snippet's proof is kept as soon as it has run, whatever becomes of the next."""

    def __init__(self, *, clock: Callable[[], datetime] = timezone.now) -> None:
        self._clock = clock

    def perform(self, request: RunRequest, material: Material, *, emit: Emit, cancelled: Asked) -> None:
        """Makes one run; raises Cancelled and EngineError."""
        if not proves_here():
            raise EngineError(Failure.NO_SANDBOX)
        began = time.perf_counter()
        snippets = snippets_of(request.options)
        # What an attempt whose worker died has proved, or a command meanwhile, is proved.
        known = {} if request.options["everything"] else proofs_of(snippets)
        with Nest(preload=preloaded(snippets), only_walled=True) as nest:
            for snippet in snippets:
                if cancelled():
                    raise Cancelled
                sha256 = snippet_sha256(snippet)
                proof = known.get(sha256)
                if proof is not None and not needs_run(snippet, proof):
                    result = result_of(proof)
                else:
                    result = nest.run(snippet, timeout=DEFAULT_TIMEOUT, limits=Limits(), cancelled=cancelled)
                    keep_runs({sha256: result}, now=self._clock())
                emit(_told(sha256, result))
        emit(Finished(_made_by(), 1000 * (time.perf_counter() - began)))


def _told(sha256: str, result: SnippetResult) -> Result:
    """That a snippet has run, without what it printed: that may be a question's key, and stands in its proof."""
    return Result(result_name(sha256), {"stopped": str(result.stopped), "missing": result.missing})


def _made_by() -> MadeBy:
    versions = installed_versions()
    return MadeBy(
        engine=ENGINE_VERSION,
        network="",
        weights="",
        weights_sha256="",
        torch=versions.torch,
        torchvision=versions.torchvision,
        device="cpu",
        dtype="float32",
        threads=1,
    )
