"""imagesUn becomes preprocessed cases: the same as nnU-Net's own, only what is needed, or nothing.

The tiny images and the hand-made plans are in ``tests.tiny_dataset``.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import blosc2
import numpy as np
import pytest
from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor
from nnunetv2.training.dataloading.data_loader import nnUNetDataLoader
from nnunetv2.training.dataloading.nnunet_dataset import infer_dataset_class

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.nnunet import preprocessing, preprocessing_case
from nnunetv2_ducisc.nnunet.preprocessing import (
    missing_cases,
    prepare_unlabeled,
    preprocess_unlabeled,
)
from nnunetv2_ducisc.nnunet.unlabeled_data import UnlabeledData
from tests.tiny_dataset import TinyDataset, image, touch_later, write

pytestmark = pytest.mark.unit

# Children start from a clean process that has imported all this once.
FORKSERVER = multiprocessing.get_context("forkserver")
FORKSERVER.set_forkserver_preload([__name__])


def prepare(data: UnlabeledData, num_processes: int = 1, **options: Any) -> tuple[Path, list[str]]:
    return prepare_unlabeled(
        data.raw_dataset,
        data.preprocessed_dataset,
        data.plans_manager,
        data.configuration_name,
        data.dataset_json,
        num_processes,
        **options,
    )


def refusal(data: UnlabeledData, num_processes: int = 1, **options: Any) -> str:
    with pytest.raises(DuCiSCError) as caught:
        prepare(data, num_processes, **options)
    return str(caught.value)


def in_child(function: Callable[..., None], *args: Any) -> int | None:
    """Run a function in a process of its own; returns its exit code, negative for a signal."""
    child = FORKSERVER.Process(target=function, args=args)
    child.start()
    child.join(120)
    assert child.exitcode is not None
    return child.exitcode


def properties(folder: Path, case: str) -> dict[str, Any]:
    return pickle.loads((folder / f"{case}.pkl").read_bytes())


def arrays(folder: Path, case: str) -> list[np.ndarray]:
    return [blosc2.open(str(folder / f"{case}{end}.b2nd"))[:] for end in ("", "_seg")]


def written(folder: Path) -> dict[str, int]:
    """What lies in a folder, and when it was written (ns)."""
    return {file.name: file.stat().st_mtime_ns for file in folder.iterdir()}


def names_of(*cases: str) -> set[str]:
    return {f"{case}{end}" for case in cases for end in (".b2nd", "_seg.b2nd", ".pkl")}


@pytest.fixture
def tiny(tmp_path: Path) -> TinyDataset:
    """Cases a and b."""
    dataset = TinyDataset(tmp_path)
    dataset.add("a", seed=1)
    dataset.add("b", seed=2)
    return dataset


# What is written


FORMATS = {
    "NIfTI by SimpleITK, two channels": {"num_channels": 2},
    "NIfTI by nibabel": {"reader": "NibabelIO", "ending": ".nii"},
    "3D TIFF": {"reader": "Tiff3DIO", "ending": ".tif", "num_channels": 2},
    "RGB": {"reader": "NaturalImage2DIO", "ending": ".png", "num_channels": 3, "spacing": (1, 1)},
}


@pytest.fixture(params=FORMATS.values(), ids=FORMATS.keys())
def formatted(request: pytest.FixtureRequest, tmp_path: Path) -> TinyDataset:
    """Case a, in each of nnU-Net's formats; RGB is one file with three channels."""
    dataset = TinyDataset(tmp_path, **request.param)
    if dataset.ending == ".png":
        write(
            dataset.raw / "imagesUn" / "a_0000.png",
            np.stack([image(seed, (14, 12)) for seed in (1, 2, 3)], axis=-1),
        )
    else:
        dataset.add("a")
    if dataset.ending == ".tif":
        (dataset.raw / "imagesUn" / "a.json").write_text('{"spacing": [3.0, 1.0, 1.0]}')
    return dataset


def by_nnunet(data: UnlabeledData, folder: Path, label: Path | None) -> None:
    """Preprocess case a into another folder with nnU-Net's class alone."""
    folder.mkdir()
    configuration = data.plans_manager.get_configuration(data.configuration_name)
    images = sorted(map(str, (data.raw_dataset / "imagesUn").glob("a_*")))
    DefaultPreprocessor(verbose=False).run_case_save(
        str(folder / "a"),
        images,
        label and str(label),
        data.plans_manager,
        configuration,
        data.dataset_json,
    )


def test_a_case_is_what_nnunet_makes_of_a_test_case(formatted: TinyDataset, tmp_path: Path) -> None:
    """Arrays and properties (spacing, origin, crop, shapes) are equal; two properties are added."""
    data = formatted.unlabeled()
    folder, cases = prepare(data)
    by_nnunet(data, tmp_path / "stock", label=None)
    assert cases == ["a"]
    assert set(written(folder)) == names_of("a") == set(written(tmp_path / "stock"))
    for ours, stock in zip(arrays(folder, "a"), arrays(tmp_path / "stock", "a"), strict=True):
        np.testing.assert_array_equal(ours, stock)
        assert ours.dtype == stock.dtype
    ours = properties(folder, "a")
    assert ours.pop("class_locations") == {1: []}
    assert ours.pop("ducisc_source")
    np.testing.assert_equal(ours, properties(tmp_path / "stock", "a"))


def test_the_spacing_beside_a_tiff_is_read(tmp_path: Path) -> None:
    """3 mm and a target of 1.5 mm: the 7 slices within the frame of zeros become 14.

    The plans put the second axis first; slices are the second axis of the result.
    """
    dataset = TinyDataset(tmp_path, ending=".tif", reader="Tiff3DIO", spacing=(1.0, 1.5, 1.0))
    dataset.add("a")
    sidecar = dataset.raw / "imagesUn" / "a.json"
    sidecar.write_text('{"spacing": [3.0, 1.0, 1.0]}')
    folder, _ = prepare(dataset.unlabeled())
    assert properties(folder, "a")["spacing"] == [3.0, 1.0, 1.0]
    assert arrays(folder, "a")[0].shape == (1, 11, 14, 9)
    sidecar.write_text('{"spacing": [6.0, 1.0, 1.0]}')
    prepare(dataset.unlabeled())
    assert arrays(folder, "a")[0].shape == (1, 11, 28, 9)


LABELS = {
    "labels": {"background": 0, "organ": 1, "tumor": 2},
    "regions": {"background": 0, "whole": [1, 2], "core": 2},
    "labels and ignore": {"background": 0, "organ": 1, "tumor": 2, "ignore": 3},
    "regions and ignore": {"background": 0, "whole": [1, 2], "core": 2, "ignore": 3},
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS.keys())
def test_nnunets_loader_finds_all_that_it_looks_up(labels: dict[str, Any], tmp_path: Path) -> None:
    """The keys of class_locations are those of the same image as a labeled case."""
    dataset = TinyDataset(tmp_path, labels=labels)
    dataset.add("a")
    label = tmp_path / "label.nii.gz"
    write(label, (image(3) > 100).astype(np.float32))
    data = dataset.unlabeled()
    folder, cases = prepare(data)
    by_nnunet(data, tmp_path / "labeled", label)
    np.testing.assert_array_equal(arrays(folder, "a")[0], arrays(tmp_path / "labeled", "a")[0])
    locations = properties(folder, "a")["class_locations"]
    assert locations.keys() == properties(tmp_path / "labeled", "a")["class_locations"].keys()
    assert all(voxels == [] for voxels in locations.values())
    loader = nnUNetDataLoader(
        infer_dataset_class(str(folder))(str(folder), cases),
        2,
        (8, 8, 8),
        (8, 8, 8),
        data.plans_manager.get_label_manager(data.dataset_json),
        oversample_foreground_percent=0.5,
    )
    assert next(loader)["data"].shape == (2, 1, 8, 8, 8)


# What is done again


def test_what_is_current_is_not_touched(tiny: TinyDataset) -> None:
    data = tiny.unlabeled()
    assert missing_cases(data) == ["a", "b"]
    folder, cases = prepare(data)
    before = written(folder)
    assert (folder, cases) == (tiny.folder, ["a", "b"])
    assert set(before) == names_of("a", "b")
    assert missing_cases(data) == []
    assert prepare(data) == (folder, cases)
    assert written(folder) == before


def replace_image(dataset: TinyDataset) -> None:
    dataset.add("b", seed=5)


def touch_image(dataset: TinyDataset) -> None:
    touch_later(dataset.raw / "imagesUn" / "b_0000.nii.gz")


def remove_data(dataset: TinyDataset) -> None:
    (dataset.folder / "b_seg.b2nd").unlink()


def truncate_data(dataset: TinyDataset) -> None:
    os.truncate(dataset.folder / "b.b2nd", 100)


def remove_properties(dataset: TinyDataset) -> None:
    (dataset.folder / "b.pkl").unlink()


def damage_properties(dataset: TinyDataset) -> None:
    os.truncate(dataset.folder / "b.pkl", 20)


def by_somebody_else(dataset: TinyDataset) -> None:
    (dataset.folder / "b.pkl").write_bytes(pickle.dumps({"spacing": [1, 1, 1]}))


@pytest.mark.parametrize(
    "change",
    [
        replace_image,
        touch_image,
        remove_data,
        truncate_data,
        remove_properties,
        damage_properties,
        by_somebody_else,
    ],
)
def test_only_the_case_that_changed_is_done_again(
    tiny: TinyDataset, change: Callable[[TinyDataset], None]
) -> None:
    data = tiny.unlabeled()
    folder, _ = prepare(data)
    before = written(folder)
    change(tiny)
    assert missing_cases(data) == ["b"]
    assert prepare(data)[1] == ["a", "b"]
    after = written(folder)
    assert {name for name in after if before.get(name) != after[name]} == names_of("b")
    assert missing_cases(data) == []


def test_a_changed_image_gives_changed_data(tiny: TinyDataset) -> None:
    folder, _ = prepare(tiny.unlabeled())
    before = arrays(folder, "b")[0]
    replace_image(tiny)
    prepare(tiny.unlabeled())
    assert not np.array_equal(arrays(folder, "b")[0], before)


@pytest.mark.parametrize(
    "change",
    [
        {"spacing": [3.0, 1.0, 1.0]},
        {"normalization_schemes": ["RescaleTo01Normalization"]},
        {"use_mask_for_norm": [False]},
        {"resampling_fn_data": "no_resampling_data_or_seg_to_shape"},
        {"resampling_fn_data_kwargs": {"is_seg": False, "order": 1}},
        {"preprocessor_name": "AnotherPreprocessor"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_changed_plans_make_every_case_anew(tiny: TinyDataset, change: dict[str, Any]) -> None:
    prepare(tiny.unlabeled())
    if change.get("preprocessor_name"):
        assert refusal(tiny.unlabeled(**change)).startswith(
            "The plans nnUNetPlans name the preprocessor AnotherPreprocessor, but nnU-Net has none"
        )
    else:
        assert missing_cases(tiny.unlabeled(**change)) == ["a", "b"]


def test_what_shapes_no_data_does_not_count(tiny: TinyDataset) -> None:
    """A configuration that inherits a data_identifier may have another patch and batch size."""
    prepare(tiny.unlabeled())
    other = tiny.unlabeled(patch_size=[16, 16, 16], batch_size=8, ducisc={"seed": 1})
    assert missing_cases(other) == []


def test_plans_read_from_their_file_count_as_the_same(
    tiny: TinyDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the names of nnU-Net's commands: an id or a name, a configuration, plans."""
    tiny.write_plans()
    monkeypatch.setenv("nnUNet_raw", str(tiny.raw.parent))
    monkeypatch.setenv("nnUNet_preprocessed", str(tiny.preprocessed.parent))
    prepare(tiny.unlabeled())
    before = written(tiny.folder)
    expected = (tiny.folder, ["a", "b"])
    assert preprocess_unlabeled("501", "3d_fullres", "nnUNetPlans", 1) == expected
    assert preprocess_unlabeled("Dataset501_Tiny", "3d_fullres", "nnUNetPlans", 1) == expected
    assert written(tiny.folder) == before
    assert missing_cases(UnlabeledData.named(501, "3d_fullres", "nnUNetPlans")) == []


def test_a_case_whose_image_is_gone_is_kept_but_not_returned(tiny: TinyDataset) -> None:
    folder, _ = prepare(tiny.unlabeled())
    (tiny.raw / "imagesUn" / "a_0000.nii.gz").unlink()
    assert prepare(tiny.unlabeled()) == (folder, ["b"])
    assert names_of("a") < set(written(folder))


# Labels


def record_opened(data: UnlabeledData, report: Path) -> None:
    """Preprocess, and write down every path that Python opens or lists meanwhile."""
    seen: list[str] = []
    recording = True

    def audit(event: str, args: tuple[Any, ...]) -> None:
        if recording and event in ("open", "os.listdir", "os.scandir"):
            seen.append(str(args[0]))

    sys.addaudithook(audit)
    prepare(data)
    recording = False
    report.write_text("\n".join(seen))


def test_labels_of_unlabeled_cases_are_never_opened(tmp_path: Path) -> None:
    """nibabel opens files in Python, where the audit sees them; of garbage it would complain."""
    dataset = TinyDataset(tmp_path, ending=".nii", reader="NibabelIO")
    dataset.add("a")
    (dataset.raw / "labelsUn").mkdir()
    for name in ("a.nii", "a_0000.nii", "b.nii", "b_0000.nii", "notes.txt"):
        (dataset.raw / "labelsUn" / name).write_bytes(b"garbage" * 100)
    assert in_child(record_opened, dataset.unlabeled(), tmp_path / "report") == 0
    seen = (tmp_path / "report").read_text()
    assert "imagesUn/a_0000.nii" in seen
    assert "labelsUn" not in seen
    assert set(written(dataset.folder)) == names_of("a")


def test_garbage_in_place_of_labels_changes_nothing(tiny: TinyDataset) -> None:
    (tiny.raw / "labelsUn").mkdir()
    for case in ("a", "b"):
        (tiny.raw / "labelsUn" / f"{case}.nii.gz").write_bytes(b"garbage" * 100)
    assert prepare(tiny.unlabeled())[1] == ["a", "b"]


# Bad images


def test_every_bad_case_has_its_line_and_the_others_are_done(tmp_path: Path) -> None:
    """Unreadable, NaN and constant between two good cases.

    MetaImage, because ITK's reader of NIfTI takes NaN for 0.
    """
    tiny = TinyDataset(tmp_path, ending=".mha")
    tiny.add("a")
    tiny.add("b")
    folder = tiny.raw / "imagesUn"
    (folder / "aa_0000.mha").write_bytes(b"garbage" * 100)
    write(folder / "ab_0000.mha", np.where(image(1) > 100, np.nan, image(1)))
    write(folder / "ac_0000.mha", np.ones((8, 8, 8), dtype=np.float32))
    lines = refusal(tiny.unlabeled()).splitlines()
    assert lines[0].startswith("Unlabeled case aa could not be preprocessed (RuntimeError: ")
    assert lines[0].endswith(
        f"): check that {folder}/aa_0000.mha can be opened and fit together, or take the case "
        "out of imagesUn."
    )
    assert lines[1].startswith("Unlabeled case ab holds NaN or infinite values in channel 0000: ")
    assert lines[2].startswith("Unlabeled case ac is constant in channel 0000, everywhere 1: ")
    assert len(lines) == 3
    assert set(written(tiny.folder)) == names_of("a", "b")
    assert missing_cases(tiny.unlabeled()) == ["aa", "ab", "ac"]
    for bad in ("aa", "ab", "ac"):
        (folder / f"{bad}_0000.mha").unlink()
    assert prepare(tiny.unlabeled())[1] == ["a", "b"]


def test_a_readers_error_stays_the_cause(tmp_path: Path) -> None:
    """Channels of different shape: nnU-Net's reader raises an empty RuntimeError."""
    dataset = TinyDataset(tmp_path, num_channels=2)
    _, second = dataset.add("a")
    write(second, image(1, (10, 14, 13)))
    with pytest.raises(DuCiSCError, match="a could not be preprocessed") as caught:
        prepare(dataset.unlabeled())
    line = caught.value.__cause__
    assert isinstance(line, DuCiSCError)
    assert isinstance(line.__cause__, RuntimeError)


def test_too_few_channels_after_reading_are_refused(tmp_path: Path) -> None:
    dataset = TinyDataset(tmp_path, num_channels=2)
    dataset.add("a")[1].unlink()
    assert refusal(dataset.unlabeled()) == (
        "Unlabeled case a was read with 1 channel(s), but dataset.json names 2: add or take away "
        "channel files in imagesUn."
    )


def test_unusable_images_leave_no_trace(tmp_path: Path) -> None:
    dataset = TinyDataset(tmp_path)
    assert refusal(dataset.unlabeled()).startswith("There is no folder")
    assert not dataset.preprocessed.exists()


def test_several_gpus_are_told_the_command(tiny: TinyDataset) -> None:
    assert refusal(tiny.unlabeled(), may_preprocess=False) == (
        "2 of 2 unlabeled cases are not preprocessed from their present images and plans, a among "
        "them: run ducisc preprocess -d 501 -c 3d_fullres before you train on several GPUs."
    )
    assert not tiny.folder.exists()
    prepare(tiny.unlabeled())
    assert prepare(tiny.unlabeled(), may_preprocess=False) == (tiny.folder, ["a", "b"])
    tiny.plans_name = "smaller"
    assert "-c 3d_fullres -p smaller before" in refusal(tiny.unlabeled(), may_preprocess=False)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("502", "3d_fullres", "nnUNetPlans"), "Could not find a dataset with the ID 502"),
        (("Tiny", "3d_fullres", "nnUNetPlans"), "did not start with 'Dataset'"),
        (("501", "3d_fullres", "other"), "run nnUNetv2_plan_and_preprocess -d 501 first"),
        (("501", "2d", "nnUNetPlans"), "no configuration 2d: name one of 3d_fullres with -c."),
    ],
)
def test_names_that_do_not_exist_are_refused(
    tiny: TinyDataset,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, str, str],
    sentence: str,
) -> None:
    tiny.write_plans()
    monkeypatch.setenv("nnUNet_raw", str(tiny.raw.parent))
    monkeypatch.setenv("nnUNet_preprocessed", str(tiny.preprocessed.parent))
    with pytest.raises(DuCiSCError) as caught:
        preprocess_unlabeled(*arguments, 1)
    assert sentence in str(caught.value)


def test_a_folder_variable_that_is_not_set_is_named(
    tiny: TinyDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny.write_plans()
    monkeypatch.setenv("nnUNet_preprocessed", str(tiny.preprocessed.parent))
    monkeypatch.delenv("nnUNet_raw", raising=False)
    with pytest.raises(DuCiSCError, match="nnUNet_raw is not defined"):
        preprocess_unlabeled("501", "3d_fullres", "nnUNetPlans", 1)


# Killed, and two at once


def killed_before_properties(data: UnlabeledData) -> None:
    """The process dies in run_case_save of case b, when its data are on the disk."""
    from nnunetv2.training.dataloading import nnunet_dataset

    write_pickle = nnunet_dataset.write_pickle

    def write_or_die(content: object, file: str) -> None:
        if Path(file).name == "b.pkl":
            os.kill(os.getpid(), signal.SIGKILL)
        write_pickle(content, file)

    nnunet_dataset.write_pickle = write_or_die
    prepare(data)


def killed_between_moves(data: UnlabeledData) -> None:
    """The process dies when the data of case b are in place and its properties are not."""
    replace = Path.replace

    def replace_or_die(self: Path, target: Path) -> None:
        if target.name == "b.pkl":
            os.kill(os.getpid(), signal.SIGKILL)
        replace(self, target)

    Path.replace = replace_or_die
    prepare(data)


@pytest.mark.parametrize("death", [killed_before_properties, killed_between_moves])
@pytest.mark.parametrize("there_before", [False, True], ids=["new", "changed"])
def test_after_a_kill_no_case_is_half_there(
    tiny: TinyDataset, death: Callable[[UnlabeledData], None], there_before: bool
) -> None:
    """Cases are made in order: a is done, b was under way. Nothing is left after the next run."""
    data = tiny.unlabeled()
    if there_before:
        prepare(data)
        tiny.add("a", seed=6)
        tiny.add("b", seed=7)
    assert in_child(death, data) == -signal.SIGKILL
    assert missing_cases(data) == ["b"]
    names = set(written(tiny.folder))
    assert names_of("a") <= names
    assert ("b.pkl" in names) == (there_before and death is killed_before_properties)
    assert any(".tmp-" in path.name for path in tiny.preprocessed.iterdir())
    assert prepare(data)[1] == ["a", "b"]
    assert set(written(tiny.folder)) == names_of("a", "b")
    assert not any(".tmp-" in path.name for path in tiny.preprocessed.iterdir())


def the_first(data: UnlabeledData, done: Any, started: Any, other_waits: Any) -> None:
    """Stop after the first case until the other process waits for the lock."""
    install = preprocessing_case.install

    def install_and_wait(*args: Any) -> None:
        install(*args)
        done.put("first")
        started.set()
        assert other_waits.wait(60)

    preprocessing.install = install_and_wait
    prepare(data)


def the_second(data: UnlabeledData, done: Any, started: Any, other_waits: Any) -> None:
    """Start when the first is under way; count what is left to do."""

    def say(line: str, flush: bool) -> None:
        assert line.startswith("Waiting for another process")
        other_waits.set()

    preprocessing.print = say
    preprocessing.install = lambda *args: done.put("second")
    assert started.wait(60)
    assert prepare(data)[1] == ["a", "b"]


def test_the_second_of_two_waits_and_finds_the_work_done(tiny: TinyDataset) -> None:
    done, started, waits = FORKSERVER.Queue(), FORKSERVER.Event(), FORKSERVER.Event()
    children = [
        FORKSERVER.Process(target=process, args=(tiny.unlabeled(), done, started, waits))
        for process in (the_first, the_second)
    ]
    for child in children:
        child.start()
    assert [done.get(timeout=60) for _ in "ab"] == ["first", "first"]
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0, 0]
    assert done.empty()
    assert missing_cases(tiny.unlabeled()) == []


def test_ctrl_c_leaves_whole_cases_and_no_rubbish(
    tiny: TinyDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted_at_b(job: preprocessing_case.CaseJob) -> preprocessing_case.CaseJob:
        preprocessing_case.preprocess_case(job)
        if job.case == "b":
            raise KeyboardInterrupt
        return job

    monkeypatch.setattr(preprocessing, "preprocess_case", interrupted_at_b)
    with pytest.raises(KeyboardInterrupt):
        prepare(tiny.unlabeled())
    assert set(written(tiny.folder)) == names_of("a")
    assert not any(".tmp-" in path.name for path in tiny.preprocessed.iterdir())
    monkeypatch.undo()
    assert prepare(tiny.unlabeled())[1] == ["a", "b"]


# Several processes


def test_worker_processes_do_the_same(tiny: TinyDataset) -> None:
    """Two workers, three cases, one of them garbage: as in one process."""
    (tiny.raw / "imagesUn" / "c_0000.nii.gz").write_bytes(b"garbage" * 100)
    assert refusal(tiny.unlabeled(), num_processes=2).startswith("Unlabeled case c could not be")
    parallel = {case: arrays(tiny.folder, case) for case in ("a", "b")}
    assert set(written(tiny.folder)) == names_of("a", "b")
    shutil.rmtree(tiny.folder)
    (tiny.raw / "imagesUn" / "c_0000.nii.gz").unlink()
    prepare(tiny.unlabeled())
    for case in ("a", "b"):
        np.testing.assert_equal(arrays(tiny.folder, case), parallel[case])


def die(job: preprocessing_case.CaseJob) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_the_system_kills_is_explained(
    tiny: TinyDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def clean_processes(number: int) -> Iterator[ProcessPoolExecutor]:
        with ProcessPoolExecutor(number, FORKSERVER) as pool:
            yield pool

    monkeypatch.setattr(preprocessing, "processes", clean_processes)
    monkeypatch.setattr(preprocessing, "preprocess_case", die)
    assert refusal(tiny.unlabeled(), num_processes=2) == (
        "One of 2 worker processes was killed while preprocessing unlabeled cases, most likely "
        "because memory ran out: run ducisc preprocess -d 501 -c 3d_fullres -np 1, which has fewer "
        "workers."
    )
    assert not any(".tmp-" in path.name for path in tiny.preprocessed.iterdir())
