"""Runs snippets in fresh, limited processes and says what they printed, raised and warned about.

Each run: a process of its own in isolated mode, an empty temporary folder, an environment of a few names, limits on CPU,
memory, file size and open files, a wall-clock limit, a cap on what it prints, a filter of system calls (no socket, no further
process, no signal to others), and the end of its whole process group. Where bubblewrap works, the run also is nobody, sees
nothing of the machine but this Python and the weights, and writes to memory alone. Without it a determined author could read
and write what the user may who runs this: there only `check_content`, started by a person, runs snippets. A worker of the site
runs them where all fences stand (`engine.py`), the web process nowhere.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue

from inference.sandbox.nest import Limits, Nest, bubblewrap
from inference.sandbox.snippets import Snippet, SnippetResult, snippet_sha256

__all__ = ["DEFAULT_TIMEOUT", "Limits", "bubblewrap", "run_snippet", "run_snippets"]

DEFAULT_TIMEOUT = 60.0  # seconds
PRELOADED = ("torch", "torchvision")
"""What nearly every snippet imports, and what takes seconds to."""


def run_snippet(
    snippet: Snippet, *, timeout: float = DEFAULT_TIMEOUT, limits: Limits | None = None, weights_dir: Path | None = None
) -> SnippetResult:
    """What the snippet printed, raised and warned about; `missing` when it needs weights that are not in `weights_dir`."""
    with Nest(weights_dir=weights_dir) as nest:
        return nest.run(snippet, timeout=timeout, limits=limits or Limits())


def preloaded(snippets: Iterable[Snippet]) -> tuple[str, ...]:
    """What the process that runs these imports beforehand; a snippet that needs no torch should not wait for it."""
    return PRELOADED if any("torch" in snippet.code for snippet in snippets) else ()


def run_snippets(
    snippets: Iterable[Snippet], *, timeout: float = DEFAULT_TIMEOUT, done: Callable[[Snippet], None] = lambda _snippet: None
) -> dict[str, SnippetResult]:
    """The results of these snippets by hash, each run once, in a process of its own, as many at a time as there are cores.

    `done` is called, from the calling thread, as each one ends.
    """
    distinct = {snippet_sha256(snippet): snippet for snippet in snippets}
    preload = preloaded(distinct.values())
    at_a_time = max(1, min(os.cpu_count() or 1, len(distinct)))
    nests: SimpleQueue[Nest] = SimpleQueue()

    def run(snippet: Snippet) -> SnippetResult:
        nest = nests.get()
        try:
            return nest.run(snippet, timeout=timeout, limits=Limits())
        finally:
            nests.put(nest)

    results: dict[str, SnippetResult] = {}
    with ExitStack() as stack:
        for _number in range(at_a_time):
            nests.put(stack.enter_context(Nest(preload=preload)))
        pool = stack.enter_context(ThreadPoolExecutor(max_workers=at_a_time))
        running = {pool.submit(run, snippet): sha256 for sha256, snippet in distinct.items()}
        try:
            for ended in as_completed(running):
                results[running[ended]] = ended.result()
                done(distinct[running[ended]])
        except BaseException:  # Ctrl-C as well: what has not begun does not begin
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return {sha256: results[sha256] for sha256 in distinct}
