"""Classes and regions: their pseudo labels, what of these is reliable, and Eq. 10."""

import itertools
import math

import numpy as np
import pytest
import torch

from nnunetv2_ducisc.method.labeling import ExclusiveClasses, OverlappingRegions, one_hot
from tests import naive

pytestmark = pytest.mark.unit

every_size = pytest.mark.parametrize(
    ("dimensions", "outputs"), list(itertools.product((2, 3), (2, 4)))
)


def random_logits(dimensions: int, outputs: int, seed: int = 0) -> np.ndarray:
    shape = (2, outputs, *naive.SHAPES[dimensions])
    return 2 * np.random.default_rng(seed).normal(size=shape)


def voxels(*probabilities: tuple[float, ...]) -> torch.Tensor:
    """Probabilities of the outputs, voxel by voxel, as one image of shape (1, C, N, 1)."""
    return torch.tensor(probabilities).T[None, ..., None]


def test_a_guess_is_one_over_c_of_classes_and_one_half_of_a_region():
    assert ExclusiveClasses(4).chance == 0.25
    assert OverlappingRegions().chance == 0.5


@every_size
def test_probabilities_are_softmax_of_classes_and_sigmoid_of_regions(dimensions, outputs):
    logits = random_logits(dimensions, outputs)
    leaf = torch.from_numpy(logits)
    np.testing.assert_allclose(
        ExclusiveClasses(outputs).probabilities(leaf), naive.softmax(logits), rtol=1e-12
    )
    np.testing.assert_allclose(
        OverlappingRegions().probabilities(leaf), naive.sigmoid(logits), rtol=1e-12
    )


@pytest.mark.parametrize("labeling", [ExclusiveClasses(2), OverlappingRegions()])
def test_probabilities_of_half_precision_logits_are_single_precision(labeling):
    assert labeling.probabilities(torch.zeros(1, 2, 3, 3, dtype=torch.half)).dtype == torch.float32


def test_a_class_is_reliable_above_its_own_threshold_and_not_at_it():
    """Thresholds 0.5 and 0.75: 0.6 passes as class 0 and fails as class 1; equal fails."""
    teacher = voxels((0.6, 0.4), (0.4, 0.6), (0.5, 0.25), (0.25, 0.75), (0.2, 0.8))
    label, reliable = ExclusiveClasses(2).pseudo_label(teacher, torch.tensor([0.5, 0.75]))
    assert label[0, 1].flatten().tolist() == [0, 1, 0, 1, 1]
    assert label.sum(1).unique().tolist() == [1]
    assert reliable.shape == (1, 1, 5, 1) and reliable.dtype == torch.bool
    assert reliable.flatten().tolist() == [True, False, False, False, True]


def test_another_class_above_its_own_threshold_does_not_make_a_voxel_reliable():
    """Probabilities (0.55, 0.45), thresholds (0.6, 0.4): the pseudo class is 0, and fails."""
    thresholds = torch.tensor([0.6, 0.4])
    assert not ExclusiveClasses(2).pseudo_label(voxels((0.55, 0.45)), thresholds)[1].any()


def test_every_region_decides_for_itself_and_a_no_can_be_reliable_too():
    """Threshold 0.8 and 0.6: 0.9 yes; 0.7 yes but unsure; 0.1 no, 90 % sure; 0.45 no, 55 %."""
    teacher = voxels((0.9, 0.7), (0.7, 0.1), (0.1, 0.45))
    label, reliable = OverlappingRegions().pseudo_label(teacher, torch.tensor([0.8, 0.6]))
    assert label[0, :, :, 0].T.tolist() == [[1, 1], [1, 0], [0, 0]]
    assert reliable[0, :, :, 0].T.tolist() == [[True, True], [False, True], [True, False]]


@every_size
def test_pseudo_labels_are_the_naive_loops(dimensions, outputs):
    rng = np.random.default_rng(1)
    thresholds = rng.uniform(0.5, 0.8, size=outputs)
    logits = random_logits(dimensions, outputs)
    p = naive.softmax(logits)
    label, reliable = ExclusiveClasses(outputs).pseudo_label(
        torch.from_numpy(p), torch.from_numpy(thresholds)
    )
    np.testing.assert_array_equal(label.argmax(1), p.argmax(1))
    np.testing.assert_array_equal(reliable, naive.reliable(p, thresholds, 0, 1))
    p = naive.sigmoid(logits)
    label, reliable = OverlappingRegions().pseudo_label(
        torch.from_numpy(p), torch.from_numpy(thresholds)
    )
    expected_label, expected_reliable = naive.region_label(p, thresholds)
    assert 0 < expected_reliable.mean() < 1
    np.testing.assert_array_equal(label, expected_label)
    np.testing.assert_array_equal(reliable, expected_reliable)


@every_size
@pytest.mark.parametrize("absent", ["nowhere", "in one image", "in the whole batch"])
@pytest.mark.parametrize("soft", [False, True])
def test_the_regions_loss_is_the_naive_loops_with_a_finite_gradient(
    dimensions, outputs, absent, soft
):
    """The last region is absent from none, one or both images."""
    rng = np.random.default_rng(2)
    logits = random_logits(dimensions, outputs)
    target = rng.integers(0, 5, size=logits.shape) / 4 if soft else 1.0 * (logits > rng.normal())
    for image in {"nowhere": [], "in one image": [0], "in the whole batch": [0, 1]}[absent]:
        target[image, -1] = 0
    mask = rng.integers(0, 2, size=logits.shape)
    leaf = torch.from_numpy(logits).requires_grad_()
    counts = torch.from_numpy(mask).bool()
    loss = OverlappingRegions().consistency_loss(leaf, torch.from_numpy(target), counts)
    expected = naive.region_consistency(logits, target, mask)
    assert loss.item() == pytest.approx(expected, rel=1e-12)
    loss.backward()
    assert leaf.grad.isfinite().all()
    assert (leaf.grad[~counts] == 0).all() and leaf.grad[counts].any()


@every_size
def test_the_classes_loss_is_the_naive_loops(dimensions, outputs):
    rng = np.random.default_rng(3)
    logits = random_logits(dimensions, outputs)
    target = naive.random_label(rng, 2, outputs, logits.shape[2:])
    mask = rng.integers(0, 2, size=(2, 1, *logits.shape[2:]))
    loss = ExclusiveClasses(outputs).consistency_loss(
        *map(torch.from_numpy, (logits, target, mask))
    )
    assert loss.item() == pytest.approx(naive.consistency(logits, target, mask), rel=1e-12)


def test_the_loss_of_two_decisions_about_one_voxel():
    """Region 1 at p = 0.5 with y = 1, region 2 unreliable: Dice 1 - 1 / 1.25 = 0.2, plus ln 2."""
    logits = torch.zeros(1, 2, 1, 1, dtype=torch.float64)
    target, reliable = torch.ones_like(logits), torch.tensor([True, False]).reshape(1, 2, 1, 1)
    loss = OverlappingRegions().consistency_loss(logits, target, reliable)
    assert loss.item() == pytest.approx(0.2 + math.log(2), rel=1e-12)


@pytest.mark.parametrize("labeling", [ExclusiveClasses(2), OverlappingRegions()])
def test_nothing_reliable_is_an_exact_zero_with_a_graph(labeling):
    leaf = torch.randn(1, 2, 3, 3, requires_grad=True)
    loss = labeling.consistency_loss(leaf, torch.ones(1, 2, 3, 3), torch.zeros(1, 2, 3, 3).bool())
    assert loss.item() == 0
    loss.backward()
    assert not leaf.grad.any()


@pytest.mark.parametrize("sure_of", [-100.0, 100.0])
def test_a_saturated_region_has_a_finite_loss_and_gradient(sure_of):
    leaf = torch.full((1, 1, 2, 2), sure_of, requires_grad=True)
    everywhere = torch.ones(1, 1, 2, 2)
    loss = OverlappingRegions().consistency_loss(leaf, everywhere, everywhere.bool())
    loss.backward()
    assert loss.isfinite() and leaf.grad.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int64, torch.float32])
def test_one_hot_maps_have_a_one_at_the_class_of_the_voxel(dtype):
    """Classes 2 0 of three: (0 0 1) and (1 0 0). nnU-Net's targets are int16 or float."""
    maps = one_hot(torch.tensor([2, 0], dtype=dtype).reshape(1, 1, 2, 1), 3)
    assert maps.dtype == torch.float32
    assert maps.shape == (1, 3, 2, 1)
    assert maps[0, :, :, 0].T.tolist() == [[0, 0, 1], [1, 0, 0]]


def test_maps_that_rounding_has_made_too_large_together_leave_a_background_of_zero():
    """0.25 + 0.7505 in half precision is 1.0005: a share below zero would have no entropy."""
    kept = torch.tensor([0.25, 0.7505], dtype=torch.float16).reshape(1, 2, 1, 1).float()
    assert kept.sum() > 1
    labeling = ExclusiveClasses(3)
    probabilities = labeling.with_background(kept)
    assert probabilities[0, 0].item() == 0
    assert labeling.entropy(probabilities).isfinite().all()
