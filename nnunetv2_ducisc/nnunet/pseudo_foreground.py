"""Where a prediction is confident foreground, for nnU-Net's oversampling."""

from __future__ import annotations

import numpy as np
from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor
from torch import Tensor

from nnunetv2_ducisc.method.confidence import Confidence, TeacherSays
from nnunetv2_ducisc.method.labeling import Labeling
from nnunetv2_ducisc.method.pyramid import finest


def confident_foreground(
    probabilities: Tensor, labeling: Labeling, confidence: Confidence, iteration: int
) -> dict[int, np.ndarray]:
    """Voxels that count as foreground, sampled as nnU-Net samples those of labels.

    Args:
        probabilities: of a case, shape (C, *spatial).
        labeling: what they are.
        confidence: which voxels count, as in training.
        iteration: of the run.

    Returns:
        For each foreground class or region, counted from 1, some of its voxels in nnU-Net's form,
        shape (N, 1 + spatial axes); none where it has none.
    """
    says = TeacherSays.of(probabilities[None])
    label, reliable = map(finest, confidence.label(says, iteration))
    counting = labeling.foreground(label * reliable)[0].numpy().astype(np.uint8)
    sample = DefaultPreprocessor._sample_foreground_locations
    return {n: sample(voxels[None], [1])[1] for n, voxels in enumerate(counting, 1)}
