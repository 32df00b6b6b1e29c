"""How far two runs are apart: of the outputs in bits, of a stage in parts of what the right run has there."""

from __future__ import annotations

import math

import torch


def jensen_shannon(one: torch.Tensor, other: torch.Tensor) -> float:
    """The Jensen–Shannon divergence of two distributions over the same classes, in bits: 0 for equal, 1 for disjoint.

    Lin (1991), Divergence Measures Based on the Shannon Entropy, https://doi.org/10.1109/18.61115. Not a number where either is
    not one.
    """
    left, right = one.double().flatten(), other.double().flatten()
    middle = (left + right) / 2
    bits = (_bits(left, middle) + _bits(right, middle)) / 2
    return bits if math.isnan(bits) else min(1.0, max(0.0, bits))


def _bits(part: torch.Tensor, whole: torch.Tensor) -> float:
    """Kullback and Leibler's divergence in bits; where `part` has no probability it adds nothing."""
    return float(torch.where(part == 0, 0.0, part * (part / whole).log2()).sum())


def relative_l2(wrong: torch.Tensor, right: torch.Tensor) -> torch.Tensor | None:
    """The length of the difference in parts of the right one's length, as one value that need not be read yet.

    0 for equal, about 1.4 for two that have nothing to do with each other and are equally long. None where shapes differ.
    """
    if wrong.shape != right.shape:
        return None
    right = right.float()
    distance: torch.Tensor = torch.linalg.vector_norm(wrong.float() - right) / torch.linalg.vector_norm(right)
    return distance
