"""CutMix: a box of the labeled image in the unlabeled one (Yun et al., 2019; Table X)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from nnunetv2_ducisc.method.mixing.boxes import draw_boxes, inside
from nnunetv2_ducisc.method.mixing.shares import Shares


@dataclass(frozen=True)
class CutMix:
    """A box shows the labeled image, the rest the unlabeled one.

    Attributes:
        low: smallest share of the image that the box takes, the part of sigma in Eq. 5.
        high: largest share.
    """

    low: float
    high: float

    def draw(self, images: int, spatial: Sequence[int]) -> Tensor:
        """A box an image, see ``draw_boxes``."""
        return draw_boxes(images, spatial, self.low, self.high)

    def shares(self, drawn: Tensor, labeled: Tensor) -> Shares:
        """One inside the box, zero outside."""
        box = inside(drawn, labeled)
        return Shares(box, 1 - box)
