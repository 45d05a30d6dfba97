"""Learning curves show what the trainings logged."""

import matplotlib
import numpy as np
import pytest
import torch

from nnunetv2_ducisc.benchmark.benchmark import Benchmark
from nnunetv2_ducisc.benchmark.results.curves import curves_figure, draw_curves, read_curves
from nnunetv2_ducisc.errors import DuCiSCError
from tests.benchmark_plan import Desk

pytestmark = pytest.mark.unit


@pytest.fixture
def benchmark(desk: Desk) -> Benchmark:
    """Two seeds of two epochs; the loss of stock is 1 and 0 in seed 0, 2 and 1 in seed 1."""
    desk.content |= {"epochs": 2, "iterations_per_epoch": 30}
    planned = desk.plan()
    for run in planned.runs:
        run.training.mkdir(parents=True)
        log = {"train_losses": [run.seed + 1.0, run.seed], "mean_fg_dice": [0.2, 0.4]}
        checkpoint = {"trainer_name": "nnUNetTrainer", "logging": log, "ducisc": {"version": "0"}}
        if run.method.name == "DuCiSC":
            checkpoint["ducisc"]["progress"] = {"rows": [{"loss_sup": 5.0}, {"loss_sup": 3.0}]}
        torch.save(checkpoint, run.training / "checkpoint_final.pth")
    return planned


def test_the_loss_is_that_of_the_labeled_cases(benchmark):
    """nnU-Net's training loss of a DuCiSC run holds the method's terms, its own log does not."""
    curves = {run.method.name: read_curves(run) for run in benchmark.runs if run.seed == 1}
    assert curves["stock"].loss.tolist() == [2, 1]
    assert curves["DuCiSC"].loss.tolist() == [5, 3]
    assert curves["stock"].iterations.tolist() == [30, 60]
    assert curves["stock"].pseudo_dice.tolist() == [0.2, 0.4]


def test_a_checkpoint_that_was_removed_leaves_a_table_and_a_sentence(benchmark):
    gone = benchmark.runs[0].training / "checkpoint_final.pth"
    gone.unlink()
    with pytest.raises(DuCiSCError) as caught:
        curves_figure(benchmark.groups)
    assert str(caught.value) == (
        "The table is there, but without learning curves: that of "
        f"{benchmark.runs[0].name} is in {gone}, which is gone: put it back and repeat the command."
    )


def test_a_line_is_the_mean_of_the_seeds_and_a_band_reaches_all_of_them(benchmark):
    left, right = curves_figure(benchmark.groups).axes
    stock, ducisc = left.get_lines()
    assert (stock.get_label(), ducisc.get_label()) == ("stock", "DuCiSC")
    assert stock.get_ydata().tolist() == [1.5, 0.5]
    band = left.collections[0].get_paths()[0].vertices
    assert np.min(band[:, 1]) == 0 and np.max(band[:, 1]) == 2
    assert right.get_title() == "patches of training cases"


def test_the_figure_is_written_for_screen_and_paper(benchmark, tmp_path):
    draw_curves(benchmark.groups, tmp_path)
    assert (tmp_path / "learning_curves.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "learning_curves.pdf").read_bytes().startswith(b"%PDF")


def test_many_methods_have_a_legend_that_fits_and_a_color_each(desk, tmp_path):
    """Of 24 methods with long names, as a sweep has them."""
    names = [f"paper_lambda_proto_ulb_0.{number:02}" for number in range(24)]
    desk.content |= {"epochs": 2, "seeds": [0]}
    desk.content["methods"] = {name: {"trainer": "nnUNetTrainer_seeded"} for name in names}
    planned = desk.plan()
    for run in planned.runs:
        run.training.mkdir(parents=True)
        log = {"train_losses": [1.0, 0.0], "mean_fg_dice": [0.2, 0.4]}
        torch.save(
            {"trainer_name": "nnUNetTrainer", "logging": log}, run.training / "checkpoint_final.pth"
        )
    with matplotlib.rc_context(matplotlib.rcParamsDefault):  # as draw_curves sets it
        figure = curves_figure(planned.groups)
        figure.savefig(tmp_path / "many.png", dpi=150)
    legend = figure.legends[0].get_window_extent()
    assert legend.x0 >= 0 and legend.x1 <= figure.bbox.x1
    left = figure.axes[0]
    assert len({tuple(line.get_color()) for line in left.get_lines()}) == 24
    assert left.get_window_extent().height > 0.5 * (figure.bbox.height - legend.height)
