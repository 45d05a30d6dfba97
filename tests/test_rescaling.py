"""Labels and masks at the resolution of an output of deep supervision."""

import numpy as np
import pytest
import torch
from batchgeneratorsv2.transforms.utils.deep_supervision_downsampling import (
    DownsampleSegForDSTransform,
)

from nnunetv2_ducisc.method.labeling import one_hot
from nnunetv2_ducisc.method.pyramid import rescale
from tests import naive

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize(
    ("old", "new"),
    [((8, 6), (4, 3)), ((7, 5), (4, 3)), ((3, 4, 6), (3, 2, 3)), ((5, 7, 9), (3, 4, 5))],
)
def test_rescaling_is_the_naive_loops_for_hard_and_soft_labels_and_masks(classes, old, new):
    rng = np.random.default_rng(0)
    for label in (
        naive.random_label(rng, 2, classes, old),
        naive.random_label(rng, 2, classes, old, soft=True),
        rng.integers(0, 2, size=(2, 1, *old)).astype(bool),
    ):
        np.testing.assert_array_equal(
            rescale(torch.from_numpy(label), new), naive.rescale(label, new)
        )


@pytest.mark.parametrize("shape", [(8, 6), (12, 20), (4, 8, 6), (5, 7, 9)])
def test_a_rescaled_label_is_the_one_that_nnunet_trains_on(shape):
    """The supervised loss and ours must see the same truth at a lower resolution."""
    truth = torch.from_numpy(np.random.default_rng(0).integers(0, 3, size=(1, *shape)))
    [ours] = DownsampleSegForDSTransform([0.5])._apply_to_segmentation(truth)
    scaled = rescale(one_hot(truth[None], 3), ours.shape[1:])
    assert torch.equal(scaled, one_hot(ours[None], 3))


def test_a_label_at_its_own_resolution_is_left_alone():
    label = torch.rand(1, 2, 3, 4)
    assert rescale(label, (3, 4)) is label


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_a_one_hot_label_is_rescaled_exactly_in_every_precision(dtype):
    label = one_hot(torch.tensor([0, 1, 2, 2]).reshape(1, 1, 4, 1), 3)
    scaled = rescale(label.to(dtype), (2, 1))
    assert torch.equal(
        scaled.double(), one_hot(torch.tensor([[1, 2]]).reshape(1, 1, 2, 1), 3).double()
    )


def test_a_soft_label_is_rescaled_to_at_least_single_precision():
    """A third: float32 is 1e-8 away, fp16 would be 8e-5 away."""
    label = torch.full((1, 2, 4, 4), 1 / 3, dtype=torch.float64)
    torch.testing.assert_close(
        rescale(label, (2, 2)).double(), label[..., ::2, ::2], rtol=1e-7, atol=0
    )
