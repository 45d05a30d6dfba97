"""In a cascade's second stage: the previous stage's prediction as maps behind both views."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from batchgeneratorsv2.transforms.nnunet.random_binary_operator import (
    ApplyRandomBinaryOperatorTransform,
)
from batchgeneratorsv2.transforms.nnunet.remove_connected_components import (
    RemoveRandomConnectedComponentFromOneHotEncodingTransform,
)
from batchgeneratorsv2.transforms.utils.compose import ComposeTransforms
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunetv2_ducisc.nnunet.two_views import TwoViews

pytestmark = pytest.mark.unit

SHAPE, PATCH = (18, 20, 22), (16, 16, 16)
FOREGROUND = [1, 2, 3]


def transforms(patch=PATCH, dummy_2d=False, use_mask=False) -> ComposeTransforms:
    return nnUNetTrainer.get_training_transforms(
        patch,
        (-0.5, 0.5),
        None,
        tuple(range(len(patch))),
        dummy_2d,
        use_mask_for_norm=[use_mask],
        is_cascaded=True,
        foreground_labels=FOREGROUND,
    )


def views(transform: TwoViews, image: torch.Tensor, predicted: torch.Tensor, seed: int):
    """Image and maps of either view; without a mask of nonzero voxels at the left edge."""
    torch.manual_seed(seed)
    np.random.seed(seed)
    nonzero = torch.zeros_like(predicted)
    nonzero[..., :8] = -1
    segmentation = torch.stack([nonzero, predicted])
    out = transform(image=image[None].clone(), segmentation=segmentation)
    teacher, student = out["image"].chunk(2)
    assert len(teacher) == len(student) == 1 + len(FOREGROUND)
    return teacher[0], teacher[1:], student[0], student[1:]


def prediction(shape=SHAPE) -> torch.Tensor:
    """Three boxes, labeled 1, 2 and 3."""
    labels = torch.zeros(shape, dtype=torch.int16)
    labels[:, 3:9, 3:9] = 1
    labels[:, 10:16, 3:9] = 2
    labels[:, 4:15, 11:17] = 3
    return labels


def always(transform: TwoViews) -> TwoViews:
    """Errors are drawn in every map of every patch."""
    for error in transform.errors.transforms:
        error.apply_probability = error.transform.p_per_label = 1
    return transform


def test_the_maps_lie_where_the_image_lies():
    """The image is 10 times the prediction, so that its gray values say where each label is; only
    at the edges of the boxes may interpolation give another label."""
    transform = TwoViews(transforms(), "weak", 0)
    for seed in range(8):
        image, maps, _, _ = views(transform, 10.0 * prediction(), prediction(), seed)
        for label, one_map in zip(FOREGROUND, maps, strict=True):
            inside = (image - 10 * label).abs() < 0.5
            assert inside.sum() > 100
            assert one_map[inside].mean() > 0.9
            far = (image - 10 * label).abs() > 9
            assert one_map[far].mean() < 0.05


def test_no_intensity_transform_touches_the_maps():
    """With errors out of the way twenty passes leave the student's maps equal to the teacher's,
    while its image is another one."""
    transform = TwoViews(transforms(), "weak", 20)
    transform.errors.transforms = []
    for seed in range(4):
        image = 100.0 + torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))
        teacher_image, teacher, student_image, student = views(transform, image, prediction(), seed)
        assert not torch.equal(teacher_image, student_image)
        assert torch.equal(teacher, student)
        assert set(teacher.unique().tolist()) == {0.0, 1.0}


def test_errors_in_the_prediction_are_the_students_alone():
    """The same draw of geometry without errors is what the teacher sees with them."""
    image = torch.randn(SHAPE)
    plain = TwoViews(transforms(), "weak", 0)
    plain.errors.transforms = []
    with_errors = always(TwoViews(transforms(), "weak", 0))
    for seed in range(4):
        _, expected, _, _ = views(plain, image, prediction(), seed)
        teacher_image, teacher, student_image, student = views(
            with_errors, image, prediction(), seed
        )
        assert torch.equal(teacher, expected)
        assert not torch.equal(student, teacher)
        assert torch.equal(student_image, teacher_image)
        assert set(student.unique().tolist()) <= {0.0, 1.0}


def test_the_same_view_has_the_students_errors_for_both():
    plain = TwoViews(transforms(), "weak", 0)
    same = always(TwoViews(transforms(), "same", 2))
    teacher_image, teacher, student_image, student = views(
        same, torch.randn(SHAPE), prediction(), 0
    )
    assert torch.equal(teacher, student) and torch.equal(teacher_image, student_image)
    assert not torch.equal(teacher, views(plain, torch.randn(SHAPE), prediction(), 0)[1])


def test_the_errors_are_nnunets_two_and_no_intensity_transform():
    transform = TwoViews(transforms(), "weak", 1)
    assert [type(error.transform) for error in transform.errors.transforms] == [
        ApplyRandomBinaryOperatorTransform,
        RemoveRandomConnectedComponentFromOneHotEncodingTransform,
    ]
    plain = nnUNetTrainer.get_training_transforms(PATCH, (-0.5, 0.5), None, (0, 1, 2), False)
    without_cascade = TwoViews(plain, "weak", 1)
    assert list(map(repr, transform.intensity.transforms)) == list(
        map(repr, without_cascade.intensity.transforms)
    )


def test_masking_makes_the_image_zero_and_leaves_the_maps():
    """A label lies left of column 8, where the mask says that there is no image."""
    transform = TwoViews(transforms(use_mask=True), "weak", 2)
    for seed in range(4):
        image = 100.0 + torch.randn(SHAPE)
        teacher_image, teacher, student_image, _ = views(transform, image, prediction(), seed)
        outside = teacher_image == 0
        assert outside.any() and not outside.all()
        assert torch.equal(student_image == 0, outside)
        assert teacher[:, outside].sum() > 50


def test_dummy_2d_augmentation_of_anisotropic_patches_has_maps_too():
    transform = TwoViews(transforms((4, 16, 16), dummy_2d=True), "weak", 1)
    image, maps, _, _ = views(transform, torch.randn(4, 20, 20), prediction((4, 20, 20)), 0)
    assert image.shape == (4, 16, 16) and maps.shape == (3, 4, 16, 16)
    assert all(one_map.any() for one_map in maps)
