"""Which GPU each child of a worker has. Decided before torch is loaded: once it is, a process keeps what it saw."""

from __future__ import annotations

VISIBLE = "CUDA_VISIBLE_DEVICES"


def listed(visible: str | None) -> list[str]:
    """The GPUs that CUDA_VISIBLE_DEVICES names: numbers, or ids such as "GPU-8f…" and "MIG-…"; none when it is unset.

    As CUDA reads it: what stands behind an entry of -1 does not count.
    """
    names = [name.strip() for name in (visible or "").split(",")]
    hidden = names.index("-1") if "-1" in names else len(names)
    return [name for name in names[:hidden] if name]


def of_child(index: int, *, visible: str | None) -> str | None:
    """The one GPU for the worker's child of this number, from 0; None leaves things as they are: nothing to choose from.

    More children than GPUs share them in turn. A child that replaces a dead one has its number, and so its GPU.
    """
    names = listed(visible)
    return names[index % len(names)] if names else None
