"""The rule of benchmarks/soak by which memory is called flat, and what it measures."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.soak import Sample, growth, sample, verdict

pytestmark = pytest.mark.unit


def samples(memory_of_iteration) -> list[Sample]:
    return [Sample(i, memory_of_iteration(i), 40, 5) for i in range(50, 2001, 50)]


def test_growth_is_of_the_line_through_the_values():
    """From 100 by 1 every 10 iterations: 130 after 300, which is 30 % more."""
    assert growth([200, 300, 500], [100, 110, 130]) == pytest.approx(0.3)


def test_memory_that_rises_only_at_the_start_is_flat():
    told = verdict(samples(lambda i: 500 if i < 200 else 1000 + i % 100))
    assert told.startswith("Flat from iteration 200 to 2000")


def test_a_leak_of_a_quarter_mebibyte_an_epoch_is_not_flat():
    """Of 400 MiB: 36 epochs of 0.25 MiB are 9 MiB, 2.25 %."""
    told = verdict(samples(lambda i: 400 + 0.25 * (i - 200) / 50))
    assert told.startswith("NOT FLAT from iteration 200 to 2000: memory_mib +2.25%")


def test_all_processes_of_a_group_and_their_handles_count(tmp_path: Path):
    holds = "import sys; files = [open(f) for f in sys.argv[1:]]; print(1, flush=True); input()"
    (tmp_path / "file").touch()
    found = []
    for number in (0, 7):
        process = subprocess.Popen(
            [sys.executable, "-c", holds, *[str(tmp_path / "file")] * number],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdout and process.stdout.readline()
        found.append(sample(os.getpgid(process.pid), 50))
        process.communicate(b"\n")
    assert found[1].file_handles - found[0].file_handles == 7
    assert found[0].processes == 1 and 1 < found[0].memory_mib < 200
