"""The label of the mixed images at the patch's resolution, or at every output's own: Eq. 5."""

from __future__ import annotations

from torch import Tensor

from nnunetv2_ducisc.method.mixing.shares import Shares
from nnunetv2_ducisc.method.pyramid import Maps, Pyramid, finest, rescale


def mixed_labels(
    shares: Shares, labeled: Tensor, annotated: Tensor | None, pseudo: Maps, reliable: Maps
) -> tuple[Maps, Maps]:
    """``Shares.mix_labels``; where the pseudo label is a pyramid, at each of its resolutions.

    Args:
        shares: of the two images.
        labeled: y_i, shape (B, C, *spatial).
        annotated: where ``labeled`` holds, shape (B, 1, *spatial); None is everywhere.
        pseudo: y_bar_j.
        reliable: where ``pseudo`` holds, of the same kind.

    Returns:
        y_k, and the voxels of the mixed images that count.
    """
    if not isinstance(pseudo, Pyramid):
        return shares.mix_labels(labeled, annotated, pseudo, finest(reliable))
    mixed, counts = [], []
    for label in pseudo.scales:
        size = label.shape[2:]
        at_scale = Shares(*(rescale(share, size) for share in shares))
        known = None if annotated is None else rescale(annotated, size).bool()
        y_k, mask = at_scale.mix_labels(
            rescale(labeled, size), known, label, rescale(reliable, size)
        )
        mixed.append(y_k)
        counts.append(mask)
    return Pyramid(mixed), Pyramid(counts)
