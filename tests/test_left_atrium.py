"""The left atrium's downloads become what their arrays are, at the documented spacing."""

from __future__ import annotations

import numpy as np
import pytest

from dataset_conversion.Dataset501_LeftAtrium import LEFT_ATRIUM
from nnunetv2_ducisc.raw_dataset.downloads.split import published
from tests.left_atrium_download import (
    IDS,
    LABELED,
    LISTS,
    TEST,
    UNLABELED,
    atrium,
    scaled_scan,
    scan,
    write_h5,
    write_nrrd,
    write_raw,
)
from tests.script_run import MakeScriptRun, ScriptRun

pytestmark = pytest.mark.unit


@pytest.fixture
def run(script_run: MakeScriptRun) -> ScriptRun:
    return script_run(LEFT_ATRIUM, LISTS)


@pytest.mark.parametrize(("foreground", "encoding"), [(255, "gzip"), (255, "raw"), (1, "gzip")])
def test_raw_arrays_keep_their_order_and_get_the_documented_spacing(
    run: ScriptRun, foreground: int, encoding: str
) -> None:
    """Identity in ITK's axes is diag(-1, -1, 1) in NIfTI's, times 0.625 mm; the origin is 0."""
    for case in IDS:
        write_raw(run.download / "Training Set", case, foreground, encoding)
    assert run.convert() == 0
    for case in IDS:
        image, label = run.written(case)
        for file in (image, label):
            assert np.array_equal(file.affine, np.diag([-0.625, -0.625, 0.625, 1]))
        assert np.array_equal(image.dataobj, scan())
        assert np.array_equal(label.dataobj, atrium())
    assert run.json("dataset")["channel_names"] == {"0": "LGE MRI"}


def test_names_of_parents_and_clutter_do_not_matter(run: ScriptRun) -> None:
    write_raw(run.download / "2018LA_Seg_TrainingSet", LABELED)
    write_raw(run.download / "2018_UTAH_MICCAI" / "2018LA_Seg_Training Set", UNLABELED)
    write_raw(run.download, TEST)
    (run.download / "Unet.py").write_text("import keras", encoding="utf-8")
    (run.download / TEST / "desktop.ini").write_bytes(b"\xff\xfe")
    (run.download / "__MACOSX" / TEST).mkdir(parents=True)
    (run.download / "__MACOSX" / TEST / "._lgemri.nrrd").write_bytes(b"\0")
    assert run.convert() == 0
    assert [run.cases(part) for part in ("Tr", "Un", "Ts")] == [[case] for case in IDS]


def test_the_first_k_of_the_published_list_are_labeled_and_54_scans_left_out(
    run: ScriptRun,
) -> None:
    """154 scans: 100 in the lists, 80 of them for training, of which 80 - 8 = 72 unlabeled."""
    lists = published("la")
    for case in lists.units:
        write_raw(run.download / "Training Set", case)
    for number in range(54):
        write_raw(run.download / "Testing Set", f"EXTRA{number:015d}")
    assert run.convert(labeled="8", published=True) == 0
    assert run.cases("Tr") == sorted(lists.train[:8])
    assert run.cases("Un") == sorted(lists.train[8:]) and len(lists.train[8:]) == 72
    assert run.cases("Ts") == sorted(lists.test) and len(lists.test) == 20
    assert run.json("conversion")["split"]["labeled"] == list(lists.train[:8])
    assert any("54 case(s) are in no list" in said for said in run.json("conversion")["warnings"])


def test_a_list_file_names_the_labeled_scans(run: ScriptRun) -> None:
    for case in IDS:
        write_raw(run.download, case)
    (run.root / "labeled.txt").write_text(f"{UNLABELED}\r\n", encoding="utf-8")
    assert run.convert(labeled=str(run.root / "labeled.txt")) == 0
    assert run.cases("Tr") == [UNLABELED] and run.cases("Un") == [LABELED]


def test_h5_arrays_are_x_y_z_and_the_record_says_that_labels_shaped_them(run: ScriptRun) -> None:
    for case in IDS:
        write_h5(run.download / "2018LA_Seg_Training Set", case)
    (run.download / "2018LA_Seg_Training Set" / TEST / "desktop.ini").write_bytes(b"\xff\xfe")
    assert run.convert() == 0
    image, label = run.written(UNLABELED)
    assert image.get_data_dtype() == np.float32
    assert np.array_equal(image.dataobj, scaled_scan())
    assert np.array_equal(label.dataobj, atrium())
    assert image.header.get_zooms() == (0.625, 0.625, 0.625) == label.header.get_zooms()
    assert (
        "cropped in plane to labels, test labels among them" in run.json("dataset")["description"]
    )
    note = run.json("conversion")["protocol"]["note"]
    assert "test labels among them" in note and "scans as they are" not in note


def test_the_published_crop_does_not_come_on_top_of_the_one_in_h5_files(run: ScriptRun) -> None:
    for case in IDS:
        write_h5(run.download, case)
    said = run.refusal("--protocol", "published")
    assert said.startswith("--protocol published does not fit the h5 form, whose images are scaled")
    assert said.endswith("choose --protocol whole.")


def test_endings_in_capitals_and_links_to_folders_are_found(run: ScriptRun) -> None:
    """The link's own name is the case's; a loop of links has an end."""
    for case in IDS:
        write_raw(run.download, case)
    for file in (run.download / LABELED).iterdir():
        file.rename(file.with_name(file.name.upper()))
    (run.download / UNLABELED).rename(run.root / "elsewhere")
    (run.download / UNLABELED).symlink_to(run.root / "elsewhere")
    (run.download / TEST / "loop").symlink_to(run.download)
    assert run.convert() == 0
    assert [run.cases(part) for part in ("Tr", "Un", "Ts")] == [[case] for case in IDS]


def test_the_published_protocol_crops_in_plane_and_says_that_test_labels_shaped_it(
    run: ScriptRun,
) -> None:
    """Box x 20..139 gets a margin of 15: 5..154. Box y 70..100 first grows to 112: 15..156.

    The origin lies at 5 and 15 x 0.625 mm.
    """
    size = (190, 170, 4)
    mask = np.zeros(size, dtype=np.uint8)
    mask[20:140, 70, 1] = mask[20, 70:101, 2] = 255
    for case in IDS:
        write_nrrd(run.download / case / "lgemri.nrrd", scan(size))
        write_nrrd(run.download / case / "laendo.nrrd", mask)
    assert run.convert("--protocol", "published", "--no-withheld-labels") == 0
    image, label = run.written(TEST)
    assert np.array_equal(image.dataobj, scan(size)[5:155, 15:157])
    assert np.array_equal(label.dataobj, mask[5:155, 15:157] > 0)
    assert image.affine[:3, 3].tolist() == [-3.125, -9.375, 0] == label.affine[:3, 3].tolist()
    assert run.cases("Un") == [UNLABELED] and not (run.dataset / "labelsUn").exists()
    assert "test labels among them" in run.json("conversion")["protocol"]["note"]


def test_a_volume_beyond_the_known_ones_gets_a_warning(run: ScriptRun) -> None:
    """13 voxels of 0.625^3 mm^3 are 0.003174 ml; the scans have 12 x 10 x 8 voxels."""
    for case in IDS:
        write_raw(run.download, case)
    run.convert()
    warnings = run.json("conversion")["warnings"]
    assert f"{TEST} has a label of 0.003174 ml, known are 18.6 to 132.1 ml: look at it" in warnings
    assert f"{TEST} has a size along z of 8 voxels, known are 88 voxels: look at it" in warnings
    assert "3 scans were found, known are 100 or 154: see whether some are missing" in warnings


def test_a_withheld_mask_may_be_missing(run: ScriptRun) -> None:
    for case in IDS:
        write_raw(run.download, case)
    (run.download / UNLABELED / "laendo.nrrd").unlink()
    assert run.convert("--no-withheld-labels") == 0
    assert run.cases("Un") == [UNLABELED]


def test_the_pair_of_scans_with_one_mask_is_named(run: ScriptRun) -> None:
    for case in (*IDS, "CMPXO4J23G58J53Q98SZ"):
        write_raw(run.download, case)
    assert run.convert() == 0
    assert (
        "0RZDK210BSMWAA6467LU and CMPXO4J23G58J53Q98SZ are two scans that the challenge gives the "
        "same mask"
    ) in run.json("conversion")["warnings"]
