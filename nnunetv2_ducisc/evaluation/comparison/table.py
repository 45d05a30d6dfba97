"""The table of a comparison: its cells and the sentences below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from nnunetv2_ducisc.evaluation.comparison.comparison import Comparison
from nnunetv2_ducisc.evaluation.comparison.pairing import Pairing
from nnunetv2_ducisc.evaluation.comparison.statistics import CONFIDENCE, RESAMPLES, SEED
from nnunetv2_ducisc.evaluation.metrics_file import Metric, Status

UNDEFINED = "-"


@dataclass(frozen=True)
class Table:
    """Cells as plain text.

    Attributes:
        header: of the columns.
        groups: title of a class and its rows, a row a metric.
        notes: sentences below the table.
    """

    header: tuple[str, ...]
    groups: tuple[tuple[str, list[tuple[str, ...]]], ...]
    notes: tuple[str, ...]


def table(results: Sequence[Comparison], pairing: Pairing) -> Table:
    """The cells of all results."""
    a, b = pairing.names
    interval, counts = f"{CONFIDENCE:.0%} interval", "better/equal/worse"
    header = ("metric", a, b, "difference", interval, "verdict", counts, "t-test p", "Wilcoxon p")
    titled = groupby(results, key=lambda result: _class_title(result, pairing.unit))
    groups = tuple((title, [_cells(result) for result in of_class]) for title, of_class in titled)
    return Table(header, groups, tuple(_notes(results, pairing)))


def metric_title(metric: Metric) -> str:
    """With its unit."""
    return f"{metric.title} ({metric.unit})" if metric.unit else metric.title


def class_title(class_name: str | None) -> str:
    """The class's own name, if it is one class."""
    return "mean of classes" if class_name is None else class_name


def _class_title(result: Comparison, unit: str) -> str:
    number = len(result.sample.a)
    cases = f"{number} {unit}{'s' * (number > 1)}"
    return f"{class_title(result.sample.class_name)} ({cases})"


def _cells(result: Comparison) -> tuple[str, ...]:
    sample = result.sample
    digits = 3 if sample.metric.unit else 4
    low_high = result.interval or ()
    return (
        metric_title(sample.metric),
        f"{sample.a.mean():.{digits}f}",
        f"{sample.b.mean():.{digits}f}",
        f"{result.difference:+.{digits}f}",
        f"[{', '.join(f'{bound:+.{digits}f}' for bound in low_high)}]" if low_high else UNDEFINED,
        result.verdict,
        "/".join(map(str, result.better_equal_worse)),
        _p(result.p_t_holm),
        _p(result.p_wilcoxon_holm),
    )


def _p(value: float | None) -> str:
    if value is None:
        return UNDEFINED
    return f"{value:.3f}" if value >= 0.001 else f"{value:.1e}"


def _notes(results: Sequence[Comparison], pairing: Pairing) -> list[str]:
    """How the numbers were made, and what the empty masks did."""
    (a, b), unit = pairing.names, pairing.unit
    notes = [
        f"Difference: mean of {b} - {a} over {unit}s; better, equal, worse: what {b} is.",
        f"{CONFIDENCE:.0%} interval of the difference: BCa bootstrap over {unit}s, {RESAMPLES} "
        f"resamples, seed {SEED}.",
        f"p: one-sided, small where {b} is better; paired t-test and Wilcoxon signed-rank test "
        f"(equal {unit}s dropped), Holm-corrected over the metrics of a class, not over classes.",
        *_mask_notes(pairing),
    ]
    if any(result.sample.class_name is None for result in results):
        notes.append(f"Mean of classes: over the classes of each case first, then over {unit}s.")
    if pairing.group_of is not None:
        number = len({pairing.group_of[case] for case in pairing.cases})
        notes.append(
            "Cases of a group (a patient) are averaged before means, interval and tests: "
            f"{len(pairing.cases)} cases are {number} groups."
        )
    if any(result.interval is None for result in results):
        notes.append(f"One {unit} alone has no interval and nothing to test.")
    if any(result.p_t is None and result.interval for result in results):
        notes.append(f"A difference that is the same in all {unit}s has no spread for a t-test.")
    return notes


def _mask_notes(pairing: Pairing) -> list[str]:
    compared = f"Structures, each of a case and class: {len(pairing.pairs)} compared"
    left_out = f", {pairing.absent} left out, which no reference and no prediction holds"
    missed, spurious = (_of_each(pairing, status) for status in (Status.MISSED, Status.SPURIOUS))
    notes = [
        f"{compared}{left_out * bool(pairing.absent)}. Missed: {missed}. Spurious: {spurious}."
    ]
    if pairing.one_absent:
        notes.append(
            "Where one side alone makes up a structure, the other one counts as perfect: "
            f"{pairing.one_absent}."
        )
    without = sum(a.has_no_distance for a, _ in pairing.pairs)
    if without:
        notes.append(
            "Without a distance, since ignored voxels hide all of the reference's surface: "
            f"{without}."
        )
    return notes


def _of_each(pairing: Pairing, status: Status) -> str:
    counts = (f"{name} {pairing.count(side, status)}" for side, name in enumerate(pairing.names))
    return ", ".join(counts)
