"""Maps at other resolutions than the patch's: rescaled ones, or maps of every output's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Pyramid:
    """Maps that every output of the network has of its own.

    Attributes:
        scales: finest first, shape (B, maps, *spatial at that scale) each.
    """

    scales: Sequence[Tensor]

    def at(self, size: Sequence[int]) -> Tensor:
        """The maps of the output with this spatial shape.

        Raises:
            ValueError: there is none.
        """
        for maps in self.scales:
            if tuple(maps.shape[2:]) == tuple(size):
                return maps
        shapes = [tuple(maps.shape[2:]) for maps in self.scales]
        raise ValueError(f"No output has the spatial shape {tuple(size)}; there are {shapes}.")


Maps: TypeAlias = Tensor | Pyramid


def finest(maps: Maps) -> Tensor:
    """The maps at the resolution of the patch."""
    return maps.scales[0] if isinstance(maps, Pyramid) else maps


def rescale(maps: Maps, size: Sequence[int]) -> Tensor:
    """Label maps at another resolution, by nnU-Net's own rule for labels (nearest, exact).

    Args:
        maps: one-hot or soft labels or a mask, shape (B, C, *spatial); a pyramid has its own.
        size: the spatial shape that is wanted.
    """
    if isinstance(maps, Pyramid):
        return maps.at(size)
    if tuple(maps.shape[2:]) == tuple(size):
        return maps
    return functional.interpolate(maps.float(), tuple(size), mode="nearest-exact")
