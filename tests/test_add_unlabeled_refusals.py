"""``ducisc add-unlabeled``: what cannot be added is refused in a sentence each, never the rest."""

import shutil

import numpy as np
import pytest
import SimpleITK
from filelock import FileLock

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.raw_dataset.dicom import read_series
from tests.adding import SHAPE, Adding, noise, picture, write
from tests.dicom_series import write_series

pytestmark = pytest.mark.unit


def test_what_is_not_sound_is_named_while_the_others_are_added(adding: Adding) -> None:
    write(adding.inbox / "flat.nii.gz", np.full(SHAPE, 7, np.int16))
    write(adding.inbox / "slice.nrrd", noise(2, (8, 10)), spacing=(1.0, 1.0))
    write(adding.inbox / "several.nii.gz", noise(3, (2, *SHAPE)), spacing=(1.0,) * 4)
    (adding.inbox / "text.mha").write_text("no image", encoding="utf-8")
    adding.give("sound.nii.gz")
    sentences = adding.refusals()
    facts = {sentence.split()[1]: sentence for sentence in sentences}
    assert adding.names == ["sound_0000.nii.gz"]
    assert sorted(facts) == ["flat", "several", "slice", "text"]
    assert all(sentence.endswith(" or leave it out.") for sentence in sentences)
    assert facts["flat"] == (
        "Case flat is not added, it is constant in channel 0000, everywhere 7: mend "
        f"{adding.inbox / 'flat.nii.gz'} or leave it out."
    )
    assert "it was read with 2 channel(s), but dataset.json names 1: mend" in facts["several"]
    assert "it is 2D, but the labeled images are 3D: mend" in facts["slice"]
    assert "it cannot be read (" in facts["text"]


def test_holes_in_an_image_are_refused(adding: Adding) -> None:
    """For a dataset in NRRD: ITK's NIfTI reader turns NaN into 0, so that nobody sees any."""
    nrrd = Adding(adding.root, adding.capsys, ending=".nrrd")
    holes = noise(50).astype(np.float32)
    holes[0, 0, 0] = np.nan
    write(nrrd.inbox / "x.mha", holes)
    (sentence,) = nrrd.refusals()
    assert "Case x is not added, it holds NaN or infinite values in channel 0000" in sentence


@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".mha", ".nrrd"])
def test_a_file_that_is_cut_off_is_refused(adding: Adding, ending: str) -> None:
    """ITK reads a NIfTI file of half the length without a word, and fills it with zeros."""
    file = adding.give(f"x{ending}")
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    (sentence,) = adding.refusals()
    assert sentence.startswith("Case x is not added, it ")
    assert ("is cut off" in sentence) == (".nii" in ending)
    assert adding.names == []


def test_identifiers_that_are_taken_or_kept_are_refused_unread(adding: Adding) -> None:
    for seed, name in enumerate(("a", "t_0000")):
        adding.give(f"{name}.nii.gz", seed + 50)
    write_series(adding.inbox / "x_seg", noise(9), (1, 1, 1), (0, 0, 0))
    assert adding.refusals(adding.inbox, adding.inbox / "x_seg") == [
        "Case a is not added, a labeled case is called so: rename it or leave it out.",
        "Case t is not added, a case in imagesTs is called so: rename it or leave it out.",
        "Case x_seg is not added, its name ends in _seg, which nnU-Net keeps for its own files: "
        "rename it or leave it out.",
    ]


@pytest.mark.parametrize("kept", ["imagesTr/b", "imagesTs/t"])
@pytest.mark.parametrize("ending", [".nii.gz", ".mha"])
def test_a_labeled_or_test_image_under_another_name_is_a_leak(
    adding: Adding, kept: str, ending: str
) -> None:
    """In another format, too, where no byte of the file is the same."""
    file = adding.folder / f"{kept}_0000.nii.gz"
    adding.inbox.mkdir()
    SimpleITK.WriteImage(SimpleITK.ReadImage(str(file)), str(adding.inbox / f"x{ending}"))
    assert adding.refusals() == [
        f"Case x is not added, its voxels are those of {file}: leave it out, for a scan may be "
        "there only once."
    ]


def test_the_dicom_series_of_a_test_image_is_a_leak(adding: Adding) -> None:
    slices = write_series(adding.inbox / "x", noise(9), (1, 1, 1), (0, 0, 0))
    converted = adding.folder / "imagesTs" / "u_0000.nii.gz"
    SimpleITK.WriteImage(read_series(slices), str(converted))
    (sentence,) = adding.refusals(adding.inbox / "x")
    assert f"Case x is not added, its voxels are those of {converted}:" in sentence


def test_one_scan_under_two_names_is_added_once(adding: Adding) -> None:
    adding.give("x.nii.gz", 5)
    adding.give("y.nrrd", 5)
    (sentence,) = adding.refusals()
    assert f"Case y is not added, its voxels are those of {adding.unlabeled}" in sentence
    adding.give("z.mha", 5)
    (_, sentence) = adding.refusals()
    assert "Case z is not added, its voxels are those of" in sentence
    assert adding.names == ["x_0000.nii.gz"]


@pytest.mark.parametrize("shape", [SHAPE, (6, 8, 11)])
def test_another_image_under_the_name_of_an_added_one_replaces_nothing(
    adding: Adding, shape: tuple[int, ...]
) -> None:
    file = adding.give("x.nii.gz", 1)
    adding.add()
    before = (adding.unlabeled / "x_0000.nii.gz").read_bytes()
    file.unlink()
    adding.give("x.nii.gz", 2, shape)
    assert adding.refusals() == [
        "Case x is not added, imagesUn holds another x_0000.nii.gz: rename the new one, or take "
        "the old one away first."
    ]
    assert (adding.unlabeled / "x_0000.nii.gz").read_bytes() == before


def test_two_files_that_would_be_one_case_are_both_refused(adding: Adding) -> None:
    adding.give("one/x.nii.gz", 1)
    adding.give("two/x.mha", 2)
    (sentence,) = adding.refusals(adding.inbox / "one", adding.inbox / "two")
    assert sentence.startswith("Case x is not added, since ")
    assert "x.nii.gz" in sentence and "x.mha" in sentence
    assert adding.names == []


def test_channels_that_do_not_fit_the_dataset_are_named(
    adding: Adding, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = Adding(adding.root / "two", adding.capsys, channels=2)
    monkeypatch.setenv("nnUNet_raw", str(two.root / "raw"))
    two.give("x_0001.nii.gz", 50)
    two.give("y.nii.gz", 51)
    two.give("z_0000.nii.gz", 52)
    two.give("z_0001.nii.gz", 53, shape=(6, 8, 11))
    sentences = two.refusals()
    assert [sentence.split()[1] for sentence in sentences] == ["x", "y", "z"]
    assert sentences[0] == (
        "Case x is not added, it has 1 channel file(s), x_0001.nii.gz: expected x_0000.nii.gz, "
        "x_0001.nii.gz in one folder."
    )
    assert "Not all input images have the same shape!" in sentences[2]


def test_folders_that_hold_nothing_or_too_much_are_named(adding: Adding) -> None:
    (adding.inbox / "empty" / "deeper").mkdir(parents=True)
    adding.give("mixed/x.nii.gz")
    for uid, folder in (("1.2", "mixed"), ("1.2", "two"), ("2.3", "two")):
        write_series(adding.inbox / folder, noise(9), (1, 1, 1), (0, 0, 0), uid=uid)
    (adding.inbox / "notes.txt").touch()
    names = ("empty", "mixed", "two", "notes.txt", "gone")
    paths = [adding.inbox / name for name in names]
    empty, mixed, notes, gone, two = adding.refusals(*paths)
    assert "empty holds no image for this dataset: expected files that end in .nii.gz" in empty
    assert "mixed holds 1 image(s) and 6 DICOM file(s): put them into folders of their own" in mixed
    assert "notes.txt is no image for this dataset: expected a name that ends in" in notes
    assert gone == f"{adding.inbox / 'gone'} is not there: check the path."
    assert two.startswith("Case two is not added, its folder holds 2 DICOM series, expected one")


def test_a_damaged_test_image_is_told_and_does_not_stop_the_others(adding: Adding) -> None:
    test = adding.folder / "imagesTs" / "t_0000.nii.gz"
    test.write_text("no image", encoding="utf-8")
    adding.give("x.nii.gz")
    printed = adding.add()
    assert f"Warning: {test} cannot be read (" in printed
    assert "and no new image was compared with it." in printed
    assert adding.names == ["x_0000.nii.gz"]


def test_labeled_images_that_cannot_be_read_come_first(adding: Adding) -> None:
    (adding.folder / "imagesTr" / "a_0000.nii.gz").write_text("no image", encoding="utf-8")
    adding.give("x.nii.gz")
    (sentence,) = adding.refusals()
    assert sentence.endswith("mend the labeled images first.")


def test_a_damaged_record_is_named(adding: Adding) -> None:
    (adding.folder / "unlabeled_sources.json").write_text("{", encoding="utf-8")
    adding.give("x.nii.gz")
    (sentence,) = adding.refusals()
    assert "unlabeled_sources.json cannot be read (" in sentence


def test_two_processes_do_not_add_at_once(adding: Adding) -> None:
    adding.give("x.nii.gz")
    with FileLock(adding.folder / ".imagesUn.partial.lock"):
        (sentence,) = adding.refusals()
    assert sentence == f"Another process is adding to {adding.unlabeled}: wait for its end."


def test_what_a_killed_process_has_left_is_cleared(adding: Adding) -> None:
    adding.give("x.nii.gz")
    left = adding.folder / ".imagesUn.partial" / "x"
    left.mkdir(parents=True)
    shutil.copy(adding.inbox / "x.nii.gz", left / "x_0000.nii.gz")
    adding.add()
    assert adding.names == ["x_0000.nii.gz"]


def test_a_case_of_which_a_channel_is_there_is_completed(
    adding: Adding, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a kill between two renames leaves it."""
    two = Adding(adding.root / "two", adding.capsys, channels=2)
    monkeypatch.setenv("nnUNet_raw", str(two.root / "raw"))
    for channel in (0, 1):
        two.give(f"x_000{channel}.nii.gz", channel + 50)
    two.unlabeled.mkdir()
    shutil.copy(two.inbox / "x_0000.nii.gz", two.unlabeled)
    two.add()
    assert two.names == ["x_0000.nii.gz", "x_0001.nii.gz"]


def test_the_metadata_of_a_patient_is_not_written(adding: Adding) -> None:
    """An nrrd file would take it over from the source's header."""
    nrrd = Adding(adding.root, adding.capsys, ending=".nrrd")
    image = picture(noise(1))
    image.SetMetaData("PatientName", "Jane Doe")
    nrrd.inbox.mkdir(exist_ok=True)
    SimpleITK.WriteImage(image, str(nrrd.inbox / "x.mha"))
    nrrd.add()
    assert b"Jane" in (nrrd.inbox / "x.mha").read_bytes()
    assert b"Jane" not in (nrrd.unlabeled / "x_0000.nrrd").read_bytes()


def test_an_unknown_dataset_is_named(adding: Adding) -> None:
    shutil.rmtree(adding.folder)
    with pytest.raises(DuCiSCError, match="Could not find a dataset with the ID 4: name the"):
        adding.add()
