"""Regions and an ignore label through nnU-Net's own commands, in 3D and in 2D.

Also with less memory and pseudo foreground, and with nnU-Net's background workers.
"""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import SimpleITK
import torch

from tests.commands import Command, run
from tests.planned import PlannedDataset, console, plan, wait_for_rows

pytestmark = pytest.mark.e2e

TRAINER = "nnUNetTrainerDuCiSC"
MODEL = ("-tr", TRAINER, "-p", "kinds", "-device", "cpu")
# What the network has an output for: with regions not the background, never the ignore label.
REGIONS = ["heart", "chamber", "vessel"]
OUTPUTS = {
    "regions": REGIONS,
    "ignore": ["background", "chamber", "wall", "vessel"],
    "regions and ignore": REGIONS,
}
FOREGROUND = {"oversample_pseudo_foreground": 0.5}


class Cell(NamedTuple):
    dimensions: int
    kind: str
    settings: dict[str, Any]


CELLS = [
    *(Cell(dimensions, kind, {}) for dimensions in (3, 2) for kind in OUTPUTS),
    Cell(3, "regions and ignore", {"low_memory": True, "prediction_interval": 2} | FOREGROUND),
]


@pytest.fixture(params=CELLS, ids=lambda cell: " ".join([f"{cell[0]}d", cell[1], *cell[2]]))
def cell(request: pytest.FixtureRequest) -> Cell:
    return request.param


@pytest.fixture
def dataset(cell: Cell, tmp_path: Path) -> PlannedDataset:
    planned = plan(tmp_path / "planned", cell.dimensions, cell.kind)
    planned.write_plans("kinds", warmup_fraction=0.0, num_epochs=4, **cell.settings)
    return planned


def training(dataset: PlannedDataset) -> list[str]:
    return [console("nnUNetv2_train"), dataset.dataset_id, dataset.configuration, "all", *MODEL]


def fold_of(dataset: PlannedDataset, results: Path) -> Path:
    return results / dataset.name / f"{TRAINER}__kinds__{dataset.configuration}" / "fold_all"


def rows(fold: Path) -> list[dict[str, str]]:
    with (fold / "ducisc_log.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def console_log(fold: Path) -> str:
    """Of both trainings, the killed one and the one that went on."""
    killed, resumed = sorted(fold.glob("training_log_*.txt"))
    return killed.read_text(encoding="utf-8") + resumed.read_text(encoding="utf-8")


def number_of_outputs(checkpoint: Path) -> int:
    weights = torch.load(checkpoint, weights_only=False)["network_weights"]
    return len(weights["decoder.seg_layers.0.bias"])


def test_a_killed_training_resumes_and_predicts(
    cell: Cell, dataset: PlannedDataset, tmp_path: Path
) -> None:
    results, predicted = tmp_path / "results", tmp_path / "predicted"
    environment, fold = dataset.environment(results), fold_of(dataset, results)
    killed = Command(training(dataset), environment)
    wait_for_rows(fold / "ducisc_log.csv", 2, killed)
    killed.kill()
    killed.wait()
    run(*training(dataset), "--c", environment=environment)
    check_log(cell, rows(fold))
    for checkpoint in ("checkpoint_final.pth", "checkpoint_final_teacher.pth"):
        assert number_of_outputs(fold / checkpoint) == len(OUTPUTS[cell.kind])
    told = console_log(fold)
    settings = [line for line in told.splitlines() if " settings: {" in line]
    assert len(settings) == 2
    for name, value in cell.settings.items():
        assert all(f"'{name}': {value!r}" in line for line in settings)
    for update in (1, 2):  # before the first epoch and before the third
        line = rf"Predicted 4 unlabeled cases in [\d.]+ s \(update {update}\)"
        assert bool(re.search(line, told)) == ("prediction_interval" in cell.settings)
    run(
        *(console("nnUNetv2_predict"), "-d", dataset.dataset_id, "-c", dataset.configuration),
        *("-i", str(dataset.raw / "imagesTr"), "-o", str(predicted), "-f", "all", *MODEL),
        *("-npp", "0", "-nps", "0"),
        environment=environment,
    )
    for image in (dataset.raw / "imagesTr").iterdir():
        name = image.name.replace("_0000", "")  # the training has predicted it, too
        assert np.array_equal(voxels(predicted / name), voxels(fold / "validation" / name))


def voxels(file: Path) -> np.ndarray:
    return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(file)))


def check_log(cell: Cell, logged: list[dict[str, str]]) -> None:
    """Every epoch once, and in each a share of every output."""
    outputs = OUTPUTS[cell.kind]
    assert [row["epoch"] for row in logged] == ["0", "1", "2", "3"]
    columns = [column for column in logged[0] if column.startswith("share_")]
    assert columns == [f"share_{name}" for name in outputs]
    for row in logged:
        shares = [float(row[column]) for column in columns]
        assert all(0 <= share <= 1 for share in shares)
        if cell.kind == "ignore":  # classes exclude each other, regions do not
            assert sum(shares) == pytest.approx(1)


def workers_of(process: subprocess.Popen) -> set[str]:
    """The processes that a process has started and that still run."""
    tasks = Path(f"/proc/{process.pid}/task").iterdir()
    return {pid for task in tasks for pid in (task / "children").read_text("ascii").split()}


def test_of_background_workers_a_prediction_renews_those_of_the_unlabeled_cases_alone(
    tmp_path: Path,
) -> None:
    """Only a new worker knows of a prediction that was made after the worker was started.

    nnU-Net then has two workers for training and one for validation, and one is ours. Cases are
    predicted before the first and before the fourth epoch.
    """
    dataset = plan(tmp_path / "planned", 2, "regions and ignore")
    dataset.write_plans(
        "kinds", warmup_fraction=0.0, num_epochs=5, prediction_interval=3, **FOREGROUND
    )
    results = tmp_path / "results"
    environment = dataset.environment(results) | {"nnUNet_n_proc_DA": "2"}
    fold = fold_of(dataset, results)
    killed = subprocess.Popen(
        training(dataset),
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # so that its workers can be killed with it
    )
    wait_for_rows(fold / "ducisc_log.csv", 1, killed)
    before = workers_of(killed)
    wait_for_rows(fold / "ducisc_log.csv", 4, killed)
    after = workers_of(killed)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    assert before & after and len(before - after) == len(after - before) == 1
    run(*training(dataset), "--c", environment=environment)
    assert [row["epoch"] for row in rows(fold)] == ["0", "1", "2", "3", "4"]
    assert "Predicted 4 unlabeled cases" in console_log(fold)
