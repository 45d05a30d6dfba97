"""Units run here, as jobs of a cluster, or by scripts; a failure stops only what needs it."""

import dataclasses
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from nnunetv2_ducisc.benchmark.execution.here import run_here, run_stages
from nnunetv2_ducisc.benchmark.execution.scripts import RUNNER, write_scripts
from nnunetv2_ducisc.benchmark.execution.slurm import Cluster, UnitJob
from nnunetv2_ducisc.benchmark.execution.submitted import Submitted, is_over
from nnunetv2_ducisc.benchmark.session import print_jobs, run_benchmark, run_unit
from nnunetv2_ducisc.benchmark.units.unit import Unit
from nnunetv2_ducisc.errors import DuCiSCError
from tests.fake_slurm import FakeSlurm
from tests.lines_of_python import order, slow_units, unit


def stages(root: Path) -> list[list[Unit]]:
    """One of two preparations fails, and one of the runs that can be begun."""
    bad = "exit('it broke')"
    return [
        [unit(root, "a/prepare"), unit(root, "b/prepare", bad)],
        [
            unit(root, "a/1", bad, "a/prepare"),
            unit(root, "b/1", "", "b/prepare"),
            unit(root, "a/2", "", "a/prepare"),
        ],
    ]


@pytest.mark.unit
def test_a_failure_stops_only_what_needs_it_and_is_reported(tmp_path, capsys):
    failures = run_stages(stages(tmp_path), run_here)
    assert order(tmp_path) == ["a/prepare", "b/prepare", "a/1", "a/2"]
    assert [failure.unit for failure in failures] == ["b/prepare", "b/1", "a/1"]
    assert str(failures[0]).endswith(f"exit code 1: it broke (log: {tmp_path}/b/prepare/log.txt)")
    assert str(failures[1]) == "b/1: not begun, since it needs b/prepare"


@pytest.mark.unit
def test_the_progress_bar_counts_what_is_done_and_no_failure(tmp_path, capsys):
    """Of five units two fail and one is not begun."""
    run_stages(stages(tmp_path), run_here)
    assert "2/5" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.unit
def test_what_is_done_is_not_even_given_to_the_runner(tmp_path):
    run_stages(stages(tmp_path), run_here)
    given = []

    def runner(units):
        given.extend(unit.name for unit in units)
        return run_here(units)

    run_stages(stages(tmp_path), runner)
    assert given == ["b/prepare", "a/1"] == order(tmp_path)[4:]


@pytest.mark.unit
def test_the_test_labels_stay_closed_while_a_prediction_is_lacking(desk):
    """A runner that only says that one of four runs failed."""

    def runner(units):
        return [(unit, "it broke" if "stock_seed1" in unit.name else None) for unit in units]

    with pytest.raises(DuCiSCError) as caught:
        run_benchmark(desk.plan(), runner)
    first, second = str(caught.value).splitlines()
    folder = desk.work / "Dataset004_Toy_3d_fullres/2_labels/stock_seed1_fold_all"
    assert first.endswith(f"/stock_seed1_fold_all: it broke (log: {folder}/log.txt)")
    assert second.startswith("1 unit failed, and the test labels stay closed until all are done")
    assert list(desk.work.iterdir()) == []


@pytest.mark.unit
@pytest.mark.parametrize("name", ["file", "file/below"])
def test_a_folder_that_cannot_be_made_is_a_sentence(desk, name):
    (desk.root / "file").write_text("", encoding="utf-8")
    planned = dataclasses.replace(desk.plan(), work=desk.root / name)
    (prepare, *_), *_ = planned.stages
    for work in (lambda: run_benchmark(planned, run_here), lambda: run_unit(planned, prepare.name)):
        with pytest.raises(DuCiSCError, match=r"cannot be made \(.*\): name another .* with -o\."):
            work()
    with pytest.raises(DuCiSCError, match="name another folder with --print-jobs"):
        print_jobs(planned, desk.root / name)


@pytest.mark.unit
def test_an_evaluation_by_its_name_is_refused_with_the_reason(desk):
    planned = desk.plan()
    with pytest.raises(DuCiSCError) as caught:
        run_unit(planned, planned.evaluations[0].name)
    assert str(caught.value) == (
        f"{planned.evaluations[0].name} opens test labels, which has to wait for all predictions: "
        "repeat the command without --unit."
    )


@pytest.mark.unit
def test_scripts_name_the_command_by_its_place(desk, monkeypatch):
    """A job's shell has nothing activated."""
    monkeypatch.setenv("PATH", "/nowhere")
    print_jobs(desk.plan(), desk.root / "jobs")
    for script in (desk.root / "jobs").iterdir():
        line = script.read_text(encoding="utf-8").splitlines()[-1]
        command = Path(line.removeprefix("bash ").split()[0])
        assert command.is_absolute() and command.name == "ducisc" and command.is_file()
    last = (desk.root / "jobs" / RUNNER).read_text(encoding="utf-8")
    assert "whatever is not done yet is done here, trainings too" in last


@pytest.mark.e2e
def test_jobs_of_a_cluster_do_the_same(tmp_path):
    """submitit's executor for this machine; jobs of a stage end in any order."""
    pytest.importorskip("submitit")
    cluster = Cluster(tmp_path / "jobs", {"timeout_min": 5}, name="local", pause=0.1)
    failures = run_stages(stages(tmp_path), cluster)
    assert sorted(order(tmp_path)) == ["a/1", "a/2", "a/prepare", "b/prepare"]
    assert [failure.unit for failure in failures] == ["b/prepare", "b/1", "a/1"]
    assert "it broke" in failures[2].reason


REPEATED = """
import sys
from pathlib import Path
from nnunetv2_ducisc.benchmark.execution.here import run_stages
from nnunetv2_ducisc.benchmark.execution.slurm import Cluster
from nnunetv2_ducisc.errors import DuCiSCError
from tests.lines_of_python import slow_units
root = Path(sys.argv[1])
cluster = Cluster(root / "jobs", {"timeout_min": 5, "slurm_use_srun": False}, pause=0.1)
units = slow_units(root, *sys.argv[2:])
try:
    failures = run_stages([units], cluster)
except DuCiSCError as error:
    sys.exit(f"refused: {error}")
sys.exit("; ".join(map(str, failures)) or None)
"""


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@dataclasses.dataclass
class Lost:
    """A command that was killed while two jobs of its array run, on a cluster of this machine."""

    root: Path

    def __post_init__(self) -> None:
        self.slurm = FakeSlurm.at(self.root / "bin")
        first = self.command()
        until(lambda: (self.root / "order").exists() and len(order(self.root)) == 2)
        first.kill()
        first.communicate()

    def command(self, *more: str) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-c", REPEATED, str(self.root), *more],
            env={**os.environ, "PATH": self.slurm.path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )

    def repeat(self, *more: str) -> str:
        """The command again; the jobs go on once it has asked about them. What it says."""
        asked = self.slurm.count("questions")
        command = self.command(*more)
        until(lambda: self.slurm.count("questions") > asked or command.poll() is not None)
        (self.root / "go").touch()
        return command.communicate()[0]


@pytest.mark.e2e
def test_a_repeated_command_waits_for_the_jobs_that_it_submitted_before(tmp_path):
    """Nothing is submitted, and both ends are reported; what failed is submitted the next time."""
    pytest.importorskip("submitit")
    lost = Lost(tmp_path)
    said = lost.repeat()
    assert sorted(order(tmp_path)) == ["bad", "good"] and lost.slurm.count("submissions") == 1
    assert "good: waiting for job 1_0, which was submitted before" in said
    assert "bad: waiting for job 1_1, which was submitted before" in said
    assert "exit code 1: it broke" in said
    assert "waiting for job" not in lost.repeat()
    assert sorted(order(tmp_path)) == ["bad", "bad", "good"]
    assert lost.slurm.count("submissions") == 2


@pytest.mark.e2e
def test_what_the_plan_asks_for_since_a_job_was_submitted_is_done_in_another(tmp_path):
    """A row for the teacher, say: the step is not in the job that is waited for."""
    pytest.importorskip("submitit")
    lost = Lost(tmp_path)
    said = lost.repeat("more")
    assert "good: waiting for job 1_0" in said and "good: done" in said
    assert sorted(order(tmp_path)) == ["bad", "good", "more"]
    assert [one.is_done for one in slow_units(tmp_path, "more")] == [True, False]
    assert lost.slurm.count("submissions") == 2


@pytest.mark.e2e
@pytest.mark.parametrize("answer", ["exit 1", "echo 'JobID|State|NodeList'"])
def test_a_job_that_sacct_says_nothing_of_is_neither_waited_for_nor_repeated(tmp_path, answer):
    """Accounting that is switched off, and a job that is no longer, or not yet, in it."""
    pytest.importorskip("submitit")
    lost = Lost(tmp_path)
    lost.slurm.answer(answer)
    said = lost.repeat()
    assert lost.slurm.count("submissions") == 1
    assert "refused: good was given to job 1_0, and sacct does not say what became of it" in said
    assert f"remove {tmp_path / 'jobs/jobs.json'}." in said


@pytest.mark.unit
@pytest.mark.parametrize(
    ("state", "over"),
    [("CANCELLED by 1000", True), ("TIMEOUT", True), ("PREEMPTED", False), ("PENDING", False)],
)
def test_a_preempted_job_is_queued_again_and_a_cancelled_one_is_over(tmp_path, state, over):
    paths = SimpleNamespace(result_pickle=tmp_path / "result", folder=tmp_path)
    assert is_over(SimpleNamespace(paths=paths, job_id="1", state=state), "a") is over


@pytest.mark.unit
def test_a_damaged_list_of_jobs_gets_a_sentence(tmp_path):
    (tmp_path / "jobs.json").write_text("[1", encoding="utf-8")
    with pytest.raises(DuCiSCError, match=r"is damaged .*remove it once squeue shows no job"):
        Submitted(tmp_path).jobs()


@pytest.mark.unit
def test_a_job_that_is_preempted_is_queued_again(tmp_path):
    helpers = pytest.importorskip("submitit.helpers")
    job = UnitJob(unit(tmp_path, "a"))
    again = job.checkpoint()
    assert isinstance(again, helpers.DelayedSubmission) and again.function is job


@pytest.mark.unit
def test_without_submitit_or_slurm_there_is_a_sentence(tmp_path, monkeypatch):
    with monkeypatch.context() as missing:
        missing.setitem(sys.modules, "submitit", None)
        with pytest.raises(DuCiSCError, match=r'pip install "nnunetv2-ducisc\[slurm\]"'):
            list(Cluster(tmp_path / "jobs", {"timeout_min": 5})([unit(tmp_path, "a")]))
    pytest.importorskip("submitit")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(DuCiSCError, match="run the command where sbatch works"):
        list(Cluster(tmp_path / "jobs", {"slurm_time": "1:00"})([unit(tmp_path, "a")]))


@pytest.mark.unit
def test_jobs_without_a_time_are_refused_before_submitit_gives_them_five_minutes(tmp_path):
    with pytest.raises(DuCiSCError, match=r"write something like slurm: \{timeout_min: 1440, "):
        list(Cluster(tmp_path / "jobs", {"gpus_per_node": 1})([unit(tmp_path, "a")]))


@pytest.mark.unit
def test_a_parameter_that_submitit_does_not_have_gets_a_sentence(tmp_path):
    pytest.importorskip("submitit")
    cluster = Cluster(tmp_path / "jobs", {"slurm_queue": "gpu"}, name="local")
    with pytest.raises(DuCiSCError, match="see to slurm in the plan"):
        list(cluster([unit(tmp_path, "a")]))


@pytest.mark.unit
def test_scripts_run_every_unit_in_the_order_of_the_stages_and_the_table_last(tmp_path):
    """``echo`` in place of the command shows what would be run, and with which variables."""
    scripts = write_scripts(
        tmp_path / "jobs", stages(tmp_path), 'echo "$nnUNet_raw"', {"nnUNet_raw": "/a b"}
    )
    assert [script.name for script in scripts] == [
        *("1_a__prepare.sh", "1_b__prepare.sh", "2_a__1.sh", "2_b__1.sh", "2_a__2.sh", RUNNER)
    ]
    done = subprocess.run([scripts[-1]], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.splitlines() == [
        *(f"/a b --unit {name}" for name in ("a/prepare", "b/prepare", "a/1", "b/1", "a/2")),
        "/a b",
    ]
    assert f"#   {sys.executable} -c" in scripts[0].read_text(encoding="utf-8")
