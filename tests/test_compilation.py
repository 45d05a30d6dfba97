"""torch.compile, with a backend that runs the graphs as they are and notes what they are for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch._dynamo import OptimizedModule

from nnunetv2_ducisc.trainer import nnUNetTrainerDuCiSC
from tests.half_precision import batches_of, first_step


class Graphs:
    """A backend of torch.compile.

    Attributes:
        batches: the batch size of the images of every network's graph that was made; None where
            a graph goes on in the middle of a network.
    """

    def __init__(self) -> None:
        self.batches: list[Any] = []

    def __call__(self, graph: torch.fx.GraphModule, inputs: list[Any]) -> Callable[..., Any]:
        if any("conv" in str(node.target) for node in graph.graph.nodes):  # not the loss
            tensors = (x for x in inputs if isinstance(x, torch.Tensor))
            images = (x.shape[0] for x in tensors if x.shape[1:] == (1, 16, 16))
            self.batches.append(next(images, None))
        return graph.forward


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> Graphs:
    """nnU-Net compiles on no CPU by itself."""
    torch._dynamo.reset()
    backend = Graphs()
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=backend))
    monkeypatch.setattr(nnUNetTrainerDuCiSC, "_do_i_compile", lambda self: True)
    return backend


def test_every_batch_size_has_a_graph_of_its_own_and_none_is_made_twice(tiny_2d, graphs):
    """Batches of 2: student in warm-up, in validation, after warm-up (6), and the teacher.

    Warm-up ends after two of four epochs, and a training that starts without warm-up needs no
    graph of the student's for 2 images but the one of validation.
    """
    tiny_2d.trainer(num_epochs=4).run_training()
    assert all(type(batch) is int for batch in graphs.batches)
    assert sorted(graphs.batches) == [2, 2, 2, 6]


def test_a_training_without_warmup_makes_three_graphs(tiny_2d, graphs):
    tiny_2d.trainer(num_epochs=2, warmup_fraction=0.0).run_training()
    assert all(type(batch) is int for batch in graphs.batches)
    assert sorted(graphs.batches) == [2, 2, 6]


def test_saving_memory_makes_no_graph_twice(tiny_2d, graphs):
    """Batches of 2: student in training, computed again from the same graph, and validation."""
    tiny_2d.trainer(num_epochs=2, warmup_fraction=0.0, low_memory=True).run_training()
    assert sorted(graphs.batches) == [2, 2, 2]


@pytest.mark.parametrize("low_memory", [False, True])
def test_a_compiled_step_is_the_plain_one(tiny_2d, monkeypatch, low_memory):
    """Traced with its backward pass, as on a GPU, but without a compiler behind it."""
    settings = {"warmup_fraction": 0.0, "low_memory": low_memory}
    batches = batches_of(tiny_2d)
    plain = first_step(tiny_2d.trainer(**settings), batches)
    torch._dynamo.reset()
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))
    monkeypatch.setattr(nnUNetTrainerDuCiSC, "_do_i_compile", lambda self: True)
    trainer = tiny_2d.trainer(**settings)
    compiled = first_step(trainer, batches)
    assert isinstance(trainer.network, OptimizedModule)
    torch.testing.assert_close(compiled, plain, rtol=1e-4, atol=1e-5)
