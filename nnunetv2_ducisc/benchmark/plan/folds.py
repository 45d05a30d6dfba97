"""Whether nnU-Net makes the folds that a plan names."""

from __future__ import annotations

from nnunetv2_ducisc.benchmark.plan.plan import ALL, PER_SEED, Count, DatasetEntry, Plan
from nnunetv2_ducisc.benchmark.plan.source import Source
from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.raw_dataset.withholding.draw import draw

FOLDS = 5  # that nnU-Net splits the labeled cases into


def check_folds(plan: Plan, entry: DatasetEntry, source: Source, count: Count) -> None:
    """Without a validation list nnU-Net makes folds 0 to 4, and needs a case for each.

    Args:
        plan: names the folds.
        entry: the data set in it.
        source: the same, looked at.
        count: how many of its groups have labels.

    Raises:
        DuCiSCError: a fold that there is not.
    """
    if source.validation:
        if plan.folds != ("0",):
            raise DuCiSCError(
                f"{source.raw.name} has a validation list, which is no training data: write folds: "
                f"[0] into {plan.file}."
            )
        return
    numbered = [fold for fold in plan.folds if fold != ALL]
    beyond = [fold for fold in numbered if int(fold) >= FOLDS]
    if beyond:
        raise DuCiSCError(
            f"{plan.file} names fold {beyond[0]}, but nnU-Net makes the folds 0 to {FOLDS - 1}: "
            "take it out."
        )
    fewest = min(_cases(seed, source, count) for seed in _draws(plan, entry))
    if numbered and fewest < FOLDS:
        raise DuCiSCError(
            f"{plan.file} names fold {numbered[0]}, but nnU-Net splits no fewer than {FOLDS} "
            f"labeled cases, and {count} labels of {source.raw.name} are {fewest}: write folds: "
            f"[{ALL}], or name more labels."
        )


def _draws(plan: Plan, entry: DatasetEntry) -> tuple[int, ...]:
    """The seeds of the draws; any one where nothing is drawn."""
    if entry.draw == PER_SEED:
        return plan.seeds
    return (entry.draw if isinstance(entry.draw, int) else 0,)


def _cases(seed: int, source: Source, count: Count) -> int:
    """How many cases have labels."""
    if count == ALL:
        return len(source.group_of)
    wanted = source.labeled(count) or int(count)
    return len(draw(source.group_of, wanted, seed, are_patients=True).labeled)
