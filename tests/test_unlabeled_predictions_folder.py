"""The folder of predicted unlabeled cases: killed, left behind, full, and shared by processes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.nnunet.predicted_cases import read_locations, read_maps
from tests.predicting import predictions, surer_with_the_number
from tests.two_processes import run_in_two


@pytest.mark.unit
def test_an_update_that_was_killed_is_made_again_and_those_of_a_later_epoch_are_forgotten(tmp_path):
    made = predictions(tmp_path, ensembling="temporal", warmup_fraction=0.0)
    made.start(0)
    made.update(surer_with_the_number, 0)
    first = read_maps(tmp_path / "update_0001", "d").copy()
    made.update(surer_with_the_number, 0)
    (tmp_path / ".partial").mkdir()  # of a third one
    (tmp_path / ".partial" / "a.npy").write_bytes(b"half")

    resumed = predictions(tmp_path, ensembling="temporal", warmup_fraction=0.0)
    resumed.updates = 1  # the checkpoint is older than the second
    resumed.start(1)
    assert [f.name for f in tmp_path.iterdir()] == ["update_0001"]
    assert np.array_equal(read_maps(resumed.cases.folder, "d"), first)
    resumed.update(surer_with_the_number, 0)
    resumed.forget_older()
    assert [f.name for f in tmp_path.iterdir()] == ["update_0002"]
    resumed.finish()
    assert not tmp_path.exists()


@pytest.mark.unit
def test_a_new_training_does_not_go_on_from_an_old_ones_predictions(tmp_path):
    old = predictions(tmp_path / "fold", ensembling="temporal", warmup_fraction=0.0)
    old.start(0)
    old.update(surer_with_the_number, 0)
    new = predictions(tmp_path / "fold", ensembling="temporal", warmup_fraction=0.0)
    new.start(0)
    assert not (tmp_path / "fold").exists() and new.cases.folder is None


@pytest.mark.unit
def test_predictions_that_cannot_be_written_leave_those_before_and_say_so(tmp_path):
    made = predictions(tmp_path, ensembling="temporal", warmup_fraction=0.0)
    made.start(0)
    made.update(surer_with_the_number, 0)

    def while_the_disk_goes_away(image: np.ndarray, previous: None) -> torch.Tensor:
        (tmp_path / ".partial").rmdir()
        return surer_with_the_number(image, previous)

    with pytest.raises(DuCiSCError, match=r"could not be written to .* go on with --c"):
        made.update(while_the_disk_goes_away, 0)
    with pytest.raises(FileNotFoundError, match="an image"):  # nothing that room would help with
        made.update(lambda *case: _raise(FileNotFoundError("an image")), 0)
    assert made.updates == 1 and read_maps(tmp_path / "update_0001", "d").any()


def _raise(error: Exception) -> None:
    raise error


def _predict_in_process(rank: int, folder: Path) -> None:
    made = predictions(
        folder / "made",
        ensembling="temporal",
        oversample_pseudo_foreground=0.5,
        warmup_fraction=0.0,
    )
    seen = []
    made.start(0)
    made.update(lambda *case: (seen.append(case[0].max()), surer_with_the_number(*case))[1], 0)
    assert read_locations(made.cases.folder, "d") and read_maps(made.cases.folder, "a").any()
    made.forget_older()
    torch.save(torch.tensor(seen), folder / f"{rank}.pt")


def test_two_processes_predict_half_of_the_cases_each_and_read_them_all(tmp_path):
    run_in_two(_predict_in_process, tmp_path)
    assert [torch.load(tmp_path / f"{rank}.pt").tolist() for rank in (0, 1)] == [[0, 2], [1, 3]]
