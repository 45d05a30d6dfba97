"""What a user may set, and what is refused."""

import dataclasses
import json
import math
import re
from pathlib import Path

import pytest

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.settings import DuCiSCSettings
from nnunetv2_ducisc.variants import (
    nnUNetTrainerDuCiSC_supervised,
)

pytestmark = pytest.mark.unit

LAMBDAS = ("lambda_proto_ulb", "lambda_proto_mix", "lambda_cs_ulb", "lambda_cs_mix")
INTEGERS = (
    "num_epochs",
    "num_iterations_per_epoch",
    "num_val_iterations_per_epoch",
    "save_every",
    "num_scales",
    "prediction_interval",
    "monte_carlo_passes",
    "student_intensity_passes",
)
SHARES = (
    "ema_decay",
    "fixed_threshold",
    "oversample_pseudo_foreground",
    "threshold_decay",
    "threshold_min",
    "threshold_max",
    "mix_low",
    "mix_high",
    "warmup_fraction",
    "momentum",
)
NUMBERS = (*SHARES, *LAMBDAS, "ensemble_decay", "initial_lr", "weight_decay")
CHOICES = {
    "confidence": ("self_aware", "none", "probability", "entropy", "monte_carlo", "any_class"),
    "consistency_target": ("prototypes", "features"),
    "ensembling": ("mean_teacher", "temporal"),
    "mixing": ("mixup", "cutmix", "cutout", "copy_paste"),
    "term_weighting": ("plain", "self_divided"),
    "prototype_norm": ("mean", "sum"),
    "prototype_pairs": ("each", "batch_mean"),
    "teacher_view": ("weak", "same"),
    "lr_schedule": ("poly", "constant"),
}
NULLABLE = ("seed", "threshold_min")
SWITCHES = ("nesterov", "low_memory")
FIELDS = [field.name for field in dataclasses.fields(DuCiSCSettings)]


def refused(**entries: object) -> str:
    """The sentence with which these settings are refused."""
    with pytest.raises(DuCiSCError) as error:
        DuCiSCSettings(**entries)
    return str(error.value)


def test_these_tests_know_every_field():
    assert {*INTEGERS, *NUMBERS, *CHOICES, *NULLABLE, *SWITCHES} == set(FIELDS)


def documented() -> dict[str, str]:
    """The default of every setting, as docs/method.md prints it."""
    page = Path(__file__).parents[1].joinpath("docs/method.md").read_text(encoding="utf-8")
    table = page.partition("## Every setting")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.+?`) \|.*?\| (.+?) \|", table, re.MULTILINE)
    defaults = {}
    for names, values in rows:
        of_row = zip(re.findall(r"`(\w+)`", names), values.strip("`").split(", "), strict=True)
        defaults |= dict(of_row)
    return defaults


def test_the_documented_settings_are_the_fields_with_their_defaults():
    words = {"none": None, "1/C": None, "true": True, "false": False, "2/15": 2 / 15}
    table = documented()
    assert sorted(table) == sorted(FIELDS)
    for name, default in dataclasses.asdict(DuCiSCSettings()).items():
        said = words.get(table[name], table[name])
        assert (float(said) if type(default) in (int, float) else said) == default, name


# --- Unknown keys --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("lambda_cs_unlabeled", "lambda_cs_ulb"),
        ("lamda_proto_mix", "lambda_proto_mix"),
        ("ema-decay", "ema_decay"),
        ("treshold_max", "threshold_max"),
    ],
)
def test_an_unknown_key_is_refused_with_the_place_and_the_nearest_key(key, nearest):
    with pytest.raises(DuCiSCError) as error:
        DuCiSCSettings().overridden_by({key: 1}, where="configuration 2d of myPlans.json")
    sentence = str(error.value)
    assert repr(key) in sentence
    assert f"nearest valid key is {nearest!r}" in sentence
    assert "configuration 2d of myPlans.json" in sentence
    assert all(field in sentence for field in FIELDS)


def test_a_key_that_is_like_none_is_refused_all_the_same():
    with pytest.raises(DuCiSCError, match="'§' in here"):
        DuCiSCSettings().overridden_by({"§": 1}, where="here")


def test_a_bad_value_from_a_file_is_refused_with_the_place_the_key_and_the_value():
    with pytest.raises(DuCiSCError) as error:
        DuCiSCSettings().overridden_by({"ema_decay": 1.5}, where="2d of myPlans.json")
    sentence = str(error.value)
    assert "In 2d of myPlans.json: Setting ema_decay is 1.5" in sentence
    assert "between 0 and 1" in sentence


@pytest.mark.parametrize("entries", [5, True, None, "mean", ["ema_decay"], "ema_decay"])
def test_something_else_than_an_object_is_refused_with_the_place(entries):
    with pytest.raises(DuCiSCError, match=r"2d of myPlans\.json"):
        DuCiSCSettings().overridden_by(entries, where="2d of myPlans.json")


def test_entries_go_on_top_and_leave_the_rest():
    changed = DuCiSCSettings(num_epochs=60).overridden_by({"mix_low": 0.5}, where="here")
    assert changed == DuCiSCSettings(num_epochs=60, mix_low=0.5)
    assert DuCiSCSettings().overridden_by({}, where="here") == DuCiSCSettings()


# --- Types ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*INTEGERS, "seed"])
@pytest.mark.parametrize("value", [1.0, 1.5, "1", True, False, [1], math.inf, math.nan])
def test_an_integer_setting_takes_nothing_but_an_integer(name, value):
    sentence = refused(**{name: value})
    assert f"Setting {name} is {value!r}" in sentence
    assert "int" in sentence


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", ["0.5", True, False, [0.5], {}])
def test_a_number_setting_takes_no_text_bool_or_list(name, value):
    sentence = refused(**{name: value})
    assert f"Setting {name} is {value!r}" in sentence
    assert "float" in sentence


@pytest.mark.parametrize("name", NUMBERS)
def test_an_integer_is_accepted_for_a_number(name):
    value = 0 if name in ("threshold_min", "mix_low", "ensemble_decay") else 1
    assert getattr(DuCiSCSettings(**{name: value}), name) == value


@pytest.mark.parametrize("name", SWITCHES)
@pytest.mark.parametrize("value", [0, 1, "true", None])
def test_a_switch_takes_nothing_but_true_and_false(name, value):
    assert "must be bool" in refused(**{name: value})


@pytest.mark.parametrize("name", CHOICES)
@pytest.mark.parametrize("value", ["median", "", 1, None, True, ["mean"]])
def test_a_choice_outside_its_list_is_refused_with_the_list(name, value):
    sentence = refused(**{name: value})
    assert f"Setting {name} is {value!r}" in sentence
    assert " or ".join(map(repr, CHOICES[name])) in sentence


@pytest.mark.parametrize("name", CHOICES)
def test_every_choice_of_its_list_is_accepted(name):
    for value in CHOICES[name]:
        assert getattr(DuCiSCSettings(**{name: value}), name) == value


@pytest.mark.parametrize("name", FIELDS)
def test_null_is_allowed_where_it_has_a_meaning_and_nowhere_else(name):
    if name in NULLABLE:
        assert getattr(DuCiSCSettings(**{name: None}), name) is None
        assert "null" in refused(**{name: "none"})
    else:
        assert f"Setting {name} is None" in refused(**{name: None})


# --- Ranges --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1e-9])
def test_a_number_that_is_negative_or_not_finite_is_refused(name, value):
    assert f"Setting {name} is {value!r}" in refused(**{name: value})


@pytest.mark.parametrize("name", SHARES)
def test_a_share_above_one_is_refused(name):
    assert "between 0 and 1" in refused(**{name: 1.0 + 1e-9})


@pytest.mark.parametrize("name", INTEGERS)
def test_a_count_below_its_least_is_refused(name):
    """One is the least, but for the intensity passes, which may be none."""
    least = 0 if name == "student_intensity_passes" else 1
    assert getattr(DuCiSCSettings(**{name: least}), name) == least
    assert f"Setting {name} is {least - 1}" in refused(**{name: least - 1})


def test_a_seed_is_one_that_numpy_takes():
    assert DuCiSCSettings(seed=2**32 - 1).seed == 2**32 - 1
    assert "seed" in refused(seed=2**32)
    assert "seed" in refused(seed=-1)


def test_bounds_that_cross_are_refused_with_both_names_and_values():
    for sentence in (refused(mix_low=0.8), refused(mix_high=0.1, mix_low=0.2)):
        assert "mix_low" in sentence
        assert "mix_high" in sentence
    sentence = refused(threshold_min=0.9, threshold_max=0.8)
    assert "threshold_min is 0.9" in sentence
    assert "0.8" in sentence
    assert DuCiSCSettings(threshold_min=0.8, threshold_max=0.8, mix_low=0.75).mix_high == 0.75


# --- Derived values ------------------------------------------------------------------------------


def test_a_run_is_supervised_if_and_only_if_all_lambdas_are_zero():
    zeros = dict.fromkeys(LAMBDAS, 0.0)
    assert DuCiSCSettings(**zeros).is_supervised
    for name in LAMBDAS:
        assert not DuCiSCSettings(**(zeros | {name: 0.1})).is_supervised


def test_the_warm_up_is_a_share_of_all_iterations():
    """0.5 * 4 * 3 = 6; none; all 12."""
    run = DuCiSCSettings(num_epochs=4, num_iterations_per_epoch=3)
    shares = {0.5: 6, 0.0: 0, 1.0: 12}
    for share, iterations in shares.items():
        assert run.replace(warmup_fraction=share).warmup_iterations == iterations


def test_settings_do_not_change_and_a_changed_copy_is_checked_again():
    settings = DuCiSCSettings()
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.num_epochs = 5
    with pytest.raises(DuCiSCError):
        settings.replace(num_epochs=0)
    assert settings.replace(num_epochs=5).num_epochs == 5
    assert settings.num_epochs == 1000


def test_settings_survive_a_json_file():
    settings = DuCiSCSettings(seed=3, threshold_min=None, prototype_norm="sum")
    assert DuCiSCSettings(**json.loads(json.dumps(settings.as_dict()))) == settings


# --- Combinations --------------------------------------------------------------------------------


@pytest.mark.parametrize("confidence", ["monte_carlo", "any_class"])
@pytest.mark.parametrize(
    "part", [{"ensembling": "temporal"}, {"oversample_pseudo_foreground": 0.33}]
)
def test_a_confidence_that_asks_the_network_again_goes_with_no_prediction_on_disk(confidence, part):
    message = refused(confidence=confidence, **part)
    assert repr(confidence) in message and next(iter(part)) in message and "take" in message


def test_the_teachers_features_are_not_to_be_had_of_a_temporal_ensemble():
    message = refused(ensembling="temporal", consistency_target="features")
    assert "consistency_target 'features'" in message and "take 'prototypes'" in message


def test_an_ensemble_that_forgets_nothing_is_refused():
    assert "ensemble_decay is 1.0" in refused(ensemble_decay=1.0)


def test_cases_are_predicted_only_where_something_asks_for_it():
    assert not DuCiSCSettings().predicts_cases
    assert DuCiSCSettings(ensembling="temporal").predicts_cases
    assert DuCiSCSettings(oversample_pseudo_foreground=0.33).predicts_cases
    supervised = nnUNetTrainerDuCiSC_supervised.settings_from({"ensembling": "temporal"}, "here")
    assert not supervised.predicts_cases
