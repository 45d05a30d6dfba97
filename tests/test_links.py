"""A file comes to its second place by a link where the disk allows, else as a whole copy."""

import errno
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from nnunetv2_ducisc.raw_dataset import links
from nnunetv2_ducisc.raw_dataset.links import Way, is_placed, place, tally

pytestmark = pytest.mark.unit

LONG_AGO = 1_000_000_000_123_456_789  # ns


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "source"
    file.write_bytes(b"voxels")
    os.utime(file, ns=(LONG_AGO, LONG_AGO))
    return file


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "there").mkdir()
    return tmp_path / "there" / "target"


@pytest.fixture
def other_disk() -> Iterator[Path]:
    memory = Path("/dev/shm")
    if not memory.is_dir():
        pytest.skip("no second file system")
    with TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


@pytest.fixture(autouse=True)
def no_reflinks(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on most disks."""
    monkeypatch.setattr(links, "fcntl", None)


@pytest.fixture
def reflinks(no_reflinks: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """FICLONE is ioctl 0x40049409 on the clone, with the original's descriptor."""

    class Clones:
        def ioctl(self, to: int, request: int, original: int) -> None:
            assert request == 0x40049409
            os.write(to, os.pread(original, 100, 0))

    monkeypatch.setattr(links, "fcntl", Clones())


@pytest.fixture
def no_hard_links(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)


def test_on_one_disk_both_names_are_one_file(source: Path, target: Path) -> None:
    assert place(source, target) is Way.HARD_LINK
    assert target.samefile(source)


def test_a_symbolic_link_is_resolved_first(source: Path, target: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(source)
    assert place(tmp_path / "link", target) is Way.HARD_LINK
    assert target.samefile(source) and not target.is_symlink()


def test_from_another_disk_it_is_a_copy_with_its_time(source: Path, other_disk: Path) -> None:
    if source.stat().st_dev == other_disk.stat().st_dev:
        pytest.skip("one file system")
    target = other_disk / "target"
    assert place(source, target) is Way.COPY
    assert target.read_bytes() == b"voxels"
    assert target.stat().st_mtime_ns == LONG_AGO
    assert [file.name for file in other_disk.iterdir()] == ["target"]


def test_a_reflink_comes_before_a_hard_link(source: Path, target: Path, reflinks: None) -> None:
    """It takes no space either, and a change of one file leaves the other as it is."""
    assert place(source, target) is Way.REFLINK
    assert target.read_bytes() == b"voxels"
    assert is_placed(source, target) and not target.samefile(source)


def test_a_disk_that_has_no_reflinks_leaves_nothing_of_the_attempt(
    source: Path, target: Path, reflinks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(links.fcntl, "ioctl", refuse)
    assert place(source, target) is Way.HARD_LINK
    assert list(target.parent.iterdir()) == [target]


def test_a_system_without_any_kind_of_link_copies(
    source: Path, target: Path, no_hard_links: None
) -> None:
    assert place(source, target) is Way.COPY
    assert is_placed(source, target) and not target.samefile(source)


def test_hard_links_can_be_ruled_out(source: Path, target: Path) -> None:
    assert place(source, target, hard_links=False) is Way.COPY
    assert is_placed(source, target) and not target.samefile(source)


def test_a_copy_that_fails_leaves_nothing(
    source: Path, target: Path, no_hard_links: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill_the_disk(_: Path, to: Path) -> None:
        Path(to).write_bytes(b"vox")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copy2", fill_the_disk)
    with pytest.raises(OSError, match="No space left"):
        place(source, target)
    assert list(target.parent.iterdir()) == []


def test_what_is_there_is_never_replaced(source: Path, target: Path) -> None:
    target.write_bytes(b"other")
    with pytest.raises(FileExistsError):
        place(source, target)
    assert target.read_bytes() == b"other"


def test_a_link_to_nothing_is_an_error(target: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    with pytest.raises(FileNotFoundError):
        place(tmp_path / "link", target)


def test_a_file_that_has_changed_since_is_not_placed(source: Path, target: Path) -> None:
    assert not is_placed(source, target)
    shutil.copy2(source, target)
    assert is_placed(source, target)
    os.utime(source, ns=(LONG_AGO, LONG_AGO + 1))
    assert not is_placed(source, target)


def test_the_tally_names_the_ways_that_occurred() -> None:
    assert tally(Counter({Way.HARD_LINK: 412})) == "412 files: 412 hard links"
    assert tally(Counter({Way.COPY: 1, Way.REFLINK: 2})) == "3 files: 2 reflinks, 1 copy"
    assert tally(Counter({Way.CONVERSION: 1})) == "1 file: 1 conversion"
    assert tally(Counter()) == "0 files"
