"""The command line: what is typed becomes a dataclass, and bad input becomes one sentence."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from nnunetv2_ducisc import __version__
from nnunetv2_ducisc.cli import main, parse
from nnunetv2_ducisc.verbs.add_unlabeled import AddUnlabeled
from nnunetv2_ducisc.verbs.doctor import Doctor
from nnunetv2_ducisc.verbs.export import Export
from nnunetv2_ducisc.verbs.preprocess import Preprocess
from nnunetv2_ducisc.verbs.withhold import Withhold
from tests.tiny_dataset import TinyDataset, image, write

pytestmark = pytest.mark.unit


def typed(command: str) -> list[str]:
    return command.split()


@pytest.fixture
def tiny_raw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TinyDataset:
    dataset = TinyDataset(tmp_path)
    dataset.add("a")
    dataset.write_plans()
    for variable in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
        (tmp_path / variable).mkdir(exist_ok=True)
        monkeypatch.setenv(variable, str(tmp_path / variable))
    return dataset


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line on stderr of a command that fails."""
    assert main(arguments) == 1
    printed = capsys.readouterr()
    assert not printed.out
    (line,) = printed.err.splitlines()
    return line


def test_options_left_out_are_nnunets_defaults() -> None:
    assert parse(["doctor"]) == Doctor(None, None, "nnUNetPlans")
    assert parse(typed("preprocess -d 501 -c 2d")) == Preprocess("501", "2d", "nnUNetPlans", None)
    assert parse(typed("withhold -d 4 --labeled 10 --to 604")) == Withhold(
        dataset="4",
        labeled=10,
        seed=0,
        to=604,
        groups=None,
        withheld_labels=True,
        overwrite=False,
        hard_links=True,
        dry_run=False,
    )
    assert parse(typed("add-unlabeled -d 4 scans x.mha")) == AddUnlabeled(
        dataset="4",
        images=[Path("scans"), Path("x.mha")],
        processes=None,
        hard_links=True,
        dry_run=False,
    )
    assert parse(typed("export -d 501 -c 2d -o out")) == Export(
        dataset="501",
        configuration="2d",
        plans="nnUNetPlans",
        trainer="nnUNetTrainerDuCiSC",
        folds=["0", "1", "2", "3", "4"],
        checkpoint="checkpoint_final.pth",
        output=Path("out"),
    )


def test_every_option_arrives(tmp_path: Path) -> None:
    (tmp_path / "cases").write_text("b\na\n", encoding="utf-8")
    options = f"-d 4 --labeled {tmp_path / 'cases'} --seed 3 --to 604 --groups g.csv"
    flags = "--no-withheld-labels --overwrite --copy --dry-run"
    assert parse(["withhold", *typed(f"{options} {flags}")]) == Withhold(
        "4", ["b", "a"], 3, 604, Path("g.csv"), False, True, False, True
    )
    assert parse(typed("add-unlabeled -d 4 scans -np 3 --copy --dry-run")) == AddUnlabeled(
        "4", [Path("scans")], 3, False, True
    )
    assert parse(typed("doctor -d 501 -c 2d -p mine")) == Doctor("501", "2d", "mine")
    assert parse(typed("preprocess -d 501 -c 2d -p mine -np 3")) == Preprocess(
        "501", "2d", "mine", 3
    )
    options = "-d 501 -c 2d -p mine -tr other -f 0 all -chk best.pth -o out"
    assert parse(["export", *typed(options)]) == Export(
        "501", "2d", "mine", "other", ["0", "all"], "best.pth", Path("out")
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("", "the following arguments are required: VERB"),
        ("train", "invalid choice: 'train'"),
        ("preprocess -d 501", "the following arguments are required: -c"),
        ("preprocess -d 501 -c 2d -np 0", "0 is too few: expected 1 or more"),
        ("export -d 501 -c 2d", "the following arguments are required: -o"),
        ("withhold -d 4 --to 604", "the following arguments are required: --labeled"),
        ("withhold -d 4 --labeled x --to 604", "x is neither a number nor a text file"),
        ("withhold -d 4 --labeled 1 --to 1000", "1000 is no dataset number: expected 1 to 999"),
        ("withhold -d 4 --labeled 1 --to 604 --seed -1", "-1 is no seed: expected 0 to 42949"),
        ("add-unlabeled -d 4", "the following arguments are required: IMAGE"),
    ],
)
def test_what_cannot_be_parsed_is_refused_by_argparse(
    arguments: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(typed(arguments))
    assert caught.value.code == 2
    assert sentence in capsys.readouterr().err


def test_a_configuration_without_a_dataset_cannot_be_checked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert refusal(capsys, "doctor", "-c", "2d") == "-c was given without -d: add -d DATASET."


def test_a_reader_that_has_gone_ends_a_command_quietly(tiny_raw: TinyDataset) -> None:
    """As in ``ducisc doctor | head``; 141 is what a shell reports for programs that it ends so."""
    command = "import sys; from nnunetv2_ducisc.cli import main; sys.exit(main(['doctor']))"
    process = subprocess.Popen(
        [sys.executable, "-c", command], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    printed = process.stderr.read().decode()
    assert process.wait() == 141
    assert "BrokenPipe" not in printed and "Traceback" not in printed


def test_another_pipe_that_breaks_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(verb: Doctor) -> int:
        raise BrokenPipeError

    monkeypatch.setattr(Doctor, "run", broken)
    with pytest.raises(BrokenPipeError):
        main(["doctor"])


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--version"])
    assert capsys.readouterr().out == f"ducisc {__version__}\n"


def test_preprocess_preprocesses(tiny_raw: TinyDataset, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(typed("preprocess -d 501 -c 3d_fullres -np 1")) == 0
    assert capsys.readouterr().out == f"1 unlabeled cases are preprocessed in {tiny_raw.folder}.\n"
    assert (tiny_raw.folder / "a.pkl").is_file()


def test_bad_input_is_one_line_on_stderr_and_status_one(
    tiny_raw: TinyDataset, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refusal(capsys, *typed("preprocess -d 501 -c 2d -np 1"))
    assert line.endswith("has no configuration 2d: name one of 3d_fullres with -c.")


def test_export_of_what_was_never_trained_names_the_file(
    tiny_raw: TinyDataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The folder is the one in which nnU-Net trains this model."""
    out = str(tmp_path / "out")
    line = refusal(capsys, *typed(f"export -d 501 -c 2d -p mine -tr other -f 0 -o {out}"))
    folder = tmp_path / "nnUNet_results" / "Dataset501_Tiny" / "other__mine__2d"
    assert line.startswith(f"{folder / 'plans.json'} does not exist")


def test_export_of_an_unknown_dataset_names_the_way_out(
    tiny_raw: TinyDataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refusal(capsys, *typed(f"export -d 777 -c 2d -f 0 -o {tmp_path / 'out'}"))
    assert line == (
        "Could not find a dataset with the ID 777: name the number or the whole name of one folder "
        "DatasetNNN_NAME in nnUNet_raw."
    )


def test_export_without_a_results_folder_says_which_variable_to_set(
    tiny_raw: TinyDataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("nnUNet_results")
    line = refusal(capsys, *typed(f"export -d 501 -c 2d -f 0 -o {tmp_path / 'out'}"))
    assert line.startswith("nnUNet_results is not set: run export nnUNet_results=")


def test_export_writes_the_model_and_says_how_to_predict(
    tiny_raw: TinyDataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "nnUNet_results/Dataset501_Tiny/nnUNetTrainerDuCiSC__nnUNetPlans__2d"
    (model / "fold_all").mkdir(parents=True)
    for name in ("plans.json", "dataset.json"):
        (model / name).write_text("{}", encoding="utf-8")
    checkpoint = {"trainer_name": "nnUNetTrainerDuCiSC", "network_weights": {"w": torch.ones(1)}}
    torch.save(checkpoint, model / "fold_all" / "checkpoint_final_teacher.pth")
    out = tmp_path / "out"
    options = f"-d 501 -c 2d -f all -chk checkpoint_final_teacher.pth -o {out}"
    assert main(["export", *typed(options)]) == 0
    exported = torch.load(out / "fold_all" / "checkpoint_final.pth", weights_only=False)
    assert exported["trainer_name"] == "nnUNetTrainer"
    assert f"nnUNetv2_predict_from_modelfolder -i INPUT -o OUTPUT -m {out} -f all" in (
        capsys.readouterr().out
    )


def test_withhold_writes_a_copy_and_says_what_comes_next(
    tiny_raw: TinyDataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a draw that is possible, nothing is written."""
    shutil.rmtree(tiny_raw.raw)
    for case in "ab":
        tiny_raw.add(case, folder="imagesTr")
        tiny_raw.add(case, folder="labelsTr")[0].rename(
            tiny_raw.raw / "labelsTr" / f"{case}.nii.gz"
        )
    (tiny_raw.raw / "dataset.json").write_text(json.dumps(tiny_raw.dataset_json), encoding="utf-8")
    copy = tmp_path / "nnUNet_raw" / "Dataset604_Tiny"
    assert "not possible with 2 cases" in refusal(
        capsys, *typed("withhold -d 501 --labeled 2 --to 604")
    )
    assert main(typed("withhold -d 501 --labeled 1 --to 604 --dry-run")) == 0
    assert str(copy / "dataset.json") in capsys.readouterr().out.splitlines()
    assert not copy.exists()
    assert main(typed("withhold -d 501 --labeled 1 --to 604")) == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        "nnUNetv2_train 604 CONFIGURATION all -tr nnUNetTrainerDuCiSC"
    )
    assert (copy / "dataset.json").is_file()


def test_add_unlabeled_fails_for_one_case_and_adds_the_others(
    tiny_raw: TinyDataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny_raw.add("l", seed=1, folder="imagesTr")
    (tiny_raw.raw / "dataset.json").write_text(json.dumps(tiny_raw.dataset_json), encoding="utf-8")
    write(tmp_path / "scans" / "x.nii", image(seed=2))
    write(tmp_path / "scans" / "l.nii", image(seed=3))
    assert main(["add-unlabeled", "-d", "501", str(tmp_path / "scans"), "-np", "1"]) == 1
    printed = capsys.readouterr()
    assert "1 (1 file: 1 conversion)." in printed.out
    assert printed.err.splitlines()[-1].startswith("Case l is not added, a labeled case is called")
    assert (tiny_raw.raw / "imagesUn" / "x_0000.nii.gz").is_file()
