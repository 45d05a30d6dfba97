"""The method's own log: one row an epoch, as a CSV file and as a figure."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import torch
from torch import Tensor

from nnunetv2_ducisc.errors import DuCiSCError, one_line
from nnunetv2_ducisc.method.confidence import Counts
from nnunetv2_ducisc.method.distributed import averaged, summed
from nnunetv2_ducisc.method.objective import TERMS
from nnunetv2_ducisc.whole import written_whole

Row = dict[str, float]


class ProgressLog:
    """Averages the steps of an epoch into a row and keeps the rows of the whole run.

    Columns: ``epoch``, ``iteration`` (steps done), ``loss_sup`` and a ``loss_<term>`` a term,
    unweighted, and for every class ``threshold_``, ``pass_rate_`` (share of its pseudo-labeled
    voxels that count), ``share_`` (its share of the pseudo label) and ``patches_`` (share of the
    unlabeled patches whose pseudo label shows it). What was not computed, as in warm-up, is an
    empty cell.

    Args:
        class_names: the names of the classes, in the order of the network's outputs.
    """

    def __init__(self, class_names: list[str]) -> None:
        self.class_names = class_names
        self.rows: list[Row] = []
        self._losses: list[dict[str, Tensor]] = []
        self._counts: list[Tensor] = []
        self._totals = torch.zeros(2, dtype=torch.float64)
        losses = [f"loss_{name}" for name in ("sup", *TERMS)]
        self.columns = ["epoch", "iteration", *losses] + [
            f"{quantity}_{name}"
            for quantity in ("threshold", "pass_rate", "share", "patches")
            for name in class_names
        ]

    def add_step(self, losses: dict[str, Tensor], counts: Counts) -> None:
        """Keep a semi-supervised step: scalars by term, and how its pseudo label fared."""
        self._losses.append({f"loss_{name}": loss.detach() for name, loss in losses.items()})
        self._counts.append(torch.stack([counts.voxels, counts.reliable, counts.images]))
        self._totals += torch.tensor([counts.all_voxels, counts.all_images])

    def end_epoch(self, epoch: int, iteration: int, train_loss: float, thresholds: Tensor) -> Row:
        """Close the epoch and return its row; in warm-up the training loss is L_sup."""
        row: Row = {"epoch": epoch, "iteration": iteration}
        row |= self._mean_losses() | self._shares() if self._counts else {"loss_sup": train_loss}
        names = [f"threshold_{name}" for name in self.class_names]
        row |= dict(zip(names, thresholds.tolist(), strict=True))
        self._losses, self._counts, self._totals = [], [], torch.zeros_like(self._totals)
        self.rows = [*(r for r in self.rows if r["epoch"] < epoch), row]
        return row

    def _mean_losses(self) -> Row:
        """Every term's mean over the epoch's semi-supervised steps, and over all processes."""
        columns = self._losses[0]
        steps = torch.stack([torch.stack([step[c] for c in columns]) for step in self._losses])
        return dict(zip(columns, averaged(steps.mean(0)).tolist(), strict=True))

    def _shares(self) -> Row:
        """Pass rate and shares of every class over all of the epoch's steps, of all processes.

        A class that the pseudo label never shows has no pass rate.
        """
        counts = torch.stack(self._counts).double().sum(0)
        of_class = summed(counts).T.tolist()
        all_voxels, all_patches = summed(self._totals.to(counts.device)).tolist()
        row: Row = {}
        for name, (count, passed, patches) in zip(self.class_names, of_class, strict=True):
            row[f"share_{name}"] = count / all_voxels
            row[f"patches_{name}"] = patches / all_patches
            if count > 0:
                row[f"pass_rate_{name}"] = passed / count
        return row

    def console_line(self, row: Row) -> str:
        """The row as one line for a person."""
        losses = [f"{n} {row[f'loss_{n}']:.4f}" for n in ("sup", *TERMS) if f"loss_{n}" in row]
        parts = ["losses: " + ", ".join(losses), self._of_classes(row, "thresholds", "threshold")]
        if f"share_{self.class_names[0]}" in row:  # not in warm-up
            parts.append(self._of_classes(row, "pass rates", "pass_rate"))
            parts.append(self._of_classes(row, "shares", "share"))
            parts.append(self._of_classes(row, "in patches", "patches"))
            absent = [name for name in self.class_names if row[f"share_{name}"] == 0]
            if absent:
                parts.append(f"no pseudo label shows {', '.join(absent)}")
        return "DuCiSC " + "; ".join(parts)

    def _of_classes(self, row: Row, words: str, quantity: str) -> str:
        """One value a class, in the order of the classes; a dash where there is none."""
        values = [row.get(f"{quantity}_{name}") for name in self.class_names]
        return f"{words} {' '.join('-' if v is None else f'{v:.3f}' for v in values)}"

    def write(self, folder: Path) -> None:
        """Write ``ducisc_log.csv`` and ``ducisc_progress.png``, whole or not at all.

        Raises:
            DuCiSCError: they could not be written; those of the epoch before are as they were.
        """
        from nnunetv2_ducisc.figures import plot_progress

        try:
            self._write_table(folder / "ducisc_log.csv")
            plot_progress(self.rows, self.class_names, folder / "ducisc_progress.png")
        except OSError as error:
            free = shutil.disk_usage(folder).free / 2**20
            raise DuCiSCError(
                f"The log of this epoch could not be written to {folder}, with {free:.0f} MiB free "
                f"on its disk ({one_line(error)}); the last checkpoint is whole: make room, then "
                "repeat the command with --c."
            ) from error

    def _write_table(self, table: Path) -> None:
        with written_whole(table) as new, new.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, self.columns, restval="")
            writer.writeheader()
            writer.writerows(self.rows)

    def state_dict(self) -> dict[str, list[Row]]:
        """What a checkpoint has to keep."""
        return {"rows": list(self.rows)}

    def load_state_dict(self, state: dict[str, list[Row]]) -> None:
        """Go on from a checkpoint."""
        self.rows = list(state["rows"])
