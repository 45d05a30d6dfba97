"""What a user types, on tiny data, in 3D and in 2D; and a model for those without this package."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from tests.commands import run_afresh
from tests.planned import PlannedDataset, console

pytestmark = pytest.mark.e2e

# Logits of one fold for a fixed image, by nnU-Net's own predictor.
LOGITS = """
import sys, numpy, torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
predictor = nnUNetPredictor(device=torch.device("cpu"), allow_tqdm=False)
predictor.initialize_from_trained_model_folder(sys.argv[1], ("all",), sys.argv[2])
torch.set_num_threads(1)
image = torch.randn(1, 20, 22, 24, generator=torch.Generator().manual_seed(0))
logits = predictor.predict_sliding_window_return_logits(image)
numpy.save(sys.argv[3], logits.float().numpy())
"""


def train(dataset: PlannedDataset, results: Path) -> Path:
    """Train with the console command and return the model folder."""
    dataset.write_plans("commands")
    command = [console("nnUNetv2_train"), dataset.dataset_id, dataset.configuration, "all"]
    arguments = ["-tr", "nnUNetTrainerDuCiSC", "-p", "commands", "-device", "cpu"]
    run_afresh(*command, *arguments, environment=dataset.environment(results))
    return results / dataset.name / f"nnUNetTrainerDuCiSC__commands__{dataset.configuration}"


@pytest.fixture(scope="module")
def model_3d(planned_3d, tmp_path_factory) -> Path:
    return train(planned_3d, tmp_path_factory.mktemp("model_3d"))


@pytest.fixture(scope="module")
def model_2d(planned_2d, tmp_path_factory) -> Path:
    return train(planned_2d, tmp_path_factory.mktemp("model_2d"))


@pytest.mark.parametrize("dimensions", [3, 2])
@pytest.mark.parametrize("checkpoint", ["checkpoint_final.pth", "checkpoint_final_teacher.pth"])
def test_student_and_teacher_predict_with_nnunets_command(
    dimensions, checkpoint, request, tmp_path
):
    dataset: PlannedDataset = request.getfixturevalue(f"planned_{dimensions}d")
    model: Path = request.getfixturevalue(f"model_{dimensions}d")
    images = dataset.raw / "imagesTs"
    run_afresh(
        console("nnUNetv2_predict"),
        *("-i", str(images), "-o", str(tmp_path), "-d", dataset.dataset_id),
        *("-c", dataset.configuration, "-f", "all", "-tr", "nnUNetTrainerDuCiSC"),
        *("-p", "commands", "-chk", checkpoint, "-device", "cpu", "-npp", "0", "-nps", "0"),
        environment=dataset.environment(model.parents[1]),
    )
    for image in images.iterdir():
        predicted = SimpleITK.ReadImage(str(tmp_path / image.name.replace("_0000", "")))
        original = SimpleITK.ReadImage(str(image))
        assert predicted.GetSize() == original.GetSize()
        assert predicted.GetSpacing() == original.GetSpacing()
        assert SimpleITK.GetArrayFromImage(predicted).max() <= 3


def python_without_this_package(folder: Path) -> str:
    """An interpreter that sees this environment's packages, but not what its .pth files add."""
    venv.create(folder, with_pip=False)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    (site / "packages.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    python = str(folder / "bin" / "python")
    found = subprocess.run([python, "-c", "import nnunetv2_ducisc"], cwd=folder, check=False)
    assert found.returncode != 0, "install this package with pip install -e, not into site-packages"
    return python


def test_an_exported_model_has_identical_logits_in_stock_nnunet(planned_3d, model_3d, tmp_path):
    environment = planned_3d.environment(model_3d.parents[1])
    which = ["-d", planned_3d.dataset_id, "-c", planned_3d.configuration, "-p", "commands"]
    for checkpoint in ("checkpoint_final.pth", "checkpoint_final_teacher.pth"):
        exported = tmp_path / checkpoint
        run_afresh(
            *(console("ducisc"), "export", *which, "-tr", "nnUNetTrainerDuCiSC", "-f", "all"),
            *("-chk", checkpoint, "-o", str(exported)),
            environment=environment,
        )
        ours, stock = tmp_path / f"{checkpoint}_ours.npy", tmp_path / f"{checkpoint}_stock.npy"
        run_afresh(
            *(sys.executable, "-c", LOGITS, str(model_3d), checkpoint, str(ours)),
            environment=environment,
        )
        run_afresh(
            *(python_without_this_package(tmp_path / f"{checkpoint}_venv"), "-c", LOGITS),
            *(str(exported), "checkpoint_final.pth", str(stock)),
            environment=environment | {"nnUNet_extTrainer": "", "PYTHONPATH": ""},
        )
        assert np.array_equal(np.load(ours), np.load(stock))
        assert np.load(ours).std() > 0


def test_export_refuses_a_folder_that_is_there(planned_3d, model_3d, tmp_path):
    which = ["-d", planned_3d.dataset_id, "-c", planned_3d.configuration, "-p", "commands"]
    done = subprocess.run(
        [console("ducisc"), "export", *which, "-tr", "nnUNetTrainerDuCiSC", "-f", "all"]
        + ["-chk", "checkpoint_final.pth", "-o", str(tmp_path)],
        env=os.environ | planned_3d.environment(model_3d.parents[1]),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 1
    assert "exists already" in done.stderr and "Traceback" not in done.stderr
