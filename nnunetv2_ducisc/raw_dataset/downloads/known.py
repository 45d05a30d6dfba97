"""What is known of a data set's scans: a case that lies outside is converted with a warning."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk  # noqa: N813 (its own name for itself)

from nnunetv2_ducisc.raw_dataset.downloads.volume import Volume

Range = tuple[float, float]
ANY: Range = (0, math.inf)


@dataclass(frozen=True)
class Known:
    """The smallest and the largest of every quantity; None where it is not known.

    Attributes:
        size: voxels along x, y and z.
        spacing: mm along x, y and z.
        values: of the image.
        label_slices: slices that hold something but background.
        label_ml: volume of all classes together.
    """

    size: tuple[Range, Range, Range] | None = None
    spacing: tuple[Range, Range, Range] | None = None
    values: Range | None = None
    label_slices: Range | None = None
    label_ml: Range | None = None

    def oddities(self, volume: Volume) -> list[str]:
        """What lies outside, a phrase each, like "has a label of 1 ml, known are 18 to 132 ml"."""
        found = [*self._of_grid(volume.image), *self._of_values(volume.image)]
        if volume.label is not None:
            found += self._of_label(volume.label)
        return found

    def _of_grid(self, image: sitk.Image) -> Iterator[str]:
        for axis in range(3):
            if self.size:
                size = image.GetSize()[axis]
                yield from _odd(f"a size along {'xyz'[axis]} of", size, " voxels", self.size[axis])
            if self.spacing:
                mm = image.GetSpacing()[axis]
                yield from _odd(f"a spacing along {'xyz'[axis]} of", mm, " mm", self.spacing[axis])

    def _of_values(self, image: sitk.Image) -> Iterator[str]:
        if self.values:
            values = sitk.GetArrayViewFromImage(image)
            yield from _odd("a lowest value of", values.min(), "", self.values)
            yield from _odd("a highest value of", values.max(), "", self.values)

    def _of_label(self, label: sitk.Image) -> Iterator[str]:
        marked = sitk.GetArrayViewFromImage(label) > 0
        if self.label_slices:
            slices = int(marked.any(axis=(1, 2)).sum())
            yield from _odd("a label of", slices, " slices", self.label_slices)
        if self.label_ml:
            ml = float(marked.sum() * np.prod(label.GetSpacing())) / 1000
            yield from _odd("a label of", ml, " ml", self.label_ml)


def _odd(what: str, value: float, unit: str, known: Range) -> Iterator[str]:
    """The phrase, if the value lies outside by more than rounding."""
    low, high = known
    rounding = 1e-6 * abs(value)
    if not low - rounding <= value <= high + rounding:
        expected = f"{low:g}" if low == high else f"{low:g} to {high:g}"
        yield f"has {what} {value:.4g}{unit}, known are {expected}{unit}: look at it"
