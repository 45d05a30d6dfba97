"""Which slices are shown and how, and what a page does with few, many and oddly named things."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from nnunetv2_ducisc.evaluation.analysis.report.section import Headline, Picture, Section, Table
from nnunetv2_ducisc.evaluation.analysis.report.style import class_colors, short, style, worst
from nnunetv2_ducisc.evaluation.analysis.report.write import write_report
from nnunetv2_ducisc.evaluation.analysis.sections.mixed_images import _window, mixtures_of
from nnunetv2_ducisc.evaluation.analysis.sections.planes import Plane, planes, surroundings
from nnunetv2_ducisc.evaluation.analysis.sections.pseudo_labels import _draw_shares
from nnunetv2_ducisc.settings import DuCiSCSettings

pytestmark = pytest.mark.unit


def test_each_plane_goes_through_the_largest_area():
    """A plate at z = 2, wider in x than in y, with a thorn along z at y = 1, x = 5."""
    mask = np.zeros((6, 4, 8), bool)
    mask[2, 0:3, 1:7] = True
    mask[:, 1, 5] = True
    found = planes(mask)
    assert found == [Plane(0, 2, 1, 2), Plane(1, 1, 0, 2), Plane(2, 5, 0, 1)]
    assert np.array_equal(found[1].of(mask), mask[:, 1])


def test_an_empty_mask_is_cut_in_the_middle_and_an_image_of_one_slice_not_at_all():
    assert [plane.index for plane in planes(np.zeros((6, 4, 9), bool))] == [3, 2, 4]
    [plane] = planes(np.ones((3, 5), bool))
    assert plane.of(np.arange(6).reshape(2, 3)).shape == (2, 3)


def test_surroundings_leave_a_margin_inside_the_image():
    """Rows 40 to 59, 20 of them: a margin of 7. Column 0 alone: one of 3, cut off at the border."""
    mask = np.zeros((100, 50), bool)
    mask[40:60, 0] = True
    assert surroundings(mask) == ((33.0, 67.0), (0.0, 4.0))
    assert surroundings(np.zeros((4, 6), bool)) == ((0.0, 4.0), (0.0, 6.0))


def test_a_window_stays_inside_a_large_image_and_pads_a_small_one():
    image = torch.arange(100.0).reshape(10, 10)
    assert torch.equal(_window(image, (0, 9.6), (4, 4)), image[0:4, 6:10])
    assert torch.equal(_window(image, (5, 5), (4, 4)), image[3:7, 3:7])
    padded = _window(torch.ones(2, 6), (1, 3), (4, 4))
    assert padded.tolist() == [[0] * 4, [1] * 4, [1] * 4, [0] * 4]


def test_mixup_is_shown_at_both_ends_and_in_the_middle_of_its_range():
    settings = DuCiSCSettings(mix_low=0.2, mix_high=0.6)
    mixtures = mixtures_of(settings, np.zeros((4, 6), bool))
    assert list(mixtures) == ["σ = 0.6", "σ = 0.4", "σ = 0.2"]
    assert [shares.labeled.item() for shares in mixtures.values()] == pytest.approx([0.6, 0.4, 0.2])


@pytest.mark.parametrize("mixing", ["cutmix", "cutout"])
def test_boxes_are_shown_in_three_draws_that_leave_the_random_state_alone(mixing):
    """A box has 1/4 to 3/4 of 40,000 voxels, and CutOut has nothing of the labeled image."""
    before = torch.get_rng_state()
    settings = DuCiSCSettings(mixing=mixing)
    mask = np.zeros((200, 200), bool)
    draws, again = (list(mixtures_of(settings, mask).values()) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), before)
    boxes = [int((1 - shares.unlabeled).sum()) for shares in draws]
    assert len(set(boxes)) == 3 and all(9_500 <= size <= 30_500 for size in boxes)
    assert [int(shares.labeled.sum()) for shares in draws] == [
        size if mixing == "cutmix" else 0 for size in boxes
    ]
    assert all(torch.equal(a.unlabeled, b.unlabeled) for a, b in zip(draws, again, strict=True))


def test_copy_paste_shows_the_labeled_foreground_on_the_unlabeled_slice():
    foreground = np.zeros((4, 6), bool)
    foreground[1:3, 2] = True
    [(title, shares)] = mixtures_of(DuCiSCSettings(mixing="copy_paste"), foreground).items()
    assert title == "pasted"
    assert np.array_equal(shares.labeled[0, 0].numpy() == 1, foreground)
    assert np.array_equal(shares.unlabeled[0, 0].numpy() == 0, foreground)


def test_a_class_that_no_pseudo_label_shows_keeps_its_place_beside_the_bars():
    """Two classes, at 0 and 1, each half a place to its left and right."""
    panel = Figure().subplots()
    _draw_shares(panel, {"precision": [math.nan, 0.5]}, ["wall", "vessel"])
    assert panel.get_xlim() == (-0.5, 1.5)


@pytest.mark.parametrize("number", [1, 7, 40])
def test_every_class_has_a_color_of_its_own_and_background_is_gray(number):
    names = ["background", *(f"class {index}" for index in range(number))]
    colors = class_colors(names)
    assert list(colors) == names
    assert len(set(colors.values())) == number + 1


def test_the_worst_classes_are_shown_in_their_own_order_and_unknown_ones_last():
    values = {name: float(index) / 10 for index, name in enumerate("hgfedcba")}
    assert worst({**values, "x": None}) == list("hgfedc")
    assert worst({"x": None, "a": 0.5}) == ["x", "a"]


def test_long_names_are_cut_and_dollars_are_no_mathematics():
    assert len(short("a" * 80)) == 22
    figure = Figure()
    figure.text(0, 0, short("$x_$"))
    figure.canvas.draw()


def sections(name: str = "a") -> list[Section]:
    figure = Figure()
    figure.subplots().plot([0, 1])
    table = Table(("class", "Dice"), [(name, "0.5")], "A caption.")
    picture = Picture("curve", figure, f"What {name} is.")
    numbers = {"values": [1.0, math.nan], name: {"x": (1, None)}}
    return [
        Section("one", "One", ("So.",), (Headline("Q", "1", "n"),), (table,), (picture,), numbers)
    ]


def test_names_are_text_and_nan_is_null_in_the_report(tmp_path):
    with style():
        write_report(tmp_path / "out", "<b>&", {"fold": "<0>"}, sections("<script>"))
    page = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert "<script" not in page and "&lt;script&gt;" in page and "&lt;b&gt;&amp;" in page
    numbers = json.loads((tmp_path / "out/analysis.json").read_text(encoding="utf-8"))
    assert numbers["one"] == {"values": [1.0, None], "<script>": {"x": [1, None]}}


def test_a_report_that_fails_leaves_the_earlier_one(tmp_path):
    write_report(tmp_path / "out", "first", {}, sections())
    broken = [Section("one", "One", numbers={"value": object()})]
    with pytest.raises(TypeError):
        write_report(tmp_path / "out", "second", {}, broken)
    assert "first" in (tmp_path / "out/report.html").read_text(encoding="utf-8")
    write_report(tmp_path / "out", "third", {}, sections())
    assert "third" in (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert [file.name for file in tmp_path.iterdir()] == ["out"]
