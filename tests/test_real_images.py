"""Real images, in the folder that DUCISC_DATA names: {hippocampus,acdc}/{images,labels}."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import nibabel
import numpy as np
import pytest

from dataset_conversion.Dataset504_ACDC import ACDC
from nnunetv2_ducisc.cli import main
from nnunetv2_ducisc.raw_dataset.downloads.split import shipped
from tests.script_run import MakeScriptRun

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif("DUCISC_DATA" not in os.environ, reason="DUCISC_DATA is not set"),
]


@pytest.fixture
def data() -> Path:
    return Path(os.environ["DUCISC_DATA"])


def means_under_the_label(image: Path, label: Path) -> list[float]:
    """The mean intensity of every class."""
    values = np.asarray(nibabel.load(image).dataobj, dtype=float)
    classes = np.asarray(nibabel.load(label).dataobj)
    return [float(values[classes == index].mean()) for index in range(4)]


def test_a_copy_of_hippocampus_scans_keeps_each_label_with_its_scan(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """20 scans, of which 5 stay labeled: the copy's files are the source's, byte by byte."""
    monkeypatch.setenv("nnUNet_raw", str(tmp_path))
    monkeypatch.setenv("nnUNet_preprocessed", str(tmp_path / "preprocessed"))
    source, copy = tmp_path / "Dataset004_Hippocampus", tmp_path / "Dataset604_Hippocampus"
    originals = sorted((data / "hippocampus" / "labels").iterdir())[:20]
    for kind in ("images", "labels"):
        (source / f"{kind}Tr").mkdir(parents=True)
    for label in originals:
        case = label.name.removesuffix(".nii.gz")
        shutil.copy(label, source / "labelsTr")
        image = data / "hippocampus" / "images" / label.name
        shutil.copy(image, source / "imagesTr" / f"{case}_0000.nii.gz")
    labels = {"background": 0, "anterior": 1, "posterior": 2}
    described = {"channel_names": {"0": "MRI"}, "labels": labels, "numTraining": 20}
    (source / "dataset.json").write_text(
        json.dumps(described | {"file_ending": ".nii.gz"}), encoding="utf-8"
    )
    assert main(["withhold", "-d", "4", "--labeled", "5", "--to", "604"]) == 0
    found = {part: sorted((copy / f"labels{part}").iterdir()) for part in ("Tr", "Un")}
    assert [len(found["Tr"]), len(found["Un"])] == [5, 15]
    for part, files in found.items():
        for label in files:
            case = label.name.removesuffix(".nii.gz")
            image = copy / f"images{part}" / f"{case}_0000.nii.gz"
            assert image.read_bytes() == (data / "hippocampus/images" / label.name).read_bytes()
            assert label.read_bytes() == (data / "hippocampus/labels" / label.name).read_bytes()


def test_acdc_labels_lie_on_their_hearts_after_the_conversion(
    data: Path, script_run: MakeScriptRun
) -> None:
    """Blood is brighter than muscle, in both ventricles: a flip or a mixed-up case breaks that."""
    facts, patients = shipped("acdc"), ["patient099", "patient038", "patient020"]
    run = script_run(ACDC, {"train": patients[:2], "test": patients[2:]})
    for patient in patients:
        folder = run.download / "training" / patient
        folder.mkdir(parents=True)
        for frame, number in enumerate(facts["raw_frame_numbers"][patient], start=1):
            for kind, ending in (("images", ""), ("labels", "_gt")):
                original = data / "acdc" / kind / f"{patient}_frame{frame:02d}.nii.gz"
                shutil.copy(original, folder / f"{patient}_frame{number:02d}{ending}.nii.gz")
    assert run.convert() == 0
    images = sorted(run.dataset.glob("images*/*.nii.gz"))
    assert len(images) == 6
    for image in images:
        folder, name = image.parent.name, image.name.replace("_0000", "")
        label = run.dataset / folder.replace("images", "labels") / name
        _, right, muscle, left = means_under_the_label(image, label)
        assert right > 1.3 * muscle and left > 1.3 * muscle
