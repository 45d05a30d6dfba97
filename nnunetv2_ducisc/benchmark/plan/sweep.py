"""A sweep: one setting of a method at a time takes other values, each a method of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from nnunetv2_ducisc.benchmark.plan.plan import Method, Plan
from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.nnunet.trainer_class import TrainerClass


@dataclass(frozen=True)
class Point:
    """One value of a swept setting.

    Attributes:
        value: of the setting.
        method: the name of the method that is trained with it.
        is_own: whether that is the swept method itself, which has the value already.
    """

    value: float
    method: str
    is_own: bool


def points(method: Method) -> dict[str, tuple[Point, ...]]:
    """Setting -> its points by value, that of the method itself among them where it is a number.

    Args:
        method: whose sweep is valid, as in a plan that went through ``expand``.
    """
    own = TrainerClass.named(method.trainer).settings(method.settings, method.name)
    swept = {}
    for setting, values in method.sweep.items():
        here = getattr(own, setting)
        every = sorted({*values, *([] if here is None else [here])})
        swept[setting] = tuple(
            Point(v, method.name if v == here else f"{method.name}_{setting}_{v}", v == here)
            for v in every
        )
    return swept


def expand(plan: Plan) -> Plan:
    """The plan with a method for every point of its sweeps, after the one that is swept.

    Raises:
        DuCiSCError: there is no such setting, or it takes no such value; two methods have one name.
    """
    methods = tuple(one for method in plan.methods for one in _with_variants(plan, method))
    names = [method.name for method in methods]
    twice = [name for index, name in enumerate(names) if name in names[:index]]
    if twice:
        raise DuCiSCError(
            f"{plan.file} has the method {twice[0]}, which a sweep makes too: rename it."
        )
    return dataclasses.replace(plan, methods=methods)


def swept_methods(plan: Plan) -> dict[str, dict[str, tuple[Point, ...]]]:
    """Method -> setting -> points, for the methods that have a sweep."""
    return {method.name: points(method) for method in plan.methods if method.sweep}


def _with_variants(plan: Plan, method: Method) -> Iterator[Method]:
    yield method
    if not method.sweep:
        return
    _check(plan, method)
    for setting, of_setting in points(method).items():
        for point in of_setting:
            if not point.is_own:
                settings = {**method.settings, setting: point.value}
                yield dataclasses.replace(method, name=point.method, settings=settings, sweep={})


def _check(plan: Plan, method: Method) -> None:
    trainer = TrainerClass.named(method.trainer)
    trainer.settings(method.settings, f"{plan.file}, method {method.name}")  # not the sweep's fault
    where = f"{plan.file}, sweep of method {method.name}"
    for setting, values in method.sweep.items():
        for value in values:
            trainer.settings({**method.settings, setting: value}, where)
