"""Two processes with a share of the batch each do what one does with the whole of it."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from nnunetv2.training.nnUNetTrainer import nnUNetTrainer as stock  # noqa: N813 (the module)
from torch import distributed as dist
from torch.nn.parallel import DistributedDataParallel

from nnunetv2_ducisc.method.distributed import gathered, summed
from nnunetv2_ducisc.method.labeling import ExclusiveClasses, Labeling, OverlappingRegions
from nnunetv2_ducisc.method.mixing import Mixup, mixed_labels
from nnunetv2_ducisc.method.objective import TERMS, Guide, Objective, StudentView
from nnunetv2_ducisc.method.targets import PrototypeAlignment
from nnunetv2_ducisc.nnunet.checkpoint import seed_everything
from nnunetv2_ducisc.nnunet.features import plain_network
from nnunetv2_ducisc.nnunet.loading import _share_of_process
from nnunetv2_ducisc.trainer import nnUNetTrainerDuCiSC
from nnunetv2_ducisc.variants import nnUNetTrainerDuCiSC_official
from tests.planned import PlannedDataset
from tests.two_processes import run_in_two

SHARES = (slice(0, 2), slice(2, 3))  # three images: two for the first process, one for the other
LABELINGS: dict[str, Labeling] = {
    "classes": ExclusiveClasses(3),
    "regions": OverlappingRegions(),
}


def objective(labeling: Labeling) -> Objective:
    return Objective(
        lambdas=dict.fromkeys(TERMS, 1.0),
        scale_weights=(1.0, 0.5),
        target=PrototypeAlignment("sum", "each"),
        term_weighting="plain",
        labeling=labeling,
    )


def learn(images: slice, kind: str) -> tuple[dict[str, float], torch.Tensor]:
    """The terms for some of three images, and their gradient by one weight of each output.

    Class 2 is in one process's images alone, and the second image has no reliable voxel.
    """
    generator = torch.Generator().manual_seed(0)
    labeling, weight = LABELINGS[kind], torch.ones(3, dtype=torch.float64, requires_grad=True)
    sizes = [(4, 3, 2), (2, 2, 1)]
    views = [
        [torch.randn(3, 3, *size, generator=generator, dtype=torch.float64) for size in sizes]
        for _ in range(3)
    ]
    teacher = labeling.probabilities(3 * torch.randn(3, 3, *sizes[0], generator=generator))
    teacher[1:, 2] = 0
    y_j, reliable = labeling.pseudo_label(teacher, torch.full((3,), 0.5))
    reliable[1] = False
    y_i = (torch.rand(3, 3, *sizes[0], generator=generator) > 0.5).float()
    y_i, y_j, reliable = (part[images] for part in (y_i, y_j, reliable))
    shares = Mixup(0, 1).shares(torch.full((3,), 0.5)[images], y_i)
    guides = {
        "unlabeled": Guide(y_j, reliable),
        "mixed": Guide(*mixed_labels(shares, y_i, None, y_j, reliable)),
    }
    scaled = [[scale[images] * weight.reshape(1, 3, 1, 1, 1) for scale in view] for view in views]
    kinds = ("labeled", "unlabeled", "mixed")
    student = {kind: StudentView(v, v) for kind, v in zip(kinds, scaled, strict=True)}
    terms = objective(labeling).terms(student, y_i, guides)
    sum(terms.values()).backward()
    return {name: term.item() for name, term in terms.items()}, weight.grad


def _learn_in_process(rank: int, folder: Path) -> None:
    for kind in LABELINGS:
        terms, gradient = learn(SHARES[rank], kind)
        dist.all_reduce(gradient)
        torch.save((terms, gradient / 2), folder / f"{kind}_{rank}.pt")


def _sum_in_process(rank: int, folder: Path) -> None:
    rows = torch.arange(2.0 * (2 - rank)).reshape(2 - rank, 2) + 10 * rank
    torch.save((summed(rows[:1]), gathered(rows)), folder / f"{rank}.pt")


@pytest.mark.unit
def test_alone_nothing_is_added_and_nothing_is_gathered():
    rows = torch.ones(2, 3)
    assert summed(rows) is rows and gathered(rows) is rows


def test_rows_of_unequal_number_are_gathered_and_filled_up_with_zeros(tmp_path):
    """Process 0 has (0 1) and (2 3), process 1 has (10 11): the sum of the first is (10 12)."""
    run_in_two(_sum_in_process, tmp_path)
    for rank in (0, 1):
        total, rows = torch.load(tmp_path / f"{rank}.pt")
        assert total.tolist() == [[10, 12]]
        assert rows.tolist() == [[0, 1], [2, 3], [10, 11], [0, 0]]


def test_terms_and_gradients_are_those_of_the_whole_batch(tmp_path):
    """Also with unequal shares: DistributedDataParallel's mean over processes is taken by hand."""
    run_in_two(_learn_in_process, tmp_path)
    for kind in LABELINGS:
        terms, gradient = learn(slice(None), kind)
        assert all(value > 0 for value in terms.values())
        for rank in (0, 1):
            of_process = torch.load(tmp_path / f"{kind}_{rank}.pt")
            assert of_process[0] == pytest.approx(terms, rel=1e-12)
            torch.testing.assert_close(of_process[1], gradient, rtol=1e-12, atol=0)


def trainer_for(
    dataset: PlannedDataset, images: slice, is_ddp: bool, trainer_class: type = nnUNetTrainerDuCiSC
) -> Any:
    """A trainer on the CPU whose loaders yield the same images, or a share of them, again."""
    generator = torch.Generator().manual_seed(1)
    data, other = (torch.randn(2, 1, 16, 16, 16, generator=generator) for _ in range(2))
    target = torch.randint(0, 4, (2, 1, 16, 16, 16), generator=generator).float()
    targets = [target[:, :, :: 2**s, :: 2**s, :: 2**s][images] for s in range(3)]
    seed_everything(0)
    trainer = dataset.trainer(
        trainer_class, plans_name="ddp", warmup_fraction=0.0, mix_low=0.5, mix_high=0.5
    )
    if is_ddp:  # for which nnU-Net takes a GPU
        assert trainer.is_ddp and trainer.local_rank == dist.get_rank()
        trainer.device, trainer.grad_scaler = torch.device("cpu"), None
        stock.DDP = lambda network, device_ids: DistributedDataParallel(network)
    trainer.initialize()
    views = torch.cat([other, other + 0.1], dim=1)[images]
    trainer.batch = {"data": data[images], "target": targets, "keys": ["a"] * len(data[images])}
    unlabeled = {"data": views, "keys": ["u"] * len(views)}
    trainer.dataloader_unlabeled = iter([unlabeled] * 3)
    return trainer


def learned(
    dataset: PlannedDataset, images: slice, is_ddp: bool, trainer_class: type
) -> dict[str, Any]:
    """Student, teacher, thresholds and logged losses after three steps."""
    trainer = trainer_for(dataset, images, is_ddp, trainer_class)
    share = _share_of_process(trainer, 0.33)
    trainer.on_train_epoch_start()
    for _ in range(3):
        trainer.train_step(trainer.batch)
    return {
        "student": plain_network(trainer.network).state_dict(),
        "teacher": trainer.teacher.module.state_dict(),
        "thresholds": trainer.confidence.state_dict()["values"],
        "losses": trainer.progress.end_epoch(0, 3, 0.0, trainer.confidence.in_use),
        "share": share,
    }


def _train_in_process(
    rank: int, folder: Path, dataset: PlannedDataset, trainer_class: type
) -> None:
    os.environ.update(dataset.environment(folder / "results"))
    told = learned(dataset, slice(rank, rank + 1), is_ddp=True, trainer_class=trainer_class)
    torch.save(told, folder / f"{rank}.pt")


@pytest.mark.parametrize("trainer_class", [nnUNetTrainerDuCiSC, nnUNetTrainerDuCiSC_official])
def test_two_processes_train_as_one_does_with_the_whole_batch(
    planned_3d, tmp_path, monkeypatch, trainer_class
):
    """Of a batch of two nnU-Net oversamples the last patch, which is the second process's."""
    for name, value in planned_3d.environment(tmp_path / "results").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(stock, "DDP", stock.DDP)  # put back what is replaced
    whole = learned(planned_3d, slice(None), False, trainer_class)
    run_in_two(
        partial(_train_in_process, dataset=planned_3d, trainer_class=trainer_class), tmp_path
    )
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1))
    start = plain_network(trainer_for(planned_3d, slice(None), is_ddp=False).network).state_dict()
    for part in ("student", "teacher"):
        for name, weight in whole[part].items():
            assert torch.equal(first[part][name], second[part][name])
            torch.testing.assert_close(first[part][name], weight, rtol=1e-3, atol=1e-5)
    assert any(not torch.equal(start[name], w) for name, w in whole["student"].items())
    assert torch.equal(first["thresholds"], second["thresholds"])
    torch.testing.assert_close(first["thresholds"], whole["thresholds"], rtol=1e-5, atol=0)
    assert first["losses"] == second["losses"] == pytest.approx(whole["losses"], rel=1e-4)
    assert [told["share"] for told in (whole, first, second)] == [0.33, 0.0, 1.0]
