"""Every alternative of the paper on the command line."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from nnunetv2_ducisc import ablations
from tests.commands import Command, run
from tests.planned import PlannedDataset, console, wait_for_rows

pytestmark = pytest.mark.e2e

ALTERNATIVES = sorted(name for name in vars(ablations) if name.startswith("nnUNetTrainerDuCiSC_"))


@pytest.mark.parametrize("trainer", ALTERNATIVES)
def test_an_alternative_is_killed_resumes_and_predicts(
    planned_3d: PlannedDataset, tmp_path: Path, trainer: str
) -> None:
    """Killed in the second or third of three epochs; student and teacher predict two test cases."""
    results = tmp_path / "results"
    planned_3d.write_plans("alternative", warmup_fraction=0.0, num_epochs=3, monte_carlo_passes=2)
    fold = results / planned_3d.name / f"{trainer}__alternative__3d_fullres" / "fold_all"
    model = ("-tr", trainer, "-p", "alternative", "-device", "cpu")
    train = [console("nnUNetv2_train"), planned_3d.dataset_id, "3d_fullres", "all", *model]
    environment = planned_3d.environment(results)
    killed = Command(train, environment)
    wait_for_rows(fold / "ducisc_log.csv", 2, killed)  # two have trained, the first is saved
    killed.kill()
    killed.wait()
    assert (fold / "checkpoint_latest.pth").is_file()
    run(*train, "--c", environment=environment)
    with (fold / "ducisc_log.csv").open(newline="", encoding="utf-8") as file:
        assert [row["iteration"] for row in csv.DictReader(file)] == ["2", "4", "6"]
    images = str(planned_3d.raw / "imagesTs")
    for checkpoint in ("checkpoint_final.pth", "checkpoint_final_teacher.pth"):
        predicted = tmp_path / checkpoint
        run(
            *(console("nnUNetv2_predict"), "-d", planned_3d.dataset_id, "-c", "3d_fullres"),
            *("-i", images, "-o", str(predicted), "-f", "all", *model, "-chk", checkpoint),
            *("-npp", "0", "-nps", "0"),
            environment=environment,
        )
        assert len(list(predicted.glob("*.nii.gz"))) == 2
