"""``ducisc evaluate`` as a command with worker processes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nnunetv2_ducisc.evaluation.metrics_file import read_metrics
from tests.commands import run_afresh
from tests.evaluating import Evaluating
from tests.planned import console

pytestmark = pytest.mark.e2e


def test_worker_processes_write_the_rows_of_one_process_in_order(tmp_path: Path) -> None:
    made = Evaluating(tmp_path)
    rng = np.random.default_rng(0)
    for case in "abcdef":
        made.add(case, *(rng.integers(0, 3, (4, 6, 8), dtype=np.uint8) for _ in range(2)))
    made.name_classes({"liver": 1, "tumour": 2})
    command = [console("ducisc"), "evaluate", "-gt", str(made.reference)]
    command += ["-pred", str(made.prediction), "-o", str(tmp_path / "out"), "-np", "3"]
    printed = run_afresh(*command, environment={})
    assert "mean of classes  6" in printed
    assert read_metrics(tmp_path / "out" / "metrics.csv")[1] == made.run().rows
