"""How long training waits for batches: DuCiSC after warm-up against stock nnU-Net.

    python -m benchmarks.waiting -d 501 -c 3d_fullres [-p PLANS] [--device cuda] [--iterations 100]

The data set has to be planned and preprocessed, its unlabeled images too (``ducisc preprocess``).
Real batches come from nnU-Net's background workers (``nnUNet_n_proc_DA``), which also prepare
them while the network computes: a loader is the bottleneck where its share of the time is large.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import tempfile
import time
from collections.abc import Iterator
from os import environ
from typing import Any

import torch
from nnunetv2.run.run_training import get_trainer_from_args
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunetv2_ducisc.nnunet.loading import stop

STOCK, OURS = "nnUNetTrainer", "nnUNetTrainerDuCiSC"
FIRST = 10  # iterations that are not measured: workers start, torch.compile compiles


class Stopwatch:
    """An iterator that adds up how long its batches are waited for.

    Attributes:
        seconds: so far.
    """

    def __init__(self, loader: Iterator[Any]) -> None:
        self.loader = loader
        self.seconds = 0.0

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:  # noqa: ANN401 (whatever the loader yields)
        start = time.perf_counter()
        batch = next(self.loader)
        self.seconds += time.perf_counter() - start
        return batch


def started(name: str, args: argparse.Namespace) -> nnUNetTrainer:
    """A trainer whose loaders run, past its warm-up."""
    torch.backends.cudnn.benchmark = True  # as nnUNetv2_train sets it
    if args.device == "cuda":
        torch.set_num_threads(1)
    with contextlib.redirect_stdout(None):
        device = torch.device(args.device)
        trainer = get_trainer_from_args(args.d, args.c, "all", name, args.p, False, device)
        trainer.on_train_start()
        if name == OURS:
            trainer.iteration = trainer.settings.warmup_iterations
        trainer.on_train_epoch_start()
    return trainer


def measure(name: str, args: argparse.Namespace) -> tuple[float, dict[str, float]]:
    """Seconds an iteration, and of these the seconds of waiting for each loader."""
    trainer = started(name, args)
    loaders = {"labeled": trainer.dataloader_train}
    if name == OURS:
        loaders["unlabeled"] = trainer.dataloader_unlabeled
    watches = {kind: Stopwatch(loader) for kind, loader in loaders.items()}
    if name == OURS:
        trainer.dataloader_unlabeled = watches["unlabeled"]
    for iteration in itertools.count():
        if iteration == FIRST:
            before = {kind: watch.seconds for kind, watch in watches.items()}
            start = time.perf_counter()
        if iteration == FIRST + args.iterations:
            break
        trainer.train_step(next(watches["labeled"]))
    took = time.perf_counter() - start
    for loader in (*loaders.values(), trainer.dataloader_val):
        stop(loader)
    waits = {kind: (watch.seconds - before[kind]) for kind, watch in watches.items()}
    return took / args.iterations, {kind: w / args.iterations for kind, w in waits.items()}


def main() -> None:
    """Parse, measure one trainer after the other and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-d", required=True, help="dataset name or id")
    parser.add_argument("-c", required=True, help="configuration")
    parser.add_argument("-p", default="nnUNetPlans", help="plans name")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--iterations", type=int, default=100)
    args = parser.parse_args()
    print("| trainer | ms an iteration | waiting for labeled | waiting for unlabeled |")
    print("| --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as results:
        environ["nnUNet_results"] = results
        for name in (STOCK, OURS):
            seconds, waits = measure(name, args)
            shares = [
                f"{waits[kind] / seconds:.1%}" if kind in waits else ""
                for kind in ("labeled", "unlabeled")
            ]
            print(f"| {name} | {1000 * seconds:.0f} | {' | '.join(shares)} |", flush=True)


if __name__ == "__main__":
    main()
