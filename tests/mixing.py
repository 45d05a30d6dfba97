"""Ways to mix two images, and random batches to be mixed."""

import numpy as np
import pytest

from nnunetv2_ducisc.method.mixing import CopyPaste, CutMix, CutOut, Mixup
from tests import naive

WAYS = {
    "mixup": lambda background: Mixup(0.25, 0.75),
    "cutmix": lambda background: CutMix(0.25, 0.75),
    "cutout": lambda background: CutOut(0.25, 0.75),
    "copy_paste": CopyPaste,
}
every_way = pytest.mark.parametrize("kind", WAYS)

ABSENT = {
    "nowhere": lambda c: [],
    "in one image": lambda c: [(0, c)],
    "in the whole batch": lambda c: [(0, c), (1, c)],
}


def random_batch(dimensions: int, outputs: int, absent: str, regions: bool):
    """x_i, x_j, y_i, where it is annotated, y_j and where it is reliable, in numpy."""
    rng = np.random.default_rng(0)
    size = naive.SHAPES[dimensions]
    images = [rng.normal(size=(2, 2, *size)) for _ in range(2)]
    missing = ABSENT[absent](outputs - 1)
    annotated = rng.random(size=(2, 1, *size)) < 0.7
    if regions:
        y_i, y_j = (1.0 * (rng.random(size=(2, outputs, *size)) < 0.3) for _ in range(2))
        for b, c in missing:
            y_i[b, c] = 0
    else:
        y_i = naive.random_label(rng, 2, outputs, size, absent=missing)
        y_j = naive.random_label(rng, 2, outputs, size)
    reliable = rng.random(size=(2, outputs if regions else 1, *size)) < 0.6
    return images, (y_i * annotated, annotated, y_j, reliable)
