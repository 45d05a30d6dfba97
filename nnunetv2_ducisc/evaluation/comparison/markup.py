"""A table as plain text, Markdown and LaTeX."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from nnunetv2_ducisc.evaluation.comparison.table import UNDEFINED, Table

_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}


def as_text(table: Table) -> str:
    """Columns in line, the class above its rows, the notes below."""
    everything = [table.header, *(row for _, rows in table.groups for row in rows)]
    widths = [max(map(len, column)) for column in zip(*everything, strict=True)]
    lines = [_in_line(table.header, widths)]
    for title, rows in table.groups:
        lines += ["", title, *(_in_line(row, widths) for row in rows)]
    return "\n".join([*lines, "", *table.notes])


def as_markdown(table: Table) -> str:
    """A pipe table with the class in its first column, the notes below."""
    lines = [_pipes("class", table.header), "| --- | --- |" + " ---: |" * (len(table.header) - 1)]
    for title, rows in table.groups:
        lines += [_pipes(title * (number == 0), row) for number, row in enumerate(rows)]
    notes = [f"- {_markdown(note)}" for note in table.notes]
    return "\n".join([*lines, "", *notes, ""])


def as_latex(table: Table) -> str:
    r"""A ``tabular`` to ``\input``, by booktabs; the notes are comments."""
    columns = "ll" + "r" * (len(table.header) - 1)
    lines = [f"% {note}" for note in ("Needs \\usepackage{booktabs}.", *table.notes)]
    lines += [f"\\begin{{tabular}}{{{columns}}}", "\\toprule"]
    lines.append(_ampersands(map(_latex, ["class", *table.header])))
    for title, rows in table.groups:
        lines.append("\\midrule")
        for number, (metric, *numbers) in enumerate(rows):
            names = [_latex(title) * (number == 0), _latex(metric)]
            lines.append(_ampersands([*names, *map(_latex_number, numbers)]))
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", ""])


def _in_line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """The first column to the left, the others to the right."""
    first, *others = zip(cells, widths, strict=True)
    return "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)])


def _pipes(first: str, cells: Iterable[str]) -> str:
    return f"| {' | '.join(map(_markdown, [first, *cells]))} |"


def _markdown(text: str) -> str:
    return re.sub(r"([\\`*_|<>#])", r"\\\1", text)


def _ampersands(cells: Iterable[str]) -> str:
    return f"{' & '.join(cells)} \\\\"


def _latex(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)


def _latex_number(cell: str) -> str:
    """As mathematics, so that a minus is one."""
    if cell == UNDEFINED or cell.isalpha():
        return cell.replace(UNDEFINED, "--")
    return "$" + re.sub(r"e-0*(\d+)", r" \\times 10^{-\1}", cell) + "$"
