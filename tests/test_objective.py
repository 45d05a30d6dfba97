"""The losses of one step and their sum: Eq. 4, 7, 10 and 11."""

import numpy as np
import pytest
import torch

from nnunetv2_ducisc.method.objective import TERMS
from tests import naive
from tests.one_step import ABSENT, WEIGHTS, as_tensors, leaves_of, objective, random_step, terms_of

pytestmark = pytest.mark.unit


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
