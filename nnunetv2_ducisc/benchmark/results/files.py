"""What a benchmark ends with, each file whole or not at all."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure


def write_text(file: Path, text: str) -> None:
    """Write a text."""
    beside = file.with_name(f".{file.name}.partial")
    beside.write_text(text, encoding="utf-8")
    beside.replace(file)


def save_figure(figure: Figure, folder: Path, name: str) -> None:
    """Write ``NAME.png`` for screens and ``NAME.pdf`` for paper."""
    for ending in ("png", "pdf"):
        beside = folder / f".{name}.{ending}.partial"
        figure.savefig(beside, dpi=150, format=ending)
        beside.replace(folder / f"{name}.{ending}")
