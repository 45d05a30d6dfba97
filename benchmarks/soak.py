"""A long training of the tests' tiny phantoms: do memory and file handles stay where they are?

    python -m benchmarks.soak [--iterations 2000] [-o soak.csv]

After every epoch of 50 iterations the memory (proportional set size, in which shared pages count
once) and the open file handles of the training and of all its background processes are taken from
/proc, which Linux has. A quantity is called flat if the least-squares line through its values from
iteration 200 on grows by less than 2 % of its start from there to the end.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.background import Command
from tests.planned import PlannedDataset, plan

PLANS = "soak"
EVERY = 50  # iterations
FROM = 200  # iterations, after which everything is loaded and every buffer filled
GROWTH = 0.02
# nnunetv2_train, with Python's garbage collected after every epoch: nnU-Net's plot of its progress
# leaves 64 MiB of it each time, which Python otherwise collects some epochs later.
TRAIN = """
import gc
from nnunetv2.run.run_training import run_training_entry
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

end = nnUNetTrainer.on_epoch_end
nnUNetTrainer.on_epoch_end = lambda trainer: (end(trainer), gc.collect())
run_training_entry()
"""
QUANTITIES = ("memory_mib", "file_handles", "processes")


@dataclass(frozen=True)
class Sample:
    """What all processes of a training hold together after so many iterations."""

    iteration: int
    memory_mib: float
    file_handles: int
    processes: int


def sample(group: int, iteration: int) -> Sample:
    """Add up the processes of a group; one that ends meanwhile is left out."""
    memory_kib = handles = processes = 0
    for process in _members(group):
        try:
            memory_kib += _proportional_kib(process)
            handles += len(list((process / "fd").iterdir()))
            processes += 1
        except (FileNotFoundError, ProcessLookupError):
            continue
    return Sample(iteration, round(memory_kib / 1024, 1), handles, processes)


def _members(group: int) -> Iterator[Path]:
    """The folders below /proc of a process group."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            after_name = (process / "stat").read_text(encoding="utf-8").rpartition(")")[2]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(after_name.split()[2]) == group:
            yield process


def _proportional_kib(process: Path) -> int:
    rollup = (process / "smaps_rollup").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))


def growth(iterations: list[int], values: list[float]) -> float:
    """How much the least-squares line grows from its first to its last point, as a share."""
    slope, start = np.polyfit(np.subtract(iterations, iterations[0]), values, 1)
    return float(slope * (iterations[-1] - iterations[0]) / start)


def verdict(samples: list[Sample]) -> str:
    """One line: flat or not, and the numbers that say so."""
    late = [sample for sample in samples if sample.iteration >= FROM]
    iterations = [sample.iteration for sample in late]
    grown = {
        name: growth(iterations, [getattr(sample, name) for sample in late]) for name in QUANTITIES
    }
    flat = all(share < GROWTH for share in grown.values())
    numbers = ", ".join(f"{name} {share:+.2%}" for name, share in grown.items())
    return f"{'Flat' if flat else 'NOT FLAT'} from iteration {FROM} to {iterations[-1]}: {numbers}"


def train(dataset: PlannedDataset, results: Path, iterations: int) -> list[Sample]:
    """Train with two background processes a loader, and sample after every epoch."""
    dataset.write_plans(
        PLANS,
        num_epochs=iterations // EVERY,
        num_iterations_per_epoch=EVERY,
        warmup_fraction=0.0,
        save_every=5,
    )
    results.mkdir(parents=True)
    command = Command(
        [sys.executable, "-c", TRAIN, dataset.dataset_id, dataset.configuration, "all"]
        + ["-p", PLANS, "-tr", "nnUNetTrainerDuCiSC", "-device", "cpu"],
        dataset.environment(results) | {"nnUNet_n_proc_DA": "2"},
        results / "log.txt",
    )
    model = f"nnUNetTrainerDuCiSC__{PLANS}__{dataset.configuration}"
    log = results / dataset.name / model / "fold_all" / "ducisc_log.csv"
    samples: list[Sample] = []
    while command.wait_for(lambda: _iterations(log) > EVERY * len(samples)):
        samples.append(sample(command.process.pid, _iterations(log)))
    command.finish()
    return samples


def _iterations(log: Path) -> int:
    """How many iterations the method's log has seen."""
    with log.open(newline="", encoding="utf-8") as file:
        return max((int(row["iteration"]) for row in csv.DictReader(file)), default=0)


def write(samples: list[Sample], file: Path) -> None:
    """Write one row a sample."""
    with file.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.DictWriter(opened, [*asdict(samples[0])])
        writer.writeheader()
        writer.writerows(map(asdict, samples))


def main() -> None:
    """Train, write the samples and print the verdict."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--iterations", type=int, default=2000)
    parser.add_argument("-o", type=Path, default=Path("soak.csv"), help="where the samples go")
    args = parser.parse_args()
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        dataset = plan(Path(folder), dimensions=3)
        samples = train(dataset, Path(folder) / "results", args.iterations)
    write(samples, args.o)
    for one in (samples[0], samples[len(samples) // 2], samples[-1]):
        print(one)
    print(f"{verdict(samples)} ({(time.monotonic() - start) / 60:.0f} min)")


if __name__ == "__main__":
    main()
