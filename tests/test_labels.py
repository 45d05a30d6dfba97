"""nnU-Net's targets as maps, and the ignore label: an ignored voxel moves nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from batchgeneratorsv2.transforms.utils.seg_to_regions import ConvertSegmentationToRegionsTransform
from nnunetv2.utilities.label_handling.label_handling import LabelManager

from nnunetv2_ducisc.method.labeling import ExclusiveClasses, OverlappingRegions
from nnunetv2_ducisc.method.mixing import Mixup, mixed_labels
from nnunetv2_ducisc.method.objective import TERMS, Guide, Objective, StudentView
from nnunetv2_ducisc.method.targets import PrototypeAlignment
from nnunetv2_ducisc.nnunet.labels import class_names, label_maps, labeling_of
from tests.terms import terms_at_once

pytestmark = pytest.mark.unit

PLAIN = {"background": 0, "wall": 2, "chamber": 1}
REGIONS = {"background": 0, "whole": [1, 2], "core": [2]}
IGNORE = {"background": 0, "organ": 1, "ignore": 2}
BOTH = {"background": 0, "whole": [1, 2], "core": [2], "ignore": 3}


def manager(labels: dict) -> LabelManager:
    return LabelManager(labels, [1, 2] if "whole" in labels else None)


def target_of(segmentation: torch.Tensor, labels: LabelManager) -> torch.Tensor:
    """What nnU-Net's own transform makes of a segmentation of shape (1, *spatial)."""
    if not labels.has_regions:
        return segmentation[None]
    regions = list(labels.foreground_regions)
    if labels.has_ignore_label:
        regions.append(labels.ignore_label)
    transform = ConvertSegmentationToRegionsTransform(regions)
    return transform(image=None, segmentation=segmentation)["segmentation"][None]


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (PLAIN, ["background", "chamber", "wall"]),
        (REGIONS, ["whole", "core"]),
        (IGNORE, ["background", "organ"]),
        (BOTH, ["whole", "core"]),
    ],
)
def test_classes_are_named_in_the_order_of_the_networks_outputs(labels, names):
    assert class_names({"labels": labels}, manager(labels)) == names
    assert len(names) == manager(labels).num_segmentation_heads


def test_regions_overlap_and_classes_do_not():
    assert labeling_of(manager(PLAIN)) == ExclusiveClasses(3)
    assert labeling_of(manager(IGNORE)) == ExclusiveClasses(2)
    assert labeling_of(manager(REGIONS)) == labeling_of(manager(BOTH)) == OverlappingRegions()


@pytest.mark.parametrize(
    ("labels", "voxels", "maps", "annotated"),
    [
        (PLAIN, [0, 1, 2], [[1, 0, 0], [0, 1, 0], [0, 0, 1]], None),
        (REGIONS, [0, 1, 2], [[0, 0], [1, 0], [1, 1]], None),
        (IGNORE, [0, 1, 2], [[1, 0], [0, 1], [0, 0]], [True, True, False]),
        (BOTH, [0, 1, 2, 3], [[0, 0], [1, 0], [1, 1], [0, 0]], [True, True, True, False]),
    ],
)
def test_maps_are_those_of_the_outputs_and_zero_where_nobody_has_annotated(
    labels, voxels, maps, annotated
):
    labels = manager(labels)
    segmentation = torch.tensor(voxels, dtype=torch.int16).reshape(1, -1, 1)
    found, known = label_maps(target_of(segmentation, labels), labels)
    assert found.dtype == torch.float32
    assert found[0, :, :, 0].T.tolist() == maps
    assert (known if known is None else known.flatten().tolist()) == annotated
    assert known is None or known.shape == (1, 1, len(voxels), 1)


def terms_and_gradients(labels: dict, ignored_says: float, dimensions: int) -> list[np.ndarray]:
    """All terms and what they teach, with other features and logits in the ignored voxels.

    The labeled image is ignored in its first half; whatever the student says there of the labeled
    and of the mixed image is ``ignored_says`` away from what it says elsewhere.
    """
    generator = torch.Generator().manual_seed(0)
    managed = manager(labels)
    shape, outputs = (4, 3, 2)[:dimensions], managed.num_segmentation_heads
    segmentation = torch.randint(0, managed.ignore_label, (1, *shape), generator=generator)
    segmentation[:, :2] = managed.ignore_label
    y_i, annotated = label_maps(target_of(segmentation, managed), managed)
    labeling = labeling_of(managed)
    teacher = labeling.probabilities(3 * torch.randn((1, outputs, *shape), generator=generator))
    y_j, reliable = labeling.pseudo_label(teacher, torch.full((outputs,), 0.5))
    views = []
    kinds = ("labeled", "unlabeled", "mixed")
    for kind in kinds:
        logits, features = (torch.randn((1, n, *shape), generator=generator) for n in (outputs, 3))
        if kind != "unlabeled":
            logits[:, :, :2] += ignored_says
            features[:, :, :2] -= ignored_says
        views.append(StudentView([logits.requires_grad_()], [features.requires_grad_()]))
    objective = Objective(
        lambdas=dict.fromkeys(TERMS, 1.0),
        scale_weights=(1.0,),
        target=PrototypeAlignment("sum", "each"),
        term_weighting="plain",
        labeling=labeling,
    )
    shares = Mixup(0, 1).shares(torch.tensor([0.4]), y_i)
    guides = {
        "unlabeled": Guide(y_j, reliable),
        "mixed": Guide(*mixed_labels(shares, y_i, annotated, y_j, reliable)),
    }
    terms = terms_at_once(objective, dict(zip(kinds, views, strict=True)), y_i, guides)
    sum(terms.values()).backward()
    leaves = [leaf for view in (views[0], views[2]) for leaf in (*view.logits, *view.features)]
    ignored = [leaf.grad[:, :, :2] for leaf in leaves if leaf.grad is not None]
    assert all(not gradient.any() for gradient in ignored), "an ignored voxel is taught something"
    return [term.detach().numpy() for term in terms.values()] + [
        leaf.grad[:, :, 2:].numpy() for leaf in leaves if leaf.grad is not None
    ]


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("labels", [IGNORE, BOTH])
def test_an_ignored_voxel_moves_no_term_and_no_gradient(labels, dimensions):
    one, other = (terms_and_gradients(labels, value, dimensions) for value in (0.0, 7.0))
    assert len(one) > 4 and all(np.any(value) for value in one)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
