"""The crop around the label that the literature's preprocessing does, test cases included."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk  # noqa: N813 (its own name for itself)

from nnunetv2_ducisc.raw_dataset.downloads.volume import Volume


def crop_in_plane(volume: Volume, margin: int, smallest: int) -> Volume:
    """Crop x and y to the label's box with a margin; z stays whole.

    Args:
        volume: with its label, which is not empty.
        margin: voxels that are added on each side, as far as the image goes.
        smallest: voxels along x and y that the crop has at least, as far as the image goes.

    Returns:
        The crop of image and label; the origin follows.
    """
    assert volume.label is not None  # protocols that need it get it
    inside = np.argwhere(sitk.GetArrayViewFromImage(volume.label).any(axis=0))  # rows of (y, x)
    window = [slice(None)] * 3
    for axis, column in ((0, 1), (1, 0)):
        size = volume.image.GetSize()[axis]
        first, last = int(inside[:, column].min()), int(inside[:, column].max())
        window[axis] = _grown(first - margin, last + 1 + margin, smallest, size)
    return Volume(volume.image[tuple(window)], volume.label[tuple(window)])


def _grown(start: int, stop: int, smallest: int, size: int) -> slice:
    """An interval of at least ``smallest`` within 0..size, grown evenly where there is room."""
    lacking = max(0, smallest - (stop - start))
    start, stop = start - lacking // 2, stop + lacking - lacking // 2
    if start < 0:
        start, stop = 0, max(stop, min(smallest, size))
    if stop > size:
        start, stop = min(start, max(0, size - smallest)), size
    return slice(start, stop)
