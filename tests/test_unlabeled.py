"""What lies in imagesUn: every way in which it can be wrong has one sentence, naming the case."""

import re
from pathlib import Path

import numpy as np
import pytest

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.nnunet.unlabeled import check_image, find_unlabeled_cases

pytestmark = pytest.mark.unit


def dataset_json(channels: int = 1, ending: str = ".nii.gz") -> dict:
    return {"channel_names": {str(c): "MR" for c in range(channels)}, "file_ending": ending}


def put(raw: Path, *names: str, folder: str = "imagesUn") -> list[Path]:
    (raw / folder).mkdir(exist_ok=True)
    files = [raw / folder / name for name in names]
    for file in files:
        file.touch()
    return files


def refusal(raw: Path, **dataset: object) -> str:
    with pytest.raises(DuCiSCError) as caught:
        find_unlabeled_cases(raw, dataset_json() | dataset)
    return str(caught.value)


def test_cases_and_their_channels_come_in_order(tmp_path: Path) -> None:
    b1, a0, b0, a1 = put(tmp_path, "b_0001.mha", "a_0000.mha", "b_0000.mha", "a_0001.mha")
    cases = find_unlabeled_cases(tmp_path, dataset_json(channels=2, ending=".mha"))
    assert cases == {"a": [a0, a1], "b": [b0, b1]}
    assert list(cases) == ["a", "b"]


def test_an_identifier_may_hold_dots_digits_and_underscores(tmp_path: Path) -> None:
    (file,) = put(tmp_path, "site.1_0007_0000.nii.gz")
    assert find_unlabeled_cases(tmp_path, dataset_json()) == {"site.1_0007": [file]}


def test_one_file_may_hold_all_channels(tmp_path: Path) -> None:
    """An RGB image: one file, three channels; they are counted after reading."""
    (file,) = put(tmp_path, "a_0000.png")
    assert find_unlabeled_cases(tmp_path, dataset_json(3, ".png")) == {"a": [file]}


def test_the_old_name_of_the_channels_is_known(tmp_path: Path) -> None:
    put(tmp_path, "a_0000.nii.gz", "a_0001.nii.gz")
    old = {"modality": {"0": "T1", "1": "T2"}, "file_ending": ".nii.gz"}
    assert list(find_unlabeled_cases(tmp_path, old)) == ["a"]


def test_hidden_files_and_the_spacing_of_a_tiff_are_no_images(tmp_path: Path) -> None:
    image, *_ = put(tmp_path, "a_0000.tif", "a.json", ".DS_Store", "._a_0000.tif")
    assert find_unlabeled_cases(tmp_path, dataset_json(ending=".tif")) == {"a": [image]}


def test_labels_are_not_looked_at(tmp_path: Path) -> None:
    put(tmp_path, "a_0000.nii.gz")
    put(tmp_path, "a.nii.gz", "b.nii.gz", "garbage.txt", folder="labelsUn")
    assert list(find_unlabeled_cases(tmp_path, dataset_json())) == ["a"]


def test_no_folder_is_refused_with_the_way_out(tmp_path: Path) -> None:
    assert refusal(tmp_path) == (
        f"There is no folder {tmp_path}/imagesUn: make it and put the unlabeled images there, or "
        "train with -tr nnUNetTrainerDuCiSC_supervised or with nnU-Net's own -tr nnUNetTrainer, "
        "which need none."
    )


def test_an_empty_folder_is_refused_with_the_way_out(tmp_path: Path) -> None:
    put(tmp_path, ".gitkeep")
    assert re.fullmatch(
        r"The folder .*imagesUn is empty: put the .*_supervised or .* nnUNetTrainer, .*\.",
        refusal(tmp_path),
    )


@pytest.mark.parametrize(
    "name",
    [
        "b_0000.nii",
        "b_0000.NII.GZ",
        "b.nii.gz",
        "b_000.nii.gz",
        "_0000.nii.gz",
        "b_0000Xnii.gz",
        "b.json",
        "Thumbs.db",
    ],
)
def test_a_name_that_does_not_fit_is_refused(tmp_path: Path, name: str) -> None:
    put(tmp_path, "a_0000.nii.gz", name)
    assert refusal(tmp_path) == (
        f"{tmp_path}/imagesUn/{name} is not an image of this dataset: expected files named "
        "CASE_0000.nii.gz, the identifier, the channel in four digits and the file_ending of "
        "dataset.json."
    )


def test_a_folder_and_a_dangling_link_are_refused(tmp_path: Path) -> None:
    put(tmp_path, "a_0000.nii.gz")
    entry = tmp_path / "imagesUn" / "b_0000.nii.gz"
    entry.mkdir()
    assert f"{entry} is not an image" in refusal(tmp_path)
    entry.rmdir()
    entry.symlink_to(tmp_path / "nowhere")
    assert f"{entry} is not an image" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("channels", "absent"), [((1,), "0000"), ((0, 2), "0001"), ((1, 2), "0000")]
)
def test_a_gap_in_the_channels_is_refused(
    tmp_path: Path, channels: tuple[int, ...], absent: str
) -> None:
    put(tmp_path, *(f"a_{channel:04d}.nii.gz" for channel in channels))
    assert refusal(tmp_path, **dataset_json(channels=3)) == (
        f"Unlabeled case a has no file a_{absent}.nii.gz, but a_{channels[-1]:04d}.nii.gz: "
        "channels are numbered from 0000 without a gap."
    )


def test_more_files_than_channels_are_refused(tmp_path: Path) -> None:
    put(tmp_path, "a_0000.nii.gz", "a_0001.nii.gz", "a_0002.nii.gz")
    assert refusal(tmp_path, **dataset_json(channels=2)) == (
        "Unlabeled case a has 3 channel files, but dataset.json names 2 channels: take away "
        "a_0002.nii.gz."
    )


def test_a_name_that_would_overwrite_another_case_is_refused(tmp_path: Path) -> None:
    """nnU-Net writes case ``a`` to a.b2nd and a_seg.b2nd, and case ``a_seg`` to a_seg.b2nd."""
    put(tmp_path, "a_0000.nii.gz", "a_seg_0000.nii.gz")
    assert refusal(tmp_path).startswith("Unlabeled case a_seg ends in _seg, which nnU-Net keeps")


@pytest.mark.parametrize(
    ("folder", "where"), [("imagesTr", "the labeled cases"), ("imagesTs", "imagesTs")]
)
def test_a_case_that_is_something_else_too_is_refused(
    tmp_path: Path, folder: str, where: str
) -> None:
    put(tmp_path, "a_0000.nii.gz", "b_0000.nii.gz", "c_0000.nii.gz")
    put(tmp_path, "b_0000.nii.gz", "c_0000.nii.gz", "d_0000.nii.gz", folder=folder)
    assert refusal(tmp_path) == (
        f"Case b (and 1 more) is in imagesUn and in {where}: a case may be in one of them only, "
        "take it out of imagesUn."
    )


def test_cases_that_dataset_json_lists_count_as_labeled(tmp_path: Path) -> None:
    """With the key ``dataset`` nnU-Net does not look into imagesTr, wherever the images are."""
    put(tmp_path, "a_0000.nii.gz", "b_0000.nii.gz")
    put(tmp_path, "b_0000.nii.gz", folder="imagesTr")
    listed = {"a": {"images": ["elsewhere/x_0000.nii.gz"], "label": "elsewhere/x.nii.gz"}}
    assert refusal(tmp_path, dataset=listed).startswith("Case a is in imagesUn and in the labeled")
    (tmp_path / "imagesUn" / "a_0000.nii.gz").unlink()
    assert list(find_unlabeled_cases(tmp_path, dataset_json() | {"dataset": listed})) == ["b"]


SOUND = np.arange(2 * 8, dtype=np.float32).reshape(2, 2, 2, 2)


def spoiled(channel: int, value: float, everywhere: bool = False) -> np.ndarray:
    image = SOUND.copy()
    image[(channel,) if everywhere else (channel, 1, 0, 1)] = value
    return image


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8, np.int16])
def test_a_sound_image_passes(dtype: type) -> None:
    check_image("a", SOUND.astype(dtype), 2)


@pytest.mark.parametrize(
    ("image", "sentence"),
    [
        (
            SOUND[:1],
            "Unlabeled case a was read with 1 channel(s), but dataset.json names 2: mend "
            "the image or take the case out of imagesUn.",
        ),
        *(
            (
                spoiled(1, value),
                "Unlabeled case a holds NaN or infinite values in channel 0001: mend the image or "
                "take the case out of imagesUn.",
            )
            for value in (np.nan, np.inf, -np.inf)
        ),
        (
            spoiled(0, 7.5, everywhere=True),
            "Unlabeled case a is constant in channel 0000, everywhere 7.5: mend the image or take "
            "the case out of imagesUn.",
        ),
    ],
)
def test_an_unsound_image_is_refused(image: np.ndarray, sentence: str) -> None:
    with pytest.raises(DuCiSCError) as caught:
        check_image("a", image, 2)
    assert str(caught.value) == sentence
