"""CutOut: the unlabeled image with a hole (DeVries and Taylor, 2017; Table X)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nnunetv2_ducisc.method.mixing.boxes import draw_boxes, inside
from nnunetv2_ducisc.method.mixing.shares import Shares


@dataclass(frozen=True)
class CutOut:
    """A box of the unlabeled image is set to zero, nnU-Net's mean intensity.

    Nothing of the labeled image is in it: this is what mixing is compared with. Inside the hole
    nobody can know the class, so that it has no label and does not count (French et al., 2020).

    Attributes:
        low: smallest share of the image that the box takes.
        high: largest share.
    """

    low: float
    high: float

    def draw(self, images: int, spatial: Sequence[int]) -> Tensor:
        """A box an image, see ``draw_boxes``."""
        return draw_boxes(images, spatial, self.low, self.high)

    def shares(self, drawn: Tensor, labeled: Tensor) -> Shares:
        """The unlabeled image outside the box, nothing inside."""
        box = inside(drawn, labeled)
        return Shares(torch.zeros_like(box), 1 - box)
