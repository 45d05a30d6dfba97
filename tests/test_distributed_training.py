"""Two processes with a share of the batch each train as one does with the whole of it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from nnunetv2.run.run_training import maybe_load_checkpoint
from nnunetv2.training.nnUNetTrainer import nnUNetTrainer as stock  # noqa: N813 (the module)
from torch import distributed as dist
from torch.nn.parallel import DistributedDataParallel

from nnunetv2_ducisc.cli import main
from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.method.distributed import is_distributed
from nnunetv2_ducisc.method.objective import TERMS
from nnunetv2_ducisc.nnunet.checkpoint import seed_everything
from nnunetv2_ducisc.nnunet.features import plain_network
from nnunetv2_ducisc.nnunet.loading import _share_of_process
from nnunetv2_ducisc.trainer import nnUNetTrainerDuCiSC
from nnunetv2_ducisc.variants import nnUNetTrainerDuCiSC_official
from tests.planned import PlannedDataset
from tests.two_processes import run_in_two


@contextmanager
def in_turn() -> Iterator[None]:
    """The second process waits for the first: each writes the plans file and reads it again."""
    if is_distributed() and dist.get_rank() == 1:
        dist.barrier()
    yield
    if is_distributed() and dist.get_rank() == 0:
        dist.barrier()


def on_the_cpu(
    dataset: PlannedDataset, trainer_class: type = nnUNetTrainerDuCiSC, **options: Any
) -> Any:
    """A trainer on the CPU also where it is one of several, for which nnU-Net takes GPUs."""
    with in_turn():
        trainer = dataset.trainer(trainer_class, **options)
    assert trainer.is_ddp == is_distributed()
    if trainer.is_ddp:
        assert trainer.local_rank == dist.get_rank()
        trainer.device, trainer.grad_scaler = torch.device("cpu"), None
        stock.DDP = lambda network, device_ids: DistributedDataParallel(network)
    return trainer


def weights_and_thresholds(trainer: Any) -> dict[str, Any]:
    return {
        "student": plain_network(trainer.network).state_dict(),
        "teacher": trainer.teacher.module.state_dict(),
        "thresholds": trainer.confidence.state_dict()["values"],
    }


def assert_equal_weights(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> None:
    assert first.keys() == second.keys()
    assert [name for name, weight in first.items() if not torch.equal(weight, second[name])] == []


def prepare_environment(
    dataset: PlannedDataset, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Set what the first process, which is this one, sets too, so that it is put back."""
    for name, value in dataset.environment(results).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(stock, "DDP", stock.DDP)


# --- Steps on given batches ----------------------------------------------------------------------


def trainer_for(dataset: PlannedDataset, images: slice, **options: Any) -> Any:
    """A trainer whose loaders yield the same images, or a share of them, again."""
    generator = torch.Generator().manual_seed(1)
    data, other = (torch.randn(2, 1, 16, 16, 16, generator=generator) for _ in range(2))
    target = torch.randint(0, 4, (2, 1, 16, 16, 16), generator=generator).float()
    targets = [target[:, :, :: 2**s, :: 2**s, :: 2**s][images] for s in range(3)]
    seed_everything(0)
    trainer = on_the_cpu(
        dataset, plans_name="ddp", warmup_fraction=0.0, mix_low=0.5, mix_high=0.5, **options
    )
    trainer.initialize()
    views = torch.cat([other, other + 0.1], dim=1)[images]
    trainer.batch = {"data": data[images], "target": targets, "keys": ["a"] * len(data[images])}
    unlabeled = {"data": views, "keys": ["u"] * len(views)}
    trainer.dataloader_unlabeled = iter([unlabeled] * 3)
    return trainer


def learned(dataset: PlannedDataset, images: slice, **options: Any) -> dict[str, Any]:
    """Student, teacher, thresholds and logged losses after three steps."""
    trainer = trainer_for(dataset, images, **options)
    share = _share_of_process(trainer, 0.33)
    trainer.on_train_epoch_start()
    for _ in range(3):
        trainer.train_step(trainer.batch)
    losses = trainer.progress.end_epoch(0, 3, 0.0, trainer.confidence.in_use)
    return weights_and_thresholds(trainer) | {"losses": losses, "share": share}


def _learn_steps_in_process(
    rank: int, folder: Path, dataset: PlannedDataset, options: dict[str, Any]
) -> None:
    os.environ.update(dataset.environment(folder / "results"))
    torch.save(learned(dataset, slice(rank, rank + 1), **options), folder / f"{rank}.pt")


@pytest.mark.parametrize(
    "options",
    [{}, {"trainer_class": nnUNetTrainerDuCiSC_official}, {"low_memory": True}],
    ids=["default", "official", "low memory"],
)
def test_two_processes_train_as_one_does_with_the_whole_batch(
    planned_3d, tmp_path, monkeypatch, options
):
    """Of a batch of two nnU-Net oversamples the last patch, which is the second process's.

    Low memory makes several passes a backward, and DistributedDataParallel is made for one.
    """
    prepare_environment(planned_3d, tmp_path / "results", monkeypatch)
    whole = learned(planned_3d, slice(None), **options)
    run_in_two(partial(_learn_steps_in_process, dataset=planned_3d, options=options), tmp_path)
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1))
    start = plain_network(trainer_for(planned_3d, slice(None)).network).state_dict()
    for part in ("student", "teacher"):
        assert_equal_weights(first[part], second[part])
        for name, weight in whole[part].items():
            torch.testing.assert_close(first[part][name], weight, rtol=1e-3, atol=1e-5)
    assert any(not torch.equal(start[name], w) for name, w in whole["student"].items())
    assert torch.equal(first["thresholds"], second["thresholds"])
    torch.testing.assert_close(first["thresholds"], whole["thresholds"], rtol=1e-5, atol=0)
    assert first["losses"] == second["losses"] == pytest.approx(whole["losses"], rel=1e-4)
    assert [told["share"] for told in (whole, first, second)] == [0.33, 0.0, 1.0]


# --- Whole trainings -----------------------------------------------------------------------------

KEPT = "checkpoint_first_epoch.pth"
OF_THE_FIRST = {
    *("checkpoint_best.pth", "checkpoint_final.pth", "checkpoint_final_teacher.pth", KEPT),
    *("debug.json", "ducisc_log.csv", "ducisc_progress.png", "progress.png", "training_log"),
}
OF_EVERY_PROCESS = {"plans.json", "dataset.json", "dataset_fingerprint.json"}  # by nnU-Net itself


class KeepsTheFirstEpoch(nnUNetTrainerDuCiSC):
    """Keeps the checkpoint that nnU-Net removes when a training has come to its end."""

    def on_train_end(self) -> None:
        folder = Path(self.output_folder)
        if self.local_rank == 0:
            shutil.copy(folder / "checkpoint_latest.pth", folder / KEPT)
        super().on_train_end()


def trained(trainer: Any) -> dict[str, Any]:
    """From which iteration on, with which log, and what came out."""
    begun_at = trainer.iteration
    trainer.run_training()
    told = {"begun_at": begun_at, "rows": trainer.progress.rows}
    return told | weights_and_thresholds(trainer)


def refusal(dataset: PlannedDataset) -> str:
    """What a training says to unlabeled cases that are not preprocessed, which it leaves so."""
    with pytest.raises(DuCiSCError) as refused:
        on_the_cpu(dataset, KeepsTheFirstEpoch).run_training()
    assert not list(dataset.preprocessed.glob("*_unlabeled*"))
    return str(refused.value)


def run_command_in(sentence: str) -> None:
    command = re.search(r"run ducisc (.*) before", sentence)
    assert command and main([*command[1].split(), "-np", "1"]) == 0


def go_back_to_the_first_epoch(fold: Path) -> None:
    """As a training leaves its folder that is killed in the second."""
    for final in ("checkpoint_final.pth", "checkpoint_final_teacher.pth"):
        (fold / final).unlink()
    (fold / KEPT).rename(fold / "checkpoint_latest.pth")


@contextmanager
def first_alone() -> Iterator[bool]:
    """Whether to do what only the first process does, while the second waits."""
    dist.barrier()
    yield dist.get_rank() == 0
    dist.barrier()


def _train_in_process(rank: int, folder: Path, dataset: PlannedDataset) -> None:
    """The first training has a folder a process, which shows who writes what.

    The second goes on in the first process's folder, as all do on a machine with several GPUs.
    """
    os.environ.update(dataset.environment(folder / f"results_{rank}"))
    told: dict[str, Any] = {"refusal": refusal(dataset)}
    with first_alone() as is_mine:
        if is_mine:
            run_command_in(told["refusal"])
    trainer = on_the_cpu(dataset, KeepsTheFirstEpoch)
    told["whole"] = trained(trainer)
    with first_alone() as is_mine:
        if is_mine:
            go_back_to_the_first_epoch(Path(trainer.output_folder))
    os.environ.update(dataset.environment(folder / "results_0"))
    continued = on_the_cpu(dataset, KeepsTheFirstEpoch, continue_training=True)
    maybe_load_checkpoint(continued, continue_training=True, validation_only=False)
    told["continued"] = trained(continued)
    torch.save(told, folder / f"{rank}.pt")


def files_below(folder: Path) -> set[str]:
    """The names of all files, whatever the folder; of a log without the time in it."""
    names = (path.name for path in folder.rglob("*") if path.is_file())
    return {re.sub(r"^(training_log)_.*\.txt$", r"\1", name) for name in names}


def weights_in(checkpoint: Path) -> dict[str, torch.Tensor]:
    return torch.load(checkpoint, weights_only=False)["network_weights"]


def test_two_processes_train_to_the_end_and_go_on_from_a_checkpoint_as_one(
    planned_3d, tmp_path, monkeypatch
):
    """Warm-up is the first of two epochs of two iterations; the second is trained twice.

    Before, the training refuses to preprocess the unlabeled cases, and names the command that does.
    """
    dataset = replace(planned_3d, root=tmp_path / "data")
    shutil.copytree(planned_3d.root, dataset.root, ignore=shutil.ignore_patterns("*_unlabeled*"))
    prepare_environment(dataset, tmp_path / "results_0", monkeypatch)
    run_in_two(partial(_train_in_process, dataset=dataset), tmp_path)
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1))

    assert first["refusal"] == second["refusal"]
    assert re.fullmatch(
        r"4 of 4 unlabeled cases are not preprocessed from their present images and plans, \w+ "
        r"among them: run ducisc preprocess -d 903 -c 3d_fullres -p tiny before you train on "
        r"several GPUs\.",
        first["refusal"],
    )
    for run, begun_at in (("whole", 0), ("continued", 2)):
        assert first[run]["begun_at"] == second[run]["begun_at"] == begun_at
        assert_equal_weights(first[run]["student"], second[run]["student"])
        assert_equal_weights(first[run]["teacher"], second[run]["teacher"])
        assert torch.equal(first[run]["thresholds"], second[run]["thresholds"])
        assert first[run]["rows"] == second[run]["rows"]
        warm_up, semi_supervised = first[run]["rows"]
        assert not any(f"loss_{term}" in warm_up for term in TERMS)
        assert all(f"loss_{term}" in semi_supervised for term in TERMS)
        assert warm_up == first["whole"]["rows"][0]

    (fold,) = (tmp_path / "results_0").rglob("fold_all")
    assert_equal_weights(weights_in(fold / "checkpoint_final.pth"), first["continued"]["student"])
    teacher = weights_in(fold / "checkpoint_final_teacher.pth")
    assert_equal_weights(teacher, first["continued"]["teacher"])
    assert files_below(tmp_path / "results_0") == OF_THE_FIRST | OF_EVERY_PROCESS
    assert files_below(tmp_path / "results_1") == OF_EVERY_PROCESS
