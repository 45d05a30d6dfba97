"""A plan is read as it is meant, and whatever is wrong with it is said before anything runs."""

import re
from pathlib import Path

import pytest

from nnunetv2_ducisc.benchmark.plan.plan import CONVERSION, PER_SEED
from nnunetv2_ducisc.benchmark.plan.reading import read_plan

pytestmark = pytest.mark.unit

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def test_what_a_plan_does_not_say_is_nnunets_or_the_first(desk):
    plan = desk.read()
    assert plan.reference == "stock" and plan.folds == ("all",) and plan.preset == "mm"
    assert plan.length == {"num_epochs": 5}
    assert plan.device == "cuda" and not plan.teacher and plan.processes is None
    entry = plan.datasets[0]
    assert entry.draw == 0 and entry.groups is entry.spacing is None
    assert entry.network.batch_size is None


def test_lengths_have_the_names_of_the_settings(desk):
    desk.content |= {"iterations_per_epoch": 7, "val_iterations_per_epoch": 3, "save_every": 2}
    assert desk.read().length == {
        "num_epochs": 5,
        "num_iterations_per_epoch": 7,
        "num_val_iterations_per_epoch": 3,
        "save_every": 2,
    }


def test_variables_are_what_a_shell_would_export(desk):
    desk.content["environment"] = {"nnUNet_compile": False, "nnUNet_n_proc_DA": 0, "A": "b"}
    assert desk.read().environment == {
        "nnUNet_compile": "false",
        "nnUNet_n_proc_DA": "0",
        "A": "b",
    }


@pytest.mark.parametrize("name", ["acdc", "ian", "la", "pancreas"])
def test_tables_i_to_iv_have_the_papers_length_and_metrics(name):
    """60 epochs of 250 iterations are the paper's 15,000."""
    plan = read_plan(BENCHMARKS / f"{name}.yaml")
    assert plan.seeds == (0, 1, 2) and plan.reference == "stock" and plan.teacher
    assert plan.length == {"num_epochs": 60} and plan.preset == "published"


@pytest.mark.parametrize("file", sorted(BENCHMARKS.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_plan_can_be_read_(file):
    plan = read_plan(file)
    assert plan.datasets and plan.methods and plan.length["num_epochs"] >= 16


def test_the_plans_that_are_tested_on_the_hippocampus_share_data_network_and_length():
    names = ("cpu", "ablations", "sensitivity")
    plans = [read_plan(BENCHMARKS / f"hippocampus_{name}.yaml") for name in names]
    for plan in plans:
        assert plan.datasets == plans[0].datasets and plan.length == plans[0].length
        assert plan.environment == plans[0].environment and plan.preset == "mm"


def test_tables_vi_and_vii_are_in_the_plan_of_the_ablations():
    plan = read_plan(BENCHMARKS / "hippocampus_ablations.yaml")
    trainers = [method.trainer.removeprefix("nnUNetTrainerDuCiSC") for method in plan.methods]
    parts = ["_supervised", "_unlabeledConsistency", "_unlabeled", "_mixedConsistency", "_mixed"]
    confidences = ["_noConfidence", "_fixedThreshold", "_entropy", "_monteCarlo", "_anyClass"]
    assert trainers == ["", *parts, *confidences] and plan.reference == "DuCiSC"


def test_the_plan_of_figures_6_and_7a_takes_each_lambda_from_0_to_one_half_and_beta_to_1():
    (method,) = read_plan(BENCHMARKS / "hippocampus_sensitivity.yaml").methods
    lambdas = [f"lambda_{name}" for name in ("proto_ulb", "proto_mix", "cs_ulb", "cs_mix")]
    lambda_3_and_4 = {"lambda_cs_ulb": 0.3, "lambda_cs_mix": 0.1}
    assert method.trainer == "nnUNetTrainerDuCiSC"
    unbounded = {"threshold_min": 0, "threshold_max": 1}
    assert method.settings == lambda_3_and_4 | unbounded | {"warmup_fraction": 0.5}
    assert method.sweep == dict.fromkeys(lambdas, (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)) | {
        "threshold_decay": (0.8, 0.9, 0.95, 0.99, 0.999)
    }


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"seed": [1]}, "Unknown key 'seed' in {file}: the nearest valid key is 'seeds'"),
        ({"seeds": []}, "In {file}, seeds is [], but it must be a list with at least one entry."),
        ({"seeds": [1, 1]}, "seeds is [1, 1], but it must be a list in which nothing stands twice"),
        ({"seeds": [-1]}, "seeds is [-1], but it must be a whole number from 0 to 4294967295."),
        ({"seeds": [2**40]}, "In {file}, seeds is [1099511627776], but it must be a whole number"),
        ({"environment": {"A": None}}, "but it must be a mapping of names to texts, numbers, true"),
        ({"environment": {"A": ["b"]}}, "environment is {{'A': ['b']}}, but it must be a mapping"),
        ({"epochs": True}, "epochs is True, but it must be a whole number, at least 1."),
        ({"folds": ["some"]}, "folds is ['some'], but it must be all, or a whole number"),
        ({"methods": {}}, "{file} has no method: name one below methods."),
        ({"methods": {"a/b": {}}}, "method a/b names folders"),
        ({"methods": {"a__b": {}}}, "method a__b names folders"),
        ({"methods": {"a": {}}}, "{file}, method a has no trainer: add it."),
        ({"methods": {"a": "b"}}, "method a is 'b', but it must be a mapping with the keys"),
        ({"methods": {"a": {"trainer": "x", "label": 1}}}, "the nearest valid key is 'labels'"),
        ({"reference": "none"}, "reference is 'none', but it must be stock or DuCiSC."),
        ({"metrics": "medpy"}, "metrics is 'medpy', but it must be mm or published."),
        ({"teacher": "yes"}, "teacher is 'yes', but it must be True or False."),
        ({"datasets": [{"configuration": "2d"}]}, "{file}, data set 1 has no dataset: add it."),
    ],
)
def test_a_bad_entry_is_named_with_its_place(desk, change, sentence):
    desk.content |= change
    assert sentence.format(file=desk.file) in desk.refusal()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"labels": [0]}, "labels is [0], but it must be a whole number, at least 1, or all."),
        ({"draw": "random"}, f"a whole number, at least 0, or {PER_SEED} or {CONVERSION}"),
        ({"spacing": [10, 3]}, "must be a list of the three sides of a voxel in mm, slices first,"),
        ({"spacing": [10, 3, 0]}, "must be a list of the three sides of a voxel in mm"),
        ({"spacing": [10, 3, -3]}, "in mm, slices first, each above 0."),
        ({"spacing": [10, 3, "x"]}, "must be a list of the three sides of a voxel in mm"),
        ({"dataset": "Dataset077_Gone"}, "name a dataset of nnUNet_raw that has one."),
        ({"dataset": "Toy"}, "The dataset Toy is neither a number nor a name that starts with"),
        (
            {"configuration": "3d_fulres"},
            "'3d_fulres', which nnU-Net does not plan: the nearest is "
            "3d_fullres; name 2d, 3d_fullres or 3d_lowres.",
        ),
        ({"configuration": "../x"}, "names the configuration '../x', which nnU-Net does not plan"),
        ({"network": {"features": 8}}, "the nearest valid key is 'base_features'"),
        ({"network": {"patch_size": 32}}, "patch_size is 32, but it must be a list"),
    ],
)
def test_a_bad_entry_of_a_data_set_is_named_with_its_place(desk, change, sentence):
    desk.entry.update(change)
    assert sentence in desk.refusal()


def test_a_method_that_stands_twice_is_named(desk):
    text = "methods:\n  a: {trainer: b}\n  a: {trainer: c}\n"
    assert "'a' stands twice in the mapping at line 2" in desk.refusal(text)


def test_anchors_and_merges_of_yaml_are_no_duplicates(desk):
    text = desk.write().read_text(encoding="utf-8") + "x: &x {a: 1}\n"
    assert "Unknown key 'x'" in desk.refusal(text)
    desk.write("base: &base {trainer: a}\nmethods: {m: {<<: *base}}\n")
    assert "Unknown key 'base'" in desk.refusal(desk.file.read_text(encoding="utf-8"))


def test_a_file_that_is_no_plan_gets_a_sentence(desk, tmp_path):
    assert f"{desk.file} is not valid YAML" in desk.refusal("a: [")
    assert f"{desk.file} is 'text', but it must be a mapping" in desk.refusal("text")
    desk.file.unlink()
    with pytest.raises(Exception, match="cannot be read"):
        read_plan(desk.file)


@pytest.mark.parametrize(
    ("method", "sentence"),
    [
        ({"trainer": "nnUNetTrainerDuCISC"}, "finds no trainer nnUNetTrainerDuCISC: the nearest"),
        ({"trainer": "nnUNetTrainer"}, "takes neither a length nor a seed: name"),
        ({"trainer": "nnUNetTrainerDuCiSC", "settings": {"lambda": 1}}, "Unknown setting 'lambda'"),
        (
            {"trainer": "nnUNetTrainer_seeded", "settings": {"momentum": 0.9}},
            "sets momentum, which nnUNetTrainer_seeded does not have",
        ),
        (
            {"trainer": "nnUNetTrainerDuCiSC", "settings": {"num_epochs": 9}},
            "sets num_epochs, but all methods are equally long",
        ),
        (
            {"trainer": "nnUNetTrainerDuCiSC", "settings": {"seed": 9}},
            "sets seed, which seeds of the plan do",
        ),
        (
            {"trainer": "nnUNetTrainerDuCiSC", "labels": "all"},
            "needs unlabeled cases, and with labels: all there are none",
        ),
    ],
)
def test_a_method_that_cannot_be_compared_is_refused(desk, method, sentence):
    desk.content["methods"]["other"] = method
    assert sentence in desk.refusal()


def test_equal_lengths_need_a_length(desk):
    del desk.content["epochs"]
    assert "has no epochs" in desk.refusal()


def test_a_schedule_of_its_own_gets_no_length_and_needs_none(desk):
    """Settings of such a method are its own and the seed; a trainer without settings gets none."""
    methods = desk.content["methods"]
    methods["stock"]["schedule"] = "own"
    methods["plain"] = {"trainer": "nnUNetTrainer", "schedule": "own"}
    settings = {run.name.rpartition("/")[2]: run.settings for run in desk.plan().runs}
    assert settings["stock_seed1_fold_all"] == {"seed": 1}
    assert settings["plain_seed0_fold_all"] == {}
    assert settings["DuCiSC_seed0_fold_all"] == {"num_epochs": 5, "seed": 0}
    del desk.content["epochs"]
    methods["DuCiSC"] |= {"schedule": "own", "settings": {"num_epochs": 9}}
    settings = {run.name.rpartition("/")[2]: run.settings for run in desk.plan().runs}
    assert settings["DuCiSC_seed0_fold_all"] == {"num_epochs": 9, "seed": 0}


def test_equal_lengths_and_the_seed_reach_every_method(desk):
    desk.content["methods"]["DuCiSC"]["settings"] = {"warmup_fraction": 0.5}
    settings = {run.name.rpartition("/")[2]: run.settings for run in desk.plan().runs}
    assert settings["stock_seed1_fold_all"] == {"num_epochs": 5, "seed": 1}
    assert settings["DuCiSC_seed0_fold_all"] == {
        "num_epochs": 5,
        "warmup_fraction": 0.5,
        "seed": 0,
    }


def test_every_key_of_a_plan_is_documented(desk):
    """The keys are those that the refusal of an unknown one lists, at every level."""
    page = (BENCHMARKS.parent / "docs" / "measuring.md").read_text(encoding="utf-8")
    table = page.partition("A plan has these keys")[2].partition("## `ducisc analyze`")[0]
    documented = set(re.findall(r"`(\w+)", table))
    desk.entry["network"] = {}
    network = desk.entry["network"]
    for level in (desk.content, desk.entry, network, desk.content["methods"]["stock"]):
        level["mystery"] = 1
        keys = desk.refusal().partition("valid keys are ")[2].rstrip(".").split(", ")
        assert len(keys) > 2 and documented.issuperset(keys)
        del level["mystery"]
