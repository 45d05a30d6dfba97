"""nnU-Net finds the trainers in any environment the package is installed in, and only there."""

import os
import pickle
import shutil
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from nnunetv2_ducisc.nnunet.registration import VARIABLE, register
from tests.installed import Environment, copy_of_sources

PRINT_VARIABLE = f"import os; print(os.environ.get({VARIABLE!r}))"
PRINT_MODULES = "import sys; print(*sys.modules)"

LOOK_UP_BOTH = """
import pickle
from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name

recursive_find_trainer_class_by_name("nnUNetTrainerOfTheUser")
found = recursive_find_trainer_class_by_name("nnUNetTrainerDuCiSC")
assert pickle.loads(pickle.dumps(found)) is found
print(found.__module__)
"""

TRAINER_OF_THE_USER = """
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

class nnUNetTrainerOfTheUser(nnUNetTrainer):
    pass
"""


@pytest.fixture(scope="module", autouse=True)
def _this_environment_is_left_alone() -> Iterator[None]:
    """The environment that runs the tests keeps its own installation, whatever pip does here."""

    def own_files() -> dict[Path, int]:
        site_packages = Path(sysconfig.get_path("purelib"))
        return {file: file.stat().st_mtime_ns for file in site_packages.glob("*nnunetv2_ducisc*")}

    before = own_files()
    yield
    assert own_files() == before


@pytest.fixture(scope="module", params=["wheel", "editable"])
def installed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Environment:
    return install(tmp_path_factory.mktemp(request.param), request.param)


def install(root: Path, way: str) -> Environment:
    sources = root / "sources"
    sources.mkdir()
    environment = Environment.create(root)
    environment.install(*(["-e"] if way == "editable" else []), copy_of_sources(sources))
    return environment


@pytest.mark.unit
def test_the_entries_of_the_user_are_kept_and_ours_is_added_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(VARIABLE, os.pathsep.join(["/a", "/b"]))
    register("/ours")
    register("/ours")
    assert os.environ[VARIABLE].split(os.pathsep) == ["/a", "/b", "/ours"]


@pytest.mark.unit
def test_a_variable_that_is_empty_gets_no_empty_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "")
    register("/ours")
    assert os.environ[VARIABLE] == "/ours"


@pytest.mark.unit
def test_the_folder_that_nnunet_searches_holds_every_variant_and_no_other_module() -> None:
    """nnU-Net imports each module there until one has the class."""
    from nnunetv2_ducisc import variants
    from nnunetv2_ducisc.nnunet import registration
    from nnunetv2_ducisc.nnunet.registration import ducisc_trainers

    (folder,) = registration.__path__
    assert {file.name for file in Path(folder).glob("*.py")} == {
        "__init__.py",
        "ducisc_trainers.py",
    }
    # Four presets, each in four lengths, seeded stock, and the paper's alternatives.
    assert len(variants.__all__) == 4 * 4 + 1 + 15
    for name in variants.__all__:
        trainer = getattr(ducisc_trainers, name)
        assert trainer.__name__ == name
        assert pickle.loads(pickle.dumps(trainer)) is trainer


@pytest.mark.e2e
def test_the_variable_is_set_when_python_starts(installed: Environment) -> None:
    """The folder is that of the installation: below site-packages, or below the sources."""
    folder = Path(installed.python(PRINT_VARIABLE))
    assert (folder / "ducisc_trainers.py").is_file()
    assert folder.is_relative_to(installed.root)


@pytest.mark.e2e
def test_a_child_process_has_the_entry_once_and_the_users_still(installed: Environment) -> None:
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {PRINT_VARIABLE!r}])"
    *others, ours = installed.python(child, **{VARIABLE: "/a"}).split(os.pathsep)
    assert ours.endswith("registration")
    assert others == ["/a"]


@pytest.mark.e2e
def test_the_start_of_python_imports_nothing_but_three_modules_and_prints_nothing(
    installed: Environment, tmp_path: Path
) -> None:
    without = Environment.create(tmp_path).python(PRINT_MODULES).split()
    started = installed.run(installed.command("python"), "-c", PRINT_MODULES)
    assert set(started.stdout.split()) - set(without) == {
        "nnunetv2_ducisc",
        "nnunetv2_ducisc.nnunet",
        "nnunetv2_ducisc.nnunet.registration",
    }
    assert not started.stderr


@pytest.mark.e2e
def test_the_start_of_python_takes_less_than_two_milliseconds_longer(
    installed: Environment,
) -> None:
    """The fastest of ten starts, since other processes only ever make it slower."""

    def microseconds() -> int:
        timed = installed.run(installed.command("python"), "-X", "importtime", "-c", "pass").stderr
        (line,) = [line for line in timed.splitlines() if line.endswith(".registration")]
        return int(line.split("|")[1])

    assert min(microseconds() for _ in range(10)) < 2000


@pytest.mark.e2e
def test_nnunet_finds_our_trainer_and_the_users_own(installed: Environment, tmp_path: Path) -> None:
    """Ours is one class however it is reached, so that checkpoints and workers can pickle it."""
    (tmp_path / "mine.py").write_text(TRAINER_OF_THE_USER, encoding="utf-8")
    printed = installed.python(LOOK_UP_BOTH, **{VARIABLE: str(tmp_path)})
    assert printed.splitlines()[-1] == "nnunetv2_ducisc.trainer"


@pytest.mark.e2e
def test_the_command_line_is_installed_and_answers_before_it_imports_torch(
    installed: Environment,
) -> None:
    told = installed.run(
        installed.command("ducisc"), "preprocess", "--help", PYTHONPROFILEIMPORTTIME="1"
    )
    assert told.stdout.startswith("usage: ducisc preprocess")
    imported = {line.split("|")[-1].strip() for line in told.stderr.splitlines()}
    assert "nnunetv2_ducisc.cli" in imported
    assert not imported & {"torch", "numpy", "nnunetv2"}


@pytest.mark.e2e
@pytest.mark.parametrize("way", ["wheel", "editable"])
def test_pip_uninstall_leaves_nothing_behind(way: str, tmp_path: Path) -> None:
    before = Environment.create(tmp_path / "before")
    environment = install(tmp_path, way)
    environment.pip("uninstall", "--yes", "nnunetv2-ducisc")
    assert environment.python(PRINT_VARIABLE) == "None"
    left = {file.relative_to(environment.root) for file in environment.files()}
    assert left == {file.relative_to(before.root) for file in before.files()}


@pytest.mark.e2e
def test_python_still_works_where_the_sources_of_an_editable_installation_are_gone(
    tmp_path: Path,
) -> None:
    """What site does with such a file: one note that names it, and on it goes."""
    environment = install(tmp_path, "editable")
    shutil.rmtree(tmp_path / "sources")
    started = environment.run(environment.command("python"), "-c", PRINT_VARIABLE)
    assert started.stdout.strip() == "None"
    assert str(environment.site_packages / "nnunetv2_ducisc.pth") in started.stderr
