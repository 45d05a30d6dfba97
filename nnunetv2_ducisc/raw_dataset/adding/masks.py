"""What tells a segmentation that was left among the scans from a scan."""

from __future__ import annotations

import re

import numpy as np

FEW = 32  # values of a segmentation; a scan of 8 bits has more of them

_WORDS = "masks?|segs?|segmentations?|labels?|labelmaps?|annotations?|contours?|(?:ground_?)?truth"
_NAME = re.compile(rf"(?:.*[_\-. ])?(?:(?:{_WORDS})[_\-. ]?\d*|gt)", re.IGNORECASE)
_SAMPLE = 100_000  # voxels that show quickly that most scans are scans


def is_named_like_a_mask(stem: str) -> bool:
    """Whether a name says ``mask``, ``seg``, ``label``, ``gt`` or the like at its end.

    Args:
        stem: a file's name without its ending, like ``x_mask`` or ``label0001``.
    """
    return _NAME.fullmatch(re.sub(r"_0000$", "", stem)) is not None


def has_few_values(voxels: np.ndarray) -> bool:
    """Whether a channel holds at most ``FEW`` values, all of them whole, as a segmentation does.

    Args:
        voxels: shape (C, *spatial).
    """
    return any(_are_few(channel.ravel()) for channel in voxels)


def _are_few(values: np.ndarray) -> bool:
    step = max(1, values.size // _SAMPLE)
    return _are_labels(np.unique(values[::step])) and _are_labels(np.unique(values))


def _are_labels(values: np.ndarray) -> bool:
    return len(values) <= FEW and bool(np.all(values == np.round(values)))
