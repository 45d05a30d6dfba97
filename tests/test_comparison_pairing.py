"""Rows of two files that belong together, and the values of each case."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.evaluation.comparison.pairing import Names, Pairing, common_metrics, pair_rows
from nnunetv2_ducisc.evaluation.comparison.sample import Sample, samples
from nnunetv2_ducisc.evaluation.metrics_file import Row, Status

pytestmark = pytest.mark.unit


def paired(a: Sequence[Row], b: Sequence[Row], names: Names = ("A", "B")) -> Pairing:
    return pair_rows(a, b, ("dice", "hd95_mm"), names)


def row(case: str, class_name: str, dice: float, hd95: float) -> Row:
    return Row(case, class_name, Status.BOTH, 2.0, 2.0, {"dice": dice, "hd95_mm": hd95})


def absent(case: str, class_name: str) -> Row:
    return Row(case, class_name, Status.ABSENT, 0, 0, {})


def spurious(case: str, class_name: str) -> Row:
    return Row(case, class_name, Status.SPURIOUS, 0, 1, {"dice": 0, "hd95_mm": 90})


def missed(case: str, class_name: str) -> Row:
    return Row(case, class_name, Status.MISSED, 2.0, 0, {"dice": 0, "hd95_mm": 90})


A = (row("x", "left", 0.5, 8), row("x", "right", 0.7, 4), row("y", "left", 0.6, 6))
B = (row("y", "left", 0.8, 2), row("x", "right", 0.7, 4), row("x", "left", 0.9, 2))


def values(found: Sequence[Sample], metric: str, class_name: str | None) -> tuple[list, list]:
    (sample,) = [s for s in found if (s.metric.name, s.class_name) == (metric, class_name)]
    return sample.a.tolist(), sample.b.tolist()


def refusal(a: Sequence[Row], b: Sequence[Row]) -> str:
    with pytest.raises(DuCiSCError) as caught:
        paired(a, b, ("stock", "ours"))
    return str(caught.value)


def test_rows_are_paired_by_case_and_class_and_not_by_place() -> None:
    found = samples(paired(A, B))
    assert values(found, "dice", "left") == ([0.5, 0.6], [0.9, 0.8])
    assert values(found, "hd95_mm", "right") == ([4], [4])


def test_the_mean_over_classes_is_of_each_case_and_comes_first() -> None:
    """Case x: (0.5 + 0.7) / 2 and (0.9 + 0.7) / 2; case y has but one class."""
    found = samples(paired(A, B))
    assert [(s.class_name, s.metric.name) for s in found] == [
        (class_name, metric)
        for class_name in (None, "left", "right")
        for metric in ("dice", "hd95_mm")
    ]
    a, b = values(found, "dice", None)
    assert a == pytest.approx([0.6, 0.6]) and b == pytest.approx([0.8, 0.8])


def test_one_class_has_no_mean_over_classes() -> None:
    found = samples(paired([A[0]], [B[2]]))
    assert [s.class_name for s in found] == ["left", "left"]


def test_an_improvement_is_positive_where_the_distance_falls() -> None:
    dice, distance = samples(paired([A[0]], [B[2]]))
    assert dice.improvement.tolist() == dice.difference.tolist() == [0.4]
    assert distance.difference.tolist() == [-6] and distance.improvement.tolist() == [6]


def test_differences_that_are_equal_but_for_rounding_are_ties() -> None:
    """0.9 - 0.8 and 0.8 - 0.7 differ in the last digit of a double."""
    sample = replace(samples(paired(A, B))[0], a=np.array([0.8, 0.7]), b=np.array([0.9, 0.8]))
    assert len(set(sample.b - sample.a)) == 2 and len(set(sample.difference)) == 1


def test_a_structure_that_is_nowhere_is_left_out_and_counted() -> None:
    pairing = paired([*A, absent("z", "left")], [*B, absent("z", "left")])
    assert (len(pairing.pairs), pairing.absent, pairing.one_absent) == (3, 1, 0)
    assert values(samples(pairing), "dice", "left") == ([0.5, 0.6], [0.9, 0.8])


def test_who_alone_makes_up_a_structure_is_compared_with_a_perfect_result() -> None:
    """Dice 1 and distance 0 for A, who rightly predicts nothing."""
    pairing = paired([*A, absent("z", "left")], [*B, spurious("z", "left")])
    assert (len(pairing.pairs), pairing.absent, pairing.one_absent) == (4, 0, 1)
    assert values(samples(pairing), "dice", "left") == ([0.5, 0.6, 1], [0.9, 0.8, 0])
    assert values(samples(pairing), "hd95_mm", "left") == ([8, 6, 0], [2, 2, 90])
    assert [pairing.count(side, Status.SPURIOUS) for side in (0, 1)] == [0, 1]


def test_a_missed_structure_enters_by_the_value_of_the_file() -> None:
    pairing = paired(A, [*B[:2], missed("x", "left")])
    assert values(samples(pairing), "hd95_mm", "left") == ([8, 6], [90, 2])
    assert [pairing.count(side, Status.MISSED) for side in (0, 1)] == [0, 1]


def test_rows_that_one_of_them_lacks_are_named_and_counted() -> None:
    expected = "has a row for case x and class left (and 2 more) that"
    assert f"stock {expected} ours does not have" in refusal(A, [row("w", "left", 1, 0)])
    assert "ours has a row for case y and class left that stock" in refusal(A[:2], B)


def test_a_row_twice_is_named() -> None:
    assert "ours has two rows for case x and class right: expected" in refusal(A, [*B, A[1]])
    assert "stock has two rows for case x and class left" in refusal([*A, A[0]], B)


def test_metrics_of_another_preset_are_refused() -> None:
    with pytest.raises(DuCiSCError) as caught:
        common_metrics(("dice", "hd95_mm"), ("dice", "hd95_voxels"), ("stock", "ours"))
    assert str(caught.value) == (
        "stock has the metrics dice, hd95_mm, and ours has dice, hd95_voxels: evaluate both with "
        "the same preset."
    )
    assert common_metrics(("a", "b"), ("b", "a"), ("stock", "ours")) == ("a", "b")


def test_a_made_up_structure_has_a_distance_where_ignored_voxels_hide_all_others() -> None:
    """Case x has Dice alone on both sides; of z, A is right to predict nothing."""
    a, b = (replace(row("x", "left", dice, 0), values={"dice": dice}) for dice in (0.3, 0.4))
    found = samples(paired([a, absent("z", "left")], [b, spurious("z", "left")]))
    assert values(found, "dice", "left") == ([0.3, 1], [0.4, 0])
    assert values(found, "hd95_mm", "left") == ([0], [90])


def test_another_reference_is_refused() -> None:
    other = [replace(B[0], reference_ml=2.1), *B[1:]]
    assert refusal(A, other).startswith(
        "The reference of case y and class left has 2 ml in stock and 2.1 ml in ours: evaluate "
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_value_that_is_no_number_is_named(value: float) -> None:
    broken = [replace(B[0], values={"dice": 0.5, "hd95_mm": value}), *B[1:]]
    assert f"ours has {value} as hd95_mm of case y and class left" in refusal(A, broken)


def test_a_structure_without_values_is_not_taken_for_perfect() -> None:
    broken = [replace(B[0], values={}), *B[1:]]
    assert "ours has nan as dice of case y and class left" in refusal(A, broken)


def test_nothing_but_empty_masks_cannot_be_compared() -> None:
    nothing = [absent("x", "left")]
    assert refusal(nothing, nothing).startswith("stock and ours hold no values to compare")


def test_cases_of_a_group_are_averaged_per_class_and_over_classes() -> None:
    """Left: x and y are of P. Case means of A are 0.6 and 0.6, of B 0.8 and 0.8."""
    pairing = replace(paired(A, B), group_of={"x": "P", "y": "P"})
    (a,), (b,) = values(samples(pairing), "dice", "left")
    assert (a, b) == pytest.approx(((0.5 + 0.6) / 2, (0.9 + 0.8) / 2))
    (a,), (b,) = values(samples(pairing), "dice", None)
    assert (a, b) == pytest.approx((0.6, 0.8))


def test_a_structure_whose_surface_is_hidden_in_both_has_no_distance() -> None:
    """Case z: Dice 0.3 and 0.4."""
    a, b = (replace(row("z", "left", dice, 0), values={"dice": dice}) for dice in (0.3, 0.4))
    found = samples(paired([*A, a], [*B, b]))
    assert values(found, "dice", "left") == ([0.5, 0.6, 0.3], [0.9, 0.8, 0.4])
    assert values(found, "hd95_mm", "left") == ([8, 6], [2, 2])
    assert "stock has nan as hd95_mm of case z" in refusal([*A, a], [*B, row("z", "left", 1, 0)])
