"""The alternatives of Tables VII to X once more, in numpy loops as plain as their definitions.

Nothing here is shared with the package. Images are (B, channels, *spatial) in float64, as in
``naive``.
"""

import itertools
import math
from collections.abc import Sequence

import numpy as np

from tests.naive import Array, positions


def every_voxel(maps: Array):
    """Every image and position."""
    return itertools.product(range(len(maps)), positions(maps))


def in_box(box: Array, v: Sequence[int]) -> bool:
    """Whether a position is in a box of shape (2, axes): the first voxels and the ends."""
    return all(first <= i < end for i, first, end in zip(v, *box, strict=True))


def shares_of_voxel(
    kind: str, drawn: Array, truth: Array, has_background: bool, v: Sequence[int]
) -> tuple[float, float]:
    """How much of the labeled and of the unlabeled image is in a voxel, for one image."""
    if kind == "mixup":
        return drawn, 1 - drawn
    if kind == "copy_paste":
        pasted = any(truth[(c, *v)] for c in range(int(has_background), len(truth)))
        return (1, 0) if pasted else (0, 1)
    if in_box(drawn, v):
        return (1, 0) if kind == "cutmix" else (0, 0)
    return 0, 1


def mixed_image(shares: dict, labeled: Array, unlabeled: Array) -> Array:
    """Eq. 5 with shares by image and position."""
    mixed = np.zeros(labeled.shape)
    for b, v in every_voxel(labeled):
        of_labeled, of_unlabeled = shares[b, v]
        for c in range(labeled.shape[1]):
            mixed[(b, c, *v)] = (
                of_labeled * labeled[(b, c, *v)] + of_unlabeled * unlabeled[(b, c, *v)]
            )
    return mixed


def mixed_label(
    shares: dict, labeled: Array, annotated: Array, pseudo: Array, reliable: Array
) -> tuple[Array, Array]:
    """Eq. 5, and the voxels that count: all whose images have a label there that is to be trusted.

    A voxel that shows an image that nobody has annotated there has no label at all.
    """
    mixed, counts = mixed_image(shares, labeled, pseudo), np.zeros(reliable.shape, dtype=bool)
    for b, v in every_voxel(labeled):
        of_labeled, of_unlabeled = shares[b, v]
        known = annotated[(b, 0, *v)]
        if of_labeled > 0 and not known:
            for c in range(labeled.shape[1]):
                mixed[(b, c, *v)] = 0
        for r in range(reliable.shape[1]):
            asked = []
            if of_labeled > 0:
                asked.append(known)
            if of_unlabeled > 0:
                asked.append(reliable[(b, r, *v)])
            counts[(b, r, *v)] = len(asked) > 0 and all(asked)
    return mixed, counts


def entropy_of(probabilities: Sequence[float]) -> float:
    """-sum p ln p, in nats."""
    return -sum(p * math.log(p) for p in probabilities if p > 0)


def class_entropy(probabilities: Array) -> Array:
    """Of the classes of every voxel, shape (B, 1, *spatial)."""
    entropy = np.zeros((len(probabilities), 1, *probabilities.shape[2:]))
    for b, v in every_voxel(probabilities):
        entropy[(b, 0, *v)] = entropy_of(
            [probabilities[(b, c, *v)] for c in range(probabilities.shape[1])]
        )
    return entropy


def region_entropy(probabilities: Array) -> Array:
    """Of being in a region or not, for every region."""
    pairs = [entropy_of([p, 1 - p]) for p in probabilities.flat]
    return np.array(pairs).reshape(probabilities.shape)


def any_class_passes(probabilities: Array, thresholds: Array) -> Array:
    """Where some class, the pseudo class or not, is above its threshold."""
    mask = np.zeros((len(probabilities), 1, *probabilities.shape[2:]), dtype=bool)
    for b, v in every_voxel(probabilities):
        for c, threshold in enumerate(thresholds):
            if probabilities[(b, c, *v)] > threshold:
                mask[(b, 0, *v)] = True
    return mask


def feature_distance(student: Array, teacher: Array, norm: str) -> float:
    """Eq. 13 at one scale, the mean over the images."""
    voxels = [
        sum((student[(b, z, *v)] - teacher[(b, z, *v)]) ** 2 for z in range(student.shape[1]))
        / (student.shape[1] if norm == "mean" else 1)
        for b, v in every_voxel(student)
    ]
    return sum(voxels) / len(voxels)


def feature_consistency(student: Sequence[Array], teacher: Sequence[Array], norm: str) -> float:
    """Eq. 13: summed over the scales, or their mean."""
    distances = [feature_distance(f, g, norm) for f, g in zip(student, teacher, strict=True)]
    return sum(distances) / (len(distances) if norm == "mean" else 1)


def weighted_average(predictions: Sequence[float], alpha: float) -> float:
    """Laine and Aila's target without their recursion: the last prediction weighs most."""
    weights = [alpha ** (len(predictions) - 1 - n) for n in range(len(predictions))]
    return sum(w * z for w, z in zip(weights, predictions, strict=True)) / sum(weights)
