"""Is a network right as often as it is sure: reliability diagram and calibration error."""

from __future__ import annotations

import torch
from torch import Tensor

BINS = 15


class Calibration:
    """Voxels by confidence, for each class of the pseudo label.

    Attributes:
        count: voxels, shape (C, BINS); the bins divide 0 to 1 evenly.
        confidence: the sum of their confidences, the same shape.
        right: how many of them are of this class in truth.
    """

    def __init__(self, num_classes: int) -> None:
        zeros = torch.zeros(num_classes, BINS, dtype=torch.float64)
        self.count, self.confidence, self.right = (zeros.clone() for _ in range(3))

    def add(self, probabilities: Tensor, label: Tensor, truth: Tensor) -> None:
        """Add a tile.

        Args:
            probabilities: shape (B, C, *spatial).
            label: the pseudo label, maps of zeros and ones.
            truth: maps of zeros and ones.
        """
        for of_class, mask in enumerate(label.bool().unbind(1)):
            confidence = probabilities[:, of_class][mask].double().cpu()
            bins = (confidence * BINS).long().clamp(max=BINS - 1)
            right = truth[:, of_class][mask].double().cpu()
            self.count[of_class] += torch.bincount(bins, minlength=BINS)
            self.confidence[of_class] += torch.bincount(bins, confidence, BINS)
            self.right[of_class] += torch.bincount(bins, right, BINS)

    def curve(self, of_class: int, least: float = 0.0) -> tuple[Tensor, Tensor]:
        """Mean confidence and accuracy of a class's bins that are not empty.

        Args:
            of_class: its index.
            least: share of the class's voxels, below which a bin is left out.
        """
        share = self.count[of_class] / self.count[of_class].sum()
        filled = (share > 0) & (share >= least)
        count = self.count[of_class][filled]
        return self.confidence[of_class][filled] / count, self.right[of_class][filled] / count

    def expected_error(self, classes: list[int]) -> float | None:
        """Expected calibration error of the classes together; None without a voxel.

        The mean over voxels of |accuracy - confidence| of their bins.
        """
        count, confidence, right = (
            sums[classes].sum(0) for sums in (self.count, self.confidence, self.right)
        )
        if count.sum() == 0:
            return None
        return ((right - confidence).abs().sum() / count.sum()).item()
