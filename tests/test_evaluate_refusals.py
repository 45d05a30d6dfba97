"""``ducisc evaluate``: bad input is one sentence that names the case, and nothing is written."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from tests.evaluating import SPACING, Evaluating, labels, write

pytestmark = pytest.mark.unit

SQUARE = labels("0000 0110 0110", 3)


@pytest.fixture
def folders(tmp_path: Path) -> Evaluating:
    made = Evaluating(tmp_path)
    for case in ("a", "b"):
        made.add(case, SQUARE, SQUARE)
    made.name_classes({"liver": 1})
    return made


def cut_off(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-20])


def replace(**geometry: object) -> Callable[[Evaluating], None]:
    return lambda folders: folders.add("b", SQUARE, SQUARE, **geometry)


BREAKAGES: dict[str, tuple[Callable[[Evaluating], object], tuple[str, ...]]] = {
    "size": (
        lambda f: write(f.prediction / "b.nii.gz", SQUARE[:2]),
        ("case b has 2 x 3 x 4 voxels, its reference 3 x 3 x 4",),
    ),
    "spacing": (
        replace(spacing=(3.0, 1.0, 0.6)),
        ("case b has a spacing of 3 x 1 x 0.6 mm, its reference of 3 x 1 x 0.5 mm",),
    ),
    "origin": (replace(origin=(10.0, -20.0, 31.0)), ("case b has the origin (10, -20, 31)",)),
    "direction": (
        replace(direction=(-1.0, 0, 0, 0, -1, 0, 0, 0, 1)),
        ("case b has the direction (-1, 0",),
    ),
    "missing": (
        lambda f: (f.prediction / "b.nii.gz").unlink(),
        ("lacks 1 of 2 predictions", "b.nii.gz"),
    ),
    "label": (
        lambda f: f.add("b", SQUARE, 2 * SQUARE),
        ("Case b", "predictions/b.nii.gz holds the label 2", "dataset.json"),
    ),
    "label of the reference": (
        lambda f: f.add("b", 3 * SQUARE, SQUARE),
        ("Case b", "labelsTs/b.nii.gz holds the label 3"),
    ),
    "half": (
        lambda f: f.add("b", SQUARE, SQUARE.astype(np.float32) / 2),
        ("Case b", "holds the value 0.5: expected labels"),
    ),
    "negative": (
        lambda f: write(f.prediction / "b.nii.gz", np.full((3, 3, 4), -1, dtype=np.int16)),
        ("Case b", "holds the value -1"),
    ),
    "truncated": (lambda f: cut_off(f.prediction / "b.nii.gz"), ("Case b", "cut off")),
    "no image": (
        lambda f: (f.prediction / "b.nii.gz").write_text("no image", encoding="utf-8"),
        ("Case b", "cannot be read"),
    ),
    "no image at all": (
        lambda f: (f.reference / "a.nii.gz").write_text("no image", encoding="utf-8"),
        ("Case a", "labelsTs/a.nii.gz"),
    ),
    "no folder": (lambda f: shutil.rmtree(f.prediction), ("There is no folder", "-pred")),
    "empty": (
        lambda f: [file.unlink() for file in f.prediction.iterdir()],
        ("predictions holds no file that ends in .nii.gz", "(it is empty)", "-pred"),
    ),
    "ending": (
        lambda f: [file.rename(file.with_suffix(".zip")) for file in f.prediction.iterdir()],
        (
            "predictions holds no file that ends in .nii.gz, which is the file_ending of ",
            "dataset.json (its first file is a.nii.zip)",
            "or the dataset of these files with -d",
        ),
    ),
    "a prediction that ignores": (
        lambda f: (
            f.name_classes({"liver": 1, "ignore": 2}),
            f.add("b", SQUARE, 2 * SQUARE),
        ),
        (
            "Case b",
            "predictions/b.nii.gz holds the label 2, which is the ignore label of ",
            "no prediction may hold",
        ),
    ),
    "classes": (lambda f: f.name_classes({}), ("no class but the background",)),
    "labels": (
        lambda f: f.name_classes({"ignore": 1, "liver": 2}),
        ("does not accept the labels",),
    ),
    "regions": (lambda f: f.name_classes({"all": [1, 2]}), ("does not accept the labels",)),
    "json": (
        lambda f: (f.root / "dataset.json").write_text("{", encoding="utf-8"),
        ("dataset.json cannot be read",),
    ),
    "output": (
        lambda f: (f.root / "out").write_text("", encoding="utf-8"),
        ("out cannot be written", "-o"),
    ),
}


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_bad_input_is_a_sentence(folders: Evaluating, breakage: str) -> None:
    break_it, expected = BREAKAGES[breakage]
    break_it(folders)
    sentence = folders.refusal(output=folders.root / "out")
    assert all(part in sentence for part in expected), sentence
    assert "\n" not in sentence and sentence.endswith(".")
    assert not (folders.root / "out" / "metrics.csv").exists()


def test_references_are_not_compared_with_themselves(folders: Evaluating) -> None:
    (folders.root / "link").symlink_to(folders.reference)
    shutil.rmtree(folders.prediction)
    folders.prediction.symlink_to(folders.root / "link")
    assert "name two folders" in folders.refusal()


def test_without_a_dataset_json_formats_are_not_mixed(folders: Evaluating) -> None:
    (folders.root / "dataset.json").unlink()
    write(folders.reference / "c.nrrd", SQUARE)
    assert ".nii.gz and .nrrd" in folders.refusal()


def test_without_a_dataset_json_some_label_must_be_there(tmp_path: Path) -> None:
    made = Evaluating(tmp_path)
    made.add("a", 0 * SQUARE, 0 * SQUARE)
    assert "No file holds a label but 0" in made.refusal()


def test_a_slice_of_a_volume_is_not_a_2d_image(tmp_path: Path) -> None:
    made = Evaluating(tmp_path, ".mha")
    made.add("a", SQUARE[:1], SQUARE[:1])
    flat = sitk.GetImageFromArray(SQUARE[0])
    flat.SetSpacing(SPACING[:0:-1])
    sitk.WriteImage(flat, made.reference / "a.mha")
    assert "prediction of case a has" in made.refusal()


def test_a_colour_image_is_no_segmentation(tmp_path: Path) -> None:
    made = Evaluating(tmp_path, ".png")
    made.add("a", SQUARE, np.zeros((1, 3, 4, 3), dtype=np.uint8))
    assert "3 channels: expected one, of labels" in made.refusal()


def test_spacing_of_tiff_lies_beside_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without the sidecar nnU-Net's reader says 1 mm."""
    made = Evaluating(tmp_path, ".tif")
    made.add("a", labels("00000 01110", 5), labels("00000 01110", 5))
    (made.prediction / "a.json").unlink()
    assert f"spacing of 1 x 1 x 1 mm, its reference of {SPACING[0]:g} x 1 x 0.5" in made.refusal()
    assert "no spacing" not in capsys.readouterr().err
    (made.reference / "a.json").unlink()
    made.run()
    assert "no spacing: 1 mm is assumed" in capsys.readouterr().err
