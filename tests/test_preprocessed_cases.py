"""The cases of a trained model: its split, its unlabeled cases, and their truth on their grid."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK
import torch
from nnunetv2.utilities.label_handling.label_handling import LabelManager
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.nnunet.export import export_model
from nnunetv2_ducisc.nnunet.model_loading import load_model
from nnunetv2_ducisc.nnunet.preprocessed_cases import labeled_cases, maps_of, unlabeled_cases
from nnunetv2_ducisc.nnunet.trained_model import TrainedModel
from nnunetv2_ducisc.nnunet.truth import truth_on_grid
from tests.analyzing import CPU, Analyzing
from tests.tiny_dataset import TinyDataset, write


@pytest.fixture
def analyzing(planned_3d, finished_run, tmp_path, monkeypatch) -> Analyzing:
    found = Analyzing.of(planned_3d, Path(finished_run.output_folder_base), tmp_path)
    found.enter(monkeypatch)
    return found


@pytest.fixture
def model(analyzing) -> TrainedModel:
    return load_model(analyzing.model, "all", "checkpoint_final.pth", CPU)


def test_truth_goes_where_nnunets_preprocessor_would_put_it(tmp_path):
    """A transposed, cropped and resampled case: the same as preprocessing it with its label, but
    for the -1 that nnU-Net writes where the image is zero.
    """
    dataset = TinyDataset(tmp_path, spacing=(1.5, 1.3, 0.9))
    images = dataset.add("a")
    label = tmp_path / "a.nii.gz"
    write(label, np.random.default_rng(0).integers(0, 2, (10, 14, 12)).astype(np.float32))
    plans = PlansManager(dataset.plans)
    configuration = plans.get_configuration("3d_fullres")
    preprocessor = configuration.preprocessor_class(verbose=False)
    data, expected, properties = preprocessor.run_case(
        [str(image) for image in images], str(label), plans, configuration, dataset.dataset_json
    )
    found = truth_on_grid(label, properties, data.shape[1:], plans, configuration)
    assert data.shape[1:] != (14, 10, 12)
    assert found.shape == expected.shape
    inside = expected >= 0
    np.testing.assert_array_equal(found[inside], expected[inside])
    assert found[inside].any()


def test_labeled_cases_are_those_of_the_fold(model, analyzing):
    assert labeled_cases(model).names == ["phantom_000", "phantom_001", "phantom_002"]
    split = [{"train": ["phantom_002", "phantom_000"], "val": ["phantom_001"]}]
    (analyzing.preprocessed / "splits_final.json").write_text(json.dumps(split), encoding="utf-8")
    of_fold_0 = TrainedModel(model.checkpoint, "0", model.predictor, model.networks, model.semi)
    assert labeled_cases(of_fold_0).names == ["phantom_000", "phantom_002"]


def test_unlabeled_cases_have_the_truth_that_was_withheld(model, analyzing):
    (analyzing.raw / "labelsUn/phantom_004.nii.gz").unlink()
    cases = unlabeled_cases(model)
    assert cases is not None and cases.kind == "unlabeled"
    assert cases.names == [f"phantom_00{index}" for index in range(3, 7)]
    assert cases.load("phantom_004").labels is None
    case = cases.load("phantom_003")
    raw = SimpleITK.ReadImage(str(analyzing.raw / "labelsUn/phantom_003.nii.gz"))
    assert case.image.shape == (1, 1, 20, 22, 24) and case.labels is not None
    np.testing.assert_array_equal(case.labels[0, 0].numpy(), SimpleITK.GetArrayFromImage(raw))


def test_a_truth_of_another_shape_is_an_error_with_its_file(model, analyzing):
    write(analyzing.raw / "labelsUn/phantom_003.nii.gz", np.zeros((4, 5, 6), np.float32))
    cases = unlabeled_cases(model)
    assert cases is not None
    with pytest.raises(DuCiSCError, match=r"phantom_003.nii.gz has the shape \(4, 5, 6\)"):
        cases.load("phantom_003")


def test_a_truth_that_cannot_be_read_is_an_error_in_a_sentence(model, analyzing):
    (analyzing.raw / "labelsUn/phantom_003.nii.gz").write_bytes(b"not an image")
    cases = unlabeled_cases(model)
    assert cases is not None
    with pytest.raises(DuCiSCError, match=r"labelsUn/phantom_003.nii.gz cannot be read"):
        cases.load("phantom_003")


def test_without_unlabeled_images_only_a_model_that_needed_them_is_refused(
    model, analyzing, tmp_path
):
    shutil.rmtree(analyzing.raw / "imagesUn")
    with pytest.raises(DuCiSCError, match=r"There is no folder .*imagesUn"):
        unlabeled_cases(model)
    stock = tmp_path / "stock__plans__3d_fullres"
    export_model(analyzing.model, ["all"], "checkpoint_final.pth", stock)
    assert unlabeled_cases(load_model(stock, "all", "checkpoint_final.pth", CPU)) is None


def test_absent_preprocessed_cases_are_an_error_with_the_command(model, analyzing):
    shutil.rmtree(analyzing.preprocessed / "nnUNetPlans_3d_fullres")
    with pytest.raises(DuCiSCError, match="nnUNetv2_preprocess -d 903 -c 3d_fullres -plans_name"):
        labeled_cases(model)


@pytest.mark.unit
def test_where_nnunet_found_no_image_is_background():
    manager = LabelManager({"background": 0, "a": 1}, None)
    maps, annotated = maps_of(torch.tensor([[[-1.0, 0.0, 1.0]]]), manager)
    assert maps.tolist() == [[[1, 1, 0], [0, 0, 1]]] and annotated is None


@pytest.mark.unit
def test_regions_overlap_and_ignored_voxels_are_in_none():
    labels = {"background": 0, "whole": [1, 2], "core": 2, "ignore": 3}
    maps, annotated = maps_of(torch.tensor([[[0.0, 1.0, 2.0, 3.0]]]), LabelManager(labels, [1, 2]))
    assert maps.tolist() == [[[0, 1, 1, 0], [0, 0, 1, 0]]]
    assert annotated is not None and annotated.tolist() == [[[True, True, True, False]]]


@pytest.mark.unit
def test_the_slices_of_a_2d_case_are_a_batch():
    from nnunetv2_ducisc.nnunet.preprocessed_cases import PreprocessedCases

    model = SimpleNamespace(configuration=SimpleNamespace(patch_size=[4, 4]))
    dataset = SimpleNamespace(
        load_case=lambda name: (np.zeros((2, 5, 7, 6)), np.ones((1, 5, 7, 6)), None, {})
    )
    case = PreprocessedCases(model, dataset, None).load("a")  # type: ignore[arg-type]
    assert case.image.shape == (5, 2, 7, 6)
    assert case.labels is not None and case.labels.shape == (5, 1, 7, 6)
