"""Losses and gradients of two processes with a share of the batch are those of the whole of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import distributed as dist

from nnunetv2_ducisc.method.distributed import gathered, summed
from nnunetv2_ducisc.method.labeling import ExclusiveClasses, Labeling, OverlappingRegions
from nnunetv2_ducisc.method.mixing import Mixup, mixed_labels
from nnunetv2_ducisc.method.objective import TERMS, Guide, Objective, StudentView
from nnunetv2_ducisc.method.targets import PrototypeAlignment
from tests.terms import terms_at_once
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
    terms = terms_at_once(objective(labeling), student, y_i, guides)
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
