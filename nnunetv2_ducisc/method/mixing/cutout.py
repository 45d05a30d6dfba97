"""CutOut: the unlabeled image with a hole (DeVries and Taylor, 2017; Table X)."""

from __future__ import annotations

import torch
from torch import Tensor

from nnunetv2_ducisc.method.mixing.boxes import Boxes, inside
from nnunetv2_ducisc.method.mixing.shares import Shares


class CutOut(Boxes):
    """A box of the unlabeled image is set to zero, nnU-Net's mean intensity.

    Nothing of the labeled image is in it: this is what mixing is compared with. Inside the hole
    nobody can know the class, so that it has no label and does not count (French et al., 2020).
    """

    def shares(self, drawn: Tensor, labeled: Tensor) -> Shares:
        """The unlabeled image outside the box, nothing inside."""
        box = inside(drawn, labeled)
        return Shares(torch.zeros_like(box), 1 - box)
