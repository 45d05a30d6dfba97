"""The previous stage's predictions of unlabeled cases: which are made, when, and where.

The first stage has drawn its weights and learned nothing, which is as good for all of this.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import blosc2
import numpy as np
import pytest
import torch
from nnunetv2.training.nnUNetTrainer import nnUNetTrainer

from nnunetv2_ducisc.cli import main
from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.nnunet import loading, previous_stage_prediction
from nnunetv2_ducisc.nnunet.loading import UnlabeledBatch
from nnunetv2_ducisc.nnunet.previous_stage import PreviousStage, previous_stages
from nnunetv2_ducisc.nnunet.previous_stage_prediction import prepare_predictions
from nnunetv2_ducisc.nnunet.unlabeled_data import UnlabeledData
from nnunetv2_ducisc.trainer import nnUNetTrainerDuCiSC
from tests.cascade import FIRST, SECOND, trainer_of, write_cascade_plans
from tests.commands import run
from tests.planned import PlannedDataset, console, plan

TRAINER = "nnUNetTrainerDuCiSC"
COPY = "copy_000"  # the image of phantom_000, which is labeled, as an unlabeled case
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> PlannedDataset:
    """The first stage's model and its predictions of the labeled cases, in ``root/results``."""
    dataset = plan(tmp_path_factory.mktemp("cascade"), dimensions=3)
    images = dataset.raw / "imagesUn"
    shutil.copy(
        dataset.raw / "imagesTr" / "phantom_000_0000.nii.gz", images / f"{COPY}_0000.nii.gz"
    )
    write_cascade_plans(dataset, "cascade", warmup_fraction=0.0)
    environment = dataset.environment(dataset.root / "results")
    command = (console("nnUNetv2_preprocess"), "-d", dataset.dataset_id, "-plans_name", "cascade")
    run(*command, "-c", FIRST, "-np", "1", environment=environment)
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        for module in (nnUNetTrainer, loading):  # nnU-Net's own variable is read at import
            monkeypatch.setattr(module, "default_num_processes", 1)
        first = trainer_of(dataset, "cascade", FIRST)
        first.on_train_start()
        first.save_checkpoint(str(Path(first.output_folder) / "checkpoint_final.pth"))
        first.perform_actual_validation()
    return dataset


@pytest.fixture
def stage(
    trained: PlannedDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PreviousStage]:
    """The first stage in results of its own, with no unlabeled case predicted."""
    results = tmp_path / "results"
    shutil.copytree(trained.root / "results", results)
    for name, value in trained.environment(results).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(loading, "default_num_processes", 1)
    data = UnlabeledData.named(trained.dataset_id, SECOND, "cascade")
    yield PreviousStage(data, TRAINER, "all")


def predicted_at(stage: PreviousStage) -> dict[str, int]:
    """The cases that are predicted whole, and when (ns)."""
    cases = stage.data.cases()
    done = cases.keys() - stage.missing(cases).keys()
    return {case: (stage.folder / f"{case}.b2nd").stat().st_mtime_ns for case in done}


def labels_of(folder: Path, case: str) -> np.ndarray:
    return blosc2.open(str(folder / f"{case}.b2nd"), mode="r")[:]


def redone(stage: PreviousStage, before: dict[str, int]) -> set[str]:
    """The cases that the next training predicts again."""
    prepare_predictions(stage, CPU, 1)
    after = predicted_at(stage)
    assert after.keys() == before.keys()
    return {case for case in before if after[case] != before[case]}


@pytest.fixture
def predicted(stage: PreviousStage) -> dict[str, int]:
    prepare_unlabeled(stage)
    prepare_predictions(stage, CPU, 1)
    return predicted_at(stage)


def prepare_unlabeled(stage: PreviousStage) -> None:
    previous_stage_prediction.prepare_unlabeled(stage.data, 1)


def test_an_unlabeled_case_is_predicted_as_nnunet_predicts_the_labeled_one(stage, predicted):
    """The same image, labeled and unlabeled: the same labels in each voxel, several of them."""
    unlabeled = labels_of(stage.folder, COPY)
    labeled = labels_of(stage.labeled_folder, "phantom_000")
    assert np.array_equal(unlabeled, labeled)
    assert len(np.unique(labeled)) > 1


def test_no_prediction_of_an_unlabeled_case_lies_among_those_of_the_labeled(stage, predicted):
    unlabeled = {file.name[:11] for file in (stage.data.raw_dataset / "imagesUn").iterdir()}
    unlabeled = {name.removesuffix("_00") for name in unlabeled}
    assert predicted.keys() == unlabeled
    assert unlabeled.isdisjoint(file.stem for file in stage.labeled_folder.iterdir())


def test_what_is_predicted_is_not_predicted_again(stage, predicted):
    assert redone(stage, predicted) == set()


def test_another_model_predicts_all_cases_again(stage, predicted):
    os.utime(stage.checkpoint, ns=(1, 1))
    assert redone(stage, predicted) == predicted.keys()


def test_another_image_is_predicted_again(stage, predicted):
    image = stage.data.raw_dataset / "imagesUn" / f"{COPY}_0000.nii.gz"
    os.utime(image)
    prepare_unlabeled(stage)
    assert redone(stage, predicted) == {COPY}


@pytest.mark.parametrize("ending", ["b2nd", "json"])
def test_a_file_that_was_cut_off_is_made_anew(stage, predicted, ending):
    file = stage.folder / f"{COPY}.{ending}"
    os.truncate(file, file.stat().st_size // 2)
    assert COPY not in predicted_at(stage)
    assert redone(stage, predicted) == {COPY}


def test_killed_while_predicting_keeps_what_was_done_and_clears_up(stage, monkeypatch):
    """The second of five cases is written in part when the process ends."""
    prepare_unlabeled(stage)
    resample, jobs = previous_stage_prediction.resample, []

    def killed(job):
        jobs.append(job)
        if len(jobs) == 2:
            job.folder.mkdir()
            (job.folder / f"{job.folder.name}.b2nd").write_bytes(b"half")
            shutil.copytree(job.folder.parent, f"{job.folder.parent}-of-a-killed-process")
            raise KeyboardInterrupt
        return resample(job)

    monkeypatch.setattr(previous_stage_prediction, "resample", killed)
    with pytest.raises(KeyboardInterrupt):
        prepare_predictions(stage, CPU, 1)
    done = predicted_at(stage)
    assert done.keys() == {jobs[0].folder.name}
    monkeypatch.setattr(previous_stage_prediction, "resample", resample)
    prepare_predictions(stage, CPU, 1)
    after = predicted_at(stage)
    assert len(after) == 5 and after.items() >= done.items()
    assert {file.name for file in stage.folder.parent.iterdir()} == {SECOND, f"{SECOND}.lock"}


def test_killed_between_a_prediction_and_its_stamp_leaves_neither_for_current(
    stage, predicted, monkeypatch
):
    """Another model predicts, and the process ends when one of the first case's two files lies in
    its place beside the former model's."""
    os.utime(stage.checkpoint, ns=(1, 1))
    moves, replace = [], Path.replace

    def killed(self, target):
        moves.append(target)
        if len(moves) == 2:
            raise KeyboardInterrupt
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        prepare_predictions(stage, CPU, 1)
    assert moves[0].stem == moves[1].stem and predicted_at(stage) == {}
    assert not moves[0].with_suffix(".json").exists()
    monkeypatch.setattr(Path, "replace", replace)
    assert redone(stage, predicted) == predicted.keys()


def test_worker_processes_write_the_same_predictions(stage, predicted):
    before = {case: labels_of(stage.folder, case) for case in predicted}
    shutil.rmtree(stage.folder)
    prepare_predictions(stage, CPU, 2)
    for case, labels in before.items():
        assert np.array_equal(labels_of(stage.folder, case), labels)


def test_predicting_draws_nothing_from_the_trainings_random_generators(stage):
    prepare_unlabeled(stage)
    torch.manual_seed(0)
    np.random.seed(0)
    prepare_predictions(stage, CPU, 1)
    draws = torch.rand(1), np.random.rand()
    torch.manual_seed(0)
    np.random.seed(0)
    assert draws == (torch.rand(1), np.random.rand())


def test_on_several_gpus_a_missing_prediction_is_an_error_that_names_the_command(stage):
    prepare_unlabeled(stage)
    sentence = rf"5 of 5 .*run ducisc preprocess -d 903 -c {SECOND} -p cascade -f all before"
    with pytest.raises(DuCiSCError, match=sentence):
        prepare_predictions(stage, CPU, 1, may_predict=False)
    prepare_predictions(stage, CPU, 1)
    assert prepare_predictions(stage, CPU, 1, may_predict=False) == stage.folder


def test_a_stage_that_is_not_trained_is_named_with_the_command_that_trains_it(trained, stage):
    stage.checkpoint.unlink()
    sentence = rf"nnUNetv2_train 903 {FIRST} all -tr {TRAINER} -p cascade\."
    with pytest.raises(DuCiSCError, match=sentence):
        trainer_of(trained, "cascade", SECOND).on_train_start()


def test_a_labeled_case_without_a_prediction_is_named_with_the_command(trained, stage):
    (stage.labeled_folder / "phantom_001.b2nd").unlink()
    sentence = rf"1 labeled cases, phantom_001 .*nnUNetv2_train 903 {FIRST} FOLD .*--val"
    with pytest.raises(DuCiSCError, match=sentence):
        trainer_of(trained, "cascade", SECOND).on_train_start()


def test_a_model_that_is_cut_off_is_named(stage):
    prepare_unlabeled(stage)
    os.truncate(stage.checkpoint, 1000)
    with pytest.raises(DuCiSCError, match=r"cannot load .*checkpoint_final\.pth.*train it again"):
        prepare_predictions(stage, CPU, 1)


def test_the_second_stage_learns_from_image_and_maps(trained, stage):
    """One channel and three labels: both views have four, and so has what the student mixes."""
    trainer = trainer_of(trained, "cascade", SECOND)
    trainer.on_train_start()
    trainer.on_epoch_start()
    trainer.on_train_epoch_start()
    batch = UnlabeledBatch.of(next(trainer.dataloader_unlabeled))
    labeled = next(trainer.dataloader_train)
    assert batch.teacher.shape == batch.student.shape == labeled["data"].shape == (2, 4, 16, 16, 16)
    assert set(batch.teacher[:, 1:].unique().tolist()) <= {0.0, 1.0}
    assert np.isfinite(trainer.train_step(labeled)["loss"])


def test_two_trainers_predict_into_folders_of_their_own(stage):
    class nnUNetTrainerOther(nnUNetTrainerDuCiSC): ...

    other = dataclasses.replace(stage, trainer=nnUNetTrainerOther.__name__)
    another_fold = dataclasses.replace(stage, fold="0")
    assert len({stage.folder, other.folder, another_fold.folder}) == 3
    assert f"-tr {other.trainer} -f all" in other.command()


def test_the_command_predicts_for_each_trained_fold(stage, capsys):
    shutil.copytree(stage.checkpoint.parent, stage.model / "fold_2")
    command = ["preprocess", "-d", "903", "-c", SECOND, "-p", "cascade", "-np", "1"]
    assert main([*command, "-device", "cpu"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert [line.partition(" has predicted")[0] for line in told[1:]] == [
        f"{FIRST}, fold 2,",
        f"{FIRST}, fold all,",
    ]
    assert len(predicted_at(stage)) == 5
    assert main([*command, "-f", "1"]) == 1
    assert f"nnUNetv2_train 903 {FIRST} 1 -tr {TRAINER}" in capsys.readouterr().err


def test_folds_are_refused_where_no_previous_stage_predicts(stage):
    fullres = UnlabeledData.named("903", "3d_fullres", "cascade")
    assert previous_stages(fullres, TRAINER, None) == []
    with pytest.raises(DuCiSCError, match="3d_fullres has no previous stage"):
        previous_stages(fullres, TRAINER, ["0"])
