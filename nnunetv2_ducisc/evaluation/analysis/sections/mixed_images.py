"""What a mixed image looks like: Fig. 8."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from acvl_utils.cropping_and_padding.padding import pad_nd_image
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from torch import Tensor

from nnunetv2_ducisc.alternatives import mixing_of
from nnunetv2_ducisc.evaluation.analysis.observation import Observations
from nnunetv2_ducisc.evaluation.analysis.report.section import Picture, Section
from nnunetv2_ducisc.evaluation.analysis.report.style import PAGE, legend_below, panels, short
from nnunetv2_ducisc.evaluation.analysis.subject import Subject
from nnunetv2_ducisc.evaluation.analysis.views import pseudo_label
from nnunetv2_ducisc.method.mixing import Shares
from nnunetv2_ducisc.nnunet.preprocessed_cases import PreprocessedCases, maps_of
from nnunetv2_ducisc.settings import DuCiSCSettings

_KEY, _TITLE = "mixed_images", "Mixed images"
_SLICES = "A labeled and an unlabeled slice, and "
_CAPTIONS = {
    "mixup": _SLICES + "their mixtures σ · labeled + (1 - σ) · unlabeled at both ends and in the "
    "middle of the range that training draws σ from, {low} to {high} (Eq. 5): both anatomies "
    "should still be discernible.",
    "cutmix": _SLICES + "three draws of a box of the labeled one in the unlabeled one, {low} to "
    "{high} of its area (CutMix instead of Eq. 5).",
    "cutout": _SLICES + "three draws of a hole in the unlabeled one, {low} to {high} of its area, "
    "in which nothing counts (CutOut instead of Eq. 5).",
    "copy_paste": _SLICES + "the unlabeled one with the labeled one's foreground on it (copy-paste "
    "instead of Eq. 5).",
}
_TRUTH, _PSEUDO = "#ff4040", "#40d0ff"


@dataclass(frozen=True, eq=False)
class Slice:
    """A part of an image slice.

    Attributes:
        name: of the case.
        image: shape (rows, columns).
        mask: of the foreground, the same shape.
    """

    name: str
    image: Tensor
    mask: NDArray[np.bool_]


def mixed_image_section(subject: Subject) -> Section:
    """A labeled and an unlabeled slice, and what the network sees of both in training."""
    semi, seen = subject.model.semi, subject.seen_unlabeled
    if semi is None or subject.unlabeled is None or seen is None or not semi.settings.mixes_images:
        return Section(_KEY, _TITLE, ("This training mixed no images.",))
    x_i = _slice(subject, subject.labeled, subject.seen_labeled)
    x_j = _slice(subject, subject.unlabeled, seen)
    mixtures = mixtures_of(semi.settings, x_i.mask)
    low, high = semi.settings.mix_low, semi.settings.mix_high
    caption = _CAPTIONS[semi.settings.mixing].format(low=f"{low:g}", high=f"{high:g}")
    picture = Picture("mixed_images", _figure(subject, x_i, x_j, mixtures), caption)
    numbers = {"labeled": x_i.name, "unlabeled": x_j.name, "mixing": semi.settings.mixing}
    return Section(_KEY, _TITLE, (), (), (), (picture,), numbers)


def mixtures_of(settings: DuCiSCSettings, foreground: NDArray[np.bool_]) -> dict[str, Shares]:
    """Mixtures as training makes them, by their titles.

    Args:
        settings: mixup is shown at both ends and in the middle of sigma's range; of boxes three
            draws, the same ones for every model; copy-paste has nothing to draw.
        foreground: of the labeled slice, shape (rows, columns).
    """
    mixing = mixing_of(settings, has_background=False)
    y_i = torch.from_numpy(foreground)[None, None].float()
    if settings.mixing == "mixup":
        low, high = settings.mix_low, settings.mix_high
        ratios = (high, (low + high) / 2, low)
        return {f"σ = {ratio:g}": mixing.shares(torch.tensor([ratio]), y_i) for ratio in ratios}
    titles = ["pasted"] if settings.mixing == "copy_paste" else [f"draw {n}" for n in (1, 2, 3)]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)  # a medium, a small and a large box
        return {title: mixing.shares(mixing.draw(1, foreground.shape), y_i) for title in titles}


def _slice(subject: Subject, cases: PreprocessedCases, seen: Observations) -> Slice:
    """Of the first case the slice with the most foreground, as large as a training patch."""
    model, case = subject.model, cases.load(seen.cases[0].name)
    if cases.kind == "labeled" and case.labels is not None:
        maps, _ = maps_of(case.labels, model.predictor.label_manager)
    else:
        maps = pseudo_label(model, case)
    image = case.image[:, 0].reshape(-1, *case.image.shape[-2:])
    mask = maps[:, model.foreground].amax(1).reshape(image.shape)
    index = int(mask.sum((1, 2)).argmax())
    where = mask[index].nonzero().double()
    middle = where.mean(0) if len(where) else torch.tensor(image.shape[1:]) / 2
    size = model.configuration.patch_size[-2:]
    parts = [_window(whole[index], middle.tolist(), size) for whole in (image, mask)]
    return Slice(case.name, parts[0], parts[1].numpy() > 0)


def _window(image: Tensor, middle: Sequence[float], size: Sequence[int]) -> Tensor:
    """This many rows and columns around a point, inside the image as far as it is large enough."""
    for axis, (center, side) in enumerate(zip(middle, size, strict=True)):
        length = image.shape[axis]
        start = min(max(round(center - side / 2), 0), max(length - side, 0))
        image = image.narrow(axis, start, min(side, length))
    return pad_nd_image(image, tuple(size))


def _figure(subject: Subject, x_i: Slice, x_j: Slice, mixtures: dict[str, Shares]) -> Figure:
    spacing = subject.model.configuration.spacing[-2:]
    height, width = (n * mm for n, mm in zip(x_i.image.shape, spacing, strict=True))
    all_of, none_of = torch.ones(1, 1, 1, 1), torch.zeros(1, 1, 1, 1)
    shown = {f"labeled\n{short(x_i.name)}": Shares(all_of, none_of)} | mixtures
    shown |= {f"unlabeled\n{short(x_j.name)}": Shares(none_of, all_of)}
    figure, [row] = panels(1, len(shown), PAGE / 5, 1.2 + 1.6 * height / width)
    for panel, (title, shares) in zip(row, shown.items(), strict=True):
        _draw(panel, x_i, x_j, shares, spacing)
        panel.set(title=title, xlabel=f"x ({subject.unit})")
        panel.tick_params(labelleft=panel is row[0])
    row[0].set(ylabel=f"y ({subject.unit})")
    handles = [
        Line2D([], [], color=_TRUTH, linestyle="--", label="foreground of the labeled image"),
        Line2D([], [], color=_PSEUDO, linestyle="--", label="pseudo label of the unlabeled image"),
    ]
    legend_below(figure, handles)
    return figure


def _draw(panel: Axes, x_i: Slice, x_j: Slice, shares: Shares, spacing: Sequence[float]) -> None:
    """Their mixture, and the contours of what is in it."""
    mixed = shares.mix(*(x.image[None, None].float() for x in (x_i, x_j)))[0, 0].numpy()
    height, width = (n * mm for n, mm in zip(mixed.shape, spacing, strict=True))
    low, high = np.percentile(mixed, (0.5, 99.5))
    panel.imshow(mixed, cmap="gray", vmin=low, vmax=high, extent=(0, width, height, 0))
    panel.grid(visible=False)
    y, x = ((np.arange(n) + 0.5) * mm for n, mm in zip(mixed.shape, spacing, strict=True))
    for part, color, share in ((x_i, _TRUTH, shares.labeled), (x_j, _PSEUDO, shares.unlabeled)):
        mask = part.mask & (share[0, 0] > 0).expand(part.mask.shape).numpy()
        if mask.any():
            panel.contour(x, y, mask, [0.5], colors=color, linestyles="--", linewidths=1)
