"""nnU-Net's labels as the method wants them: maps, and where somebody has annotated."""

from __future__ import annotations

from nnunetv2.utilities.label_handling.label_handling import LabelManager
from torch import Tensor

from nnunetv2_ducisc.method.labeling import (
    ExclusiveClasses,
    Labeling,
    OverlappingRegions,
    one_hot,
)


def labeling_of(labels: LabelManager) -> Labeling:
    """What the outputs of a network for these labels are."""
    if labels.has_regions:
        return OverlappingRegions()
    return ExclusiveClasses(labels.num_segmentation_heads)


def label_maps(target: Tensor, labels: LabelManager) -> tuple[Tensor, Tensor | None]:
    """A batch's target as one map an output, zero in every voxel that is labeled ignore.

    Args:
        target: what nnU-Net's transforms yield at full resolution: class indices of shape
            (B, 1, *spatial), or a map a region and, with an ignore label, a last one for it.
        labels: nnU-Net's label manager.

    Returns:
        Maps of zeros and ones of shape (B, C, *spatial), and a mask of bool of shape
        (B, 1, *spatial), True where somebody has annotated; None without an ignore label.
    """
    outputs = labels.num_segmentation_heads
    if labels.has_regions:
        annotated = target[:, outputs:] < 1 if labels.has_ignore_label else None
        return target[:, :outputs].float(), annotated
    if not labels.has_ignore_label:
        return one_hot(target, outputs), None
    # nnU-Net demands that the ignore label is the highest, so that it is the class after the last.
    return one_hot(target, outputs + 1)[:, :outputs], target != labels.ignore_label


def class_names(dataset_json: dict, labels: LabelManager) -> list[str]:
    """The names of the network's outputs, in their order."""
    names = {name: value for name, value in dataset_json["labels"].items() if name != "ignore"}
    if labels.has_regions:
        return [name for name in names if name != "background"]
    return sorted(names, key=lambda name: int(names[name]))
