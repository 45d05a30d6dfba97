"""The objects that the settings name: one of each kind of Tables VI, VII, VIII and X."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from nnunetv2_ducisc.method.confidence import (
    AnyClassPerOutput,
    Confidence,
    FixedThreshold,
    LowEntropy,
    MonteCarlo,
    SelfAware,
)
from nnunetv2_ducisc.method.labeling import Labeling
from nnunetv2_ducisc.method.mixing import CopyPaste, CutMix, CutOut, Mixing, Mixup
from nnunetv2_ducisc.method.objective import TERMS, Objective
from nnunetv2_ducisc.method.targets import FeatureConsistency, FeatureTarget, PrototypeAlignment
from nnunetv2_ducisc.settings import DuCiSCSettings


def mixing_of(settings: DuCiSCSettings, has_background: bool) -> Mixing:
    """Table X."""
    low, high = settings.mix_low, settings.mix_high
    ways: dict[str, Mixing] = {
        "mixup": Mixup(low, high),
        "cutmix": CutMix(low, high),
        "cutout": CutOut(low, high),
        "copy_paste": CopyPaste(has_background),
    }
    return ways[settings.mixing]


def confidence_of(
    settings: DuCiSCSettings,
    labeling: Labeling,
    num_classes: int,
    num_outputs: int,
    device: torch.device | str = "cpu",
) -> Confidence:
    """Table VII."""
    iterations = settings.num_epochs * settings.num_iterations_per_epoch
    eq_8 = (
        settings.threshold_decay,
        settings.threshold_min,
        settings.threshold_max,
        device,
    )
    ways: dict[str, Callable[[], Confidence]] = {
        "self_aware": lambda: SelfAware(labeling, num_classes, *eq_8),
        "none": lambda: FixedThreshold(labeling, num_classes, 0.0, device),
        "probability": lambda: FixedThreshold(
            labeling, num_classes, settings.fixed_threshold, device
        ),
        "entropy": lambda: LowEntropy(labeling, num_classes, iterations),
        "monte_carlo": lambda: MonteCarlo(
            labeling, num_classes, iterations, settings.monte_carlo_passes
        ),
        "any_class": lambda: AnyClassPerOutput(labeling, num_classes, num_outputs, *eq_8),
    }
    return ways[settings.confidence]()


def target_of(settings: DuCiSCSettings) -> FeatureTarget:
    """Table VIII."""
    ways: dict[str, FeatureTarget] = {
        "prototypes": PrototypeAlignment(settings.prototype_norm, settings.prototype_pairs),
        "features": FeatureConsistency(settings.prototype_norm),
    }
    return ways[settings.consistency_target]


def objective_of(
    settings: DuCiSCSettings, scale_weights: Sequence[float], labeling: Labeling
) -> Objective:
    """Table VI: a lambda of zero switches its term off."""
    return Objective(
        lambdas={name: getattr(settings, f"lambda_{name}") for name in TERMS},
        scale_weights=scale_weights,
        target=target_of(settings),
        term_weighting=settings.term_weighting,
        labeling=labeling,
    )
