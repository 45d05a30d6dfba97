"""Dice of the methods: read from nnU-Net's evaluation, and set in a table."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Scores:
    """One method on the test cases.

    Attributes:
        method: its name.
        cases: identifiers, sorted.
        dice: shape [cases, foreground classes].
        seconds: how long the training command took.
    """

    method: str
    cases: list[str]
    dice: NDArray[np.float64]
    seconds: float

    @property
    def case_means(self) -> NDArray[np.float64]:
        """Mean over the classes, one value a case."""
        return self.dice.mean(axis=1)


def read_scores(method: str, summary: Path, seconds: float) -> Scores:
    """Read the ``summary.json`` that ``nnUNetv2_evaluate_folder`` writes."""
    entries = json.loads(summary.read_text(encoding="utf-8"))["metric_per_case"]
    by_case = {
        Path(entry["prediction_file"]).name.split(".")[0]: [
            entry["metrics"][label]["Dice"] for label in sorted(entry["metrics"], key=int)
        ]
        for entry in entries
    }
    cases = sorted(by_case)
    return Scores(method, cases, np.array([by_case[case] for case in cases]), seconds)


def table(baseline: Scores, other: Scores, classes: list[str]) -> str:
    """Dice per class and mean of both methods, and their difference, as text."""
    lines = [_row("method", [*classes, "mean"], "training")]
    for scores in (baseline, other):
        columns = [*scores.dice.T, scores.case_means]
        cells = [f"{column.mean():.3f} ± {column.std(ddof=1):.3f}" for column in columns]
        lines.append(_row(scores.method, cells, f"{scores.seconds:.0f} s"))
    gain = np.append((other.dice - baseline.dice).mean(axis=0), (other.dice - baseline.dice).mean())
    lines.append(_row("difference", [f"{value:+.3f}" for value in gain], ""))
    higher = int((other.case_means > baseline.case_means).sum())
    lines.append(
        f"\nDice, mean ± standard deviation over {len(other.cases)} test cases. {other.method} has "
        f"the higher mean in {higher} of them."
    )
    return "\n".join(lines)


def median_case(baseline: Scores, other: Scores) -> str:
    """The case in the middle by Dice averaged over classes and both methods.

    Of an even number of cases it is the lower of the two in the middle.
    """
    order = np.argsort(baseline.case_means + other.case_means, kind="stable")
    return baseline.cases[order[(len(order) - 1) // 2]]


def _row(first: str, cells: list[str], last: str) -> str:
    return f"{first:<12}" + "".join(f"{cell:<16}" for cell in cells) + f"{last:>8}"
