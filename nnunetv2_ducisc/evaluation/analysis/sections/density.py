"""How the features of labeled and unlabeled voxels are distributed: Fig. 5."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from nnunetv2_ducisc.evaluation.analysis.measures.density import Densities, densities
from nnunetv2_ducisc.evaluation.analysis.observation import SAMPLE, Observations
from nnunetv2_ducisc.evaluation.analysis.report.section import Headline, Picture, Section
from nnunetv2_ducisc.evaluation.analysis.report.style import (
    LABELED,
    UNLABELED,
    legend_below,
    of_how_many,
    panels,
    short,
    worst,
)
from nnunetv2_ducisc.evaluation.analysis.report.text import percent
from nnunetv2_ducisc.evaluation.analysis.subject import Subject

_TITLE = "Distribution of features"
_ALPHA = 0.35
OfClass = dict[str, Densities | None]


def density_section(subject: Subject) -> Section:
    """Kernel densities of each foreground class, for each network."""
    labeled, unlabeled = subject.seen_labeled, subject.seen_unlabeled
    if unlabeled is None:
        return Section("feature_density", _TITLE, ("There are no unlabeled images to compare.",))
    model = subject.model
    of_network = {
        network: {
            model.classes[c]: _densities(labeled, unlabeled, network, c) for c in model.foreground
        }
        for network in model.networks
    }
    overlaps = {
        network: {name: found.overlap if found else None for name, found in of_class.items()}
        for network, of_class in of_network.items()
    }
    voxels = "true positives" if unlabeled.with_truth else "pseudo-labeled voxels (no truth)"
    shown = worst(overlaps[model.labeler])
    picture = Picture(
        "feature_density",
        _figure(of_network, shown, voxels),
        "Kernel density of the finest features, averaged over channels, in labeled and unlabeled "
        "images: where the two curves lie apart, the class looks different to the network in the "
        f"two kinds of images{of_how_many(shown, list(overlaps[model.labeler]))}.",
    )
    sentence = (
        f"At most {SAMPLE:,} voxels a class, drawn from all cases: of labeled cases true "
        f"positives, of unlabeled cases {voxels}. The overlap is the area under both curves, "
        "which stretching the features does not change."
    )
    headlines = tuple(_headline(network, found) for network, found in overlaps.items())
    numbers = {"unlabeled_voxels": voxels, "overlap": overlaps}
    return Section("feature_density", _TITLE, (sentence,), headlines[:1], (), (picture,), numbers)


def _densities(
    labeled: Observations, unlabeled: Observations, network: str, of_class: int
) -> Densities | None:
    samples = (seen.features[network][of_class] for seen in (labeled, unlabeled))
    return densities(*(sample.values.double().numpy() for sample in samples))


def _headline(network: str, overlaps: dict[str, float | None]) -> Headline:
    known = [overlap for overlap in overlaps.values() if overlap is not None]
    mean = sum(known) / len(known) if known else None
    return Headline(
        "Feature overlap", percent(mean), f"{network}, mean over classes; more is better"
    )


def _figure(of_network: dict[str, OfClass], shown: list[str], voxels: str) -> Figure:
    figure, grid = panels(len(of_network), len(shown), 2.9, 2.1)
    for row, (network, of_class) in zip(grid, of_network.items(), strict=True):
        for panel, name in zip(row, shown, strict=True):
            _draw(panel, of_class[name], f"{network}, {short(name)}")
        row[0].set_ylabel("density")
    for panel in grid[-1]:
        panel.set_xlabel("mean of channels (no unit)")
    handles = [
        Patch(color=LABELED, alpha=_ALPHA, label="labeled cases: true positives"),
        Patch(color=UNLABELED, alpha=_ALPHA, label=f"unlabeled cases: {voxels}"),
    ]
    legend_below(figure, handles)
    return figure


def _draw(panel: Axes, found: Densities | None, title: str) -> None:
    if found is None:
        panel.set_title(title)
        panel.set_axis_off()
        panel.text(0.5, 0.5, "too few voxels", ha="center", transform=panel.transAxes)
        return
    panel.set_title(f"{title}: overlap {percent(found.overlap)}")
    for density, color in ((found.labeled, LABELED), (found.unlabeled, UNLABELED)):
        panel.fill_between(found.x, density, color=color, alpha=_ALPHA, linewidth=0)
        panel.plot(found.x, density, color=color)
    panel.set_ylim(bottom=0)
