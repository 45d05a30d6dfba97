"""``python -m benchmarks.demo``: from phantoms to a table and a picture, in a few minutes on a CPU.

Everything goes into ``demo_output/`` below the current folder. The commands are nnU-Net's own, run
as a user runs them; only the data are made up.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import torch

from benchmarks.allocator import CPU_ALLOCATOR
from benchmarks.demo.commands import Console, Progress
from benchmarks.demo.figure import draw
from benchmarks.demo.phantoms import LABELS, write_dataset
from benchmarks.demo.plans import (
    CONFIGURATION,
    EPOCHS,
    ITERATIONS_PER_EPOCH,
    PLANS,
    write_demo_plans,
)
from benchmarks.demo.scores import Scores, median_case, read_scores, table
from nnunetv2_ducisc.console import print_any_character

OUTPUT = Path("demo_output")
RAW, PREPROCESSED, RESULTS = (OUTPUT / f"nnUNet_{n}" for n in ("raw", "preprocessed", "results"))
PREDICTIONS, LOG = OUTPUT / "predictions", OUTPUT / "log.txt"
TABLE, PICTURE = OUTPUT / "table.txt", OUTPUT / "demo.png"
DATASET = "Dataset900_Phantoms"
IDENTIFIER = "900"
TEST_CASES = 8
TRAINERS = {"supervised": "nnUNetTrainerDuCiSC_supervised", "DuCiSC": "nnUNetTrainerDuCiSC"}
ENVIRONMENT = {
    "nnUNet_raw": str(RAW),
    "nnUNet_preprocessed": str(PREPROCESSED),
    "nnUNet_results": str(RESULTS),
    "nnUNet_def_n_proc": "2",
    "nnUNet_compile": "false",  # compiling takes longer than this short training saves
    **CPU_ALLOCATOR,
    "OMP_NUM_THREADS": "1",  # of helper processes; nnU-Net gives the training itself every core
    "OMP_WAIT_POLICY": "passive",  # threads that wait by spinning stand still on a shared machine
}


def main() -> None:
    """Make the data, train both methods for equal iterations, predict, measure, draw."""
    print_any_character()
    start = time.monotonic()
    start_afresh()
    console = Console(steps=4 + 3 * len(TRAINERS), log=LOG, environment=ENVIRONMENT)
    print(f"The demo writes into {OUTPUT}/; to run its commands by hand, set its variables first:")
    print("export " + " ".join(f"{name}={value}" for name, value in ENVIRONMENT.items()))
    console.announce("Write phantoms", "4 labeled, 24 unlabeled and 8 test cases of 40 x 48 x 48")
    write_dataset(
        RAW / DATASET, labeled=4, unlabeled=24, test=TEST_CASES, shape=(40, 48, 48), seed=0
    )
    console.run(
        "Plan and preprocess",
        *("nnUNetv2_plan_and_preprocess", "-d", IDENTIFIER, "-c", CONFIGURATION),
        *("--verify_dataset_integrity", "-npfp", "2", "-np", "2"),
    )
    path = write_demo_plans(PREPROCESSED / DATASET)
    console.announce("Copy the plans and edit them: a small network, a short run", str(path))
    report([train_and_measure(console, method) for method in TRAINERS], console)
    print(f"The demo took {(time.monotonic() - start) / 60:.1f} minutes.")


def start_afresh() -> None:
    """Remove what an earlier demo made, and nothing else that may lie beside it."""
    for folder in (RAW, PREPROCESSED, RESULTS, PREDICTIONS):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    for file in (LOG, TABLE, PICTURE):
        file.unlink(missing_ok=True)


def train_and_measure(console: Console, method: str) -> Scores:
    """Train one method, predict the test cases, evaluate the predictions."""
    device = ["-device", "cuda" if torch.cuda.is_available() else "cpu"]
    model = ["-p", PLANS, "-tr", TRAINERS[method], *device]
    predictions = PREDICTIONS / method
    # Without worker processes (nnUNet_n_proc_DA=0) augmentation does not fight over two cores.
    seconds = console.run(
        f"Train, {method}",
        *("nnUNetv2_train", IDENTIFIER, CONFIGURATION, "all", *model),
        progress=Progress(line="Epoch time:", total=EPOCHS, unit="epoch"),
        nnUNet_n_proc_DA="0",
    )
    console.run(
        f"Predict, {method}",
        *("nnUNetv2_predict", "-d", IDENTIFIER, "-c", CONFIGURATION, "-f", "all", *model),
        *("-i", str(RAW / DATASET / "imagesTs"), "-o", str(predictions)),
        *("-npp", "1", "-nps", "1"),
        progress=Progress(line="^Predicting ", total=TEST_CASES, unit="case"),
    )
    console.run(
        f"Evaluate, {method}",
        *("nnUNetv2_evaluate_folder", str(RAW / DATASET / "labelsTs"), str(predictions)),
        *("-djfile", str(RAW / DATASET / "dataset.json")),
        *("-pfile", str(PREPROCESSED / DATASET / f"{PLANS}.json")),
        *("-np", "1"),
    )
    return read_scores(method, predictions / "summary.json", seconds)


def report(scores: list[Scores], console: Console) -> None:
    """Print and keep the table, whoever wins, and draw the median case."""
    console.announce("Table and picture", f"{TABLE} and {PICTURE}")
    text = "\n".join(
        [
            table(scores[0], scores[1], list(LABELS)[1:]),
            f"Both trained for {EPOCHS * ITERATIONS_PER_EPOCH} iterations on the same 4 labels; "
            "DuCiSC saw 24 unlabeled images as well.",
            "This is one seed on phantoms: it shows how to work with the tools, not which method "
            "is better.",
        ]
    )
    TABLE.write_text(text + "\n", encoding="utf-8")
    print("\n" + text)
    picture(scores)
    print(
        f"\nPicture: {PICTURE}. Training curves: progress.png and ducisc_progress.png in the "
        f"folders below {RESULTS}."
    )


def picture(scores: list[Scores]) -> None:
    """The median test case with truth and predictions."""
    case = median_case(*scores)
    maps = {"Truth": RAW / DATASET / "labelsTs" / f"{case}.nii.gz"}
    for one in scores:
        dice = one.case_means[one.cases.index(case)]
        maps[f"{one.method}, Dice {dice:.3f}"] = PREDICTIONS / one.method / f"{case}.nii.gz"
    caption = (
        f"Test case {case}: the median of {TEST_CASES} by Dice averaged over classes and both "
        "methods (the lower of the two in the middle).\nThe slice is the one in which the rarest "
        "class of the truth has the most voxels. Dice is of the whole volume. One seed, phantoms."
    )
    draw(RAW / DATASET / "imagesTs" / f"{case}_0000.nii.gz", maps, caption, PICTURE)


if __name__ == "__main__":
    main()
