"""Killed, interrupted, two at once, in workers: whole cases only, and labels stay shut."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnunetv2_ducisc.nnunet import preprocessing, preprocessing_case
from nnunetv2_ducisc.nnunet.unlabeled_data import UnlabeledData
from tests.tiny_dataset import (
    TinyDataset,
    arrays,
    missing_cases,
    names_of,
    prepare,
    refusal,
    written,
)

# Children start from a clean process that has imported all this once.
FORKSERVER = multiprocessing.get_context("forkserver")
FORKSERVER.set_forkserver_preload([__name__])


def in_child(function: Callable[..., None], *args: Any) -> int | None:
    """Run a function in a process of its own; returns its exit code, negative for a signal."""
    child = FORKSERVER.Process(target=function, args=args)
    child.start()
    child.join(120)
    assert child.exitcode is not None
    return child.exitcode


def record_opened(data: UnlabeledData, report: Path) -> None:
    """Preprocess, and write down every path that Python opens or lists meanwhile."""
    seen: list[str] = []
    recording = True

    def audit(event: str, args: tuple[Any, ...]) -> None:
        if recording and event in ("open", "os.listdir", "os.scandir"):
            seen.append(str(args[0]))

    sys.addaudithook(audit)
    prepare(data)
    recording = False
    report.write_text("\n".join(seen), encoding="utf-8")


def test_labels_of_unlabeled_cases_are_never_opened(tmp_path: Path) -> None:
    """nibabel opens files in Python, where the audit sees them; of garbage it would complain."""
    dataset = TinyDataset(tmp_path, ending=".nii", reader="NibabelIO")
    dataset.add("a")
    (dataset.raw / "labelsUn").mkdir()
    for name in ("a.nii", "a_0000.nii", "b.nii", "b_0000.nii", "notes.txt"):
        (dataset.raw / "labelsUn" / name).write_bytes(b"garbage" * 100)
    assert in_child(record_opened, dataset.unlabeled(), tmp_path / "report") == 0
    seen = (tmp_path / "report").read_text(encoding="utf-8")
    assert "imagesUn/a_0000.nii" in seen
    assert "labelsUn" not in seen
    assert set(written(dataset.folder)) == names_of("a")


def test_garbage_in_place_of_labels_changes_nothing(two_cases: TinyDataset) -> None:
    (two_cases.raw / "labelsUn").mkdir()
    for case in ("a", "b"):
        (two_cases.raw / "labelsUn" / f"{case}.nii.gz").write_bytes(b"garbage" * 100)
    assert prepare(two_cases.unlabeled())[1] == ["a", "b"]


def killed_before_properties(data: UnlabeledData) -> None:
    """The process dies in run_case_save of case b, when its data are on the disk."""
    from nnunetv2.training.dataloading import nnunet_dataset

    write_pickle = nnunet_dataset.write_pickle

    def write_or_die(content: object, file: str) -> None:
        if Path(file).name == "b.pkl":
            os.kill(os.getpid(), signal.SIGKILL)
        write_pickle(content, file)

    nnunet_dataset.write_pickle = write_or_die
    prepare(data)


def killed_between_moves(data: UnlabeledData) -> None:
    """The process dies when two of the three files of case b are in place."""
    replace = Path.replace
    moved = []

    def replace_or_die(self: Path, target: Path) -> None:
        if len(moved) == len(names_of("a")) + 2:
            os.kill(os.getpid(), signal.SIGKILL)
        moved.append(target)
        replace(self, target)

    Path.replace = replace_or_die
    prepare(data)


@pytest.mark.parametrize("death", [killed_before_properties, killed_between_moves])
@pytest.mark.parametrize("there_before", [False, True], ids=["new", "changed"])
def test_after_a_kill_no_case_is_half_there(
    two_cases: TinyDataset, death: Callable[[UnlabeledData], None], there_before: bool
) -> None:
    """Cases are made in order: a is done, b was under way. Nothing is left after the next run."""
    data = two_cases.unlabeled()
    if there_before:
        prepare(data)
        two_cases.add("a", seed=6)
        two_cases.add("b", seed=7)
    assert in_child(death, data) == -signal.SIGKILL
    assert missing_cases(data) == ["b"]
    names = set(written(two_cases.folder))
    assert names_of("a") <= names
    assert ("b.pkl" in names) == (there_before and death is killed_before_properties)
    assert any(".tmp-" in path.name for path in two_cases.preprocessed.iterdir())
    assert prepare(data)[1] == ["a", "b"]
    assert set(written(two_cases.folder)) == names_of("a", "b")
    assert not any(".tmp-" in path.name for path in two_cases.preprocessed.iterdir())


def the_first(data: UnlabeledData, done: Any, started: Any, other_waits: Any) -> None:
    """Stop after the first case until the other process waits for the lock."""
    install = preprocessing_case.install

    def install_and_wait(*args: Any) -> None:
        install(*args)
        done.put("first")
        started.set()
        assert other_waits.wait(60)

    preprocessing.install = install_and_wait
    prepare(data)


def the_second(data: UnlabeledData, done: Any, started: Any, other_waits: Any) -> None:
    """Start when the first is under way; count what is left to do."""

    def say(line: str, flush: bool) -> None:
        assert line.startswith("Waiting for another process")
        other_waits.set()

    preprocessing.print = say
    preprocessing.install = lambda *args: done.put("second")
    assert started.wait(60)
    assert prepare(data)[1] == ["a", "b"]


def test_the_second_of_two_waits_and_finds_the_work_done(two_cases: TinyDataset) -> None:
    done, started, waits = FORKSERVER.Queue(), FORKSERVER.Event(), FORKSERVER.Event()
    children = [
        FORKSERVER.Process(target=process, args=(two_cases.unlabeled(), done, started, waits))
        for process in (the_first, the_second)
    ]
    for child in children:
        child.start()
    assert [done.get(timeout=60) for _ in "ab"] == ["first", "first"]
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0, 0]
    assert done.empty()
    assert missing_cases(two_cases.unlabeled()) == []


def test_ctrl_c_leaves_whole_cases_and_no_rubbish(
    two_cases: TinyDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted_at_b(job: preprocessing_case.CaseJob) -> preprocessing_case.CaseJob:
        preprocessing_case.preprocess_case(job)
        if job.case == "b":
            raise KeyboardInterrupt
        return job

    monkeypatch.setattr(preprocessing, "preprocess_case", interrupted_at_b)
    with pytest.raises(KeyboardInterrupt):
        prepare(two_cases.unlabeled())
    assert set(written(two_cases.folder)) == names_of("a")
    assert not any(".tmp-" in path.name for path in two_cases.preprocessed.iterdir())
    monkeypatch.undo()
    assert prepare(two_cases.unlabeled())[1] == ["a", "b"]


def test_worker_processes_do_the_same(two_cases: TinyDataset) -> None:
    """Two workers, three cases, one of them garbage: as in one process."""
    (two_cases.raw / "imagesUn" / "c_0000.nii.gz").write_bytes(b"garbage" * 100)
    told = refusal(two_cases.unlabeled(), num_processes=2)
    assert told.startswith("Unlabeled case c could not be")
    parallel = {case: arrays(two_cases.folder, case) for case in ("a", "b")}
    assert set(written(two_cases.folder)) == names_of("a", "b")
    shutil.rmtree(two_cases.folder)
    (two_cases.raw / "imagesUn" / "c_0000.nii.gz").unlink()
    prepare(two_cases.unlabeled())
    for case in ("a", "b"):
        np.testing.assert_equal(arrays(two_cases.folder, case), parallel[case])


def die(job: preprocessing_case.CaseJob) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_the_system_kills_is_explained(
    two_cases: TinyDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def clean_processes(number: int) -> Iterator[ProcessPoolExecutor]:
        with ProcessPoolExecutor(number, FORKSERVER) as pool:
            yield pool

    monkeypatch.setattr(preprocessing, "processes", clean_processes)
    monkeypatch.setattr(preprocessing, "preprocess_case", die)
    assert refusal(two_cases.unlabeled(), num_processes=2) == (
        "One of 2 worker processes was killed while preprocessing unlabeled cases, most likely "
        "because memory ran out: run ducisc preprocess -d 501 -c 3d_fullres -np 1, which has fewer "
        "workers."
    )
    assert not any(".tmp-" in path.name for path in two_cases.preprocessed.iterdir())
