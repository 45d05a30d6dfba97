"""The doctor: every line that fails names the fix, and what cannot be looked at is not."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnunetv2_ducisc.doctor.check import Check, Report
from nnunetv2_ducisc.doctor.dataset import dataset_checks
from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.nnunet.unlabeled_data import UnlabeledData
from tests.planned import PlannedDataset, console
from tests.tiny_dataset import TinyDataset, image, prepare, write

unit = pytest.mark.unit


def fails() -> str:
    raise DuCiSCError("wrong: mend it")


@unit
def test_failures_are_counted_and_do_not_stop_what_is_independent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = Report()
    report.look_at_all([Check("first", fails), Check("second", lambda: "1.0")])
    assert not report.conclude()
    first, second, last = capsys.readouterr().out.splitlines()
    assert first.split(maxsplit=2) == ["FAIL", "first", "wrong: mend it"]
    assert second.split() == ["ok", "second", "1.0"]
    assert last == "1 of 2 checks failed"


@unit
def test_what_needs_a_failed_check_is_neither_made_nor_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = Report()
    report.look_in_turn([Check("first", fails), Check("second", fails)])
    assert (report.done, report.failed) == (1, 1)
    assert capsys.readouterr().out.splitlines()[-1].startswith("skip  second")


@unit
def test_no_failure_is_everything_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report()
    report.look_at_all([Check("first", lambda: "1.0")])
    assert report.conclude()
    assert capsys.readouterr().out.splitlines()[-1] == "everything is in order"


@pytest.fixture
def tiny_raw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TinyDataset:
    """A sound dataset of two unlabeled cases, with plans, none preprocessed.

    Of MetaImages, because ITK's reader of NIfTI takes NaN for 0.
    """
    dataset = TinyDataset(tmp_path, ending=".mha")
    for case in ("a", "b"):
        dataset.add(case)
    dataset.write_plans()
    write_dataset_json(dataset, dataset.dataset_json)
    for variable in ("nnUNet_raw", "nnUNet_preprocessed"):
        monkeypatch.setenv(variable, str(tmp_path / variable))
    monkeypatch.setenv("nnUNet_results", str(tmp_path))
    return dataset


def write_dataset_json(dataset: TinyDataset, content: dict[str, Any]) -> None:
    """Where the raw images are, and the copy that nnU-Net's planning leaves."""
    for folder in (dataset.raw, dataset.preprocessed):
        (folder / "dataset.json").write_text(json.dumps(content), encoding="utf-8")


class Told:
    """What the doctor says of a dataset, by the name of the check."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(
        self, dataset: str = "501", configuration: str | None = "3d_fullres"
    ) -> dict[str, str]:
        Report().look_in_turn(dataset_checks(dataset, configuration, "nnUNetPlans"))
        printed = self._capsys.readouterr().out
        entries = [line.split(maxsplit=2) for line in re.split(r"\n(?! )", printed.strip())]
        return {name: f"{verdict} {text}" for verdict, name, text in entries}


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    return Told(capsys)


@unit
def test_a_sound_dataset_is_told_what_is_still_to_be_done(
    tiny_raw: TinyDataset, told: Told
) -> None:
    assert told() == {
        "dataset": f"ok {tiny_raw.raw}",
        "dataset.json": "ok 1 channel(s), labels background, organ, files *.mha",
        "imagesUn": "ok 2 unlabeled cases",
        "plans": "ok nnUNetPlans, 3d_fullres",
        "preprocessed": "ok 0 of 2 unlabeled cases; training makes the other 2 when it starts (on "
        "one GPU), ducisc preprocess -d 501 -c 3d_fullres makes them now",
        "images": "ok 2 read and sound; those that are preprocessed were checked then",
    }


@unit
def test_images_that_are_preprocessed_are_not_read_again(tiny_raw: TinyDataset, told: Told) -> None:
    prepare(UnlabeledData.named("501", "3d_fullres", "nnUNetPlans"))
    lines = told()
    assert lines["preprocessed"] == "ok 2 of 2 unlabeled cases"
    assert lines["images"].startswith("ok 0 read")


@unit
def test_without_a_configuration_only_the_raw_folder_is_looked_at(
    tiny_raw: TinyDataset, told: Told
) -> None:
    assert list(told(configuration=None)) == ["dataset", "dataset.json", "imagesUn"]


@unit
def test_every_image_that_is_not_sound_has_a_line(tiny_raw: TinyDataset, told: Told) -> None:
    with_nan = image(0)
    with_nan[5, 5, 5] = np.nan
    write(tiny_raw.raw / "imagesUn" / "a_0000.mha", with_nan)
    write(tiny_raw.raw / "imagesUn" / "b_0000.mha", np.ones_like(with_nan))
    (tiny_raw.raw / "imagesUn" / "c_0000.mha").write_bytes(b"no image")
    a, b, c = told()["images"].splitlines()
    assert "case a holds NaN" in a and "mend the image" in a
    assert "case b is constant" in b and "mend the image" in b
    assert "case c cannot be read" in c and c.endswith("or take the case out of imagesUn.")


@unit
def test_an_image_without_its_second_channel_is_failed(tiny_raw: TinyDataset, told: Told) -> None:
    """dataset.json names two channels, and every case has one file of one channel."""
    two = tiny_raw.dataset_json | {"channel_names": {"0": "T1", "1": "T2"}}
    write_dataset_json(tiny_raw, two)
    assert "a was read with 1 channel(s), but dataset.json names 2" in told()["images"]


@unit
@pytest.mark.parametrize(
    ("dataset", "fix"),
    [
        ("777", "name the number or the whole name of one folder DatasetNNN_NAME in nnUNet_raw"),
        ("heart", "name the number or the whole name of one folder DatasetNNN_NAME in nnUNet_raw"),
        ("Dataset777_Heart", "put the dataset there, or name another one with -d"),
    ],
)
def test_a_dataset_that_is_not_there_ends_the_checks(
    tiny_raw: TinyDataset, told: Told, dataset: str, fix: str
) -> None:
    first, *others = told(dataset).values()
    assert first.startswith("FAIL ") and fix in first
    assert others and all(line.startswith("skip ") for line in others)


@unit
@pytest.mark.parametrize(
    ("content", "fix"),
    [
        (None, "write it as nnU-Net's dataset format asks"),
        ("{", "is not valid JSON"),
        ('{"modality": {}, "labels": {}}', "has no file_ending: add"),
    ],
)
def test_a_dataset_json_that_cannot_be_used_is_failed(
    tiny_raw: TinyDataset, told: Told, content: str | None, fix: str
) -> None:
    file = tiny_raw.raw / "dataset.json"
    file.unlink() if content is None else file.write_text(content, encoding="utf-8")
    line = told()["dataset.json"]
    assert line.startswith(f"FAIL {file}") and fix in line


@unit
def test_no_unlabeled_image_is_failed_with_the_way_out(tiny_raw: TinyDataset, told: Told) -> None:
    for file in (tiny_raw.raw / "imagesUn").iterdir():
        file.unlink()
    line = told()["imagesUn"]
    assert line.startswith("FAIL ") and "-tr nnUNetTrainerDuCiSC_supervised" in line


@unit
def test_absent_plans_are_failed_with_the_command(tiny_raw: TinyDataset, told: Told) -> None:
    (tiny_raw.preprocessed / "nnUNetPlans.json").unlink()
    assert "run nnUNetv2_plan_and_preprocess -d 501" in told()["plans"]


@unit
def test_an_unknown_configuration_is_failed_with_those_there_are(
    tiny_raw: TinyDataset, told: Told
) -> None:
    assert "name one of 3d_fullres with -c" in told(configuration="2d")["plans"]


@unit
def test_a_previous_stage_is_named(tiny_raw: TinyDataset, told: Told) -> None:
    plans = tiny_raw.plans
    plans["configurations"]["3d_fullres"]["previous_stage"] = "3d_lowres"
    (tiny_raw.preprocessed / "nnUNetPlans.json").write_text(json.dumps(plans), encoding="utf-8")
    line = told()["plans"]
    assert "FAIL" not in line and line.endswith("which needs 3d_lowres to be trained first")


def doctor(
    dataset: PlannedDataset, results: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [console("ducisc"), "doctor", "-d", dataset.dataset_id, "-c", dataset.configuration],
        env=os.environ | dataset.environment(results) | variables,
        capture_output=True,
        encoding="utf-8",
    )


@pytest.mark.e2e
def test_the_command_finds_everything_in_order(planned_3d: PlannedDataset, tmp_path: Path) -> None:
    told = doctor(planned_3d, tmp_path)
    *lines, last = told.stdout.splitlines()
    assert (told.returncode, last) == (0, "everything is in order")
    assert len(lines) == 13 and all(line.startswith("ok ") for line in lines)
    assert not told.stderr


@pytest.mark.e2e
def test_the_command_names_the_fix_where_torchvision_is_broken(
    planned_3d: PlannedDataset, tmp_path: Path
) -> None:
    """As a torchvision fails that is built for another torch: nnU-Net's lookup fails with it."""
    (tmp_path / "torchvision.py").write_text(
        'raise RuntimeError("operator torchvision::nms does not exist")\n', encoding="utf-8"
    )
    told = doctor(planned_3d, tmp_path, PYTHONPATH=str(tmp_path))
    failed = [line for line in told.stdout.splitlines() if line.startswith("FAIL ")]
    assert told.returncode == 1
    assert [line.split()[1] for line in failed] == ["torch", "trainer"]
    assert "run pip install --force-reinstall torch==" in failed[0]
    assert "mend the lines above" in failed[1]
    assert told.stdout.splitlines()[-2].startswith("skip  dataset ")
    assert told.stdout.splitlines()[-1] == "2 of 7 checks failed"
