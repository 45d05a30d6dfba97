"""The learning curves of all runs: loss and pseudo Dice over the iterations."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nnunetv2_ducisc.benchmark.benchmark import Group
from nnunetv2_ducisc.benchmark.plan.plan import ALL
from nnunetv2_ducisc.benchmark.results.files import save_figure
from nnunetv2_ducisc.benchmark.units.runs import CHECKPOINTS, Run
from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.nnunet import checkpoint_file
from nnunetv2_ducisc.nnunet.checkpoint import KEY

Values = NDArray[np.float64]
_LETTERS, _LETTERS_OF_A_LINE = 125, 8  # that a row of the legend holds, and that a line takes


@dataclass(frozen=True)
class Curves:
    """One training.

    Attributes:
        iterations: done at the end of every epoch.
        loss: on the labeled cases, cross-entropy - Dice, without the terms of a method.
        pseudo_dice: of patches of nnU-Net's validation cases.
    """

    iterations: Values
    loss: Values
    pseudo_dice: Values


def read_curves(run: Run) -> Curves:
    """From the final checkpoint: nnU-Net's log, and for the loss of a DuCiSC run its own.

    Raises:
        DuCiSCError: the checkpoint is not there.
    """
    file = run.training / CHECKPOINTS["student"]
    if not file.is_file():
        raise DuCiSCError(
            f"The table is there, but without learning curves: that of {run.name} is in {file}, "
            "which is gone: put it back and repeat the command."
        )
    checkpoint = checkpoint_file.read(file)
    log = checkpoint["logging"]
    losses = log["train_losses"]
    own = checkpoint.get(KEY, {})
    if "progress" in own:  # seeded stock keeps a random state alone
        losses = [row["loss_sup"] for row in own["progress"]["rows"]]
    epochs = 1 + np.arange(len(log["mean_fg_dice"]))
    iterations = epochs * run.settings.get("num_iterations_per_epoch", 250)
    return Curves(iterations, np.array(losses, float), np.array(log["mean_fg_dice"], float))


def draw_curves(groups: Sequence[Group], folder: Path) -> None:
    """Write ``learning_curves.png`` and ``.pdf``: a row of panels for each table."""
    with matplotlib.rc_context(matplotlib.rcParamsDefault):
        save_figure(curves_figure(groups), folder, "learning_curves")


def curves_figure(groups: Sequence[Group]) -> Figure:
    """Lines are means over seeds and folds, bands reach from the lowest to the highest run."""
    names = list(groups[0].runs)
    columns = max(1, _LETTERS // max(len(name) + _LETTERS_OF_A_LINE for name in names))
    height = 0.4 + 0.2 * math.ceil(len(names) / columns) + 3.6 * len(groups)
    figure = Figure(figsize=(11, height), layout="constrained")
    panels = figure.subplots(len(groups), 2, squeeze=False)
    for (left, right), group in zip(panels, groups, strict=True):
        if len(names) > 10:  # than matplotlib's cycle has colours
            for panel in (left, right):
                colors = matplotlib.colormaps["turbo"](np.linspace(0, 1, len(names)))
                panel.set_prop_cycle(color=colors)
        # Every other line is dashed: where two are the same, as stock and its twin are, both show.
        for (name, runs), style in zip(group.runs.items(), itertools.cycle(["-", "--"])):
            curves = [read_curves(run) for run in runs]
            _band(left, name, style, curves, [one.loss for one in curves])
            _band(right, name, style, curves, [one.pseudo_dice for one in curves])
        left.set(title=group.name, ylabel="loss on labeled cases\n(cross-entropy - Dice)")
        right.set(title=_patches_of(group), ylabel="pseudo Dice, mean of classes")
        for panel in (left, right):
            panel.set(xlabel="iterations")
            panel.grid(alpha=0.3)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=columns, frameon=False)
    caption = "Lines: mean over seeds and folds. Bands: from the lowest to the highest run."
    figure.supxlabel(caption, fontsize=9)
    return figure


def _band(
    panel: Axes, name: str, style: str, curves: Sequence[Curves], values: Iterable[Values]
) -> None:
    together = np.array(list(values))
    iterations = curves[0].iterations
    (line,) = panel.plot(iterations, together.mean(axis=0), label=name, linestyle=style)
    if len(together) > 1:
        panel.fill_between(
            iterations,
            together.min(axis=0),
            together.max(axis=0),
            color=line.get_color(),
            alpha=0.2,
        )


def _patches_of(group: Group) -> str:
    folds = {run.fold for runs in group.runs.values() for run in runs}
    return f"patches of {'training' if folds == {ALL} else 'validation'} cases"
