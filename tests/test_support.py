"""What is refused when a trainer is made, before anything starts."""

from __future__ import annotations

import pytest
import torch
from nnunetv2.training.nnUNetTrainer.primus.primus_trainers import nnUNet_Primus_S_Trainer
from nnunetv2.utilities.get_network_from_plans import get_network_from_plans

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.trainer import nnUNetTrainerDuCiSC
from nnunetv2_ducisc.variants import nnUNetTrainerDuCiSC_supervised


class Primus(nnUNetTrainerDuCiSC):
    build_network_architecture = staticmethod(nnUNet_Primus_S_Trainer.build_network_architecture)


class SupervisedPrimus(nnUNetTrainerDuCiSC_supervised):
    build_network_architecture = staticmethod(nnUNet_Primus_S_Trainer.build_network_architecture)


class OlderSignature(nnUNetTrainerDuCiSC):
    @staticmethod
    def build_network_architecture(name, kwargs, imports, channels, outputs, deep_supervision=True):
        return get_network_from_plans(name, kwargs, imports, channels, outputs, True, False)


@pytest.mark.parametrize("trainer_class", [Primus, SupervisedPrimus])
def test_an_architecture_without_a_unets_decoder_is_refused_in_the_constructor(tiny, trainer_class):
    """The twin without prototypes, too: nnU-Net itself asks its network for a decoder."""
    with pytest.raises(DuCiSCError, match=r"Primus has no decoder\.stages.*ResidualEncoderUNet"):
        tiny.trainer(trainer_class)


def test_a_builder_of_the_older_signature_is_left_to_nnunet(tiny):
    trainer = tiny.trainer(OlderSignature)
    with pytest.warns(DeprecationWarning, match="old build_network_architecture signature"):
        trainer.initialize()
    assert trainer.network is not None


def test_the_check_draws_no_random_number(tiny):
    torch.manual_seed(0)
    tiny.trainer()
    drawn = torch.rand(1)
    torch.manual_seed(0)
    assert drawn == torch.rand(1)


def test_apples_gpu_is_refused_before_anything_starts(tiny):
    with pytest.raises(DuCiSCError, match=r"nnUNetTrainerDuCiSC .*MPS.*-device cpu"):
        tiny.trainer(device="mps")
