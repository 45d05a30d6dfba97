"""Raw labels on the grid of a preprocessed image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from acvl_utils.cropping_and_padding.bounding_boxes import bounding_box_to_slice
from nnunetv2.utilities.plans_handling.plans_handler import ConfigurationManager, PlansManager

from nnunetv2_ducisc.errors import DuCiSCError, one_line


def truth_on_grid(
    file: Path,
    properties: dict[str, Any],
    shape: Sequence[int],
    plans_manager: PlansManager,
    configuration: ConfigurationManager,
) -> np.ndarray:
    """Bring a label where preprocessing has brought its image, by nnU-Net's own resampling.

    These are the preprocessor's steps for a segmentation; to run it whole would resample the image
    again, and to bring predictions to the raw grid would resample the probabilities of all classes.

    Args:
        file: the raw label.
        properties: of the preprocessed image.
        shape: its spatial shape.
        plans_manager: the plans it was preprocessed by.
        configuration: the configuration of these plans.

    Returns:
        Labels of shape (1, *shape).

    Raises:
        DuCiSCError: the label cannot be read, or is not on the image's grid.
    """
    try:
        labels, _ = plans_manager.image_reader_writer_class().read_seg(str(file))
    except Exception as error:
        raise DuCiSCError(
            f"{file} cannot be read ({one_line(error)}): mend it, or take it out of labelsUn."
        ) from error
    labels = labels.transpose([0, *(axis + 1 for axis in plans_manager.transpose_forward)])
    if labels.shape[1:] != tuple(properties["shape_before_cropping"]):
        raise DuCiSCError(
            f"{file} has the shape {labels.shape[1:]}, but its image in imagesUn has "
            f"{tuple(properties['shape_before_cropping'])}: put the right label there, or none."
        )
    box = bounding_box_to_slice(properties["bbox_used_for_cropping"])
    spacing = [properties["spacing"][axis] for axis in plans_manager.transpose_forward]
    goal = [*spacing[: len(spacing) - len(configuration.spacing)], *configuration.spacing]
    return configuration.resampling_fn_seg(labels[(slice(None), *box)], shape, spacing, goal)
