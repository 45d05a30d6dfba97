"""``--labeled FILE``: names of cases or groups as people call them, one a line."""

from argparse import ArgumentTypeError
from pathlib import Path

import pytest

from nnunetv2_ducisc.arguments import number_or_list
from nnunetv2_ducisc.raw_dataset.withholding.draw import draw

pytestmark = pytest.mark.unit


def read(tmp_path: Path, text: str) -> int | list[str]:
    file = tmp_path / "labeled.txt"
    file.write_bytes(text.encode())
    return number_or_list(str(file))


def test_a_number_is_a_number() -> None:
    assert number_or_list("8") == 8
    assert number_or_list("-1") == -1


def test_a_line_is_a_name_with_the_blanks_inside_it(tmp_path: Path) -> None:
    assert read(tmp_path, "patient A\n\n  patient B \r\nc\n") == ["patient A", "patient B", "c"]


def test_the_mark_that_editors_put_at_the_start_is_no_part_of_a_name(tmp_path: Path) -> None:
    assert read(tmp_path, "\ufeffa\nb\n") == ["a", "b"]


def test_a_group_with_a_blank_can_be_named(tmp_path: Path) -> None:
    """As --groups may call it."""
    groups = {"a1": "patient A", "a2": "patient A", "b1": "patient B"}
    wanted = read(tmp_path, "patient A\n")
    assert isinstance(wanted, list)
    assert draw(groups, wanted, seed=0, are_patients=True).labeled == ("a1", "a2")


@pytest.mark.parametrize("text", ["", " \n\n"])
def test_a_list_without_a_name_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="names no case"):
        read(tmp_path, text)


def test_what_is_neither_number_nor_file_is_named() -> None:
    with pytest.raises(ArgumentTypeError, match="ten is neither a number nor a text file with"):
        number_or_list("ten")
