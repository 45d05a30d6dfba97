"""``ducisc compare``."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import dataclass, replace
from pathlib import Path

from nnunetv2_ducisc.errors import DuCiSCError


@dataclass(frozen=True)
class Compare:
    """Compare two evaluations, paired by case and class: is B better than A?"""

    a: Path
    b: Path
    names: list[str] | None
    groups: Path | None
    output: Path | None

    @staticmethod
    def add_options(parser: ArgumentParser) -> None:
        """Two files of metrics, their names, and where to."""
        for side, role in (("a", "the one to beat"), ("b", "the one that may be better")):
            parser.add_argument(
                side,
                metavar=side.upper(),
                type=Path,
                help=f"metrics.csv of ducisc evaluate, or a folder with one: {role}",
            )
        parser.add_argument(
            "--names",
            nargs=2,
            metavar=("A", "B"),
            help="what to call them (default: their folders)",
        )
        parser.add_argument(
            "--groups",
            metavar="FILE",
            type=Path,
            help="case,group a line, as of ducisc withhold: the cases of a group, such as the "
            "scans of a patient, are averaged and count as one (default: every case counts)",
        )
        parser.add_argument(
            "-o",
            dest="output",
            metavar="OUT",
            type=Path,
            help="folder for the table as Markdown, LaTeX and JSON, and the figure as PNG and PDF",
        )

    def run(self) -> int:
        """Print the table, and write the files if asked to."""
        from nnunetv2_ducisc.evaluation.comparison.comparison import compare
        from nnunetv2_ducisc.evaluation.comparison.markup import as_text
        from nnunetv2_ducisc.evaluation.comparison.output import write_comparison
        from nnunetv2_ducisc.evaluation.comparison.pairing import common_metrics, pair_rows
        from nnunetv2_ducisc.evaluation.comparison.sample import samples
        from nnunetv2_ducisc.evaluation.comparison.table import table
        from nnunetv2_ducisc.evaluation.metrics_file import read_metrics
        from nnunetv2_ducisc.raw_dataset.withholding.groups import read_groups

        a, b = self._files()
        names = self._names(a, b)
        (of_a, rows_a), (of_b, rows_b) = read_metrics(a), read_metrics(b)
        pairing = pair_rows(rows_a, rows_b, common_metrics(of_a, of_b, names), names)
        if self.groups is not None:
            pairing = replace(pairing, group_of=read_groups(self.groups, pairing.cases))
        results = compare(samples(pairing))
        cells = table(results, pairing)
        if self.output is not None:
            write_comparison(self.output, results, cells, pairing)
        print(as_text(cells))
        return 0

    def _files(self) -> tuple[Path, Path]:
        a, b = (
            (path / "metrics.csv" if path.is_dir() else path).resolve() for path in (self.a, self.b)
        )
        if a == b:
            raise DuCiSCError(f"{a} is both A and B: name two evaluations.")
        return a, b

    def _names(self, a: Path, b: Path) -> tuple[str, str]:
        """As asked for, or the innermost folders that differ."""
        if self.names is None:
            folders = zip(reversed(a.parent.parts), reversed(b.parent.parts), strict=False)
            return next(((x, y) for x, y in folders if x != y), (a.name, b.name))
        first, second = self.names
        if first == second:
            raise DuCiSCError(f"--names calls both {first}: name them apart.")
        return first, second
