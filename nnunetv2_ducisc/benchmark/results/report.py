"""The tables for people and for programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from textwrap import fill
from typing import Any

from nnunetv2_ducisc import __version__
from nnunetv2_ducisc.benchmark.results.files import write_text
from nnunetv2_ducisc.benchmark.results.table import MEAN, Line, Table
from nnunetv2_ducisc.evaluation.metrics_file import Metric

Cells = Sequence[Sequence[str]]

NOTES = (
    "Mean over test cases, of each case over its classes; ± is the sd over the trainings' seeds, "
    "all with their final checkpoints.",
    "Differences are paired by case, of values averaged over seeds and folds: interval (bootstrap, "
    "95 %) and p (paired t-test, one-sided for better, Holm-corrected over metrics) are over "
    "cases, and do not know how far seeds differ.",
    "Missed and spurious count structures (cases x classes) over all seeds and folds.",
)


@dataclass(frozen=True)
class Origin:
    """What the tables were made by.

    Attributes:
        plan: name of its file.
        seeds: of the trainings.
        trainings: number of them.
        predicted_after_opening: how many of them were predicted after the labels of the test cases
            had first been opened.
    """

    plan: str
    seeds: tuple[int, ...]
    trainings: int
    predicted_after_opening: int

    @property
    def note(self) -> str:
        """Whether somebody could have chosen by test labels."""
        if not self.predicted_after_opening:
            return "The test labels were opened after the last prediction."
        return (
            f"{self.predicted_after_opening} of {self.trainings} trainings were predicted after "
            "the test labels had first been opened."
        )


def write_report(tables: Sequence[Table], origin: Origin, folder: Path) -> str:
    """Write ``table.txt``, ``.md``, ``.csv`` and ``.json``, each whole or not at all.

    Returns:
        The text.
    """
    text = _document(tables, origin, _text, "", 100)
    write_text(folder / "table.txt", text)
    write_text(folder / "table.md", _document(tables, origin, _markdown, "### ", None))
    write_text(folder / "table.csv", _csv(tables))
    content = {"version": __version__, **asdict(origin), "tables": [*map(_content, tables)]}
    write_text(folder / "table.json", json.dumps(content, indent=2) + "\n")
    return text


def _content(table: Table) -> dict[str, Any]:
    return {
        "title": table.title,
        "reference": table.reference,
        "test_cases": table.cases,
        "test_groups": table.groups,
        "made_up": table.made_up,
        "rows": [line.as_dict() | {"per_seed": line.per_seed} for line in table.lines],
    }


def cells(table: Table, metric: Metric) -> Cells:
    """Head and rows of one metric."""
    head = ["method", f"{metric.title}{f' ({metric.unit})' if metric.unit else ''}"]
    head += [f"difference to {table.reference}", "p", "cases better", "missed", "spurious"]
    return [head, *(_row(line) for line in table.of(MEAN) if line.metric == metric)]


def _row(line: Line) -> list[str]:
    digits = 2 if line.metric.unit else 3
    mean = f"{line.mean:.{digits}f}" + ("" if line.sd is None else f" ± {line.sd:.{digits}f}")
    counts = [str(line.missed), str(line.spurious)]
    if line.comparison is None:
        return [line.method, mean, "-", "-", "-", *counts]
    compared = line.comparison
    interval = "" if compared.interval is None else " [{:+.{d}f}, {:+.{d}f}]"
    difference = f"{compared.difference:+.{digits}f}"
    difference += interval.format(*(compared.interval or ()), d=digits)
    better = f"{compared.better_equal_worse[0]} of {len(compared.sample.a)}"
    return [line.method, mean, difference, _p(compared.p_t_holm), better, *counts]


def _p(value: float | None) -> str:
    if value is None:
        return "-"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _document(
    tables: Sequence[Table],
    origin: Origin,
    layout: Callable[[Cells], str],
    mark: str,
    width: int | None,
) -> str:
    """Titles with a mark before them, tables laid out, and notes wrapped to a width."""

    def wrapped(note: str) -> str:
        return note if width is None else fill(note, width)

    parts = []
    for table in tables:
        seeds = f"{table.seeds} seed{'s' if table.seeds > 1 else ''}"
        parts.append(f"{mark}{table.title}: {table.cases} test cases, {seeds}")
        metrics = dict.fromkeys(line.metric for line in table.of(MEAN))
        parts += [layout(cells(table, metric)) for metric in metrics]
        parts += [wrapped(_made_up(table))] if table.made_up else []
        parts += [wrapped(_grouped(table))] if table.groups is not None else []
    notes = [*NOTES, origin.note]
    return "\n\n".join([*parts, *map(wrapped, notes)]) + "\n"


def _made_up(table: Table) -> str:
    return (
        "Structures (cases x classes) that are not there, and are in the means since some of these "
        f"trainings predict them: {table.made_up}; the others count as perfect there, so that "
        "other rows in the table would change their means."
    )


def _grouped(table: Table) -> str:
    return (
        f"Test cases of a group (a patient) are averaged first: means, intervals and p are over "
        f"{table.groups} groups, and what is better counts groups, not cases."
    )


def _text(rows: Cells) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _markdown(rows: Cells) -> str:
    head, *others = rows
    lines = [head, ["---"] * len(head), *others]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _csv(tables: Sequence[Table]) -> str:
    rows = [{"table": t.title, **line.as_dict()} for t in tables for line in t.lines]
    written = io.StringIO()
    writer = csv.DictWriter(written, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return written.getvalue()
