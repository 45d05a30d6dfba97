"""What is loaded of a trained fold is what its trainer had."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.nnunet.export import export_model
from nnunetv2_ducisc.nnunet.model_loading import load_model
from nnunetv2_ducisc.nnunet.trained_model import TrainedModel
from tests.analyzing import CPU


@pytest.fixture
def folder(finished_run) -> Path:
    return Path(finished_run.output_folder_base)


@pytest.fixture
def model(folder) -> TrainedModel:
    return load_model(folder, "all", "checkpoint_final.pth", CPU)


def test_student_and_teacher_are_those_of_the_trainer(finished_run, model):
    image = torch.randn(1, 1, 16, 16, 16, generator=torch.Generator().manual_seed(0))
    student, _ = model.networks["student"](image)
    teacher, _ = model.networks["teacher"](image)
    with torch.no_grad():
        torch.testing.assert_close(student, finished_run.network.eval()(image)[0])
        torch.testing.assert_close(teacher, finished_run.teacher_network.logits(image)[0])
    assert not torch.equal(student, teacher)
    assert model.labeler == "teacher"


def test_the_features_are_what_the_last_layer_makes_the_logits_of(finished_run, model):
    image = torch.randn(1, 1, 16, 16, 16, generator=torch.Generator().manual_seed(0))
    logits, features = model.networks["student"](image)
    with torch.no_grad():
        head = finished_run.network.decoder.seg_layers[-1]
        torch.testing.assert_close(head(features.clone()), logits.clone())


def test_thresholds_and_log_are_those_at_the_end_of_training(finished_run, model):
    assert model.semi is not None
    assert torch.equal(model.thresholds, finished_run.confidence.in_use)
    assert model.semi.rows == finished_run.progress.rows
    assert model.classes == ["background", "chamber", "wall", "vessel"]
    assert model.foreground == [1, 2, 3]
    assert model.configuration_name == "3d_fullres"


def test_a_stock_checkpoint_has_one_network_that_labels(folder, tmp_path):
    export_model(folder, ["all"], "checkpoint_final.pth", tmp_path / "a__b__3d_fullres")
    model = load_model(tmp_path / "a__b__3d_fullres", "all", "checkpoint_final.pth", CPU)
    assert list(model.networks) == ["network"] and model.labeler == "network"
    assert model.semi is None
    assert model.thresholds.tolist() == [0, 0, 0, 0]


def with_settings(folder: Path, other: Path, **settings: object) -> Path:
    """A copy of the model that says it was trained with these settings."""
    shutil.copytree(folder, other)
    file = other / "fold_all/checkpoint_final.pth"
    checkpoint = torch.load(file, weights_only=False)
    checkpoint["ducisc"]["settings"] |= settings
    torch.save(checkpoint, file)
    return other


@pytest.mark.parametrize("confidence", ["entropy", "monte_carlo"])
def test_a_confidence_without_thresholds_is_refused_by_name(folder, tmp_path, confidence):
    other = with_settings(folder, tmp_path / folder.name, confidence=confidence)
    with pytest.raises(DuCiSCError, match=f"with confidence '{confidence}', which is not a thresh"):
        load_model(other, "all", "checkpoint_final.pth", CPU)


def test_a_fixed_threshold_is_the_same_for_every_class(folder, tmp_path):
    fixed = {"confidence": "probability", "fixed_threshold": 0.875}
    other = with_settings(folder, tmp_path / folder.name, **fixed)
    assert load_model(other, "all", "checkpoint_final.pth", CPU).thresholds.tolist() == [0.875] * 4


def test_where_any_class_may_pass_the_pseudo_label_is_judged_so(folder, tmp_path):
    """Probabilities 0.4, 0.6 of the first two classes, thresholds 0.3 and 0.7: the second fails,
    but the first, which is not the label, is above its own."""
    bounds = {"threshold_min": 0.0, "threshold_max": 1.0}
    thresholds = {"values": torch.tensor([0.3, 0.7, 1.0, 1.0])}
    judged = []
    for confidence in ("self_aware", "any_class"):
        other = with_settings(folder, tmp_path / confidence / folder.name, confidence=confidence)
        file = other / "fold_all/checkpoint_final.pth"
        checkpoint = torch.load(file, weights_only=False)
        checkpoint["ducisc"]["settings"] |= bounds
        checkpoint["ducisc"]["thresholds"] = thresholds
        torch.save(checkpoint, file)
        model = load_model(other, "all", "checkpoint_final.pth", CPU)
        label, reliable = model.judge(torch.tensor([0.4, 0.6, 0, 0]).reshape(1, 4, 1, 1, 1))
        assert label.flatten().tolist() == [0, 1, 0, 0]
        judged.append(reliable.flatten().tolist())
    assert judged == [[False], [True]]


def test_a_fold_that_is_not_there_is_an_error_with_the_command_that_trains_it(folder):
    expected = (
        r"train it with nnUNetv2_train 903 3d_fullres 3 -tr nnUNetTrainerDuCiSC -p finished, or "
        r"name another one with -tr, -c, -p or -f \(folds that are there: all\)"
    )
    with pytest.raises(DuCiSCError, match=expected):
        load_model(folder, "3", "checkpoint_final.pth", CPU)


def test_a_checkpoint_that_is_not_there_is_an_error_that_lists_those_that_are(folder):
    with pytest.raises(DuCiSCError, match=r"but of checkpoints .*checkpoint_final\.pth.*with -chk"):
        load_model(folder, "all", "checkpoint_latest.pth", CPU)


def test_the_teachers_own_checkpoint_is_refused(folder):
    with pytest.raises(DuCiSCError, match="in the place of the student: name the checkpoint of"):
        load_model(folder, "all", "checkpoint_final_teacher.pth", CPU)


def test_a_checkpoint_that_is_none_is_an_error_in_a_sentence(folder, tmp_path):
    broken = tmp_path / "a__b__3d_fullres"
    shutil.copytree(folder, broken)
    (broken / "fold_all/checkpoint_final.pth").write_bytes(b"not a checkpoint")
    with pytest.raises(DuCiSCError, match=r"nnU-Net cannot load .*try nnUNetv2_predict"):
        load_model(broken, "all", "checkpoint_final.pth", CPU)
