"""Losses that are no numbers end a run, unless mixed precision may skip the step."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.finite_losses import MOST_SKIPPED, FiniteLosses
from tests.planned import PlannedDataset, started
from tests.two_processes import run_in_two


def check(losses: FiniteLosses, *values: float, may_skip: bool = True) -> str:
    named = {f"term{number}": torch.tensor(value) for number, value in enumerate(values)}
    return losses.check(named, 7, ["case_a", "case_b"], may_skip)


@pytest.mark.unit
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_without_a_gradient_scaler_the_first_one_ends_the_run(value):
    with pytest.raises(DuCiSCError, match=r"term1 is -?(nan|inf) at iteration 7 .*case_a, case_b"):
        check(FiniteLosses(), 0.5, value, may_skip=False)


@pytest.mark.unit
def test_a_skipped_step_is_told_and_numbers_are_not():
    losses = FiniteLosses()
    assert check(losses, 0.5, -1e30) == ""
    assert (
        "term0 is nan at iteration 7 with the cases case_a, case_b: the step was skipped"
        in check(losses, float("nan"), 0.5)
    )


@pytest.mark.unit
def test_the_tenth_in_a_row_ends_the_run_and_a_good_step_between_counts_anew():
    losses = FiniteLosses()
    for _ in range(2):
        for _ in range(MOST_SKIPPED - 1):
            assert check(losses, float("nan"))
        assert check(losses, 1.0) == ""
    for _ in range(MOST_SKIPPED - 1):
        check(losses, float("nan"))
    with pytest.raises(DuCiSCError, match="term0 is nan"):
        check(losses, float("nan"))


def _check_in_process(rank: int, folder: Path) -> None:
    told = check(FiniteLosses(), float("nan") if rank else 1.0)
    (folder / f"{rank}.txt").write_text(told, encoding="utf-8")


def test_all_processes_skip_what_one_has_to(tmp_path: Path):
    """Else one would wait for the others' thresholds for ever."""
    run_in_two(_check_in_process, tmp_path)
    told = [(tmp_path / f"{rank}.txt").read_text(encoding="utf-8") for rank in (0, 1)]
    assert told[0] and told[0] == told[1]


@pytest.mark.parametrize("warmup_fraction", [0.0, 1.0])
def test_an_overflow_under_mixed_precision_costs_one_step(
    tiny: PlannedDataset, warmup_fraction: float
):
    """NaN images stand for the overflow: nnU-Net keeps the weights and halves the scale."""
    trainer = started(tiny.trainer(warmup_fraction=warmup_fraction))
    trainer.grad_scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    good = next(trainer.dataloader_train)
    trainer.train_step(good)
    network = {name: w.clone() for name, w in trainer.network.state_dict().items()}
    thresholds = trainer.confidence.in_use.clone()
    trainer.train_step({**good, "data": torch.full_like(good["data"], float("nan"))})
    assert trainer.grad_scaler.get_scale() == 2.0
    assert torch.equal(trainer.confidence.in_use, thresholds)
    for name, weight in trainer.network.state_dict().items():
        assert torch.equal(weight, network[name])
    log = Path(trainer.log_file).read_text(encoding="utf-8")
    assert log.count("the step was skipped") == 1 and good["keys"][0] in log
    assert abs(trainer.train_step(good)["loss"]) < float("inf")
    assert not torch.equal(trainer.confidence.in_use, thresholds) or warmup_fraction == 1.0
