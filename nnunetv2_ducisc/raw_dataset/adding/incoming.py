"""The images that a user names on the command line, as cases."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nnunetv2_ducisc.raw_dataset.dataset import image_sidecar

# What SimpleITK reads with its geometry.
ENDINGS = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd", ".gipl.gz", ".gipl")

_COMPANIONS = (".json", ".raw", ".raw.gz", ".zraw")  # sidecars, and the data of headers
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


@dataclass(frozen=True)
class Arrivals:
    """What was found.

    Attributes:
        cases: by identifier.
        refusals: a sentence for each path and each case that cannot be taken.
        skipped: files in the folders that are no images.
    """

    cases: tuple[Incoming, ...]
    refusals: tuple[str, ...]
    skipped: tuple[Path, ...]


def find_images(
    paths: Iterable[Path], ending: str, images_per_case: int, convertible: bool
) -> Arrivals:
    """Group files into cases by their names; a DICOM series is named like its folder.

    Args:
        paths: files, and folders of files, whose own folders are not searched.
        ending: the dataset's.
        images_per_case: channel files of a case in the dataset. With one, names may lack ``_0000``.
        convertible: whether other formats can become the dataset's: ``ENDINGS`` and DICOM.
    """
    files: dict[Path, None] = {}  # in order, each once
    found: list[Incoming] = []
    refusals, skipped = [], []
    for path in paths:
        inside = _visible(path) if path.is_dir() else [path] if path.is_file() else []
        images = [file for file in inside if _is_image(file, ending, convertible)]
        others = [file for file in inside if file not in images]
        slices = [file for file in others if convertible and _is_dicom(file)]
        if slices and not images:
            is_series = path.is_dir()
            name = (
                path.resolve().name if is_series else re.sub(r"\.dcm$", "", path.name, flags=re.I)
            )
            found.append(Incoming(name, tuple(slices), is_series))
        elif slices or not images:
            refusals.append(_refused_path(path, len(images), len(slices), ending))
        else:
            files |= dict.fromkeys(file.absolute() for file in images)
            skipped += [file for file in others if not file.name.lower().endswith(_COMPANIONS)]
    cases, misnamed = _group(files, ending, images_per_case)
    unique, doubles = _unique([*found, *cases])
    return Arrivals(unique, (*refusals, *misnamed, *doubles), tuple(skipped))


def stem(file: Path, ending: str) -> str:
    """The name without its ending, if that is the dataset's or a known one, else all of it."""
    for known in sorted({ending, *ENDINGS}, key=len, reverse=True):
        if file.name.lower().endswith(known.lower()):
            return file.name[: -len(known)]
    return file.name


def _is_image(file: Path, ending: str, convertible: bool) -> bool:
    """By the name."""
    return file.name.lower().endswith((ending.lower(), *(ENDINGS if convertible else ())))


def _visible(folder: Path) -> list[Path]:
    """The files of a folder but for hidden ones, by name."""
    files = (file for file in folder.iterdir() if not file.is_dir())
    return sorted(file for file in files if not file.name.startswith("."))


def _is_dicom(file: Path) -> bool:
    """By its content, since scanners seldom give an ending."""
    if not file.is_file():  # a link that leads nowhere
        return False
    with file.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM" and file.name.upper() != "DICOMDIR"


def _refused_path(path: Path, images: int, slices: int, ending: str) -> str:
    """Why nothing is taken from a path."""
    if path.is_dir() and slices:
        return (
            f"{path} holds {images} image(s) and {slices} DICOM file(s): put them into folders of "
            "their own, for they may be of one scan."
        )
    if path.is_dir():
        return (
            f"{path} holds no image for this dataset: expected files that end in {ending}, or one "
            "DICOM series if that is a medical format; folders in it are not searched."
        )
    if path.is_file():
        return f"{path} is no image for this dataset: expected a name that ends in {ending}."
    return f"{path} is not there: check the path."


def _group(
    files: Iterable[Path], ending: str, images_per_case: int
) -> tuple[list[Incoming], list[str]]:
    """Cases from names; a sentence for each whose channels are not complete."""
    stems = {file: stem(file, ending) for file in files}
    first = {(file.parent, name[:-5]) for file, name in stems.items() if name.endswith("_0000")}
    groups: dict[tuple[Path, str], list[tuple[int, Path]]] = defaultdict(list)
    for file, name in stems.items():
        match = re.fullmatch(r"(.+)_(\d{4})", name)
        # Scans are numbered with four digits too: then there is no 0000 beside them.
        if match and (images_per_case > 1 or (file.parent, match[1]) in first):
            groups[file.parent, match[1]].append((int(match[2]), file))
        else:
            groups[file.parent, name].append((0, file))
    cases, refusals = [], []
    for (_, case), numbered in sorted(groups.items()):
        numbered.sort()
        if [channel for channel, _ in numbered] == list(range(images_per_case)):
            cases.append(Incoming(case, tuple(file for _, file in numbered)))
        else:
            names = ", ".join(file.name for _, file in numbered)
            expected = ", ".join(f"{case}_{c:04d}{ending}" for c in range(images_per_case))
            refusals.append(
                f"Case {case} is not added, it has the wrong channel files {names}: expected "
                f"{expected} in one folder."
            )
    return cases, refusals


def _unique(cases: Iterable[Incoming]) -> tuple[tuple[Incoming, ...], list[str]]:
    """Cases whose identifier no other has; a sentence for each identifier that several have."""
    named: dict[str, list[Incoming]] = defaultdict(list)
    for case in cases:
        named[case.case].append(case)
    refusals = [
        f"Case {case} is not added, since {several[0].images[0]} and {several[1].images[0]} would "
        "both be called so: rename one."
        for case, several in named.items()
        if len(several) > 1
    ]
    return tuple(s[0] for _, s in sorted(named.items()) if len(s) == 1), refusals


def _data_files(header: Path) -> list[Path]:
    """The file that holds the voxels of a header, if there is one."""
    if header.suffix.lower() not in (".mhd", ".nhdr"):
        return []
    with header.open("rb") as stream:
        match = _DATA_FILE.search(stream.read(1 << 16))
    data = header.parent / match[1].decode(errors="replace") if match else header
    return [data] if data != header and data.is_file() else []
