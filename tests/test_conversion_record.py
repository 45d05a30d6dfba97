"""What conversion.json and dataset.json say, so that a reader can repeat and cite."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnunetv2_ducisc import __version__
from nnunetv2_ducisc.raw_dataset.downloads.known import Known
from nnunetv2_ducisc.raw_dataset.downloads.script import main
from nnunetv2_ducisc.raw_dataset.downloads.source import Download, Source
from nnunetv2_ducisc.raw_dataset.downloads.split import Split
from nnunetv2_ducisc.raw_dataset.downloads.summary import warning_lines
from nnunetv2_ducisc.raw_dataset.downloads.volume import volume_of
from tests.toy_download import TOY, write_download

pytestmark = pytest.mark.unit

Read = Callable[[str], dict[str, Any]]


def drawn(download: Download, seed: int) -> Split:
    return Split(("p1", "p2", "p3"), ("t1",), source=f"drawn with {seed}")


@pytest.fixture
def convert(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Read]:
    """Run the script, and read a JSON file of the dataset that it writes."""
    for name in ("raw", "preprocessed"):
        monkeypatch.setenv(f"nnUNet_{name}", str(tmp_path / name))
    download = write_download(tmp_path / "download")

    def run(*options: str, source: Source = TOY, labeled: str = "2") -> Read:
        assert main(source, ["-i", str(download), "--labeled", labeled, "-np", "1", *options]) == 0
        folder = tmp_path / "raw" / "Dataset777_Toy"
        return lambda name: json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))

    return run


def test_the_options_are_those_that_repeat_the_conversion(convert: Callable[..., Read]) -> None:
    record = convert("--no-withheld-labels")("conversion")
    assert record["nnunetv2_ducisc"] == __version__ and record["version"] == "toy"
    assert record["options"] == {"labeled": 2, "split": "published", "withheld_labels": False}


def test_lists_of_ones_own_are_recorded(convert: Callable[..., Read], tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text(
        json.dumps({"train": ["p1", "p2"], "test": ["t1"]}), encoding="utf-8"
    )
    (tmp_path / "labeled.txt").write_text("p2\n", encoding="utf-8")
    options = ("--split-file", str(tmp_path / "mine.json"))
    record = convert(*options, labeled=str(tmp_path / "labeled.txt"))("conversion")
    assert record["options"]["labeled"] == ["p2"]
    assert record["options"]["split_file"] == "mine.json"
    assert "split" not in record["options"] and record["split"]["labeled"] == ["p2_a"]


@pytest.mark.parametrize(("options", "seed"), [((), 0), (("--seed", "3"), 3)])
def test_the_seed_of_a_draw_is_recorded(
    convert: Callable[..., Read], options: tuple[str, ...], seed: int
) -> None:
    source = dataclasses.replace(TOY, draw=drawn)
    record = convert(*options, source=source)("conversion")
    assert record["options"]["split"] == "drawn" and record["options"]["seed"] == seed
    assert record["split"]["source"] == f"drawn with {seed}"


def test_a_published_list_may_be_chosen_where_the_default_is_a_draw(
    convert: Callable[..., Read],
) -> None:
    source = dataclasses.replace(TOY, draw=drawn)
    record = convert("--split", "plain", source=source)("conversion")
    assert record["options"] == {"labeled": 2, "split": "plain", "withheld_labels": True}


def test_dataset_json_holds_the_terms_and_what_to_cite(convert: Callable[..., Read]) -> None:
    source = dataclasses.replace(TOY, licence="mine", reference="somebody, 2001")
    written = convert(source=source)("dataset")
    assert written["licence"] == "mine"
    assert written["reference"] == "somebody, 2001" == written["citation"]
    assert written["name"] == "Dataset777_Toy"
    assert written["description"] == "Toy: whole scans"
    assert list(written["labels"]) == ["background", "thing"]


KNOWN = Known(
    size=((8, 10), (6, 6), (4, 4)),
    spacing=((0.5, 1), (1, 1), (2, 2)),
    values=(-1, 1),
    label_slices=(1, 2),
    label_ml=(0.002, 0.004),
)


def oddities(size: tuple[int, ...], spacing: tuple[float, ...], top: float, marked: int) -> str:
    """Of an image from 0 to ``top``, with a label of that many voxels, one a slice."""
    image = np.linspace(0, top, int(np.prod(size))).reshape(size[::-1])
    label = np.zeros(size[::-1], dtype=np.uint8)
    label[:marked, 0, 0] = 1
    return "\n".join(KNOWN.oddities(volume_of(image, label, spacing)))


def test_the_ends_of_what_is_known_are_not_odd() -> None:
    """2 voxels of 1 mm^3 are 0.002 ml, of 1 x 1 x 2 mm 0.004 ml."""
    assert not oddities((8, 6, 4), (0.5, 1, 2), 1, 2)
    assert not oddities((10, 6, 4), (1, 1, 2), 1, 2)


@pytest.mark.parametrize(
    ("size", "spacing", "top", "marked", "expected"),
    [
        ((7, 6, 4), (0.5, 1, 2), 1, 2, "a size along x of 7 voxels, known are 8 to 10 voxels"),
        ((11, 6, 4), (0.5, 1, 2), 1, 2, "a size along x of 11 voxels, known are 8 to 10 voxels"),
        ((8, 7, 4), (0.5, 1, 2), 1, 2, "a size along y of 7 voxels, known are 6 voxels"),
        ((8, 6, 4), (0.49, 1, 2.1), 1, 2, "a spacing along x of 0.49 mm, known are 0.5 to 1 mm"),
        ((8, 6, 4), (0.5, 1, 2), 2, 2, "a highest value of 2, known are -1 to 1"),
        ((8, 6, 4), (0.5, 1, 2), -2, 2, "a lowest value of -2, known are -1 to 1"),
        ((8, 6, 4), (0.5, 1, 2), 1, 3, "a label of 3 slices, known are 1 to 2 slices"),
        ((8, 6, 4), (0.5, 1, 2), 1, 1, "a label of 0.001 ml, known are 0.002 to 0.004 ml"),
        ((8, 6, 4), (1, 1, 2), 1, 3, "a label of 0.006 ml, known are 0.002 to 0.004 ml"),
    ],
)
def test_what_lies_outside_of_what_is_known_is_odd(
    size: tuple[int, ...], spacing: tuple[float, ...], top: float, marked: int, expected: str
) -> None:
    assert f"has {expected}: look at it" in oddities(size, spacing, top, marked).splitlines()


def test_nobody_has_to_read_a_hundred_warnings() -> None:
    lines = warning_lines([f"odd {number}" for number in range(100)])
    assert lines[0] == "Warning: odd 0." and len(lines) == 21
    assert lines[-1] == "Warning: 80 more are in conversion.json."
