"""Every data set of the paper, from a download to a prediction, with the commands of the docs."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import SimpleITK

from tests import acdc_download, left_atrium_download, pancreas_download, tooth_fairy_download
from tests.commands import run, run_afresh
from tests.planned import SETTINGS, PlannedDataset, console

pytestmark = pytest.mark.e2e

SCRIPTS = Path(__file__).parents[1] / "dataset_conversion"
SIZE = (24, 20, 16)  # x, y, z


@dataclass(frozen=True)
class Example:
    """A download of few scans, and how docs/datasets.md has it trained.

    Attributes:
        name: of the script and of the dataset.
        write: writes the download into a folder.
        lists: the split; the first of ``train`` are labeled.
        labeled: how many of them.
        options: of the script.
        configuration: what is trained.
        fold: 0 where there is a validation list.
    """

    name: str
    write: Callable[[Path], None]
    lists: dict[str, list[str]]
    labeled: int = 2
    options: tuple[str, ...] = ()
    configuration: str = "3d_fullres"
    fold: str = "all"


def write_left_atria(download: Path) -> None:
    for case in "ABCD":
        image, label = left_atrium_download.scan(SIZE), left_atrium_download.atrium(SIZE)
        left_atrium_download.write_nrrd(download / case / "lgemri.nrrd", image)
        left_atrium_download.write_nrrd(download / case / "laendo.nrrd", label * 255)


def write_pancreata(download: Path) -> None:
    mask = pancreas_download.pancreas(SIZE)
    for number in range(1, 5):
        scan = pancreas_download.scan(mask)
        pancreas_download.write_dicom(download / f"PANCREAS_{number:04d}", number, scan)
        pancreas_download.write_label(download.with_name("masks"), number, mask)


def write_canals(download: Path) -> None:
    for number in range(1, 5):
        image, label = tooth_fairy_download.scan(SIZE[::-1]), tooth_fairy_download.canal(SIZE[::-1])
        tooth_fairy_download.write_patient(download, f"P{number}", image, label)


def write_hearts(download: Path) -> None:
    for number in range(1, 5):
        acdc_download.write_patient(download, f"patient{number:03d}", size=SIZE[:2])


EXAMPLES = (
    Example("Dataset501_LeftAtrium", write_left_atria, {"train": ["A", "B", "C"], "test": ["D"]}),
    Example(
        "Dataset502_PancreasCT",
        write_pancreata,
        {"train": ["image0001", "image0002", "image0003"], "test": ["image0004"]},
        options=("-l", "masks"),
    ),
    Example(
        "Dataset503_ToothFairy",
        write_canals,
        {"train": ["P001", "P002", "P003"], "test": ["P004"]},
    ),
    Example(
        "Dataset504_ACDC",
        write_hearts,
        {
            "train": ["patient001", "patient002"],
            "val": ["patient003"],
            "test": ["patient004"],
        },
        labeled=1,
        configuration="2d",
        fold="0",
    ),
)


def convert(example: Example, root: Path, environment: dict[str, str]) -> None:
    """Run the script as the docs have it."""
    example.write(root / "download")
    (root / "lists.json").write_text(json.dumps(example.lists), encoding="utf-8")
    run_afresh(
        *(sys.executable, str(SCRIPTS / f"{example.name}.py"), "-i", str(root / "download")),
        *("--labeled", str(example.labeled), "--split-file", str(root / "lists.json")),
        *(str(root / option) if option == "masks" else option for option in example.options),
        environment=environment,
    )


def shorten(dataset: PlannedDataset) -> None:
    """Two epochs, the second of them semi-supervised, by the settings in the plans."""
    file = dataset.preprocessed / "nnUNetPlans.json"
    plans = json.loads(file.read_text(encoding="utf-8"))
    plans["configurations"][dataset.configuration]["ducisc"] = SETTINGS
    file.write_text(json.dumps(plans), encoding="utf-8")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_from_the_download_to_a_prediction_with_stock_commands(
    example: Example, tmp_path: Path
) -> None:
    dataset = PlannedDataset(tmp_path, example.name, example.configuration)
    environment = dataset.environment(tmp_path / "results")
    convert(example, tmp_path, environment)
    which = (dataset.dataset_id, example.configuration)
    run(
        *(console("nnUNetv2_plan_and_preprocess"), "-d", which[0], "-c", which[1]),
        *("--verify_dataset_integrity", "--no_pbar", "-npfp", "1"),
        environment=environment | {"nnUNet_n_proc_DA": "1"},
    )
    shorten(dataset)
    run(
        *(console("nnUNetv2_train"), *which, example.fold, "-tr", "nnUNetTrainerDuCiSC"),
        *("-device", "cpu"),
        environment=environment,
    )
    run(
        *(console("nnUNetv2_predict"), "-d", which[0], "-c", which[1], "-f", example.fold),
        *("-i", str(dataset.raw / "imagesTs"), "-o", str(tmp_path / "predicted")),
        *("-tr", "nnUNetTrainerDuCiSC", "-device", "cpu", "-npp", "0", "-nps", "0"),
        environment=environment,
    )
    check_training(dataset, example.fold)
    check_prediction(dataset.raw, tmp_path / "predicted")


def check_training(dataset: PlannedDataset, fold: str) -> None:
    """Two epochs are done, and the unlabeled cases that the script wrote were there for them."""
    model = f"nnUNetTrainerDuCiSC__nnUNetPlans__{dataset.configuration}"
    folder = dataset.root / "results" / dataset.name / model / f"fold_{fold}"
    with (folder / "ducisc_log.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 2
    unlabeled = dataset.preprocessed / f"nnUNetPlans_{dataset.configuration}_unlabeled"
    expected = {name_of(image) for image in (dataset.raw / "imagesUn").iterdir()}
    assert {file.stem for file in unlabeled.glob("*.pkl")} == expected != set()


def check_prediction(raw: Path, predicted: Path) -> None:
    """Every test case has one, on the image's grid."""
    for image in (raw / "imagesTs").iterdir():
        original = SimpleITK.ReadImage(str(image))
        prediction = SimpleITK.ReadImage(str(predicted / f"{name_of(image)}.nii.gz"))
        for what in ("Size", "Spacing", "Origin", "Direction"):
            ours, theirs = (getattr(picture, f"Get{what}")() for picture in (prediction, original))
            assert ours == pytest.approx(theirs, abs=1e-5)


def name_of(image: Path) -> str:
    return image.name.removesuffix("_0000.nii.gz")
