"""The mix of a labeled and an unlabeled image: Eq. 5."""

import numpy as np
import pytest
import torch

from nnunetv2_ducisc.method.mixing import Mixup, draw_mix_ratio
from tests import naive

pytestmark = pytest.mark.unit


def mix(ratio, labeled, unlabeled):
    return Mixup(0, 1).shares(ratio, labeled).mix(labeled, unlabeled)


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("absent", [[], [(0, 1)], [(0, 1), (1, 1)]])
def test_labels_and_images_mix_as_in_the_naive_loops(dimensions, classes, soft, absent):
    rng = np.random.default_rng(0)
    size = naive.SHAPES[dimensions]
    ratio = rng.uniform(0.25, 0.75, size=2)
    batches = [
        [rng.normal(size=(2, 3, *size)) for _ in range(2)],
        [
            naive.random_label(rng, 2, classes, size, soft=soft, absent=missing)
            for missing in (absent, [])
        ],
    ]
    for labeled, unlabeled in batches:
        mixed = mix(*map(torch.from_numpy, (ratio, labeled, unlabeled)))
        assert mixed.dtype == torch.float64
        np.testing.assert_allclose(mixed, naive.mix(ratio, labeled, unlabeled), rtol=1e-14)


def test_every_image_has_a_ratio_of_its_own():
    """0.25 * 4 + 0.75 * 8 = 7 and 0.75 * 4 + 0.25 * 8 = 5."""
    labeled, unlabeled = torch.full((2, 1, 2, 2), 4.0), torch.full((2, 1, 2, 2), 8.0)
    mixed = mix(torch.tensor([0.25, 0.75]), labeled, unlabeled)
    assert (mixed[0] == 7).all()
    assert (mixed[1] == 5).all()


def test_where_both_labels_agree_the_mixed_label_is_theirs_and_it_always_sums_to_one():
    rng = np.random.default_rng(0)
    labeled, unlabeled = (
        torch.from_numpy(naive.random_label(rng, 3, 4, (5, 4))).float() for _ in range(2)
    )
    mixed = mix(draw_mix_ratio(3, 0.25, 0.75), labeled, unlabeled)
    agree = (labeled * unlabeled).sum(1, keepdim=True).bool().expand_as(mixed)
    assert agree.any()
    assert not agree.all()
    torch.testing.assert_close(mixed[agree], labeled[agree])
    torch.testing.assert_close(mixed.sum(1), torch.ones(3, 5, 4))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_a_mix_keeps_the_precision_of_the_images(dtype):
    labeled, unlabeled = torch.ones(2, 1, 2, 2, dtype=dtype), torch.zeros(2, 1, 2, 2, dtype=dtype)
    mixed = mix(torch.tensor([0.5, 0.25]), labeled, unlabeled)
    assert mixed.dtype == dtype
    assert mixed[:, 0, 0, 0].tolist() == [0.5, 0.25]


def test_ratios_are_uniform_between_the_bounds():
    """U(0.25, 0.75) has mean 0.5 and standard deviation 0.5 / sqrt(12) = 0.1443."""
    torch.manual_seed(0)
    ratios = draw_mix_ratio(20_000, 0.25, 0.75)
    assert ratios.shape == (20_000,)
    assert 0.25 <= ratios.min() < 0.251
    assert 0.749 < ratios.max() <= 0.75
    assert ratios.mean().item() == pytest.approx(0.5, abs=0.005)
    assert ratios.std().item() == pytest.approx(0.1443, abs=0.005)


def test_equal_bounds_give_a_fixed_ratio():
    assert draw_mix_ratio(3, 0.5, 0.5).tolist() == [0.5, 0.5, 0.5]


def test_the_draw_goes_on_where_the_global_random_state_was_kept():
    torch.manual_seed(0)
    draw_mix_ratio(2, 0.25, 0.75)
    state = torch.get_rng_state()
    expected = draw_mix_ratio(2, 0.25, 0.75)
    torch.set_rng_state(state)
    assert torch.equal(draw_mix_ratio(2, 0.25, 0.75), expected)
