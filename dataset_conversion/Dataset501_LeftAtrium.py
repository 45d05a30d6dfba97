"""Left atrium (2018 Atrial Segmentation Challenge, LGE MRI) as a semi-supervised nnU-Net dataset.

    python dataset_conversion/Dataset501_LeftAtrium.py -i DOWNLOAD --labeled 8

DOWNLOAD holds the challenge's folders (``ID/lgemri.nrrd`` with ``laendo.nrrd``) or the cropped h5
files of the literature (``ID/mri_norm2.h5``). docs/datasets.md says how to get them.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813 (its own name for itself)

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.raw_dataset.downloads.crop import crop_in_plane
from nnunetv2_ducisc.raw_dataset.downloads.inputs import nothing_found
from nnunetv2_ducisc.raw_dataset.downloads.known import Known
from nnunetv2_ducisc.raw_dataset.downloads.script import main
from nnunetv2_ducisc.raw_dataset.downloads.source import (
    Case,
    Download,
    Protocol,
    Source,
    count_warnings,
)
from nnunetv2_ducisc.raw_dataset.downloads.split import published, shipped
from nnunetv2_ducisc.raw_dataset.downloads.volume import Volume, volume_of
from nnunetv2_ducisc.raw_dataset.walk import by_name

SPACING = (0.625, 0.625, 0.625)  # mm; the headers' geometry is a placeholder
SMALLEST_BOX = 112  # voxels along x and y; the patch size of the literature
MARGIN = 15  # voxels; the middle of the literature's random 10 to 19
IMAGE, LABEL, H5 = "lgemri.nrrd", "laendo.nrrd", "mri_norm2.h5"
H5_TREATMENT = (
    "scaled by the whole scan and cropped in plane to labels, test labels among them, by the "
    "literature"
)


def find(folder: Path) -> Download:
    """All folders that hold an image, whatever their parents are called."""
    files = by_name(folder)
    raw = [file for (_, name), file in files.items() if name == IMAGE]
    if raw:
        cases = tuple(_case(image, files.get((image.parent, LABEL))) for image in raw)
        return Download("raw NRRD", cases, folder, _warnings(cases, 100, 154))
    h5 = [file for (_, name), file in files.items() if name == H5]
    if h5 and not find_spec("h5py"):
        raise DuCiSCError(f"{h5[0]} cannot be read without h5py: run pip install h5py.")
    if h5:
        cases = tuple(_case(file, file) for file in h5)
        return Download("the h5 form", cases, folder, _warnings(cases, 100), H5_TREATMENT)
    raise nothing_found(folder, f"folders ID with {IMAGE} and {LABEL}, or with {H5}")


def _warnings(cases: tuple[Case, ...], *known: int) -> tuple[str, ...]:
    """Scans may be missing, and two training scans are published with one mask."""
    warnings = count_warnings(len(cases), "scans", *known)
    pair = shipped("la")["identical_label_pair"]
    if {case.unit for case in cases}.issuperset(pair):
        warnings.append(
            f"{' and '.join(pair)} are two scans that the challenge gives the same mask"
        )
    return tuple(warnings)


def _case(image: Path, label: Path | None) -> Case:
    return Case(image.parent.name, image.parent.name, (image,), label)


def read(case: Case, with_label: bool) -> Volume:
    """One scan with the documented spacing; the label is 1 wherever the mask is set (255 or 1)."""
    (file,) = case.images
    if file.suffix.lower() == ".h5":
        return _read_h5(file, with_label)
    image = _read_nrrd(file)
    if not with_label:
        return volume_of(sitk.GetArrayFromImage(image), None, SPACING)
    assert case.label is not None  # who asks for it has seen to it
    mask = _read_nrrd(case.label)
    if not np.allclose(image.GetDirection(), mask.GetDirection()):
        raise DuCiSCError(
            f"the image has direction {image.GetDirection()}, its mask {mask.GetDirection()}"
        )
    label = _binary(sitk.GetArrayFromImage(mask))
    return volume_of(sitk.GetArrayFromImage(image), label, SPACING)


def _read_nrrd(file: Path) -> sitk.Image:
    """A file whose header states no spacing, or the documented one."""
    try:
        image = sitk.ReadImage(str(file))
    except RuntimeError as error:
        raise DuCiSCError(f"{file.name} cannot be read: it is cut off, or no NRRD file") from error
    if not any(np.allclose(image.GetSpacing(), known, atol=1e-3) for known in (1, SPACING)):
        raise DuCiSCError(
            f"{file.name} states a spacing of {image.GetSpacing()}, expected the placeholder 1 or "
            f"{SPACING[0]}"
        )
    return image


def _read_h5(file: Path, with_label: bool) -> Volume:
    """Arrays in x, y, z; SimpleITK wants z, y, x."""
    import h5py  # an extra: who has the raw files does not need it

    with h5py.File(file) as opened:
        image = opened["image"][:].T.astype(np.float32)
        label = _binary(opened["label"][:].T) if with_label else None
    return volume_of(image, label, SPACING)


def _binary(mask: np.ndarray) -> np.ndarray:
    """Masks are 0 and 255, or 0 and 1."""
    values = np.unique(mask)
    if not set(values.tolist()) <= {0, 1, 255}:
        raise DuCiSCError(f"the mask holds {values[:5].tolist()}, expected 0 and 255, or 0 and 1")
    return (mask > 0).astype(np.uint8)


def crop(volume: Volume) -> Volume:
    """The literature's crop: its margin comes on top of a box of at least 112 voxels."""
    return crop_in_plane(volume, MARGIN, SMALLEST_BOX + 2 * MARGIN)


LEFT_ATRIUM = Source(
    dataset="Dataset501_LeftAtrium",
    title="Left atrium, 2018 Atrial Segmentation Challenge",
    labels={"background": 0, "left atrium": 1},
    find=find,
    read=read,
    protocols={
        "whole": Protocol("LGE MRI", "scans as they are in the download"),
        "published": Protocol(
            "LGE MRI",
            f"cropped in plane to the label's box, at least {SMALLEST_BOX} voxels, and {MARGIN} "
            "more on each side: labels, test labels among them, have shaped the images",
            crop,
            needs_label=True,
        ),
    },
    splits={"published": lambda _: published("la")},
    licence="data policies of the Cardiac Atlas Project; no redistribution",
    reference="Xiong et al., Medical Image Analysis 67, 101832 (2021)",
    known=Known(  # sizes of the whole scans and of the h5 form
        size=((148, 640), (132, 640), (88, 88)),
        label_ml=(18.6, 132.1),
    ),
)

if __name__ == "__main__":
    sys.exit(main(LEFT_ATRIUM))
