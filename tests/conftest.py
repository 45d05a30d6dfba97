"""Fixtures that several test files share."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from batchgeneratorsv2.transforms.noise import gaussian_blur

from nnunetv2_ducisc.raw_dataset.downloads.script import main
from nnunetv2_ducisc.trainer import nnUNetTrainerDuCiSC
from tests import acdc_download, toy_download
from tests.adding import Adding
from tests.benchmark_plan import Desk
from tests.planned import PlannedDataset, plan
from tests.script_run import MakeScriptRun, ScriptRun
from tests.tiny_dataset import TinyDataset
from tests.toy_download import Convert


def pytest_configure() -> None:
    """A shell's background jobs ignore Ctrl-C, and so would the processes that tests interrupt."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow ones first, so that no process is left with one of them at the end."""
    items.sort(key=lambda item: item.get_closest_marker("e2e") is None)


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
    """A trainer that has trained two epochs to the end, the second of them semi-supervised."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        results = tmp_path_factory.mktemp("finished")
        for name, value in planned_3d.environment(results).items():
            monkeypatch.setenv(name, value)
        trainer = planned_3d.trainer(plans_name="finished")
        trainer.run_training()
    return trainer


@contextmanager
def repeatable(
    dataset: PlannedDataset, results: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """nnU-Net's variables set for this process, one thread and one way to blur.

    nnU-Net's blur transform times two algorithms at their first use and goes on with the faster,
    on which no two trainers need agree: here it always takes the same one.
    """
    monkeypatch.setattr(
        gaussian_blur.GaussianBlurTransform,
        "_benchmark_wrapper",
        lambda self, image, sigma, axis: gaussian_blur.blur_dimension(image, sigma, axis),
    )
    for name, value in dataset.environment(results).items():
        monkeypatch.setenv(name, value)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def tiny(
    planned_3d: PlannedDataset,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[PlannedDataset]:
    """The 3D data set, and this process set up so that two trainers compute the same."""
    with repeatable(planned_3d, tmp_path_factory.mktemp("results"), monkeypatch):
        yield planned_3d


@pytest.fixture
def tiny_2d(
    planned_2d: PlannedDataset,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[PlannedDataset]:
    """The same in 2D."""
    with repeatable(planned_2d, tmp_path_factory.mktemp("results"), monkeypatch):
        yield planned_2d


@pytest.fixture
def two_cases(tmp_path: Path) -> TinyDataset:
    """Cases a and b."""
    dataset = TinyDataset(tmp_path)
    dataset.add("a", seed=1)
    dataset.add("b", seed=2)
    return dataset


@pytest.fixture
def adding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> Adding:
    """The toy dataset with nnU-Net's variables set, and the verb that adds to it."""
    for name in ("raw", "preprocessed", "results"):
        monkeypatch.setenv(f"nnUNet_{name}", str(tmp_path / name))
    return Adding(tmp_path, capsys)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A plan of a benchmark and its data set, with nnU-Net's variables set."""
    for name in ("raw", "preprocessed", "results"):
        monkeypatch.setenv(f"nnUNet_{name}", str(tmp_path / name))
    return Desk(tmp_path)


@pytest.fixture
def script_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> MakeScriptRun:
    """A script of dataset_conversion/ by lists of few cases, below the test's folder."""
    return lambda source, lists: ScriptRun(source, tmp_path, lists, capsys, monkeypatch)


@pytest.fixture
def download(tmp_path: Path) -> Path:
    """The toy download."""
    return toy_download.write_download(tmp_path / "download")


@pytest.fixture
def convert(tmp_path: Path, download: Path, monkeypatch: pytest.MonkeyPatch) -> Convert:
    """Run the script on the toy download with two labeled units and more options."""
    monkeypatch.setenv("nnUNet_raw", str(tmp_path / "raw"))
    monkeypatch.setenv("nnUNet_preprocessed", str(tmp_path / "preprocessed"))

    def run(*options: str, labeled: str = "2") -> int:
        arguments = ["-i", str(download), "--labeled", labeled, "-np", "1", *options]
        return main(toy_download.TOY, arguments)

    return run


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """What the script makes of the toy download."""
    return tmp_path / "raw" / toy_download.TOY.dataset


@pytest.fixture
def patient(run: ScriptRun) -> Path:
    """The last of four ACDC patients in the download of ``run``: the test patient's folder."""
    folder = run.download / "training"
    return [acdc_download.write_patient(folder, name) for name in acdc_download.PATIENTS][-1]
