"""Whole preprocessed cases, predicted in the middle of a training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.label_handling.label_handling import convert_labelmap_to_one_hot
from torch import Tensor, nn

from nnunetv2_ducisc.nnunet.step import replaced


class CasePredictor:
    """nnU-Net's sliding window, set as for its final validation but without mirroring.

    Args:
        trainer: whose plans and device count.
        network: without wrappers; it is left as it was.
    """

    def __init__(self, trainer: nnUNetTrainer, network: nn.Module) -> None:
        self._network = network
        self._foreground = trainer.label_manager.foreground_labels
        self._predictor = nnUNetPredictor(
            use_mirroring=False,
            perform_everything_on_device=trainer.device.type == "cuda",  # else nnU-Net complains
            device=trainer.device,
            allow_tqdm=False,
        )
        self._predictor.manual_initialization(
            network,
            trainer.plans_manager,
            trainer.configuration_manager,
            None,
            trainer.dataset_json,
            type(trainer).__name__,
            trainer.inference_allowed_mirroring_axes,
        )

    def logits(self, image: Any, previous: Any) -> Tensor:  # noqa: ANN401 (numpy's or blosc2's)
        """Of a case, on the CPU, shape (C, *spatial).

        Args:
            image: shape (channels, *spatial).
            previous: the previous stage's labels, shape (*spatial); None without one.
        """
        image = np.asarray(image[:])
        if previous is not None:
            maps = convert_labelmap_to_one_hot(previous[:], self._foreground, image.dtype)
            image = np.vstack([image, maps])
        with _predicting(self._network):
            return self._predictor.predict_sliding_window_return_logits(
                torch.from_numpy(image)
            ).cpu()


@contextmanager
def _predicting(network: nn.Module) -> Iterator[None]:
    """Without deep supervision; afterwards the network is in the mode that it was in."""
    training, switch = network.training, getattr(network, "decoder", None)
    with replaced(switch, "deep_supervision", False) if switch is not None else nullcontext():
        try:
            yield
        finally:
            network.train(training)
