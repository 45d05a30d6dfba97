"""Hippocampus scans as fully labeled raw data sets with test cases, for the hippocampus plans.

    python -m benchmarks.hippocampus FOLDER

FOLDER is ``Task04_Hippocampus`` of the Medical Segmentation Decathlon, unpacked (``imagesTr`` and
``labelsTr``), or holds the same scans in ``images`` and ``labels``. Of its 260 scans the 200 that
hippocampus.json lists are linked into nnUNet_raw/Dataset614_Hippocampus. Of its training scans 150
are in Dataset615_HippocampusVal as well, split anew by hippocampus_val.json: on them the defaults
were chosen, so that no test scan and no scan that is labeled in 614 had a say.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from nnunetv2.dataset_conversion.generate_dataset_json import generate_dataset_json

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.raw_dataset.downloads.split import Split, read_split
from nnunetv2_ducisc.raw_dataset.folders import raw_folder
from nnunetv2_ducisc.raw_dataset.layout import Part
from nnunetv2_ducisc.raw_dataset.links import is_placed, place
from nnunetv2_ducisc.raw_dataset.staging import write_json

DATASETS = {
    "Dataset614_Hippocampus": "hippocampus.json",
    "Dataset615_HippocampusVal": "hippocampus_val.json",
}
LABELS = {"background": 0, "anterior": 1, "posterior": 2}
LAYOUTS = (("imagesTr", "labelsTr"), ("images", "labels"))
ENDING = ".nii.gz"


def lay_out(folder: Path, split: Split, raw: Path) -> None:
    """Link the scans into place, and describe them.

    Raises:
        DuCiSCError: a scan or its label is not there.
    """
    images, labels = _folders(folder)
    for part, cases in ((Part.LABELED, split.train), (Part.TEST, split.test)):
        for case in cases:
            _link(images / f"{case}{ENDING}", raw / part.images / f"{case}_0000{ENDING}")
            _link(labels / f"{case}{ENDING}", raw / part.labels / f"{case}{ENDING}")
    listed = {"labeled": split.train, "test": split.test, "source": split.source}
    write_json(raw / "conversion.json", {"split": listed})
    generate_dataset_json(
        str(raw),
        {0: "MRI"},
        LABELS,
        len(split.train),
        ENDING,
        reference="arXiv:1902.09063",
        license="CC BY-SA 4.0",
    )


def _folders(folder: Path) -> tuple[Path, Path]:
    for images, labels in LAYOUTS:
        if (folder / images).is_dir() and (folder / labels).is_dir():
            return folder / images, folder / labels
    expected = " or ".join(" and ".join(names) for names in LAYOUTS)
    raise DuCiSCError(f"{folder} has no folders {expected}: name the unpacked Task04_Hippocampus.")


def _link(source: Path, target: Path) -> None:
    if not source.is_file():
        raise DuCiSCError(f"{source} is not there: complete the download.")
    target.parent.mkdir(parents=True, exist_ok=True)
    if not is_placed(source, target):
        target.unlink(missing_ok=True)
        place(source, target)


def main() -> int:
    """Bad input is a sentence on stderr and exit status 1."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="Task04_Hippocampus")
    folder = parser.parse_args().folder
    try:
        for name, lists in DATASETS.items():
            lay_out(folder, read_split(Path(__file__).with_name(lists)), raw_folder() / name)
            print(f"{raw_folder() / name} is written.")
    except DuCiSCError as error:
        print(error, file=sys.stderr)
        return 1
    print("Next: ducisc benchmark benchmarks/hippocampus_cpu.yaml -o WORK")
    return 0


if __name__ == "__main__":
    sys.exit(main())
