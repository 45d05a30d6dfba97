"""The paper's alternatives, Tables VI to X, each a class that ``-tr`` finds by its name.

Each fixes what its name says; every other number is the default preset's, or the plans'.
"""

from __future__ import annotations

from typing import Any, ClassVar

from nnunetv2_ducisc.trainer import nnUNetTrainerDuCiSC

__all__ = [
    "nnUNetTrainerDuCiSC_anyClass",
    "nnUNetTrainerDuCiSC_copyPaste",
    "nnUNetTrainerDuCiSC_cutMix",
    "nnUNetTrainerDuCiSC_cutOut",
    "nnUNetTrainerDuCiSC_entropy",
    "nnUNetTrainerDuCiSC_featureConsistency",
    "nnUNetTrainerDuCiSC_fixedThreshold",
    "nnUNetTrainerDuCiSC_mixed",
    "nnUNetTrainerDuCiSC_mixedConsistency",
    "nnUNetTrainerDuCiSC_monteCarlo",
    "nnUNetTrainerDuCiSC_noConfidence",
    "nnUNetTrainerDuCiSC_noPrototypes",
    "nnUNetTrainerDuCiSC_temporalEnsembling",
    "nnUNetTrainerDuCiSC_unlabeled",
    "nnUNetTrainerDuCiSC_unlabeledConsistency",
]


class nnUNetTrainerDuCiSC_noPrototypes(nnUNetTrainerDuCiSC):
    """Without Eq. 4 and 7: consistency of predictions alone."""

    fixed_settings: ClassVar[dict[str, Any]] = {"lambda_proto_ulb": 0.0, "lambda_proto_mix": 0.0}


class nnUNetTrainerDuCiSC_unlabeled(nnUNetTrainerDuCiSC):
    """Table VI, row 3: the terms of the unlabeled images; nothing is mixed."""

    fixed_settings: ClassVar[dict[str, Any]] = {"lambda_proto_mix": 0.0, "lambda_cs_mix": 0.0}


class nnUNetTrainerDuCiSC_unlabeledConsistency(nnUNetTrainerDuCiSC):
    """Table VI, row 2: consistency on the unlabeled images; nothing is mixed."""

    fixed_settings: ClassVar[dict[str, Any]] = {
        **nnUNetTrainerDuCiSC_unlabeled.fixed_settings,
        "lambda_proto_ulb": 0.0,
    }


class nnUNetTrainerDuCiSC_mixed(nnUNetTrainerDuCiSC):
    """Table VI, row 5: the terms of the mixed images."""

    fixed_settings: ClassVar[dict[str, Any]] = {"lambda_proto_ulb": 0.0, "lambda_cs_ulb": 0.0}


class nnUNetTrainerDuCiSC_mixedConsistency(nnUNetTrainerDuCiSC):
    """Table VI, row 4: consistency on the mixed images."""

    fixed_settings: ClassVar[dict[str, Any]] = {
        **nnUNetTrainerDuCiSC_mixed.fixed_settings,
        "lambda_proto_mix": 0.0,
    }


class nnUNetTrainerDuCiSC_noConfidence(nnUNetTrainerDuCiSC):
    """Table VII, Baseline: every pseudo-labeled voxel counts."""

    fixed_settings: ClassVar[dict[str, Any]] = {"confidence": "none"}


class nnUNetTrainerDuCiSC_fixedThreshold(nnUNetTrainerDuCiSC):
    """Table VII, Probability-based: one threshold for all classes and the whole run."""

    fixed_settings: ClassVar[dict[str, Any]] = {"confidence": "probability"}


class nnUNetTrainerDuCiSC_entropy(nnUNetTrainerDuCiSC):
    """Table VII, Entropy-based: below a threshold that rises during the run."""

    fixed_settings: ClassVar[dict[str, Any]] = {"confidence": "entropy"}


class nnUNetTrainerDuCiSC_monteCarlo(nnUNetTrainerDuCiSC):
    """Table VII, MC-Dropout: the entropy of several looks at noisy images."""

    fixed_settings: ClassVar[dict[str, Any]] = {"confidence": "monte_carlo"}


class nnUNetTrainerDuCiSC_anyClass(nnUNetTrainerDuCiSC):
    """The authors' code: clamped thresholds of every output, and any class may pass."""

    fixed_settings: ClassVar[dict[str, Any]] = {
        "confidence": "any_class",
        "threshold_min": 0.5,
        "threshold_max": 0.95,
    }


class nnUNetTrainerDuCiSC_featureConsistency(nnUNetTrainerDuCiSC):
    """Table VIII: the teacher's features of the same image, Eq. 13, instead of prototypes."""

    fixed_settings: ClassVar[dict[str, Any]] = {"consistency_target": "features"}


class nnUNetTrainerDuCiSC_temporalEnsembling(nnUNetTrainerDuCiSC):
    """Table IX: the average of the student's predictions of a case, instead of a mean teacher."""

    fixed_settings: ClassVar[dict[str, Any]] = {"ensembling": "temporal"}


class nnUNetTrainerDuCiSC_cutMix(nnUNetTrainerDuCiSC):
    """Table X: a box of the labeled image in the unlabeled one."""

    fixed_settings: ClassVar[dict[str, Any]] = {"mixing": "cutmix"}


class nnUNetTrainerDuCiSC_cutOut(nnUNetTrainerDuCiSC):
    """Table X: the unlabeled image with a hole."""

    fixed_settings: ClassVar[dict[str, Any]] = {"mixing": "cutout"}


class nnUNetTrainerDuCiSC_copyPaste(nnUNetTrainerDuCiSC):
    """Table X: the labeled image's objects on the unlabeled one."""

    fixed_settings: ClassVar[dict[str, Any]] = {"mixing": "copy_paste"}
