"""One training of the tiny phantoms from nothing to its end, and what it has left on the disk."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import blosc2
import SimpleITK
import torch

from benchmarks.background import Command
from benchmarks.repeatable import TRAIN, first_difference, state_of
from nnunetv2_ducisc.nnunet.checkpoint import read_extra
from tests.planned import PlannedDataset, console

PLANS = "kill_test"
EPOCHS = 3


@dataclass(frozen=True)
class Life:
    """A training and the preprocessing of its unlabeled cases.

    Attributes:
        dataset: planned, with labeled cases preprocessed and plans of the name PLANS.
        results: nnUNet_results.
    """

    dataset: PlannedDataset
    results: Path

    @property
    def fold(self) -> Path:
        """The training's own folder."""
        model = f"nnUNetTrainerDuCiSC__{PLANS}__{self.dataset.configuration}"
        return self.results / self.dataset.name / model / "fold_all"

    @property
    def log(self) -> Path:
        """The method's own log."""
        return self.fold / "ducisc_log.csv"

    @property
    def cases(self) -> Path:
        """Where the preprocessed unlabeled cases appear, for all lives."""
        return self.dataset.preprocessed / f"nnUNetPlans_{self.dataset.configuration}_unlabeled"

    def preprocess(self, processes: int) -> Command:
        """Start ``ducisc preprocess``."""
        which = ("-d", self.dataset.dataset_id, "-c", self.dataset.configuration, "-p", PLANS)
        return self._start(console("ducisc"), "preprocess", *which, "-np", str(processes))

    def train(self) -> Command:
        """Start nnU-Net's training, with --c where a checkpoint is there."""
        which = (self.dataset.dataset_id, self.dataset.configuration, "all", "-p", PLANS)
        how = ("-tr", "nnUNetTrainerDuCiSC", "-device", "cpu")
        again = ("--c",) if any(self.fold.glob("*.pth")) else ()
        return self._start(sys.executable, "-c", TRAIN, *which, *how, *again)

    def _start(self, *command: str) -> Command:
        self.results.mkdir(parents=True, exist_ok=True)
        environment = self.dataset.environment(self.results)
        return Command(list(command), environment, self.results / "log.txt")

    def is_preprocessing(self) -> bool:
        """Whether a case is being written."""
        return any(self.cases.parent.glob(f"{self.cases.name}.tmp-*/*"))

    def starts(self) -> int:
        """How often training has started."""
        return len(list(self.fold.glob("training_log_*.txt")))

    def partial(self, since: float = 0.0) -> list[Path]:
        """Checkpoints under the name they have while they are written, from a time (s) on."""
        partial = self.fold.glob(".checkpoint_*.partial")
        return [file for file in partial if file.stat().st_mtime > since]

    def read_checkpoints(self) -> int:
        """Read every checkpoint that is there.

        Raises:
            DuCiSCError: one is not whole.
        """
        return len([read_extra(file) for file in self.fold.glob("*.pth")])

    def outcome(self) -> dict[str, Any]:
        """All that a training leaves behind, but for times of day."""
        final, teacher = (
            torch.load(self.fold / f"checkpoint_final{which}.pth", weights_only=False)
            for which in ("", "_teacher")
        )
        predictions = sorted((self.fold / "validation").glob("*.nii.gz"))
        return {
            **dict(state_of(final)),
            "teacher checkpoint": teacher["network_weights"],
            "log": self.log.read_text(encoding="utf-8"),
            "validation": [
                SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(f)) for f in predictions
            ],
            "checkpoints": sorted(file.name for file in self.fold.glob("*checkpoint_*")),
            "cases": dict(contents(self.cases)),
        }


def contents(folder: Path) -> Iterator[tuple[str, Any]]:
    """The name and the content of every file of preprocessed cases, each of which has to open."""
    for file in sorted(folder.glob("*")):
        is_array = file.suffix == ".b2nd"
        yield file.name, blosc2.open(str(file))[:] if is_array else pickle.loads(file.read_bytes())


def check_same(a: Any, b: Any, what: str) -> None:  # noqa: ANN401 (any content)
    """Compare to the bit.

    Raises:
        AssertionError: names the place where the two differ.
    """
    difference = first_difference(a, b)
    assert difference is None, f"{what} differs at {difference}"
