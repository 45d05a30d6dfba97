"""A training that is killed goes on as if it had never been stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from benchmarks.repeatable import TRAIN, first_difference, state_of
from tests.planned import PlannedDataset, wait_for_rows

pytestmark = pytest.mark.e2e


def start(dataset: PlannedDataset, results: Path, *flags: str) -> subprocess.Popen:
    arguments = [dataset.dataset_id, dataset.configuration, "all", "-p", "resume", *flags]
    return subprocess.Popen(
        [sys.executable, "-c", TRAIN, *arguments]
        + ["-tr", "nnUNetTrainerDuCiSC", "-device", "cpu"],
        env=os.environ | dataset.environment(results),
        stdout=subprocess.DEVNULL,
    )


def fold_of(results: Path, dataset: PlannedDataset) -> Path:
    return results / dataset.name / f"nnUNetTrainerDuCiSC__resume__{dataset.configuration}/fold_all"


PREDICTING = {
    "ensembling": "temporal",
    "oversample_pseudo_foreground": 0.5,
    "prediction_interval": 2,
    "confidence": "none",
}


DRAWING = {"confidence": "monte_carlo", "monte_carlo_passes": 2, "mixing": "cutmix"}


@pytest.mark.parametrize(
    "settings",
    [{}, PREDICTING, DRAWING],
    ids=["default", "predicting cases", "drawing noise and boxes"],
)
def test_killed_after_two_of_four_epochs_and_continued_is_one_run_bit_for_bit(
    planned_3d, tmp_path, settings
):
    """Warm-up ends inside the second epoch, so that both kinds of step come before the kill.

    Cases are predicted before the second and before the fourth epoch, which comes after the kill.
    """
    planned_3d.write_plans(
        "resume", num_epochs=4, num_iterations_per_epoch=3, warmup_fraction=5 / 12, **settings
    )
    straight = start(planned_3d, tmp_path / "straight")
    killed = start(planned_3d, tmp_path / "killed")
    fold = fold_of(tmp_path / "killed", planned_3d)
    wait_for_rows(fold / "ducisc_log.csv", 3, killed)  # the third epoch has trained, is not saved
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    interrupted_at = torch.load(fold / "checkpoint_latest.pth", weights_only=False)["current_epoch"]
    assert interrupted_at in (2, 3)
    assert start(planned_3d, tmp_path / "killed", "--c").wait() == 0
    assert straight.wait() == 0
    whole, resumed = (
        torch.load(fold_of(tmp_path / run, planned_3d) / "checkpoint_final.pth", weights_only=False)
        for run in ("straight", "killed")
    )
    assert first_difference(dict(state_of(whole)), dict(state_of(resumed))) is None
    assert resumed["ducisc"]["iteration"] == 12
    logs = [
        fold_of(tmp_path / run, planned_3d) / "ducisc_log.csv" for run in ("straight", "killed")
    ]
    assert logs[0].read_text(encoding="utf-8") == logs[1].read_text(encoding="utf-8")
    updates = whole["ducisc"]["predictions"], resumed["ducisc"]["predictions"]
    assert updates == ((2, 2) if settings is PREDICTING else (0, 0))
    assert not (fold / "unlabeled_predictions").exists()


def test_ctrl_c_ends_every_process_of_a_training(planned_3d, tmp_path):
    planned_3d.write_plans("interrupted", num_epochs=50, warmup_fraction=0.0)
    command = [sys.executable, "-c", TRAIN, planned_3d.dataset_id, planned_3d.configuration, "all"]
    process = subprocess.Popen(
        [*command, "-p", "interrupted", "-tr", "nnUNetTrainerDuCiSC", "-device", "cpu"],
        env=os.environ | planned_3d.environment(tmp_path) | {"nnUNet_n_proc_DA": "2"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    trainer = f"nnUNetTrainerDuCiSC__interrupted__{planned_3d.configuration}"
    wait_for_rows(tmp_path / planned_3d.name / trainer / "fold_all/ducisc_log.csv", 1, process)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(timeout=60) != 0
    with pytest.raises(ProcessLookupError):  # nobody is left in the group
        for _ in range(100):
            os.killpg(process.pid, 0)
            time.sleep(0.1)
