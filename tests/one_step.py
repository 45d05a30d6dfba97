"""A random step of three views, and what the objective says of it."""

import numpy as np
import torch

from nnunetv2_ducisc.method.labeling import ExclusiveClasses
from nnunetv2_ducisc.method.objective import TERMS, Guide, Objective, StudentView
from nnunetv2_ducisc.method.targets import PrototypeAlignment
from tests import naive
from tests.terms import terms_at_once

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


def objective(weighting="plain", norm="mean", pairs="each", weights=WEIGHTS, **lambdas):
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
