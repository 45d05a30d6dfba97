"""What nnUNetv2_train --c cannot go on from: the last words are a sentence, the file is kept."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunetv2_ducisc.trainer import nnUNetTrainerDuCiSC
from tests.planned import PlannedDataset, console

pytestmark = pytest.mark.e2e

PLANS = "finished"


def write_half(tiny: PlannedDataset, final: Path, file: Path) -> None:
    whole = final.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])


def write_of_stock(tiny: PlannedDataset, final: Path, file: Path) -> None:
    stock = tiny.trainer(nnUNetTrainer, plans_name=PLANS)
    stock.initialize()
    stock.save_checkpoint(str(file))


def write_of_another_version(tiny: PlannedDataset, final: Path, file: Path) -> None:
    checkpoint = torch.load(final, weights_only=False)
    checkpoint["ducisc"]["version"] = "9.1.0"
    torch.save(checkpoint, file)


@pytest.mark.parametrize(
    ("write", "sentence"),
    [
        (write_half, r"\S+checkpoint_latest\.pth is cut off .*: remove it, .* in its place\."),
        (write_of_stock, r"\S+checkpoint_latest\.pth has no DuCiSC .* by nnUNetTrainer; start .*"),
        (write_of_another_version, r"This training was begun by nnunetv2-ducisc 9\.1\.0, .*"),
    ],
)
def test_the_command_ends_with_a_sentence_and_leaves_the_checkpoint(
    tiny: PlannedDataset,
    finished_run: nnUNetTrainerDuCiSC,
    tmp_path: Path,
    write: Callable[[PlannedDataset, Path, Path], None],
    sentence: str,
) -> None:
    model = f"{tiny.name}/nnUNetTrainerDuCiSC__{PLANS}__{tiny.configuration}"
    file = tmp_path / model / "fold_all" / "checkpoint_latest.pth"
    file.parent.mkdir(parents=True)
    write(tiny, Path(finished_run.output_folder) / "checkpoint_final.pth", file)
    before = file.read_bytes()
    done = subprocess.run(
        [console("nnUNetv2_train"), tiny.dataset_id, tiny.configuration, "all", "--c"]
        + ["-tr", "nnUNetTrainerDuCiSC", "-p", PLANS, "-device", "cpu"],
        env=os.environ | tiny.environment(tmp_path),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert re.fullmatch(rf"nnunetv2_ducisc\.errors\.DuCiSCError: {sentence}", last), last
    assert file.read_bytes() == before and list(file.parent.glob("*.pth")) == [file]
