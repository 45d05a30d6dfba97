"""Do labeled and unlabeled images look the same to the network? Eq. 12 and Table V."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from nnunetv2_ducisc.evaluation.analysis.measures.semantic_matching import (
    channel_spread,
    matching_matrix,
    matching_score,
)
from nnunetv2_ducisc.evaluation.analysis.observation import Observations
from nnunetv2_ducisc.evaluation.analysis.report.section import Headline, Picture, Section, Table
from nnunetv2_ducisc.evaluation.analysis.report.style import of_how_many, panels, short, worst
from nnunetv2_ducisc.evaluation.analysis.report.text import ratio
from nnunetv2_ducisc.evaluation.analysis.subject import Subject

_TITLE = "Semantic matching of labeled and unlabeled images"
_READ = "1: prototypes of labeled and unlabeled images are equal; 0: far apart"


@dataclass(frozen=True, eq=False)
class Matching:
    """Of one network.

    Attributes:
        matrix: M, shape (C, L, U).
        normalized: M of features divided by the spread of their channel, the same shape.
    """

    matrix: Tensor
    normalized: Tensor

    @classmethod
    def of(cls, network: str, labeled: Observations, unlabeled: Observations) -> Matching:
        """Match what was seen."""
        p_i, p_j = (
            torch.stack([case.moments[network].prototypes for case in seen.cases])
            for seen in (labeled, unlabeled)
        )
        cases = [*labeled.cases, *unlabeled.cases]
        squares = torch.stack([case.moments[network].mean_squares for case in cases])
        spread = channel_spread(torch.cat([p_i, p_j]), squares)
        return cls(matching_matrix(p_i, p_j), matching_matrix(p_i / spread, p_j / spread))

    @cached_property
    def scores(self) -> tuple[float | None, float | None]:
        """Q, and Q of the normalized features."""
        return matching_score(self.matrix), matching_score(self.normalized)

    def numbers(self, classes: list[str]) -> dict[str, Any]:
        """For analysis.json."""
        q, normalized = self.scores
        return {
            "Q": q,
            "Q_normalized": normalized,
            "Q_per_class": dict(zip(classes, map(matching_score, self.matrix), strict=True)),
            "Q_normalized_per_class": dict(
                zip(classes, map(matching_score, self.normalized), strict=True)
            ),
            "M": dict(zip(classes, self.matrix.tolist(), strict=True)),
        }


def matching_section(subject: Subject) -> Section:
    """Score, matrix and their scale-free companions, for each network."""
    labeled, unlabeled = subject.seen_labeled, subject.seen_unlabeled
    if unlabeled is None:
        return Section("semantic_matching", _TITLE, ("There are no unlabeled images to match.",))
    classes = subject.model.classes
    of_network = {name: Matching.of(name, labeled, unlabeled) for name in subject.model.networks}
    numbers = {name: matching.numbers(classes) for name, matching in of_network.items()}
    sentences = (
        "Q (Eq. 12, Table V of the paper) compares the mean feature of a class, its prototype at "
        "the finest scale, in every labeled image with that in every unlabeled one; the latter's "
        f"label is that of the {subject.model.labeler}. It rises when a network merely makes all "
        "features smaller; the normalized Q, with every feature channel divided by its standard "
        "deviation, does not: compare models by the two together.",
    )
    return Section(
        "semantic_matching",
        _TITLE,
        sentences,
        tuple(_headlines(of_network)),
        (_table(numbers, classes),),
        (_picture(of_network, classes),),
        {
            "labeled_cases": [case.name for case in labeled.cases],
            "unlabeled_cases": [case.name for case in unlabeled.cases],
            **numbers,
        },
    )


def _headlines(of_network: dict[str, Matching]) -> list[Headline]:
    first, *others = of_network.items()
    headlines = []
    for index, title in enumerate(("Semantic matching Q", "Normalized Q")):
        others_too = "".join(f"{name} {ratio(m.scores[index])}; " for name, m in others)
        value = ratio(first[1].scores[index])
        headlines.append(Headline(title, value, f"{first[0]}; {others_too}1 is a perfect match"))
    return headlines


def _table(numbers: dict[str, dict[str, Any]], classes: list[str]) -> Table:
    columns = [(name, key) for name in numbers for key in ("Q", "Q_normalized")]
    header = [f"{name}: {key.replace('Q_normalized', 'normalized Q')}" for name, key in columns]
    rows = [
        (c, *(ratio(numbers[name][f"{key}_per_class"][c]) for name, key in columns))
        for c in classes
    ]
    rows.append(("all classes", *(ratio(numbers[name][key]) for name, key in columns)))
    return Table(
        ("class", *header), rows, f"Mean of M over all pairs that show the class. {_READ}."
    )


def _picture(of_network: dict[str, Matching], classes: list[str]) -> Picture:
    last = list(of_network.values())[-1]
    shown = worst(dict(zip(classes, map(matching_score, last.matrix), strict=True)))
    return Picture(
        "semantic_matching",
        _figure(of_network, classes, shown),
        "The matrix M, a cell for every pair of a labeled and an unlabeled case, numbered as in "
        "analysis.json: a dark row or column is a case whose class looks different from the "
        f"others'; gray: one of the two does not show the class{of_how_many(shown, classes)}.",
    )


def _figure(of_network: dict[str, Matching], classes: list[str], shown: list[str]) -> Figure:
    figure, grid = panels(len(of_network), len(shown), 2.3, 2.3)
    for row, (network, matching) in zip(grid, of_network.items(), strict=True):
        for panel, name in zip(row, shown, strict=True):
            matrix = matching.matrix[classes.index(name)]
            panel.set_facecolor("#bbbbbb")
            _, height, width = matching.matrix.shape
            image = panel.imshow(
                matrix.numpy(),
                vmin=0,
                vmax=1,
                cmap="viridis",
                aspect="auto",
                extent=(0.5, width + 0.5, height + 0.5, 0.5),
            )
            panel.set_title(f"{short(name)}: Q = {ratio(matching_score(matrix))}")
            panel.grid(visible=False)
            for axis in (panel.xaxis, panel.yaxis):
                axis.set_major_locator(MaxNLocator(4, integer=True, min_n_ticks=1))
        row[0].set_ylabel(f"{network}\nlabeled case")
    for panel in grid[-1]:
        panel.set_xlabel("unlabeled case")
    everywhere = [panel for row in grid for panel in row]
    figure.colorbar(image, ax=everywhere, label="M (no unit), 1: equal")
    return figure
