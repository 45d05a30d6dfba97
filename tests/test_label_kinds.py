"""Regions and an ignore label through nnU-Net's own commands: in 3D, in 2D, in less memory."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from tests.commands import Command, run
from tests.planned import PlannedDataset, console, plan, wait_for_rows

pytestmark = pytest.mark.e2e

TRAINER = "nnUNetTrainerDuCiSC"
CELLS = [
    (3, "regions", {}),
    (3, "ignore", {}),
    (3, "regions and ignore", {}),
    (3, "regions and ignore", {"low_memory": True, "oversample_pseudo_foreground": 0.5}),
    (2, "regions and ignore", {}),
]


@pytest.fixture(params=CELLS, ids=lambda cell: " ".join([f"{cell[0]}d", cell[1], *cell[2]]))
def dataset(request: pytest.FixtureRequest, tmp_path: Path) -> PlannedDataset:
    dimensions, kind, settings = request.param
    planned = plan(tmp_path / "planned", dimensions, kind)
    planned.write_plans("kinds", warmup_fraction=0.0, num_epochs=4, **settings)
    return planned


def train(dataset: PlannedDataset, results: Path, *options: str) -> Command:
    return Command(
        [console("nnUNetv2_train"), dataset.dataset_id, dataset.configuration, "all"]
        + ["-tr", TRAINER, "-p", "kinds", "-device", "cpu", *options],
        dataset.environment(results),
    )


def rows(fold: Path) -> list[dict[str, str]]:
    with (fold / "ducisc_log.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_killed_training_resumes_and_predicts(dataset: PlannedDataset, tmp_path: Path) -> None:
    results, predicted = tmp_path / "results", tmp_path / "predicted"
    fold = results / dataset.name / f"{TRAINER}__kinds__{dataset.configuration}" / "fold_all"
    killed = train(dataset, results)
    wait_for_rows(fold / "ducisc_log.csv", 2, killed)
    killed.kill()
    killed.wait()
    assert train(dataset, results, "--c").wait() == 0
    logged = rows(fold)
    assert [row["epoch"] for row in logged] == ["0", "1", "2", "3"]
    outputs = [column.removeprefix("share_") for column in logged[0] if column.startswith("share_")]
    labels = ["heart", "chamber", "vessel"] if "heart" in outputs else outputs
    assert outputs == labels and "ignore" not in outputs
    for row in logged:
        assert all(0 <= float(row[f"share_{name}"]) <= 1 for name in outputs)
    run(
        *(console("nnUNetv2_predict"), "-d", dataset.dataset_id, "-c", dataset.configuration),
        *("-i", str(dataset.raw / "imagesTs"), "-o", str(predicted), "-f", "all"),
        *("-tr", TRAINER, "-p", "kinds", "-device", "cpu", "-npp", "0", "-nps", "0"),
        environment=dataset.environment(results),
    )
    for image in (dataset.raw / "imagesTs").iterdir():
        prediction = SimpleITK.ReadImage(str(predicted / image.name.replace("_0000", "")))
        assert prediction.GetSize() == SimpleITK.ReadImage(str(image)).GetSize()
        found = np.unique(SimpleITK.GetArrayFromImage(prediction))
        assert set(found.tolist()) <= {0, 1, 2, 3}, "the ignore label is predicted"
