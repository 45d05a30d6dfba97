"""A whole benchmark with the commands that it runs, and one that is killed in the middle."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from benchmarks.demo.phantoms import write_dataset
from tests.planned import console

pytestmark = pytest.mark.e2e

PLAN = """
datasets:
  - dataset: 900
    configuration: 3d_fullres
    labels: [2]
    network: {base_features: 4, batch_size: 2}
methods:
  stock: {trainer: nnUNetTrainer_seeded}
  DuCiSC:
    trainer: nnUNetTrainerDuCiSC
    settings: {warmup_fraction: 0.5}
    sweep: {lambda_cs_ulb: [0.5]}
seeds: [0]
epochs: 6
iterations_per_epoch: 2
val_iterations_per_epoch: 1
save_every: 1
device: cpu
processes: 1
environment: {nnUNet_n_proc_DA: 0, nnUNet_compile: false, OMP_WAIT_POLICY: passive}
"""
RESULTS = "results/plan"
COPY = "Dataset900_Phantoms_3d_fullres/2_labels"
# nnU-Net's blur transform times two algorithms at their first use and goes on with the faster, on
# which no two runs need agree: here it always takes the same one.
SITE = """
import sys
if any(word.endswith("nnUNetv2_train") for word in sys.orig_argv):
    from batchgeneratorsv2.transforms.noise import gaussian_blur
    gaussian_blur.GaussianBlurTransform._benchmark_wrapper = (
        lambda self, image, sigma, axis: gaussian_blur.blur_dimension(image, sigma, axis)
    )
"""


@dataclass(frozen=True)
class Place:
    """A raw data set with four labeled and two test phantoms, and a plan."""

    root: Path

    @property
    def raw(self) -> Path:
        return self.root / "raw" / "Dataset900_Phantoms"

    def start(self, work: Path, *options: str) -> subprocess.Popen:
        """``ducisc benchmark``."""
        path = os.pathsep.join([str(self.root / "site"), os.environ.get("PYTHONPATH", "")])
        return subprocess.Popen(
            [console("ducisc"), "benchmark", str(self.root / "plan.yaml"), "-o", str(work)]
            + list(options),
            env=os.environ | {"nnUNet_raw": str(self.root / "raw"), "PYTHONPATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )

    def run(self, work: Path, *options: str) -> str:
        process = self.start(work, *options)
        printed, _ = process.communicate()
        logs = "".join(
            log.read_text(encoding="utf-8")[-2000:] for log in work.glob("*/*/*/log.txt")
        )
        assert process.returncode == 0, printed + logs
        return printed


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = Place(tmp_path_factory.mktemp("benchmark"))
    write_dataset(place.raw, labeled=4, unlabeled=0, test=2, shape=(20, 22, 24), seed=0)
    (place.root / "plan.yaml").write_text(PLAN, encoding="utf-8")
    (place.root / "site").mkdir()
    (place.root / "site/sitecustomize.py").write_text(SITE, encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def straight(place: Place) -> Path:
    """The work folder of a benchmark that nobody disturbed."""
    before = files(place.raw)
    work = place.root / "straight"
    place.run(work)
    assert files(place.raw) == before
    return work


def files(folder: Path) -> dict[str, int]:
    return {str(f.relative_to(folder)): f.stat().st_mtime_ns for f in folder.rglob("*")}


def children(pid: int) -> list[int]:
    """The processes that a process has started, each of which leads a group."""
    listed = subprocess.run(["ps", "-A", "-o", "ppid=,pid="], capture_output=True, check=True)
    pairs = [line.split() for line in listed.stdout.decode().splitlines()]
    return [int(child) for parent, child in pairs if int(parent) == pid]


def weights(work: Path) -> dict[str, torch.Tensor]:
    """Those of every final student, by the training's folder and their own names."""
    return {
        f"{file.parent.relative_to(work)}: {name}": weight
        for file in work.rglob("checkpoint_final.pth")
        for name, weight in torch.load(file, weights_only=False)["network_weights"].items()
    }


def test_it_ends_with_a_table_and_curves_and_knows_that_it_is_done(place, straight):
    table = (straight / RESULTS / "table.txt").read_text(encoding="utf-8")
    assert table.startswith("Dataset900_Phantoms, 3d_fullres, 2 labels, drawn with seed 0: 2 test")
    assert "The test labels were opened after the last prediction." in table
    assert (straight / RESULTS / "learning_curves.pdf").is_file()
    methods = ("stock", "DuCiSC", "DuCiSC_lambda_cs_ulb_0.5")
    runs = [straight / COPY / f"{method}_seed0_fold_all" for method in methods]
    assert all((run / "student_mm" / "metrics.csv").is_file() for run in runs)
    listed = place.run(straight, "--dry-run").splitlines()
    units = [line for line in listed if line.startswith("Dataset900")]
    assert len(units) == 9 and all(line.endswith(": done") for line in units)


def test_the_figure_of_a_sweep_shows_dice_of_the_table_and_q_of_the_students(straight):
    """The default preset has lambda_3 = 1."""
    with (straight / RESULTS / "sensitivity.csv").open(newline="", encoding="utf-8") as file:
        half, own = csv.DictReader(file)
    assert (half["value"], half["is_own"], half["method"]) == (
        *("0.5", "False", "DuCiSC_lambda_cs_ulb_0.5"),
    )
    assert (own["value"], own["is_own"], own["method"]) == ("1.0", "True", "DuCiSC")
    with (straight / RESULTS / "table.csv").open(newline="", encoding="utf-8") as file:
        lines = {(r["method"], r["structure"], r["metric"]): r for r in csv.DictReader(file)}
    for row in (half, own):
        assert row["dice"] == lines[row["method"], "mean", "dice"]["mean"]
        report = straight / COPY / f"{row['method']}_seed0_fold_all/analysis/analysis.json"
        q = json.loads(report.read_text(encoding="utf-8"))["semantic_matching"]["student"]["Q"]
        assert 0 < float(row["q"]) == q <= 1
    assert all((straight / RESULTS / f"sensitivity.{e}").is_file() for e in ("png", "pdf"))


def test_killed_in_a_training_and_restarted_gives_the_same_weights_table_and_sweep(
    place, straight, tmp_path
):
    """It starts from the data prepared in the other run, which saves half a minute.

    The table alone would not notice a lost random state: after so few iterations stock nnU-Net
    predicts nothing, with any weights.
    """
    work = tmp_path / "killed"
    for folder in ("prepare", "nnUNet_raw", "nnUNet_preprocessed"):
        shutil.copytree(straight / COPY / folder, work / COPY / folder, symlinks=True)
    for plans in work.rglob("nnUNetPlans_*_seed0.json"):
        plans.unlink()
    model = "nnUNetTrainer_seeded__nnUNetPlans_stock_seed0__3d_fullres"
    fold = work / COPY / "nnUNet_results/Dataset999_Phantoms" / model / "fold_all"
    process = place.start(work)
    while not (fold / "checkpoint_latest.pth").is_file():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.01)
    trainings = children(process.pid)
    process.kill()
    for training in trainings:  # else it would go on to its end, and the restart would wait for it
        os.killpg(training, signal.SIGKILL)
    process.communicate()
    assert not (fold / "checkpoint_final.pth").exists()

    assert "prepare: done in" not in place.run(work)
    log = (work / COPY / "stock_seed0_fold_all/log.txt").read_text(encoding="utf-8")
    assert log.count("$ nnUNetv2_train") == 2 and "-device cpu --c" in log
    found, expected = weights(work), weights(straight)
    assert found.keys() == expected.keys() and any(model in name for name in found)
    assert [name for name in found if not torch.equal(found[name], expected[name])] == []
    for name in ("table.csv", "sensitivity.csv"):
        assert (work / RESULTS / name).read_bytes() == (straight / RESULTS / name).read_bytes()


def test_a_unit_by_its_name_needs_what_it_needs(place, tmp_path):
    process = place.start(tmp_path / "work", "--unit", f"{COPY}/stock_seed0_fold_all")
    printed, _ = process.communicate()
    assert process.returncode == 1
    assert printed.endswith(f"needs {COPY}/prepare, which is not done: run it first.\n")
