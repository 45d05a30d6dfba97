"""Every number of the method, with its paper symbol, in one frozen dataclass."""

from __future__ import annotations

import dataclasses
import difflib
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

from nnunetv2_ducisc.errors import DuCiSCError

PrototypeNorm = Literal["mean", "sum"]
PrototypePairs = Literal["each", "batch_mean"]
TeacherView = Literal["weak", "same"]
Confidence = Literal["self_aware", "none", "probability", "entropy", "monte_carlo", "any_class"]
Mixing = Literal["mixup", "cutmix", "cutout", "copy_paste"]
ConsistencyTarget = Literal["prototypes", "features"]
Ensembling = Literal["mean_teacher", "temporal"]
TermWeighting = Literal["plain", "self_divided"]
LearningRateSchedule = Literal["poly", "constant"]


@dataclass(frozen=True, kw_only=True)
class DuCiSCSettings:
    """What a user may change, as ``"ducisc": {...}`` in a configuration of the plans file.

    The defaults are the preset ``nnUNetTrainerDuCiSC``; see ``variants`` for the paper's numbers.

    Attributes:
        num_epochs: epochs of the run (nnU-Net: 1000).
        num_iterations_per_epoch: training iterations an epoch.
        num_val_iterations_per_epoch: validation iterations an epoch.
        save_every: epochs between two ``checkpoint_latest.pth``.
        seed: seeds Python, numpy and torch at the start of training; None leaves them alone.
        lambda_proto_ulb: weight lambda_1 of the prototype loss labeled-unlabeled (Eq. 4).
        lambda_proto_mix: weight lambda_2 of the prototype loss labeled-mixed (Eq. 7).
        lambda_cs_ulb: weight lambda_3 of the consistency loss on unlabeled images (Eq. 10).
        lambda_cs_mix: weight lambda_4 of the consistency loss on mixed images (Eq. 10).
        term_weighting: "plain" lambdas (paper), or every term "self_divided" by its own value
            before it is weighted (official code).
        ensembling: who labels unlabeled images: the "mean_teacher", or the "temporal" average of
            the student's predictions of each case (Table IX).
        ema_decay: alpha, how slowly the teacher follows the student.
        ensemble_decay: what an older prediction weighs in the temporal average, against the next.
        prediction_interval: epochs between two predictions of all unlabeled cases, where "temporal"
            or pseudo foreground asks for them.
        oversample_pseudo_foreground: share of the unlabeled patches, rounded as nnU-Net rounds its
            own, around a voxel that the last prediction confidently calls foreground; 0 is off.
        confidence: which pseudo-labeled voxels count (Table VII): those above "self_aware"
            thresholds (Eq. 8), all ("none"), those above one "probability", those of low "entropy",
            alone or over "monte_carlo" looks at noisy images, or "any_class" (official code).
        fixed_threshold: the probability of "probability".
        monte_carlo_passes: the number of looks of "monte_carlo".
        threshold_decay: beta, how slowly a class's threshold moves (Eq. 8).
        threshold_min: lower bound of the thresholds; None is 1/C.
        threshold_max: upper bound of the thresholds; 1.0 is no bound (paper).
        consistency_target: features come closer to "prototypes" (Eq. 4, 7), or to the teacher's
            "features" of the same image (Eq. 13, Table VIII).
        num_scales: S, how many decoder stages, finest first, give prototypes.
        prototype_norm: squared distance as the "sum" over channels and scales (paper) or their
            "mean".
        prototype_pairs: "each" labeled image with each other one (paper), or the "batch_mean" of
            the prototypes of each kind (official code).
        mixing: "mixup" (Eq. 5), "cutmix", "cutout" or "copy_paste" (Table X).
        mix_low: smallest ratio sigma of the mix (Eq. 5).
        mix_high: largest ratio sigma of the mix (Eq. 5).
        warmup_fraction: share of the run that is plain supervised training.
        teacher_view: the teacher sees the unlabeled patch "weak" (geometry only; the student's
            copy gets the intensity transforms on top) or the "same" as the student (paper).
        student_intensity_passes: how often the student's copy of an unlabeled patch goes through
            nnU-Net's random intensity transforms.
        low_memory: keep the activations of one kind of image at a time, and compute them twice; the
            result is the same.
        initial_lr: learning rate at the start.
        lr_schedule: nnU-Net's "poly" decay or "constant" (paper).
        weight_decay: L2 penalty of the weights.
        momentum: momentum of SGD.
        nesterov: Nesterov's form of the momentum.
    """

    num_epochs: int = 1000
    num_iterations_per_epoch: int = 250
    num_val_iterations_per_epoch: int = 50
    save_every: int = 50
    seed: int | None = None
    lambda_proto_ulb: float = 0.1
    lambda_proto_mix: float = 0.1
    lambda_cs_ulb: float = 1.0
    lambda_cs_mix: float = 0.5
    term_weighting: TermWeighting = "plain"
    ensembling: Ensembling = "mean_teacher"
    ema_decay: float = 0.99
    ensemble_decay: float = 0.6
    prediction_interval: int = 10
    oversample_pseudo_foreground: float = 0.0
    confidence: Confidence = "self_aware"
    fixed_threshold: float = 0.95
    monte_carlo_passes: int = 8
    threshold_decay: float = 0.99
    threshold_min: float | None = None
    threshold_max: float = 0.95
    consistency_target: ConsistencyTarget = "prototypes"
    num_scales: int = 4
    prototype_norm: PrototypeNorm = "mean"
    prototype_pairs: PrototypePairs = "each"
    mixing: Mixing = "mixup"
    mix_low: float = 0.25
    mix_high: float = 0.75
    warmup_fraction: float = 2 / 15
    teacher_view: TeacherView = "weak"
    student_intensity_passes: int = 2
    low_memory: bool = False
    initial_lr: float = 1e-2
    lr_schedule: LearningRateSchedule = "poly"
    weight_decay: float = 3e-5
    momentum: float = 0.99
    nesterov: bool = True

    def __post_init__(self) -> None:
        """Refuse a value of the wrong type or out of range.

        Raises:
            DuCiSCError: names the key, the value and what is allowed.
        """
        for name, hint in get_type_hints(type(self)).items():
            _check_type(name, getattr(self, name), hint)
        for name, (low, high) in _RANGES.items():
            _check_range(name, getattr(self, name), low, high)
        if self.mix_low > self.mix_high:
            raise DuCiSCError(
                f"Setting mix_low is {self.mix_low}, above mix_high, which is {self.mix_high}: "
                "lower mix_low or raise mix_high."
            )
        if self.threshold_min is not None and self.threshold_min > self.threshold_max:
            raise DuCiSCError(
                f"Setting threshold_min is {self.threshold_min}, above threshold_max, which is "
                f"{self.threshold_max}: lower threshold_min or raise threshold_max."
            )
        self._check_combination()

    @property
    def is_supervised(self) -> bool:
        """Whether no unlabeled image is used: all four lambdas are zero."""
        return not any(
            (self.lambda_proto_ulb, self.lambda_proto_mix, self.lambda_cs_ulb, self.lambda_cs_mix)
        )

    @property
    def mixes_images(self) -> bool:
        """Whether a term of the mixed images has a weight."""
        return self.lambda_proto_mix > 0 or self.lambda_cs_mix > 0

    @property
    def warmup_iterations(self) -> int:
        """Iterations of plain supervised training at the start of the run."""
        return round(self.warmup_fraction * self.num_epochs * self.num_iterations_per_epoch)

    @property
    def predicts_cases(self) -> bool:
        """Whether training predicts whole unlabeled cases from time to time."""
        wanted = self.ensembling == "temporal" or self.oversample_pseudo_foreground > 0
        return wanted and not self.is_supervised

    def replace(self, **changes: Any) -> DuCiSCSettings:  # noqa: ANN401 (one value per field)
        """These settings with some fields changed."""
        return dataclasses.replace(self, **changes)

    def overridden_by(self, entries: dict[str, Any], where: str) -> DuCiSCSettings:
        """These settings with the entries of a ``ducisc`` object on top.

        Args:
            entries: JSON keys and values; every key must be a field.
            where: the file and place the entries are from, for the error.

        Raises:
            DuCiSCError: an unknown key or a bad value, with the place and the nearest valid key.
        """
        if not isinstance(entries, dict):
            raise DuCiSCError(
                f"{where} is {entries!r}, but it must be an object with settings, like "
                '{"num_epochs": 250}.'
            )
        fields = [field.name for field in dataclasses.fields(self)]
        for key in entries:
            if key not in fields:
                nearest = difflib.get_close_matches(key, fields, n=1, cutoff=0.0)[0]
                raise DuCiSCError(
                    f"Unknown setting {key!r} in {where}: the nearest valid key is {nearest!r}; "
                    f"valid keys are {', '.join(fields)}."
                )
        try:
            return self.replace(**entries)
        except DuCiSCError as error:
            raise DuCiSCError(f"In {where}: {error}") from error

    def _check_combination(self) -> None:
        """Refuse parts that want a network which the others do not ask."""
        who = "ensembling 'temporal', whose average is no network to look into or to ask again"
        if self.ensembling == "temporal" and self.consistency_target == "features":
            raise DuCiSCError(
                f"Setting consistency_target 'features' does not go with {who}: take 'prototypes'."
            )
        for part, is_on in (
            (who, self.ensembling == "temporal"),
            ("oversample_pseudo_foreground", self.oversample_pseudo_foreground > 0),
        ):
            if is_on and self.confidence in ("monte_carlo", "any_class"):
                raise DuCiSCError(
                    f"Setting confidence {self.confidence!r} does not go with {part}: take "
                    "'self_aware', 'probability', 'entropy' or 'none'."
                )

    def as_dict(self) -> dict[str, Any]:
        """The fields as plain values, for the checkpoint and the log."""
        return dataclasses.asdict(self)


HIGHEST_SEED = 2**32 - 1  # that NumPy takes
_ANY = float("inf")
_RANGES: dict[str, tuple[float, float]] = {
    "num_epochs": (1, _ANY),
    "num_iterations_per_epoch": (1, _ANY),
    "num_val_iterations_per_epoch": (1, _ANY),
    "save_every": (1, _ANY),
    "seed": (0, HIGHEST_SEED),
    "lambda_proto_ulb": (0, _ANY),
    "lambda_proto_mix": (0, _ANY),
    "lambda_cs_ulb": (0, _ANY),
    "lambda_cs_mix": (0, _ANY),
    "ema_decay": (0, 1),
    "ensemble_decay": (0, 0.999),
    "prediction_interval": (1, _ANY),
    "oversample_pseudo_foreground": (0, 1),
    "fixed_threshold": (0, 1),
    "monte_carlo_passes": (1, 100),
    "threshold_decay": (0, 1),
    "threshold_min": (0, 1),
    "threshold_max": (0, 1),
    "num_scales": (1, _ANY),
    "mix_low": (0, 1),
    "mix_high": (0, 1),
    "warmup_fraction": (0, 1),
    "student_intensity_passes": (0, 10),
    "initial_lr": (0, _ANY),
    "weight_decay": (0, _ANY),
    "momentum": (0, 1),
}


def _check_type(name: str, value: object, hint: Any) -> None:  # noqa: ANN401 (a type hint)
    """Refuse a value that its field's type hint does not allow; an int counts as a float."""
    if get_origin(hint) is Literal:
        allowed, fits = " or ".join(map(repr, get_args(hint))), value in get_args(hint)
    else:
        types = get_args(hint) or (hint,)
        allowed = " or ".join("null" if t is type(None) else t.__name__ for t in types)
        fits = type(value) in types or (float in types and type(value) is int)
    if not fits:
        raise DuCiSCError(f"Setting {name} is {value!r}, but it must be {allowed}.")


def _check_range(name: str, value: float | None, low: float, high: float) -> None:
    """Refuse a number outside [low, high]; NaN is outside; None is a default of its own."""
    if value is not None and not (low <= value <= high and abs(value) != _ANY):
        bounds = f"at least {low:g}" if high == _ANY else f"between {low:g} and {high:g}"
        raise DuCiSCError(f"Setting {name} is {value!r}, but it must be {bounds}.")
