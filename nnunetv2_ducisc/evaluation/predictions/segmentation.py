"""One segmentation as nnU-Net reads it."""

from __future__ import annotations

from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from functools import cached_property
from io import StringIO
from pathlib import Path

import numpy as np
from nnunetv2.imageio.base_reader_writer import BaseReaderWriter
from nnunetv2.imageio.natural_image_reader_writer import NaturalImage2DIO
from nnunetv2.imageio.tif_reader_writer import Tiff3DIO
from numpy.typing import NDArray
from scipy.ndimage import find_objects

from nnunetv2_ducisc.errors import DuCiSCError, one_line
from nnunetv2_ducisc.evaluation.predictions.grid import Grid
from nnunetv2_ducisc.truncation import check_not_truncated

_HIGHEST_LABEL = 65535  # that nnU-Net writes
IGNORED = -1  # a voxel in no class, not even the background
Boxes = dict[int, tuple[slice, ...]]


@dataclass(frozen=True)
class Segmentation:
    """Labels on a grid.

    Attributes:
        labels: shape (z, y, x), or (y, x) where there is one slice only.
        spacing: along these axes, in mm.
        placement: where the grid lies in the world, by what the file format calls it; empty for
            formats that do not say.
        has_ignored: whether some labels are ``IGNORED``.
    """

    labels: NDArray[np.int32]
    spacing: tuple[float, ...]
    placement: dict[str, NDArray[np.float64]]
    has_ignored: bool = False

    @cached_property
    def boxes(self) -> Boxes:
        """Label -> the box around it, for all positive labels that occur."""
        return {label: box for label, box in enumerate(find_objects(self.labels), start=1) if box}

    @property
    def grid(self) -> Grid:
        """Where its voxels are."""
        return Grid(self.labels.shape, self.spacing, self.placement)

    def without(self, voxels: NDArray[np.bool_]) -> Segmentation:
        """The same with some voxels ``IGNORED``."""
        if not voxels.any():
            return self
        labels = np.where(voxels, np.int32(IGNORED), self.labels)
        return replace(self, labels=labels, has_ignored=True)


def read_segmentation(file: Path, reader: type[BaseReaderWriter]) -> Segmentation:
    """Read a file of labels.

    Raises:
        DuCiSCError: what is wrong with it, without the case.
    """
    try:
        check_not_truncated(file)
        with redirect_stdout(StringIO()):  # remarks on a missing spacing, for every file
            values, properties = reader().read_seg(str(file))
    except DuCiSCError as error:
        raise DuCiSCError(f"{file} cannot be read, {error}: write it again.") from error
    except Exception as error:
        raise DuCiSCError(f"{file} cannot be read ({one_line(error)}): write it again.") from error
    if len(values) != 1:
        raise DuCiSCError(
            f"{file} has {len(values)} channels: expected one, of labels, so mend the file."
        )
    grid = Grid.of(values.shape[1:], properties)
    return Segmentation(
        _as_labels(values[0], file).reshape(grid.shape), grid.spacing, grid.placement
    )


def has_spacing(file: Path, reader: type[BaseReaderWriter]) -> bool:
    """Whether the reader finds a voxel spacing; where it does not, it says 1."""
    if issubclass(reader, Tiff3DIO):
        return file.with_suffix(".json").is_file()
    return not issubclass(reader, NaturalImage2DIO)


def _as_labels(values: np.ndarray, file: Path) -> NDArray[np.int32]:
    """The values as whole numbers, which they have to be."""
    with np.errstate(invalid="ignore"):  # NaN, which is not equal to itself
        labels = values.astype(np.int32)
    odd = values[(labels != values) | (labels < 0) | (labels > _HIGHEST_LABEL)]
    if odd.size:
        raise DuCiSCError(
            f"{file} holds the value {odd[0]:g}: expected labels, whole numbers from 0 to "
            f"{_HIGHEST_LABEL}, so mend the file."
        )
    return labels
