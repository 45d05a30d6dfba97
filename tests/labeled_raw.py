"""A small labeled raw dataset; its files hold their own names, since nobody opens them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.raw_dataset.withholding.semi_supervised_copy import SemiSupervisedCopy
from nnunetv2_ducisc.raw_dataset.withholding.withhold import plan_copy


@dataclass
class LabeledRaw:
    """Dataset004_Toy below ``root``: training cases a to f, test case t."""

    root: Path
    ending: str = ".nii.gz"
    channels: int = 1
    dataset_json: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for case in "abcdef":
            self.add(case)
        self.add("t", "Ts")
        self.dataset_json = {
            "channel_names": {str(c): "MR" for c in range(self.channels)},
            "labels": {"background": 0, "organ": 1},
            "numTraining": 6,
            "file_ending": self.ending,
        }
        self.write_json()

    @property
    def folder(self) -> Path:
        return self.root / "Dataset004_Toy"

    @property
    def copy(self) -> Path:
        return self.root / "Dataset604_Toy"

    def add(self, case: str, part: str = "Tr") -> None:
        for channel in range(self.channels):
            self.write(f"images{part}/{case}_{channel:04d}{self.ending}")
        self.write(f"labels{part}/{case}{self.ending}")

    def write(self, name: str) -> Path:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name, encoding="utf-8")
        return file

    def write_json(self, **changes: Any) -> None:
        self.dataset_json |= changes
        (self.folder / "dataset.json").write_text(json.dumps(self.dataset_json), encoding="utf-8")

    def plan(self, labeled: int | list[str] = 2, **options: Any) -> SemiSupervisedCopy:
        return plan_copy("4", 604, labeled, **options)

    def withhold(self, labeled: int | list[str] = 2, **options: Any) -> SemiSupervisedCopy:
        copy = self.plan(labeled, **options)
        copy.run(options.get("overwrite", False))
        return copy

    def refusal(self, labeled: int | list[str] = 2, **options: Any) -> str:
        """The sentence that bad input gets, with nothing written."""
        before = tree(self.root)
        with pytest.raises(DuCiSCError) as caught:
            self.withhold(labeled, **options)
        assert tree(self.root) == before
        return str(caught.value)


def tree(folder: Path) -> list[str]:
    """All files below, hidden ones too."""
    files = (file for file in folder.rglob("*") if not file.is_dir())
    return sorted(file.relative_to(folder).as_posix() for file in files)
