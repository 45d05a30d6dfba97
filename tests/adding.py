"""A small labeled dataset of real images, and images of many formats to add to it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
import tifffile
from skimage import io

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.raw_dataset.adding.add_unlabeled import add_unlabeled

SHAPE = (6, 8, 10)  # z, y, x
SPACING = (0.5, 1.0, 2.0)  # x, y, z in mm
ORIGIN = (-12.0, 30.0, 7.5)
FLIPPED = (-1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, -1.0)  # axes to the right, back and feet, LPS

Points = dict[tuple[float, ...], float]


def l_shape(value: int = 100, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    """Arms of different lengths along z, y and x: no flip or turn leaves it as it is."""
    voxels = np.zeros(shape, np.int16)
    voxels[1:4, 2, 3] = value
    voxels[1, 2:7, 3] = value
    voxels[1, 2, 3:5] = value + 1
    return voxels


def picture(voxels: np.ndarray, spacing: tuple[float, ...] = SPACING) -> SimpleITK.Image:
    """With a geometry that is in no respect the default one."""
    made = SimpleITK.GetImageFromArray(voxels)
    made.SetSpacing(spacing)
    if voxels.ndim == 3:
        made.SetOrigin(ORIGIN)
        made.SetDirection(FLIPPED)
    return made


def write(file: Path, voxels: np.ndarray, spacing: tuple[float, ...] = SPACING) -> Path:
    """In the format of the ending."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".png":
        io.imsave(file, voxels.astype(np.uint8), check_contrast=False)
    elif file.suffix == ".tif":
        tifffile.imwrite(file, voxels)
    else:
        SimpleITK.WriteImage(picture(voxels, spacing[: voxels.ndim]), str(file))
    return file


def noise(seed: int, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 200, shape).astype(np.int16)


def written_points(voxels: np.ndarray) -> Points:
    """Where ``picture`` puts the voxels that are not zero, in mm, right-anterior-superior.

    In LPS a voxel (z, y, x) is at the origin plus (-0.5 x, 1 y, -2 z); RAS turns two signs.
    """
    points = {}
    for z, y, x in np.argwhere(voxels):
        lps = np.add(ORIGIN, (-0.5 * x, 1.0 * y, -2.0 * z))
        points[-lps[0], -lps[1], lps[2]] = float(voxels[z, y, x])
    return points


def read_points(file: Path) -> Points:
    """The same of a NIfTI file, read by a library that did not write it."""
    import nibabel

    image = nibabel.load(file)
    values = np.asarray(image.dataobj)
    return {
        tuple(np.round(image.affine @ [*index, 1], 4)[:3].tolist()): float(values[tuple(index)])
        for index in np.argwhere(values)
    }


@dataclass
class Adding:
    """Dataset004_Toy with labeled cases a and b and test case t; ``inbox`` is the user's folder."""

    root: Path
    capsys: pytest.CaptureFixture
    ending: str = ".nii.gz"
    channels: int = 1
    shape: tuple[int, ...] = SHAPE

    def __post_init__(self) -> None:
        for seed, name in enumerate(("imagesTr/a", "imagesTr/b", "imagesTs/t")):
            for channel in range(self.channels):
                file = self.folder / f"{name}_{channel:04d}{self.ending}"
                write(file, noise(10 * seed + channel, self.shape))
        self.write_json({str(channel): "MR" for channel in range(self.channels)})

    def write_json(self, channel_names: dict[str, str]) -> None:
        content = {"channel_names": channel_names, "labels": {"background": 0, "organ": 1}}
        content |= {"numTraining": 2, "file_ending": self.ending}
        (self.folder / "dataset.json").write_text(json.dumps(content), encoding="utf-8")

    @property
    def folder(self) -> Path:
        return self.root / "raw" / "Dataset004_Toy"

    @property
    def inbox(self) -> Path:
        return self.root / "inbox"

    @property
    def unlabeled(self) -> Path:
        return self.folder / "imagesUn"

    @property
    def names(self) -> list[str]:
        """What is in imagesUn, and nothing hidden beside it but the lock."""
        left = [file.name for file in self.folder.iterdir() if file.name.startswith(".")]
        assert left in ([], [".imagesUn.partial.lock"])
        return sorted(file.name for file in self.unlabeled.glob("*"))

    @property
    def sources(self) -> dict:
        return json.loads((self.folder / "unlabeled_sources.json").read_text(encoding="utf-8"))

    def give(self, name: str, seed: int = 100, shape: tuple[int, ...] | None = None) -> Path:
        """An image in the inbox."""
        return write(self.inbox / name, noise(seed, shape or self.shape))

    def add(
        self,
        *paths: Path,
        processes: int = 1,
        dry_run: bool = False,
        hard_links: bool = True,
    ) -> str:
        """What is printed; the inbox if nothing else is named."""
        add_unlabeled("4", paths or (self.inbox,), processes, dry_run, hard_links)
        return self.capsys.readouterr().out

    def warnings(self, *paths: Path) -> list[str]:
        """What is printed of what is added but may be wrong."""
        printed = self.add(*paths).splitlines()
        return [line for line in printed if line.startswith("Warning: ")]

    def refusals(self, *paths: Path, **options: int) -> list[str]:
        """The sentences for what is not added."""
        with pytest.raises(DuCiSCError) as caught:
            self.add(*paths, **options)
        return str(caught.value).splitlines()
