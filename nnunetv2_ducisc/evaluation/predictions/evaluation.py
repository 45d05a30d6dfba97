"""What comes out of an evaluation, and the files that hold it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nnunetv2_ducisc import __version__
from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.evaluation.metrics.measure import EMPTY_MASKS, IGNORED_VOXELS
from nnunetv2_ducisc.evaluation.metrics.presets import PRESETS
from nnunetv2_ducisc.evaluation.metrics_file import METRICS, Row, write_metrics
from nnunetv2_ducisc.evaluation.predictions.summary import Summary
from nnunetv2_ducisc.whole import written_whole

ROWS_FILE, SUMMARY_FILE = "metrics.csv", "metrics.json"
_NO_SPACING = "the files have none: 1 mm is assumed, so that mm are voxels and ml are voxels / 1000"


@dataclass(frozen=True)
class Evaluation:
    """Two folders, compared.

    Attributes:
        reference: folder.
        prediction: folder.
        dataset_json: the file that names the classes; None where each label is one.
        preset: name of the rules.
        has_spacing: whether the files say it; else it is taken for 1 mm.
        rows: one for each case and class, by case; the classes in the order of dataset.json.
        summary: of each class, and over the classes.
    """

    reference: Path
    prediction: Path
    dataset_json: Path | None
    preset: str
    has_spacing: bool
    rows: list[Row]
    summary: Summary

    def write(self, folder: Path) -> None:
        """Write metrics.csv with the rows, and metrics.json with the summary.

        Raises:
            DuCiSCError: that is not possible.
        """
        with _writing_to(folder):
            write_metrics(folder / ROWS_FILE, self.rows, PRESETS[self.preset].metrics)
            with written_whole(folder / SUMMARY_FILE) as new:  # classes stay in their order
                new.write_text(json.dumps(self._record, indent=2) + "\n", encoding="utf-8")

    @property
    def _record(self) -> dict[str, Any]:
        """The summary, and how the numbers came about."""
        metrics = PRESETS[self.preset].metrics
        return {
            "nnunetv2_ducisc": __version__,
            "reference": str(self.reference.resolve()),
            "prediction": str(self.prediction.resolve()),
            "dataset_json": str(self.dataset_json.resolve()) if self.dataset_json else None,
            "preset": self.preset,
            "units": {metric: METRICS[metric].unit or "ratio" for metric in metrics},
            "spacing": "of the files" if self.has_spacing else _NO_SPACING,
            "empty_masks": EMPTY_MASKS,
            "ignored_voxels": IGNORED_VOXELS,
            **asdict(self.summary),
        }


def make_folder(folder: Path) -> None:
    """Make the folder of the files.

    Raises:
        DuCiSCError: that is not possible.
    """
    with _writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)


def check_preset(folder: Path, preset: str) -> None:
    """Refuse to replace the metrics of another preset; those of the same one are made anew.

    Raises:
        DuCiSCError: such metrics are there.
    """
    try:
        earlier = json.loads((folder / SUMMARY_FILE).read_text(encoding="utf-8"))["preset"]
    except (OSError, ValueError, KeyError, TypeError):
        return  # none of ours, or broken
    if earlier != preset and (folder / ROWS_FILE).exists():
        raise DuCiSCError(
            f"{folder} holds the metrics of the preset {earlier}, which those of {preset} would "
            "replace: name another folder with -o."
        )


@contextmanager
def _writing_to(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DuCiSCError(
            f"{folder} cannot be written to ({error.strerror}): name another folder with -o."
        ) from error
