"""Masked average pooling and the alignment of prototypes: Eq. 2 3 6, 4 7."""

import numpy as np
import pytest
import torch

from nnunetv2_ducisc.method.prototypes import (
    Prototypes,
    alignment_loss,
    batch_mean,
    masked_average,
)
from tests import naive

pytestmark = pytest.mark.unit

# Which (image, class) the labeled and the unlabeled batch of two images do not show.
LAST = {2: 1, 4: 3}
ABSENT = {
    "nowhere": lambda c: ([], []),
    "in one image": lambda c: ([(0, c)], []),
    "in both images of a pair": lambda c: ([(0, c)], [(0, c)]),
    "in one whole batch": lambda c: ([(0, c), (1, c)], []),
    "in both whole batches": lambda c: ([(0, c), (1, c)], [(0, c), (1, c)]),
}

every_case = pytest.mark.parametrize(
    ("dimensions", "classes", "soft", "absent"),
    [(d, c, s, a) for d in (2, 3) for c in (2, 4) for s in (False, True) for a in ABSENT],
)


def random_scales(dimensions: int, classes: int, soft: bool, absent: str):
    """Features and masks of two batches at two scales, with 3 and 2 channels."""
    rng = np.random.default_rng(0)
    scales = []
    for channels, spatial in ((3, naive.SHAPES), (2, naive.HALF_SHAPES)):
        size = spatial[dimensions]
        features = rng.normal(size=(2, 2, channels, *size))
        masks = [
            naive.random_label(rng, 2, classes, size, soft=soft, absent=missing)
            for missing in ABSENT[absent](LAST[classes])
        ]
        scales.append((features, masks))
    return scales


def pooled(scales):
    """The prototypes of both batches, and the leaves whose gradient is wanted."""
    leaves = [torch.from_numpy(features).requires_grad_() for features, _ in scales]
    ours, theirs = (
        [
            masked_average(leaf[k], torch.from_numpy(masks[k]))
            for leaf, (_, masks) in zip(leaves, scales, strict=True)
        ]
        for k in (0, 1)
    )
    return ours, theirs, leaves


def naively_pooled(scales):
    return [[naive.prototypes(features[k], masks[k]) for features, masks in scales] for k in (0, 1)]


@every_case
def test_prototypes_are_the_naive_loops(dimensions, classes, soft, absent):
    scales = random_scales(dimensions, classes, soft, absent)
    ours, theirs, _ = pooled(scales)
    for found, expected in zip((ours, theirs), naively_pooled(scales), strict=True):
        for prototypes, (features, mass) in zip(found, expected, strict=True):
            assert prototypes.features.dtype == torch.float64
            np.testing.assert_allclose(prototypes.features.detach(), features, rtol=1e-12)
            np.testing.assert_allclose(prototypes.mass, mass, rtol=1e-12)


@every_case
@pytest.mark.parametrize("norm", ["sum", "mean"])
def test_alignment_is_the_naive_loops_with_a_finite_gradient(
    dimensions, classes, soft, absent, norm
):
    scales = random_scales(dimensions, classes, soft, absent)
    ours, theirs, leaves = pooled(scales)
    loss = alignment_loss(ours, theirs, norm)
    expected = naive.alignment(*naively_pooled(scales), norm)
    assert expected > 0
    assert loss.shape == ()
    assert loss.item() == pytest.approx(expected, rel=1e-12)
    loss.backward()
    for leaf in leaves:
        assert leaf.grad.isfinite().all()
        assert leaf.grad[0].any()
        assert leaf.grad[1].any(), "both images of a pair are pulled"


@every_case
def test_alignment_of_batch_means_is_the_naive_loops(dimensions, classes, soft, absent):
    scales = random_scales(dimensions, classes, soft, absent)
    found = [[batch_mean(p) for p in prototypes] for prototypes in pooled(scales)[:2]]
    expected = [[naive.batch_mean(*p) for p in prototypes] for prototypes in naively_pooled(scales)]
    for prototypes, (features, mass) in zip(found[0], expected[0], strict=True):
        np.testing.assert_allclose(prototypes.features.detach(), features, rtol=1e-12)
        np.testing.assert_allclose(prototypes.mass, mass, rtol=1e-12)
    loss = alignment_loss(*found, "mean")
    assert loss.item() == pytest.approx(naive.alignment(*expected, "mean"), rel=1e-12)


def one_voxel(*values: float) -> Prototypes:
    """One image, one class, one voxel: the feature vector is the prototype."""
    features = torch.tensor(values, dtype=torch.float64).reshape(1, -1, 1, 1)
    return masked_average(features, torch.ones(1, 1, 1, 1))


def test_a_prototype_is_the_weighted_mean_of_the_features():
    """Features 1, 5, 9 under the soft mask 1, 0.5, 0: (1 + 2.5) / 1.5 = 7/3; mass 1.5."""
    features = torch.tensor([1.0, 5.0, 9.0], dtype=torch.float64).reshape(1, 1, 3, 1)
    mask = torch.tensor([1.0, 0.5, 0.0], dtype=torch.float64).reshape(1, 1, 3, 1)
    prototypes = masked_average(features, mask)
    assert prototypes.features.item() == pytest.approx(7 / 3, rel=1e-15)
    assert prototypes.mass.item() == 1.5


def test_the_paper_sums_over_channels_and_scales_and_the_mean_divides():
    """Scale 1: (0, 0) to (3, 4) is 25; scale 2: (1, 1) to (1, 3) is 4.

    The sum is 25 + 4 = 29; the mean is (25 / 2 + 4 / 2) / 2 = 7.25.
    """
    ours, theirs = [one_voxel(0, 0), one_voxel(1, 1)], [one_voxel(3, 4), one_voxel(1, 3)]
    assert alignment_loss(ours, theirs, "sum").item() == 29
    assert alignment_loss(ours, theirs, "mean").item() == 7.25


def test_the_sum_over_classes_is_divided_by_their_number():
    """Eq. 4 for one pair, C = 2, distances 1 and 9: (1 + 9) / 2 = 5."""
    mass = torch.ones(1, 2)
    ours = Prototypes(torch.tensor([[[0.0], [0.0]]]), mass)
    theirs = Prototypes(torch.tensor([[[1.0], [3.0]]]), mass)
    assert alignment_loss([ours], [theirs], "sum").item() == 5


def test_every_labeled_image_is_paired_with_every_other_one():
    """Prototypes 0, 2 against 1, 5: 1, 25, 1, 9, mean 9; their batch means 1 and 3: 4."""
    mass = torch.ones(2, 1)
    ours = Prototypes(torch.tensor([[[0.0]], [[2.0]]]), mass)
    theirs = Prototypes(torch.tensor([[[1.0]], [[5.0]]]), mass)
    assert alignment_loss([ours], [theirs], "sum").item() == 9
    assert alignment_loss([batch_mean(ours)], [batch_mean(theirs)], "sum").item() == 4


def test_an_image_without_the_class_is_no_part_of_the_batch_mean():
    """Prototypes 4 (shown), 0 (absent), 6 (shown): 10 / 2 = 5, not 10 / 3."""
    prototypes = Prototypes(
        torch.tensor([[[4.0]], [[0.0]], [[6.0]]]), torch.tensor([[2.0], [0], [1]])
    )
    mean = batch_mean(prototypes)
    assert mean.features.item() == 5
    assert mean.mass.item() == 3


def test_a_pair_of_which_one_image_lacks_the_class_adds_nothing():
    """Class 1 is absent from the second image: (4 + 100) / 2 becomes 4 alone."""
    ours = Prototypes(torch.tensor([[[0.0], [0.0]]]), torch.tensor([[1.0, 1.0]]))
    theirs = Prototypes(torch.tensor([[[2.0], [10.0]]]), torch.tensor([[1.0, 0.0]]))
    assert alignment_loss([ours], [theirs], "sum").item() == 4


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("norm", ["sum", "mean"])
@pytest.mark.parametrize("pairs", ["each", "batch_mean"])
def test_no_class_in_common_is_an_exact_zero_with_a_graph(dimensions, norm, pairs):
    """The labeled images show class 0 alone, the unlabeled ones class 1 alone."""
    rng = np.random.default_rng(0)
    size = naive.SHAPES[dimensions]
    leaf = torch.from_numpy(rng.normal(size=(2, 2, 3, *size))).requires_grad_()
    ours, theirs = (
        masked_average(
            leaf[k],
            torch.from_numpy(naive.random_label(rng, 2, 2, size, absent=[(0, 1 - k), (1, 1 - k)])),
        )
        for k in (0, 1)
    )
    if pairs == "batch_mean":
        ours, theirs = batch_mean(ours), batch_mean(theirs)
    loss = alignment_loss([ours], [theirs], norm)
    assert loss.item() == 0
    loss.backward()
    assert (leaf.grad == 0).all()


@pytest.mark.parametrize("pairs", ["each", "batch_mean"])
def test_masks_without_any_mass_are_an_exact_zero_with_a_graph(pairs):
    leaf = torch.randn(2, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    empty = masked_average(leaf, torch.zeros(2, 2, 4, 4))
    assert (empty.features == 0).all()
    empty = empty if pairs == "each" else batch_mean(empty)
    loss = alignment_loss([empty, empty], [empty, empty])
    assert loss.item() == 0
    loss.backward()
    assert (leaf.grad == 0).all()


def test_a_scale_at_which_a_small_class_is_lost_leaves_the_others_alone():
    """Scale 1 has the distance 9; scale 2 shows nothing: the sum stays 9."""
    nothing = Prototypes(torch.full((1, 1, 1), 7.0), torch.zeros(1, 1))
    loss = alignment_loss([one_voxel(0.0), nothing], [one_voxel(3.0), one_voxel(1.0)], "sum")
    assert loss.item() == 9


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("norm", ["sum", "mean"])
@pytest.mark.parametrize("pairs", ["each", "batch_mean"])
@pytest.mark.parametrize("absent", ["nowhere", "in one image"])
def test_the_gradient_of_the_alignment_is_the_numeric_one(dimensions, norm, pairs, absent):
    features, masks = random_scales(dimensions, 2, True, absent)[1]

    def loss(ours, theirs):
        prototypes = [
            masked_average(f, torch.from_numpy(m))
            for f, m in zip((ours, theirs), masks, strict=True)
        ]
        if pairs == "batch_mean":
            prototypes = [batch_mean(p) for p in prototypes]
        return alignment_loss(prototypes[:1], prototypes[1:], norm)

    leaves = [torch.from_numpy(f).requires_grad_() for f in features]
    assert torch.autograd.gradcheck(loss, leaves)


@pytest.mark.parametrize("autocast", [torch.float16, torch.bfloat16])
def test_a_class_of_seventy_thousand_voxels_does_not_overflow_half_precision(autocast):
    """Features of 2 everywhere: mass 70,000 and a prototype of 2; fp16 ends at 65,504."""
    features = torch.full((1, 2, 70_000, 1), 2.0, dtype=autocast, requires_grad=True)
    masks = torch.ones(1, 1, 70_000, 1, dtype=autocast)
    assert torch.ones(70_000, dtype=torch.float16).sum().isinf(), "what must not happen here"
    with torch.autocast("cpu", dtype=autocast):
        prototypes = masked_average(features, masks)
        loss = alignment_loss([prototypes], [Prototypes(torch.zeros(1, 1, 2), torch.ones(1, 1))])
    assert prototypes.mass.item() == 70_000
    assert (prototypes.features == 2).all()
    assert loss.item() == 8
    loss.backward()
    assert features.grad.isfinite().all()


def test_scales_of_unequal_number_are_refused():
    with pytest.raises(ValueError, match="zip"):
        alignment_loss([one_voxel(0.0)], [one_voxel(0.0), one_voxel(0.0)])
