"""A cascade through the console commands: both stages semi-supervised."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from tests.cascade import FIRST, SECOND, write_cascade_plans
from tests.commands import Command, run
from tests.planned import PlannedDataset, console, wait_for_rows

pytestmark = pytest.mark.e2e

TRAINER = "nnUNetTrainerDuCiSC"
MODEL = ("-tr", TRAINER, "-p", "commands_cascade", "-device", "cpu")


def training(dataset: PlannedDataset, results: Path, *flags: str) -> Command:
    return Command(
        [console("nnUNetv2_train"), dataset.dataset_id, SECOND, "all", *MODEL, *flags],
        dataset.environment(results),
    )


def test_both_stages_train_the_second_is_killed_resumes_and_predicts(
    planned_3d: PlannedDataset, tmp_path: Path
) -> None:
    dataset, results = planned_3d, tmp_path / "results"
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
    train = (console("nnUNetv2_train"), dataset.dataset_id)
    run(*train, FIRST, "all", *MODEL, environment=environment)
    told = run(console("ducisc"), "preprocess", *named, SECOND, *MODEL, environment=environment)
    assert f"{FIRST}, fold all, has predicted them in " in told

    model = results / dataset.name / f"{TRAINER}__commands_cascade__{SECOND}"
    log = model / "fold_all" / "ducisc_log.csv"
    killed = training(dataset, results)
    wait_for_rows(log, 2, killed)  # the second epoch has trained, the first is saved
    killed.kill()
    killed.wait()
    assert (model / "fold_all" / "checkpoint_latest.pth").is_file()
    assert training(dataset, results, "--c").wait() == 0
    with log.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    assert rows[2]["loss_cs_mix"] and rows[2]["loss_proto_mix"]  # mixed images have their maps
    assert (model / "fold_all" / "checkpoint_final_teacher.pth").is_file()

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
