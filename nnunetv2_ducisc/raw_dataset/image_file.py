"""An image file that is whole, or an error."""

from __future__ import annotations

from pathlib import Path

import SimpleITK as sitk  # noqa: N813 (its own name for itself)

from nnunetv2_ducisc.errors import DuCiSCError, one_line
from nnunetv2_ducisc.raw_dataset.staging import UnwritableError
from nnunetv2_ducisc.truncation import check_not_truncated


def write_image(image: sitk.Image, file: Path) -> None:
    """Write an image and look at the file once more: on a full disk SimpleITK raises nothing.

    Args:
        image: with its geometry.
        file: its folder is made where it is not there; only NIfTI is looked at again.

    Raises:
        UnwritableError: it is not there whole.
    """
    try:
        file.parent.mkdir(exist_ok=True)
        sitk.WriteImage(image, str(file), useCompression=True)
        check_not_truncated(file)
    except Exception as error:
        reason = str(error) if isinstance(error, DuCiSCError) else one_line(error)
        raise UnwritableError.at(file, reason) from error
