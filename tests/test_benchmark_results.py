"""What a benchmark ends with: a folder for each plan, by one process, with a true note."""

import json
import os
import threading

import pytest
import torch

from nnunetv2_ducisc.benchmark.benchmark import Benchmark
from nnunetv2_ducisc.benchmark.execution.here import run_here
from nnunetv2_ducisc.benchmark.results.opening import note_opening, predicted_after_opening
from nnunetv2_ducisc.benchmark.session import run_benchmark, run_unit
from nnunetv2_ducisc.benchmark.units.lock import locked
from nnunetv2_ducisc.benchmark.units.unit import Unit, _plain
from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.evaluation.metrics_file import Row, Status, write_metrics
from tests.benchmark_plan import Desk, write_products

pytestmark = pytest.mark.unit


def finish(unit: Unit, ended: float) -> None:
    """As if its steps were done, the last of them at a time in seconds since 1970."""
    unit.folder.mkdir(parents=True, exist_ok=True)
    write_products(unit)
    recipe, inputs = _plain(unit.recipe), _plain(unit.inputs)
    state = {"recipe": recipe, "inputs": inputs, "seconds": dict.fromkeys(unit.steps, 1.0)}
    (unit.folder / "state.json").write_text(json.dumps(state | {"ended": ended}), encoding="utf-8")


def finished(desk: Desk) -> Benchmark:
    """All units are done at 1000 seconds, and every run has Dice 0.5 in the only case."""
    desk.content |= {"epochs": 1}
    benchmark = desk.plan()
    for unit in benchmark.units:
        finish(unit, 1000.0)
    for run in benchmark.runs:
        row = Row("t", "organ", Status.BOTH, 1.0, 1.0, {"dice": 0.5})
        write_metrics(run.metrics("student") / "metrics.csv", [row], ("dice",))
        run.training.mkdir(parents=True)
        log = {"train_losses": [1.0], "mean_fg_dice": [0.2]}
        torch.save(
            {"trainer_name": "nnUNetTrainer", "logging": log}, run.training / "checkpoint_final.pth"
        )
    return benchmark


def text_of(benchmark: Benchmark) -> str:
    return " ".join((benchmark.results / "table.txt").read_text(encoding="utf-8").split())


def test_every_plan_has_a_folder_for_its_results(desk):
    benchmark = finished(desk)
    run_benchmark(benchmark, run_here)
    assert benchmark.results == desk.work / "results" / "plan"
    names = {file.name for file in benchmark.results.iterdir()}
    assert {"table.txt", "table.json", "learning_curves.png"} <= names
    assert {f.name for f in desk.work.iterdir() if f.is_file()} == {
        "Dataset004_Toy_test_labels.json",
        "Dataset004_Toy_test_labels.lock",
    }
    assert "The test labels were opened after the last prediction." in text_of(benchmark)


def test_a_training_that_was_predicted_after_the_labels_were_opened_is_counted(desk):
    """One of four is repeated, and was not yet when the labels were opened for the others."""
    benchmark = finished(desk)
    run_benchmark(benchmark, run_here)
    opened = (desk.work / "Dataset004_Toy_test_labels.json").read_bytes()
    finish(benchmark.runs[1].unit(), 1e11)
    run_benchmark(benchmark, run_here)
    assert (
        "1 of 4 trainings were predicted after the test labels had first been opened."
        in text_of(benchmark)
    )
    assert (desk.work / "Dataset004_Toy_test_labels.json").read_bytes() == opened


def test_labels_are_noted_as_open_before_the_first_evaluation(desk):
    """The evaluations fail: there are no predictions, and yet the labels may have been read."""
    benchmark = desk.plan()
    for unit in (unit for stage in benchmark.stages for unit in stage):
        finish(unit, 1000.0)
    for unit in benchmark.evaluations:
        for step in unit.steps.values():
            object.__setattr__(step, "words", ("ls", str(desk.work / "gone")))
    with pytest.raises(DuCiSCError, match="there is no table without them"):
        run_benchmark(benchmark, run_here)
    assert (desk.work / "Dataset004_Toy_test_labels.json").is_file()


def test_metrics_of_an_earlier_version_date_the_opening(desk):
    """Metrics of 2000 seconds lie there; one of four trainings is of 3000 seconds."""
    benchmark = finished(desk)
    for file in desk.work.rglob("metrics.csv"):
        os.utime(file, (2000, 2000))
    finish(benchmark.runs[0].unit(), 3000.0)
    note_opening(benchmark)
    assert predicted_after_opening(benchmark) == 1


def test_an_analysis_by_its_name_opens_labels_too(desk):
    desk.content["methods"]["DuCiSC"]["sweep"] = {"ema_decay": [0.5]}
    benchmark = desk.plan()
    for unit in (unit for stage in benchmark.stages for unit in stage):
        finish(unit, 1000.0)
    finish(benchmark.analyses[0], 1000.0)
    run_unit(benchmark, benchmark.analyses[0].name)
    assert (desk.work / "Dataset004_Toy_test_labels.json").is_file()


def test_a_record_that_is_damaged_is_a_sentence(desk):
    benchmark = finished(desk)
    (desk.work / "Dataset004_Toy_test_labels.json").write_text("{", encoding="utf-8")
    with pytest.raises(DuCiSCError, match=r"test_labels\.json is damaged"):
        run_benchmark(benchmark, run_here)


@pytest.mark.skipif(os.name != "posix", reason="needs locks")
def test_results_wait_for_another_process_that_writes_them(desk):
    benchmark = finished(desk)
    benchmark.results.mkdir(parents=True)
    with locked(benchmark.results / "lock"):
        thread = threading.Thread(target=run_benchmark, args=(benchmark, run_here))
        thread.start()
        thread.join(3)
        assert thread.is_alive() and not (benchmark.results / "table.txt").exists()
    thread.join(60)
    assert (benchmark.results / "learning_curves.pdf").is_file()
