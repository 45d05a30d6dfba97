"""The log of an epoch and its figure."""

from __future__ import annotations

import csv

import matplotlib.colors
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from nnunetv2_ducisc.figures import progress_figure, spans_magnitudes
from nnunetv2_ducisc.method.confidence import Counts
from nnunetv2_ducisc.progress import ProgressLog

pytestmark = pytest.mark.unit


def counts(voxels, reliable, images, all_voxels, all_images) -> Counts:
    of_class = (torch.tensor(values) for values in (voxels, reliable, images))
    return Counts(*of_class, all_voxels, all_images)


HALF = torch.tensor([0.5, 0.5])


def semi_supervised_epoch(log: ProgressLog, epoch: int, losses: list[float]):
    for loss in losses:
        values = {"sup": torch.tensor(loss), "cs_ulb": torch.tensor(2 * loss)}
        log.add_step(values, counts([6.0, 2.0], [6.0, 0.5], [1, 1], 8, 1))
    return log.end_epoch(epoch, iteration=len(losses), train_loss=9.0, thresholds=HALF)


def test_a_row_is_the_mean_of_the_epochs_steps():
    """Losses 1, 2 and 6 have the mean 3, and twice that for the other term."""
    row = semi_supervised_epoch(ProgressLog(["background", "organ"]), 0, [1.0, 2.0, 6.0])
    assert row["loss_sup"] == 3 and row["loss_cs_ulb"] == 6
    assert row["pass_rate_organ"] == 0.25 and row["share_background"] == 0.75
    assert row["threshold_organ"] == 0.5


def test_pass_rates_are_of_all_voxels_of_the_epoch_and_absent_classes_have_none():
    """Organ: 0 of 0, then 9 of 10 voxels: 0.9, not their mean 0.45. Vessel: never there."""
    log = ProgressLog(["background", "organ", "vessel"])
    log.add_step({"sup": torch.zeros(())}, counts([10.0, 0, 0], [10.0, 0, 0], [2, 0, 0], 10, 2))
    log.add_step({"sup": torch.zeros(())}, counts([10.0, 10, 0], [5.0, 9, 0], [2, 1, 0], 20, 2))
    row = log.end_epoch(0, iteration=2, train_loss=0.0, thresholds=torch.full((3,), 0.5))
    assert row["pass_rate_organ"] == 0.9 and row["pass_rate_background"] == 0.75
    assert "pass_rate_vessel" not in row and row["share_vessel"] == 0
    assert row["share_organ"] == 1 / 3


def test_the_share_of_patches_is_of_all_patches_of_the_epoch():
    """Two steps of two patches: the organ is in 1 and in 2 of them, three of four."""
    log = ProgressLog(["background", "organ"])
    log.add_step({"sup": torch.zeros(())}, counts([10.0, 1], [0, 0], [2, 1], 11, 2))
    log.add_step({"sup": torch.zeros(())}, counts([10.0, 1], [0, 0], [2, 2], 11, 2))
    row = log.end_epoch(0, iteration=2, train_loss=0.0, thresholds=HALF)
    assert row["patches_organ"] == 0.75 and row["patches_background"] == 1


def test_a_warm_up_epoch_has_nnunets_training_loss_and_no_terms():
    log = ProgressLog(["background", "organ"])
    row = log.end_epoch(0, iteration=5, train_loss=-0.25, thresholds=HALF)
    assert row["loss_sup"] == -0.25
    assert "loss_cs_ulb" not in row and "pass_rate_organ" not in row


def test_an_epoch_does_not_leak_into_the_next():
    log = ProgressLog(["background", "organ"])
    semi_supervised_epoch(log, 0, [100.0])
    assert semi_supervised_epoch(log, 1, [1.0])["loss_sup"] == 1


def test_an_epoch_that_is_trained_again_replaces_what_came_after_the_checkpoint():
    log = ProgressLog(["background", "organ"])
    for epoch in range(3):
        semi_supervised_epoch(log, epoch, [float(epoch)])
    semi_supervised_epoch(log, 1, [7.0])
    assert [(row["epoch"], row["loss_sup"]) for row in log.rows] == [(0, 0.0), (1, 7.0)]


def test_the_csv_has_every_column_and_empty_cells_for_warm_up(tmp_path):
    log = ProgressLog(["background", "organ"])
    log.end_epoch(0, iteration=1, train_loss=1.0, thresholds=HALF)
    semi_supervised_epoch(log, 1, [1.0])
    log.write(tmp_path)
    with (tmp_path / "ducisc_log.csv").open() as file:
        warmup, semi = csv.DictReader(file)
    assert list(semi) == log.columns
    assert warmup["loss_cs_ulb"] == "" and semi["loss_cs_ulb"] == "2.0"
    assert sorted(f.name for f in tmp_path.iterdir()) == ["ducisc_log.csv", "ducisc_progress.png"]


def test_the_figure_is_drawn_in_warm_up_and_is_not_touched_by_nnunets_fonts(tmp_path):
    """nnU-Net's own plot sets seaborn's fonts 2.5 times larger for the whole process."""
    log = ProgressLog(["background", "organ"])
    log.end_epoch(0, iteration=1, train_loss=1.0, thresholds=HALF)
    log.write(tmp_path)
    plain = (tmp_path / "ducisc_progress.png").read_bytes()
    with plt.rc_context({"font.size": 40}):
        log.write(tmp_path)
    assert (tmp_path / "ducisc_progress.png").read_bytes() == plain


def test_shares_are_drawn_of_the_structures_in_the_colors_of_the_thresholds():
    """Beside the background's 0.98 a share that grows from 0.010 to 0.012 would look flat."""
    log = ProgressLog(["background", "organ"])
    semi_supervised_epoch(log, 0, [1.0, 2.0, 6.0])
    panels = progress_figure(log.rows, log.class_names).axes
    background, organ = panels[2].get_lines()
    (share,) = panels[4].get_lines()
    assert share.get_color() == organ.get_color() != background.get_color()
    assert share.get_label() == "organ" and share.get_ydata() == [0.25]


@pytest.mark.parametrize(
    ("values", "spans"),
    [([0.009, 0.013], False), ([0.01, 0.05], False), ([0.01, 0.051], True), ([0.0, 0.01], False)],
)
def test_an_axis_is_logarithmic_where_values_differ_more_than_fivefold(values, spans):
    """Zeros and missing values cannot be shown on such an axis and do not ask for one."""
    assert spans_magnitudes(np.array([*values, np.nan])) == spans


@pytest.mark.parametrize("classes", [2, 10, 11, 40])
def test_no_two_classes_share_a_colour(classes):
    log = ProgressLog([f"class {index}" for index in range(classes)])
    log.end_epoch(0, iteration=1, train_loss=1.0, thresholds=torch.full((classes,), 0.5))
    thresholds = progress_figure(log.rows, log.class_names).axes[2].get_lines()
    assert len({matplotlib.colors.to_hex(line.get_color()) for line in thresholds}) == classes


def test_the_console_line_names_what_the_step_computed():
    log = ProgressLog(["background", "organ"])
    line = log.console_line(semi_supervised_epoch(log, 0, [1.0]))
    assert "sup 1.0000" in line and "cs_ulb 2.0000" in line and "cs_mix" not in line
    assert "thresholds 0.500 0.500; pass rates 1.000 0.250; shares 0.750 0.250" in line
    assert "\n" not in line and "no pseudo label" not in line


def test_the_console_line_says_which_class_the_teacher_has_lost():
    log = ProgressLog(["background", "organ", "vessel"])
    log.add_step({"sup": torch.zeros(())}, counts([8.0, 2, 0], [8.0, 1, 0], [2, 1, 0], 10, 2))
    row = log.end_epoch(0, iteration=1, train_loss=0.0, thresholds=torch.full((3,), 0.5))
    line = log.console_line(row)
    assert "pass rates 1.000 0.500 -" in line
    assert line.endswith("no pseudo label shows vessel")


def test_state_goes_into_a_checkpoint_and_back():
    log, other = ProgressLog(["background", "organ"]), ProgressLog(["background", "organ"])
    semi_supervised_epoch(log, 0, [1.0])
    other.load_state_dict(log.state_dict())
    assert other.rows == log.rows
