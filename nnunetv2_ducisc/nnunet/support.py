"""What of nnU-Net's many set-ups the method can train on, checked before anything starts."""

from __future__ import annotations

import inspect

import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.label_handling.label_handling import determine_num_input_channels

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.nnunet.features import DecoderFeatures
from nnunetv2_ducisc.settings import DuCiSCSettings


def check_supported(trainer: nnUNetTrainer, settings: DuCiSCSettings) -> None:
    """Refuse Apple's GPU, and an architecture without the decoder that gives prototypes.

    Only a network that is built shows what it has: a trainer may build another one than the plans
    name. It is built on the CPU, in a second or a few, and thrown away; the weights that
    ``initialize`` draws are those it would have drawn without.

    Raises:
        DuCiSCError: the device is MPS, or the network has no U-Net's decoder.
    """
    if trainer.device.type == "mps":
        raise DuCiSCError(
            f"{type(trainer).__name__} has never been run on Apple's GPU (MPS): train with "
            "-device cpu or, on a machine that has one, -device cuda. nnUNetv2_predict may use MPS."
        )
    build = trainer.build_network_architecture
    if "plans_manager" not in inspect.signature(build).parameters:
        return  # nnU-Net still calls builders of an older signature: ``initialize`` checks theirs
    plans, configuration = trainer.plans_manager, trainer.configuration_manager
    channels = determine_num_input_channels(plans, configuration, trainer.dataset_json)
    outputs = trainer.label_manager.num_segmentation_heads
    with torch.random.fork_rng(devices=[]):
        network = build(plans, configuration, channels, outputs, False)
    DecoderFeatures(network, settings.num_scales)
