"""Sure where many looks at noisy images agree (UA-MT, Yu et al., 2019; Table VII)."""

from __future__ import annotations

import torch
from torch import Tensor

from nnunetv2_ducisc.method.confidence.entropy import LowEntropy
from nnunetv2_ducisc.method.confidence.interface import TeacherSays
from nnunetv2_ducisc.method.labeling import Labeling


class MonteCarlo(LowEntropy):
    """Reliable where the entropy of the mean of several looks is below the ramped threshold.

    UA-MT perturbs its teacher by dropout and by noise on the image. nnU-Net's networks have no
    dropout, so that here the noise alone is what differs between the looks: normal, cut off, in
    the units of an image of unit variance, which is what nnU-Net's normalizations make. The pseudo
    label itself is the teacher's on the plain image.

    Args:
        labeling: what the network's outputs are.
        num_classes: C, the number of the network's outputs.
        num_iterations: t_max, of the whole run.
        passes: T, how many looks the teacher takes; UA-MT's number.
        deviation: standard deviation of the noise; UA-MT's number.
        cut_off: largest noise; UA-MT's number.
    """

    def __init__(
        self,
        labeling: Labeling,
        num_classes: int,
        num_iterations: int,
        passes: int = 8,
        deviation: float = 0.1,
        cut_off: float = 0.2,
    ) -> None:
        super().__init__(labeling, num_classes, num_iterations)
        self.passes = passes
        self.deviation = deviation
        self.cut_off = cut_off

    @torch.no_grad()
    def _judged(self, teacher: TeacherSays) -> Tensor:
        """The mean probabilities, a pass after the other: it takes no more memory than one."""
        generator = _generator_like(teacher.images)
        mean = torch.zeros_like(teacher.outputs[0])
        for _ in range(self.passes):
            mean += teacher.ask(self._noisy(teacher.images, generator)) / self.passes
        return mean

    def _noisy(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """The images and a noise drawn anew."""
        noise = torch.empty_like(images).normal_(0, self.deviation, generator=generator)
        return images + noise.clamp_(-self.cut_off, self.cut_off)


def _generator_like(images: Tensor) -> torch.Generator:
    """A generator on the images' device, where drawing a noise is fast.

    Its seed is from torch's global CPU generator, so that a continued training repeats the noise.
    """
    seed = int(torch.randint(2**31, ()))
    return torch.Generator(images.device).manual_seed(seed)
