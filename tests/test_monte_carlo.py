"""Confidence from many looks at noisy images: UA-MT, Table VII."""

import math

import numpy as np
import pytest
import torch

from nnunetv2_ducisc.method.confidence import MonteCarlo
from tests import naive, naive_alternatives
from tests.judging import ITERATIONS, Teacher, both_labelings, every_size, labeling_of, says

pytestmark = pytest.mark.unit


def monte_carlo(dimensions: int, outputs: int, regions: bool, **numbers):
    """What a judge says of two images of one channel, and the teacher that it asked."""
    images = np.random.default_rng(0).normal(size=(2, 1, *naive.SHAPES[dimensions]))
    teacher = Teacher(outputs, regions)
    told = says(teacher.probabilities(images), ask=teacher, images=torch.from_numpy(images))
    judge = MonteCarlo(labeling_of(regions, outputs), outputs, ITERATIONS, **numbers)
    return judge.label(told, 20), teacher, images


@every_size
@both_labelings
def test_monte_carlo_is_the_entropy_of_the_mean_of_eight_noisy_looks(dimensions, outputs, regions):
    torch.manual_seed(0)
    label, teacher, images = monte_carlo(dimensions, outputs, regions)
    assert len(teacher.seen) == 8
    looks = [teacher.probabilities(seen) for seen in teacher.seen]
    mean = np.array([sum(values) / 8 for values in zip(*(p.flat for p in looks), strict=True)])
    of_kind = getattr(naive_alternatives, "region_entropy" if regions else "class_entropy")
    h = of_kind(mean.reshape(looks[0].shape))
    bound = (0.75 + 0.25 * math.exp(-5 * 0.8**2)) * math.log(2 if regions else outputs)
    assert 0 < (h < bound).mean() < 1
    np.testing.assert_array_equal(label.reliable, h < bound)
    plain = teacher.probabilities(images)
    expected = plain > 0.5 if regions else plain == plain.max(1, keepdims=True)
    np.testing.assert_array_equal(label.maps, expected)


def test_the_noise_is_ua_mts_another_one_in_every_pass():
    """N(0, 0.1) cut off at 0.2, two standard deviations: 4.6 % of the voxels are at the bound."""
    torch.manual_seed(0)
    _, teacher, images = monte_carlo(3, 2, False, passes=200)
    noise = np.stack(teacher.seen) - images
    assert np.abs(noise).max() == pytest.approx(0.2, abs=1e-12)
    assert (np.abs(noise) > 0.2 - 1e-9).mean() == pytest.approx(0.0455, abs=0.005)
    inside = noise[np.abs(noise) < 0.2 - 1e-9]
    assert inside.mean() == pytest.approx(0, abs=0.002)
    assert inside.std() == pytest.approx(0.088, abs=0.002)  # a normal one cut off at two sigma
    assert not np.array_equal(noise[0], noise[1])


def test_the_noise_goes_on_where_the_global_random_state_was_kept():
    torch.manual_seed(0)
    state = torch.get_rng_state()
    first, second = (monte_carlo(2, 2, False)[1].seen for _ in range(2))
    torch.set_rng_state(state)
    again = monte_carlo(2, 2, False)[1].seen
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, second)


def test_one_number_is_drawn_from_the_global_generator_whatever_the_size_of_the_images():
    """The noise itself is drawn on the device of the images."""
    torch.manual_seed(0)
    torch.randint(2**31, ())
    expected = torch.get_rng_state()
    torch.manual_seed(0)
    monte_carlo(3, 2, False)
    assert torch.equal(torch.get_rng_state(), expected)
