"""The method once more, in numpy loops as slow and as plain as the paper's formulas.

Nothing here is shared with the package: every function is written from the equation that it names.
Images are (B, channels, *spatial), as in the package, and everything is float64.
"""

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np

Array = np.ndarray


def positions(array: Array) -> Iterator[tuple[int, ...]]:
    """Every (h, w) or (h, w, d) of an array of shape (B, channels, *spatial)."""
    return itertools.product(*(range(length) for length in array.shape[2:]))


def prototype(features: Array, masks: Array, image: int, c: int) -> tuple[Array, float]:
    """Eq. 2, 3 and 6 for one image and class, and the mask's sum; zeros where that sum is zero."""
    total, mass = np.zeros(features.shape[1]), 0.0
    for v in positions(features):
        weight = masks[(image, c, *v)]
        mass += weight
        for z in range(features.shape[1]):
            total[z] += weight * features[(image, z, *v)]
    return (total / mass if mass > 0 else total), mass


def prototypes(features: Array, masks: Array) -> tuple[Array, Array]:
    """Eq. 2, 3 and 6 for a batch: shapes (B, C, Z) and (B, C)."""
    images, classes = masks.shape[:2]
    p = np.zeros((images, classes, features.shape[1]))
    mass = np.zeros((images, classes))
    for i, c in itertools.product(range(images), range(classes)):
        p[i, c], mass[i, c] = prototype(features, masks, i, c)
    return p, mass


def batch_mean(p: Array, mass: Array) -> tuple[Array, Array]:
    """For every class the mean prototype of the images that show it, as a batch of one."""
    mean = np.zeros((1, *p.shape[1:]))
    for c in range(p.shape[1]):
        shown = [p[i, c] for i in range(len(p)) if mass[i, c] > 0]
        if shown:
            mean[0, c] = sum(shown) / len(shown)
    return mean, mass.sum(0, keepdims=True)


def distance(ours: tuple[Array, Array], theirs: tuple[Array, Array], norm: str) -> float:
    """Eq. 4 and 7 at one scale: the mean over pairs (i, j) and classes that both images show."""
    distances = []
    for i, j, c in itertools.product(
        range(len(ours[0])), range(len(theirs[0])), range(ours[0].shape[1])
    ):
        if ours[1][i, c] > 0 and theirs[1][j, c] > 0:
            squares = [(a - b) ** 2 for a, b in zip(ours[0][i, c], theirs[0][j, c], strict=True)]
            distances.append(sum(squares) / (len(squares) if norm == "mean" else 1))
    return sum(distances) / len(distances) if distances else 0.0


def alignment(
    ours: Sequence[tuple[Array, Array]], theirs: Sequence[tuple[Array, Array]], norm: str
) -> float:
    """Eq. 4 and 7: summed over the scales, or their mean."""
    distances = [distance(a, b, norm) for a, b in zip(ours, theirs, strict=True)]
    return sum(distances) / (len(distances) if norm == "mean" else 1)


def rescale(maps: Array, size: Sequence[int]) -> Array:
    """Every voxel of the new grid takes the value of the old voxel that its centre lies in."""
    scaled = np.zeros((*maps.shape[:2], *size))
    for v in positions(scaled):
        source = tuple(
            math.floor((index + 0.5) * old / new)
            for index, old, new in zip(v, maps.shape[2:], size, strict=True)
        )
        for b, c in itertools.product(range(maps.shape[0]), range(maps.shape[1])):
            scaled[(b, c, *v)] = maps[(b, c, *source)]
    return scaled


def mix(ratio: Array, labeled: Array, unlabeled: Array) -> Array:
    """Eq. 5, voxel by voxel."""
    mixed = np.zeros(labeled.shape)
    for index in np.ndindex(*labeled.shape):
        sigma = ratio[index[0]]
        mixed[index] = sigma * labeled[index] + (1 - sigma) * unlabeled[index]
    return mixed


def softmax(logits: Array) -> Array:
    """Voxel by voxel, over the classes."""
    probabilities = np.zeros(logits.shape)
    for b, v in itertools.product(range(len(logits)), positions(logits)):
        largest = max(logits[(b, c, *v)] for c in range(logits.shape[1]))
        powers = [math.exp(logits[(b, c, *v)] - largest) for c in range(logits.shape[1])]
        for c, power in enumerate(powers):
            probabilities[(b, c, *v)] = power / sum(powers)
    return probabilities


def average_confidence(probabilities: Array, pseudo_label: Array, c: int) -> float | None:
    """Eq. 9 over the voxels of a batch; None where no voxel has the class."""
    confidence, voxels = 0.0, 0.0
    for b, v in itertools.product(range(len(probabilities)), positions(probabilities)):
        confidence += pseudo_label[(b, c, *v)] * probabilities[(b, c, *v)]
        voxels += pseudo_label[(b, c, *v)]
    return confidence / voxels if voxels > 0 else None


def moved_thresholds(values: Array, averages: Sequence[float | None], beta: float) -> Array:
    """Eq. 8, second line; a class without an average keeps its threshold."""
    moved = [
        t if average is None else beta * t + (1 - beta) * average
        for t, average in zip(values, averages, strict=True)
    ]
    return np.array(moved)


def reliable(probabilities: Array, thresholds: Array, low: float, high: float) -> Array:
    """Where the largest probability exceeds the bounded threshold of its own class."""
    mask = np.zeros((len(probabilities), 1, *probabilities.shape[2:]))
    for b, v in itertools.product(range(len(probabilities)), positions(probabilities)):
        values = [probabilities[(b, c, *v)] for c in range(probabilities.shape[1])]
        c = values.index(max(values))
        mask[(b, 0, *v)] = values[c] > min(max(thresholds[c], low), high)
    return mask


def sigmoid(logits: Array) -> Array:
    """Output by output."""
    return np.array([1 / (1 + math.exp(-value)) for value in logits.flat]).reshape(logits.shape)


def region_label(probabilities: Array, thresholds: Array) -> tuple[Array, Array]:
    """In a region above one half, and whether the decision is surer than the region's threshold."""
    label, sure = np.zeros(probabilities.shape), np.zeros(probabilities.shape)
    for b, r in itertools.product(range(len(probabilities)), range(probabilities.shape[1])):
        for v in positions(probabilities):
            p = probabilities[(b, r, *v)]
            label[(b, r, *v)] = p > 0.5
            sure[(b, r, *v)] = (p if p > 0.5 else 1 - p) > thresholds[r]
    return label, sure


def region_consistency(logits: Array, target: Array, mask: Array) -> float:
    """Eq. 10 for regions: each its own Dice and binary cross-entropy over its own mask."""
    p, dice, entropies = sigmoid(logits), [], []
    for r in range(logits.shape[1]):
        overlap, predicted, wanted = 0.0, 0.0, 0.0
        for b, v in itertools.product(range(len(p)), positions(p)):
            if mask[(b, r, *v)]:
                q, y = p[(b, r, *v)], target[(b, r, *v)]
                overlap, predicted, wanted = overlap + q * y, predicted + q * q, wanted + y * y
                entropies.append(-y * math.log(q) - (1 - y) * math.log(1 - q))
        if wanted > 0:
            dice.append(1 - 2 * overlap / (predicted + wanted))
    mean = [sum(values) / len(values) if values else 0.0 for values in (dice, entropies)]
    return mean[0] + mean[1]


def dice_loss(probabilities: Array, target: Array, mask: Array) -> float:
    """One minus V-Net's Dice, the mean over the foreground classes in the masked target."""
    losses = []
    for c in range(1, probabilities.shape[1]):
        overlap, predicted, wanted = 0.0, 0.0, 0.0
        for b, v in itertools.product(range(len(probabilities)), positions(probabilities)):
            if mask[(b, 0, *v)]:
                p, y = probabilities[(b, c, *v)], target[(b, c, *v)]
                overlap, predicted, wanted = overlap + p * y, predicted + p * p, wanted + y * y
        if wanted > 0:
            losses.append(1 - 2 * overlap / (predicted + wanted))
    return sum(losses) / len(losses) if losses else 0.0


def cross_entropy(probabilities: Array, target: Array, mask: Array) -> float:
    """The mean over the masked voxels of -sum_c y log p."""
    losses = []
    for b, v in itertools.product(range(len(probabilities)), positions(probabilities)):
        if mask[(b, 0, *v)]:
            classes = range(probabilities.shape[1])
            losses.append(
                -sum(target[(b, c, *v)] * math.log(probabilities[(b, c, *v)]) for c in classes)
            )
    return sum(losses) / len(losses) if losses else 0.0


def consistency(logits: Array, target: Array, mask: Array) -> float:
    """Eq. 10."""
    p = softmax(logits)
    return dice_loss(p, target, mask) + cross_entropy(p, target, mask)


def consistency_over_scales(
    logits: Sequence[Array], target: Array, mask: Array, weights: Sequence[float]
) -> float:
    """Eq. 10 at every output, with target and mask at its resolution, weighted and summed."""
    return sum(
        weight
        * consistency(scale, rescale(target, scale.shape[2:]), rescale(mask, scale.shape[2:]))
        for scale, weight in zip(logits, weights, strict=True)
    )


def prototypes_over_scales(
    features: Sequence[Array], label: Array, pairs: str
) -> list[tuple[Array, Array]]:
    """Eq. 2, 3 and 6 at every scale, of each image or their mean."""
    pooled = [prototypes(f, rescale(label, f.shape[2:])) for f in features]
    return pooled if pairs == "each" else [batch_mean(*p) for p in pooled]


def ema(start: float, students: Sequence[float], alpha: float) -> list[float]:
    """The teacher after each update, the n-th (from 0) with min(1 - 1/(n + 1), alpha)."""
    teacher, history = start, []
    for n, student in enumerate(students):
        decay = min(1 - 1 / (n + 1), alpha)
        teacher = decay * teacher + (1 - decay) * student
        history.append(teacher)
    return history


# --- Random batches -----------------------------------------------------------------------------

SHAPES = {2: (5, 4), 3: (3, 4, 3)}
HALF_SHAPES = {2: (3, 2), 3: (2, 2, 2)}


def random_label(
    rng: np.random.Generator,
    images: int,
    classes: int,
    spatial: Sequence[int],
    *,
    soft: bool = False,
    absent: Sequence[tuple[int, int]] = (),
) -> Array:
    """Labels that sum to one; every class is somewhere in every image but for ``absent`` ones.

    Args:
        rng: the source of the draw.
        images: B.
        classes: C.
        spatial: the shape of an image.
        soft: shares of sixteenths, exact in float32 too, instead of one-hot.
        absent: pairs of an image and a class that it does not show.
    """
    label = np.zeros((images, classes, *spatial))
    for b in range(images):
        allowed = [c for c in range(classes) if (b, c) not in absent]
        for n, v in enumerate(positions(label)):
            sure = allowed[n % len(allowed)] if n < len(allowed) else rng.choice(allowed)
            share = rng.integers(8, 17) / 16 if soft else 1.0
            label[(b, sure, *v)] += share
            label[(b, rng.choice(allowed), *v)] += 1 - share
    return label
