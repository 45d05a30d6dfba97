"""``ducisc benchmark``: run, evaluate, report."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from nnunetv2_ducisc.benchmark.benchmark import Benchmark
from nnunetv2_ducisc.benchmark.execution.here import Failure, Runner, run_here, run_stages
from nnunetv2_ducisc.benchmark.execution.scripts import write_scripts
from nnunetv2_ducisc.benchmark.results.curves import draw_curves
from nnunetv2_ducisc.benchmark.results.opening import note_opening, predicted_after_opening
from nnunetv2_ducisc.benchmark.results.report import Origin, write_report
from nnunetv2_ducisc.benchmark.results.sensitivity import sensitivity
from nnunetv2_ducisc.benchmark.results.sensitivity_figure import write_sensitivity
from nnunetv2_ducisc.benchmark.results.table import Table, make_table
from nnunetv2_ducisc.benchmark.units.console import program
from nnunetv2_ducisc.benchmark.units.lock import locked
from nnunetv2_ducisc.benchmark.units.unit import Unit
from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.raw_dataset.folders import raw_folder
from nnunetv2_ducisc.raw_dataset.staging import writing_to
from nnunetv2_ducisc.whole import make_folder


def run_benchmark(benchmark: Benchmark, runner: Runner) -> None:
    """Do what is not done; with all predictions there, open the test labels and make the table.

    A plan with a sweep gets its figure after that, which needs an analysis of every model.

    Raises:
        DuCiSCError: a line for each unit that failed; the others are done.
    """
    make_folder(benchmark.work)
    _raise(run_stages(benchmark.stages, runner), "the test labels stay closed until all are done")
    with writing_to(benchmark.work):
        note_opening(benchmark)
    _raise(run_stages([benchmark.evaluations], run_here), "there is no table without them")
    with _writing_results(benchmark) as folder:
        tables = [make_table(group, benchmark.plan.reference) for group in benchmark.groups]
        print(f"\n{write_report(tables, _origin(benchmark), folder)}")
        print(f"{folder}: table.txt, .md, .csv, .json")
        draw_curves(benchmark.groups, folder)
        print(f"{folder}: learning_curves.png, .pdf")
    if any(method.sweep for method in benchmark.plan.methods):
        _finish_sweep(benchmark, tables, runner)


def run_unit(benchmark: Benchmark, name: str) -> None:
    """Run one unit by its name.

    Raises:
        DuCiSCError: no such unit, it failed, or what it needs is not done.
    """
    units = {unit.name: unit for stage in _jobs(benchmark) for unit in stage}
    if name in {evaluation.name for evaluation in benchmark.evaluations}:
        raise DuCiSCError(
            f"{name} opens test labels, which has to wait for all predictions: repeat the command "
            "without --unit."
        )
    if name not in units:
        raise DuCiSCError(f"The plan has no unit {name}: --dry-run lists them.")
    unit = units[name]
    make_folder(benchmark.work)
    if unit.needs and not units[unit.needs].is_done:
        raise DuCiSCError(f"{name} needs {unit.needs}, which is not done: run it first.")
    waiting = [one.name for stage in benchmark.stages for one in stage if not one.is_done]
    if name in {analysis.name for analysis in benchmark.analyses}:
        if waiting:
            raise DuCiSCError(
                f"{name} opens withheld labels, and {waiting[0]} is not done: run it first."
            )
        with writing_to(benchmark.work):
            note_opening(benchmark)
    reason = unit.run()
    _raise([Failure(name, reason, unit.log)] if reason else [], "what is done is kept")


def print_jobs(benchmark: Benchmark, folder: Path) -> None:
    """Write a script for each unit, and say how to run them."""
    what = (str(benchmark.plan.file.absolute()), "-o", str(benchmark.work))
    command = shlex.join([program("ducisc"), "benchmark", *what])
    make_folder(folder, "--print-jobs")
    with writing_to(folder):
        scripts = write_scripts(
            folder, _jobs(benchmark), command, {"nnUNet_raw": str(raw_folder().absolute())}
        )
    print(f"{len(scripts)} scripts are written; this one runs all of them: {scripts[-1]}")


def listing(benchmark: Benchmark) -> Iterator[str]:
    """A line for each unit, and one for each of its steps."""
    yield f"WORK={benchmark.work}"
    for unit in benchmark.units:
        yield unit.name + (": done" if unit.is_done else "")
        titles = (step.title for step in unit.steps.values())
        yield from (f"    {title.replace(str(benchmark.work), '$WORK')}" for title in titles)


def _finish_sweep(benchmark: Benchmark, tables: Sequence[Table], runner: Runner) -> None:
    """After the table, which is there even if a model cannot be analyzed."""
    _raise(run_stages([benchmark.analyses], runner), "there is no figure of the sweep without them")
    with _writing_results(benchmark) as folder:
        write_sensitivity(sensitivity(benchmark.groups, tables, benchmark.plan), folder)
    print(f"{folder}: sensitivity.png, .pdf, .csv")


@contextmanager
def _writing_results(benchmark: Benchmark) -> Iterator[Path]:
    """Two processes may come to the end of one benchmark together."""
    folder = benchmark.results
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / "lock"):
            yield folder


def _origin(benchmark: Benchmark) -> Origin:
    plan, late = benchmark.plan, predicted_after_opening(benchmark)
    return Origin(plan.file.name, plan.seeds, len(benchmark.runs), late)


def _jobs(benchmark: Benchmark) -> list[list[Unit]]:
    """The stages of what may run elsewhere, analyses the last."""
    return [stage for stage in (*benchmark.stages, benchmark.analyses) if stage]


def _raise(failures: Sequence[Failure], consequence: str) -> None:
    if failures:
        lines = "\n".join(map(str, failures))
        number = f"{len(failures)} unit{'s' if len(failures) > 1 else ''}"
        raise DuCiSCError(
            f"{lines}\n{number} failed, and {consequence}: see to the logs, then repeat the "
            "command; what is done is kept."
        )
