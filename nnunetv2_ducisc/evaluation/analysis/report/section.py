"""The parts of a report."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from matplotlib.figure import Figure


@dataclass(frozen=True)
class Headline:
    """A number at the top of the report.

    Attributes:
        title: what it is.
        value: with its unit.
        note: how to read it.
    """

    title: str
    value: str
    note: str


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure.

    Attributes:
        name: of its files.
        figure: drawn.
        caption: one sentence: what it shows and how to read it.
    """

    name: str
    figure: Figure
    caption: str


@dataclass(frozen=True)
class Table:
    """Cells as text; the first column names the row."""

    header: tuple[str, ...]
    rows: list[tuple[str, ...]]
    caption: str


@dataclass(frozen=True, eq=False)
class Section:
    """A part of the report.

    Attributes:
        key: of its numbers in analysis.json.
        title: its heading.
        sentences: what has to be known, or why the section is empty.
        headlines: go to the top of the report.
        tables: come first.
        pictures: come after them.
        numbers: everything, for analysis.json; NaN is none.
    """

    key: str
    title: str
    sentences: tuple[str, ...] = ()
    headlines: tuple[Headline, ...] = ()
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()
    numbers: dict[str, Any] = field(default_factory=dict)
