"""The hippocampus scans are laid out from either form, for the plan that runs on a CPU."""

import json
from pathlib import Path

import pytest

from benchmarks.hippocampus import DATASETS, LAYOUTS, lay_out
from nnunetv2_ducisc.benchmark.plan.reading import read_plan
from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.raw_dataset.downloads.split import Split, read_split
from tests.labeled_raw import tree

pytestmark = pytest.mark.unit

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
LISTS = Split(train=("b", "a"), test=("c",), source="here")


def download(folder: Path, layout: tuple[str, str]) -> Path:
    """Four scans, one of which is in no list, and a file that macOS leaves behind."""
    for name in layout:
        (folder / name).mkdir(parents=True)
        for case in ("a", "b", "c", "d", "._a"):
            (folder / name / f"{case}.nii.gz").write_text(f"{case} of {name}", encoding="utf-8")
    return folder


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_listed_scan_has_its_place_and_labels_in_the_order_of_the_list(tmp_path, layout):
    for _ in range(2):  # again: what is there stays
        lay_out(download(tmp_path / "in", layout) if _ == 0 else tmp_path / "in", LISTS, tmp_path)
    raw = {name for name in tree(tmp_path) if not name.startswith("in/")}
    assert raw == {
        *("conversion.json", "dataset.json", "imagesTs/c_0000.nii.gz", "labelsTs/c.nii.gz"),
        *(f"imagesTr/{case}_0000.nii.gz" for case in "ab"),
        *(f"labelsTr/{case}.nii.gz" for case in "ab"),
    }
    assert (tmp_path / "imagesTs/c_0000.nii.gz").read_text(encoding="utf-8") == f"c of {layout[0]}"
    split = json.loads((tmp_path / "conversion.json").read_text(encoding="utf-8"))["split"]
    assert split["labeled"] == ["b", "a"]
    assert json.loads((tmp_path / "dataset.json").read_text(encoding="utf-8"))["numTraining"] == 2


def test_what_is_no_download_or_lacks_a_scan_is_named(tmp_path):
    with pytest.raises(DuCiSCError, match="has no folders imagesTr and labelsTr or images and"):
        lay_out(tmp_path, LISTS, tmp_path / "raw")
    (download(tmp_path / "in", LAYOUTS[0]) / "labelsTr/a.nii.gz").unlink()
    with pytest.raises(DuCiSCError, match=r"labelsTr/a\.nii\.gz is not there"):
        lay_out(tmp_path / "in", LISTS, tmp_path / "raw")


@pytest.mark.parametrize(
    ("plan", "number", "cases"),
    [("hippocampus_cpu.yaml", 614, (160, 40)), ("hippocampus_defaults.yaml", 615, (120, 30))],
)
def test_the_plans_name_their_data_set_and_its_lists(plan, number, cases):
    (entry,) = read_plan(BENCHMARKS / plan).datasets
    assert entry.dataset == str(number) and entry.labels == (10,)
    (lists,) = (read_split(BENCHMARKS / DATASETS[name]) for name in DATASETS if str(number) in name)
    assert (len(lists.train), len(lists.test)) == cases


def test_defaults_are_chosen_without_a_test_scan_or_a_labeled_one_of_the_comparison():
    comparison, choice = (read_split(BENCHMARKS / lists) for lists in DATASETS.values())
    assert set(choice.units) <= set(comparison.train[10:])
