"""Whether the methods of a plan can be compared as it says."""

from __future__ import annotations

from nnunetv2_ducisc.benchmark.plan.plan import ALL, Method, Plan
from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.nnunet.seeded_trainer import LENGTH
from nnunetv2_ducisc.nnunet.trainer_class import TrainerClass


def check_methods(plan: Plan) -> None:
    """Trainers are there and take what they are given; lengths are equal unless said otherwise.

    Raises:
        DuCiSCError: names the method and what to change.
    """
    all_count = any(ALL in entry.labels for entry in plan.datasets)
    for method in plan.methods:
        where = f"{plan.file}, method {method.name}"
        trainer = TrainerClass.named(method.trainer)
        trainer.settings(method.settings, where)
        _check_length(plan, method, trainer, where)
        if "seed" in method.settings:
            raise DuCiSCError(f"{where} sets seed, which seeds of the plan do: take it out.")
        if uses_unlabeled(method) and (method.all_labels or all_count):
            raise DuCiSCError(
                f"{where} needs unlabeled cases, and with labels: all there are none: name a "
                "number of labels, or a supervised trainer."
            )


def uses_unlabeled(method: Method) -> bool:
    """Whether its training reads imagesUn."""
    trainer = TrainerClass.named(method.trainer)
    return trainer.has_teacher and not trainer.settings(method.settings, "").is_supervised


def _check_length(plan: Plan, method: Method, trainer: TrainerClass, where: str) -> None:
    if method.own_schedule:
        return
    if not trainer.takes_settings:
        raise DuCiSCError(
            f"{where} is {method.trainer}, which takes neither a length nor a seed: name "
            "nnUNetTrainer_seeded, which is stock nnU-Net that does, or add schedule: own."
        )
    own = [key for key in method.settings if key in LENGTH]
    if own:
        raise DuCiSCError(
            f"{where} sets {own[0]}, but all methods are equally long: take it out, or add "
            "schedule: own."
        )
    if "num_epochs" not in plan.length:
        raise DuCiSCError(f"{plan.file} has no epochs: add how long every method is trained.")
