"""``metrics.csv``: a row for each case and class; ``evaluate`` writes it, ``compare`` reads it."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.whole import written_whole


@dataclass(frozen=True)
class Metric:
    """A column of the file.

    Attributes:
        name: in the file, with the unit where there is one.
        title: in tables and figures.
        unit: empty for a ratio.
        higher_is_better: its direction.
    """

    name: str
    title: str
    unit: str
    higher_is_better: bool

    @property
    def largest(self) -> float:
        """Ratios go from 0 to 1, distances from 0 to any finite number."""
        return sys.float_info.max if self.unit else 1.0


METRICS = {
    metric.name: metric
    for metric in (
        Metric("dice", "Dice", "", True),
        Metric("jaccard", "Jaccard", "", True),
        Metric("hd95_mm", "95HD", "mm", False),
        Metric("assd_mm", "ASSD", "mm", False),
        Metric("hd95_voxels", "95HD", "voxels", False),
        Metric("asd_voxels", "ASD", "voxels", False),
    )
}


class Status(Enum):
    """Which of the two masks of a case and class hold anything."""

    BOTH = "both"
    MISSED = "missed"  # the reference alone
    SPURIOUS = "spurious"  # the prediction alone
    ABSENT = "absent"  # neither: no metric is defined
    HIDDEN = "hidden"  # both, but ignored voxels hide all of the prediction's surface


@dataclass(frozen=True)
class Row:
    """One case and class.

    Attributes:
        case: its identifier.
        class_name: as dataset.json calls it.
        status: which masks are empty.
        reference_ml: volume of the reference; in 2D its area in mm^2, divided by 1000, which is
            the volume of a slice of 1 mm.
        prediction_ml: of the prediction.
        values: metric name -> value; empty where the status is ABSENT, and without distances where
            ignored voxels hide all of the reference's surface.
    """

    case: str
    class_name: str
    status: Status
    reference_ml: float
    prediction_ml: float
    values: Mapping[str, float]

    @property
    def has_no_distance(self) -> bool:
        """Whether the metrics of overlap are all that it has."""
        return bool(self.values) and not any(METRICS[name].unit for name in self.values)


_FIXED = ("case", "class", "status", "reference_ml", "prediction_ml")


def write_metrics(file: Path, rows: Iterable[Row], metrics: Iterable[str]) -> None:
    """Write the file whole or not at all; floats as Python repeats them."""
    names = tuple(metrics)
    with written_whole(file) as new, new.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.writer(opened)
        writer.writerow([*_FIXED, *names])
        for row in rows:
            fixed = (row.case, row.class_name, row.status.value)
            values = (row.values.get(name, "") for name in names)
            writer.writerow([*fixed, row.reference_ml, row.prediction_ml, *values])


def read_metrics(file: Path) -> tuple[tuple[str, ...], list[Row]]:
    """The names of the metrics, and the rows; a mark that spreadsheets put first is skipped.

    Raises:
        DuCiSCError: not such a file.
    """
    try:
        with file.open(newline="", encoding="utf-8-sig") as opened:
            reader = csv.DictReader(opened)
            names = tuple(reader.fieldnames or ())[len(_FIXED) :]
            if tuple(reader.fieldnames or ())[: len(_FIXED)] != _FIXED or not names:
                raise ValueError(f"its columns are {', '.join(reader.fieldnames or ['none'])}")
            strangers = [name for name in names if name not in METRICS]
            if strangers:
                raise ValueError(f"its column {strangers[0]} is no metric")
            return names, [_row(entry, names) for entry in reader]
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise DuCiSCError(
            f"{file} is not a metrics.csv of ducisc evaluate ({error}): name one that this "
            "version has written."
        ) from error


def _row(entry: Mapping[str, str], names: Iterable[str]) -> Row:
    return Row(
        entry["case"],
        entry["class"],
        Status(entry["status"]),
        float(entry["reference_ml"]),
        float(entry["prediction_ml"]),
        {name: float(entry[name]) for name in names if entry[name]},
    )
