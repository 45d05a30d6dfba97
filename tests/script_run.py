"""A script of dataset_conversion/, run in this process on a download that a test writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import pytest

from nnunetv2_ducisc.raw_dataset.downloads.script import main
from nnunetv2_ducisc.raw_dataset.downloads.source import Source


@dataclass
class ScriptRun:
    """Reads ``root/download`` and writes into ``root/raw``, by lists of few cases."""

    source: Source
    root: Path
    lists: dict[str, list[str]]
    capsys: pytest.CaptureFixture
    monkeypatch: pytest.MonkeyPatch

    def __post_init__(self) -> None:
        self.monkeypatch.setenv("nnUNet_raw", str(self.root / "raw"))
        self.monkeypatch.setenv("nnUNet_preprocessed", str(self.root / "preprocessed"))
        self.split_file.write_text(json.dumps(self.lists), encoding="utf-8")

    @property
    def download(self) -> Path:
        return self.root / "download"

    @property
    def dataset(self) -> Path:
        return self.root / "raw" / self.source.dataset

    @property
    def split_file(self) -> Path:
        return self.root / "lists.json"

    def convert(self, *options: str, labeled: str = "1", published: bool = False) -> int:
        """By our lists, or by the published ones."""
        split = [] if published else ["--split-file", str(self.split_file)]
        arguments = ["-i", str(self.download), "--labeled", labeled, "-np", "1"]
        return main(self.source, [*arguments, *split, *options])

    def refusal(self, *options: str, **arguments: Any) -> str:
        """The one sentence that bad input gets, with no dataset written."""
        self.capsys.readouterr()
        assert self.convert(*options, **arguments) == 1
        assert not self.dataset.exists()
        (sentence,) = (
            line for line in self.capsys.readouterr().err.splitlines() if line.endswith(".")
        )
        return sentence

    def cases(self, part: str) -> list[str]:
        """The identifiers of Tr, Un or Ts."""
        ending = "_0000.nii.gz"
        files = (self.dataset / f"images{part}").glob(f"*{ending}")
        return sorted(file.name.removesuffix(ending) for file in files)

    def written(self, case: str) -> tuple[nibabel.Nifti1Image, nibabel.Nifti1Image]:
        """Image and label of a case, by a library that the conversion does not write with."""
        (image,) = self.dataset.glob(f"images*/{case}_0000.nii.gz")
        (label,) = self.dataset.glob(f"labels*/{case}.nii.gz")
        return nibabel.load(image), nibabel.load(label)

    def json(self, name: str) -> Any:
        return json.loads((self.dataset / f"{name}.json").read_text(encoding="utf-8"))


MakeScriptRun = Callable[[Source, dict[str, list[str]]], ScriptRun]


def cut_off(file: Path) -> None:
    """A download that stopped 12 bytes before its end."""
    file.write_bytes(file.read_bytes()[:-12])
