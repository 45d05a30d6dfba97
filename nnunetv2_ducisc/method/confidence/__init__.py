"""Which pseudo-labeled voxels are sure enough to count: Eq. 8 and 9 and Table VII."""

from nnunetv2_ducisc.method.confidence.counting import Counts, count_voxels
from nnunetv2_ducisc.method.confidence.entropy import LowEntropy
from nnunetv2_ducisc.method.confidence.fixed import FixedThreshold
from nnunetv2_ducisc.method.confidence.interface import Confidence, PseudoLabel, TeacherSays
from nnunetv2_ducisc.method.confidence.monte_carlo import MonteCarlo
from nnunetv2_ducisc.method.confidence.per_output import AnyClassPerOutput
from nnunetv2_ducisc.method.confidence.self_aware import SelfAware, SelfAwareThresholds

__all__ = [
    "AnyClassPerOutput",
    "Confidence",
    "Counts",
    "FixedThreshold",
    "LowEntropy",
    "MonteCarlo",
    "PseudoLabel",
    "SelfAware",
    "SelfAwareThresholds",
    "TeacherSays",
    "count_voxels",
]
