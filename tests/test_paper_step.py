"""One step of the trainer, from two batches to losses and thresholds, beside numpy loops."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest
import torch

from nnunetv2_ducisc.ablations import (
    nnUNetTrainerDuCiSC_entropy,
    nnUNetTrainerDuCiSC_featureConsistency,
)
from nnunetv2_ducisc.trainer import nnUNetTrainerDuCiSC
from nnunetv2_ducisc.variants import nnUNetTrainerDuCiSC_paper
from tests import naive, naive_alternatives
from tests.planned import PlannedDataset, started

TRAINERS = [
    nnUNetTrainerDuCiSC,
    nnUNetTrainerDuCiSC_paper,
    nnUNetTrainerDuCiSC_featureConsistency,
    nnUNetTrainerDuCiSC_entropy,
]


class Network:
    """A copy of a network, which is asked on one kind of image at a time."""

    def __init__(self, network: torch.nn.Module) -> None:
        self.network = copy.deepcopy(network).train()
        self.network.decoder.deep_supervision = True
        self.stages: list[np.ndarray] = []
        for stage in self.network.decoder.stages:
            stage.register_forward_hook(lambda *call: self.stages.append(call[-1].numpy()))

    @torch.no_grad()
    def __call__(self, images: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Logits and features, finest first."""
        self.stages.clear()
        logits = self.network(torch.from_numpy(images).float())
        return [scale.double().numpy() for scale in logits], [
            f.astype(float) for f in self.stages[::-1]
        ]


def one_hot(label: np.ndarray, classes: int) -> np.ndarray:
    """Of shape (B, 1, *spatial)."""
    return np.concatenate([label == c for c in range(classes)], axis=1).astype(float)


def expected_step(trainer: Any, labeled: dict, unlabeled: dict, sigma: np.ndarray) -> dict:
    """The losses and the thresholds after the step, from the paper's equations alone."""
    settings, student = trainer.settings, Network(trainer.network)
    teacher = Network(trainer.teacher.module)
    weights, classes = trainer.loss.weight_factors, 4
    x_i, views = labeled["data"].numpy(), unlabeled["data"].numpy()
    seen_by_teacher, x_j = views[:, :1], views[:, 1:]
    y_i = one_hot(labeled["target"][0].numpy(), classes)
    p = naive.softmax(teacher(seen_by_teacher)[0][0])
    y_j = one_hot(p.argmax(1)[:, None], classes)
    mask = naive.reliable(p, trainer.confidence.values.numpy(), 1 / classes, settings.threshold_max)
    if settings.confidence == "entropy":
        t = trainer.iteration / (settings.num_epochs * settings.num_iterations_per_epoch)
        share = 0.75 + 0.25 * math.exp(-5 * (1 - t) ** 2)
        mask = naive_alternatives.class_entropy(p) < share * math.log(classes)
    x_k, y_k = naive.mix(sigma, x_i, x_j), naive.mix(sigma, y_i, y_j)
    (_, f_i), (logits_j, f_j), (logits_k, f_k) = (student(x) for x in (x_i, x_j, x_k))
    norm = settings.prototype_norm
    if settings.consistency_target == "features":
        of_teacher = (teacher(x)[1] for x in (seen_by_teacher, naive.mix(sigma, x_i, views[:, :1])))
        proto = [
            naive_alternatives.feature_consistency(f, list(g), norm)
            for f, g in zip((f_j, f_k), of_teacher, strict=True)
        ]
    else:
        p_i, p_j, p_k = (
            naive.prototypes_over_scales(f, y, "each")
            for f, y in ((f_i, y_i), (f_j, y_j), (f_k, y_k))
        )
        proto = [naive.alignment(p_i, other, norm) for other in (p_j, p_k)]
    confidence = naive.softmax(logits_j[0])
    averages = [naive.average_confidence(confidence, y_j, c) for c in range(classes)]
    return {
        "proto_ulb": proto[0],
        "proto_mix": proto[1],
        "cs_ulb": naive.consistency_over_scales(logits_j, y_j, mask, weights),
        "cs_mix": naive.consistency_over_scales(logits_k, y_k, mask, weights),
        "thresholds": naive.moved_thresholds(trainer.confidence.values.numpy(), averages, 0.99),
        "counted": mask.mean(),
    }


def prepared(tiny_2d: PlannedDataset, trainer_class: type) -> Any:
    """A trainer whose student and teacher differ."""
    trainer = started(tiny_2d.trainer(trainer_class, warmup_fraction=0.0, num_epochs=6))
    for _ in range(4):
        trainer.train_step(next(trainer.dataloader_train))
    generator = torch.Generator().manual_seed(0)
    for weight in trainer.network.parameters():
        weight.data += 0.1 * torch.randn(weight.shape, generator=generator)
    return trainer


@pytest.mark.parametrize("trainer_class", TRAINERS)
def test_a_step_of_the_trainer_is_the_papers_algorithm(tiny_2d, monkeypatch, trainer_class):
    trainer = prepared(tiny_2d, trainer_class)
    labeled, unlabeled = next(trainer.dataloader_train), next(trainer.dataloader_unlabeled)
    views = unlabeled["data"]
    assert torch.equal(views[:, :1], views[:, 1:]) == (trainer_class is nnUNetTrainerDuCiSC_paper)
    trainer.dataloader_unlabeled = iter([unlabeled])
    if trainer_class is not nnUNetTrainerDuCiSC_entropy:  # of which half of the voxels pass
        surest = naive.softmax(Network(trainer.teacher.module)(views[:, :1].numpy())[0][0]).max(1)
        trainer.confidence.values = np.median(surest) + torch.tensor([-0.02, -0.01, 0.01, 0.02])
    sigma = torch.tensor([0.3, 0.6])
    monkeypatch.setattr(type(trainer.mixing), "draw", lambda *_: sigma)
    expected = expected_step(trainer, labeled, unlabeled, sigma.double().numpy())
    trainer.train_step(labeled)

    found = trainer.progress._losses[-1]
    for name in ("proto_ulb", "proto_mix", "cs_ulb", "cs_mix"):
        assert float(found[f"loss_{name}"]) == pytest.approx(expected[name], rel=1e-3), name
    if trainer_class is not nnUNetTrainerDuCiSC_entropy:
        assert trainer.confidence.values.numpy() == pytest.approx(expected["thresholds"], rel=1e-4)
    assert 0.05 < expected["counted"] < 0.95
