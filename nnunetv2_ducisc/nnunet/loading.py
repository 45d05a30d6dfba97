"""The unlabeled-case dataloader: nnU-Net's loader and transforms, two views of a patch."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
from batchgenerators.dataloading.nondet_multi_threaded_augmenter import (
    NonDetMultiThreadedAugmenter,
)
from batchgenerators.dataloading.single_threaded_augmenter import SingleThreadedAugmenter
from nnunetv2.configuration import default_num_processes
from nnunetv2.paths import nnUNet_raw
from nnunetv2.training.dataloading.data_loader import nnUNetDataLoader
from nnunetv2.training.dataloading.nnunet_dataset import infer_dataset_class, nnUNetBaseDataset
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.default_n_proc_DA import get_allowed_n_proc_DA
from torch import Tensor

from nnunetv2_ducisc.nnunet.predicted_cases import PredictedCases
from nnunetv2_ducisc.nnunet.preprocessing import prepare_unlabeled
from nnunetv2_ducisc.nnunet.previous_stage import PreviousStage
from nnunetv2_ducisc.nnunet.previous_stage_prediction import prepare_predictions
from nnunetv2_ducisc.nnunet.step import replaced
from nnunetv2_ducisc.nnunet.two_views import TwoViews
from nnunetv2_ducisc.nnunet.unlabeled_data import UnlabeledData
from nnunetv2_ducisc.settings import DuCiSCSettings

Loader: TypeAlias = SingleThreadedAugmenter | NonDetMultiThreadedAugmenter


class UnlabeledBatch(NamedTuple):
    """One batch of unlabeled patches, seen twice through one geometry.

    Attributes:
        teacher: what the teacher labels, shape (B, channels, *spatial); the last channels are one
            map a foreground label of the previous stage's prediction, if there is such a stage.
        student: what the student learns from, the same shape.
        cases: the identifiers of the cases the patches are from.
        maps: what was predicted of the cases, cut out with the patch, shape (B, maps, *spatial).
    """

    teacher: Tensor
    student: Tensor
    cases: list[str]
    maps: Tensor

    @classmethod
    def of(
        cls, batch: dict[str, Any], num_maps: int = 0, device: torch.device | str = "cpu"
    ) -> UnlabeledBatch:
        """Take apart what a loader with ``TwoViews`` yields, on the device.

        It travels in one piece: a slice of pinned memory would have to be copied first.
        """
        data = batch["data"].to(device, non_blocking=True)
        views = data.shape[1] - num_maps
        teacher, student = data[:, :views].chunk(2, dim=1)
        # The teacher also sees dense images, mixed ones: other strides want another compiled graph.
        return cls(teacher.contiguous(), student, list(batch["keys"]), data[:, views:])


def unlabeled_cases(trainer: nnUNetTrainer) -> nnUNetBaseDataset:
    """nnU-Net's reader of the trainer's unlabeled cases, which are preprocessed where needed.

    Raises:
        DuCiSCError: there are no unlabeled images, or they cannot be used; or a previous stage has
            not predicted what it should have.
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
    predictions = _predictions_of_previous_stage(trainer, data) if trainer.is_cascaded else None
    # Not the trainer's class: labeled cases may be older npz files.
    return infer_dataset_class(str(folder))(str(folder), cases, predictions)


def unlabeled_loader(
    trainer: nnUNetTrainer,
    settings: DuCiSCSettings,
    cases: nnUNetBaseDataset | PredictedCases,
    num_maps: int = 0,
) -> Loader:
    """nnU-Net's loader over unlabeled cases, with nnU-Net's transforms for two views.

    Args:
        trainer: whose plans and augmentation count.
        settings: how the views differ.
        cases: what ``unlabeled_cases`` returns, with what was predicted of them.
        num_maps: how many maps were.
    """
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
        is_cascaded=trainer.is_cascaded,
        foreground_labels=trainer.label_manager.foreground_labels,
    )
    views = TwoViews(transforms, settings.teacher_view, settings.student_intensity_passes, num_maps)
    dataset_loader = nnUNetDataLoader(
        cases,
        trainer.batch_size,
        initial_patch,
        configuration.patch_size,
        trainer.label_manager,
        oversample_foreground_percent=_share_of_process(
            trainer, settings.oversample_pseudo_foreground
        ),
        transforms=views,
    )
    # It would look for patches with annotated voxels, of which an unlabeled case has none.
    dataset_loader.has_ignore = False
    return in_background(dataset_loader, pin_memory=trainer.device.type == "cuda")


def _share_of_process(trainer: nnUNetTrainer, share: float) -> float:
    """Which share of its patches this process oversamples, by nnU-Net's own rule for a batch."""
    with replaced(trainer, "oversample_foreground_percent", share):
        trainer._set_batch_size_and_oversample()
        return trainer.oversample_foreground_percent


def _predictions_of_previous_stage(trainer: nnUNetTrainer, data: UnlabeledData) -> str:
    """The folder of the previous stage's predictions of the unlabeled cases, made where needed."""
    stage = PreviousStage(data, type(trainer).__name__, str(trainer.fold))
    stage.check_trained()
    training, validation = trainer.do_split()
    stage.check_labeled({*training, *validation})
    folder = prepare_predictions(
        stage, trainer.device, default_num_processes, may_predict=not trainer.is_ddp
    )
    trainer.print_to_log_file(f"Predictions of {stage.name} for the unlabeled cases in {folder}")
    return str(folder)


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


def restarted(loader: Loader) -> Loader:
    """The same loader without the batches that its processes have prepared."""
    if not isinstance(loader, NonDetMultiThreadedAugmenter):
        return loader
    stop(loader)
    return in_background(loader.generator, loader.pin_memory)


def stop(loader: Loader | None) -> None:
    """End the processes of a loader, if it has any."""
    if isinstance(loader, NonDetMultiThreadedAugmenter):
        loader._finish()
