"""The figure of a sweep shows Dice and Q of every value."""

import csv
import dataclasses
import json

import numpy as np
import pytest

from nnunetv2_ducisc.benchmark.benchmark import Benchmark
from nnunetv2_ducisc.benchmark.results.sensitivity import Row, sensitivity
from nnunetv2_ducisc.benchmark.results.sensitivity_figure import (
    sensitivity_figure,
    write_sensitivity,
)
from nnunetv2_ducisc.benchmark.results.table import make_table
from nnunetv2_ducisc.evaluation.metrics_file import Row as MetricsRow
from nnunetv2_ducisc.evaluation.metrics_file import Status, write_metrics
from tests.benchmark_plan import Desk

pytestmark = pytest.mark.unit

LOW = "DuCiSC_ema_decay_0.5"


def write(benchmark: Benchmark, method: str, seed: int, fold: str, dice: float, q: object) -> None:
    """What ``ducisc evaluate`` and ``ducisc analyze`` leave of one run."""
    (run,) = (r for r in benchmark.runs if (r.method.name, r.seed, r.fold) == (method, seed, fold))
    run.metrics("student").mkdir(parents=True)
    row = MetricsRow("case", "organ", Status.BOTH, 1.0, 1.0, {"dice": dice})
    write_metrics(run.metrics("student") / "metrics.csv", [row], ("dice",))
    run.report.mkdir()
    other = {"Q": 0.99, "Q_normalized": 0.99}
    matching = {"labeled_cases": ["a"], "student": {"Q": q, "Q_normalized": 0.1}, "teacher": other}
    (run.report / "analysis.json").write_text(
        json.dumps({"semantic_matching": matching}), encoding="utf-8"
    )


def read(benchmark: Benchmark) -> list[Row]:
    tables = [make_table(group, "stock") for group in benchmark.groups]
    return sensitivity(benchmark.groups, tables, benchmark.plan)


@pytest.fixture
def swept(desk: Desk) -> Benchmark:
    """Alpha is 0.5, or 0.99 by itself, in two seeds."""
    desk.content["methods"]["DuCiSC"]["sweep"] = {"ema_decay": [0.5]}
    return desk.plan()


def test_a_row_is_a_value_and_a_seed_with_q_of_the_student(swept):
    for seed in (0, 1):
        write(swept, "stock", seed, "all", 0.5, None)
        write(swept, "DuCiSC", seed, "all", 0.8 + seed / 100, 0.4 + seed / 10)
        write(swept, LOW, seed, "all", 0.7 + seed / 100, 0.3 + seed / 10)
    rows = read(swept)
    assert rows == [
        Row(swept.groups[0].title, "DuCiSC", "ema_decay", *rest, 0.1)
        for rest in (
            (0.5, False, LOW, 0, 0.7, 0.3),
            (0.5, False, LOW, 1, 0.71, 0.4),
            (0.99, True, "DuCiSC", 0, 0.8, 0.4),
            (0.99, True, "DuCiSC", 1, 0.81, 0.5),
        )
    ]


def test_folds_are_averaged_and_one_without_q_leaves_none(desk):
    """0.2 and 0.4 in two folds are 0.3."""
    desk.content |= {"seeds": [0], "folds": [0, 1]}
    desk.entry["labels"] = [5]
    desk.content["methods"]["DuCiSC"]["sweep"] = {"ema_decay": [0.5]}
    swept = desk.plan()
    for method, of_second in (("stock", None), ("DuCiSC", 0.4), (LOW, None)):
        write(swept, method, 0, "0", 0.5, 0.2)
        write(swept, method, 0, "1", 0.7, of_second)
    low, own = read(swept)
    assert own.dice == pytest.approx(0.6) and own.q == pytest.approx(0.3)
    assert low.q is None and low.q_normalized == pytest.approx(0.1)


def test_what_was_not_analyzed_has_dice_alone(desk):
    desk.content["methods"]["DuCiSC"] |= {
        "settings": {"confidence": "monte_carlo"},
        "sweep": {"ema_decay": [0.5]},
    }
    swept = desk.plan()
    for run in swept.runs:
        write(swept, run.method.name, run.seed, "all", 0.5, 0.2)
    assert {(row.dice, row.q, row.q_normalized) for row in read(swept)} == {(0.5, None, None)}


def rows_of(swept: str, setting: str, own: float, values: dict[float, list[float]]) -> list[Row]:
    """Q is half of Dice."""
    return [
        Row("table", swept, setting, value, value == own, "m", seed, dice, dice / 2, None)
        for value, seeds in values.items()
        for seed, dice in enumerate(seeds)
    ]


LAMBDA = {0.0: [0.6, 0.8], 0.1: [0.7, 0.9], 0.5: [0.5, 0.7]}
BETA = {0.9: [0.6, 0.8], 0.99: [0.7, 0.9], 0.999: [0.5, 0.7]}
ROWS = [
    *rows_of("paper", "lambda_cs_ulb", 0.1, LAMBDA),
    *rows_of("paper", "threshold_decay", 0.99, BETA),
]


def test_a_setting_is_a_column_with_dice_above_and_q_below():
    """Means over two seeds at evenly spaced places; the value of the method has a ring."""
    figure = sensitivity_figure(ROWS)
    dice, _, q, beta = figure.axes
    assert dice.get_ylabel().startswith("Dice") and q.get_ylabel().startswith("Q of the student")
    assert beta.get_xlabel() == r"$\beta$: threshold_decay"
    assert [tick.get_text() for tick in beta.get_xticklabels()] == ["0.9", "0.99", "0.999"]
    for panel, factor in ((dice, 1.0), (q, 0.5)):
        line, ring = panel.get_lines()
        assert line.get_xdata().tolist() == [0, 1, 2]
        assert line.get_ydata() == pytest.approx([factor * mean for mean in (0.7, 0.8, 0.6)])
        assert (ring.get_xdata().tolist(), ring.get_ydata().tolist()) == (
            [1],
            pytest.approx([factor * 0.8]),
        )


def test_a_band_is_the_sd_of_the_seeds_and_one_seed_has_none():
    """Two seeds 0.2 apart have a sample's sd of 0.2 / sqrt(2) around 0.6 at the lowest."""
    band = sensitivity_figure(ROWS).axes[0].collections[0].get_paths()[0].vertices
    assert np.min(band[:, 1]) == pytest.approx(0.6 - 0.2 / np.sqrt(2))
    one = sensitivity_figure([row for row in ROWS if row.seed == 0])
    assert not one.axes[0].collections and one.get_supxlabel().startswith("One seed. ")


def test_without_q_there_is_no_panel_of_it():
    figure = sensitivity_figure([dataclasses.replace(row, q=None) for row in ROWS])
    assert len(figure.axes) == 2


def test_two_swept_methods_are_two_lines_over_the_values_of_either():
    """The second one has 0.2 where the first has 0.1, and no value of beta."""
    other = rows_of("other", "lambda_cs_ulb", 0.2, {0.0: [0.4, 0.4], 0.2: [0.3, 0.3]})
    figure = sensitivity_figure(ROWS + other)
    first, _, second, ring = figure.axes[0].get_lines()
    assert first.get_xdata().tolist() == [0, 1, 3] and second.get_xdata().tolist() == [0, 2]
    assert ring.get_xdata().tolist() == [2] and first.get_color() != second.get_color()
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["paper", "other", "the method's own value"]


def test_the_files_are_for_screen_paper_and_programs(tmp_path):
    write_sensitivity(ROWS, tmp_path)
    assert (tmp_path / "sensitivity.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "sensitivity.pdf").read_bytes().startswith(b"%PDF")
    with (tmp_path / "sensitivity.csv").open(newline="", encoding="utf-8") as file:
        first, *others = csv.DictReader(file)
    assert len(others) == 11
    assert first == {
        **{"table": "table", "swept": "paper", "setting": "lambda_cs_ulb", "value": "0.0"},
        **{"is_own": "False", "method": "m", "seed": "0"},
        **{"dice": "0.6", "q": "0.3", "q_normalized": ""},
    }
