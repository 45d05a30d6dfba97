"""Plans for tests, as somebody would write them, and the data set that they name."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from nnunetv2_ducisc.benchmark.benchmark import Benchmark, plan_benchmark
from nnunetv2_ducisc.benchmark.plan.plan import Plan
from nnunetv2_ducisc.benchmark.plan.reading import read_plan
from nnunetv2_ducisc.benchmark.units.steps import WriteFolder
from nnunetv2_ducisc.benchmark.units.unit import Unit
from nnunetv2_ducisc.errors import DuCiSCError
from tests.labeled_raw import LabeledRaw


def a_plan() -> dict[str, Any]:
    """Two methods on two of six cases."""
    return {
        "datasets": [{"dataset": 4, "configuration": "3d_fullres", "labels": [2]}],
        "methods": {
            "stock": {"trainer": "nnUNetTrainer_seeded"},
            "DuCiSC": {"trainer": "nnUNetTrainerDuCiSC"},
        },
        "seeds": [0, 1],
        "epochs": 5,
    }


def write_products(unit: Unit) -> None:
    """The folders that its steps would leave, with a file in each."""
    for step in unit.steps.values():
        if isinstance(step, WriteFolder):
            step.folder.mkdir(parents=True, exist_ok=True)
            (step.folder / "product").touch()


@dataclass
class Desk:
    """A plan file beside nnUNet_raw with Dataset004_Toy: training cases a to f, test case t."""

    root: Path
    content: dict[str, Any] = field(default_factory=a_plan)

    def __post_init__(self) -> None:
        self.raw = LabeledRaw(self.root / "raw")

    @property
    def file(self) -> Path:
        return self.root / "plan.yaml"

    @property
    def work(self) -> Path:
        return self.root / "work"

    @property
    def entry(self) -> dict[str, Any]:
        return self.content["datasets"][0]

    def write(self, text: str | None = None) -> Path:
        self.file.write_text(
            yaml.safe_dump(self.content, sort_keys=False) if text is None else text,
            encoding="utf-8",
        )
        return self.file

    def read(self, text: str | None = None) -> Plan:
        return read_plan(self.write(text))

    def plan(self) -> Benchmark:
        return plan_benchmark(self.read(), self.work)

    def refusal(self, text: str | None = None) -> str:
        """The sentence that a bad plan gets; nothing is written."""
        with pytest.raises(DuCiSCError) as caught:
            plan_benchmark(self.read(text), self.work)
        assert not self.work.exists()
        return str(caught.value)

    def list_cases(self, labeled: str, validation: str = "") -> None:
        """What a conversion script records: every letter is a case."""
        split = {"labeled": [*labeled], "validation": [*validation], "test": ["t"]}
        (self.raw.folder / "conversion.json").write_text(
            json.dumps({"split": split}), encoding="utf-8"
        )
