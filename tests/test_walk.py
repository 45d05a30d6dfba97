"""Files below a folder are found through links, once each, and without what systems hide."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnunetv2_ducisc.raw_dataset.walk import by_name, files_below

pytestmark = pytest.mark.unit


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def found(folder: Path) -> list[str]:
    return [file.relative_to(folder).as_posix() for file in files_below(folder)]


def test_files_come_folder_by_folder_in_the_order_of_their_names(tmp_path: Path) -> None:
    write(tmp_path, "b/2", "b/1", "a/c/1", "a/3", "z")
    assert found(tmp_path) == ["z", "a/3", "a/c/1", "b/1", "b/2"]


def test_hidden_files_and_folders_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, "a/._1", "a/.DS_Store", ".Trash/1", "a/1")
    assert found(tmp_path) == ["a/1"]


def test_links_to_folders_are_followed_under_their_own_names(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere", "x/1")
    write(tmp_path / "download", "p/1")
    (tmp_path / "download" / "q").symlink_to(tmp_path / "elsewhere" / "x")
    assert found(tmp_path / "download") == ["p/1", "q/1"]


def test_a_loop_of_links_ends_and_a_folder_counts_once(tmp_path: Path) -> None:
    write(tmp_path, "a/1")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert found(tmp_path) == ["a/1"]


def test_names_are_keys_in_small_letters(tmp_path: Path) -> None:
    write(tmp_path, "P1/Data.NPY")
    assert by_name(tmp_path) == {(tmp_path / "P1", "data.npy"): tmp_path / "P1" / "Data.NPY"}
