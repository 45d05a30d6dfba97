"""What the doctor says of Python, packages, folders and nnU-Net's lookup of the trainer."""

import os
import sys
from pathlib import Path

import pytest

from nnunetv2_ducisc.doctor import installation
from nnunetv2_ducisc.doctor.folders import existing_folder, writable_folder
from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.nnunet.registration import VARIABLE

unit = pytest.mark.unit


@unit
def test_the_environment_that_runs_the_tests_is_in_order() -> None:
    assert installation.python_version() == ".".join(map(str, sys.version_info[:3]))
    assert "nnunetv2 2.8." in installation.package_versions()
    assert installation.torch_pair().startswith("torch 2.")


def pretend_installed(folder: Path, name: str, version: str, *lines: str) -> None:
    """What pip leaves of a package for others to ask about."""
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "\n".join([f"Name: {name}", f"Version: {version}", *lines]), encoding="utf-8"
    )


@unit
def test_an_old_nnunet_is_found_and_the_range_is_in_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_installed(tmp_path, "nnunetv2", "2.6.2")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(DuCiSCError, match=r"nnunetv2 is 2\.6\.2.*pip install 'nnunetv2<2\.9,>=2"):
        installation.package_versions()


@unit
def test_what_nnunet_itself_requires_is_looked_at_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ("Requires-Dist: no-such-package>=3", 'Requires-Dist: another; extra == "dev"')
    pretend_installed(tmp_path, "nnunetv2", "2.8.1", *lines)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(DuCiSCError) as caught:
        installation.package_versions()
    assert "no-such-package is absent: run pip install 'no-such-package>=3'" in str(caught.value)
    assert "another" not in str(caught.value)


@unit
def test_a_python_out_of_range_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_installed(tmp_path, "nnunetv2_ducisc", "0.1.0", "Requires-Python: >=3.99")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(DuCiSCError, match=r"was found, >=3\.99 expected: install the package into"):
        installation.python_version()


@unit
def test_a_variable_that_is_not_set_is_failed_with_the_export_to_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("nnUNet_raw", raising=False)
    with pytest.raises(DuCiSCError, match="not set: run export nnUNet_raw="):
        existing_folder("nnUNet_raw")


@unit
def test_a_folder_that_is_not_there_is_failed_with_the_mkdir_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("nnUNet_raw", str(tmp_path / "absent"))
    with pytest.raises(DuCiSCError, match=f"mkdir -p {tmp_path / 'absent'}"):
        existing_folder("nnUNet_raw")


@unit
@pytest.mark.skipif(sys.platform != "linux", reason="needs a folder where root cannot write either")
def test_a_folder_where_nothing_can_be_written_may_be_raw_but_not_results(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("nnUNet_raw", "/proc")
    monkeypatch.setenv("nnUNet_results", "/proc")
    assert existing_folder("nnUNet_raw") == "/proc"
    with pytest.raises(
        DuCiSCError, match=r"/proc cannot be written to .*nnUNet_results name anoth"
    ):
        writable_folder("nnUNet_results")


# The lookup imports every trainer of nnU-Net's once, which takes seconds: no unit tests.


def test_the_lookup_finds_the_trainer() -> None:
    assert installation.trainer_lookup() == "-tr nnUNetTrainerDuCiSC is found"


def test_a_variable_without_our_folder_is_failed_with_the_export_to_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(DuCiSCError) as caught:
        installation.trainer_lookup()
    folder = Path(str(caught.value).rpartition("run export nnUNet_extTrainer=")[2])
    assert (folder / "ducisc_trainers.py").is_file()


def test_another_trainer_of_the_same_name_is_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "copied.py").write_text(
        "from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer\n"
        "class nnUNetTrainerDuCiSC(nnUNetTrainer): pass\n",
        encoding="utf-8",
    )
    ours = os.environ[VARIABLE]
    monkeypatch.setenv(VARIABLE, f"{tmp_path}{os.pathsep}{ours}")
    with pytest.raises(DuCiSCError, match="is found in copied, not in nnunetv2_ducisc: take that"):
        installation.trainer_lookup()
