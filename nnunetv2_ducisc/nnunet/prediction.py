"""One raw image, predicted in memory as ``nnUNetv2_predict`` would."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from nnunetv2_ducisc.errors import DuCiSCError, one_line
from nnunetv2_ducisc.nnunet.trained_model import TrainedModel


def read_image(files: Sequence[Path], plans: PlansManager) -> tuple[np.ndarray, dict[str, Any]]:
    """Read an image with the reader of the plans.

    Returns:
        Shape (channels, z, y, x), and what the reader knows of its geometry.

    Raises:
        DuCiSCError: it cannot be read.
    """
    try:
        return plans.image_reader_writer_class().read_images([str(file) for file in files])
    except Exception as error:
        raise DuCiSCError(
            f"{files[0]} cannot be read ({one_line(error)}): mend it, or take it away."
        ) from error


def predict_labels(
    model: TrainedModel, image: np.ndarray, properties: dict[str, Any]
) -> np.ndarray:
    """Predict with the student, on the image's own grid.

    Args:
        model: the trained fold.
        image: as ``read_image`` returns it.
        properties: the same; preprocessing adds to a copy of them.

    Returns:
        Labels of shape (z, y, x).
    """
    return np.asarray(model.predictor.predict_single_npy_array(image, dict(properties)))
