"""Real data: DuCiSC, its paper preset and the supervised twin on the same plans and iterations.

    python -m benchmarks.real_data DATA WORK

DATA holds ``images/CASE.nii.gz``, ``labels/CASE.nii.gz`` and ``split.json`` with the lists
``labeled``, ``unlabeled`` and ``val``. The val cases are the test images; their labels are opened
once, after the last prediction. Everything is written below WORK. Started again, the benchmark goes
on where it was stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from nnunetv2.dataset_conversion.generate_dataset_json import generate_dataset_json
from nnunetv2.evaluation.evaluate_predictions import compute_metrics_on_folder
from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO

from benchmarks.allocator import CPU_ALLOCATOR

DATASET = "Dataset604_Hippocampus"
LABELS = {"background": 0, "anterior": 1, "posterior": 2}
CONFIGURATION = "3d_fullres"
BASE_FEATURES = 16
BATCH_SIZE = 2
CHECKPOINTS = {"student": "checkpoint_final.pth", "teacher": "checkpoint_final_teacher.pth"}


@dataclass(frozen=True)
class Method:
    """One row pair of the table: a trainer and the plans entry it is run with."""

    trainer: str
    plans: str
    settings: dict[str, float]


METHODS = {
    "supervised": Method("nnUNetTrainerDuCiSC_supervised", "nnUNetPlans_supervised", {}),
    # 2/15 of a run this short would end long before the supervised loss settles, and an immature
    # teacher unlearns classes. The twin's loss on the labeled cases said how long it takes.
    "ducisc": Method("nnUNetTrainerDuCiSC", "nnUNetPlans_ducisc", {"warmup_fraction": 2 / 3}),
    "paper": Method("nnUNetTrainerDuCiSC_paper", "nnUNetPlans_paper", {}),
}


def write_raw_dataset(data: Path, raw: Path) -> None:
    """Lay out images and the labels of the labeled cases; no other label is opened or copied."""
    split = json.loads((data / "split.json").read_text(encoding="utf-8"))
    for part, folder in (("labeled", "imagesTr"), ("unlabeled", "imagesUn"), ("val", "imagesTs")):
        (raw / folder).mkdir(parents=True, exist_ok=True)
        for case in split[part]:
            shutil.copyfile(
                data / "images" / f"{case}.nii.gz", raw / folder / f"{case}_0000.nii.gz"
            )
    (raw / "labelsTr").mkdir(exist_ok=True)
    for case in split["labeled"]:
        shutil.copyfile(data / "labels" / f"{case}.nii.gz", raw / "labelsTr" / f"{case}.nii.gz")
    generate_dataset_json(str(raw), {0: "MRI"}, LABELS, len(split["labeled"]), ".nii.gz")


def write_plans(preprocessed: Path, name: str, settings: dict[str, float]) -> None:
    """A plans file of its own: stock's with fewer features, batches of two and the settings."""
    plans = json.loads((preprocessed / "nnUNetPlans.json").read_text(encoding="utf-8"))
    configuration = plans["configurations"][CONFIGURATION]
    network = configuration["architecture"]["arch_kwargs"]
    network["features_per_stage"] = [
        min(BASE_FEATURES * 2**stage, 320) for stage in range(network["n_stages"])
    ]
    configuration["batch_size"] = BATCH_SIZE
    configuration["ducisc"] = settings
    plans["plans_name"] = name
    (preprocessed / f"{name}.json").write_text(json.dumps(plans, indent=4), encoding="utf-8")


def run(*command: str) -> None:
    """Run one of nnU-Net's console commands and stop at the first that fails."""
    print("$", *command, flush=True)
    subprocess.run(command, check=True)


def check_same_run(checkpoint: Path, settings: dict[str, float]) -> None:
    """Refuse to take the result of another seed or length for this one's."""
    trained = torch.load(checkpoint, map_location="cpu", weights_only=False)["ducisc"]["settings"]
    for key, value in settings.items():
        if trained[key] != value:
            sys.exit(
                f"{checkpoint} was trained with {key} {trained[key]}: name another WORK folder"
            )


def train_and_predict(method: Method, settings: dict[str, float], device: str) -> None:
    """Train one method to its end and predict the test images with student and teacher."""
    dataset_id = DATASET[7:10]
    results = Path(os.environ["nnUNet_results"]) / DATASET
    fold = results / f"{method.trainer}__{method.plans}__{CONFIGURATION}" / "fold_all"
    images = Path(os.environ["nnUNet_raw"]) / DATASET / "imagesTs"
    common = ["-tr", method.trainer, "-p", method.plans, "-device", device]
    if (fold / CHECKPOINTS["teacher"]).is_file():
        check_same_run(fold / CHECKPOINTS["teacher"], settings)
    else:
        go_on = ["--c"] if any(fold.glob("checkpoint_*.pth")) else []
        run("nnUNetv2_train", dataset_id, CONFIGURATION, "all", *common, *go_on)
    for network, checkpoint in CHECKPOINTS.items():
        output = fold / "test" / network
        if len(list(output.glob("*.nii.gz"))) < len(list(images.glob("*.nii.gz"))):
            where = ["-i", str(images), "-o", str(output), "-d", dataset_id, "-c", CONFIGURATION]
            run("nnUNetv2_predict", *where, "-f", "all", "-chk", checkpoint, *common)


def measure(data: Path, methods: list[str]) -> dict[str, list[float]]:
    """Dice of every foreground label, then their mean, by method and network."""
    results = Path(os.environ["nnUNet_results"]) / DATASET
    table = {}
    for name in methods:
        method = METHODS[name]
        model = results / f"{method.trainer}__{method.plans}__{CONFIGURATION}"
        for network in CHECKPOINTS:
            predicted = model / "fold_all" / "test" / network
            summary = compute_metrics_on_folder(
                str(data / "labels"),
                str(predicted),
                str(predicted / "summary.json"),
                SimpleITKIO(),
                ".nii.gz",
                [1, 2],
                num_processes=2,
                chill=True,  # labels of the other cases lie there too
            )
            dice = [summary["mean"][label]["Dice"] for label in (1, 2)]
            table[f"{name} {network}"] = [*dice, sum(dice) / len(dice)]
    return table


def as_markdown(table: dict[str, list[float]]) -> str:
    """The table for a README."""
    names = [name for name in LABELS if name != "background"]
    rows = [["method", *names, "mean"], ["---"] * (len(names) + 2)]
    rows += [[key, *(f"{value:.4f}" for value in values)] for key, values in table.items()]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def main() -> None:
    """Parse, prepare, train, predict, measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder with images, labels and split.json")
    parser.add_argument("work", type=Path, help="folder for everything that is written")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--iterations", type=int, default=50, help="iterations an epoch")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    args = parser.parse_args()
    for kind in ("raw", "preprocessed", "results"):
        os.environ[f"nnUNet_{kind}"] = str((args.work / kind).absolute())
    os.environ.update(CPU_ALLOCATOR)  # of the commands that are run
    preprocessed = args.work / "preprocessed" / DATASET
    ready = args.work / "preprocessed.done"  # written last: a stop in between starts this anew
    if not ready.exists():
        write_raw_dataset(args.data, args.work / "raw" / DATASET)
        which = ["-d", DATASET[7:10], "-c", CONFIGURATION, "-np", "2", "-npfp", "2"]
        run("nnUNetv2_plan_and_preprocess", *which, "--verify_dataset_integrity")
        ready.touch()
    length = {
        "num_epochs": args.epochs,
        "num_iterations_per_epoch": args.iterations,
        "num_val_iterations_per_epoch": 4,
        "save_every": 2,
        "seed": args.seed,
    }
    for name in args.methods:
        method = METHODS[name]
        settings = length | method.settings
        write_plans(preprocessed, method.plans, settings)
        train_and_predict(method, settings, args.device)
    table = measure(args.data, args.methods)
    (args.work / "dice.json").write_text(json.dumps(table, indent=2), encoding="utf-8")
    print(as_markdown(table))


if __name__ == "__main__":
    sys.exit(main())
