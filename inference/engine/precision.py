"""Half precision where it costs no answer: a GPU multiplies bfloat16 numbers several times as fast as single ones.

bfloat16 keeps eight bits of a number's digits. Whether a network bears that is tried out when it is loaded, on pictures of
smooth noise; one that does not stays in single precision, and so does everything on a processor, where it would be slower.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import nn
from torch.nn.functional import interpolate

HALF = torch.bfloat16
LARGEST_CHANGE = 0.01  # of any probability
LARGEST_DRIFT = 0.02  # of any logit, as a share of the distance from the lowest logit to the highest
_PICTURES = 4


def keeps_answers(model: nn.Module, *, size: int, device: torch.device) -> bool:
    """Whether the network's answers stay the same in half precision. Runs it twice."""
    coarse = torch.randn(_PICTURES, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    pictures = interpolate(coarse, size=(size, size), mode="bicubic").to(device, memory_format=torch.channels_last)
    with torch.inference_mode():
        single = model(pictures)
        with casting(device, half=True):
            half = model(pictures)
    return agree(single.float(), half.float())


def agree(single: torch.Tensor, half: torch.Tensor) -> bool:
    """Whether logits, N × classes, say the same within the bounds above."""
    changes = (single.softmax(-1) - half.softmax(-1)).abs()
    drift = (single - half).abs().amax(-1) / (single.amax(-1) - single.amin(-1))
    return bool((changes <= LARGEST_CHANGE).all() and (drift <= LARGEST_DRIFT).all())


def is_offered(device: torch.device) -> bool:
    """Whether the device computes in half precision faster than in single precision."""
    return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


def casting(device: torch.device, *, half: bool) -> AbstractContextManager[object]:
    """While inside, what may be computed in half precision is."""
    return torch.autocast(device.type, HALF) if half else nullcontext()
