"""What is refused before training starts, and the names of the classes."""

from __future__ import annotations

import pytest
from nnunetv2.utilities.label_handling.label_handling import LabelManager
from nnunetv2.utilities.plans_handling.plans_handler import ConfigurationManager

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.nnunet.support import check_supported, class_names

pytestmark = pytest.mark.unit

PLAIN = {"background": 0, "wall": 2, "chamber": 1}
REGIONS = {"background": 0, "whole": [1, 2], "core": [2]}
IGNORE = {"background": 0, "organ": 1, "ignore": 2}


def configuration(**entries) -> ConfigurationManager:
    return ConfigurationManager({"architecture": {}} | entries)


def test_plain_labels_are_supported():
    check_supported(configuration(), LabelManager(PLAIN, None))


@pytest.mark.parametrize(
    ("what", "entries", "labels"),
    [
        ("region-based labels", {}, LabelManager(REGIONS, [1, 2])),
        ("an ignore label", {}, LabelManager(IGNORE, None)),
        ("a cascade's second stage", {"previous_stage": "3d_lowres"}, LabelManager(PLAIN, None)),
    ],
)
def test_what_would_train_wrongly_is_refused_by_name_with_the_way_out(what, entries, labels):
    with pytest.raises(DuCiSCError, match=rf"has {what}.*-tr nnUNetTrainerDuCiSC_supervised"):
        check_supported(configuration(**entries), labels)


@pytest.mark.parametrize(
    ("labels", "order", "names"),
    [
        (PLAIN, None, ["background", "chamber", "wall"]),
        (REGIONS, [1, 2], ["whole", "core"]),
        (IGNORE, None, ["background", "organ"]),
    ],
)
def test_classes_are_named_in_the_order_of_the_networks_outputs(labels, order, names):
    manager = LabelManager(labels, order)
    assert class_names({"labels": labels}, manager) == names
    assert len(names) == manager.num_segmentation_heads
