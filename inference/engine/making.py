"""What made a run that stands on no weights."""

from __future__ import annotations

import torch
import torchvision

from inference.contracts import ENGINE_VERSION, MadeBy


def made_by_untrained(
    network: str, *, device: torch.device, threads: int, seed: int | None = None, dtype: torch.dtype = torch.float32
) -> MadeBy:
    """Versions and machine; no weights, because all of the network came from random numbers."""
    return MadeBy(
        engine=ENGINE_VERSION,
        network=network,
        weights="",
        weights_sha256="",
        torch=str(torch.__version__),  # its own kind of text: whoever unpickles that loads torch
        torchvision=torchvision.__version__,
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        dtype=str(dtype).removeprefix("torch."),
        threads=threads,
        seed=seed,
    )
