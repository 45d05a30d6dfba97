"""When the labels of the test cases were first opened, and what was predicted after that."""

from __future__ import annotations

import json
import time
from pathlib import Path

from nnunetv2_ducisc.benchmark.benchmark import Benchmark
from nnunetv2_ducisc.benchmark.units.lock import locked
from nnunetv2_ducisc.errors import DuCiSCError, one_line
from nnunetv2_ducisc.raw_dataset.staging import write_json

_KEY = "test labels first opened, in seconds since 1970"


def note_opening(benchmark: Benchmark) -> None:
    """Record the time for every data set of a benchmark that has no such record."""
    for dataset in dict.fromkeys(group.source.raw.name for group in benchmark.groups):
        file = _record(benchmark.work, dataset)
        with locked(file.with_suffix(".lock")):  # analyses may be jobs side by side
            if not file.is_file():
                # Metrics that lie there without a record are of an earlier version of this package.
                metrics = benchmark.work.glob(f"{dataset}_*/*/*/*/metrics.csv")
                times = [time.time(), *(found.stat().st_mtime for found in metrics)]
                write_json(file, {_KEY: min(times)})


def predicted_after_opening(benchmark: Benchmark) -> int:
    """How many trainings were predicted after the labels of their test cases were first opened.

    Raises:
        DuCiSCError: the record is damaged.
    """
    datasets = {group.source.raw.name for group in benchmark.groups}
    opened = {dataset: _read(_record(benchmark.work, dataset)) for dataset in datasets}
    return sum(run.unit().ended > opened[run.copy.source.raw.name] for run in benchmark.runs)


def _record(work: Path, dataset: str) -> Path:
    return work / f"{dataset}_test_labels.json"


def _read(file: Path) -> float:
    try:
        return float(json.loads(file.read_text(encoding="utf-8"))[_KEY])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DuCiSCError(
            f"{file} is damaged ({one_line(error)}): remove it, and the time of the oldest "
            "evaluation is taken."
        ) from error
