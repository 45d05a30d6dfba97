"""The terms of Eq. 11 for what the student says of all kinds of images at once."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from nnunetv2_ducisc.method.objective import Guide, Objective, StudentView


def terms_at_once(
    objective: Objective,
    student: Mapping[str, StudentView],
    y_i: Tensor,
    guides: Mapping[str, Guide],
) -> dict[str, Tensor]:
    """Read every kind that is asked for, and compare."""
    labeled = objective.of_labeled(student["labeled"], y_i)
    guided = {k: objective.of_guided(k, student[k], guides[k]) for k in objective.guided}
    return objective.terms(labeled, guided)
