"""A case that a user wants to add, and the files that it is made from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from nnunetv2_ducisc.raw_dataset.dataset import image_sidecar

# What SimpleITK reads with its geometry.
ENDINGS = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd", ".gipl.gz", ".gipl")

_DATA_FILE = re.compile(rb"^(?:ElementDataFile\s*=|data ?file:)\s*(\S.*?)\s*$", re.I | re.M)


@dataclass(frozen=True)
class Incoming:
    """A case to add.

    Attributes:
        case: its identifier.
        images: channel files in order, or the slices of a DICOM series by name.
        is_series: whether they are the latter.
    """

    case: str
    images: tuple[Path, ...]
    is_series: bool = False

    def files(self, ending: str) -> tuple[Path, ...]:
        """All files that the case is made from: a header's data, and the sidecar of a TIFF."""
        if self.is_series:
            return self.images
        data = [file for image in self.images for file in _data_files(image)]
        sidecar = self.sidecar(ending)
        return (*self.images, *data, *([sidecar] if sidecar else []))

    def sidecar(self, ending: str) -> Path | None:
        """The file beside the image from which nnU-Net's reader of 3D TIFF has the spacing."""
        image = self.images[0]
        whole_name = image.with_name(f"{stem(image, ending)}.json")
        for file in (image_sidecar(image, ending), whole_name):
            if not self.is_series and image.name.lower().endswith(ending) and file.is_file():
                return file
        return None


def stem(file: Path, ending: str) -> str:
    """The name without its ending, if that is the dataset's or a known one, else all of it."""
    for known in sorted({ending, *ENDINGS}, key=len, reverse=True):
        if file.name.lower().endswith(known.lower()):
            return file.name[: -len(known)]
    return file.name


def _data_files(header: Path) -> list[Path]:
    """The file that holds the voxels of a header, if there is one."""
    if header.suffix.lower() not in (".mhd", ".nhdr"):
        return []
    with header.open("rb") as stream:
        match = _DATA_FILE.search(stream.read(1 << 16))
    data = header.parent / match[1].decode(errors="replace") if match else header
    return [data] if data != header and data.is_file() else []
