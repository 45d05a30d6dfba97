"""Whether a label of a CT lies on the organ that it marks: headers cannot tell a flip."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import SimpleITK as sitk  # noqa: N813 (its own name for itself)
from scipy.ndimage import binary_dilation

from nnunetv2_ducisc.errors import DuCiSCError

MEAN = (0, 150)  # HU under a label that lies on an organ
TISSUE = (-20, 200)  # HU of an organ with its noise; fat is below, bone above
LEAST_SHARE = 0.6  # of an organ that is full of fat itself
BETTER_SHARE, BETTER_CONTRAST = 0.05, 20  # of a flip; the latter in HU
GAP, SHELL = 1, 2  # voxels: the border belongs to neither side


@dataclass(frozen=True)
class Fit:
    """How a label lies on an image.

    Attributes:
        mean: of what it marks, in HU.
        share: of what it marks, with the values of soft tissue.
        contrast: of what it marks with what is around, in HU. Organs lie in fat, so that a label on
            its organ has some; one in the midst of another organ has none.
    """

    mean: float
    share: float
    contrast: float

    def is_clearly_better(self, other: Fit) -> bool:
        """In both: another organ has the share alone, and so it is no proof."""
        return (
            self.share >= other.share + BETTER_SHARE
            and self.contrast >= other.contrast + BETTER_CONTRAST
        )


def check_soft_tissue(image: sitk.Image, label: sitk.Image) -> None:
    """Refuse a label that lies on something else, or clearly better once it is flipped.

    A label that is flipped onto another organ, wholly, passes.

    Args:
        image: in HU.
        label: on the same grid, 0 where nothing is marked.

    Raises:
        DuCiSCError: with the numbers, without the case.
    """
    marked = sitk.GetArrayViewFromImage(label) > 0
    if not marked.any():
        return
    (_, own), *flipped = _fits(sitk.GetArrayViewFromImage(image), marked)
    low, high = MEAN
    if not low <= own.mean <= high:
        raise _refusal(f"the mean under its label is {own.mean:.0f} HU, expected {low} to {high}")
    values = f"of what its label marks has {TISSUE[0]} to {TISSUE[1]} HU"
    if own.share < LEAST_SHARE:
        raise _refusal(f"{own.share:.0%} {values}, expected {LEAST_SHARE:.0%} or more")
    for axes, fit in flipped:
        if fit.is_clearly_better(own):
            raise _refusal(f"{own.share:.0%} {values}, but {fit.share:.0%} once flipped in {axes}")


def _fits(voxels: np.ndarray, marked: np.ndarray) -> Iterator[tuple[str, Fit]]:
    """As it is, and under every flip; axes by their letters. Arrays are z, y, x."""
    box = _box(marked)
    inside = marked[box]
    near = binary_dilation(inside, iterations=GAP)
    shell = binary_dilation(near, iterations=SHELL) & ~near
    for number in range(4):
        for axes in combinations(range(3), number):
            # To flip the image is to flip the label, and saves moving the masks.
            yield "".join("zyx"[a] for a in axes), _fit(np.flip(voxels, axes)[box], inside, shell)


def _fit(voxels: np.ndarray, inside: np.ndarray, shell: np.ndarray) -> Fit:
    values = voxels[inside]
    mean = float(values.mean())
    share = float(((values >= TISSUE[0]) & (values <= TISSUE[1])).mean())
    return Fit(mean, share, mean - float(voxels[shell].mean()) if shell.any() else 0.0)


def _box(marked: np.ndarray) -> tuple[slice, ...]:
    """Around all that is marked, with room for the shell."""
    places = np.argwhere(marked)
    first, last = places.min(axis=0), places.max(axis=0)
    room = GAP + SHELL
    return tuple(
        slice(max(0, low - room), high + 1 + room) for low, high in zip(first, last, strict=True)
    )


def _refusal(found: str) -> DuCiSCError:
    return DuCiSCError(f"{found}: image and label do not lie on each other")
