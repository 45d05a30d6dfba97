"""The table at the end of a conversion, and what in it looks odd."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from nnunetv2_ducisc.raw_dataset.layout import Part

MOST_LINES = 20

Records = Mapping[str, Mapping[str, Any]]


def case_warnings(records: Records) -> list[str]:
    """A sentence for whatever lies outside of what is known of the data set."""
    return [f"{case} {odd}" for case, record in records.items() for odd in record["oddities"]]


def warning_lines(warnings: Sequence[str]) -> list[str]:
    """A line for each warning, as long as somebody would read them."""
    lines = [f"Warning: {warning}." for warning in warnings[:MOST_LINES]]
    more = len(warnings) - len(lines)
    return lines + ([f"Warning: {more} more are in conversion.json."] if more else [])


def table(records: Records) -> str:
    """Cases, sizes, spacings and label volumes of every part."""
    rows = [("part", "cases", "size in voxels", "spacing in mm", "label volume in ml")]
    for part in Part:
        of_part = [r for r in records.values() if r["part"] == part.name.lower()]
        if of_part:
            rows.append((part.name.lower(), str(len(of_part)), *_ranges(of_part)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _ranges(records: Sequence[Mapping[str, Any]]) -> tuple[str, str, str]:
    """Smallest and largest size and spacing, and the volumes of every class."""
    size, spacing = (
        " x ".join(_range(axis) for axis in zip(*(r[key] for r in records), strict=True))
        for key in ("size", "spacing")
    )
    with_label = [record["label_ml"] for record in records if "label_ml" in record]
    if not with_label:
        return size, spacing, "not read"
    volumes = {name: [volume[name] for volume in with_label] for name in with_label[0]}
    text = [f"{name} {median(ml):.3g} ({_range(ml)})" for name, ml in volumes.items()]
    return size, spacing, ", ".join(text)


def _range(values: Sequence[float]) -> str:
    """``low-high``, or the one value."""
    low, high = min(values), max(values)
    return f"{low:.4g}" if low == high else f"{low:.4g}-{high:.4g}"
