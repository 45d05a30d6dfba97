"""Three of the kills of benchmarks/kill_test, which does as many as one likes."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.kill_test.killing import KillTest
from tests.planned import PlannedDataset

pytestmark = pytest.mark.e2e


def test_killed_anywhere_a_training_ends_as_one_that_was_not_killed(
    planned_3d: PlannedDataset, tmp_path: Path
) -> None:
    """In a copy, since its unlabeled cases go and come back."""
    shutil.copytree(planned_3d.root, tmp_path / "dataset")
    test = KillTest(replace(planned_3d, root=tmp_path / "dataset"), tmp_path / "lives", seed=0)
    while (missing := 3 - test.kills()) > 0:
        test.live(missing)
    assert test.counts["files of cases read"] > 0
