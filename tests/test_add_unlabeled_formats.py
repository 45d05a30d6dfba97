"""``ducisc add-unlabeled`` for datasets whose format SimpleITK does not write: PNG and TIFF."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.adding import Adding, noise, write

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("raw", "preprocessed", "results"):
        monkeypatch.setenv(f"nnUNet_{name}", str(tmp_path / name))


def test_an_rgb_picture_is_one_file_with_three_channels(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    adding = Adding(tmp_path, capsys, ".png", shape=(16, 12, 3))
    adding.write_json({"0": "R", "1": "G", "2": "B"})
    adding.give("x.png", 1)
    adding.give("grey.png", 2, shape=(16, 12))
    (sentence,) = adding.refusals()
    assert "Case grey is not added, it was read with 1 channel(s)" in sentence
    assert adding.names == ["x_0000.png"]


def test_a_2d_dataset_takes_its_own_format_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    adding = Adding(tmp_path, capsys, ".png", shape=(16, 12))
    adding.give("x.png", 1)
    volume = write(adding.inbox / "v.nii.gz", noise(1))
    (sentence,) = adding.refusals(volume)
    assert sentence == (
        f"{volume} is no image for this dataset: expected a name that ends in .png."
    )
    assert "skipped what is no image for this dataset (1): v.nii.gz." in adding.add()
    assert adding.names == ["x_0000.png"]


@pytest.mark.parametrize("name", ["x_0000.tif", "x.tif"])
def test_the_spacing_beside_a_3d_tiff_goes_along(
    tmp_path: Path, capsys: pytest.CaptureFixture, name: str
) -> None:
    """The labeled images have 1 mm, as nnU-Net assumes; in the sidecar the order is z, y, x."""
    adding = Adding(tmp_path, capsys, ".tif")
    adding.give(name, 1)
    (adding.inbox / "x.json").write_text(json.dumps({"spacing": [5.0, 1.0, 1.0]}), encoding="utf-8")
    printed = adding.add()
    assert adding.names == ["x.json", "x_0000.tif"]
    assert "Warning: x has a spacing of 1 x 1 x 5 mm (labeled: 1 x 1 x 1)" in printed


def test_a_volume_is_refused_where_labeled_images_are_2d(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    adding = Adding(tmp_path, capsys, ".nrrd", shape=(8, 10))
    write(adding.inbox / "v.nrrd", noise(1))
    write(adding.inbox / "x.nii", noise(2, (8, 10)))
    (sentence,) = adding.refusals()
    assert "Case v is not added, it is 3D, but the labeled images are 2D" in sentence
    assert adding.names == ["x_0000.nrrd"]


def test_a_reader_that_dataset_json_names_is_used(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """NibabelIO refuses the 4D image that SimpleITKIO takes for several channels."""
    adding = Adding(tmp_path, capsys)
    file = adding.folder / "dataset.json"
    content = json.loads(file.read_text(encoding="utf-8")) | {
        "overwrite_image_reader_writer": "NibabelIO"
    }
    file.write_text(json.dumps(content), encoding="utf-8")
    write(adding.inbox / "x.nii.gz", noise(1, (1, 6, 8, 10)), spacing=(1.0,) * 4)
    adding.give("y.mha", 2)
    (sentence,) = adding.refusals()
    assert "Case x is not added, it cannot be read (AssertionError: only 3d images" in sentence
    assert np.array_equal(adding.names, ["y_0000.nii.gz"])
