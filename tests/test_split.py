"""The lists: published, drawn, everyone's own."""

from __future__ import annotations

import json

import pytest

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.raw_dataset.downloads.split import Split, published, read_split, shipped
from nnunetv2_ducisc.raw_dataset.shuffle import shuffled

pytestmark = pytest.mark.unit

SPLIT = Split(("a", "b", "c"), ("t",), ("v",), "by hand")


@pytest.mark.parametrize(
    ("name", "variant", "sizes"),
    [
        ("la", None, (80, 0, 20)),
        ("pancreas", None, (62, 0, 20)),
        ("pancreas", "alternative_80_case_ccnet", (60, 0, 20)),
        ("pancreas", "alternative_80_case_coranet", (62, 0, 18)),
        ("acdc", None, (70, 10, 20)),
    ],
)
def test_published_lists_have_their_published_sizes(name, variant, sizes):
    split = published(name, variant)
    assert (len(split.train), len(split.validation), len(split.test)) == sizes
    assert split.source


@pytest.mark.parametrize("name", ["la", "pancreas", "acdc"])
def test_the_published_labeled_cases_are_the_first_of_the_list(name):
    for number, cases in shipped(name)["labeled"].items():
        assert published(name).labeled(int(number)) == tuple(cases)


def test_labeled_cases_may_be_named():
    assert SPLIT.labeled(["c", "a", "c"]) == ("c", "a")
    with pytest.raises(DuCiSCError, match="--labeled names t, which is not in the training list"):
        SPLIT.labeled(["a", "t"])


@pytest.mark.parametrize("number", [0, -1, 4])
def test_a_number_that_is_not_possible_is_refused(number):
    with pytest.raises(DuCiSCError, match=f"--labeled {number} is not possible with 3 training"):
        SPLIT.labeled(number)


def test_a_case_has_one_part():
    with pytest.raises(DuCiSCError, match="b stands twice in the split"):
        Split(("a", "b"), ("b",))


def test_what_is_left_out_leaves_the_order():
    assert SPLIT.without(["b", "v"]) == Split(("a", "c"), ("t",), (), "by hand")


def test_everyone_may_bring_a_split(tmp_path):
    file = tmp_path / "mine.json"
    file.write_text(json.dumps({"train": ["a"], "test": ["b"]}), encoding="utf-8")
    assert read_split(file) == Split(("a",), ("b",), (), "mine.json")


@pytest.mark.parametrize(
    "content",
    ["", "[]", '{"train": ["a"]}', '{"train": 1, "test": []}', '{"train": "ab", "test": []}'],
)
def test_what_is_no_split_is_refused(tmp_path, content):
    file = tmp_path / "mine.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(DuCiSCError, match=r"mine.json is not a split .* write a JSON file"):
        read_split(file)


def test_a_draw_is_contained_in_every_larger_draw_and_does_not_depend_on_the_order_given():
    """NumPy's RandomState(0).permutation(6) is [5 2 1 3 0 4], and promises to stay so."""
    assert shuffled("abcdef", seed=0) == ("f", "c", "b", "d", "a", "e")
    assert shuffled("fedcba", seed=0) == shuffled("abcdef", seed=0)
    assert shuffled("abcdef", seed=1) != shuffled("abcdef", seed=0)
