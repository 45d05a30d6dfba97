"""How good the pseudo label of unlabeled images is, and how much of it passes the thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

from nnunetv2_ducisc.evaluation.analysis.measures.pseudo_label_quality import Quality
from nnunetv2_ducisc.evaluation.analysis.report.section import Headline, Picture, Section, Table
from nnunetv2_ducisc.evaluation.analysis.report.style import class_colors, panels, short
from nnunetv2_ducisc.evaluation.analysis.report.text import mean_and_sd, percent, ratio
from nnunetv2_ducisc.evaluation.analysis.subject import Subject

_KEY, _TITLE = "pseudo_labels", "Pseudo labels of unlabeled images"
_NO_TRUTH = (
    "labelsUn has no truth for these images, so that nobody can say how good their pseudo label "
    "is: withhold labels of a labeled data set with ducisc withhold to find out."
)
_SHARES = {
    "precision": ("right, of all", "#bbbbbb"),
    "precision_passed": ("right, of those that passed", "#009E73"),
    "coverage": ("passed the threshold", "#0072B2"),
}


def pseudo_label_section(subject: Subject) -> Section:
    """Dice, precision and coverage of the labeler; without thresholds there is no coverage."""
    seen, model = subject.seen_unlabeled, subject.model
    if seen is None:
        return Section(_KEY, _TITLE, ("There are no unlabeled images to label.",))
    sentence = (
        f"The pseudo label of {len(seen.cases)} unlabeled cases is that of the {model.labeler}."
    )
    quality = Quality.of([case.counts for case in seen.cases])
    shares = [key for key in _SHARES if key == "precision" or model.semi is not None]
    if not seen.with_truth:
        shares = shares[2:]
        numbers = _numbers(subject, quality, shares)
        tables = (_table(numbers, shares),) if shares else ()
        return Section(_KEY, _TITLE, (sentence, _NO_TRUTH), (), tables, (), numbers)
    numbers = _numbers(subject, quality, ["dice", *shares])
    names = [model.classes[c] for c in model.foreground]
    return Section(
        _KEY,
        _TITLE,
        (sentence,),
        tuple(_headlines(subject, quality)),
        (_table(numbers, shares),),
        (_picture(numbers, names, shares),),
        numbers,
    )


def _numbers(subject: Subject, quality: Quality, keys: Sequence[str]) -> dict[str, Any]:
    model, seen = subject.model, subject.seen_unlabeled
    assert seen is not None

    def of_class(values: Tensor) -> dict[str, Any]:
        return dict(zip(model.classes, values.tolist(), strict=True))

    thresholds = {} if model.semi is None else {"thresholds": of_class(model.thresholds)}
    cases = {"labeler": model.labeler, "cases": [case.name for case in seen.cases]}
    return (
        cases | thresholds | {key: of_class(getattr(quality, key).movedim(-1, 0)) for key in keys}
    )


def _headlines(subject: Subject, quality: Quality) -> list[Headline]:
    """Means over the foreground classes."""
    foreground = subject.model.foreground
    dice = quality.dice[:, foreground].nanmean(1).tolist()
    precision, passed, coverage = (
        values[foreground].nanmean().item()
        for values in (quality.precision, quality.precision_passed, quality.coverage)
    )
    note = f"{subject.model.labeler}, {len(dice)} unlabeled cases, mean over classes; 1 is best"
    headlines = [Headline("Pseudo-label Dice", mean_and_sd(dice), note)]
    if subject.model.semi is None:
        return [*headlines, Headline("Pseudo-label precision", percent(precision), "100 % is best")]
    text = f"of the voxels that passed the threshold are right; of all {percent(precision)}"
    return [
        *headlines,
        Headline("Precision", percent(passed), text),
        Headline("Coverage", percent(coverage), "of the foreground's pseudo label passed"),
    ]


def _table(numbers: dict[str, Any], shares: Sequence[str]) -> Table:
    columns: list[tuple[str, dict[str, str]]] = []
    if "thresholds" in numbers:
        columns.append(("threshold", {c: ratio(v) for c, v in numbers["thresholds"].items()}))
    if "dice" in numbers:
        columns.append(("Dice", {c: mean_and_sd(v) for c, v in numbers["dice"].items()}))
    for key in shares:
        columns.append((_SHARES[key][0], {c: percent(v) for c, v in numbers[key].items()}))
    rows = [(c, *(cells[c] for _, cells in columns)) for c in columns[0][1]]
    caption = "Shares are of the voxels with the class's pseudo label, over all cases together"
    if "dice" in numbers:
        caption += "; Dice is mean ± standard deviation over the cases that show the class"
    return Table(("class", *(title for title, _ in columns)), rows, f"{caption}.")


def _picture(numbers: dict[str, Any], names: list[str], shares: Sequence[str]) -> Picture:
    figure, [[left, right]] = panels(1, 2, 3.5 + 0.4 * len(names), 2.8)
    _draw_dice(left, numbers["dice"], names)
    _draw_shares(right, {key: [numbers[key][name] for name in names] for key in shares}, names)
    figure.legend(loc="outside lower right", ncols=3)
    caption = (
        "Left: Dice of the pseudo label, a point a case and a line for the mean; 1 is best. Right: "
        "the share of the class's pseudo-labeled voxels that are right"
    )
    if len(shares) > 1:
        caption += "; a good threshold lifts it without losing many"
    return Picture("pseudo_label_quality", figure, f"{caption}.")


def _draw_dice(panel: Axes, dice: dict[str, list[float]], names: list[str]) -> None:
    colors, shake = class_colors(names), np.random.default_rng(0)
    for place, name in enumerate(names):
        values = np.array(dice[name])
        places = place + shake.uniform(-0.15, 0.15, len(values))
        panel.scatter(places, values, s=14, color=colors[name], alpha=0.7, linewidths=0)
        if not np.isnan(values).all():
            mean = np.nanmean(values)
            panel.plot([place - 0.3, place + 0.3], [mean, mean], color="black")
    panel.set(ylim=(0, 1.02), ylabel="Dice (no unit)", title="Pseudo label against truth")
    _name_places(panel, names)


def _draw_shares(panel: Axes, shares: dict[str, list[float]], names: list[str]) -> None:
    width = 0.8 / len(shares)
    for number, (key, values) in enumerate(shares.items()):
        places = np.arange(len(names)) + (number - (len(shares) - 1) / 2) * width
        label, color = _SHARES[key]
        panel.bar(places, 100 * np.array(values), width, label=label, color=color)
    panel.set(ylim=(0, 102), ylabel="share of voxels (%)", title="Pseudo-labeled voxels")
    _name_places(panel, names)


def _name_places(panel: Axes, names: list[str]) -> None:
    many = len(names) > 4
    panel.set_xticks(range(len(names)), map(short, names), rotation=45 if many else 0)
    panel.set_xlim(-0.5, len(names) - 0.5)  # also of a class that nothing is drawn of
    panel.grid(axis="x", visible=False)
