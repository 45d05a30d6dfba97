"""A tiny trained model with the truth of its unlabeled cases, for tests of its analysis."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.demo.phantoms import _write, phantom
from nnunetv2_ducisc.evaluation.analysis.analysis import analyze
from tests.planned import PlannedDataset

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Analyzing:
    """A data set of its own below ``root``, and a model trained on it."""

    root: Path
    name: str
    model: Path

    @classmethod
    def of(cls, dataset: PlannedDataset, model: Path, root: Path) -> Analyzing:
        """Copy the data set, keeping times, and write labelsUn."""
        for part in ("raw", "preprocessed"):
            shutil.copytree(dataset.root / part / dataset.name, root / part / dataset.name)
        analyzing = cls(root, dataset.name, model)
        shutil.rmtree(analyzing.raw / "labelsUn")
        shape = (20, 22, 24)[: 2 if dataset.configuration == "2d" else 3]
        for image in sorted((analyzing.raw / "imagesUn").iterdir()):
            label = phantom(0, int(image.name[8:11]), shape).label
            _write(label, analyzing.raw / "labelsUn" / image.name.replace("_0000", ""))
        return analyzing

    @property
    def raw(self) -> Path:
        return self.root / "raw" / self.name

    @property
    def preprocessed(self) -> Path:
        return self.root / "preprocessed" / self.name

    def enter(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let nnU-Net's variables name this data set."""
        for name in ("raw", "preprocessed"):
            monkeypatch.setenv(f"nnUNet_{name}", str(self.root / name))
        monkeypatch.setenv("nnUNet_results", str(self.model.parents[1]))
        monkeypatch.setenv("nnUNet_def_n_proc", "1")

    def report(self, output: Path, **options: Any) -> dict[str, Any]:
        """Analyze and return the numbers."""
        arguments: dict[str, Any] = {
            "fold": "all",
            "checkpoint": "checkpoint_final.pth",
            "predictions": None,
            "device": CPU,
            "max_cases": 20,
            "seed": 0,
        }
        folder = analyze(self.model, output=output, **arguments | options)
        return json.loads(
            (folder / "analysis.json").read_text(encoding="utf-8"), parse_constant=_refuse
        )


def dice(a: np.ndarray, b: np.ndarray) -> float:
    """Of two masks, not both empty."""
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")
