"""Self-aware class thresholds: which pseudo-labeled voxels are reliable. Eq. 8 and 9."""

from __future__ import annotations

import torch
from torch import Tensor
from torch import distributed as dist


class SelfAwareThresholds:
    """One confidence threshold a class, an average of the student's own confidence.

    ``values`` follows Eq. 8 as it stands in the paper; the bounds apply where the thresholds are
    used, so that they leave the recursion alone.

    Args:
        num_classes: C.
        decay: beta of Eq. 8.
        minimum: lower bound of the thresholds in use; None is 1/C.
        maximum: upper bound of the thresholds in use; 1.0 is none.
        device: where the state lives.
    """

    def __init__(
        self,
        num_classes: int,
        decay: float,
        minimum: float | None = None,
        maximum: float = 1.0,
        device: torch.device | str = "cpu",
    ) -> None:
        self.decay = decay
        self.minimum = 1 / num_classes if minimum is None else minimum
        self.maximum = maximum
        self.values = torch.full((num_classes,), 1 / num_classes, device=device)

    @property
    def in_use(self) -> Tensor:
        """The thresholds within their bounds, shape (C,)."""
        return self.values.clamp(self.minimum, self.maximum)

    def reliable(self, confidence: Tensor, pseudo_class: Tensor) -> Tensor:
        """Where the teacher's probability of its own pseudo class exceeds the class's threshold.

        Args:
            confidence: the teacher's largest probability, shape (B, 1, *spatial).
            pseudo_class: the index of its class, the same shape.

        Returns:
            A mask of bool, shape (B, 1, *spatial).
        """
        return confidence > self.in_use.to(confidence.dtype)[pseudo_class]

    @torch.no_grad()
    def update(self, probabilities: Tensor, pseudo_label: Tensor) -> None:
        """Move the thresholds towards the student's mean confidence, Eq. 8 and 9.

        A class that no voxel of the batch is assigned to keeps its threshold. Over several
        processes the sums and counts are added up before they are divided.

        Args:
            probabilities: y_hat, the student's on the unlabeled images, shape (B, C, *spatial).
            pseudo_label: y_bar, the teacher's one-hot label of the same images, the same shape.
        """
        axes = (0, *range(2, probabilities.ndim))
        totals = torch.stack([(pseudo_label * probabilities).sum(axes), pseudo_label.sum(axes)])
        if dist.is_available() and dist.is_initialized():
            dist.all_reduce(totals)
        confidence, voxels = totals
        average = (confidence / torch.where(voxels > 0, voxels, 1)).to(self.values.dtype)
        moved = self.decay * self.values + (1 - self.decay) * average
        self.values = torch.where(voxels > 0, moved, self.values)

    def state_dict(self) -> dict[str, Tensor]:
        """What a checkpoint has to keep."""
        return {"values": self.values.clone()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go on from a checkpoint."""
        self.values = state["values"].to(self.values.device).clone()


def count_voxels(pseudo_label: Tensor, reliable: Tensor) -> tuple[Tensor, Tensor]:
    """How a batch's pseudo label fares, for the log.

    Args:
        pseudo_label: one-hot, shape (B, C, *spatial).
        reliable: shape (B, 1, *spatial).

    Returns:
        For every class the number of its voxels and of those that are reliable, shape (C,) each.
    """
    axes = (0, *range(2, pseudo_label.ndim))
    return pseudo_label.sum(axes), (pseudo_label * reliable).sum(axes)
