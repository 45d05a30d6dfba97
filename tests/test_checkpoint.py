"""Checkpoints of the trainer: what they hold, what of them is refused, and disks that are full."""

from __future__ import annotations

import random
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunetv2_ducisc.ablations import nnUNetTrainerDuCiSC_cutMix
from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.nnunet import checkpoint as checkpoints
from nnunetv2_ducisc.nnunet.checkpoint_file import read, write_whole
from tests.planned import started


@contextmanager
def disk_with_room_for(number: int) -> Iterator[None]:
    """Files may have no more bytes than this, which fails as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (number, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def saved(trainer, folder: Path) -> Path:
    trainer.save_checkpoint(str(folder / "checkpoint_latest.pth"))
    return folder / "checkpoint_latest.pth"


def test_the_teacher_checkpoint_differs_from_the_final_one_in_its_weights_alone(finished_run):
    folder = Path(finished_run.output_folder)
    final, teacher = (
        torch.load(folder / f"checkpoint_final{suffix}.pth", weights_only=False)
        for suffix in ("", "_teacher")
    )
    assert final.keys() == teacher.keys()
    assert final["network_weights"].keys() == teacher["network_weights"].keys()
    for name, weight in finished_run.teacher.module.state_dict().items():
        assert torch.equal(teacher["network_weights"][name], weight)
    assert any(
        not torch.equal(final["network_weights"][n], w)
        for n, w in teacher["network_weights"].items()
    )


def test_stock_nnunet_loads_the_checkpoint_of_ours(tiny, finished_run):
    stock = tiny.trainer(nnUNetTrainer)
    stock.load_checkpoint(str(Path(finished_run.output_folder) / "checkpoint_final.pth"))
    for name, weight in finished_run.network.state_dict().items():
        assert torch.equal(stock.network.state_dict()[name], weight)


def test_a_checkpoint_of_stock_nnunet_is_refused_for_resuming(tiny, tmp_path):
    stock = tiny.trainer(nnUNetTrainer)
    stock.initialize()
    stock.save_checkpoint(str(tmp_path / "checkpoint_latest.pth"))
    with pytest.raises(DuCiSCError, match=r"no DuCiSC state.*nnUNetTrainer.*-pretrained_weights"):
        tiny.trainer().load_checkpoint(str(tmp_path / "checkpoint_latest.pth"))


def test_resuming_with_other_settings_is_refused_by_name(tiny, tmp_path):
    trainer = started(tiny.trainer())
    trainer.save_checkpoint(str(tmp_path / "checkpoint_latest.pth"))
    changed = tiny.trainer(lambda_cs_ulb=3.0, save_every=2)
    changed.load_checkpoint(str(tmp_path / "checkpoint_latest.pth"))
    with pytest.raises(DuCiSCError, match=r"lambda_cs_ulb was 1\.0 and is now 3\.0; write"):
        changed.on_train_start()


@pytest.mark.parametrize("settings", [{"lambda_cs_ulb": 3.0}, {"confidence": "any_class"}])
def test_a_finished_training_is_validated_whatever_the_plans_say_now(tiny, finished_run, settings):
    """nnU-Net loads its checkpoint and does not start to train; what would, is refused."""
    final = Path(finished_run.output_folder) / "checkpoint_final.pth"
    changed = tiny.trainer(**settings)
    changed.load_checkpoint(str(final))
    for name, weight in finished_run.network.state_dict().items():
        assert torch.equal(changed.network.state_dict()[name], weight)
    with pytest.raises(DuCiSCError, match=f"{next(iter(settings))} was .* and is now"):
        changed.on_train_start()


def test_a_training_of_another_trainer_cannot_be_continued(tiny, tmp_path):
    file = saved(started(tiny.trainer()), tmp_path)
    other = tiny.trainer(nnUNetTrainerDuCiSC_cutMix)
    other.load_checkpoint(str(file))
    with pytest.raises(
        DuCiSCError, match=r"begun by nnUNetTrainerDuCiSC, so that nnUNetTrainerDuCiSC_cutMix can"
    ):
        other.on_train_start()


def test_workers_of_a_continued_training_are_seeded_otherwise_than_at_its_start(
    tiny, tmp_path, monkeypatch
):
    """The numbers that nnU-Net and this package would seed background workers with."""
    drawn: list[int] = []
    monkeypatch.setattr(
        nnUNetTrainer, "on_train_start", lambda self: drawn.append(np.random.randint(2**31))
    )
    trainer = tiny.trainer()
    trainer.initialize()
    trainer.on_train_start()
    trainer.current_epoch = 1
    file = saved(trainer, tmp_path)
    states = []
    for _ in range(2):
        resumed = tiny.trainer()
        resumed.load_checkpoint(str(file))
        resumed.on_train_start()
        states.append(torch.get_rng_state())
    assert drawn[0] != drawn[1] == drawn[2]
    assert torch.equal(*states)


def test_a_checkpoint_holds_nothing_that_needs_cuda(finished_run):
    final = torch.load(
        Path(finished_run.output_folder) / "checkpoint_final.pth", weights_only=False
    )["ducisc"]
    tensors = [*final["teacher"].values(), *final["thresholds"].values()]
    assert tensors and all(t.device.type == "cpu" for t in tensors)


def test_disabled_checkpoints_write_nothing(tiny):
    trainer = tiny.trainer(num_epochs=1, num_iterations_per_epoch=1)
    trainer.disable_checkpointing = True
    trainer.run_training()
    assert not list(Path(trainer.output_folder).glob("*.pth"))


def test_what_this_package_adds_is_data_and_no_code(finished_run, tmp_path):
    """torch.load with weights_only=True refuses whatever could run something."""
    extra = read(Path(finished_run.output_folder) / "checkpoint_final.pth")["ducisc"]
    torch.save(extra, tmp_path / "extra.pth")
    again = torch.load(tmp_path / "extra.pth", weights_only=True)
    assert again.keys() == extra.keys() >= {"teacher", "thresholds", "random_state", "settings"}


def test_a_restored_random_state_draws_the_same_numbers(tmp_path):
    checkpoints.seed_everything(7)
    np.random.normal()  # leaves a second number in the generator's cache
    torch.save(checkpoints.random_state(), tmp_path / "state.pth")

    def draw() -> list[float]:
        return [random.random(), np.random.normal(), np.random.rand(), torch.rand(1).item()]

    drawn = draw()
    checkpoints.restore_random_state(torch.load(tmp_path / "state.pth", weights_only=True))
    assert draw() == drawn


@pytest.mark.parametrize("share", [0, 0.5, 0.999])
def test_a_truncated_checkpoint_is_refused_with_the_way_out(tiny, finished_run, tmp_path, share):
    whole = (Path(finished_run.output_folder) / "checkpoint_final.pth").read_bytes()
    cut = tmp_path / "checkpoint_latest.pth"
    cut.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(DuCiSCError, match=r"checkpoint_latest\.pth is cut off.*: remove it"):
        tiny.trainer().load_checkpoint(str(cut))


@pytest.mark.parametrize(
    "content",
    [torch.ones(3), [1, 2], {"network_weights": {}}, "text"],
    ids=["tensor", "list", "dict", "text"],
)
def test_something_else_than_a_checkpoint_is_refused(tiny, tmp_path, content):
    torch.save(content, tmp_path / "checkpoint_latest.pth")
    with pytest.raises(
        DuCiSCError, match=r"latest\.pth is .*no checkpoint of nnU-Net.*: remove it"
    ):
        tiny.trainer().load_checkpoint(str(tmp_path / "checkpoint_latest.pth"))


@pytest.mark.parametrize("key", ["teacher", "predictions", "settings", "version", "random_state"])
def test_a_state_that_lacks_something_cannot_be_continued(tiny, tmp_path, key):
    file = saved(started(tiny.trainer()), tmp_path)
    checkpoint = torch.load(file, weights_only=False)
    del checkpoint["ducisc"][key]
    torch.save(checkpoint, file)
    other = tiny.trainer()
    other.load_checkpoint(str(file))
    with pytest.raises(DuCiSCError, match=f"has no {key}, without which nnUNetTrainerDuCiSC"):
        other.on_train_start()


def test_a_checkpoint_of_another_network_is_refused(tiny, tmp_path):
    """As when the plans were made anew with another number of features."""
    file = saved(started(tiny.trainer()), tmp_path)
    checkpoint = torch.load(file, weights_only=False)
    for name, weight in checkpoint["network_weights"].items():
        checkpoint["network_weights"][name] = torch.cat([weight, weight])
    torch.save(checkpoint, file)
    with pytest.raises(DuCiSCError, match=r"latest\.pth holds another network.* tiny\.json desc"):
        tiny.trainer().load_checkpoint(str(file))


@pytest.mark.parametrize(("version", "refused"), [("0.0.9", True), ("9.1.0", True), (None, False)])
def test_another_series_of_versions_cannot_be_continued(tiny, tmp_path, version, refused):
    file = saved(started(tiny.trainer()), tmp_path)
    checkpoint = torch.load(file, weights_only=False)
    major, minor, _ = checkpoint["ducisc"]["version"].split(".")
    checkpoint["ducisc"]["version"] = version or f"{major}.{minor}.99"
    torch.save(checkpoint, file)
    other = tiny.trainer()
    other.load_checkpoint(str(file))
    if refused:
        with pytest.raises(DuCiSCError, match=f"begun by nnunetv2-ducisc {version}.* install"):
            other.on_train_start()
    else:
        other.on_train_start()


def test_a_full_disk_leaves_the_previous_checkpoint_and_says_so(tiny, tmp_path):
    trainer = started(tiny.trainer())
    file = saved(trainer, tmp_path)
    before = file.read_bytes()
    with (
        disk_with_room_for(len(before) // 2),
        pytest.raises(DuCiSCError, match=r"could not be written.* the former one is untouched"),
    ):
        saved(trainer, tmp_path)
    assert file.read_bytes() == before
    assert [left.name for left in tmp_path.iterdir()] == [file.name]
    tiny.trainer().load_checkpoint(str(file))


def test_a_log_on_a_full_disk_is_one_sentence_and_the_former_log_is_whole(tiny):
    trainer = tiny.trainer(num_epochs=2)
    trainer.run_training()
    log = Path(trainer.output_folder) / "ducisc_log.csv"
    before = log.read_text(encoding="utf-8")
    with (
        disk_with_room_for(len(before) // 2),
        pytest.raises(DuCiSCError, match=r"log of this epoch could not be written.*room, then re"),
    ):
        trainer.progress.write(log.parent)
    assert log.read_text(encoding="utf-8") == before
    assert not list(log.parent.glob(".*"))


def test_what_a_kill_has_left_of_a_checkpoint_is_gone_when_training_starts_again(tiny):
    trainer = tiny.trainer()
    left = Path(trainer.output_folder) / ".checkpoint_best.pth.partial"
    left.write_bytes(b"half")
    kept = Path(trainer.output_folder) / "checkpoint_best.pth"
    kept.write_bytes(b"whole")
    started(trainer)
    assert kept.is_file() and not left.exists()


def test_a_first_checkpoint_on_a_full_disk_leaves_nothing_behind(tmp_path):
    with (
        disk_with_room_for(1000),
        pytest.raises(DuCiSCError, match="nothing is left of it: make room"),
    ):
        write_whole({"weights": torch.ones(10_000)}, tmp_path / "checkpoint_latest.pth")
    assert not list(tmp_path.iterdir())
