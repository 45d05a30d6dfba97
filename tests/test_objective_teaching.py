"""What each term of a step teaches: through which images, outputs and weights."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch import nn

from nnunetv2_ducisc.method.labeling import one_hot
from nnunetv2_ducisc.method.objective import TERMS, StudentView
from tests import naive
from tests.one_step import (
    SIGMA,
    as_tensors,
    leaves_of,
    objective,
    random_step,
    terms_of,
)

pytestmark = pytest.mark.unit

# The kinds of image, labeled 0, unlabeled 1, mixed 2, that each term teaches, and through what.
TAUGHT = {
    "proto_ulb": {(0, "features"), (1, "features")},
    "proto_mix": {(0, "features"), (2, "features")},
    "cs_ulb": {(1, "logits")},
    "cs_mix": {(2, "logits")},
}


@pytest.mark.parametrize("name", TERMS)
def test_each_term_teaches_through_its_own_images_at_every_scale(name):
    leaves, labels = as_tensors(*random_step(3, 4))
    terms_of(objective(**{name: 1.0}), leaves, labels)[name].backward()
    for kind, part in itertools.product(range(3), ("logits", "features")):
        taught = [leaf.grad is not None and leaf.grad.any() for leaf in getattr(leaves[kind], part)]
        assert all(taught) if (kind, part) in TAUGHT[name] else not any(taught)


@pytest.mark.parametrize(("name", "kind"), [("cs_ulb", 1), ("cs_mix", 2)])
def test_only_reliable_voxels_of_the_unlabeled_image_teach_also_in_the_mix(name, kind):
    leaves, labels = as_tensors(*random_step(2, 4))
    terms_of(objective(**{name: 1.0}), leaves, labels)[name].backward()
    for logits in leaves[kind].logits:
        counts = torch.from_numpy(
            naive.rescale(labels[3].numpy(), logits.shape[2:]).astype(bool)
        ).expand_as(logits)
        assert logits.grad[counts].all()
        assert not logits.grad[~counts].any()


def test_an_output_of_weight_zero_is_not_looked_at():
    """nnU-Net gives its coarsest output the weight zero; here it is not even a number."""
    leaves, labels = as_tensors(*random_step(2, 2))
    chosen = objective(cs_ulb=1.0, weights=(0.75, 0.25, 0.0))
    with torch.no_grad():
        leaves[1].logits[2].fill_(math.nan)
    term = terms_of(chosen, leaves, labels)["cs_ulb"]
    assert term.isfinite()
    term.backward()
    assert leaves[1].logits[2].grad is None


def test_outputs_and_weights_of_unequal_number_are_refused():
    leaves, labels = as_tensors(*random_step(2, 2))
    with pytest.raises(ValueError, match="zip"):
        terms_of(objective(cs_ulb=1.0, weights=(1.0,)), leaves, labels)


# --- A network whose weights move ----------------------------------------------------------------


class TinyUNet(nn.Module):
    """Two resolutions, two decoder stages, an output at each, as nnU-Net's but small."""

    def __init__(self, dimensions: int) -> None:
        super().__init__()
        conv = {2: nn.Conv2d, 3: nn.Conv3d}[dimensions]
        self.encoder = conv(1, 3, 3, padding=1)
        self.down = conv(3, 4, 3, stride=2, padding=1)
        self.coarse_stage = conv(4, 4, 3, padding=1)
        self.fine_stage = conv(7, 3, 3, padding=1)
        self.heads = nn.ModuleList([conv(3, 2, 1), conv(4, 2, 1)])

    def forward(self, images: torch.Tensor) -> list[StudentView]:
        """The views of the labeled, the unlabeled and the mixed third of the images."""
        skip = torch.tanh(self.encoder(images))
        coarse = torch.tanh(self.coarse_stage(torch.tanh(self.down(skip))))
        up = nn.functional.interpolate(coarse, images.shape[2:])
        fine = torch.tanh(self.fine_stage(torch.cat([up, skip], 1)))
        features = [fine, coarse]
        logits = [head(f) for head, f in zip(self.heads, features, strict=True)]
        parts = [[scale.chunk(3) for scale in part] for part in (logits, features)]
        return [StudentView(*[[s[k] for s in part] for part in parts]) for k in range(3)]


@pytest.mark.parametrize("weighting", ["plain", "self_divided"])
@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("name", TERMS)
def test_each_term_alone_moves_every_weight_that_it_should_and_goes_down(
    name, dimensions, weighting
):
    """The heads are behind the features: consistency moves them, prototypes do not."""
    torch.manual_seed(0)
    network = TinyUNet(dimensions).double()
    images = torch.randn(6, 1, *[6] * dimensions, dtype=torch.float64)
    rng = np.random.default_rng(0)
    y_i, y_j = (naive.random_label(rng, 2, 2, [6] * dimensions) for _ in range(2))
    mask = rng.integers(0, 2, size=(2, 1, *[6] * dimensions)).astype(bool)
    y_k = naive.mix(SIGMA, y_i, y_j)
    labels = list(map(torch.from_numpy, (y_i, y_j, y_k, mask)))
    chosen = objective(weighting, weights=(2 / 3, 1 / 3), **{name: 0.5})
    before = {n: p.detach().clone() for n, p in network.named_parameters()}

    terms = terms_of(chosen, network(images), labels)
    chosen.total(torch.zeros((), dtype=torch.float64), terms).backward()
    torch.optim.SGD(network.parameters(), lr=1e-3).step()

    for parameter_name, parameter in network.named_parameters():
        moved = not torch.equal(parameter, before[parameter_name])
        assert moved == (name.startswith("cs") or not parameter_name.startswith("heads"))
    assert terms_of(chosen, network(images), labels)[name] < terms[name]


# --- Precision and label maps --------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_seventy_thousand_voxels_in_half_precision_do_not_overflow(dtype):
    """Class 1 everywhere, features 1 against 3, logits 0: prototypes 4, consistency 1/3 + ln 2.

    Dice with p = 0.5, y = 1 is 1 - 2 * 35,000 / (17,500 + 70,000) = 1/5. Background has no mass in
    any label. fp16 ends at 65,504.
    """
    size = (1, 1, 70_000, 1)
    views = [
        StudentView(
            [torch.zeros(1, 2, 70_000, 1, dtype=dtype, requires_grad=True)],
            [torch.full(size, value, dtype=dtype, requires_grad=True)],
        )
        for value in (1.0, 3.0, 3.0)
    ]
    label = one_hot(torch.ones(size), 2)
    chosen = objective(weights=(1.0,), **dict.fromkeys(TERMS, 1.0))
    with torch.autocast("cpu", dtype=dtype):
        everywhere = torch.ones(size, dtype=torch.bool)
        terms = terms_of(chosen, views, (label, label, label, everywhere))
        total = chosen.total(torch.zeros(()), terms)
    assert terms["proto_ulb"].item() == terms["proto_mix"].item() == 4
    expected = pytest.approx(1 / 5 + math.log(2), rel=1e-5)
    assert terms["cs_ulb"].item() == expected
    assert terms["cs_mix"].item() == expected
    total.backward()
    for view in views[1:]:
        assert all(leaf.grad.isfinite().all() for leaf in leaves_of(view))
