"""Dice and cross-entropy with pseudo labels on reliable voxels: Eq. 10."""

import math

import numpy as np
import pytest
import torch

from nnunetv2_ducisc.method.consistency import (
    class_consistency,
    masked_cross_entropy,
    masked_dice_loss,
)
from tests import naive

pytestmark = pytest.mark.unit

ABSENT = {
    "nowhere": lambda c: [],
    "in one image": lambda c: [(0, c)],
    "in the whole batch": lambda c: [(0, c), (1, c)],
}

every_case = pytest.mark.parametrize(
    ("dimensions", "classes", "soft", "absent"),
    [(d, c, s, a) for d in (2, 3) for c in (2, 4) for s in (False, True) for a in ABSENT],
)


def random_case(dimensions: int, classes: int, soft: bool, absent: str, half: bool = False):
    """Logits, a target without the last class somewhere, and a mask of about half the voxels."""
    rng = np.random.default_rng(0)
    size = (naive.HALF_SHAPES if half else naive.SHAPES)[dimensions]
    logits = rng.normal(size=(2, classes, *size))
    target = naive.random_label(
        rng, 2, classes, size, soft=soft, absent=ABSENT[absent](classes - 1)
    )
    return logits, target, rng.integers(0, 2, size=(2, 1, *size)).astype(float)


def row(*values: float) -> torch.Tensor:
    """One image, one channel: shape (1, 1, N, 1)."""
    return torch.tensor(values, dtype=torch.float64).reshape(1, 1, -1, 1)


def two_classes(*foreground: float) -> torch.Tensor:
    """Background and foreground of one image, shape (1, 2, N, 1)."""
    return torch.cat([1 - row(*foreground), row(*foreground)], dim=1)


def foreground(*maps: torch.Tensor) -> list[torch.Tensor]:
    """All classes but the background."""
    return [m[:, 1:] for m in maps]


@every_case
def test_the_loss_is_the_naive_loops_with_a_finite_gradient(dimensions, classes, soft, absent):
    logits, target, mask = random_case(dimensions, classes, soft, absent)
    leaf = torch.from_numpy(logits).requires_grad_()
    loss = class_consistency(
        leaf.log_softmax(1), torch.from_numpy(target), torch.from_numpy(mask).bool()
    )
    assert loss.dtype == torch.float64
    assert loss.shape == ()
    assert loss.item() == pytest.approx(naive.consistency(logits, target, mask), rel=1e-12)
    loss.backward()
    assert leaf.grad.isfinite().all()
    counts = torch.from_numpy(mask).bool().expand_as(leaf)
    assert (leaf.grad[~counts] == 0).all(), "a voxel that is not reliable teaches nothing"
    assert leaf.grad[counts].all()


@every_case
def test_its_two_parts_are_the_naive_loops(dimensions, classes, soft, absent):
    logits, target, mask = random_case(dimensions, classes, soft, absent)
    p = naive.softmax(logits)
    arguments = (torch.from_numpy(target), torch.from_numpy(mask))
    dice = masked_dice_loss(*foreground(torch.from_numpy(p), arguments[0]), arguments[1]).item()
    cross_entropy = masked_cross_entropy(torch.from_numpy(p).log(), *arguments).item()
    assert dice == pytest.approx(naive.dice_loss(p, target, mask), rel=1e-12)
    assert cross_entropy == pytest.approx(naive.cross_entropy(p, target, mask), rel=1e-12)


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("absent", ABSENT)
def test_its_gradient_is_the_numeric_one(dimensions, absent):
    logits, target, mask = random_case(dimensions, 4, True, absent, half=True)

    def loss(leaf):
        return class_consistency(
            leaf.log_softmax(1), torch.from_numpy(target), torch.from_numpy(mask)
        )

    assert torch.autograd.gradcheck(loss, torch.from_numpy(logits).requires_grad_())


def test_dice_and_cross_entropy_of_three_voxels():
    """Foreground p = 0.5, 0.25, 0.8 with y = 1, 0, 1; the third voxel is not reliable.

    Dice: 1 - 2 * 0.5 / (0.3125 + 1) = 5/21. Cross-entropy: -(ln 0.5 + ln 0.75) / 2 = 0.4904.
    """
    p, y, mask = two_classes(0.5, 0.25, 0.8), two_classes(1, 0, 1), row(1, 1, 0)
    dice, cross_entropy = 5 / 21, -(math.log(0.5) + math.log(0.75)) / 2
    assert masked_dice_loss(*foreground(p, y), mask).item() == pytest.approx(dice, rel=1e-14)
    assert masked_cross_entropy(p.log(), y, mask).item() == pytest.approx(cross_entropy, rel=1e-14)
    assert class_consistency(p.log(), y, mask.bool()).item() == pytest.approx(dice + cross_entropy)


def test_a_soft_target_is_used_as_it_is():
    """One voxel, p = 0.5, y = 0.25.

    Dice: 1 - 2 * 0.125 / (0.25 + 0.0625) = 1/5. Cross-entropy: -(0.75 + 0.25) ln 0.5 = ln 2.
    """
    p, y = two_classes(0.5), two_classes(0.25)
    loss = class_consistency(p.log(), y, row(1).bool())
    assert loss.item() == pytest.approx(1 / 5 + math.log(2), rel=1e-14)


def test_a_soft_target_is_best_met_by_itself():
    """Of p = y, p rounded and p between, dice is zero and flat at p = y = (0.4, 0.7) alone."""
    y = two_classes(0.4, 0.7)
    for other in (two_classes(0, 1), two_classes(0.2, 0.85), two_classes(0.5, 0.8)):
        assert masked_dice_loss(*foreground(other, y), row(1, 1)).item() > 1e-3
    leaf = y.clone().requires_grad_()
    loss = masked_dice_loss(*foreground(leaf, y), row(1, 1))
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-15)
    assert leaf.grad.abs().max() < 1e-15


def test_dice_leaves_the_background_out():
    """Four background voxels, predicted perfectly or badly, and one foreground voxel at 1.

    Class 1 decides: 1 - 2 * 1 / (1 + 4 * 0.25 + 1) = 1/3. With the background it would be less.
    """
    p, y = two_classes(1, 0.5, 0.5, 0.5, 0.5), two_classes(1, 0, 0, 0, 0)
    assert masked_dice_loss(*foreground(p, y), row(1, 1, 1, 1, 1)).item() == pytest.approx(1 / 3)


def test_dice_pools_the_voxels_of_the_batch():
    """Image 1: p = 1, y = 1; image 2: p = 0.5, y = 0. Pooled 1 - 2 / 2.25 = 1/9, per image 0."""
    p = torch.cat([two_classes(1), two_classes(0.5)])
    y = torch.cat([two_classes(1), two_classes(0)])
    assert masked_dice_loss(*foreground(p, y), torch.ones(2, 1, 1, 1)).item() == pytest.approx(
        1 / 9
    )


def test_a_class_whose_voxels_are_all_unreliable_is_left_out_of_dice():
    """Class 1 perfect, class 2 only at the masked voxel: 0, not the mean of 0 and 1."""
    y = torch.eye(3, dtype=torch.float64).reshape(1, 3, 3, 1)
    p = y.clone()
    p[..., 0, 0] = torch.tensor([0.5, 0.0, 0.5])  # class 2 is predicted on a background voxel
    assert masked_dice_loss(*foreground(p, y), row(1, 1, 0)).item() == 0


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("soft", [False, True])
def test_no_reliable_voxel_is_an_exact_zero_with_a_graph(dimensions, classes, soft):
    logits, target, mask = random_case(dimensions, classes, soft, "nowhere")
    leaf = torch.from_numpy(logits).requires_grad_()
    loss = class_consistency(
        leaf.log_softmax(1), torch.from_numpy(target), torch.zeros(mask.shape, dtype=torch.bool)
    )
    assert loss.item() == 0
    loss.backward()
    assert (leaf.grad == 0).all()


def test_background_alone_leaves_cross_entropy_to_push_the_foreground_down():
    """p = 0.25 of foreground in two background voxels: Dice 0, cross-entropy -ln 0.75."""
    leaf = torch.tensor([[math.log(3), 0.0]], dtype=torch.float64).reshape(1, 2, 1, 1)
    leaf = leaf.repeat(1, 1, 2, 1).requires_grad_()
    loss = class_consistency(leaf.log_softmax(1), two_classes(0, 0), row(1, 1).bool())
    assert loss.item() == pytest.approx(-math.log(0.75), rel=1e-14)
    loss.backward()
    assert (leaf.grad[:, 1] > 0).all()


@pytest.mark.parametrize("sure_of", [0, 1])
def test_a_saturated_student_has_a_finite_loss_and_gradient(sure_of):
    """Logits of +-500: the probability of the other class is an exact zero in float64."""
    leaf = torch.full((1, 2, 3, 1), -500.0, dtype=torch.float64)
    leaf[:, sure_of] = 500.0
    leaf.requires_grad_()
    loss = class_consistency(leaf.log_softmax(1), two_classes(1, 1, 1), row(1, 1, 1).bool())
    assert loss.item() == pytest.approx(0.0 if sure_of else 1001.0)
    loss.backward()
    assert leaf.grad.isfinite().all()
