"""A sweep is a method for every value, an analysis for every model, and a unit like any other."""

import json

import pytest

from nnunetv2_ducisc.benchmark.plan.sweep import Point, points
from nnunetv2_ducisc.benchmark.session import print_jobs, run_unit
from nnunetv2_ducisc.errors import DuCiSCError
from tests.benchmark_plan import Desk, write_products

pytestmark = pytest.mark.unit

RUNS = "Dataset004_Toy_3d_fullres/2_labels"


@pytest.fixture
def sweeping(desk: Desk) -> Desk:
    """Two values of lambda 3, which is 1.0 in the default preset, and one of alpha, its own."""
    desk.content |= {"seeds": [0]}
    desk.content["methods"]["DuCiSC"] |= {
        "settings": {"mix_low": 0.5},
        "sweep": {"lambda_cs_ulb": [3, 0.5], "ema_decay": [0.99]},
    }
    return desk


def test_every_value_is_a_method_beside_the_one_that_has_it_already(sweeping):
    methods = {method.name: method for method in sweeping.plan().plan.methods}
    swept = [f"DuCiSC_lambda_cs_ulb_{value}" for value in ("0.5", "3")]
    assert list(methods) == ["stock", "DuCiSC", *swept]
    assert methods[swept[0]].settings == {"mix_low": 0.5, "lambda_cs_ulb": 0.5}
    assert methods[swept[0]].trainer == "nnUNetTrainerDuCiSC" and not methods[swept[0]].sweep
    assert points(methods["DuCiSC"]) == {
        "lambda_cs_ulb": (
            Point(0.5, swept[0], False),
            Point(1.0, "DuCiSC", True),
            Point(3, swept[1], False),
        ),
        "ema_decay": (Point(0.99, "DuCiSC", True),),
    }


def test_a_setting_without_a_number_of_its_own_has_no_point_of_the_swept_method(sweeping):
    """threshold_min is null, which stands for 1 / C."""
    sweeping.content["methods"]["DuCiSC"]["sweep"] = {"threshold_min": [0.5]}
    method = sweeping.plan().plan.methods[1]
    assert points(method) == {
        "threshold_min": (Point(0.5, "DuCiSC_threshold_min_0.5", False),),
    }


@pytest.mark.parametrize(
    ("sweep", "sentence"),
    [
        ({"lambda_3": [1]}, "Unknown setting 'lambda_3' in {file}, sweep of method DuCiSC"),
        ({"ema_decay": [1.5]}, "In {file}, sweep of method DuCiSC: Setting ema_decay is 1.5"),
        ({"ema_decay": 0.5}, "sweep, ema_decay is 0.5, but it must be a list"),
        ({"ema_decay": [True]}, "it must be a number from 0, written like 0.1 or 1.0e-3."),
        ({"ema_decay": ["1e-3"]}, "it must be a number from 0, written like 0.1 or 1.0e-3."),
        ({"ema_decay": [float("nan")]}, "it must be a number from 0"),
        ({"ema_decay": [0, 0.0]}, "it must be a list in which nothing stands twice."),
        ({"mixing": [1]}, "Setting mixing is 1, but it must be 'mixup' or"),
        ({"seed": [1]}, "sets seed, which seeds of the plan do"),
        ({"num_epochs": [1]}, "sets num_epochs, but all methods are equally long"),
    ],
)
def test_a_sweep_that_cannot_be_run_is_refused(sweeping, sweep, sentence):
    sweeping.content["methods"]["DuCiSC"]["sweep"] = sweep
    assert sentence.format(file=sweeping.file) in sweeping.refusal()


def test_bad_settings_of_a_swept_method_are_not_blamed_on_its_sweep(sweeping):
    sweeping.content["methods"]["DuCiSC"]["settings"] = {"lambda": 1}
    assert f"'lambda' in {sweeping.file}, method DuCiSC: the nearest" in sweeping.refusal()


def test_a_method_with_the_name_of_a_value_is_refused(sweeping):
    sweeping.content["methods"]["DuCiSC_lambda_cs_ulb_3"] = {"trainer": "nnUNetTrainerDuCiSC"}
    assert "has the method DuCiSC_lambda_cs_ulb_3, which a sweep makes too" in sweeping.refusal()


def test_models_of_a_sweep_are_analyzed_by_the_command_that_a_user_types(sweeping):
    first, *others = sweeping.plan().analyses
    run = f"{RUNS}/DuCiSC_seed0_fold_all"
    assert (first.name, first.needs, len(others)) == (f"{run}/analyze", run, 2)
    folder = sweeping.work / run
    assert [step.title for step in first.steps.values()] == [
        "ducisc analyze -d 999 -c 3d_fullres -f all -tr nnUNetTrainerDuCiSC -p "
        f"nnUNetPlans_DuCiSC_seed0 -device cuda -pred {folder}/student -o {folder}/analysis"
    ]


def test_what_analyze_does_not_take_is_swept_without_it(sweeping):
    """A confidence without thresholds; and no unlabeled images to match where all have labels."""
    methods = sweeping.content["methods"]
    methods["DuCiSC"]["settings"] = {"confidence": "entropy"}
    assert sweeping.plan().analyses == []
    methods["DuCiSC"] = {
        "trainer": "nnUNetTrainerDuCiSC_supervised",
        "labels": "all",
        "sweep": {"momentum": [0.9]},
    }
    assert sweeping.plan().analyses == []


def test_withheld_labels_stay_closed_while_a_training_is_lacking(sweeping):
    """An analysis by its name waits for all runs, not for its own alone."""
    planned = sweeping.plan()
    *_, last = units = [unit for stage in planned.stages for unit in stage]
    for unit in units[:-1]:
        unit.folder.mkdir(parents=True)
        write_products(unit)
        state = {"recipe": None, "seconds": dict.fromkeys(unit.steps, 1.0)}
        (unit.folder / "state.json").write_text(json.dumps(state), encoding="utf-8")
    with pytest.raises(DuCiSCError) as caught:
        run_unit(planned, f"{RUNS}/DuCiSC_seed0_fold_all/analyze")
    assert str(caught.value).endswith(
        f"opens withheld labels, and {last.name} is not done: run it first."
    )


def test_scripts_analyze_after_all_trainings(sweeping):
    print_jobs(sweeping.plan(), sweeping.root / "jobs")
    names = sorted(file.name for file in (sweeping.root / "jobs").iterdir())
    assert [name[0] for name in names if name[0].isdigit()] == ["1", *"2222", *"333"]
    script = "3_Dataset004_Toy_3d_fullres__2_labels__DuCiSC_seed0_fold_all__analyze.sh"
    assert script in names
