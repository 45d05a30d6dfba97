"""The files of a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib

from nnunetv2_ducisc.evaluation.comparison.comparison import Comparison
from nnunetv2_ducisc.evaluation.comparison.figure import differences_figure
from nnunetv2_ducisc.evaluation.comparison.markup import as_latex, as_markdown
from nnunetv2_ducisc.evaluation.comparison.pairing import Pairing
from nnunetv2_ducisc.evaluation.comparison.table import Table
from nnunetv2_ducisc.raw_dataset.staging import write_json
from nnunetv2_ducisc.whole import make_folder, written_whole


def write_comparison(
    folder: Path, results: Sequence[Comparison], table: Table, pairing: Pairing
) -> None:
    """Write ``comparison`` as .md, .tex, .json, .png and .pdf, each whole or not at all.

    Raises:
        DuCiSCError: the folder cannot be made.
    """
    make_folder(folder)
    for ending, text in ((".md", as_markdown(table)), (".tex", as_latex(table))):
        with written_whole(folder / f"comparison{ending}") as beside:
            beside.write_text(text, encoding="utf-8")
    (a, b), found = pairing.names, [result.as_dict() for result in results]
    content = {"a": a, "b": b, "unit": pairing.unit, "notes": table.notes, "results": found}
    write_json(folder / "comparison.json", content)
    # nnU-Net's own plot leaves its large fonts behind for every later figure.
    with matplotlib.rc_context({**matplotlib.rcParamsDefault, "pdf.fonttype": 42}):
        figure = differences_figure(results, pairing.names, pairing.unit)
        for ending in ("png", "pdf"):
            with written_whole(folder / f"comparison.{ending}") as beside:
                figure.savefig(beside, dpi=150, format=ending)
