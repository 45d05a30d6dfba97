"""``ducisc compare``: what is said, and in which form."""

import numpy as np
import pytest

from nnunetv2_ducisc.evaluation.comparison.comparison import Comparison, compare
from nnunetv2_ducisc.evaluation.comparison.markup import as_latex, as_markdown, as_text
from nnunetv2_ducisc.evaluation.comparison.pairing import pair_rows
from nnunetv2_ducisc.evaluation.comparison.sample import Sample, samples
from nnunetv2_ducisc.evaluation.comparison.statistics import bootstrap_interval, holm, t_test
from nnunetv2_ducisc.evaluation.comparison.table import Table, table
from nnunetv2_ducisc.evaluation.metrics_file import METRICS, Row, Status

pytestmark = pytest.mark.unit

# B - A in Dice and in mm, of three cases.
DICE, DISTANCE = (0.1, 0.2, 0.3), (-3.0, -1.0, 1.0)
BOTH = ("dice", "hd95_mm")


def rows(gain: float, class_name: str = "left") -> list[Row]:
    """Of A (gain 0) and B (gain 1): every case starts from Dice 0.5 and 10 mm."""
    return [
        Row(
            f"case{number}",
            class_name,
            Status.BOTH,
            2.0,
            2.0,
            {"dice": 0.5 + gain * dice, "hd95_mm": 10 + gain * distance},
        )
        for number, (dice, distance) in enumerate(zip(DICE, DISTANCE, strict=True))
    ]


def compared(a: list[Row], b: list[Row]) -> tuple[list[Comparison], Table]:
    pairing = pair_rows(a, b, BOTH, ("stock", "ours"))
    results = compare(samples(pairing))
    return results, table(results, pairing)


def sample(metric: str, class_name: str, differences: tuple[float, ...]) -> Sample:
    return Sample(METRICS[metric], class_name, np.zeros(len(differences)), np.array(differences))


def test_both_directions_of_a_metric_are_tested_for_b_is_better() -> None:
    """Dice +0.1 +0.2 +0.3: t of 1, 2, 3, p = 0.0371, and W+ is one of 8. Distances fall by 3 and 1
    and grow by 1: W+ = 3 + 1.5 or more for 3 of 8 choices of signs (the ties are 1.5 and 1.5)."""
    dice, distance = compare(samples(pair_rows(rows(0), rows(1), BOTH)))
    assert dice.p_t == pytest.approx(0.0371, abs=5e-5)
    assert (dice.p_wilcoxon, distance.p_wilcoxon) == (1 / 8, 3 / 8)
    assert (dice.verdict, distance.verdict) == ("better", "better")
    assert dice.better_equal_worse == (3, 0, 0) and distance.better_equal_worse == (2, 0, 1)
    low, high = distance.interval or (0, 0)
    assert -3 <= low < -1 < high <= 1
    worse = compare(samples(pair_rows(rows(1), rows(0), BOTH)))[1]
    assert worse.verdict == "worse" and worse.p_t == pytest.approx(1 - (distance.p_t or 0))


def test_p_is_corrected_over_the_metrics_of_a_class_and_not_over_classes() -> None:
    gains = ((1.0, 2.0, 3.0), (1.0, 2.0, 2.5))
    both = [sample("dice", "left", gain) for gain in gains]
    results = compare([*both, sample("dice", "right", gains[0])])
    raw = [t_test(np.array(gain)) for gain in gains]
    assert [one.p_t_holm for one in results[:2]] == holm(raw) != raw
    assert results[2].p_t_holm == raw[0]
    assert [one.p_wilcoxon_holm for one in results] == [2 / 8, 2 / 8, 1 / 8]


def test_classes_of_a_case_are_no_independent_cases() -> None:
    """Three classes that agree tell no more than one: the interval of their mean is its own."""
    a, b = ([r for name in "uvw" for r in rows(gain, name)] for gain in (0, 1))
    mean, *_ = compare(samples(pair_rows(a, b, BOTH)))
    assert mean.interval == bootstrap_interval(np.array(DICE))
    assert len(mean.sample.a) == 3


def test_the_table_holds_means_difference_interval_and_corrected_p() -> None:
    """Holm: 0.0371 x 2 = 0.074; t of 3, 1, -1 is sqrt(3) / 2, so that p = 1/2 - 0.866 / (2 sqrt(
    2.75)) = 0.239."""
    results, cells = compared(rows(0), rows(1))
    low, high = results[0].interval or (0, 0)
    assert cells.header == (
        "metric", "stock", "ours", "difference", "95% interval", "verdict", "better/equal/worse",
        "t-test p", "Wilcoxon p",
    )  # fmt: skip
    ((title, (dice, distance)),) = cells.groups
    assert title == "left (3 cases)"
    interval = f"[{low:+.4f}, {high:+.4f}]"
    assert dice == (
        "Dice", "0.5000", "0.7000", "+0.2000", interval, "better", "3/0/0", "0.074", "0.250",
    )  # fmt: skip
    assert distance[:4] == ("95HD (mm)", "10.000", "9.000", "-1.000")
    assert distance[5:] == ("better", "2/0/1", "0.239", "0.375")


def test_nothing_differs_between_equal_files() -> None:
    _, cells = compared(rows(0), rows(0))
    for row in cells.groups[0][1]:
        assert row[5:] == ("equal", "0/3/0", "1.000", "1.000")


def test_what_cannot_be_tested_is_left_open_and_explained() -> None:
    _, cells = compared(rows(0)[:1], rows(1)[:1])
    assert cells.groups[0][0] == "left (1 case)"
    assert cells.groups[0][1][0][4:] == ("-", "better", "1/0/0", "-", "-")
    assert "One case alone has no interval and nothing to test." in cells.notes
    shifted = [*rows(0), *(Row(r.case, "right", *_rest(r, 0.0)) for r in rows(0))]
    same = [*rows(0), *(Row(r.case, "right", *_rest(r, 0.25)) for r in rows(0))]
    _, cells = compared(shifted, same)
    assert cells.groups[2][1][0][4:] == (
        "[+0.2500, +0.2500]", "better", "3/0/0", "-", "0.250",
    )  # fmt: skip
    assert "A difference that is the same in all cases has no spread for a t-test." in cells.notes


def _rest(row: Row, shift: float) -> tuple:
    values = {"dice": row.values["dice"] + shift, "hd95_mm": row.values["hd95_mm"]}
    return row.status, row.reference_ml, row.prediction_ml, values


def test_the_notes_count_empty_masks() -> None:
    nothing = Row("z", "left", Status.ABSENT, 0, 0, {})
    made_up = Row("w", "left", Status.SPURIOUS, 0, 1, {"dice": 0, "hd95_mm": 99})
    empty = Row("w", "left", Status.ABSENT, 0, 0, {})
    a, b = [*rows(0), nothing, made_up], [*rows(1), nothing, empty]
    a[0] = Row("case0", "left", Status.MISSED, 2.0, 0, {"dice": 0, "hd95_mm": 99})
    notes = " ".join(compared(a, b)[1].notes)
    assert "4 compared, 1 left out, which no reference and no prediction holds." in notes
    assert "Missed: stock 1, ours 0. Spurious: stock 1, ours 0." in notes
    assert "makes up a structure, the other one counts as perfect: 1." in notes
    notes = " ".join(compared(rows(0), rows(1))[1].notes)
    assert "3 compared. Missed: stock 0, ours 0." in notes and "perfect" not in notes


CELLS = Table(
    ("metric", "a_1", "b|2"),
    (("left & right (3 cases)", [("Dice", "-0.5", "better"), ("95HD (mm)", "-", "1.2e-05")]),),
    ("A 5% note.",),
)


def test_text_has_its_columns_in_line() -> None:
    assert as_text(CELLS) == (
        "metric      a_1      b|2\n"
        "\n"
        "left & right (3 cases)\n"
        "Dice       -0.5   better\n"
        "95HD (mm)     -  1.2e-05\n"
        "\n"
        "A 5% note."
    )


def test_markdown_escapes_names() -> None:
    assert as_markdown(CELLS) == (
        "| class | metric | a\\_1 | b\\|2 |\n"
        "| --- | --- | ---: | ---: |\n"
        "| left & right (3 cases) | Dice | -0.5 | better |\n"
        "|  | 95HD (mm) | - | 1.2e-05 |\n"
        "\n"
        "- A 5% note.\n"
    )


def test_latex_is_booktabs_with_names_escaped_and_numbers_as_mathematics() -> None:
    assert as_latex(CELLS) == (
        "% Needs \\usepackage{booktabs}.\n"
        "% A 5% note.\n"
        "\\begin{tabular}{llrr}\n"
        "\\toprule\n"
        "class & metric & a\\_1 & b\\textbar{}2 \\\\\n"
        "\\midrule\n"
        "left \\& right (3 cases) & Dice & $-0.5$ & better \\\\\n"
        " & 95HD (mm) & -- & $1.2 \\times 10^{-5}$ \\\\\n"
        "\\bottomrule\n"
        "\\end{tabular}\n"
    )
