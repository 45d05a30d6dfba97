"""Copy-paste: the labeled image's objects on the unlabeled one (Ghiasi et al., 2021; Table X)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nnunetv2_ducisc.method.mixing.shares import Shares


@dataclass(frozen=True)
class CopyPaste:
    """The foreground of the labeled image covers the unlabeled one, voxel for voxel.

    All of the foreground is pasted, where it is: nothing is random about it. A voxel that nobody
    has annotated is no foreground, and shows the unlabeled image.

    Attributes:
        has_background: whether the first map is the background, as with exclusive classes; every
            region is foreground.
    """

    has_background: bool

    def draw(self, images: int, spatial: Sequence[int]) -> Tensor:
        """Nothing, shape (B, 0)."""
        return torch.empty(images, 0)

    def shares(self, drawn: Tensor, labeled: Tensor) -> Shares:
        """One in the foreground of y_i, zero elsewhere."""
        foreground = labeled[:, int(self.has_background) :].amax(1, keepdim=True)
        return Shares(foreground, 1 - foreground)
