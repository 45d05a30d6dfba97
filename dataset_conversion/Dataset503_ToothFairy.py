"""Inferior alveolar nerve canal (ToothFairy, CBCT) as a semi-supervised nnU-Net dataset.

    python dataset_conversion/Dataset503_ToothFairy.py -i DOWNLOAD --labeled 9

DOWNLOAD holds ToothFairy (``P1/data.npy`` with ``gt_alpha.npy``), the older Maxillo
(``SPARSE/P1/data.npy`` with ``DENSE/P1/gt_alpha.npy``), or ToothFairy2
(``imagesTr/ToothFairy2P_001_0000.mha`` with ``labelsTr``). P1 becomes P001, in lists of cases, too.
docs/datasets.md says how to get the data.

Arrays keep their order: the first slice is the uppermost, although identity as direction says the
lowest. Do not mix them with scans whose headers are right.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813 (its own name for itself)

from nnunetv2_ducisc.errors import DuCiSCError, one_line
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
from nnunetv2_ducisc.raw_dataset.downloads.split import Split, read_split
from nnunetv2_ducisc.raw_dataset.downloads.volume import Volume, volume_of
from nnunetv2_ducisc.raw_dataset.shuffle import shuffled
from nnunetv2_ducisc.raw_dataset.walk import by_name

SPACING = (0.3, 0.3, 0.3)  # mm; the arrays have no header
IMAGE, LABEL = "data.npy", "gt_alpha.npy"  # gt_sparse.npy is a curve and no mask of the canal
PATIENT = re.compile(r"P(\d+)")
TOOTHFAIRY2 = re.compile(r"toothfairy2([a-z])_(\d+)_0000\.mha")  # in small letters
CANALS, LAST_CLASS = (3, 4), 48  # of ToothFairy2: left and right; classes go up to a tooth
SCANS = {"ToothFairy": 153, "Maxillo": 91, "ToothFairy2": 480}  # with a dense label
TRAINING, TEST = 90, 20  # scans of the paper, which lists none of its 110


def find(folder: Path) -> Download:
    """All scans with a dense label, whatever the folders of their patients lie in."""
    files = by_name(folder)
    dense = [file for (_, name), file in files.items() if name == LABEL]
    if dense:
        images = defaultdict(list)
        for (parent, name), file in files.items():
            if name == IMAGE:
                images[parent.name].append(file)
        cases = [_case(label, images[label.parent.name]) for label in dense]
        apart = any(case.images[0].parent != case.label.parent for case in cases if case.label)
        return _download("Maxillo" if apart else "ToothFairy", cases, folder)
    cases = _cases_of_2(files)
    if not cases:
        expected = f"folders P1 with {IMAGE} and {LABEL}, or ToothFairy2P_001_0000.mha"
        raise nothing_found(folder, expected)
    return _download("ToothFairy2", cases, folder)


def _case(label: Path, images: list[Path]) -> Case:
    """A dense label with the image beside it, else with the one in a folder of the same name."""
    beside = [image for image in images if image.parent == label.parent] or images
    if len(beside) != 1:
        raise DuCiSCError(
            f"{label} belongs to {len(beside)} files {IMAGE}, expected one beside it or in another "
            f"folder {label.parent.name}: complete the download, and keep releases apart."
        )
    unit = _unit(label.parent.name)
    return Case(unit, unit, tuple(beside), label)


def _cases_of_2(files: Mapping[tuple[Path, str], Path]) -> list[Case]:
    """The images of ToothFairy2, and the labels in the folder beside theirs."""
    cases = []
    for (parent, name), image in files.items():
        if match := TOOTHFAIRY2.fullmatch(name):
            unit = f"{match[1].upper()}{match[2]}"
            label = files.get((parent.with_name("labelsTr"), name.replace("_0000", "")))
            cases.append(Case(unit, unit, (image,), label))
    return cases


def _unit(name: str) -> str:
    """P1 as P001, so that names sort by number."""
    match = PATIENT.fullmatch(name)
    if not match:
        raise DuCiSCError(
            f"{name!r} is no patient of ToothFairy: expected P1 or the like; check -i."
        )
    return f"P{int(match[1]):03d}"


def _download(version: str, cases: list[Case], folder: Path) -> Download:
    """The scans, and a warning unless they are as many as the release has."""
    warnings = count_warnings(len(cases), f"scans of {version}", SCANS[version])
    return Download(version, tuple(cases), folder, tuple(warnings))


def drawn(download: Download, seed: int) -> Split:
    """As many scans as the paper has, since nobody has published which."""
    units = shuffled({case.unit for case in download.cases}, seed)
    if len(units) < TRAINING + TEST:
        raise DuCiSCError(
            f"{len(units)} scans with a dense label lie below {download.folder}, of which "
            f"{TRAINING + TEST} cannot be drawn: complete the download, or name lists of your own "
            "with --split-file."
        )
    source = (
        f"{TRAINING} and {TEST} of {len(units)} scans, drawn with seed {seed}; the paper's lists "
        "are not published, so that its numbers are not directly comparable"
    )
    return Split(units[:TRAINING], units[TRAINING : TRAINING + TEST], source=source)


def organisers(download: Download) -> Split:
    """The challenge's own lists, which lie in its download."""
    files = [file for (_, name), file in by_name(download.folder).items() if name == "splits.json"]
    if len(files) != 1:
        raise DuCiSCError(
            f"{len(files)} files splits.json lie below {download.folder}, expected the one of "
            "ToothFairy: complete the download, or choose --split drawn."
        )
    lists = read_split(files[0])
    train, test, validation = (
        tuple(map(_unit, part)) for part in (lists.train, lists.test, lists.validation)
    )
    return Split(train, test, validation, "splits.json of the challenge's organisers")


def read(case: Case, with_label: bool) -> Volume:
    """One scan with the documented spacing; the label is 1 in the canal."""
    (image,) = case.images
    label = case.label if with_label else None
    if image.suffix.lower() == ".mha":
        mask_of_2 = None if label is None else _read_mha(label, _canals)
        return Volume(_read_mha(image, _small), mask_of_2)
    mask = None if label is None else (_read_npy(label) > 0).astype(np.uint8)
    return volume_of(_small(_read_npy(image)), mask, SPACING)


def _read_npy(file: Path) -> np.ndarray:
    """An array in z, y, x."""
    try:
        array = np.load(file)
    except (OSError, EOFError, ValueError) as error:
        raise DuCiSCError(f"{file.name} is truncated or no array ({one_line(error)})") from error
    if array.ndim != 3:
        raise DuCiSCError(f"{file.name} has shape {array.shape}, expected 3 axes z, y, x")
    return array


def _read_mha(file: Path, convert: Callable[[np.ndarray], np.ndarray]) -> sitk.Image:
    """Converted voxels with the header's geometry, whose spacing may be a placeholder."""
    try:
        read = sitk.ReadImage(str(file), imageIO="MetaImageIO")  # else .MHA is unknown
    except RuntimeError as error:
        raise DuCiSCError(f"{file.name} is truncated or no MHA file") from error
    if not any(np.allclose(read.GetSpacing(), known, atol=1e-3) for known in (1, SPACING)):
        raise DuCiSCError(
            f"the header of {file.name} states a spacing of {read.GetSpacing()}, expected "
            f"{SPACING[0]} or the placeholder 1"
        )
    picture = sitk.GetImageFromArray(convert(sitk.GetArrayFromImage(read)))
    picture.CopyInformation(read)
    picture.SetSpacing(SPACING)
    return picture


def _small(array: np.ndarray) -> np.ndarray:
    """int16 where that changes no value, else float32."""
    with np.errstate(invalid="ignore"):  # of values that int16 cannot hold
        whole = array.astype(np.int16)
    return whole if np.array_equal(whole, array) else array.astype(np.float32)


def _canals(array: np.ndarray) -> np.ndarray:
    """1 in either canal; other releases number the classes in other ways."""
    low, high = array.min(), array.max()
    if not 0 <= low <= high <= LAST_CLASS:
        raise DuCiSCError(
            f"the label holds values from {low:g} to {high:g}, expected 0 to {LAST_CLASS} of "
            "ToothFairy2"
        )
    return np.isin(array, CANALS).astype(np.uint8)


TOOTHFAIRY = Source(
    dataset="Dataset503_ToothFairy",
    title="Inferior alveolar canal, ToothFairy challenge",
    labels={"background": 0, "inferior alveolar canal": 1},
    find=find,
    read=read,
    protocols={"whole": Protocol("CBCT", "whole scans")},
    splits={"organisers": organisers},
    draw=drawn,
    licence="ToothFairy and Maxillo: read it on the portal; ToothFairy2: CC BY-SA 4.0",
    reference="Cipriano et al., CVPR 2022; Bolelli et al., IEEE Transactions on Medical Imaging "
    "(ToothFairy challenge)",
    known=Known(
        size=((312, 463), (265, 423), (148, 178)),
        label_ml=(0.027, 5.4),  # 1,000 to 200,000 voxels
    ),
)

if __name__ == "__main__":
    sys.exit(main(TOOTHFAIRY))
