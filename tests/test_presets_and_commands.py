"""ResEnc plans of flat two-channel MRI, and nnU-Net's commands around training.

2d and 3d_fullres with pseudo-2D augmentation and masked normalization: each is trained on a fold
with --npz, killed and continued; then come validation, the choice of the best configuration, the
way through a zip file to a prediction, and a fine-tuning that W&B follows.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import blosc2
import numpy as np
import pytest
import SimpleITK
import torch
from dynamic_network_architectures.architectures.unet import ResidualEncoderUNet

from tests.cascade import trainer_of
from tests.commands import Command, run
from tests.mri_dataset import CASES, CONFIGURATIONS, PLANS, STOCK_PLANS, plan_mri, read_plans
from tests.planned import PlannedDataset, console, wait_for_rows

pytestmark = pytest.mark.e2e

TRAINER = "nnUNetTrainerDuCiSC"
MODEL = ("-tr", TRAINER, "-p", PLANS)
CPU = ("-device", "cpu")

# Weights & Biases in so far as nnU-Net calls it: every value has to be a number.
WANDB = """
import json, os
class Run:
    step = 0
    config = {}
    summary = {}
    def log(self, values, step):
        with open(os.environ["WANDB_LINES"], "a") as lines:
            print(json.dumps({k: float(v) for k, v in values.items()}), file=lines)
def init(**options):
    return Run()
"""


@pytest.fixture(scope="module")
def mri(tmp_path_factory: pytest.TempPathFactory) -> dict[str, PlannedDataset]:
    return plan_mri(tmp_path_factory.mktemp("mri"))


@pytest.fixture(scope="module")
def preprocessed(mri: dict[str, PlannedDataset]) -> Path:
    return mri["2d"].preprocessed


@pytest.fixture(scope="module")
def trained(mri: dict[str, PlannedDataset], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """nnUNet_results: both configurations were killed after an epoch, and finished with --c."""
    results = tmp_path_factory.mktemp("trained")
    for dataset in mri.values():
        killed = train(dataset, results)
        wait_for_rows(fold_of(dataset, results) / "ducisc_log.csv", 2, killed)
        killed.kill()
        killed.wait()
        assert train(dataset, results, "--c").wait() == 0
    return results


def train(dataset: PlannedDataset, results: Path, *options: str) -> Command:
    return Command(
        [console("nnUNetv2_train"), "904", dataset.configuration, "0", *MODEL, *CPU, "--npz"]
        + [*options],
        dataset.environment(results),
    )


def fold_of(dataset: PlannedDataset, results: Path) -> Path:
    return results / dataset.name / f"{TRAINER}__{PLANS}__{dataset.configuration}" / "fold_0"


def environment_of(mri: dict[str, PlannedDataset], results: Path) -> dict[str, str]:
    return mri["2d"].environment(results)


def with_large_images(dataset: PlannedDataset, root: Path) -> PlannedDataset:
    """The same data set with the fingerprint of images so large that presets differ."""
    large = replace(dataset, root=root)
    shutil.copytree(dataset.preprocessed, large.preprocessed)
    large.raw.parent.symlink_to(dataset.raw.parent)
    fingerprint = read_plans(dataset.preprocessed, "dataset_fingerprint")
    fingerprint["shapes_after_crop"] = [[40, 256, 256]] * CASES["Tr"]
    (large.preprocessed / "dataset_fingerprint.json").write_text(
        json.dumps(fingerprint), encoding="utf-8"
    )
    return large


@pytest.mark.parametrize("preset", ["L", "XL"])
def test_the_network_that_a_resenc_preset_plans_is_built_and_gives_its_features(
    mri: dict[str, PlannedDataset], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, preset: str
) -> None:
    """At its full size, for which a training has no time here; M, in small, is trained above."""
    dataset = with_large_images(mri["2d"], tmp_path)
    environment = dataset.environment(tmp_path)
    run(
        *(console("nnUNetv2_plan_experiment"), "-d", "904", "-pl", f"nnUNetPlannerResEnc{preset}"),
        environment=environment | {"nnUNet_n_proc_DA": "1"},
    )
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for configuration in CONFIGURATIONS:
        trainer = trainer_of(dataset, f"nnUNetResEncUNet{preset}Plans", configuration)
        trainer.initialize()
        assert type(trainer.network) is ResidualEncoderUNet
        planned = trainer.configuration_manager.network_arch_init_kwargs
        smallest = 2 * np.prod(planned["strides"], axis=0)
        with torch.no_grad(), trainer.features.recording():
            trainer.network(torch.zeros(1, 2, *smallest))
            channels = [features.shape[1] for features in trainer.features.finest_first]
        assert channels == planned["features_per_stage"][:4] == [32, 64, 128, 256]


def test_unlabeled_channels_are_normalized_within_the_body_alone(
    preprocessed: Path, trained: Path
) -> None:
    """Both channels are standardized where the body is; outside stay zeros, a fifth of the box."""
    for name in CONFIGURATIONS:
        configuration = read_plans(preprocessed, STOCK_PLANS)["configurations"][name]
        assert configuration["use_mask_for_norm"] == [True, True]
        folder = preprocessed / f"{configuration['data_identifier']}_unlabeled"
        cases = [f for f in folder.glob("*.b2nd") if not f.stem.endswith("_seg")]
        assert len(cases) == 3
        for case in cases:
            image = blosc2.open(str(case))[:]
            assert image.shape == (2, 8, 28, 28)
            assert 0.1 < np.mean(image[0] == 0) < 0.4
            for channel in image:
                body = channel[image[0] != 0]
                assert abs(body.mean()) < 0.01 and abs(body.std() - 1) < 0.01


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_a_killed_training_went_on_to_its_last_epoch(
    mri: dict[str, PlannedDataset], trained: Path, configuration: str
) -> None:
    fold = fold_of(mri[configuration], trained)
    with (fold / "ducisc_log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    assert all(row["loss_cs_ulb"] and row["loss_proto_mix"] for row in rows[1:])
    logs = sorted(fold.glob("training_log_*.txt"))
    assert len(logs) == 2
    for log in logs:
        is_flat = configuration == "3d_fullres"
        assert f"do_dummy_2d_data_aug: {is_flat}" in log.read_text(encoding="utf-8")
    assert {file.name for file in (fold / "validation").glob("*.npz")} == {"mri_2.npz"}


def test_the_validation_of_a_finished_training_can_be_repeated_with_the_best_checkpoint(
    mri: dict[str, PlannedDataset], trained: Path, tmp_path: Path
) -> None:
    """In place of the best one lies one whose weights are zero, which sees background alone."""
    fold = fold_of(mri["3d_fullres"], trained)
    kept = shutil.copy(fold / "checkpoint_best.pth", tmp_path)
    best = torch.load(kept, weights_only=False)
    for weight in best["network_weights"].values():
        weight.zero_()
    torch.save(best, fold / "checkpoint_best.pth")
    found = []
    for option in ("--val_best", "--val"):
        (fold / "validation/summary.json").unlink()
        run(
            *(console("nnUNetv2_train"), "904", "3d_fullres", "0", *MODEL, *CPU, "--npz"),
            *{"--val", option},
            environment=environment_of(mri, trained),
        )
        assert (fold / "validation/summary.json").is_file()
        found.append(SimpleITK.ReadImage(str(fold / "validation/mri_2.nii.gz")))
    shutil.copy(kept, fold / "checkpoint_best.pth")
    assert [SimpleITK.GetArrayFromImage(image).any() for image in found] == [False, True]


def test_the_best_configuration_is_found_among_both_and_their_ensemble(
    mri: dict[str, PlannedDataset], trained: Path
) -> None:
    told = run(
        *(console("nnUNetv2_find_best_configuration"), "904", *MODEL, "-np", "1", "-f", "0"),
        *("-c", *CONFIGURATIONS),
        environment=environment_of(mri, trained),
    )
    found = json.loads(
        (trained / mri["2d"].name / "inference_information.json").read_text(encoding="utf-8")
    )
    models = [f"{TRAINER}__{PLANS}__{configuration}" for configuration in CONFIGURATIONS]
    assert set(found["all_results"]) == {*models, "ensemble___" + "___".join(models) + "___0"}
    assert f"-tr {TRAINER}" in told


def test_a_model_predicts_after_the_way_through_a_zip_file(
    mri: dict[str, PlannedDataset], trained: Path, tmp_path: Path
) -> None:
    """Student and teacher of both configurations travel; the teacher of one predicts, too."""
    checkpoints = ("checkpoint_final.pth", "checkpoint_final_teacher.pth")
    packed, installed = tmp_path / "model.zip", tmp_path / "installed"
    installed.mkdir()
    run(
        *(console("nnUNetv2_export_model_to_zip"), "-d", "904", "-o", str(packed), *MODEL),
        *("-c", *CONFIGURATIONS, "-f", "0", "-chk", *checkpoints),
        environment=environment_of(mri, trained),
    )
    elsewhere = environment_of(mri, installed)
    run(
        *(console("nnUNetv2_install_pretrained_model_from_zip"), str(packed)),
        environment=elsewhere,
    )
    images = mri["2d"].raw / "imagesTs"
    for configuration, checkpoint in zip(CONFIGURATIONS, checkpoints, strict=True):
        run(
            *(console("nnUNetv2_predict"), "-d", "904", "-c", configuration, "-f", "0", *MODEL),
            *("-i", str(images), "-o", str(tmp_path / configuration), "-chk", checkpoint),
            *(*CPU, "-npp", "0", "-nps", "0"),
            environment=elsewhere,
        )
        (predicted,) = (tmp_path / configuration).glob("*.nii.gz")
        labels = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(predicted)))
        assert predicted.name == "mri_6.nii.gz" and labels.shape == (8, 40, 40)
        assert labels.max() <= 3


def test_a_fine_tuning_starts_from_the_given_weights(
    mri: dict[str, PlannedDataset], trained: Path, tmp_path: Path
) -> None:
    """Student and teacher: with a learning rate of zero they end there, too.

    nnU-Net does not take over the layers that segment.
    """
    plans = read_plans(mri["2d"].preprocessed, PLANS) | {"plans_name": "tuned"}
    plans["configurations"]["2d"]["ducisc"] |= {
        "num_epochs": 1,
        "warmup_fraction": 0.0,
        "initial_lr": 0.0,
    }
    (mri["2d"].preprocessed / "tuned.json").write_text(json.dumps(plans), encoding="utf-8")
    file = fold_of(mri["2d"], trained) / "checkpoint_final.pth"
    run(
        *(console("nnUNetv2_train"), "904", "2d", "0", "-tr", TRAINER, "-p", "tuned", *CPU),
        *("-pretrained_weights", str(file)),
        environment=environment_of(mri, tmp_path),
    )
    given = weights_in(file)
    fold = tmp_path / mri["2d"].name / f"{TRAINER}__tuned__2d" / "fold_0"
    for checkpoint in ("checkpoint_final.pth", "checkpoint_final_teacher.pth"):
        tuned = weights_in(fold / checkpoint)
        for name in given:
            if ".seg_layers." not in name:
                torch.testing.assert_close(tuned[name], given[name])


def weights_in(checkpoint: Path) -> dict[str, torch.Tensor]:
    return torch.load(checkpoint, weights_only=False)["network_weights"]


def test_wandb_follows_a_fine_tuning_that_keeps_no_checkpoint(
    mri: dict[str, PlannedDataset], trained: Path, tmp_path: Path
) -> None:
    """A stand-in of a few lines takes the place of wandb, which the tests do not install.

    It is in PYTHONPATH of the command alone; that wandb takes what it gets is not tested.
    """
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "wandb.py").write_text(WANDB, encoding="utf-8")
    paths = [str(tmp_path / "modules"), *filter(None, [os.environ.get("PYTHONPATH")])]
    weights = fold_of(mri["2d"], trained) / "checkpoint_final_teacher.pth"
    run(
        *(console("nnUNetv2_train"), "904", "2d", "0", *MODEL, *CPU, "--disable_checkpointing"),
        *("-pretrained_weights", str(weights)),
        environment=environment_of(mri, tmp_path / "tuned")
        | {"nnUNet_wandb_enabled": "1", "WANDB_LINES": str(tmp_path / "lines.txt")}
        | {"PYTHONPATH": os.pathsep.join(paths)},
    )
    fold = fold_of(mri["2d"], tmp_path / "tuned")
    assert (fold / "validation" / "summary.json").is_file() and not list(fold.glob("*.pth"))
    lines = (tmp_path / "lines.txt").read_text(encoding="utf-8").splitlines()
    names = [next(iter(json.loads(line))) for line in lines]
    assert {"train_losses", "ema_fg_dice", "lrs"} <= set(names)
    assert names.count("ducisc/loss_sup") == 3 and names.count("ducisc/loss_cs_ulb") == 2
