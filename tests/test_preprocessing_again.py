"""Only what is missing or has changed is preprocessed, and nothing else is touched."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nnunetv2_ducisc.nnunet.unlabeled_data import UnlabeledData
from tests.tiny_dataset import (
    TinyDataset,
    arrays,
    missing_cases,
    names_of,
    prepare,
    refusal,
    touch_later,
    written,
)

pytestmark = pytest.mark.unit


def test_what_is_current_is_not_touched(two_cases: TinyDataset) -> None:
    data = two_cases.unlabeled()
    assert missing_cases(data) == ["a", "b"]
    folder, cases = prepare(data)
    before = written(folder)
    assert (folder, cases) == (two_cases.folder, ["a", "b"])
    assert set(before) == names_of("a", "b")
    assert missing_cases(data) == []
    assert prepare(data) == (folder, cases)
    assert written(folder) == before


def replace_image(dataset: TinyDataset) -> None:
    dataset.add("b", seed=5)


def touch_image(dataset: TinyDataset) -> None:
    touch_later(dataset.raw / "imagesUn" / "b_0000.nii.gz")


def remove_data(dataset: TinyDataset) -> None:
    (dataset.folder / "b_seg.b2nd").unlink()


def truncate_data(dataset: TinyDataset) -> None:
    os.truncate(dataset.folder / "b.b2nd", 100)


def remove_properties(dataset: TinyDataset) -> None:
    (dataset.folder / "b.pkl").unlink()


def damage_properties(dataset: TinyDataset) -> None:
    os.truncate(dataset.folder / "b.pkl", 20)


def by_somebody_else(dataset: TinyDataset) -> None:
    (dataset.folder / "b.pkl").write_bytes(pickle.dumps({"spacing": [1, 1, 1]}))


@pytest.mark.parametrize(
    "change",
    [
        replace_image,
        touch_image,
        remove_data,
        truncate_data,
        remove_properties,
        damage_properties,
        by_somebody_else,
    ],
)
def test_only_the_case_that_changed_is_done_again(
    two_cases: TinyDataset, change: Callable[[TinyDataset], None]
) -> None:
    data = two_cases.unlabeled()
    folder, _ = prepare(data)
    before = written(folder)
    change(two_cases)
    assert missing_cases(data) == ["b"]
    assert prepare(data)[1] == ["a", "b"]
    after = written(folder)
    assert {name for name in after if before.get(name) != after[name]} == names_of("b")
    assert missing_cases(data) == []


def test_a_changed_image_gives_changed_data(two_cases: TinyDataset) -> None:
    folder, _ = prepare(two_cases.unlabeled())
    before = arrays(folder, "b")[0]
    replace_image(two_cases)
    prepare(two_cases.unlabeled())
    assert not np.array_equal(arrays(folder, "b")[0], before)


@pytest.mark.parametrize(
    "change",
    [
        {"spacing": [3.0, 1.0, 1.0]},
        {"normalization_schemes": ["RescaleTo01Normalization"]},
        {"use_mask_for_norm": [False]},
        {"resampling_fn_data": "no_resampling_data_or_seg_to_shape"},
        {"resampling_fn_data_kwargs": {"is_seg": False, "order": 1}},
        {"preprocessor_name": "AnotherPreprocessor"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_changed_plans_make_every_case_anew(two_cases: TinyDataset, change: dict[str, Any]) -> None:
    prepare(two_cases.unlabeled())
    if change.get("preprocessor_name"):
        assert refusal(two_cases.unlabeled(**change)).startswith(
            "The plans nnUNetPlans name the preprocessor AnotherPreprocessor, but nnU-Net has none"
        )
    else:
        assert missing_cases(two_cases.unlabeled(**change)) == ["a", "b"]


def test_what_shapes_no_data_does_not_count(two_cases: TinyDataset) -> None:
    """A configuration that inherits a data_identifier may have another patch and batch size."""
    prepare(two_cases.unlabeled())
    other = two_cases.unlabeled(patch_size=[16, 16, 16], batch_size=8, ducisc={"seed": 1})
    assert missing_cases(other) == []


def test_plans_read_from_their_file_count_as_the_same(
    two_cases: TinyDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the names of nnU-Net's commands: an id or a name, a configuration, plans."""
    two_cases.write_plans()
    monkeypatch.setenv("nnUNet_raw", str(two_cases.raw.parent))
    monkeypatch.setenv("nnUNet_preprocessed", str(two_cases.preprocessed.parent))
    prepare(two_cases.unlabeled())
    before = written(two_cases.folder)
    expected = (two_cases.folder, ["a", "b"])
    assert prepare(UnlabeledData.named("501", "3d_fullres", "nnUNetPlans")) == expected
    assert prepare(UnlabeledData.named("Dataset501_Tiny", "3d_fullres", "nnUNetPlans")) == expected
    assert written(two_cases.folder) == before
    assert missing_cases(UnlabeledData.named(501, "3d_fullres", "nnUNetPlans")) == []


def test_a_case_whose_image_is_gone_is_kept_but_not_returned(two_cases: TinyDataset) -> None:
    folder, _ = prepare(two_cases.unlabeled())
    (two_cases.raw / "imagesUn" / "a_0000.nii.gz").unlink()
    assert prepare(two_cases.unlabeled()) == (folder, ["b"])
    assert names_of("a") < set(written(folder))
