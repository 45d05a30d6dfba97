"""The labeled cases of a raw data set are those that nnU-Net finds."""

import pytest
from nnunetv2.utilities.utils import get_filenames_of_train_images_and_targets

from nnunetv2_ducisc.raw_dataset.dataset import RawDataset
from tests.labeled_raw import LabeledRaw

pytestmark = pytest.mark.unit


def test_cases_that_are_found_by_name_are_those_of_nnunet(tmp_path):
    """Names that begin alike, with dots, and that end like a channel."""
    raw = LabeledRaw(tmp_path, channels=2)
    for case in ("ab", "a_0001", "case.1"):
        raw.add(case)
    found = RawDataset(raw.folder, raw.dataset_json).labeled()
    listed = get_filenames_of_train_images_and_targets(str(raw.folder), dict(raw.dataset_json))
    assert list(found) == sorted(listed) and {"ab", "a_0001", "case.1"} < set(found)
    for case, files in found.items():
        assert [str(image) for image in files.images] == listed[case]["images"]
        assert str(files.label) == listed[case]["label"]
