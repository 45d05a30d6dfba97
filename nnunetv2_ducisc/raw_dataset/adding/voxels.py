"""What nnU-Net's reader makes of an image."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
from nnunetv2.imageio.base_reader_writer import BaseReaderWriter


def read_voxels(images: Sequence[Path], reader: type[BaseReaderWriter]) -> np.ndarray:
    """The channels of a case, shape (C, *spatial).

    Raises:
        Exception: whatever the reader raises; what nnU-Net only prints is in the message.
    """
    with redirect_stdout(StringIO()) as printed, redirect_stderr(printed):
        try:
            return reader().read_images([str(image) for image in images])[0]
        except RuntimeError as error:
            if str(error):
                raise
            raise RuntimeError(printed.getvalue().partition("\n")[0]) from error


def voxel_hash(voxels: np.ndarray) -> str:
    """A hash of an array, shape (C, *spatial): the same for an image in any format."""
    digest = hashlib.sha256(str(voxels.shape).encode())
    digest.update(np.ascontiguousarray(voxels, dtype=np.float32).data)
    return digest.hexdigest()
