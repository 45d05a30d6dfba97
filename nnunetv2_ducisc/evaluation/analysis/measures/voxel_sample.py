"""A uniform sample of voxels, drawn while they go by."""

from __future__ import annotations

import torch
from torch import Tensor


class VoxelSample:
    """At most ``size`` of all values that are added, each with the same chance.

    Every value gets a random key, and those with the smallest keys are kept.

    Args:
        size: the most values to keep.
        generator: draws the keys, on the CPU.
    """

    def __init__(self, size: int, generator: torch.Generator) -> None:
        self.size = size
        self.values = torch.empty(0)
        self._keys = torch.empty(0, dtype=torch.float64)
        self._generator = generator

    def add(self, values: Tensor) -> None:
        """Add values of shape (N,)."""
        keys = torch.rand(len(values), generator=self._generator, dtype=torch.float64)
        keys = torch.cat([self._keys, keys])
        self._keys, chosen = keys.topk(min(self.size, len(keys)), largest=False)
        self.values = torch.cat([self.values, values.float().cpu()])[chosen]
