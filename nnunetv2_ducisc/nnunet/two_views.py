"""nnU-Net's training transforms for an unlabeled patch: two views of one geometry."""

from __future__ import annotations

from typing import Any

import torch
from batchgeneratorsv2.transforms.base.basic_transform import BasicTransform, ImageOnlyTransform
from batchgeneratorsv2.transforms.nnunet.seg_to_onehot import MoveSegAsOneHotToDataTransform
from batchgeneratorsv2.transforms.utils.compose import ComposeTransforms
from batchgeneratorsv2.transforms.utils.nnunet_masking import MaskImageTransform
from batchgeneratorsv2.transforms.utils.random import RandomTransform
from batchgeneratorsv2.transforms.utils.remove_label import RemoveLabelTansform


class TwoViews(BasicTransform):
    """nnU-Net's training transforms for a patch that two networks look at and nobody has labeled.

    The geometry is drawn once. Intensity transforms (those that change nothing but the image) come
    after all of the geometry: mirroring commutes with them. The views are stacked along the
    channels, the teacher's first. Of the segmentation, which is the mask of nonzero voxels, only
    what nnU-Net's masking needs is used, and nothing is returned.

    In a cascade the second channel of the segmentation, the previous stage's prediction, goes
    behind the image of both views, a map a foreground label, after all intensity transforms. The
    errors that nnU-Net draws in these maps are the student's, like the intensity transforms.

    Maps of an earlier prediction, the last channels of the image, go through the geometry alone and
    come behind both views.

    Args:
        transforms: what ``nnUNetTrainer.get_training_transforms`` returns without deep
            supervision and regions.
        teacher_view: "weak": the teacher sees no intensity transform; "same": it sees what the
            student sees.
        intensity_passes: how often the student's copy goes through the intensity transforms.
        num_maps: how many maps of an earlier prediction there are.
    """

    def __init__(
        self,
        transforms: ComposeTransforms,
        teacher_view: str,
        intensity_passes: int,
        num_maps: int = 0,
    ) -> None:
        super().__init__()
        of_image, to_maps, errors = _split_at_maps(transforms.transforms)
        masks = [t for t in of_image if isinstance(t, MaskImageTransform)]
        intensity = [t for t in of_image if _is_intensity(t)]
        no_geometry = (*masks, *intensity)
        self.geometry = ComposeTransforms(
            [t for t in of_image if t not in no_geometry and not isinstance(t, RemoveLabelTansform)]
        )
        self.intensity = ComposeTransforms(intensity * intensity_passes)
        self.mask = ComposeTransforms(masks)
        self.to_maps = ComposeTransforms(to_maps)
        self.errors = ComposeTransforms(errors)
        self.teacher_view = teacher_view
        self.num_maps = num_maps

    def apply(self, data_dict: dict[str, Any], **params: Any) -> dict[str, Any]:  # noqa: ANN401
        """Transform one sample: keys ``image`` (C, *spatial) and ``segmentation``."""
        if not (self.mask.transforms or self.to_maps.transforms):
            del data_dict["segmentation"]
        patch = self.geometry(**data_dict)
        segmentation = patch.get("segmentation")
        channels = len(patch["image"]) - self.num_maps
        image, maps = patch["image"][:channels], patch["image"][channels:]
        strong = self.intensity(image=image.clone())["image"]
        plain, strong = (
            self.to_maps(**self.mask(image=view, segmentation=segmentation))["image"]
            for view in (image, strong)
        )
        strong = self.errors(image=strong)["image"]
        teacher = strong if self.teacher_view == "same" else plain
        return {"image": torch.cat([teacher, strong, maps]), "segmentation": torch.empty(0)}


def _split_at_maps(
    transforms: list[BasicTransform],
) -> tuple[list[BasicTransform], list[BasicTransform], list[BasicTransform]]:
    """Those before the maps of a previous stage, the one that makes the maps, those of the maps."""
    for index, transform in enumerate(transforms):
        if isinstance(transform, MoveSegAsOneHotToDataTransform):
            return transforms[:index], [transform], transforms[index + 1 :]
    return transforms, [], []


def _is_intensity(transform: BasicTransform) -> bool:
    """Whether a transform, drawn at random or not, changes nothing but the image."""
    inner = transform.transform if isinstance(transform, RandomTransform) else transform
    return isinstance(inner, ImageOnlyTransform)
