"""Arrays of the same image as one, of which only what is cut out is ever read."""

from __future__ import annotations

from typing import Any

import numpy as np


class Stacked:
    """Arrays one behind the other along their first axis, as nnU-Net's loader cuts patches out.

    Args:
        arrays: in memory or on disk, shape (channels, *spatial); only channels may differ.
    """

    def __init__(self, *arrays: Any) -> None:  # noqa: ANN401 (numpy's or blosc2's)
        self._arrays = arrays

    @property
    def shape(self) -> tuple[int, ...]:
        """All channels, and the image's shape."""
        return sum(a.shape[0] for a in self._arrays), *self._arrays[0].shape[1:]

    def __getitem__(self, region: tuple[slice, ...]) -> np.ndarray:
        """A region of all channels: ``region`` begins with ``:``.

        Raises:
            ValueError: some channels are asked for, which nnU-Net's loader never does.
        """
        if region[0] != slice(None):
            raise ValueError(f"Channels {region[0]} are asked for, but all belong together.")
        return np.concatenate([np.asarray(array[region]) for array in self._arrays])
