"""What a benchmark ends with, each file whole or not at all."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from nnunetv2_ducisc.whole import written_whole


def write_text(file: Path, text: str) -> None:
    """Write a text."""
    with written_whole(file) as new:
        new.write_text(text, encoding="utf-8")


def save_figure(figure: Figure, folder: Path, name: str) -> None:
    """Write ``NAME.png`` for screens and ``NAME.pdf`` for paper."""
    for ending in ("png", "pdf"):
        with written_whole(folder / f"{name}.{ending}") as new:
            figure.savefig(new, dpi=150, format=ending)
