"""The images in what a user names on the command line."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from nnunetv2_ducisc.raw_dataset.adding.grouping import group, unique
from nnunetv2_ducisc.raw_dataset.adding.incoming import ENDINGS, Incoming, stem
from nnunetv2_ducisc.raw_dataset.adding.masks import is_named_like_a_mask
from nnunetv2_ducisc.raw_dataset.adding.wording import some
from nnunetv2_ducisc.raw_dataset.dicom import is_dicom, series_folders

_COMPANIONS = (".json", ".raw", ".raw.gz", ".zraw")  # sidecars, and the data of headers


@dataclass
class Arrivals:
    """What was found.

    Attributes:
        cases: with identifiers of their own, in order.
        refusals: a sentence for what cannot be taken.
        warnings: a sentence for what the user should look at.
    """

    cases: list[Incoming] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass
class _Findings:
    """Images by path, each once, and series; files in the folders that are neither."""

    images: dict[Path, None] = field(default_factory=dict)
    series: list[Incoming] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def find_images(
    paths: Iterable[Path], ending: str, images_per_case: int, convertible: bool
) -> Arrivals:
    """Group files into cases by their names; a DICOM series is named like its folder.

    Args:
        paths: image files, folders of them, and folders with DICOM series at any depth.
        ending: the dataset's.
        images_per_case: channel files of a case in the dataset. With one, names may lack ``_0000``.
        convertible: whether other formats can become the dataset's: ``ENDINGS`` and DICOM.
    """
    found = _Findings()
    for path in paths:
        _look_into(path, ending, convertible, found)
    masks = {file for file in found.images if is_named_like_a_mask(stem(file, ending))}
    scans = [file for file in found.images if file not in masks]
    grouped = group(scans, ending, images_per_case)
    cases, doubles = unique([*found.series, *grouped.cases])
    refusals = [*found.refusals, *_refused_masks(sorted(masks)), *grouped.refusals, *doubles]
    return Arrivals(cases, refusals, [*_skipped(found.skipped), *grouped.warnings])


def _look_into(path: Path, ending: str, convertible: bool, found: _Findings) -> None:
    """Add what one path holds; DICOM is searched for below where a folder has no image itself."""
    inside = _visible(path) if path.is_dir() else [path] if path.is_file() else []
    images = [file for file in inside if _is_image(file, ending, convertible)]
    others = sorted({*inside} - {*images})
    series = _series(path, others, below=not images) if convertible else []
    if series and images:
        slices = sum(len(one.images) for one in series)
        found.refusals.append(
            f"{path} holds {len(images)} image(s) and {slices} DICOM file(s): put them into "
            "folders of their own, for they may be of one scan."
        )
    elif not series and not images:
        found.refusals.append(_nothing_in(path, ending))
    else:
        found.series += series
        found.images |= dict.fromkeys(file.absolute() for file in images)
        strange = [file for file in others if not file.name.lower().endswith(_COMPANIONS)]
        found.skipped += [file.name for file in strange if images]


def _series(path: Path, files: Iterable[Path], below: bool) -> list[Incoming]:
    """The DICOM series in a folder and perhaps below it, or one file of DICOM."""
    slices = tuple(file for file in files if is_dicom(file))
    if not path.is_dir():
        name = re.sub(r"\.dcm$", "", path.name, flags=re.I)
        return [Incoming(name, slices)] if slices else []
    folders = series_folders(path) if below else {path: slices} if slices else {}
    return [
        Incoming(_series_name(path, folder), found, is_series=True)
        for folder, found in folders.items()
    ]


def _series_name(named: Path, folder: Path) -> str:
    """The names of all folders from the one that the user has named to that of the series."""
    top = Path(os.path.abspath(named))  # noqa: PTH100 (resolve() would call a link by its target)
    return "_".join([top.name, *folder.relative_to(named).parts])


def _is_image(file: Path, ending: str, convertible: bool) -> bool:
    """By the name."""
    return file.name.lower().endswith((ending.lower(), *(ENDINGS if convertible else ())))


def _visible(folder: Path) -> list[Path]:
    """The files of a folder but for hidden ones, by name."""
    files = (file for file in folder.iterdir() if not file.is_dir())
    return sorted(file for file in files if not file.name.startswith("."))


def _nothing_in(path: Path, ending: str) -> str:
    """Why nothing is taken from a path."""
    if path.is_dir():
        return (
            f"{path} holds no image for this dataset: expected files that end in {ending}, or "
            "DICOM series if that is a medical format; folders in it are searched for DICOM alone."
        )
    if path.is_file():
        return f"{path} is no image for this dataset: expected a name that ends in {ending}."
    return f"{path} is not there: check the path."


def _refused_masks(masks: list[Path]) -> list[str]:
    if not masks:
        return []
    return [
        f"Not added, since they are named like segmentations ({len(masks)}): "
        f"{some([file.name for file in masks])}: leave them out, or rename them if they are scans."
    ]


def _skipped(names: list[str]) -> list[str]:
    if not names:
        return []
    return [f"skipped what is no image for this dataset ({len(names)}): {some(names)}"]
