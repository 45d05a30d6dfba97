"""The step that writes nnU-Net's five folds before trainings that may be side by side need them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from nnunetv2.utilities.crossval_split import generate_crossval_split

from nnunetv2_ducisc.benchmark.units.console import Console
from nnunetv2_ducisc.benchmark.units.steps import Step
from nnunetv2_ducisc.raw_dataset.dataset import RawDataset
from nnunetv2_ducisc.raw_dataset.staging import write_json


@dataclass(frozen=True)
class WriteSplits(Step):
    """The splits that nnU-Net's first training of a numbered fold would write.

    nnU-Net writes the file in place, and a training beside it may read half of it.

    Attributes:
        raw: the data set's folder, whose labeled cases are split.
        file: splits_final.json of the preprocessed data set.
    """

    raw: Path
    file: Path

    @property
    def title(self) -> str:
        """A comment, in place of a command."""
        return f"# write {self.file} with nnU-Net's five folds"

    def run(self, console: Console) -> None:
        """Split what is labeled now, and write it whole."""
        described = json.loads((self.raw / "dataset.json").read_text(encoding="utf-8"))
        cases = sorted(RawDataset(self.raw, described).labeled())
        write_json(self.file, generate_crossval_split(cases))
