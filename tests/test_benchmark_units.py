"""Which cases get labels, and which commands make which runs of it."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunetv2_ducisc.benchmark.units.console import Console
from tests.benchmark_plan import Desk

pytestmark = pytest.mark.unit

TOY = "Dataset004_Toy_3d_fullres"


def commands(desk: Desk, unit: str) -> list[str]:
    benchmark = desk.plan()
    units = {u.name: u for s in (*benchmark.stages, benchmark.evaluations) for u in s}
    return [step.title for step in units[unit].steps.values()]


def test_every_method_seed_and_fold_is_one_run_on_one_copy(desk):
    desk.content["folds"] = [0, 1]
    desk.raw.add("g")
    desk.entry["labels"] = [5, 6]
    benchmark = desk.plan()
    prepare, runs = benchmark.stages
    assert [unit.name for unit in prepare] == [f"{TOY}/5_labels/prepare", f"{TOY}/6_labels/prepare"]
    assert len(runs) == 2 * 2 * 2 * 2 == len({unit.name for unit in runs})
    assert runs[0].name == f"{TOY}/5_labels/stock_seed0_fold_0"
    assert {unit.needs for unit in runs} == {unit.name for unit in prepare}
    assert [unit.needs for unit in benchmark.evaluations] == [unit.name for unit in runs]


def test_the_commands_are_those_that_a_user_types(desk):
    assert commands(desk, f"{TOY}/2_labels/prepare")[1:] == [
        "ducisc withhold -d 4 --to 999 --labeled 2 --seed 0 --overwrite",
        "nnUNetv2_plan_and_preprocess -d 999 -c 3d_fullres --clean --verify_dataset_integrity "
        "--no_pbar",
        "ducisc preprocess -d 999 -c 3d_fullres",
    ]
    train, predict = commands(desk, f"{TOY}/2_labels/DuCiSC_seed1_fold_all")[1:]
    model = "-tr nnUNetTrainerDuCiSC -p nnUNetPlans_DuCiSC_seed1 -device cuda"
    folder = desk.work / TOY / "2_labels/DuCiSC_seed1_fold_all"
    assert train == f"nnUNetv2_train 999 3d_fullres all {model}"
    assert predict == (
        f"nnUNetv2_predict -i {desk.raw.folder / 'imagesTs'} -d 999 -c 3d_fullres -f all "
        f"{model} -chk checkpoint_final.pth -o {folder / 'student'}"
    )
    assert commands(desk, f"{TOY}/2_labels/DuCiSC_seed1_fold_all/evaluate_mm") == [
        f"ducisc evaluate -gt {desk.raw.folder / 'labelsTs'} -pred {folder / 'student'} -d 999 "
        f"--preset mm -o {folder / 'student_mm'}"
    ]


def test_a_spacing_is_handed_to_nnunets_planner(desk):
    desk.entry["spacing"] = [10, 1.5, 1.5]
    planned = desk.plan().stages[0][0].steps["plan"].title
    assert planned.endswith("--no_pbar -overwrite_target_spacing 10 1.5 1.5")


def test_processes_are_what_every_command_reads_of_them(desk):
    desk.content |= {"processes": 3, "environment": {"nnUNet_npp": 1, "nnUNet_n_proc_DA": 0}}
    (prepare,), (run, *_) = desk.plan().stages
    assert prepare.steps["plan"].title.endswith("-np 3 -npfp 3")
    assert run.environment["nnUNet_def_n_proc"] == run.environment["nnUNet_nps"] == "3"
    assert run.environment["nnUNet_npp"] == "1"
    threads = [unit.environment["nnUNet_n_proc_DA"] for unit in (run, prepare)]
    assert threads == ["0", "1"]  # nnU-Net's planner stops with 0


def test_no_command_before_the_evaluation_names_the_test_labels(desk):
    benchmark = desk.plan()
    titles = [s.title for stage in benchmark.stages for u in stage for s in u.steps.values()]
    assert len(titles) > 10 and not any("labelsTs" in title for title in titles)


def test_supervised_methods_alone_need_no_unlabeled_images(desk):
    desk.content["methods"]["DuCiSC"] = {"trainer": "nnUNetTrainerDuCiSC_supervised"}
    assert not any("ducisc preprocess" in c for c in commands(desk, f"{TOY}/2_labels/prepare"))


def test_teachers_are_predicted_where_there_is_one(desk):
    desk.content["teacher"] = True
    stock = commands(desk, f"{TOY}/2_labels/stock_seed0_fold_all")
    ducisc = commands(desk, f"{TOY}/2_labels/DuCiSC_seed0_fold_all")
    assert sum("nnUNetv2_predict" in command for command in stock) == 1
    assert sum("-chk checkpoint_final_teacher.pth" in command for command in ducisc) == 1


def test_a_method_with_all_labels_is_trained_once_and_is_in_every_table(desk):
    desk.entry["labels"] = [2, 3]
    desk.content["methods"]["top"] = {"trainer": "nnUNetTrainer_seeded", "labels": "all"}
    benchmark = desk.plan()
    top = [unit.name for unit in benchmark.stages[1] if "top" in unit.name]
    assert top == [f"{TOY}/all_labels/top_seed{seed}_fold_all" for seed in (0, 1)]
    assert [list(group.runs) for group in benchmark.groups] == [["stock", "DuCiSC", "top"]] * 2
    link, plan = commands(desk, f"{TOY}/all_labels/prepare")
    assert link.startswith(f"ln -s {desk.raw.folder} ") and "plan_and_preprocess -d 4" in plan


def test_a_draw_per_seed_makes_a_copy_for_each(desk):
    desk.entry["draw"] = "per seed"
    assert "--labeled 2 --seed 1" in commands(desk, f"{TOY}/2_labels_draw1/prepare")[1]
    runs = [unit.name for unit in desk.plan().stages[1]]
    assert f"{TOY}/2_labels_draw1/stock_seed1_fold_all" in runs and len(runs) == 4


def test_a_conversions_order_says_who_is_labeled(desk):
    desk.entry["draw"] = "conversion"
    desk.list_cases("ecabfd")
    unit = desk.plan().stages[0][0]
    assert unit.steps["list"].content == ["e", "c"]
    assert f"--labeled {desk.work / TOY / '2_labels/labeled.txt'}" in unit.steps["withhold"].title


def test_validation_cases_stay_labeled_and_out_of_training(desk):
    """Groups are counted: 1 has the cases e and a, 2 has c; d and f of 4 validate."""
    desk.entry.update(draw="conversion", groups="groups.csv")
    desk.content["folds"] = [0]
    (desk.root / "groups.csv").write_text("e,1\na,1\nc,2\nb,3\nd,4\nf,4\nt,5\n", encoding="utf-8")
    desk.list_cases("eacb", validation="df")
    unit = desk.plan().stages[0][0]
    assert unit.steps["list"].content == ["1", "2", "4"]
    assert unit.steps["folds"].content == [{"train": ["a", "c", "e"], "val": ["d", "f"]}]
    assert unit.steps["folds"].file.name == "splits_final.json"


def test_a_validation_list_is_trained_in_fold_0_alone(desk):
    desk.entry["draw"] = "conversion"
    desk.list_cases("eacb", validation="df")
    assert "has a validation list, which is no training data: write folds: [0]" in desk.refusal()


@pytest.mark.parametrize("labels", [6, 7])
def test_too_many_labels_are_refused(desk, labels):
    desk.entry["labels"] = [labels]
    assert desk.refusal() == (
        f"{labels} labels are too many for Dataset004_Toy, which has 6 labeled cases for training: "
        "name a number from 1 to 5, or all."
    )


def test_a_data_set_that_is_absent_is_named(desk):
    desk.entry["dataset"] = 5
    assert "Could not find a dataset with the ID 5" in desk.refusal()


def test_test_cases_have_to_be_there_with_their_labels(desk):
    (desk.raw.folder / "labelsTs/t.nii.gz").unlink()
    assert "Test case t of Dataset004_Toy has an image and no label" in desk.refusal()
    (desk.raw.folder / "imagesTs/t_0000.nii.gz").unlink()
    assert "Dataset004_Toy has no test cases: put images into imagesTs" in desk.refusal()
    desk.raw.add("u", "Ts")
    desk.raw.write("labelsTs/v.nii.gz")
    assert "Test case v of Dataset004_Toy has a label and no image" in desk.refusal()


def test_a_data_set_whose_labels_are_withheld_already_is_refused(desk):
    desk.raw.write("imagesUn/u_0000.nii.gz")
    assert "a benchmark starts from all labels and withholds them itself" in desk.refusal()


def test_an_order_that_is_not_of_these_cases_is_refused(desk):
    desk.entry["draw"] = "conversion"
    assert "gives no order of the labeled cases" in desk.refusal()
    desk.list_cases("abc")
    assert "lists 3 labeled cases, but 6 are in imagesTr" in desk.refusal()


def test_a_data_set_that_stands_twice_is_named(desk):
    desk.content["datasets"].append({**desk.entry, "labels": [3, 2], "draw": 1})
    assert "has Dataset004_Toy, 3d_fullres, 2 labels twice: move one" in desk.refusal()


def test_all_labels_of_two_networks_are_refused(desk):
    """Both would be the training of the same name, and one table would show the other's."""
    desk.content["methods"] = {"top": {"trainer": "nnUNetTrainer_seeded", "labels": "all"}}
    desk.content["datasets"].append({**desk.entry, "labels": [3]})
    desk.plan()
    desk.content["datasets"][1]["network"] = {"base_features": 8}
    assert f"has {TOY}/all_labels twice: move one into a plan of its own" in desk.refusal()


def test_numbered_folds_need_five_labeled_cases(desk):
    """Labels of patients may be more cases: a to e are of patient 1, f of 2, g of 3, t of 4."""
    desk.content["folds"] = ["all", 1]
    desk.entry["labels"] = [4]
    assert desk.refusal() == (
        f"{desk.file} names fold 1, but nnU-Net splits no fewer than 5 labeled cases, and 4 labels "
        "of Dataset004_Toy are 4: write folds: [all], or name more labels."
    )
    desk.raw.add("g")
    patients = "".join(f"{case},1\n" for case in "abcde") + "f,2\ng,3\nt,4\n"
    (desk.root / "groups.csv").write_text(patients, encoding="utf-8")
    desk.entry.update(labels=[2], groups="groups.csv", draw="conversion")
    desk.list_cases("afbcdeg")
    desk.plan()
    desk.list_cases("fgabcde")
    assert "2 labels of Dataset004_Toy are 2" in desk.refusal()


def test_folds_that_nnunet_does_not_make_are_refused(desk):
    desk.entry["labels"] = [5]
    desk.content["folds"] = [4]
    desk.plan()
    desk.content["folds"] = [4, 5]
    assert "names fold 5, but nnU-Net makes the folds 0 to 4: take it out." in desk.refusal()


def test_a_cascade_is_refused(desk):
    desk.entry["configuration"] = "3d_cascade_fullres"
    assert "whose first stage a benchmark does not train: name 2d, 3d" in desk.refusal()


def test_a_groups_file_that_is_absent_is_named_without_an_option_of_another_command(desk):
    desk.entry["groups"] = "gone.csv"
    sentence = desk.refusal()
    assert "gone.csv cannot be read" in sentence and "--groups" not in sentence


def test_numbered_folds_are_written_before_any_training_as_nnunet_would_split(desk, tmp_path):
    """Against nnU-Net's own ``do_split`` on the same cases; fold all needs none."""
    assert "splits" not in desk.plan().stages[0][0].steps
    desk.raw.add("g")
    desk.content["folds"] = [1, "all"]
    desk.entry["labels"] = [5]
    steps = desk.plan().stages[0][0].steps
    names = list(steps)
    assert names.index("plan") < names.index("splits")
    step = replace(steps["splits"], raw=desk.raw.folder)
    step.file.parent.mkdir(parents=True)
    step.run(Console(tmp_path / "log.txt", {}, 0))
    trainer = SimpleNamespace(
        fold=0,
        dataset_class=lambda *_, **__: SimpleNamespace(identifiers=["g", *"fabdce"]),
        preprocessed_dataset_folder=str(tmp_path),
        preprocessed_dataset_folder_base=str(tmp_path),
        folder_with_segs_from_previous_stage=None,
        print_to_log_file=lambda *_: None,
    )
    nnUNetTrainer.do_split(trainer)
    written = json.loads((tmp_path / "splits_final.json").read_text(encoding="utf-8"))
    assert len(written) == 5
    assert json.loads(step.file.read_text(encoding="utf-8")) == written
