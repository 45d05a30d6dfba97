"""How good the pseudo label of unlabeled images is, by counts of voxels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


class PseudoLabelCounts:
    """Voxels of each class in one image, which grow tile by tile.

    Attributes:
        labeled: that the pseudo label assigns to the class, shape (C,).
        passed: those of them that passed the class's threshold.
        true: that belong to the class; like all below without meaning where there is no truth.
        hit: that the pseudo label assigns rightly.
        passed_hit: those of them that passed.
    """

    def __init__(self, num_classes: int) -> None:
        zeros = torch.zeros(num_classes, dtype=torch.float64)
        self.labeled, self.passed, self.true, self.hit, self.passed_hit = (
            zeros.clone() for _ in range(5)
        )

    def add(self, label: Tensor, reliable: Tensor, truth: Tensor | None) -> None:
        """Add a tile.

        Args:
            label: the pseudo label, maps of zeros and ones, shape (B, C, *spatial).
            reliable: a mask that broadcasts to it, where it passed.
            truth: the same shape, or None.
        """
        self.labeled += _voxels(label)
        self.passed += _voxels(label * reliable)
        if truth is not None:
            self.true += _voxels(truth)
            self.hit += _voxels(label * truth)
            self.passed_hit += _voxels(label * reliable * truth)

    @property
    def dice(self) -> Tensor:
        """Of each class, shape (C,); NaN for one in neither pseudo label nor truth."""
        return 2 * self.hit / (self.labeled + self.true)


@dataclass(frozen=True, eq=False)
class Quality:
    """Of each class over several images; everything but Dice is a ratio of sums over them.

    Attributes:
        dice: shape (N, C); NaN for a class in neither pseudo label nor truth.
        precision: share of the class's pseudo-labeled voxels that are right, shape (C,).
        precision_passed: the same of those that passed its threshold.
        coverage: share of its pseudo-labeled voxels that passed.
    """

    dice: Tensor
    precision: Tensor
    precision_passed: Tensor
    coverage: Tensor

    @classmethod
    def of(cls, images: Sequence[PseudoLabelCounts]) -> Quality:
        """Sum up images; without their truth ``coverage`` alone means something."""

        def total(quantity: str) -> Tensor:
            return torch.stack([getattr(counts, quantity) for counts in images]).sum(0)

        return cls(
            torch.stack([counts.dice for counts in images]),
            total("hit") / total("labeled"),
            total("passed_hit") / total("passed"),
            total("passed") / total("labeled"),
        )


def _voxels(maps: Tensor) -> Tensor:
    return maps.sum((0, *range(2, maps.ndim)), dtype=torch.float64).cpu()
