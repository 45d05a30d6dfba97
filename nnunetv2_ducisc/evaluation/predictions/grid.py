"""Where the voxels of a file are, and whether those of another are the same places."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnunetv2_ducisc.errors import DuCiSCError


@dataclass(frozen=True)
class Grid:
    """Shape and geometry.

    Attributes:
        shape: (z, y, x), or (y, x) where there is one slice only.
        spacing: along these axes, in mm.
        placement: where the grid lies in the world, by what the file format calls it; empty for
            formats that do not say.
    """

    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    placement: dict[str, NDArray[np.float64]]

    @classmethod
    def of(cls, shape: tuple[int, ...], properties: Mapping[str, Any]) -> Grid:
        """From a shape (z, y, x) and what a reader of nnU-Net says of a file."""
        axes = slice(1, None) if shape[0] == 1 else slice(None)
        spacing = tuple(float(length) for length in properties["spacing"][axes])
        return cls(shape[axes], spacing, _placement(properties))


def check_same_grid(reference: Grid, other: Grid) -> None:
    """Refuse grids whose voxels are not the same places; rounding in headers is allowed.

    Raises:
        DuCiSCError: how they differ, as the rest of a sentence on the other one.
    """
    if reference.shape != other.shape:
        raise DuCiSCError(
            f"has {_size(other.shape)} voxels, its reference {_size(reference.shape)}"
        )
    if not np.allclose(reference.spacing, other.spacing, rtol=1e-3, atol=0):
        raise DuCiSCError(
            f"has a spacing of {_size(other.spacing)} mm, its reference of "
            f"{_size(reference.spacing)} mm"
        )
    for what, theirs in reference.placement.items():
        ours = other.placement[what]
        if ours.shape != theirs.shape or not np.allclose(ours, theirs, rtol=1e-5, atol=1e-3):
            raise DuCiSCError(f"has the {what} {_listing(ours)}, its reference {_listing(theirs)}")


def _placement(properties: Mapping[str, Any]) -> dict[str, NDArray[np.float64]]:
    """What nnU-Net's readers keep of the geometry besides the spacing."""
    if "sitk_stuff" in properties:
        found = properties["sitk_stuff"]
        return {what: np.array(found[what]) for what in ("origin", "direction")}
    if "nibabel_stuff" in properties:
        return {"affine": properties["nibabel_stuff"]["original_affine"]}
    return {}


def _size(numbers: Iterable[float]) -> str:
    return " x ".join(f"{number:.6g}" for number in numbers)


def _listing(numbers: NDArray[np.float64]) -> str:
    return f"({', '.join(f'{number:.6g}' for number in numbers.ravel())})"
