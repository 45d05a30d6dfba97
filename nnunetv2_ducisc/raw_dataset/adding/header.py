"""Size and spacing of an image, without its voxels."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import SimpleITK as sitk  # noqa: N813 (its own name for itself)

from nnunetv2_ducisc.raw_dataset.dataset import image_sidecar

FAR = 2.0  # how many times larger or smaller than what is known looks like another kind of scan


@dataclass(frozen=True)
class Header:
    """What a file says of its image.

    Attributes:
        size: voxels along x, y and so on.
        spacing: mm along the same axes.
    """

    size: tuple[int, ...]
    spacing: tuple[float, ...]


def read_header(file: Path, ending: str) -> Header | None:
    """The header of an image of a dataset; None if SimpleITK has none, whatever the reason.

    Args:
        file: named like ``CASE_0000`` plus the ending, for the sidecar that a TIFF may have.
        ending: the dataset's.
    """
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(file))
    try:
        reader.ReadImageInformation()
        return Header(reader.GetSize(), _sidecar_spacing(file, ending) or reader.GetSpacing())
    except (RuntimeError, OSError, ValueError, KeyError, TypeError):
        return None


def differences(header: Header, others: Sequence[Header]) -> list[str]:
    """What of an image is more than ``FAR`` times beyond the range of others.

    Returns:
        Fragments like ``a spacing of 5 x 1 x 1 mm (labeled: 1 x 1 x 0.9-1.1)``.
    """
    alike = [other for other in others if len(other.size) == len(header.size)]
    found: list[str] = []
    if not alike:
        return found
    for name, unit in (("size", "voxels"), ("spacing", "mm")):
        values: Sequence[float] = getattr(header, name)
        known = list(zip(*(getattr(other, name) for other in alike), strict=True))
        if any(
            not min(axis) / FAR <= value <= max(axis) * FAR
            for value, axis in zip(values, known, strict=True)
        ):
            ranges = " x ".join(_range(axis) for axis in known)
            ours = " x ".join(f"{value:.4g}" for value in values)
            found.append(f"a {name} of {ours} {unit} (labeled: {ranges})")
    return found


def _range(values: Sequence[float]) -> str:
    low, high = f"{min(values):.4g}", f"{max(values):.4g}"
    return low if low == high else f"{low}-{high}"


def _sidecar_spacing(image: Path, ending: str) -> tuple[float, ...] | None:
    """What nnU-Net takes for the spacing of a 3D TIFF; the file has it in the order z, y, x."""
    sidecar = image_sidecar(image, ending)
    if ending not in (".tif", ".tiff") or not sidecar.is_file():
        return None
    return tuple(reversed(json.loads(sidecar.read_text(encoding="utf-8"))["spacing"]))
