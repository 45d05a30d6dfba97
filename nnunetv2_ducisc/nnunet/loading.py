"""The unlabeled-case dataloader: nnU-Net's loader and transforms, two views of one geometry."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
from batchgenerators.dataloading.nondet_multi_threaded_augmenter import (
    NonDetMultiThreadedAugmenter,
)
from batchgenerators.dataloading.single_threaded_augmenter import SingleThreadedAugmenter
from batchgeneratorsv2.transforms.base.basic_transform import BasicTransform, ImageOnlyTransform
from batchgeneratorsv2.transforms.utils.compose import ComposeTransforms
from batchgeneratorsv2.transforms.utils.nnunet_masking import MaskImageTransform
from batchgeneratorsv2.transforms.utils.random import RandomTransform
from batchgeneratorsv2.transforms.utils.remove_label import RemoveLabelTansform
from nnunetv2.configuration import default_num_processes
from nnunetv2.paths import nnUNet_raw
from nnunetv2.training.dataloading.data_loader import nnUNetDataLoader
from nnunetv2.training.dataloading.nnunet_dataset import infer_dataset_class
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.default_n_proc_DA import get_allowed_n_proc_DA
from torch import Tensor

from nnunetv2_ducisc.nnunet.preprocessing import prepare_unlabeled
from nnunetv2_ducisc.nnunet.unlabeled_data import UnlabeledData
from nnunetv2_ducisc.settings import DuCiSCSettings

Loader: TypeAlias = SingleThreadedAugmenter | NonDetMultiThreadedAugmenter


class UnlabeledBatch(NamedTuple):
    """One batch of unlabeled patches, seen twice through one geometry.

    Attributes:
        teacher: what the teacher labels, shape (B, channels, *spatial).
        student: what the student learns from, the same shape.
        cases: the identifiers of the cases the patches are from.
    """

    teacher: Tensor
    student: Tensor
    cases: list[str]

    @classmethod
    def of(cls, batch: dict[str, Any]) -> UnlabeledBatch:
        """Take apart what a loader with ``TwoViews`` yields."""
        teacher, student = batch["data"].chunk(2, dim=1)
        return cls(teacher, student, list(batch["keys"]))


class TwoViews(BasicTransform):
    """nnU-Net's training transforms for a patch that two networks look at and nobody has labeled.

    The geometry is drawn once. Intensity transforms (those that change nothing but the image) come
    after all of the geometry: mirroring commutes with them. The views are stacked along the
    channels, the teacher's first. Of the segmentation, which is the mask of nonzero voxels, only
    what nnU-Net's masking needs is used, and nothing is returned.

    Args:
        transforms: what ``nnUNetTrainer.get_training_transforms`` returns without deep
            supervision, regions and cascade.
        teacher_view: "weak": the teacher sees no intensity transform; "same": it sees what the
            student sees.
        intensity_passes: how often the student's copy goes through the intensity transforms.
    """

    def __init__(
        self, transforms: ComposeTransforms, teacher_view: str, intensity_passes: int
    ) -> None:
        super().__init__()
        masks = [t for t in transforms.transforms if isinstance(t, MaskImageTransform)]
        intensity = [t for t in transforms.transforms if _is_intensity(t)]
        no_geometry = (*masks, *intensity)
        self.geometry = ComposeTransforms(
            [
                t
                for t in transforms.transforms
                if t not in no_geometry and not isinstance(t, RemoveLabelTansform)
            ]
        )
        self.intensity = ComposeTransforms(intensity * intensity_passes)
        self.mask = ComposeTransforms(masks)
        self.teacher_view = teacher_view

    def apply(self, data_dict: dict[str, Any], **params: Any) -> dict[str, Any]:  # noqa: ANN401
        """Transform one sample: keys ``image`` (C, *spatial) and ``segmentation``."""
        if not self.mask.transforms:
            del data_dict["segmentation"]
        patch = self.geometry(**data_dict)
        segmentation = patch.get("segmentation")
        plain = patch["image"]
        strong = self.intensity(image=plain.clone())["image"]
        teacher = strong if self.teacher_view == "same" else plain
        views = [self.mask(image=v, segmentation=segmentation)["image"] for v in (teacher, strong)]
        return {"image": torch.cat(views), "segmentation": torch.empty(0)}


def unlabeled_loader(trainer: nnUNetTrainer, settings: DuCiSCSettings) -> Loader:
    """nnU-Net's loader over the trainer's unlabeled cases, which it preprocesses where needed.

    Raises:
        DuCiSCError: there are no unlabeled images, or they cannot be used.
    """
    data = UnlabeledData(
        raw_dataset=Path(nnUNet_raw) / trainer.plans_manager.dataset_name,
        preprocessed_dataset=Path(trainer.preprocessed_dataset_folder_base),
        plans_manager=trainer.plans_manager,
        configuration_name=trainer.configuration_name,
        dataset_json=trainer.dataset_json,
    )
    folder, cases = prepare_unlabeled(
        data, default_num_processes, may_preprocess=not trainer.is_ddp
    )
    trainer.print_to_log_file(f"{len(cases)} unlabeled cases in {folder}")
    rotation, dummy_2d, initial_patch, mirror_axes = (
        trainer.configure_rotation_dummyDA_mirroring_and_inital_patch_size()
    )
    configuration = trainer.configuration_manager
    transforms = trainer.get_training_transforms(
        configuration.patch_size,
        rotation,
        None,
        mirror_axes,
        dummy_2d,
        use_mask_for_norm=configuration.use_mask_for_norm,
    )
    views = TwoViews(transforms, settings.teacher_view, settings.student_intensity_passes)
    dataset_loader = nnUNetDataLoader(
        infer_dataset_class(str(folder))(
            str(folder), cases
        ),  # labeled cases may be older npz files
        trainer.batch_size,
        initial_patch,
        configuration.patch_size,
        trainer.label_manager,
        oversample_foreground_percent=0.0,  # nobody has labeled a foreground
        transforms=views,
    )
    # It would look for patches with annotated voxels, of which an unlabeled case has none.
    dataset_loader.has_ignore = False
    return in_background(dataset_loader, pin_memory=trainer.device.type == "cuda")


def in_background(dataset_loader: nnUNetDataLoader, pin_memory: bool) -> Loader:
    """Run a loader in background processes, as nnU-Net runs its own.

    It gets half of ``nnUNet_n_proc_DA``, like nnU-Net's loader of the validation cases: in the
    semi-supervised part of a run a step takes over three times as long, so that the workers of the
    labeled cases mostly wait. 0 means no process.
    """
    processes = get_allowed_n_proc_DA()
    if processes == 0:
        return SingleThreadedAugmenter(dataset_loader, None)
    workers = max(1, processes // 2)
    return NonDetMultiThreadedAugmenter(
        data_loader=dataset_loader,
        transform=None,
        num_processes=workers,
        num_cached=max(3, processes // 4),
        # Without seeds forked workers would all draw what torch's generator here would draw next.
        seeds=np.random.randint(2**31, size=workers).tolist(),
        pin_memory=pin_memory,
        wait_time=0.002,
    )


def stop(loader: Loader | None) -> None:
    """End the processes of a loader, if it has any."""
    if isinstance(loader, NonDetMultiThreadedAugmenter):
        loader._finish()


def _is_intensity(transform: BasicTransform) -> bool:
    """Whether a transform, drawn at random or not, changes nothing but the image."""
    inner = transform.transform if isinstance(transform, RandomTransform) else transform
    return isinstance(inner, ImageOnlyTransform)
