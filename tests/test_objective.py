"""The losses of one step and their sum: Eq. 4, 7, 10 and 11."""

import itertools
import math

import numpy as np
import pytest
import torch
from batchgeneratorsv2.transforms.utils.deep_supervision_downsampling import (
    DownsampleSegForDSTransform,
)
from torch import nn

from nnunetv2_ducisc.method.labeling import ExclusiveClasses, one_hot
from nnunetv2_ducisc.method.objective import (
    TERMS,
    Guide,
    Objective,
    StudentView,
    rescale,
)
from nnunetv2_ducisc.method.targets import PrototypeAlignment
from tests import naive
from tests.terms import terms_at_once

pytestmark = pytest.mark.unit

TINY_SHAPES = {2: (2, 1), 3: (1, 2, 1)}
WEIGHTS = (4 / 7, 2 / 7, 1 / 7)  # three outputs, two stages with prototypes
SIGMA = np.array([0.25, 0.625])  # exact in float32: rescaled labels stay exact

# Which (image, class) the labeled images and the pseudo labels do not show.
ABSENT = {
    "nowhere": lambda c: ([], []),
    "in one image": lambda c: ([(0, c)], []),
    "in both images of a pair": lambda c: ([(0, c)], [(0, c)]),
    "in the whole batch": lambda c: ([(0, c), (1, c)], [(0, c), (1, c)]),
}


def objective(
    weighting="plain", norm="mean", pairs="each", weights=WEIGHTS, labeling=None, **lambdas
):
    return Objective(
        lambdas={name: lambdas.get(name, 0.0) for name in TERMS},
        scale_weights=weights,
        target=PrototypeAlignment(norm, pairs),
        term_weighting=weighting,
        labeling=ExclusiveClasses(4),
    )


def random_step(dimensions, classes, absent="nowhere"):
    """Logits and features of the three views, and y_i, y_j, y_k and the mask, in numpy."""
    rng = np.random.default_rng(0)
    sizes = [shapes[dimensions] for shapes in (naive.SHAPES, naive.HALF_SHAPES, TINY_SHAPES)]
    views = [
        (
            [rng.normal(size=(2, classes, *size)) for size in sizes],
            [rng.normal(size=(2, z, *size)) for z, size in zip((3, 2), sizes, strict=False)],
        )
        for _ in range(3)
    ]
    y_i, y_j = (
        naive.random_label(rng, 2, classes, sizes[0], absent=missing)
        for missing in ABSENT[absent](classes - 1)
    )
    mask = rng.integers(0, 2, size=(2, 1, *sizes[0])).astype(bool)
    return views, (y_i, y_j, naive.mix(SIGMA, y_i, y_j), mask)


def as_tensors(views, labels):
    """The same for the package, with leaves that want a gradient."""
    leaves = [
        StudentView(*[[torch.from_numpy(a).requires_grad_() for a in part] for part in view])
        for view in views
    ]
    return leaves, list(map(torch.from_numpy, labels))


def terms_of(chosen, views, labels):
    """The terms of labeled, unlabeled and mixed views, and of y_i, y_j, y_k and the mask."""
    y_i, y_j, y_k, mask = labels
    student = dict(zip(("labeled", "unlabeled", "mixed"), views, strict=True))
    guides = {"unlabeled": Guide(y_j, mask), "mixed": Guide(y_k, mask)}
    return terms_at_once(chosen, student, y_i, guides)


def leaves_of(view: StudentView) -> list[torch.Tensor]:
    return [*view.logits, *view.features]


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("absent", ABSENT)
@pytest.mark.parametrize(("norm", "pairs"), [("sum", "each"), ("mean", "batch_mean")])
def test_the_four_terms_are_the_naive_loops_with_a_finite_gradient(
    dimensions, classes, absent, norm, pairs
):
    views, labels = random_step(dimensions, classes, absent)
    (_, f_i), (logits_j, f_j), (logits_k, f_k) = views
    y_i, y_j, y_k, mask = labels
    p_i, p_j, p_k = (
        naive.prototypes_over_scales(f, y, pairs) for f, y in ((f_i, y_i), (f_j, y_j), (f_k, y_k))
    )
    expected = {
        "proto_ulb": naive.alignment(p_i, p_j, norm),
        "proto_mix": naive.alignment(p_i, p_k, norm),
        "cs_ulb": naive.consistency_over_scales(logits_j, y_j, mask, WEIGHTS),
        "cs_mix": naive.consistency_over_scales(logits_k, y_k, mask, WEIGHTS),
    }
    leaves, tensors = as_tensors(views, labels)
    all_on = objective(norm=norm, pairs=pairs, **dict.fromkeys(TERMS, 1.0))
    terms = terms_of(all_on, leaves, tensors)
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(expected, rel=1e-12)
    sum(terms.values()).backward()
    for leaf in (*leaves[0].features, *leaves_of(leaves[1]), *leaves_of(leaves[2])):
        assert leaf.grad.isfinite().all()
        assert leaf.grad.any()


def test_the_total_is_the_weighted_sum_of_equation_11():
    """-0.5 + 0.1 * 2 + 0.3 * 4 = 0.9; a supervised loss below zero is nothing special."""
    terms = {"proto_ulb": torch.tensor(2.0), "cs_ulb": torch.tensor(4.0)}
    total = objective(proto_ulb=0.1, cs_ulb=0.3).total(torch.tensor(-0.5), terms)
    assert total.item() == pytest.approx(0.9, rel=1e-6)


@pytest.mark.parametrize("weighting", ["plain", "self_divided"])
def test_the_gradient_of_the_total_is_the_naive_one(weighting):
    """Plain: g_sup + sum lambda g. Self-divided: g_sup / (L_sup + 1) + sum lambda g / L."""
    lambdas = {"proto_ulb": 0.1, "proto_mix": 0.2, "cs_ulb": 0.3, "cs_mix": 0.4}
    leaves, labels = as_tensors(*random_step(3, 4))
    chosen = objective(weighting, **lambdas)
    terms = terms_of(chosen, leaves, labels)
    weights = [leaf for view in leaves for leaf in leaves_of(view)]
    supervised = torch.tanh(leaves[0].logits[0].mean()) - 0.5
    divisors = {"sup": 1.0} | dict.fromkeys(TERMS, 1.0)
    if weighting == "self_divided":
        divisors = {"sup": supervised.item() + 1} | {n: t.item() for n, t in terms.items()}

    def gradients(loss):
        found = torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True)
        return [
            torch.zeros_like(w) if g is None else g for g, w in zip(found, weights, strict=True)
        ]

    expected = [g / divisors["sup"] for g in gradients(supervised)]
    for name, term in terms.items():
        for sum_so_far, gradient in zip(expected, gradients(term), strict=True):
            sum_so_far += lambdas[name] * gradient / divisors[name]
    total = chosen.total(supervised, terms)
    torch.testing.assert_close(gradients(total), expected, rtol=1e-10, atol=1e-15)


def test_self_divided_terms_are_worth_their_lambdas_whatever_their_size():
    """1 for the supervised loss, -0.5 + 1 over itself, and lambdas 0.3 and 0.1: 1.4."""
    terms = {"cs_ulb": torch.tensor(70.0), "cs_mix": torch.tensor(1e-3)}
    total = objective("self_divided", cs_ulb=0.3, cs_mix=0.1).total(torch.tensor(-0.5), terms)
    assert total.item() == pytest.approx(1.4, rel=1e-6)


def test_a_self_divided_term_of_zero_stays_an_exact_zero_with_a_graph():
    weight = torch.ones((), requires_grad=True)
    chosen = objective("self_divided", cs_ulb=0.3)
    total = chosen.total(weight * 0.0 - 1.0, {"cs_ulb": weight * 0.0})
    assert total.item() == 0
    total.backward()
    assert weight.grad.item() == 0


@pytest.mark.parametrize("weighting", ["plain", "self_divided"])
@pytest.mark.parametrize("dimensions", [2, 3])
def test_nothing_in_common_and_nothing_reliable_is_an_exact_zero_with_a_graph(
    dimensions, weighting
):
    """Truth is class 0, the pseudo label class 1, no voxel passes; y_k = y_j leaves proto_mix 0."""
    views, (y_i, _, _, mask) = random_step(dimensions, 2)
    y_i = np.stack([np.ones_like(y_i[:, 0]), np.zeros_like(y_i[:, 0])], axis=1)
    y_j = 1 - y_i
    leaves, labels = as_tensors(views, (y_i, y_j, y_j.copy(), np.zeros_like(mask)))
    chosen = objective(weighting, **dict.fromkeys(TERMS, 1.0))
    terms = terms_of(chosen, leaves, labels)
    assert {name: term.item() for name, term in terms.items()} == dict.fromkeys(TERMS, 0.0)
    chosen.total(torch.zeros((), dtype=torch.float64), terms).backward()
    used = [*leaves[0].features, *leaves_of(leaves[1]), *leaves_of(leaves[2])]
    assert all((leaf.grad == 0).all() for leaf in used)


def test_without_terms_the_total_is_the_supervised_loss():
    supervised = torch.tensor(-0.25)
    assert objective().total(supervised, {}).item() == -0.25


@pytest.mark.parametrize("name", TERMS)
def test_a_term_of_weight_zero_is_not_computed(name):
    leaves, labels = as_tensors(*random_step(2, 2))
    assert list(terms_of(objective(**{name: 0.5}), leaves, labels)) == [name]


def test_without_a_prototype_term_no_feature_is_looked_at():
    leaves, labels = as_tensors(*random_step(2, 2))
    chosen = objective(cs_ulb=1.0, cs_mix=1.0)
    expected = terms_of(chosen, leaves, labels)
    blind = [view._replace(features=None) for view in leaves]
    assert terms_of(chosen, blind, labels) == expected
    assert not chosen.needs_features
    assert objective(proto_ulb=0.1).needs_features
    assert objective(proto_mix=0.1).needs_features


@pytest.mark.parametrize("kind", [1, 2])
def test_without_a_term_of_a_kind_of_image_it_is_not_looked_at(kind):
    """Unlabeled 1, mixed 2."""
    leaves, labels = as_tensors(*random_step(2, 2))
    other, suffix = ("mixed", "mix") if kind == 1 else ("unlabeled", "ulb")
    chosen = objective(**{f"proto_{suffix}": 1.0, f"cs_{suffix}": 1.0})
    expected = terms_of(chosen, leaves, labels)
    leaves[kind] = labels[kind] = None
    assert len(expected) == 2 and terms_of(chosen, leaves, labels) == expected
    assert chosen.guided == [other]
    assert objective(**{f"proto_{suffix}": 0.1}).guided == [other]
    assert objective(**{f"cs_{suffix}": 0.1}).guided == [other]


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
