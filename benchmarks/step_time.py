"""Step time and peak memory of DuCiSC against stock nnU-Net, in one process, as ratios.

    python -m benchmarks.step_time -d 501 -c 3d_fullres [-p PLANS] [--device cpu]
    python -m benchmarks.step_time ... --also low_memory unlabeled mixed noPrototypes

The second adds the step after warm-up with ``low_memory``, and those of alternatives of the paper.
``--half`` is mixed precision on the CPU, in bfloat16, for its memory; a GPU always has it.

The data set has to be planned and preprocessed; the batches are random numbers of the planned size,
so that reading and augmenting is left out. The kinds of step alternate, so that a machine
that gets slower in between slows all of them. ``nnUNet_compile=f`` switches torch.compile off.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from nnunetv2.paths import nnUNet_preprocessed
from nnunetv2.run.run_training import get_trainer_from_args
from nnunetv2.training.nnUNetTrainer import nnUNetTrainer as nnUNetTrainer_module
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from benchmarks.allocator import CPU_ALLOCATOR
from benchmarks.live_memory import peak_bytes
from nnunetv2_ducisc.nnunet import streams

OURS = "nnUNetTrainerDuCiSC"
KINDS = {"stock": "nnUNetTrainer", "warm-up": OURS, "after warm-up": OURS, "low_memory": OURS}
ALWAYS = ("stock", "warm-up", "after warm-up")


def trainer_of(kind: str) -> str:
    """What ``-tr`` is for a kind of step: an alternative's goes by the end of its name."""
    return KINDS.get(kind, f"{OURS}_{kind}")


def build(kind: str, args: argparse.Namespace) -> nnUNetTrainer:
    """A trainer that is ready for train_step, with its unlabeled batches in place."""
    device = torch.device(args.device)
    torch.backends.cudnn.benchmark = True  # as nnUNetv2_train sets it
    if args.device == "cpu":
        torch.set_num_threads(os.cpu_count() or 1)
    with contextlib.redirect_stdout(None):
        trainer = get_trainer_from_args(args.d, args.c, 0, trainer_of(kind), args.p, False, device)
        trainer.initialize()
    trainer.set_deep_supervision_enabled(trainer.enable_deep_supervision)
    trainer.network.train()
    if kind == "low_memory":
        trainer.settings = trainer.settings.replace(low_memory=True)
    if kind not in ("stock", "warm-up"):
        trainer.train_step(labeled_batch(trainer))  # torch.compile sees warm-up first, as in a run
        trainer.iteration = trainer.settings.warmup_iterations
        trainer.dataloader_unlabeled = itertools.repeat(unlabeled_batch(trainer))
    return trainer


def labeled_batch(trainer: nnUNetTrainer) -> dict[str, Any]:
    """A random labeled batch as nnU-Net's loader yields it."""
    patch = trainer.configuration_manager.patch_size
    classes = trainer.label_manager.num_segmentation_heads
    scales = trainer._get_deep_supervision_scales() or [[1.0] * len(patch)]
    target = [
        torch.randint(
            classes,
            (trainer.batch_size, 1, *(round(p * s) for p, s in zip(patch, scale, strict=True))),
        ).to(torch.int16)
        for scale in scales
    ]
    data = torch.randn(trainer.batch_size, trainer.num_input_channels, *patch)
    target = target if trainer.enable_deep_supervision else target[0]
    return {"data": data, "target": target, "keys": ["random"]}


def unlabeled_batch(trainer: nnUNetTrainer) -> dict[str, Any]:
    """A random unlabeled batch: the teacher's and the student's view, and maps, stacked."""
    patch = trainer.configuration_manager.patch_size
    channels, maps = 2 * trainer.num_input_channels, trainer.predictions.num_maps
    views, predicted = (
        draw(trainer.batch_size, n, *patch)
        for draw, n in ((torch.randn, channels), (torch.rand, maps))
    )
    return {"data": torch.cat([views, predicted / max(maps, 1)], 1), "keys": ["random"]}


def seconds(trainer: nnUNetTrainer, batch: dict[str, Any]) -> float:
    """The wall-clock time of one training step, with all that it has queued on the GPU."""
    wait = torch.cuda.synchronize if trainer.device.type == "cuda" else lambda: None
    wait()
    start = time.perf_counter()
    trainer.train_step(batch)
    wait()
    return time.perf_counter() - start


def peak_memory(kind: str, args: argparse.Namespace) -> float:
    """Peak memory in MiB of two steps in a process of their own, as torch's allocator sees it."""
    command = [sys.executable, "-m", "benchmarks.step_time", "--memory-of", kind, "-d", args.d]
    command += ["-c", args.c, "-p", args.p, "--device", args.device, *["--half"] * args.half]
    result = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return float(result.stdout.splitlines()[-1])


def print_own_peak_memory(args: argparse.Namespace) -> None:
    """What ``peak_memory`` runs; weights, momentum and teacher count, libraries do not."""
    measure = peak_bytes_on_cuda if args.device == "cuda" else peak_bytes
    print(measure(lambda: two_steps(args)) / 2**20)


def two_steps(args: argparse.Namespace) -> None:
    """Build a trainer and take the step that is measured."""
    trainer = build(args.memory_of, args)
    batch = labeled_batch(trainer)
    trainer.train_step(batch)
    if args.device == "cuda":  # the first steps try algorithms, in more memory than training takes
        torch.cuda.reset_peak_memory_stats()
    trainer.train_step(batch)


def peak_bytes_on_cuda(work: Callable[[], object]) -> int:
    """As CUDA counts it itself."""
    work()
    return torch.cuda.max_memory_allocated()


def report(args: argparse.Namespace) -> None:
    """Time the kinds alternately and print medians and ratios to stock."""
    kinds = (*ALWAYS, *args.also)
    memory = {kind: peak_memory(kind, args) for kind in kinds}  # while this process has no network
    trainers = {kind: build(kind, args) for kind in kinds}
    batch = labeled_batch(trainers["stock"])
    times: dict[str, list[float]] = {kind: [] for kind in trainers}
    for repetition in range(args.repetitions + 3):  # the first three warm up
        for kind, trainer in trainers.items():
            duration = seconds(trainer, batch)
            if repetition >= 3:
                times[kind].append(duration)
    medians = {kind: statistics.median(values) for kind, values in times.items()}
    trainer = trainers["stock"]
    patch = "x".join(map(str, trainer.configuration_manager.patch_size))
    print(
        f"torch {torch.__version__}, {args.device}, compile {trainer._do_i_compile()}, patch "
        f"{patch}, batch {trainer.batch_size}, {args.repetitions} repetitions"
    )
    print("| step | median ms | ratio | peak MiB | ratio |\n| --- | --- | --- | --- | --- |")
    for kind, median in medians.items():
        ratios = median / medians["stock"], memory[kind] / memory["stock"]
        print(
            f"| {kind} | {1000 * median:.0f} | {ratios[0]:.3f} "
            f"| {memory[kind]:.0f} | {ratios[1]:.2f} |"
        )


def mixed_precision_on_the_cpu() -> None:
    """Put autocast where nnU-Net and this package have nothing on a CPU."""
    autocast = partial(torch.autocast, "cpu", dtype=torch.bfloat16)
    nnUNetTrainer_module.dummy_context = autocast
    streams.nullcontext = autocast


def profile(kind: str, args: argparse.Namespace) -> None:
    """Print the operations that two steps of a kind spend most time in."""
    trainer = build(kind, args)
    batch = labeled_batch(trainer)
    seconds(trainer, batch)
    with torch.profiler.profile() as profiler:
        for _ in range(2):
            seconds(trainer, batch)
    print(profiler.key_averages().table(f"self_{args.device}_time_total", 12, 40))


def main() -> None:
    """Parse and measure, with the trainers' output folders in a temporary place."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-d", required=True, help="dataset name or id")
    parser.add_argument("-c", required=True, help="configuration")
    parser.add_argument("-p", default="nnUNetPlans", help="plans name")
    default = "cuda" if torch.cuda.is_available() else "cpu"
    parser.add_argument("--device", choices=("cpu", "cuda"), default=default)
    parser.add_argument("--repetitions", type=int, default=15)
    parser.add_argument(
        "--also", nargs="+", default=[], help="low_memory, or alternatives like unlabeled"
    )
    parser.add_argument("--half", action="store_true", help="mixed precision on the CPU, too")
    parser.add_argument(
        "--profile", metavar="KIND", help="only profile a kind of step, like 'after warm-up'"
    )
    parser.add_argument("--memory-of", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if not nnUNet_preprocessed.is_set():
        parser.error("set nnUNet_raw, nnUNet_preprocessed and nnUNet_results first")
    if args.device == "cpu" and not CPU_ALLOCATOR.items() <= os.environ.items():
        # read once, when a process starts
        os.execve(sys.executable, sys.orig_argv, os.environ | CPU_ALLOCATOR)
    with (
        tempfile.TemporaryDirectory() as results,
        # Else networks with and without hooks would share graphs, and these would be too many.
        torch._dynamo.config.patch(skip_nnmodule_hook_guards=False, cache_size_limit=64),
    ):
        os.environ["nnUNet_results"] = results
        if args.half:
            mixed_precision_on_the_cpu()
        if args.memory_of:
            print_own_peak_memory(args)
        elif args.profile:
            profile(args.profile, args)
        else:
            report(args)


if __name__ == "__main__":
    main()
