"""Fixtures that several test files share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from nnunetv2_ducisc.trainer import nnUNetTrainerDuCiSC
from tests.planned import PlannedDataset, plan


@pytest.fixture(scope="session")
def planned_3d(tmp_path_factory: pytest.TempPathFactory) -> PlannedDataset:
    return plan(tmp_path_factory.mktemp("planned_3d"), dimensions=3)


@pytest.fixture(scope="session")
def planned_2d(tmp_path_factory: pytest.TempPathFactory) -> PlannedDataset:
    return plan(tmp_path_factory.mktemp("planned_2d"), dimensions=2)


@pytest.fixture(scope="session")
def finished_run(
    planned_3d: PlannedDataset, tmp_path_factory: pytest.TempPathFactory
) -> nnUNetTrainerDuCiSC:
    """A trainer that has trained two epochs to the end, the second of them semi-supervised.

    Files that would hold the labels of the unlabeled cases are there, and are garbage.
    """
    for file in (planned_3d.raw / "imagesUn").iterdir():
        label = planned_3d.raw / "labelsUn" / file.name.replace("_0000", "")
        label.parent.mkdir(exist_ok=True)
        label.write_bytes(b"not an image")
    with pytest.MonkeyPatch.context() as monkeypatch:
        results = tmp_path_factory.mktemp("finished")
        for name, value in planned_3d.environment(results).items():
            monkeypatch.setenv(name, value)
        trainer = planned_3d.trainer(plans_name="finished")
        trainer.run_training()
    return trainer


@pytest.fixture
def tiny(
    planned_3d: PlannedDataset,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[PlannedDataset]:
    """The 3D data set with nnU-Net's variables set for this process and results of its own."""
    for name, value in planned_3d.environment(tmp_path_factory.mktemp("results")).items():
        monkeypatch.setenv(name, value)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield planned_3d
    torch.set_num_threads(threads)
