"""Mean and spread of a network's features under each class of one image."""

from __future__ import annotations

import torch
from torch import Tensor

from nnunetv2_ducisc.method.prototypes import masked_average


class ClassMoments:
    """Sums of features and of their squares, which grow tile by tile."""

    def __init__(self) -> None:
        self._mass = torch.zeros(())
        self._sums = torch.zeros(())
        self._squares = torch.zeros(())

    def add(self, features: Tensor, masks: Tensor) -> None:
        """Add a tile.

        Args:
            features: F^S, shape (B, Z, *spatial).
            masks: y^c, shape (B, C, *spatial).
        """
        means, mass = masked_average(features, masks)
        squares, _ = masked_average(features.square(), masks)
        mass = mass.double().unsqueeze(2).cpu()
        self._mass = self._mass + mass.sum(0)
        self._sums = self._sums + (means.cpu() * mass).sum(0)
        self._squares = self._squares + (squares.cpu() * mass).sum(0)

    @property
    def prototypes(self) -> Tensor:
        """Eq. 2 and 3 for the whole image, shape (C, Z); NaN for a class that it does not show."""
        return self._sums / self._mass

    @property
    def mean_squares(self) -> Tensor:
        """Mean squared feature of each class, shape (C, Z); NaN as above."""
        return self._squares / self._mass
