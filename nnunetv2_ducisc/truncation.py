"""A NIfTI file that was cut off, which SimpleITK reads without an error and fills with zeros."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import Any

import nibabel

from nnunetv2_ducisc.errors import DuCiSCError


def check_not_truncated(file: Path) -> None:
    """Refuse a NIfTI file that ends before its voxels or its checksum do; others pass.

    Raises:
        DuCiSCError: what is wrong, without the file. Whatever nibabel raises, if it is no NIfTI.
    """
    if not file.name.lower().endswith((".nii", ".nii.gz")):
        return
    found = _uncompressed_size(file)
    image: Any = nibabel.load(file)
    stored = image.dataobj
    expected = stored.offset + math.prod(stored.shape) * stored.dtype.itemsize
    if found < expected:
        raise DuCiSCError(f"it is cut off: {found} bytes without compression, expected {expected}")


def _uncompressed_size(file: Path) -> int:
    """In bytes; reads a compressed file to its end, where its checksum is."""
    if not file.name.lower().endswith(".gz"):
        return file.stat().st_size
    size = 0
    try:
        with gzip.open(file) as stream:
            while block := stream.read(1 << 20):
                size += len(block)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DuCiSCError(f"it is cut off or damaged ({error})") from error
    return size
