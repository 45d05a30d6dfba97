"""An unlabeled case is preprocessed as nnU-Net would, or refused in one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor
from nnunetv2.training.dataloading.data_loader import nnUNetDataLoader
from nnunetv2.training.dataloading.nnunet_dataset import infer_dataset_class

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.nnunet.unlabeled_data import UnlabeledData
from tests.tiny_dataset import (
    TinyDataset,
    arrays,
    image,
    missing_cases,
    names_of,
    prepare,
    properties,
    refusal,
    write,
    written,
)

pytestmark = pytest.mark.unit


FORMATS = {
    "NIfTI by SimpleITK, two channels": {"num_channels": 2},
    "NIfTI by nibabel": {"reader": "NibabelIO", "ending": ".nii"},
    "3D TIFF": {"reader": "Tiff3DIO", "ending": ".tif", "num_channels": 2},
    "RGB": {"reader": "NaturalImage2DIO", "ending": ".png", "num_channels": 3, "spacing": (1, 1)},
}


@pytest.fixture(params=FORMATS.values(), ids=FORMATS.keys())
def formatted(request: pytest.FixtureRequest, tmp_path: Path) -> TinyDataset:
    """Case a, in each of nnU-Net's formats; RGB is one file with three channels."""
    dataset = TinyDataset(tmp_path, **request.param)
    if dataset.ending == ".png":
        write(
            dataset.raw / "imagesUn" / "a_0000.png",
            np.stack([image(seed, (14, 12)) for seed in (1, 2, 3)], axis=-1),
        )
    else:
        dataset.add("a")
    if dataset.ending == ".tif":
        (dataset.raw / "imagesUn" / "a.json").write_text(
            '{"spacing": [3.0, 1.0, 1.0]}', encoding="utf-8"
        )
    return dataset


def by_nnunet(data: UnlabeledData, folder: Path, label: Path | None) -> None:
    """Preprocess case a into another folder with nnU-Net's class alone."""
    folder.mkdir()
    configuration = data.plans_manager.get_configuration(data.configuration_name)
    images = sorted(map(str, (data.raw_dataset / "imagesUn").glob("a_*")))
    DefaultPreprocessor(verbose=False).run_case_save(
        str(folder / "a"),
        images,
        label and str(label),
        data.plans_manager,
        configuration,
        data.dataset_json,
    )


def test_a_case_is_what_nnunet_makes_of_a_test_case(formatted: TinyDataset, tmp_path: Path) -> None:
    """Arrays and properties (spacing, origin, crop, shapes) are equal; two properties are added."""
    data = formatted.unlabeled()
    folder, cases = prepare(data)
    by_nnunet(data, tmp_path / "stock", label=None)
    assert cases == ["a"]
    assert set(written(folder)) == names_of("a") == set(written(tmp_path / "stock"))
    for ours, stock in zip(arrays(folder, "a"), arrays(tmp_path / "stock", "a"), strict=True):
        np.testing.assert_array_equal(ours, stock)
        assert ours.dtype == stock.dtype
    ours = properties(folder, "a")
    assert ours.pop("class_locations") == {1: []}
    assert ours.pop("ducisc_source")
    np.testing.assert_equal(ours, properties(tmp_path / "stock", "a"))


def test_the_spacing_beside_a_tiff_is_read(tmp_path: Path) -> None:
    """3 mm and a target of 1.5 mm: the 7 slices within the frame of zeros become 14.

    The plans put the second axis first; slices are the second axis of the result.
    """
    dataset = TinyDataset(tmp_path, ending=".tif", reader="Tiff3DIO", spacing=(1.0, 1.5, 1.0))
    dataset.add("a")
    sidecar = dataset.raw / "imagesUn" / "a.json"
    sidecar.write_text('{"spacing": [3.0, 1.0, 1.0]}', encoding="utf-8")
    folder, _ = prepare(dataset.unlabeled())
    assert properties(folder, "a")["spacing"] == [3.0, 1.0, 1.0]
    assert arrays(folder, "a")[0].shape == (1, 11, 14, 9)
    sidecar.write_text('{"spacing": [6.0, 1.0, 1.0]}', encoding="utf-8")
    prepare(dataset.unlabeled())
    assert arrays(folder, "a")[0].shape == (1, 11, 28, 9)


LABELS = {
    "labels": {"background": 0, "organ": 1, "tumor": 2},
    "regions": {"background": 0, "whole": [1, 2], "core": 2},
    "labels and ignore": {"background": 0, "organ": 1, "tumor": 2, "ignore": 3},
    "regions and ignore": {"background": 0, "whole": [1, 2], "core": 2, "ignore": 3},
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS.keys())
def test_nnunets_loader_finds_all_that_it_looks_up(labels: dict[str, Any], tmp_path: Path) -> None:
    """The keys of class_locations are those of the same image as a labeled case."""
    dataset = TinyDataset(tmp_path, labels=labels)
    dataset.add("a")
    label = tmp_path / "label.nii.gz"
    write(label, (image(3) > 100).astype(np.float32))
    data = dataset.unlabeled()
    folder, cases = prepare(data)
    by_nnunet(data, tmp_path / "labeled", label)
    np.testing.assert_array_equal(arrays(folder, "a")[0], arrays(tmp_path / "labeled", "a")[0])
    locations = properties(folder, "a")["class_locations"]
    assert locations.keys() == properties(tmp_path / "labeled", "a")["class_locations"].keys()
    assert all(voxels == [] for voxels in locations.values())
    loader = nnUNetDataLoader(
        infer_dataset_class(str(folder))(str(folder), cases),
        2,
        (8, 8, 8),
        (8, 8, 8),
        data.plans_manager.get_label_manager(data.dataset_json),
        oversample_foreground_percent=0.5,
    )
    assert next(loader)["data"].shape == (2, 1, 8, 8, 8)


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_an_image_that_was_cut_off_is_refused_not_filled_with_zeros(
    tmp_path: Path, ending: str
) -> None:
    """ITK reads such a file without an error."""
    dataset = TinyDataset(tmp_path, ending=ending)
    (whole,) = dataset.add("whole")
    (file,) = dataset.add("cut")
    file.write_bytes(whole.read_bytes()[:-100])
    line = refusal(dataset.unlabeled())
    assert line.startswith("Unlabeled case cut could not be read, it is cut off")
    assert line.endswith(f": fetch {file} again or take the case out of imagesUn.")
    assert set(written(dataset.folder)) == names_of("whole")


def test_every_bad_case_has_its_line_and_the_others_are_done(tmp_path: Path) -> None:
    """Unreadable, NaN and constant between two good cases.

    MetaImage, because ITK's reader of NIfTI takes NaN for 0.
    """
    dataset = TinyDataset(tmp_path, ending=".mha")
    dataset.add("a")
    dataset.add("b")
    folder = dataset.raw / "imagesUn"
    (folder / "aa_0000.mha").write_bytes(b"garbage" * 100)
    write(folder / "ab_0000.mha", np.where(image(1) > 100, np.nan, image(1)))
    write(folder / "ac_0000.mha", np.ones((8, 8, 8), dtype=np.float32))
    lines = refusal(dataset.unlabeled()).splitlines()
    assert lines[0].startswith("Unlabeled case aa could not be preprocessed (RuntimeError: ")
    assert lines[0].endswith(
        f"): check that {folder}/aa_0000.mha can be opened and fit together, or take the case "
        "out of imagesUn."
    )
    assert lines[1].startswith("Unlabeled case ab holds NaN or infinite values in channel 0000: ")
    assert lines[2].startswith("Unlabeled case ac is constant in channel 0000, everywhere 1: ")
    assert len(lines) == 3
    assert set(written(dataset.folder)) == names_of("a", "b")
    assert missing_cases(dataset.unlabeled()) == ["aa", "ab", "ac"]
    for bad in ("aa", "ab", "ac"):
        (folder / f"{bad}_0000.mha").unlink()
    assert prepare(dataset.unlabeled())[1] == ["a", "b"]


def test_a_readers_error_stays_the_cause(tmp_path: Path) -> None:
    """Channels of different shape: nnU-Net's reader raises an empty RuntimeError."""
    dataset = TinyDataset(tmp_path, num_channels=2)
    _, second = dataset.add("a")
    write(second, image(1, (10, 14, 13)))
    with pytest.raises(DuCiSCError, match="a could not be preprocessed") as caught:
        prepare(dataset.unlabeled())
    line = caught.value.__cause__
    assert isinstance(line, DuCiSCError)
    assert isinstance(line.__cause__, RuntimeError)


def test_too_few_channels_after_reading_are_refused(tmp_path: Path) -> None:
    dataset = TinyDataset(tmp_path, num_channels=2)
    dataset.add("a")[1].unlink()
    assert refusal(dataset.unlabeled()) == (
        "Unlabeled case a was read with 1 channel(s), but dataset.json names 2: mend the image or "
        "take the case out of imagesUn."
    )


def test_unusable_images_leave_no_trace(tmp_path: Path) -> None:
    dataset = TinyDataset(tmp_path)
    assert refusal(dataset.unlabeled()).startswith("There is no folder")
    assert not dataset.preprocessed.exists()


def test_several_gpus_are_told_the_command(two_cases: TinyDataset) -> None:
    assert refusal(two_cases.unlabeled(), may_preprocess=False) == (
        "2 of 2 unlabeled cases are not preprocessed from their present images and plans, a among "
        "them: run ducisc preprocess -d 501 -c 3d_fullres before you train on several GPUs."
    )
    assert not two_cases.folder.exists()
    prepare(two_cases.unlabeled())
    assert prepare(two_cases.unlabeled(), may_preprocess=False) == (two_cases.folder, ["a", "b"])
    two_cases.plans_name = "smaller"
    assert "-c 3d_fullres -p smaller before" in refusal(two_cases.unlabeled(), may_preprocess=False)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("502", "3d_fullres", "nnUNetPlans"), "Could not find a dataset with the ID 502"),
        (("Tiny", "3d_fullres", "nnUNetPlans"), "neither a number nor a name that"),
        (("501", "3d_fullres", "other"), "run nnUNetv2_plan_and_preprocess -d 501 first"),
        (("501", "2d", "nnUNetPlans"), "no configuration 2d: name one of 3d_fullres with -c."),
    ],
)
def test_names_that_do_not_exist_are_refused(
    two_cases: TinyDataset,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, str, str],
    sentence: str,
) -> None:
    two_cases.write_plans()
    monkeypatch.setenv("nnUNet_raw", str(two_cases.raw.parent))
    monkeypatch.setenv("nnUNet_preprocessed", str(two_cases.preprocessed.parent))
    with pytest.raises(DuCiSCError) as caught:
        prepare(UnlabeledData.named(*arguments))
    assert sentence in str(caught.value)


def test_a_folder_variable_that_is_not_set_is_named(
    two_cases: TinyDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_cases.write_plans()
    monkeypatch.setenv("nnUNet_preprocessed", str(two_cases.preprocessed.parent))
    monkeypatch.delenv("nnUNet_raw", raising=False)
    with pytest.raises(DuCiSCError, match="nnUNet_raw is not defined"):
        prepare(UnlabeledData.named("501", "3d_fullres", "nnUNetPlans"))
