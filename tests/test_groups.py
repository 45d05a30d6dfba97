"""``--groups``: the scans of one patient stay on one side."""

from pathlib import Path

import pytest

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.raw_dataset.withholding.draw import draw
from nnunetv2_ducisc.raw_dataset.withholding.groups import read_groups

pytestmark = pytest.mark.unit

CASES = ("a1", "a2", "b1", "c1", "c2")
PATIENTS = {"a1": "A", "a2": "A", "b1": "B", "c1": "C", "c2": "C"}


def read(tmp_path: Path, text: str) -> dict[str, str]:
    file = tmp_path / "groups.csv"
    file.write_bytes(text.encode())
    return read_groups(file, CASES)


@pytest.mark.parametrize(
    "text",
    [
        "a1,A\na2,A\nb1,B\nc1,C\nc2,C\n",
        "c2 C\nc1\tC\n\nb1   B\na2 A\na1 A",
        "case,group\na1, A\na2,A\nb1,B\nc1,C\nc2,C\n",
        "\ufeffCase;Group\r\na1;A\r\na2;A\r\nb1;B\r\nc1;C\r\nc2;C\r\n",
        'a1,"A"\na2,A\nb1,B\nc1,C\nc2,C\n',
    ],
)
def test_text_and_the_csv_of_spreadsheets_are_read(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == PATIENTS


def test_a_file_of_a_whole_cohort_may_name_cases_that_are_not_here(tmp_path: Path) -> None:
    assert read(tmp_path, "t1,T\na1,A\na2,A\nb1,B\nc1,C\nc2,C\nt2,C\n") == PATIENTS


def test_a_group_may_have_blanks_where_commas_separate(tmp_path: Path) -> None:
    text = "a1,patient A\na2,patient A\nb1,B\nc1,C\nc2,C\n"
    assert read(tmp_path, text)["a2"] == "patient A"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a1,A\na2,A\nb1,B\n", "names no group for c1 and 1 more: add a line for every case."),
        ("a1,A\na2,A\nb2,B\nc1,C\nc2,C\n", "names no group for b1: add a line for every case."),
        ("a1,A\na1,B\n", "puts a1 into the groups A and B: expected one."),
        ("a1,A\na2\n", "Line 2 of .* is 'a2': expected a case and its group."),
        ("a1,A,x\n", "is 'a1,A,x': expected a case and its group."),
        ("a1,\n", "is 'a1,': expected a case and its group."),
        ("", "names no group for a1 and 4 more"),
    ],
)
def test_what_does_not_group_every_case_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(DuCiSCError, match=sentence):
        read(tmp_path, text)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        DuCiSCError, match=r"gone.txt cannot be read .*with a case and its group a line\."
    ):
        read_groups(tmp_path / "gone.txt", CASES)


@pytest.mark.parametrize("seed", range(6))
def test_a_draw_takes_whole_groups(seed: int) -> None:
    for number in (1, 2):
        drawn = draw(PATIENTS, number, seed, are_patients=True)
        labeled = {PATIENTS[case] for case in drawn.labeled}
        unlabeled = {PATIENTS[case] for case in drawn.unlabeled}
        assert len(labeled) == number
        assert labeled | unlabeled == {"A", "B", "C"} and not labeled & unlabeled
        assert sorted(drawn.labeled + drawn.unlabeled) == sorted(CASES)


def test_a_list_names_groups(tmp_path: Path) -> None:
    drawn = draw(PATIENTS, ["C"], seed=0, are_patients=True)
    assert drawn.labeled == ("c1", "c2")
    assert drawn.options["groups"] == PATIENTS


def test_a_case_in_a_list_of_groups_is_refused() -> None:
    with pytest.raises(DuCiSCError, match=r"names a1, which is none of the 3 groups: .* like A"):
        draw(PATIENTS, ["a1"], seed=0, are_patients=True)


def test_the_number_of_groups_counts_and_not_the_number_of_cases() -> None:
    with pytest.raises(DuCiSCError, match="--labeled 3 is not possible with 3 groups"):
        draw(PATIENTS, 3, seed=0, are_patients=True)
