"""A unit is done once, goes on where it was stopped, and says what went wrong."""

import dataclasses
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from nnunetv2_ducisc.benchmark.plan.plan import Network
from nnunetv2_ducisc.benchmark.units.console import Console
from nnunetv2_ducisc.benchmark.units.lock import locked
from nnunetv2_ducisc.benchmark.units.plans_step import WritePlans, change_network
from nnunetv2_ducisc.benchmark.units.steps import Command, Link, Train, WriteFolder
from nnunetv2_ducisc.benchmark.units.unit import Unit
from nnunetv2_ducisc.errors import DuCiSCError

pytestmark = pytest.mark.unit


@dataclass
class Count:
    """A step that counts how often it is run, and fails as long as it is told to."""

    error: Exception | None = None
    runs: list[Console] = field(default_factory=list)
    title: str = "count"
    is_there: bool = True

    def run(self, console: Console) -> None:
        self.runs.append(console)
        if self.error:
            raise self.error


def unit_of(folder: Path, recipe: dict | None = None, **steps) -> Unit:
    return Unit("data/unit", folder / "unit", steps, recipe or {"seed": 0}, {"NAME": "value"})


def python(text: str) -> Command:
    return Command((sys.executable, "-c", text))


def run(step, folder: Path) -> str:
    """The unit's complaint, after its log has what was printed."""
    return unit_of(folder, step=step).run() or ""


def test_steps_are_run_in_order_and_never_again(tmp_path):
    first, second = Count(), Count(DuCiSCError("it broke"))
    unit = unit_of(tmp_path, first=first, second=second)
    assert not unit.is_done
    assert unit.run() == "it broke" and not unit.is_done
    second.error = None
    assert unit.run() is None and unit.is_done
    assert unit.run() is None
    assert (len(first.runs), len(second.runs)) == (1, 2)


def test_what_was_taken_away_is_made_again_and_what_is_there_is_not(tmp_path):
    """Metrics of a finished unit that were tidied away, whole or but for the folder."""
    write = "import pathlib, sys; f = pathlib.Path(sys.argv[1]); f.mkdir(); (f / 'a').touch()"
    made = tmp_path / "made"
    before = Count()
    unit = unit_of(tmp_path, before=before, made=WriteFolder((sys.executable, "-c", write), made))
    assert unit.run() is None and unit.is_done
    for _ in range(2):
        (made / "a").unlink()
        assert not unit.is_done
        assert unit.run() is None and unit.is_done and (made / "a").is_file()
        shutil.rmtree(made)
        assert unit.run() is None and (made / "a").is_file()
    assert len(before.runs) == 1


def test_a_full_disk_is_a_failure_of_the_unit_alone(tmp_path):
    unit = unit_of(tmp_path, write=Count(OSError(28, "No space left on device")))
    assert "No space left on device" in str(unit.run())


def test_what_a_command_prints_is_in_the_log_and_its_last_line_is_the_reason(tmp_path):
    reason = run(
        python("import os; print(os.environ['NAME']); print(); exit('bad luck')"), tmp_path
    )
    assert reason.endswith("ended with exit code 1: bad luck")
    log = unit_of(tmp_path).log.read_text(encoding="utf-8")
    assert log.splitlines()[1].startswith("$ ") and "\nvalue\n" in log


def test_a_command_that_is_not_installed_is_named(tmp_path):
    assert "nnUNetv3_train was not found" in run(Command(("nnUNetv3_train",)), tmp_path)


def test_commands_lie_beside_the_interpreter_whatever_the_path(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert run(Command(("ducisc", "--version")), tmp_path) == ""


def test_another_plan_does_not_go_on_in_the_same_folder(tmp_path):
    unit_of(tmp_path, {"settings": {"num_epochs": 5}}, step=Count()).run()
    unit_of(tmp_path, {"settings": {"num_epochs": 5}}).check_recipe()
    with pytest.raises(DuCiSCError) as caught:
        unit_of(tmp_path, {"settings": {"num_epochs": 6}}).check_recipe()
    assert str(caught.value) == (
        f"{tmp_path / 'unit'} was begun with settings {{'num_epochs': 5}}, but now it is "
        "{'num_epochs': 6}: restore the plan, the data and the version, or name another "
        "folder with -o."
    )


def test_a_unit_whose_plans_were_refused_was_not_begun(tmp_path):
    """Its first step failed: a corrected plan goes on in the folder, and then no other."""
    refused = Count(DuCiSCError("patch_size does not fit"))
    assert unit_of(tmp_path, {"patch": 64}, plans=refused).run()
    unit_of(tmp_path, {"patch": 128}).check_recipe()
    assert unit_of(tmp_path, {"patch": 128}, plans=Count(), train=refused).run()
    with pytest.raises(DuCiSCError, match="begun with patch 128, but now it is 64"):
        unit_of(tmp_path, {"patch": 64}).check_recipe()
    assert "begun with patch 128" in unit_of(tmp_path, {"patch": 64}, plans=Count()).run()


def test_a_recipe_that_an_earlier_version_recorded_in_part_is_compared_in_part(tmp_path):
    unit_of(tmp_path, {"fold": 0}, step=Count()).run()
    unit_of(tmp_path, {"fold": 0, "cases": 6}, step=Count()).check_recipe()


def test_a_unit_is_done_again_where_what_it_reads_was_corrected(tmp_path):
    step = Count()
    units = [
        dataclasses.replace(unit_of(tmp_path, step=step), inputs={"labels": stamp})
        for stamp in ("old", "old", "new")
    ]
    assert units[0].run() is None and units[1].is_done and not units[2].is_done
    assert units[1].run() is None and len(step.runs) == 1
    assert units[2].run() is None and len(step.runs) == 2 and not units[0].is_done


@pytest.mark.parametrize("text", ["{", "[]", '{"recipe": 1, "seconds": {}}', '{"recipe": null}'])
def test_a_damaged_state_is_a_sentence(tmp_path, text):
    unit = unit_of(tmp_path, step=Count())
    unit.folder.mkdir()
    (unit.folder / "state.json").write_text(text, encoding="utf-8")
    with pytest.raises(DuCiSCError, match=r"state\.json is damaged .*: remove it, and"):
        unit.check_recipe()
    assert "state.json is damaged" in unit.run()


def test_a_folder_that_cannot_be_made_is_a_failure_of_the_unit_alone(tmp_path):
    (tmp_path / "unit").write_text("a file", encoding="utf-8")
    assert "unit cannot be written (File exists)" in unit_of(tmp_path, step=Count()).run()


def test_a_folder_has_its_name_once_it_is_whole(tmp_path):
    """The command writes half of it and fails; repeated, it finds no folder of that name."""
    text = "import pathlib, sys; folder = pathlib.Path(sys.argv[-1]); folder.mkdir(); "
    half = (sys.executable, "-c", f"{text}(folder / 'half').touch(); exit(1)")
    folder = tmp_path / "out"
    assert "exit code 1" in run(WriteFolder(half, folder), tmp_path)
    assert not folder.exists()
    whole = (sys.executable, "-c", f"{text}(folder / 'whole').touch()")
    assert run(WriteFolder(whole, folder), tmp_path) == ""
    assert [file.name for file in folder.iterdir()] == ["whole"]
    assert not (tmp_path / ".out.partial").exists()


@pytest.mark.parametrize("checkpoint", [None, "checkpoint_latest.pth", "checkpoint_final.pth"])
def test_a_training_goes_on_where_a_checkpoint_is(tmp_path, checkpoint):
    fold = tmp_path / "fold_all"
    fold.mkdir()
    if checkpoint:
        (fold / checkpoint).touch()
    assert run(Train((sys.executable, "-c", "import sys; print(sys.argv)"), fold), tmp_path) == ""
    last = unit_of(tmp_path).log.read_text(encoding="utf-8").splitlines()[-1]
    assert last == ("['-c', '--c']" if checkpoint else "['-c']")


def test_the_users_data_set_is_linked_and_an_earlier_link_replaced(tmp_path):
    (tmp_path / "data").mkdir()
    link = Link(tmp_path / "data", tmp_path / "raw/Dataset004_Toy")
    assert run(link, tmp_path) == run(link, tmp_path) == ""
    assert link.link.resolve() == tmp_path / "data"


PLANS = {
    "plans_name": "nnUNetPlans",
    "configurations": {
        "2d": {
            "batch_size": 9,
            "patch_size": [40, 48],
            "architecture": {
                "arch_kwargs": {
                    "n_stages": 4,
                    "features_per_stage": [32, 64, 128, 256],
                    "strides": [[1, 1], [2, 2], [2, 2], [1, 2]],
                }
            },
        }
    },
}


def test_plans_get_the_settings_and_the_changes_and_a_name(tmp_path):
    (tmp_path / "nnUNetPlans.json").write_text(json.dumps(PLANS), encoding="utf-8")
    network = Network(batch_size=2, patch_size=(32, 64), base_features=40)
    assert run(WritePlans(tmp_path, "mine", "2d", network, {"seed": 1}), tmp_path) == ""
    written = json.loads((tmp_path / "mine.json").read_text(encoding="utf-8"))
    changed = written["configurations"]["2d"]
    assert written["plans_name"] == "mine" and changed["ducisc"] == {"seed": 1}
    assert changed["batch_size"] == 2 and changed["patch_size"] == [32, 64]
    assert changed["architecture"]["arch_kwargs"]["features_per_stage"] == [40, 80, 160, 256]
    assert json.loads((tmp_path / "nnUNetPlans.json").read_text(encoding="utf-8")) == PLANS


def test_what_was_not_planned_is_named(tmp_path):
    (tmp_path / "nnUNetPlans.json").write_text(json.dumps(PLANS), encoding="utf-8")
    step = WritePlans(tmp_path, "mine", "3d_fullres", Network(None, None, None), {})
    assert "has no configuration 3d_fullres: name one of 2d" in run(step, tmp_path)


@pytest.mark.parametrize("patch_size", [(32, 36), (32, 64, 64)])
def test_a_patch_that_does_not_fit_the_network_is_refused(patch_size):
    """Strides multiply to 4 and 8."""
    configuration = json.loads(json.dumps(PLANS["configurations"]["2d"]))
    with pytest.raises(DuCiSCError, match=r"give multiples of \[4, 8\]"):
        change_network(configuration, Network(None, patch_size, None))


def test_a_patch_of_which_one_voxel_is_left_is_refused():
    """Strides multiply to 4 and 8: of (4, 8) one voxel is left, of (8, 8) two."""
    configuration = json.loads(json.dumps(PLANS["configurations"]["2d"]))
    with pytest.raises(DuCiSCError, match=r"patch_size \[4, 8\] leaves one voxel"):
        change_network(configuration, Network(None, (4, 8), None))
    change_network(configuration, Network(None, (8, 8), None))
    assert configuration["patch_size"] == [8, 8]


def test_plans_that_are_cut_off_are_named(tmp_path):
    (tmp_path / "nnUNetPlans.json").write_text("{", encoding="utf-8")
    step = WritePlans(tmp_path, "mine", "2d", Network(None, None, None), {})
    assert "nnUNetPlans.json cannot be read" in run(step, tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="needs locks that processes inherit")
def test_a_unit_waits_for_a_training_whose_benchmark_was_killed(tmp_path, capsys):
    """The lock's owner ends at once; the command that it started holds the lock for a second."""
    lock = tmp_path / "lock"
    owner = (
        "import subprocess, sys; from pathlib import Path\n"
        "from nnunetv2_ducisc.benchmark.units.lock import locked\n"
        f"with locked(Path({str(lock)!r})) as descriptor:\n"
        "    subprocess.Popen(['sleep', '1'], pass_fds=[descriptor])\n"
    )
    subprocess.run([sys.executable, "-c", owner], check=True)
    start = time.monotonic()
    with locked(lock):
        assert time.monotonic() - start > 0.2
    assert "is still being worked in by another process" in capsys.readouterr().out


@pytest.mark.skipif(os.name != "posix", reason="needs process groups")
@pytest.mark.parametrize("way", ["killed", "interrupted"])
def test_background_workers_end_with_their_training_and_free_the_unit(tmp_path, way):
    """A worker that is left alone would sleep for a minute, with the lock."""
    killed = "import os, time; time.sleep(60) if os.fork() == 0 else os.kill(os.getpid(), 9)"
    text = killed if way == "killed" else "import os, time; os.fork(); time.sleep(60)"
    with locked(tmp_path / "lock") as descriptor:
        console = Console(tmp_path / "log.txt", {}, descriptor)
        if way == "killed":
            with pytest.raises(DuCiSCError, match="ended with exit code -9"):
                console.run(sys.executable, "-c", text)
        else:
            threading.Timer(2, os.kill, (os.getpid(), signal.SIGINT)).start()
            with pytest.raises(KeyboardInterrupt):
                console.run(sys.executable, "-c", text)
    start = time.monotonic()
    with locked(tmp_path / "lock"):
        assert time.monotonic() - start < 30


@pytest.mark.skipif(os.name != "posix", reason="needs file locks")
def test_a_file_system_without_locks_is_named(tmp_path, capsys, monkeypatch):
    def refuse(*_: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    with locked(tmp_path / "lock"):
        pass
    printed = capsys.readouterr().out
    assert printed.startswith(f"{tmp_path} is on a file system without locks (")
