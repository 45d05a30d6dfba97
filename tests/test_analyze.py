"""``ducisc analyze`` whole, on tiny models: in 3D and in 2D, with and without what it looks for."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from nnunetv2_ducisc.cli import main
from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.evaluation.analysis.sections.held_out import HeldOutCases
from nnunetv2_ducisc.evaluation.analysis.subject import Subject
from nnunetv2_ducisc.evaluation.analysis.views import pseudo_label
from nnunetv2_ducisc.nnunet.export import export_model
from nnunetv2_ducisc.nnunet.model_loading import load_model
from nnunetv2_ducisc.nnunet.preprocessed_cases import unlabeled_cases
from tests.analyzing import CPU, Analyzing, dice
from tests.installed import copy_of_sources
from tests.planned import PlannedDataset

PICTURES = {
    "semantic_matching",
    "feature_density",
    "pseudo_label_quality",
    "calibration",
    "training",
    "mixed_images",
    "test_cases",
}


@pytest.fixture(scope="module")
def copied(planned_3d, finished_run, tmp_path_factory) -> Analyzing:
    model = Path(finished_run.output_folder_base)
    return Analyzing.of(planned_3d, model, tmp_path_factory.mktemp("analyzing"))


@pytest.fixture
def analyzing(copied, monkeypatch) -> Analyzing:
    copied.enter(monkeypatch)
    return copied


@pytest.fixture(scope="module")
def finished(copied, tmp_path_factory) -> Path:
    """The report of the semi-supervised model, whose unlabeled cases have a truth."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        copied.enter(monkeypatch)
        folder = tmp_path_factory.mktemp("report") / "out"
        copied.report(folder)
    return folder


def numbers_in(folder: Path) -> dict:
    return json.loads((folder / "analysis.json").read_text(encoding="utf-8"))


def test_the_folder_has_the_page_the_numbers_and_every_figure_twice(finished):
    figures = {f"{name}.{ending}" for name in PICTURES for ending in ("png", "pdf")}
    there = {file.name for file in finished.iterdir()}
    assert there == figures | {"report.html", "analysis.json"}
    assert list(finished.parent.iterdir()) == [finished]


def test_the_page_stands_alone_and_shows_every_figure(finished):
    page = (finished / "report.html").read_text(encoding="utf-8")
    assert len(re.findall(r'src="data:image/png;base64,', page)) == len(PICTURES)
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)
    assert "dashed: the threshold of the class" in page
    assert "http" not in page and "<script" not in page and "{{" not in page
    assert page.count("<section") == page.count("</section>") == len(PICTURES)


def test_the_pseudo_labels_dice_is_that_of_whole_maps(finished, analyzing):
    """The report counts tile by tile; here the whole pseudo label is held against the raw truth."""
    model = load_model(analyzing.model, "all", "checkpoint_final.pth", CPU)
    cases = unlabeled_cases(model)
    assert cases is not None
    numbers = numbers_in(finished)["pseudo_labels"]
    assert numbers["cases"] == cases.names and numbers["labeler"] == "teacher"
    for place, name in enumerate(cases.names):
        maps = pseudo_label(model, cases.load(name))[0].numpy() > 0
        raw = SimpleITK.ReadImage(str(analyzing.raw / "labelsUn" / f"{name}.nii.gz"))
        truth = SimpleITK.GetArrayFromImage(raw)
        for c, of_class in enumerate(model.classes):
            expected = dice(maps[c], truth == c)
            assert numbers["dice"][of_class][place] == pytest.approx(expected)


def test_every_pair_of_cases_is_matched_for_both_networks(finished):
    numbers = numbers_in(finished)["semantic_matching"]
    assert len(numbers["labeled_cases"]) == 3 and len(numbers["unlabeled_cases"]) == 4
    for network in ("student", "teacher"):
        matrix = np.array(numbers[network]["M"]["background"], float)
        assert matrix.shape == (3, 4)
        assert numbers[network]["Q_per_class"]["background"] == pytest.approx(np.nanmean(matrix))
        everything = np.array(list(numbers[network]["M"].values()), float)
        assert numbers[network]["Q"] == pytest.approx(np.nanmean(everything))
        assert 0 < numbers[network]["Q_normalized"] <= 1


def test_the_same_seed_gives_the_same_report(finished, analyzing, tmp_path):
    analyzing.report(tmp_path / "again")
    for file in finished.iterdir():
        assert (tmp_path / "again" / file.name).read_bytes() == file.read_bytes(), file.name


def test_cases_are_bounded_drawn_by_the_seed_and_counted_in_the_page(analyzing, tmp_path):
    numbers = analyzing.report(tmp_path / "out", max_cases=1, seed=1)
    assert numbers["labeled cases"] == "1 of 3" and numbers["unlabeled cases"] == "1 of 4"
    assert len(numbers["pseudo_labels"]["cases"]) == 1
    assert "1 of 4" in (tmp_path / "out/report.html").read_text(encoding="utf-8")
    model = load_model(analyzing.model, "all", "checkpoint_final.pth", CPU)
    drawn = {Subject.of(model, 1, seed, None).draw(["a", "b", "c"], 1)[0] for seed in range(10)}
    assert drawn == {"a", "b", "c"}


def test_predictions_that_are_given_are_ranked_and_not_made(analyzing, tmp_path):
    """The truth of one test case and nothing in the other: Dice 1 and 0. Both are ranked, however
    few cases the rest of the report looks at: reading them is cheap.
    """
    predictions = tmp_path / "predictions"
    predictions.mkdir()
    shutil.copy(analyzing.raw / "labelsTs/phantom_007.nii.gz", predictions)
    empty = SimpleITK.ReadImage(str(analyzing.raw / "labelsTs/phantom_008.nii.gz")) * 0
    SimpleITK.WriteImage(empty, str(predictions / "phantom_008.nii.gz"))
    report = analyzing.report(tmp_path / "out", predictions=predictions, max_cases=1)
    numbers = report["test_cases"]
    of_case = {case: set(values.values()) for case, values in numbers["dice"].items()}
    assert list(of_case.items()) == [("phantom_008", {0.0}), ("phantom_007", {1.0})]
    assert numbers["predictions"] == "given"
    with pytest.raises(DuCiSCError, match=r"has no prediction of a test case, like phantom_007"):
        analyzing.report(tmp_path / "other", predictions=tmp_path)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda image: SimpleITK.PermuteAxes(image, (2, 1, 0)), r"has \d+ x \d+ x \d+ voxels, its"),
        (lambda image: SimpleITK.Flip(image, (True, False, False)), r"has the origin .*, its ref"),
    ],
)
def test_a_test_image_on_another_grid_than_its_truth_is_refused(
    planned_3d, finished_run, tmp_path, monkeypatch, change, sentence
):
    """The number of voxels is the same: contours would be drawn in the wrong place."""
    analyzing = Analyzing.of(planned_3d, Path(finished_run.output_folder_base), tmp_path)
    analyzing.enter(monkeypatch)
    for file in (analyzing.raw / "imagesTs").iterdir():
        SimpleITK.WriteImage(change(SimpleITK.ReadImage(str(file))), str(file))
    model = load_model(analyzing.model, "all", "checkpoint_final.pth", CPU)
    cases = HeldOutCases.of(Subject.of(model, 1, 0, None))
    for look in (cases.predicted, lambda: cases.worst_median_best(analyzing.raw / "labelsTs")):
        with pytest.raises(DuCiSCError, match=rf"The image of test case phantom_00. {sentence}"):
            look()


def test_without_truth_the_report_says_that_voxels_are_pseudo_labeled(
    planned_3d, finished_run, tmp_path, monkeypatch
):
    analyzing = Analyzing.of(planned_3d, Path(finished_run.output_folder_base), tmp_path)
    analyzing.enter(monkeypatch)
    for folder in ("labelsUn", "labelsTs"):
        shutil.rmtree(analyzing.raw / folder)
    numbers = analyzing.report(tmp_path / "out")
    page = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert "pseudo-labeled" in numbers["feature_density"]["unlabeled_voxels"]
    assert "dice" not in numbers["pseudo_labels"] and numbers["pseudo_labels"]["coverage"]
    assert numbers["calibration"] == numbers["test_cases"] == {}
    assert "labelsUn has no truth" in page and "There are no test cases" in page
    assert page.count("<img") == len(PICTURES) - 3


def test_a_stock_model_leaves_out_what_it_does_not_have_with_a_sentence(analyzing, tmp_path):
    stock = tmp_path / "nnUNetTrainer__finished__3d_fullres"
    export_model(analyzing.model, ["all"], "checkpoint_final.pth", stock)
    numbers = Analyzing(analyzing.root, analyzing.name, stock).report(tmp_path / "out")
    assert "Q" in numbers["semantic_matching"]["network"]
    assert numbers["training"] == numbers["mixed_images"] == {}
    assert not {"thresholds", "coverage"} & set(numbers["pseudo_labels"])
    page = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert "had no threshold to pass" in page and "mixed no images" in page
    assert "passed" not in page and "dashed: the threshold" not in page


def test_2d_models_are_analyzed_too(planned_2d: PlannedDataset, tmp_path, monkeypatch):
    for name, value in planned_2d.environment(tmp_path / "results").items():
        monkeypatch.setenv(name, value)
    trainer = planned_2d.trainer(plans_name="analyzed")
    trainer.run_training()
    analyzing = Analyzing.of(planned_2d, Path(trainer.output_folder_base), tmp_path)
    analyzing.enter(monkeypatch)
    numbers = analyzing.report(tmp_path / "out")
    assert len(numbers["pseudo_labels"]["dice"]["chamber"]) == 4
    assert {file.stem for file in (tmp_path / "out").glob("*.png")} == PICTURES


@pytest.mark.e2e
def test_a_wheel_has_the_pages_template(tmp_path):
    sources = tmp_path / "sources"
    sources.mkdir()
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", copy_of_sources(sources), "-w", tmp_path]
        + ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"],
        check=True,
        capture_output=True,
    )
    [wheel] = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "nnunetv2_ducisc/evaluation/analysis/report/report.html.jinja" in names


def test_a_folder_with_other_things_is_left_alone(analyzing, tmp_path):
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(DuCiSCError, match="holds other things than an analysis: name a new one"):
        analyzing.report(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_looked_at(
    analyzing, tmp_path, capsys
):
    """Folders cannot be made in /proc, not even by root."""
    with pytest.raises(DuCiSCError, match=r"/proc/x cannot be written .*name another folder with"):
        analyzing.report(Path("/proc/x"))
    assert "Looking at" not in capsys.readouterr().err
    (tmp_path / "file").touch()
    with pytest.raises(DuCiSCError, match="file is a file: name a folder with -o"):
        analyzing.report(tmp_path / "file")


def test_the_verb_writes_beside_the_model_and_replaces_what_it_wrote(analyzing, capsys):
    command = ["analyze", "-d", "903", "-c", "3d_fullres", "-p", "finished", "-f", "all"]
    for _ in range(2):
        assert main([*command, "-device", "cpu", "--max-cases", "1"]) == 0
    folder = analyzing.model / "fold_all/analysis"
    assert f"Open {folder / 'report.html'}" in capsys.readouterr().out
    shutil.rmtree(folder)
    assert main([*command, "-tr", "nnUNetTrainerDuCiSC_paper"]) == 1
    assert "nnUNetv2_train 903 3d_fullres all -tr nnUNetTrainerDuCiSC_paper" in (
        capsys.readouterr().err
    )
    assert main([*command, "-pred", "nowhere"]) == 1
    assert "There is no folder nowhere" in capsys.readouterr().err
