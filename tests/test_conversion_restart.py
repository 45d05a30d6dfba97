"""A conversion that was stopped goes on with what is left, and mixes nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from nnunetv2_ducisc.raw_dataset.downloads import conversion as conversion_module
from tests.toy_download import Convert, names, write_case

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("processes", ["1", "2"])
def test_bad_cases_are_all_named_and_the_good_ones_stay_done(
    convert: Convert,
    dataset: Path,
    download: Path,
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    processes: str,
) -> None:
    (download / "p1_b_label.npy").unlink()
    (download / "p3_a.npy").write_bytes(b"garbage")
    assert convert("-np", processes) == 1
    lines = capsys.readouterr().err.splitlines()
    bad = {line.partition(" ")[0]: line for line in lines if "is not converted" in line}
    assert set(bad) == {"p1_b", "p3_a"} and not dataset.exists()
    assert "p1_b is not converted, it has no label: mend" in bad["p1_b"]
    assert "p3_a is not converted, ValueError" in bad["p3_a"]
    write_case(download, "p1_b")
    write_case(download, "p3_a")
    converted = []
    original = conversion_module.convert_case
    monkeypatch.setattr(
        conversion_module,
        "convert_case",
        lambda job: converted.append(job.case.identifier) or original(job),
    )
    assert convert() == 0
    assert set(converted) == {"p1_b", "p3_a"}
    assert len(names(dataset / "imagesTr")) == 4


def test_a_file_that_changed_since_is_converted_again(
    convert: Convert, dataset: Path, download: Path
) -> None:
    (download / "p3_a.npy").write_bytes(b"garbage")
    convert()
    write_case(download, "p3_a")
    write_case(download, "p2_a", seed=77)
    assert convert() == 0
    image = sitk.ReadImage(str(dataset / "imagesTr" / "p2_a_0000.nii.gz"))
    now = np.load(download / "p2_a.npy").astype(np.float32)
    assert np.array_equal(sitk.GetArrayFromImage(image), now)


OTHER_OPTIONS = (["--labeled", "1"], ["--protocol", "published"], ["--no-withheld-labels"])


@pytest.mark.parametrize("options", OTHER_OPTIONS, ids=lambda options: options[0])
def test_what_was_begun_with_other_options_is_not_mixed(
    convert: Convert,
    dataset: Path,
    download: Path,
    capsys: pytest.CaptureFixture,
    options: list[str],
) -> None:
    (download / "p3_a.npy").write_bytes(b"garbage")
    convert()
    write_case(download, "p3_a")
    assert convert(*options) == 1
    assert "was begun with other options" in capsys.readouterr().err
    assert convert(*options, "--overwrite") == 0
    assert names(dataset.parent) == {"Dataset777_Toy"}
    images = [sitk.ReadImage(str(file)) for file in dataset.glob("images*/*.nii.gz")]
    widths = {image.GetSize()[0] for image in images}
    assert widths == {4 if "published" in options else 8}
    assert (dataset / "labelsUn").exists() != ("--no-withheld-labels" in options)
    assert len(names(dataset / "imagesUn")) == (2 if "1" in options else 1)


def test_what_another_version_of_the_package_has_begun_is_not_mixed(
    convert: Convert, download: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    (download / "p3_a.npy").write_bytes(b"garbage")
    convert()
    monkeypatch.setattr(conversion_module, "__version__", "another")
    assert convert() == 1
    assert "was begun with other options" in capsys.readouterr().err
