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

from nnunetv2_ducisc.evaluation.analysis.observation import Observations
from nnunetv2_ducisc.evaluation.analysis.report.section import Picture, Section
from nnunetv2_ducisc.evaluation.analysis.report.style import PAGE, panels, short
from nnunetv2_ducisc.evaluation.analysis.subject import Subject
from nnunetv2_ducisc.evaluation.analysis.views import pseudo_label
from nnunetv2_ducisc.method.mixing import mix
from nnunetv2_ducisc.nnunet.preprocessed_cases import PreprocessedCases, maps_of

_KEY, _TITLE = "mixed_images", "Mixed images"
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
    """A labeled and an unlabeled slice, and what the network sees at the ends of sigma's range."""
    semi = subject.model.semi
    if semi is None or subject.unlabeled is None or subject.seen_unlabeled is None:
        return Section(_KEY, _TITLE, ("This training mixed no images.",))
    x_i = _slice(subject, subject.labeled, subject.seen_labeled)
    x_j = _slice(subject, subject.unlabeled, subject.seen_unlabeled)
    low, high = semi.settings.mix_low, semi.settings.mix_high
    ratios = (1.0, high, (low + high) / 2, low, 0.0)
    caption = (
        "A labeled and an unlabeled slice, and their mixtures σ · labeled + (1 - σ) · unlabeled at "
        f"both ends and in the middle of the range that training draws σ from, {low:g} to {high:g} "
        "(Eq. 5): both anatomies should still be discernible."
    )
    picture = Picture("mixed_images", _figure(subject, x_i, x_j, ratios), caption)
    numbers = {"labeled": x_i.name, "unlabeled": x_j.name, "sigma": ratios}
    return Section(_KEY, _TITLE, (), (), (), (picture,), numbers)


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


def _figure(subject: Subject, x_i: Slice, x_j: Slice, ratios: Sequence[float]) -> Figure:
    spacing = subject.model.configuration.spacing[-2:]
    height, width = (n * mm for n, mm in zip(x_i.image.shape, spacing, strict=True))
    figure, [row] = panels(1, len(ratios), PAGE / len(ratios), 1.2 + 1.6 * height / width)
    for panel, ratio in zip(row, ratios, strict=True):
        _draw(panel, x_i, x_j, ratio, spacing)
        panel.set(title=f"σ = {ratio:g}", xlabel=f"x ({subject.unit})")
        panel.tick_params(labelleft=panel is row[0])
    row[0].set(title=f"labeled\n{short(x_i.name)}", ylabel=f"y ({subject.unit})")
    row[-1].set(title=f"unlabeled\n{short(x_j.name)}")
    handles = [
        Line2D([], [], color=_TRUTH, linestyle="--", label="foreground of the labeled image"),
        Line2D([], [], color=_PSEUDO, linestyle="--", label="pseudo label of the unlabeled image"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


def _draw(panel: Axes, x_i: Slice, x_j: Slice, ratio: float, spacing: Sequence[float]) -> None:
    """Their mixture, and the contours of those that are in it."""
    images = (x.image[None, None].float() for x in (x_i, x_j))
    mixed = mix(torch.tensor([ratio]), *images)[0, 0].numpy()
    height, width = (n * mm for n, mm in zip(mixed.shape, spacing, strict=True))
    low, high = np.percentile(mixed, (0.5, 99.5))
    panel.imshow(mixed, cmap="gray", vmin=low, vmax=high, extent=(0, width, height, 0))
    panel.grid(visible=False)
    y, x = ((np.arange(n) + 0.5) * mm for n, mm in zip(mixed.shape, spacing, strict=True))
    for part, color, weight in ((x_i, _TRUTH, ratio), (x_j, _PSEUDO, 1 - ratio)):
        if weight > 0 and part.mask.any():
            panel.contour(x, y, part.mask, [0.5], colors=color, linestyles="--", linewidths=1)
