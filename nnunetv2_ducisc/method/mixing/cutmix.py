"""CutMix: a box of the labeled image in the unlabeled one (Yun et al., 2019; Table X)."""

from __future__ import annotations

from torch import Tensor

from nnunetv2_ducisc.method.mixing.boxes import Boxes, inside
from nnunetv2_ducisc.method.mixing.shares import Shares


class CutMix(Boxes):
    """A box shows the labeled image, the rest the unlabeled one."""

    def shares(self, drawn: Tensor, labeled: Tensor) -> Shares:
        """One inside the box, zero outside."""
        box = inside(drawn, labeled)
        return Shares(box, 1 - box)
