"""The EMA teacher: decay min(1 - 1/(n + 1), alpha) from the first update on."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from nnunetv2_ducisc.method.teacher import ema_teacher, weights_of
from tests import naive

pytestmark = pytest.mark.unit

NORM = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
CONV = {2: nn.Conv2d, 3: nn.Conv3d}


def network(dimensions: int = 2) -> nn.Sequential:
    """Batch norm brings averaged buffers and an integer one."""
    torch.manual_seed(0)
    return nn.Sequential(CONV[dimensions](1, 2, 3), NORM[dimensions](2)).double()


def scalar(value: float) -> nn.Linear:
    student = nn.Linear(1, 1, bias=False).double()
    nn.init.constant_(student.weight, value)
    return student


def follow(teacher, student, values) -> list[float]:
    """The teacher's weight after each update towards a student with one of the values."""
    history = []
    for value in values:
        nn.init.constant_(student.weight, value)
        teacher.update_parameters(student)
        history.append(teacher.module.weight.item())
    return history


def test_the_teacher_follows_the_recursion_from_the_first_update_on():
    """alpha = 0.6, students 1 2 3 4: decays 0, 1/2, min(2/3, 0.6) = 0.6, 0.6.

    1;  (1 + 2) / 2 = 1.5;  0.6 * 1.5 + 0.4 * 3 = 2.1;  0.6 * 2.1 + 0.4 * 4 = 2.86.
    The start, 9, is forgotten at once.
    """
    student = scalar(9.0)
    history = follow(ema_teacher(student, 0.6), student, [1.0, 2.0, 3.0, 4.0])
    assert history == pytest.approx([1.0, 1.5, 2.1, 2.86], rel=1e-14)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 0.9, 0.99, 1.0])
def test_the_teacher_is_the_naive_recursion(alpha):
    values = torch.randn(30, generator=torch.Generator().manual_seed(0)).double().tolist()
    student = scalar(7.0)
    history = follow(ema_teacher(student, alpha), student, values)
    assert history == pytest.approx(naive.ema(7.0, values, alpha), rel=1e-10)


def test_the_first_updates_are_the_plain_mean_of_the_students():
    """With alpha = 0.99, 1 - 1/(n + 1) stays below it for 98 updates: (1 + ... + 10) / 10."""
    student = scalar(0.0)
    history = follow(ema_teacher(student, 0.99), student, map(float, range(1, 11)))
    assert history[-1] == pytest.approx(5.5, rel=1e-14)


def test_each_update_leaves_the_share_alpha_of_the_distance_to_the_student():
    """Student 0, alpha 0.9, teacher at 1 with n = 1000: 0.9, 0.81, 0.729."""
    student = scalar(0.0)
    teacher = ema_teacher(student, 0.9)
    nn.init.constant_(teacher.module.weight, 1.0)
    teacher.n_averaged.fill_(1000)
    history = follow(teacher, student, [0.0, 0.0, 0.0])
    assert history == pytest.approx([0.9, 0.81, 0.729], rel=1e-14)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_weights_and_running_statistics_are_averaged_and_counters_copied(dimensions):
    student = network(dimensions)
    teacher = ema_teacher(student, 0.6)
    history = []
    for step in range(4):
        student(torch.randn(2, 1, *[5] * dimensions, dtype=torch.float64) + step)
        for parameter in student.parameters():
            parameter.data += torch.randn_like(parameter)
        history.append(deepcopy(student.state_dict()))
        teacher.update_parameters(student)
    for name, averaged in teacher.module.state_dict().items():
        if name.endswith("num_batches_tracked"):
            assert averaged.item() == 4
            continue
        for index in range(averaged.numel()):
            values = [state[name].flatten()[index].item() for state in history]
            expected = naive.ema(0.0, values, 0.6)[-1]
            assert averaged.flatten()[index].item() == pytest.approx(expected, rel=1e-10)


def test_a_module_that_is_held_twice_is_averaged_once():
    """nnU-Net's decoder holds its encoder. Values 0, 1: the mean is 1/2; twice would be 3/4."""
    student = nn.Module()
    student.encoder = scalar(0.0)
    student.decoder = nn.Module()
    student.decoder.encoder = student.encoder
    teacher = ema_teacher(student, 0.99)
    teacher.update_parameters(student)
    nn.init.constant_(student.encoder.weight, 1.0)
    teacher.update_parameters(student)
    assert teacher.module.encoder.weight.item() == 0.5
    assert teacher.module.decoder.encoder is teacher.module.encoder


def test_the_teacher_starts_as_a_copy_that_shares_no_memory():
    student = network()
    teacher = ema_teacher(student, 0.9)
    before = deepcopy(teacher.state_dict())
    assert all(torch.equal(weights_of(teacher)[n], v) for n, v in student.state_dict().items())
    for _ in range(2):  # the first update copies, and must not alias either
        for parameter in student.parameters():
            parameter.data += 1
        assert all(torch.equal(v, before[n]) for n, v in teacher.state_dict().items())
        teacher.update_parameters(student)
        before = deepcopy(teacher.state_dict())


def test_no_gradient_reaches_or_leaves_the_teacher():
    student = network()
    teacher = ema_teacher(student, 0.9)
    image = torch.randn(2, 1, 5, 5, dtype=torch.float64)
    assert not teacher(image).requires_grad
    student(image).square().sum().backward()
    teacher.update_parameters(student)
    assert all(not p.requires_grad and p.grad is None for p in teacher.parameters())
    assert all(p.is_leaf and p.requires_grad for p in student.parameters()), "the student learns on"


def test_the_teacher_predicts_in_evaluation_mode_also_after_an_update():
    """Batch norm in training mode would depend on the other images and move its statistics."""
    student = network().train()
    teacher = ema_teacher(student, 0.9)
    teacher.update_parameters(student)
    assert student.training
    assert not any(module.training for module in teacher.modules())
    images = torch.randn(2, 1, 5, 5, dtype=torch.float64)
    torch.testing.assert_close(teacher(images)[:1], teacher(images[:1]))


def test_a_teacher_from_a_checkpoint_goes_on_bit_for_bit():
    """Interrupted at n = 2, where a forgotten n would copy the student instead."""
    values = [0.3, 1.7, -2.2, 0.9, 5.1]
    student = scalar(0.0)
    whole = follow(ema_teacher(student, 0.9), student, values)
    first = ema_teacher(student, 0.9)
    follow(first, student, values[:2])
    second = ema_teacher(scalar(-5.0), 0.9)
    second.load_state_dict(deepcopy(first.state_dict()))
    assert follow(second, student, values[2:]) == whole[2:]


@pytest.mark.parametrize("dimensions", [2, 3])
def test_the_teachers_weights_load_strictly_into_the_student(dimensions):
    student = network(dimensions)
    teacher = ema_teacher(student, 0.9)
    for _ in range(3):
        for parameter in student.parameters():
            parameter.data += 1
        teacher.update_parameters(student)
    fresh = network(dimensions).eval()
    fresh.load_state_dict(weights_of(teacher), strict=True)
    image = torch.randn(1, 1, *[5] * dimensions, dtype=torch.float64)
    assert torch.equal(fresh(image), teacher(image))
    assert not torch.equal(fresh(image), student.eval()(image))
