"""Whole unlabeled cases, predicted every few epochs: Table IX, and foreground to sample."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.training.dataloading.data_loader import nnUNetDataLoader
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.method.confidence import FixedThreshold
from nnunetv2_ducisc.method.labeling import ExclusiveClasses, OverlappingRegions
from nnunetv2_ducisc.nnunet.case_predictor import CasePredictor
from nnunetv2_ducisc.nnunet.features import plain_network
from nnunetv2_ducisc.nnunet.generations import Generations
from nnunetv2_ducisc.nnunet.predicted_cases import read_maps, write_locations
from nnunetv2_ducisc.nnunet.pseudo_foreground import confident_foreground
from nnunetv2_ducisc.nnunet.stacked import Stacked
from nnunetv2_ducisc.nnunet.two_views import TwoViews
from tests.planned import started
from tests.predicting import SHAPE, TEMPORAL, FourCases, predictions, surer_with_the_number

# --- When ----------------------------------------------------------------------------------------


@pytest.mark.unit
def test_cases_are_predicted_before_the_first_semi_supervised_epoch_and_every_interval(tmp_path):
    """Warm-up is half of 45 epochs, so that it ends inside epoch 22."""
    made = predictions(tmp_path, ensembling="temporal", num_epochs=45, warmup_fraction=0.5)
    due = []
    for epoch in range(45):
        if made.is_due(epoch):
            due.append(epoch)
            made.updates += 1
    assert due == [22, 32, 42]


@pytest.mark.unit
def test_nothing_is_predicted_by_default(tmp_path):
    made = predictions(tmp_path / "none")
    assert not any(made.is_due(epoch) for epoch in range(1000)) and made.num_maps == 0
    cases = FourCases()
    assert made.added_to(cases) is cases
    made.start(0)
    assert not (tmp_path / "none").exists()


# --- What is kept --------------------------------------------------------------------------------


@pytest.mark.unit
@pytest.mark.parametrize(
    ("labeling", "kept"), [(ExclusiveClasses(3), 2), (OverlappingRegions(), 3)]
)
def test_foreground_is_all_that_has_to_be_kept(labeling, kept):
    probabilities = labeling.probabilities(torch.randn(2, 3, 4, 5, dtype=torch.float64))
    foreground = labeling.foreground(probabilities)
    assert foreground.shape == (2, kept, 4, 5)
    torch.testing.assert_close(labeling.with_background(foreground), probabilities)


@pytest.mark.unit
def test_beyond_the_border_there_is_background():
    """Nothing was predicted there, so that all maps are zero."""
    nothing = torch.zeros(1, 2, 3, 3)
    assert ExclusiveClasses(3).with_background(nothing)[0, :, 0, 0].tolist() == [1, 0, 0]
    label, _ = OverlappingRegions().pseudo_label(nothing, torch.tensor([0.5, 0.5]))
    assert not label.any()


@pytest.mark.unit
def test_the_maps_on_disk_are_the_average_of_all_predictions(tmp_path):
    """Probability 1 / (1 + e^-n) of image n, then one half, with alpha 0.6.

    The weights are 0.6 / 1.6 and 1 / 1.6. Half precision rounds by 2^-12 at most, twice.
    """
    made = predictions(tmp_path, ensembling="temporal", warmup_fraction=0.0)
    made.start(0)
    made.update(surer_with_the_number, 0)
    made.update(lambda image, _: torch.zeros(2, *image.shape[1:]), 0)
    for number, name in enumerate(FourCases.identifiers):
        expected = 0.375 / (1 + np.exp(-number)) + 0.625 * 0.5
        maps = read_maps(tmp_path / "update_0002", name)
        assert maps.shape == (1, *SHAPE) and maps.dtype == np.float16
        assert maps.astype(float) == pytest.approx(expected, abs=2 * 2**-12)


@pytest.mark.unit
def test_voxels_that_are_foreground_and_sure_are_found_in_nnunets_form():
    """Threshold 0.9: 0.95 of class 1 counts; 0.8 of class 1 and 0.95 of background do not."""
    probabilities = torch.zeros(3, 2, 2, 2)
    probabilities[0] = 0.95
    probabilities[:, 0, 1, 1] = torch.tensor([0.05, 0.95, 0.0])
    probabilities[:, 1, 0, 1] = torch.tensor([0.2, 0.8, 0.0])
    labeling = ExclusiveClasses(3)
    found = confident_foreground(probabilities, labeling, FixedThreshold(labeling, 3, 0.9), 0)
    assert sorted(found) == [1, 2] and found[1].tolist() == [[0, 0, 1, 1]] and len(found[2]) == 0


@pytest.mark.unit
def test_a_region_is_found_where_it_is_sure_to_be_and_not_where_it_is_sure_to_be_absent():
    probabilities = torch.full((2, 2, 2, 2), 0.01)
    probabilities[1, 1, 0, 0] = 0.99
    labeling = OverlappingRegions()
    found = confident_foreground(probabilities, labeling, FixedThreshold(labeling, 2, 0.9), 0)
    assert len(found[1]) == 0 and found[2].tolist() == [[0, 1, 0, 0]]


@pytest.mark.unit
def test_only_sure_cases_have_foreground_to_sample(tmp_path):
    """Of images 0 to 3 the foreground has probability 0.5, 0.73, 0.88 and 0.95: one passes 0.9."""
    made = predictions(tmp_path, oversample_pseudo_foreground=0.33, warmup_fraction=0.0)
    made.start(0)
    line = made.update(surer_with_the_number, 0)
    assert "Predicted 4 unlabeled cases" in line and "update 1" in line
    found = {name: made.cases.load_case(name)[3]["class_locations"] for name in "abcd"}
    assert [len(found[name][1]) for name in "abc"] == [0, 0, 0] and len(found["d"][1]) > 100
    assert not list((tmp_path / "update_0001").glob("*.npy")), "no maps were asked for"


# --- How it is read ------------------------------------------------------------------------------


@pytest.mark.unit
def test_stacked_arrays_are_cut_as_one():
    first, second = np.random.rand(2, *SHAPE), np.random.rand(1, *SHAPE)
    stacked, region = Stacked(first, second), (slice(None), slice(1, 3), slice(0, 7), slice(2, 4))
    assert stacked.shape == (3, *SHAPE)
    assert np.array_equal(stacked[region], np.concatenate([first, second])[region])
    with pytest.raises(ValueError, match="all belong together"):
        stacked[slice(0, 1), slice(1, 3)]


@pytest.mark.unit
@pytest.mark.parametrize("patch", [(16, 16), (16, 16, 16)])
def test_maps_go_through_the_geometry_of_the_patch_alone(patch):
    """A map that is the image itself becomes the teacher's view, which has no other transform."""
    transforms = nnUNetTrainer.get_training_transforms(
        patch, (-0.5, 0.5), None, tuple(range(len(patch))), None, use_mask_for_norm=[False]
    )
    views = TwoViews(transforms, "weak", 2, num_maps=1)
    for seed in range(5):
        torch.manual_seed(seed)
        np.random.seed(seed)
        image = torch.randn(1, *(side + 4 for side in patch))
        data = torch.cat([image, image])
        seen = views(image=data, segmentation=torch.zeros_like(image).short())["image"]
        teacher, student, maps = seen
        assert torch.equal(teacher, maps) and not torch.equal(student, maps)


def test_a_patch_that_is_to_show_foreground_does(tiny):
    """One confident voxel in a case, marked in its map: the second patch of two always has it."""
    trainer = started(tiny.trainer(**TEMPORAL, oversample_pseudo_foreground=0.33))
    cases, folder = trainer.predictions.cases, trainer.predictions.cases.folder
    for name in cases.identifiers:
        maps = np.zeros((3, *cases.cases.load_case(name)[0].shape[1:]), np.float16)
        maps[1, 3, 4, 5] = 1
        np.save(folder / f"{name}.npy", maps)
        locations = {1: np.empty((0, 4), int), 2: np.array([[0, 3, 4, 5]])}
        write_locations(folder, name, locations)
    loader = nnUNetDataLoader(
        cases, 2, (8, 8, 8), (8, 8, 8), trainer.label_manager, oversample_foreground_percent=0.33
    )
    shown = np.array([next(loader)["data"][:, 2].amax((1, 2, 3)).numpy() for _ in range(30)])
    assert shown[:, 1].all() and not shown[:, 0].all()


# --- The trainer ---------------------------------------------------------------------------------


def stock_probabilities(trainer: Any, name: str) -> torch.Tensor:
    """Of the student, by nnU-Net's predictor alone."""
    predictor = nnUNetPredictor(use_mirroring=False, device=trainer.device, allow_tqdm=False)
    student = plain_network(trainer.network)
    student.decoder.deep_supervision = False
    predictor.manual_initialization(
        *(student, trainer.plans_manager, trainer.configuration_manager, None),
        *(trainer.dataset_json, "nnUNetTrainer", None),
    )
    image = trainer.predictions.cases.cases.load_case(name)[0]
    return (
        predictor.predict_sliding_window_return_logits(torch.from_numpy(image[:]))
        .float()
        .softmax(0)
    )


def test_the_first_maps_are_what_nnunet_predicts_with_the_student(tiny):
    trainer = started(tiny.trainer(**TEMPORAL))
    for name in trainer.predictions.cases.identifiers:
        maps = torch.from_numpy(read_maps(trainer.predictions.cases.folder, name).copy()).float()
        expected = stock_probabilities(trainer, name)[1:]
        torch.testing.assert_close(maps, expected, rtol=0, atol=2**-11)


def test_a_network_that_has_predicted_trains_on_as_before(tiny):
    trainer = started(tiny.trainer(**TEMPORAL))
    student = plain_network(trainer.network)
    assert student.training and student.decoder.deep_supervision
    image = torch.zeros(1, 16, 16, 16)
    logits = CasePredictor(trainer, student).logits(image.numpy(), None)
    assert logits.shape == (4, 16, 16, 16) and not logits.requires_grad
    assert student.training and student.decoder.deep_supervision


def test_the_ensemble_labels_and_the_teacher_is_not_asked(tiny):
    trainer = started(tiny.trainer(**TEMPORAL))
    trainer.teacher.module.register_forward_pre_hook(lambda *_: pytest.fail("it was asked"))
    trainer.train_step(next(trainer.dataloader_train))


def test_a_training_whose_predictions_are_gone_is_not_continued(tiny, tmp_path):
    trainer = started(tiny.trainer(**TEMPORAL))
    trainer.save_checkpoint(str(tmp_path / "checkpoint_latest.pth"))
    Generations(Path(trainer.output_folder) / "unlabeled_predictions").keep_only(0)
    resumed = tiny.trainer(**TEMPORAL)
    resumed.load_checkpoint(str(tmp_path / "checkpoint_latest.pth"))
    with pytest.raises(DuCiSCError, match=r"no .*update_0001.*put the folder back"):
        resumed.on_train_start()


@pytest.mark.unit
def test_a_training_is_not_continued_with_a_case_that_has_no_prediction(tmp_path):
    """Zeros in its place would say that all of it is background."""
    made = predictions(tmp_path, ensembling="temporal", warmup_fraction=0.0)
    made.start(0)
    made.update(surer_with_the_number, 0)
    (tmp_path / "update_0001" / "c.npy").unlink()
    resumed = predictions(tmp_path, ensembling="temporal", warmup_fraction=0.0)
    resumed.updates = 1
    with pytest.raises(DuCiSCError, match=r"^c came into imagesUn after .* take it out again"):
        resumed.start(1)


@pytest.mark.unit
def test_without_an_average_a_new_case_is_taken_up_by_the_next_prediction(tmp_path):
    made = predictions(tmp_path, oversample_pseudo_foreground=0.33, warmup_fraction=0.0)
    made.start(0)
    made.update(surer_with_the_number, 0)
    (tmp_path / "update_0001" / "d.pkl").unlink()
    resumed = predictions(tmp_path, oversample_pseudo_foreground=0.33, warmup_fraction=0.0)
    resumed.updates = 1
    resumed.start(1)
    assert resumed.cases.load_case("d")[3]["class_locations"] == {}
    resumed.update(surer_with_the_number, 0)
    assert len(resumed.cases.load_case("d")[3]["class_locations"][1]) > 100


def test_a_finished_training_is_continued_without_its_predictions(tiny):
    """With --c nnU-Net validates again; no epoch is left, and the folder is gone."""
    settings = {**TEMPORAL, "num_epochs": 1, "plans_name": "finished_temporal"}
    trainer = tiny.trainer(**settings)
    trainer.run_training()
    final = Path(trainer.output_folder) / "checkpoint_final.pth"
    assert final.is_file() and not (final.parent / "unlabeled_predictions").exists()
    again = tiny.trainer(**settings)
    again.load_checkpoint(str(final))
    again.run_training()
    assert again.iteration == 2
