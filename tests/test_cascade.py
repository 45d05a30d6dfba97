"""A cascade through the console commands: both stages semi-supervised."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from tests.cascade import FIRST, SECOND, write_cascade_plans
from tests.commands import Command, run
from tests.planned import PlannedDataset, console, plan, wait_for_rows

pytestmark = pytest.mark.e2e

TRAINER = "nnUNetTrainerDuCiSC"
MODEL = ("-tr", TRAINER, "-p", "commands_cascade", "-device", "cpu")


@pytest.fixture(params=["classes", "regions and ignore"])
def dataset(
    request: pytest.FixtureRequest, planned_3d: PlannedDataset, tmp_path: Path
) -> PlannedDataset:
    return planned_3d if request.param == "classes" else plan(tmp_path / "kind", 3, request.param)


def train_and_kill(dataset: PlannedDataset, results: Path, stage: str) -> list[dict[str, str]]:
    """Kill the training of a stage in its second epoch, continue it and return its log."""
    words = [console("nnUNetv2_train"), dataset.dataset_id, stage, "all", *MODEL]
    fold = results / dataset.name / f"{TRAINER}__commands_cascade__{stage}" / "fold_all"
    log = fold / "ducisc_log.csv"
    killed = Command(words, dataset.environment(results))
    wait_for_rows(log, 2, killed)  # the second epoch has trained, the first is saved
    killed.kill()
    killed.wait()
    assert (fold / "checkpoint_latest.pth").is_file()
    run(*words, "--c", environment=dataset.environment(results))
    assert (fold / "checkpoint_final_teacher.pth").is_file()
    with log.open(newline="") as file:
        return list(csv.DictReader(file))


def test_both_stages_are_killed_resume_and_predict(dataset: PlannedDataset, tmp_path: Path) -> None:
    results = tmp_path / "results"
    environment = dataset.environment(results)
    images = dataset.raw / "imagesTs"
    write_cascade_plans(dataset, "commands_cascade", num_epochs=3, warmup_fraction=0.5)
    named = ("-d", dataset.dataset_id, "-c")
    run(
        *(console("nnUNetv2_preprocess"), *named, FIRST, SECOND, "-plans_name", MODEL[3]),
        *("-np", "1", "1"),
        environment=environment,
    )
    run(console("ducisc"), "preprocess", *named, FIRST, *MODEL[2:4], environment=environment)
    assert [row["epoch"] for row in train_and_kill(dataset, results, FIRST)] == ["0", "1", "2"]
    told = run(console("ducisc"), "preprocess", *named, SECOND, *MODEL, environment=environment)
    assert f"{FIRST}, fold all, has predicted them in " in told
    rows = train_and_kill(dataset, results, SECOND)
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    assert rows[2]["loss_cs_mix"] and rows[2]["loss_proto_mix"]  # mixed images have their maps

    predict = (console("nnUNetv2_predict"), *named)
    alone = ("-f", "all", *MODEL, "-npp", "0", "-nps", "0", "-i", str(images))
    lowres, cascade = str(tmp_path / FIRST), str(tmp_path / SECOND)
    run(*predict, FIRST, *alone, "-o", lowres, environment=environment)
    run(
        *(*predict, SECOND, *alone, "-o", cascade, "-prev_stage_predictions", lowres),
        environment=environment,
    )
    for image in images.iterdir():
        prediction = SimpleITK.ReadImage(str(Path(cascade) / image.name.replace("_0000", "")))
        assert prediction.GetSize() == SimpleITK.ReadImage(str(image)).GetSize()
        assert np.unique(SimpleITK.GetArrayFromImage(prediction)).max() <= 3
