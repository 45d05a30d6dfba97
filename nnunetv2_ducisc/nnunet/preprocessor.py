"""The preprocessor that the plans name, made fit for cases that nobody has labeled."""

from __future__ import annotations

from typing import Any

import numpy as np
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.nnunet.unlabeled import check_image


def preprocessor_class(plans_manager: PlansManager, configuration_name: str) -> type[Any]:
    """The preprocessor that the plans name.

    Raises:
        DuCiSCError: nnU-Net does not find it.
    """
    configuration = plans_manager.get_configuration(configuration_name)
    if configuration.preprocessor_class is None:
        raise DuCiSCError(
            f"The plans {plans_manager.plans_name} name the preprocessor "
            f"{configuration.preprocessor_name}, but nnU-Net has none of this name: put its module "
            "into nnunetv2/preprocessing/preprocessors, where it was when you planned."
        )
    return configuration.preprocessor_class


def checking(base: type[Any], case: str, channels: int) -> type[Any]:
    """The preprocessor with ``check_image`` between its reading and its preprocessing."""

    class Checking(base):
        def run_case_npy(self, data: np.ndarray, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            check_image(case, data, channels)
            return super().run_case_npy(data, *args, **kwargs)

    return Checking


def empty_class_locations(
    plans_manager: PlansManager, configuration_name: str, dataset_json: dict[str, Any]
) -> dict[int | tuple[int, ...], list[Any]]:
    """No voxel for every class or region that nnU-Net's preprocessing keeps voxels of.

    nnU-Net's loader looks the classes up in every case; where labels can be ignored, the tuple of
    all of them, with -1 first, too.
    """
    labels = plans_manager.get_label_manager(dataset_json)
    classes = list(labels.foreground_regions if labels.has_regions else labels.foreground_labels)
    if labels.has_ignore_label:
        classes.append([-1, *labels.all_labels])
    no_voxels = np.empty((1, 0, 0, 0), dtype=np.int8)
    preprocessor = preprocessor_class(plans_manager, configuration_name)
    return preprocessor._sample_foreground_locations(no_voxels, classes)
