"""M and Q of Eq. 12 against a loop as plain as the formula, and the scale that Q rewards."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from nnunetv2_ducisc.evaluation.analysis.measures.class_moments import ClassMoments
from nnunetv2_ducisc.evaluation.analysis.measures.semantic_matching import (
    channel_spread,
    matching_matrix,
    matching_score,
)
from tests.naive import prototype

pytestmark = pytest.mark.unit

LABELED, UNLABELED, CLASSES, CHANNELS = 2, 3, 3, 4
EMPTY = (1, 2)  # unlabeled image 1 shows no class 2


def images(number: int, dimensions: int, seed: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Features (1, Z, *spatial) and one-hot masks (1, C, *spatial), in float64."""
    generator = torch.Generator().manual_seed(seed)
    shape = (5, 4, 3)[:dimensions]
    made = []
    for _ in range(number):
        features = torch.randn(1, CHANNELS, *shape, generator=generator, dtype=torch.float64)
        label = torch.randint(CLASSES, shape, generator=generator)
        masks = torch.nn.functional.one_hot(label, CLASSES).movedim(-1, 0)[None].double()
        made.append((features, masks))
    return made


def cases(dimensions: int) -> tuple[list, list]:
    labeled, unlabeled = images(LABELED, dimensions, 0), images(UNLABELED, dimensions, 1)
    unlabeled[EMPTY[0]][1][:, EMPTY[1]] = 0
    return labeled, unlabeled


def moments(seen: list) -> list[ClassMoments]:
    made = []
    for features, masks in seen:
        made.append(ClassMoments())
        half = features.shape[2] // 2  # two tiles that make up the image
        for tile in (slice(0, half), slice(half, None)):
            made[-1].add(features[:, :, tile], masks[:, :, tile])
    return made


def prototypes(seen: list) -> torch.Tensor:
    return torch.stack([of_image.prototypes for of_image in moments(seen)])


@pytest.mark.parametrize("dimensions", [2, 3])
def test_m_and_q_are_those_of_a_plain_loop_over_pairs_and_channels(dimensions):
    labeled, unlabeled = cases(dimensions)
    expected, summands = np.full((CLASSES, LABELED, UNLABELED), np.nan), []
    for c, i, j in itertools.product(range(CLASSES), range(LABELED), range(UNLABELED)):
        p_i, mass_i = prototype(labeled[i][0].numpy(), labeled[i][1].numpy(), 0, c)
        p_j, mass_j = prototype(unlabeled[j][0].numpy(), unlabeled[j][1].numpy(), 0, c)
        if mass_i > 0 and mass_j > 0:
            distance = sum((a - b) ** 2 for a, b in zip(p_i, p_j, strict=True))
            expected[c, i, j] = math.exp(-distance)
            summands.append(expected[c, i, j])
    matrix = matching_matrix(prototypes(labeled), prototypes(unlabeled))
    np.testing.assert_allclose(matrix.numpy(), expected, rtol=1e-12)
    assert len(summands) == CLASSES * LABELED * UNLABELED - LABELED
    assert matching_score(matrix) == pytest.approx(sum(summands) / len(summands), rel=1e-12)


def test_a_class_that_no_unlabeled_image_shows_has_no_score():
    labeled, unlabeled = cases(2)
    for _, masks in unlabeled:
        masks[:, 1] = 0
    matrix = matching_matrix(prototypes(labeled), prototypes(unlabeled))
    assert matching_score(matrix[1]) is None
    assert matching_score(matrix) is not None


def test_equal_images_match_perfectly():
    labeled, _ = cases(3)
    matrix = matching_matrix(prototypes(labeled), prototypes(labeled))
    assert torch.equal(matrix.diagonal(dim1=1, dim2=2), torch.ones(CLASSES, LABELED).double())


def test_shrinking_a_channel_raises_q_but_not_the_normalized_q():
    labeled, unlabeled = cases(3)

    def both(scale: float) -> tuple[float, float]:
        factors = torch.tensor([scale, 1.0, scale, scale]).double().reshape(1, -1, 1, 1, 1)
        scaled = [[(f * factors, m) for f, m in seen] for seen in (labeled, unlabeled)]
        p_i, p_j = map(prototypes, scaled)
        squares = torch.stack([m.mean_squares for m in moments(scaled[0] + scaled[1])])
        spread = channel_spread(torch.cat([p_i, p_j]), squares)
        plain = matching_score(matching_matrix(p_i, p_j))
        return plain, matching_score(matching_matrix(p_i / spread, p_j / spread))

    plain, normalized = both(1.0)
    shrunk_plain, shrunk_normalized = both(0.1)
    assert shrunk_plain > plain + 0.05
    assert shrunk_normalized == pytest.approx(normalized, rel=1e-9)


def test_the_spread_of_a_channel_weighs_every_image_and_class_alike():
    """Class 0: 90 voxels of 0; class 1: 10 voxels of 4. Mean (0 + 4) / 2 = 2, mean square
    (0 + 16) / 2 = 8, variance 8 - 4 = 4: a spread of 2, where all voxels alike would give 1.2.
    """
    features = torch.cat([torch.zeros(90), torch.full((10,), 4.0)]).reshape(1, 1, 100)
    masks = torch.stack([features[0, 0] == 0, features[0, 0] > 0])[None].float()
    of_image = ClassMoments()
    of_image.add(features, masks)
    spread = channel_spread(of_image.prototypes[None], of_image.mean_squares[None])
    assert spread.tolist() == pytest.approx([2.0])


def test_a_constant_channel_is_left_as_it_is():
    means = torch.full((2, 3, 1), 0.7)
    assert channel_spread(means, means.square()).tolist() == [1.0]
