"""How much of each image is in a voxel of the mixed one, whichever way of mixing: Eq. 5."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from torch import Tensor


class Mixing(Protocol):
    """A way to mix: what is random about a batch is drawn first, and the rest follows from it."""

    def draw(self, images: int, spatial: Sequence[int]) -> Tensor:
        """Draw a mix for each of so many images, a few numbers each.

        The draw is from torch's global CPU generator, so that a run's random state is in one place
        and does not depend on the device.

        Args:
            images: B.
            spatial: the spatial shape of an image.

        Returns:
            What ``shares`` wants, shape (B, ...).
        """

    def shares(self, drawn: Tensor, labeled: Tensor) -> Shares:
        """Apply a draw.

        Args:
            drawn: from ``draw``.
            labeled: y_i, maps of zeros and ones, shape (B, C, *spatial).
        """


class Shares(NamedTuple):
    """x_k = labeled * x_i + unlabeled * x_j, and the same for y_k (Eq. 5).

    Attributes:
        labeled: sigma in every voxel, shape (B, 1, *spatial), or (B, 1, 1, ...) where all voxels
            of an image have the same.
        unlabeled: the unlabeled image's share, likewise; both are zero where nothing is left.
    """

    labeled: Tensor
    unlabeled: Tensor

    def mix(self, labeled: Tensor, unlabeled: Tensor) -> Tensor:
        """Eq. 5, for images and for their labels.

        Args:
            labeled: x_i or y_i, shape (B, channels, *spatial).
            unlabeled: x_j or the pseudo label of j, the same shape.
        """
        return self.labeled.to(labeled) * labeled + self.unlabeled.to(labeled) * unlabeled

    def mix_labels(
        self, labeled: Tensor, annotated: Tensor | None, pseudo: Tensor, reliable: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Eq. 5 for the labels, and which voxels of the mixed image count in Eq. 10.

        Every image that has a share in a voxel must vouch for it: the labeled one by being
        annotated there, the unlabeled one by a reliable pseudo label. What only one of them shows
        is not held against the other. A voxel of which nothing is left does not count.

        Args:
            labeled: y_i, shape (B, C, *spatial).
            annotated: where ``labeled`` holds, shape (B, 1, *spatial); None is everywhere.
            pseudo: y_bar_j, shape (B, C, *spatial).
            reliable: where ``pseudo`` holds, shape (B, 1 or C, *spatial).

        Returns:
            y_k, all zero where it is not known, and the mask of bool of the voxels that count, in
            the shape of ``reliable``.
        """
        mixed = self.mix(labeled, pseudo)
        shows_i, shows_j = self.labeled > 0, self.unlabeled > 0
        counts = (reliable | ~shows_j) & (shows_i | shows_j)
        if annotated is None:
            return mixed, counts
        known = annotated | ~shows_i
        return mixed * known, counts & known
