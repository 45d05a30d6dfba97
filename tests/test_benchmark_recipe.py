"""What was begun goes on only with the data, the plan and the version that it was begun with."""

import dataclasses
import json
import os
import shutil

import pytest

from nnunetv2_ducisc.benchmark.units import runs
from nnunetv2_ducisc.benchmark.units.steps import WriteFile
from nnunetv2_ducisc.benchmark.units.unit import Unit
from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.settings import DuCiSCSettings
from nnunetv2_ducisc.trainer import nnUNetTrainerDuCiSC
from tests.benchmark_plan import write_products

pytestmark = pytest.mark.unit

TOY = "Dataset004_Toy_3d_fullres"


def finish(unit: Unit) -> None:
    """As if its steps were done."""
    done = {name: WriteFile(unit.folder / "done.txt", []) for name in unit.steps}
    assert dataclasses.replace(unit, steps=done).run() is None
    write_products(unit)


def test_another_data_set_of_the_same_name_does_not_go_on_in_the_folder(desk, monkeypatch):
    """Of three, one lies elsewhere, one has another training case, and one another test case."""
    finish(desk.plan().stages[0][0])
    begun = f"{desk.work / TOY}/2_labels/prepare was begun with "
    shutil.copytree(desk.root / "raw", desk.root / "raw2")
    monkeypatch.setenv("nnUNet_raw", str(desk.root / "raw2"))
    with pytest.raises(DuCiSCError) as caught:
        desk.plan()
    assert str(caught.value).startswith(
        f"{begun}folder of the data set '{desk.raw.folder}', but now it is '{desk.root}/raw2/"
    )
    monkeypatch.setenv("nnUNet_raw", str(desk.root / "raw"))
    desk.raw.add("u", "Ts")
    with pytest.raises(DuCiSCError, match=r"begun with test cases '1 \(\w+\)', .* is '2 \("):
        desk.plan()
    desk.raw.add("g")
    with pytest.raises(DuCiSCError, match=r"begun with training cases '6 \(\w+\)', .* is '7 \("):
        desk.plan()


def test_changed_files_under_trainings_are_refused_and_may_be_put_back(desk):
    """A prepare and one training of the first plan are done; another plan shares them."""
    prepare, *_ = desk.plan().stages[0]
    finish(prepare)
    finish(desk.plan().stages[1][0])
    image, label = (
        desk.raw.folder / name for name in ("imagesTs/t_0000.nii.gz", "labelsTr/a.nii.gz")
    )
    kept = {file: (file.read_bytes(), file.stat()) for file in (image, label)}
    for file in (image, label):
        file.write_text("changed", encoding="utf-8")
    desk.content["methods"]["third"] = {"trainer": "nnUNetTrainerDuCiSC_paper"}
    with pytest.raises(DuCiSCError) as caught:
        desk.plan()
    assert str(caught.value) == (
        f"imagesTs/t_0000.nii.gz and 1 more have changed since {prepare.folder} was begun, and "
        "trainings are built on it: put back what was there, with its times (cp -p), or name "
        "another folder with -o."
    )
    for file, (content, stat) in kept.items():
        file.write_bytes(content)
        os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert desk.plan().stages[0][0].is_done


@pytest.mark.parametrize("name", ["imagesTr/a_0000.nii.gz", "labelsTr/f.nii.gz", "labelsTr/a.json"])
def test_a_changed_file_is_prepared_again_while_nothing_is_trained_on_it(desk, name):
    """So a label can be mended that nnU-Net's check has refused; a.json is a sidecar of TIFF."""
    desk.raw.write(name)
    finish(desk.plan().stages[0][0])
    desk.raw.write(name).write_text("mended", encoding="utf-8")
    (prepare,), _ = desk.plan().stages
    assert not prepare.is_done
    finish(prepare)
    assert desk.plan().stages[0][0].is_done


def test_labels_that_mean_something_else_under_trainings_are_refused(desk):
    """Regions instead of classes: the cases are the same, what is trained is not."""
    for stage in desk.plan().stages:
        finish(stage[0])
    file = desk.raw.folder / "dataset.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    content |= {"labels": {"background": 0, "whole": [1, 2]}, "regions_class_order": [1]}
    file.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(DuCiSCError, match=r"^dataset\.json has changed since "):
        desk.plan()


def test_a_dataset_json_that_a_script_writes_again_is_no_change(desk):
    """With the keys in another order, too."""
    for stage in desk.plan().stages:
        finish(stage[0])
    file = desk.raw.folder / "dataset.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(dict(reversed(content.items())), indent=1), encoding="utf-8")
    os.utime(file, ns=(0, 0))
    assert desk.plan().stages[0][0].is_done


def test_a_killed_prepare_goes_on_and_starts_anew_only_where_a_file_has_changed(desk):
    """Its first step is done; repeated, that would fail."""
    (prepare,), _ = desk.plan().stages
    link, *others = prepare.steps
    finish(dataclasses.replace(prepare, steps={link: prepare.steps[link]}))
    done = dict.fromkeys(others, WriteFile(prepare.folder / "done.txt", []))
    in_the_way = WriteFile(prepare.folder / "state.json" / "no folder", [])
    repeated = dataclasses.replace(prepare, steps={link: in_the_way} | done)
    desk.raw.write("labelsTr/a.nii.gz").write_text("changed", encoding="utf-8")
    changed = dataclasses.replace(desk.plan().stages[0][0], steps=repeated.steps)
    assert "exists" in (changed.run() or "")
    assert repeated.run() is None and repeated.is_done


def test_hard_links_do_not_change_the_files_that_they_share(desk):
    finish(desk.plan().stages[0][0])
    finish(desk.plan().stages[1][0])
    for file in (desk.raw.folder / "labelsTr").iterdir():
        os.link(file, desk.root / file.name)
    assert desk.plan().stages[0][0].is_done


def test_a_work_folder_of_an_earlier_version_without_the_new_records_is_taken(desk):
    """Its prepare recorded no files, its training neither device, version nor resolved settings."""
    units = [desk.plan().stages[0][0], desk.plan().stages[1][1]]
    for unit in units:
        finish(unit)
        state = json.loads((unit.folder / "state.json").read_text(encoding="utf-8"))
        kept = ("trainer", "configuration", "network", "settings", "fold", "data set", "labels")
        state["recipe"] = {key: state["recipe"][key] for key in kept if key in state["recipe"]}
        (unit.folder / "state.json").write_text(
            json.dumps(state | {"inputs": {}}), encoding="utf-8"
        )
    desk.raw.write("labelsTr/a.nii.gz").write_text("changed", encoding="utf-8")
    planned = desk.plan()
    assert planned.stages[0][0].is_done and planned.stages[1][1].is_done


@pytest.mark.parametrize(
    ("place", "name", "value", "sentence"),
    [
        (
            runs,
            "__version__",
            "7.8.9",
            r"version of nnunetv2-ducisc '\d+\.\d+', but now it is '7.8'",
        ),
        (
            nnUNetTrainerDuCiSC,
            "settings",
            DuCiSCSettings(lambda_cs_ulb=3.0),
            r"setting lambda_cs_ulb 1\.0, but now it is 3\.0: restore the plan, the data and the v",
        ),
    ],
)
def test_a_version_with_other_defaults_does_not_go_on(
    desk, monkeypatch, place, name, value, sentence
):
    """The plan is the same: its settings name only what it changes."""
    for unit in desk.plan().stages[1]:
        finish(unit)
    monkeypatch.setattr(place, name, value)
    with pytest.raises(DuCiSCError, match=sentence):
        desk.plan()


def test_another_device_does_not_go_on(desk):
    finish(desk.plan().stages[1][0])
    desk.content["device"] = "cpu"
    with pytest.raises(DuCiSCError, match="was begun with device 'cuda', but now it is 'cpu'"):
        desk.plan()


def test_a_training_records_the_settings_that_its_trainer_reads(desk):
    """The default of threshold_max is the preset's; stock nnU-Net has a length and a seed alone."""
    desk.content["methods"]["plain"] = {"trainer": "nnUNetTrainer", "schedule": "own"}
    stock, _, ducisc, _, plain, _ = desk.plan().stages[1]
    read = [key for key in stock.recipe if key.startswith("setting ")]
    assert len(read) == 5 and stock.recipe["setting num_epochs"] == 5
    assert ducisc.recipe["setting threshold_max"] == 0.95
    assert not any(key.startswith("setting ") for key in plain.recipe)


def test_corrected_test_labels_are_evaluated_again(desk):
    for unit in desk.plan().units:
        finish(unit)
    desk.raw.write("labelsTs/t.nii.gz").write_text("corrected", encoding="utf-8")
    planned = desk.plan()
    assert not any(unit.is_done for unit in planned.evaluations)
    assert all(unit.is_done for stage in planned.stages for unit in stage)
