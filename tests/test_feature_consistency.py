"""Class-agnostic features instead of prototypes: Eq. 13, and the gradients of Eq. 14 and 15."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import distributed as dist

from nnunetv2_ducisc.method.features import feature_consistency
from nnunetv2_ducisc.method.prototypes import Prototypes, alignment_loss, masked_average
from tests import naive, naive_alternatives
from tests.two_processes import run_in_two

pytestmark = pytest.mark.unit

every_case = pytest.mark.parametrize(
    ("dimensions", "norm"), list(itertools.product((2, 3), ("sum", "mean")))
)


def random_features(dimensions: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """F^stu and F^tea of two images at two scales of 3 and 2 channels."""
    rng = np.random.default_rng(0)
    sizes = [(3, naive.SHAPES[dimensions]), (2, naive.HALF_SHAPES[dimensions])]
    student, teacher = (
        [rng.normal(size=(2, channels, *size)) for channels, size in sizes] for _ in range(2)
    )
    return student, teacher


def leaves_of(features: list[np.ndarray]) -> list[torch.Tensor]:
    return [torch.from_numpy(scale).requires_grad_() for scale in features]


@every_case
def test_the_loss_of_equation_13_is_the_naive_loops(dimensions, norm):
    student, teacher = random_features(dimensions)
    loss = feature_consistency(leaves_of(student), leaves_of(teacher), norm)
    expected = naive_alternatives.feature_consistency(student, teacher, norm)
    assert loss.item() == pytest.approx(expected, rel=1e-12)


@every_case
def test_its_gradient_is_equation_14_and_goes_to_the_student_alone(dimensions, norm):
    """2 / (H W D) (F^stu - F^tea) at every scale, over 2 images; the mean also over Z and S = 2."""
    student, teacher = random_features(dimensions)
    leaves, others = leaves_of(student), leaves_of(teacher)
    feature_consistency(leaves, others, norm).backward()
    for leaf, f, g in zip(leaves, student, teacher, strict=True):
        number = 2 * f[0, 0].size * (2 * f.shape[1] if norm == "mean" else 1)
        np.testing.assert_allclose(leaf.grad, 2 * (f - g) / number, rtol=1e-12)
    assert all(other.grad is None for other in others)


def test_two_voxels_of_two_channels_by_hand():
    """(1 + 4 + 0 + 9) / 2 voxels = 7; the mean also over two channels: 3.5."""
    student = torch.tensor([[1.0, 0.0], [2.0, 3.0]]).reshape(1, 2, 2, 1)
    teacher = torch.zeros_like(student)
    assert feature_consistency([student], [teacher], "sum").item() == 7
    assert feature_consistency([student], [teacher], "mean").item() == 3.5


def test_equal_features_are_an_exact_zero_with_a_graph():
    leaf = torch.randn(1, 2, 3, 3, requires_grad=True)
    loss = feature_consistency([leaf], [leaf.detach().clone()])
    loss.backward()
    assert loss.item() == 0 and not leaf.grad.any()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_seventy_thousand_distant_voxels_in_half_precision_do_not_overflow(dtype):
    """256 squared is 65,536, where fp16 ends, and so does the number of voxels."""
    student = torch.full((1, 1, 70_000, 1), 256.0, dtype=dtype, requires_grad=True)
    with torch.autocast("cpu", dtype=dtype):
        loss = feature_consistency([student], [torch.zeros_like(student)])
    loss.backward()
    assert loss.item() == 65_536 and student.grad.isfinite().all()


def test_networks_with_another_number_of_scales_are_refused():
    with pytest.raises(ValueError, match="zip"):
        feature_consistency([torch.ones(1, 1, 2, 2)], [])


# --- Eq. 15, to which the paper compares it ------------------------------------------------------


@pytest.mark.parametrize("classes", [2, 4])
def test_the_gradient_of_the_prototype_loss_is_equation_15(classes):
    """2 / C (p_i - p_j) for the prototype of each class that both of a pair show."""
    rng = np.random.default_rng(0)
    p_i, p_j = (torch.from_numpy(rng.normal(size=(1, classes, 3))).requires_grad_() for _ in "ij")
    mass = torch.ones(1, classes)
    alignment_loss([Prototypes(p_i, mass)], [Prototypes(p_j, mass)], "sum").backward()
    expected = 2 / classes * (p_i - p_j).detach()
    torch.testing.assert_close(p_i.grad, expected, rtol=1e-12, atol=0)
    torch.testing.assert_close(p_j.grad, -expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_it_reaches_the_voxels_of_the_class_alone_each_with_its_part_of_the_mean(dimensions):
    """dp_j / dF_j(v) = y_j(v) / sum y_j: the second line of Eq. 15, for one scale and image."""
    rng = np.random.default_rng(0)
    size = naive.SHAPES[dimensions]
    features = [rng.normal(size=(1, 3, *size)) for _ in range(2)]
    labels = [naive.random_label(rng, 1, 2, size) for _ in range(2)]
    leaf = torch.from_numpy(features[1]).requires_grad_()
    pooled = [
        [masked_average(f, torch.from_numpy(y))]
        for f, y in zip((torch.from_numpy(features[0]), leaf), labels, strict=True)
    ]
    alignment_loss(*pooled, "sum").backward()
    (p_i, _), (p_j, mass) = (naive.prototypes(f, y) for f, y in zip(features, labels, strict=True))
    for _, v in naive_alternatives.every_voxel(features[1]):
        expected = sum(
            labels[1][(0, c, *v)] / mass[0, c] * 2 / 2 * (p_j[0, c] - p_i[0, c]) for c in range(2)
        )
        np.testing.assert_allclose(leaf.grad[(0, slice(None), *v)], expected, rtol=1e-12)


# --- Two processes -------------------------------------------------------------------------------


def learn(images: slice) -> tuple[float, torch.Tensor]:
    """The loss of some of three images, and its gradient by one weight a channel."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.ones(2, 1, 1, dtype=torch.float64, requires_grad=True)
    student, teacher = (
        torch.randn(3, 2, 4, 3, generator=generator, dtype=torch.float64) for _ in range(2)
    )
    loss = feature_consistency([student[images] * weight], [teacher[images]])
    loss.backward()
    return loss.item(), weight.grad


def _learn_in_process(rank: int, folder: Path) -> None:
    loss, gradient = learn(slice(0, 1) if rank == 0 else slice(1, 3))
    dist.all_reduce(gradient)
    torch.save((loss, gradient / 2), folder / f"{rank}.pt")


def test_two_processes_have_the_loss_and_gradient_of_the_whole_batch(tmp_path: Path):
    """Also with one image here and two there: a mean of means would weigh them unequally."""
    run_in_two(_learn_in_process, tmp_path)
    loss, gradient = learn(slice(None))
    for rank in (0, 1):
        of_process = torch.load(tmp_path / f"{rank}.pt")
        assert of_process[0] == pytest.approx(loss, rel=1e-12)
        torch.testing.assert_close(of_process[1], gradient, rtol=1e-12, atol=0)
