"""A dataset in the making: one process at a time, and the disk's refusals are sentences."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.raw_dataset.staging import Staging, UnwritableError, write_json

pytestmark = pytest.mark.unit

RECIPE = {"labeled": 2}


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    return Staging(tmp_path / "raw" / "Dataset001_Toy")


def test_two_processes_do_not_write_one_dataset(staging: Staging) -> None:
    expected = f"Another process is writing {staging.final}: wait for its end."
    with staging.opened(RECIPE, overwrite=False):
        other = Staging(staging.final)
        with pytest.raises(DuCiSCError) as caught, other.opened(RECIPE, overwrite=True):
            pytest.fail("was let in")
        assert str(caught.value) == expected
        assert staging.dataset.is_dir()


def test_a_dataset_that_appears_while_another_process_waits_is_not_replaced(
    staging: Staging,
) -> None:
    with staging.opened(RECIPE, overwrite=False):
        staging.install()
    with pytest.raises(DuCiSCError, match="exists: name another"), staging.opened(RECIPE, False):
        pytest.fail("was let in")
    assert [entry.name for entry in staging.final.parent.iterdir()] == [staging.final.name]


def test_a_place_that_cannot_be_written_is_told_in_a_sentence(tmp_path: Path) -> None:
    """A file where the folder should be: for root, every folder can be written."""
    (tmp_path / "raw").write_text("", encoding="utf-8")
    staging = Staging(tmp_path / "raw" / "Dataset001_Toy")
    with pytest.raises(UnwritableError) as caught, staging.opened(RECIPE, overwrite=False):
        pytest.fail("was let in")
    assert "cannot be written (Not a directory): see to permissions" in str(caught.value)


def test_what_the_disk_refuses_inside_is_told_with_the_file(staging: Staging) -> None:
    with (
        pytest.raises(UnwritableError) as caught,
        staging.opened(RECIPE, overwrite=False),
    ):
        raise OSError(28, "No space left on device", "dataset.json")
    assert str(caught.value).startswith("dataset.json cannot be written (No space left on device)")
    assert staging.dataset.is_dir()  # for the next run


def test_a_json_file_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_json(tmp_path / "a.json", {})
    assert not list(tmp_path.iterdir())


def test_records_of_a_dataset_that_is_in_its_place_count_for_nothing(staging: Staging) -> None:
    """Death came before they were removed."""
    staging.final.mkdir(parents=True)
    staging.records.mkdir(parents=True)
    staging.record("a").write_text("{}", encoding="utf-8")
    write_json(staging.folder / "recipe.json", RECIPE)
    with staging.opened(RECIPE, overwrite=True):
        assert not staging.record("a").exists()


def test_what_was_begun_by_the_same_recipe_goes_on(staging: Staging) -> None:
    with pytest.raises(KeyError), staging.opened(RECIPE, overwrite=False):
        staging.record("a").write_text("{}", encoding="utf-8")
        raise KeyError
    with staging.opened(RECIPE, overwrite=False):
        assert staging.record("a").exists()
