"""Fusing a labeled and an unlabeled image, and their labels: Eq. 5 and Table X."""

from nnunetv2_ducisc.method.mixing.copy_paste import CopyPaste
from nnunetv2_ducisc.method.mixing.cutmix import CutMix
from nnunetv2_ducisc.method.mixing.cutout import CutOut
from nnunetv2_ducisc.method.mixing.labels import mixed_labels
from nnunetv2_ducisc.method.mixing.mixup import Mixup, draw_mix_ratio
from nnunetv2_ducisc.method.mixing.shares import Mixing, Shares

__all__ = [
    "CopyPaste",
    "CutMix",
    "CutOut",
    "Mixing",
    "Mixup",
    "Shares",
    "draw_mix_ratio",
    "mixed_labels",
]
