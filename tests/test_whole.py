"""A file that is being written shows itself only when it is whole."""

from pathlib import Path

import pytest

from nnunetv2_ducisc.whole import beside, written_whole

pytestmark = pytest.mark.unit


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path):
    file = tmp_path / "table.csv"
    file.write_text("old", encoding="utf-8")
    with written_whole(file) as new:
        new.write_text("new", encoding="utf-8")
        assert new.parent == tmp_path and file.read_text(encoding="utf-8") == "old"
    assert file.read_text(encoding="utf-8") == "new" and list(tmp_path.iterdir()) == [file]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    file = tmp_path / "table.csv"
    file.write_text("old", encoding="utf-8")
    with pytest.raises(OSError, match="disk full"), written_whole(file) as new:
        new.write_text("ha", encoding="utf-8")
        raise OSError("disk full")
    assert file.read_text(encoding="utf-8") == "old" and list(tmp_path.iterdir()) == [file]


def test_what_a_kill_left_is_no_part_of_the_new_file(tmp_path: Path):
    file = tmp_path / "table.csv"
    beside(file).write_text("half", encoding="utf-8")
    with written_whole(file) as new, new.open("a", encoding="utf-8") as opened:
        opened.write("whole")
    assert file.read_text(encoding="utf-8") == "whole" and list(tmp_path.iterdir()) == [file]
