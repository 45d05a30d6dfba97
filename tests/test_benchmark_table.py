"""The table, against numbers that are worked out by hand."""

import csv
import dataclasses
import json
import math

import pytest

from nnunetv2_ducisc import __version__
from nnunetv2_ducisc.benchmark.benchmark import Benchmark
from nnunetv2_ducisc.benchmark.results.report import Origin, write_report
from nnunetv2_ducisc.benchmark.results.table import MEAN, Line, Table, make_table
from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.evaluation.metrics_file import Row, Status, write_metrics
from tests.benchmark_plan import Desk

pytestmark = pytest.mark.unit

# Dice of cases p and q in seeds 0 and 1.
STOCK = {0: {"p": 0.5, "q": 0.7}, 1: {"p": 0.6, "q": 0.8}}
DUCISC = {0: {"p": 0.8, "q": 0.8}, 1: {"p": 0.8, "q": 0.8}}


def row(case: str, dice: float | None, class_name: str = "organ", status: str = "both") -> Row:
    values = {} if dice is None else {"dice": dice, "hd95_mm": 10 - 10 * dice}
    return Row(case, class_name, Status(status), 1.0, 1.0, values)


def write(benchmark: Benchmark, method: str, seed: int, rows: list[Row], **which: str) -> None:
    """The metrics of one run, as ``ducisc evaluate`` writes them."""
    for run in benchmark.runs:
        fold, network = which.get("fold", "all"), which.get("network", "student")
        if (run.method.name, run.seed, run.fold) == (method, seed, fold):
            run.metrics(network).mkdir(parents=True)
            write_metrics(run.metrics(network) / "metrics.csv", rows, ("dice", "hd95_mm"))


def written(desk: Desk) -> Table:
    benchmark = desk.plan()
    for method, scores in (("stock", STOCK), ("DuCiSC", DUCISC)):
        for seed, dice in scores.items():
            write(benchmark, method, seed, [row(case, value) for case, value in dice.items()])
    return make_table(benchmark.groups[0], "stock")


def line(table: Table, method: str, metric: str = "dice", structure: str = MEAN) -> Line:
    return next(
        line for line in table.of(structure) if (line.method, line.metric.name) == (method, metric)
    )


def test_mean_and_sd_are_of_the_means_of_the_seeds(desk):
    """Stock has 0.6 in seed 0 and 0.7 in seed 1: mean 0.65, sd 0.1 / sqrt(2)."""
    table = written(desk)
    stock = line(table, "stock")
    assert stock.per_seed == pytest.approx((0.6, 0.7))
    assert stock.mean == pytest.approx(0.65) and stock.sd == pytest.approx(0.1 / math.sqrt(2))
    assert line(table, "stock", "hd95_mm").mean == pytest.approx(3.5)
    assert (table.cases, table.seeds) == (2, 2)


def test_differences_are_paired_by_case_after_averaging_over_seeds(desk):
    """Stock has 0.55 and 0.75 in p and q, DuCiSC 0.8 in both: 0.25 and 0.05, mean 0.15.

    Their sd is 0.2 / sqrt(2), so that t is 0.15 / 0.1 = 1.5 with one degree of freedom, whose
    distribution is Cauchy's: p = 1/2 - arctan(1.5) / pi. Holm doubles it for two metrics.
    """
    table = written(desk)
    compared = line(table, "DuCiSC").comparison
    assert compared is not None
    assert compared.difference == pytest.approx(0.15)
    assert compared.p_t == pytest.approx(0.5 - math.atan(1.5) / math.pi)
    assert compared.p_t_holm == pytest.approx(1 - 2 * math.atan(1.5) / math.pi)
    assert compared.better_equal_worse == (2, 0, 0)
    assert line(table, "stock").comparison is None


def test_a_case_counts_once_however_many_classes_it_has(desk):
    """p has classes with 0.2 and 0.4, q one with 0.9 alone: (0.3 + 0.9) / 2."""
    desk.content["seeds"] = [0]
    rows = [row("p", 0.2, "a"), row("p", 0.4, "b"), row("q", 0.9, "a")]
    rows.append(row("q", None, "b", "absent"))
    benchmark = desk.plan()
    for method in ("stock", "DuCiSC"):
        write(benchmark, method, 0, rows)
    table = make_table(benchmark.groups[0], "stock")
    assert line(table, "stock").mean == pytest.approx(0.6)
    assert line(table, "stock", structure="a").mean == pytest.approx(0.55)
    assert line(table, "stock", structure="b").mean == pytest.approx(0.4)
    assert line(table, "stock").sd is None


def test_folds_are_averaged_before_seeds(desk):
    """0.2 and 0.4 in the folds of the only seed are one value of 0.3."""
    desk.content |= {"seeds": [0], "folds": [0, 1]}
    desk.entry["labels"] = [5]
    benchmark = desk.plan()
    for method in ("stock", "DuCiSC"):
        write(benchmark, method, 0, [row("p", 0.2)], fold="0")
        write(benchmark, method, 0, [row("p", 0.4)], fold="1")
    assert line(make_table(benchmark.groups[0], "stock"), "stock").per_seed == pytest.approx((0.3,))


def test_who_rightly_predicts_nothing_is_perfect_where_another_makes_something_up(desk):
    """q has no organ: stock predicts one in seed 0, Dice 0; in its seed 1 and DuCiSC it is 1."""
    benchmark = desk.plan()
    spurious, absent = row("q", 0.0, status="spurious"), row("q", None, status="absent")
    write(benchmark, "stock", 0, [row("p", 0.5), spurious])
    write(benchmark, "stock", 1, [row("p", 0.5), absent])
    write(benchmark, "DuCiSC", 0, [row("p", 0.0, status="missed"), absent])
    write(benchmark, "DuCiSC", 1, [row("p", 0.5), absent])
    table = make_table(benchmark.groups[0], "stock")
    assert line(table, "stock").per_seed == pytest.approx((0.25, 0.75))
    assert line(table, "DuCiSC").per_seed == pytest.approx((0.5, 0.75))
    assert line(table, "DuCiSC", "hd95_mm").per_seed == pytest.approx((5, 2.5))
    assert (line(table, "stock").missed, line(table, "stock").spurious) == (0, 1)
    assert (line(table, "DuCiSC").missed, line(table, "DuCiSC").spurious) == (1, 0)


def test_missed_and_spurious_are_counted_for_each_class(desk):
    """In each of two seeds stock misses a of both cases and makes up b of q."""
    benchmark = desk.plan()
    bad = [row(case, 0.0, "a", "missed") for case in "pq"] + [row("p", 0.5, "b")]
    bad.append(row("q", 0.0, "b", "spurious"))
    good = [row("p", 0.5, "a"), row("q", 0.5, "a"), row("p", 0.5, "b")]
    good.append(row("q", None, "b", "absent"))
    for seed in (0, 1):
        write(benchmark, "stock", seed, bad)
        write(benchmark, "DuCiSC", seed, good)
    table = make_table(benchmark.groups[0], "stock")
    lines = [line(table, "stock", structure=name) for name in ("a", "b", MEAN)]
    assert [(one.missed, one.spurious) for one in lines] == [(4, 0), (0, 2), (4, 2)]


def test_structures_that_some_make_up_are_counted_in_a_note(desk):
    """q has no organ, which stock makes up in one seed of two; r has none, and all make it up."""
    benchmark = desk.plan()
    spurious, absent = row("q", 0.0, status="spurious"), row("q", None, status="absent")
    common = [row("p", 0.5), row("r", 0.0, status="spurious")]
    write(benchmark, "stock", 0, [*common, spurious])
    for method, seed in (("stock", 1), ("DuCiSC", 0), ("DuCiSC", 1)):
        write(benchmark, method, seed, [*common, absent])
    table = make_table(benchmark.groups[0], "stock")
    assert table.made_up == 1
    origin = Origin("plan.yaml", (0, 1), 4, 0)
    text = " ".join(write_report([table], origin, desk.root).split())
    assert "since some of these trainings predict them: 1; the others count as perfect" in text
    none = dataclasses.replace(table, made_up=0)
    assert "trainings predict them" not in write_report([none], origin, desk.root)


@pytest.mark.parametrize("other", [row("r", 0.5), row("q", 0.5, "other")])
def test_runs_that_were_evaluated_on_other_cases_are_refused(desk, other):
    desk.content["seeds"] = [0]
    benchmark = desk.plan()
    write(benchmark, "stock", 0, [row("p", 0.5), row("q", 0.5)])
    write(benchmark, "DuCiSC", 0, [row("p", 0.5), other])
    with pytest.raises(DuCiSCError) as caught:
        make_table(benchmark.groups[0], "stock")
    stock, ducisc = (run.metrics("student") / "metrics.csv" for run in benchmark.runs)
    assert str(caught.value).startswith(
        f"{ducisc} and {stock} are not of the same cases and classes (case q, class organ is in one"
    )


def test_a_teacher_is_a_row_of_its_own(desk):
    desk.content |= {"seeds": [0], "teacher": True}
    benchmark = desk.plan()
    write(benchmark, "stock", 0, [row("p", 0.5)])
    write(benchmark, "DuCiSC", 0, [row("p", 0.6)])
    write(benchmark, "DuCiSC", 0, [row("p", 0.7)], network="teacher")
    table = make_table(benchmark.groups[0], "stock")
    means = {line.method: line.mean for line in table.of(MEAN) if line.metric.name == "dice"}
    assert means == pytest.approx({"stock": 0.5, "DuCiSC": 0.6, "DuCiSC (teacher)": 0.7})


def test_the_files_say_the_same(desk):
    """The interval of two differences is from the smaller to the larger; p is 0.374 (see above)."""
    text = write_report([written(desk)], Origin("plan.yaml", (0, 1), 4, 0), desk.root)
    title = "Dataset004_Toy, 3d_fullres, 2 labels, drawn with seed 0: 2 test cases, 2 seeds"
    assert (desk.root / "table.txt").read_text(encoding="utf-8") == text and text.startswith(title)
    assert "DuCiSC  0.800 ± 0.000  +0.150 [+0.050, +0.250]  0.374  2 of 2        0       0" in text
    markdown = (desk.root / "table.md").read_text(encoding="utf-8")
    assert markdown.startswith(f"### {title}")
    assert "| stock | 0.650 ± 0.071 | - | - | - | 0 | 0 |" in markdown
    assert "| DuCiSC | 2.00 ± 0.00 | -1.50 [-2.50, -0.50] | 0.374 | 2 of 2 | 0 | 0 |" in markdown
    with (desk.root / "table.csv").open(newline="") as file:
        first, *_, last = csv.DictReader(file)
    assert first["method"] == "stock" and float(first["sd_over_seeds"]) == pytest.approx(0.0707107)
    assert last["metric"] == "hd95_mm" and float(last["difference"]) == pytest.approx(-1.5)
    saved = json.loads((desk.root / "table.json").read_text(encoding="utf-8"))
    assert (saved["plan"], saved["version"], saved["seeds"]) == ("plan.yaml", __version__, [0, 1])
    (content,) = saved["tables"]
    assert content["rows"][0]["per_seed"] == pytest.approx([0.6, 0.7])


def test_scans_of_a_patient_count_once(desk):
    """P has scans p and q, R has r: stock 0.5 and 0.7, DuCiSC 0.7 and 0.9 in p and q, 0.8 and 0.7
    in r. Over patients stock has (0.6 + 0.8) / 2 = 0.7, and the differences are 0.2 and -0.1: mean
    0.05. Over cases they would be 0.2, 0.2 and -0.1: 0.1.
    """
    desk.content["seeds"] = [0]
    desk.entry["groups"] = "groups.csv"
    groups = desk.root / "groups.csv"
    groups.write_text("a,1\nb,2\nc,3\nd,4\ne,5\nf,6\nt,7\n", encoding="utf-8")
    benchmark = desk.plan()
    write(benchmark, "stock", 0, [row("p", 0.5), row("q", 0.7), row("r", 0.8)])
    write(benchmark, "DuCiSC", 0, [row("p", 0.7), row("q", 0.9), row("r", 0.7)])
    groups.write_text("p,P\nq,P\nr,R\n", encoding="utf-8")
    table = make_table(benchmark.groups[0], "stock")
    compared = line(table, "DuCiSC").comparison
    assert compared is not None and compared.better_equal_worse == (1, 0, 1)
    assert compared.difference == pytest.approx(0.05)
    assert line(table, "stock").mean == pytest.approx(0.7)
    assert (table.cases, table.groups) == (3, 2)
    text = write_report([table], Origin("plan.yaml", (0,), 2, 0), desk.root)
    assert "intervals and p are over 2 groups" in " ".join(text.split())


def test_a_test_case_without_a_group_is_refused_before_anything_runs(desk):
    desk.entry["groups"] = "groups.csv"
    groups = "a,1\nb,2\nc,3\nd,4\ne,5\nf,6\n"
    (desk.root / "groups.csv").write_text(groups, encoding="utf-8")
    assert "names no group for t: add a line for every case" in desk.refusal()


def test_a_structure_without_a_distance_is_not_taken_for_perfect(desk):
    """Ignored voxels hide the surface of q: its Dice counts, and distances are those of p, 5 mm."""
    desk.content["seeds"] = [0]
    benchmark = desk.plan()
    hidden = Row("q", "organ", Status.BOTH, 1.0, 1.0, {"dice": 0.9})
    for method in ("stock", "DuCiSC"):
        write(benchmark, method, 0, [row("p", 0.5), hidden])
    table = make_table(benchmark.groups[0], "stock")
    assert line(table, "stock").mean == pytest.approx(0.7)
    assert line(table, "stock", "hd95_mm").mean == pytest.approx(5)
