"""The unlabeled loader: one geometry, two intensities, and processes that end."""

from __future__ import annotations

import multiprocessing

import numpy as np
import pytest
import torch
from batchgeneratorsv2.transforms.intensity.gamma import GammaTransform
from batchgeneratorsv2.transforms.intensity.gaussian_noise import GaussianNoiseTransform
from batchgeneratorsv2.transforms.utils.compose import ComposeTransforms
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunetv2_ducisc.nnunet.loading import UnlabeledBatch, stop
from nnunetv2_ducisc.nnunet.two_views import TwoViews


def nnunet_transforms(patch, dummy_2d=False, use_mask=False) -> ComposeTransforms:
    mirror_axes = tuple(range(len(patch)))
    return nnUNetTrainer.get_training_transforms(
        patch, (-0.5, 0.5), None, mirror_axes, dummy_2d, use_mask_for_norm=[use_mask]
    )


def views(transform: TwoViews, shape, seed=0):
    torch.manual_seed(seed)
    np.random.seed(seed)
    image = torch.randn(1, *shape)
    segmentation = torch.zeros(1, *shape, dtype=torch.int16)
    segmentation[..., : shape[-1] // 2] = -1
    out = transform(image=image, segmentation=segmentation)
    return out["image"].chunk(2)


@pytest.mark.parametrize(("shape", "patch"), [((20, 20), (16, 16)), ((18, 20, 22), (16, 16, 16))])
def test_every_geometric_transform_is_shared_and_no_intensity_transform_is_the_teachers(
    shape, patch
):
    """Without intensity passes the views are equal; the same draw of geometry is the teacher's
    view with them, since geometry comes first."""
    transforms = nnunet_transforms(patch)
    teacher, plain = views(TwoViews(transforms, "weak", 0), shape)
    assert torch.equal(teacher, plain)
    again, strong = views(TwoViews(transforms, "weak", 20), shape)
    assert torch.equal(again, teacher)
    assert not torch.equal(strong, teacher)
    assert teacher.shape == strong.shape == (1, *patch)


def test_intensity_transforms_keep_the_students_patch_in_place():
    """Twenty passes over a bright cube leave it where the teacher sees it."""
    shape = (18, 20, 22)
    transform = TwoViews(nnunet_transforms((16, 16, 16)), "weak", 2)
    for seed in range(5):
        torch.manual_seed(seed)
        np.random.seed(seed)
        image = torch.zeros(1, *shape)
        image[:, 5:11, 8:16, 4:9] = 10
        out = transform(image=image, segmentation=torch.zeros(1, *shape, dtype=torch.int16))
        teacher, student = out["image"].chunk(2)
        inside = teacher > 5
        assert student[inside].mean() > student[~inside].mean() + 3


def test_the_same_view_is_the_students_for_both():
    teacher, student = views(TwoViews(nnunet_transforms((16, 16)), "same", 2), (20, 20))
    assert torch.equal(teacher, student)


def test_two_passes_draw_every_intensity_transform_twice():
    kinds = [
        type(getattr(t, "transform", t))
        for t in TwoViews(nnunet_transforms((16, 16)), "weak", 2).intensity.transforms
    ]
    assert kinds.count(GaussianNoiseTransform) == 2
    assert kinds.count(GammaTransform) == 4


def test_a_masked_channel_is_zero_outside_the_mask_in_both_views():
    transform = TwoViews(nnunet_transforms((16, 16), use_mask=True), "weak", 3)
    for seed in range(5):
        teacher, student = views(transform, (20, 20), seed)
        outside = teacher == 0
        assert outside.any() and not outside.all()
        assert torch.equal(student == 0, outside)


def test_dummy_2d_augmentation_of_anisotropic_patches_works():
    teacher, student = views(TwoViews(nnunet_transforms((4, 16, 16), True), "weak", 1), (4, 20, 20))
    assert teacher.shape == student.shape == (1, 4, 16, 16)


def test_the_trainers_loader_yields_unlabeled_cases_alone(tiny):
    trainer = tiny.trainer()
    trainer.on_train_start()
    unlabeled = {f.name[:11] for f in (tiny.raw / "imagesUn").iterdir()}
    labeled = {f.name[:11] for f in (tiny.raw / "imagesTr").iterdir()}
    for _ in range(5):
        assert set(UnlabeledBatch.of(next(trainer.dataloader_unlabeled)).cases) <= unlabeled
        assert set(next(trainer.dataloader_train)["keys"]) <= labeled


def test_one_unlabeled_case_fills_a_batch(tiny):
    trainer = tiny.trainer()
    trainer.on_train_start()
    loader = trainer.dataloader_unlabeled.data_loader
    loader.indices = loader.indices[:1]
    batch = UnlabeledBatch.of(next(trainer.dataloader_unlabeled))
    assert batch.cases == [loader.indices[0]] * trainer.batch_size
    assert batch.teacher.shape == (trainer.batch_size, 1, 16, 16, 16)
    assert batch.student.shape == batch.teacher.shape


def test_stop_ends_the_processes_of_a_loader(tiny, monkeypatch):
    monkeypatch.setenv("nnUNet_n_proc_DA", "2")
    trainer = tiny.trainer()
    trainer.on_train_start()
    loaders = (trainer.dataloader_train, trainer.dataloader_val, trainer.dataloader_unlabeled)
    assert len(loaders[2]._processes) == 1  # half of two
    assert UnlabeledBatch.of(next(loaders[2])).cases
    for loader in loaders:
        stop(loader)
    assert not multiprocessing.active_children()


def test_training_ends_its_loaders_when_a_step_fails(tiny, monkeypatch):
    monkeypatch.setenv("nnUNet_n_proc_DA", "1")
    trainer = tiny.trainer()

    def fail(batch):
        raise KeyboardInterrupt

    trainer.train_step = fail
    with pytest.raises(KeyboardInterrupt):
        trainer.run_training()
    assert not multiprocessing.active_children()
