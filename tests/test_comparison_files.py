"""``ducisc compare`` as it is typed: what it reads and its files."""

import json
import math
from pathlib import Path

import matplotlib
import pytest

from nnunetv2_ducisc.cli import main, parse
from nnunetv2_ducisc.evaluation.metrics_file import Row, Status, write_metrics
from nnunetv2_ducisc.verbs.compare import Compare

pytestmark = pytest.mark.unit

FILES = {f"comparison.{ending}" for ending in ("json", "md", "pdf", "png", "tex")}


def evaluation(folder: Path, dice: tuple[float, ...], metric: str = "dice") -> Path:
    """A file of metrics of one class."""
    rows = [
        Row(f"case{number}", "left", Status.BOTH, 2.0, 2.0, {metric: value})
        for number, value in enumerate(dice)
    ]
    folder.mkdir(parents=True)
    write_metrics(folder / "metrics.csv", rows, (metric,))
    return folder / "metrics.csv"


@pytest.fixture
def two(tmp_path: Path) -> tuple[str, str]:
    """Stock and ours."""
    a = evaluation(tmp_path / "stock" / "test", (0.5, 0.5, 0.5))
    b = evaluation(tmp_path / "ours" / "test", (0.6, 0.7, 0.8))
    return str(a), str(b)


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["compare", *arguments]) == 0
    return capsys.readouterr().out


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["compare", *arguments]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_every_option_arrives() -> None:
    assert parse(["compare", "x", "y"]) == Compare(Path("x"), Path("y"), None, None, None)
    typed = ["compare", "x", "y", "--names", "a", "b", "--groups", "g.csv", "-o", "z"]
    assert parse(typed) == Compare(Path("x"), Path("y"), ["a", "b"], Path("g.csv"), Path("z"))


def test_a_table_is_printed_and_no_file_written_unless_asked_for(
    two: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(tmp_path.rglob("*"))
    lines = printed(capsys, *two).splitlines()
    assert lines[0].split()[:3] == ["metric", "stock", "ours"]
    assert lines[2] == "left (3 cases)"
    assert lines[3].split()[:4] == ["Dice", "0.5000", "0.7000", "+0.2000"]
    assert sorted(tmp_path.rglob("*")) == before


def test_folders_are_taken_for_the_files_in_them(
    two: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [str(Path(file).parent) for file in two]
    assert printed(capsys, *folders) == printed(capsys, *two)


def test_names_are_the_innermost_folders_that_differ(
    two: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    beside = Path(two[0]).rename(tmp_path / "ours" / "test" / "other.csv")
    assert printed(capsys, two[1], str(beside)).split()[:3] == [
        "metric",
        "metrics.csv",
        "other.csv",
    ]
    named = printed(capsys, two[1], str(beside), "--names", "one", "two")
    assert named.split()[:3] == ["metric", "one", "two"]


def test_files_hold_what_was_printed_and_more(
    two: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sd of 0.6, 0.7, 0.8 is 0.1; t is 0.2 / (0.1 / sqrt(3)), p = 0.0371 as in the tests of the
    statistics, and one metric needs no correction."""
    out = tmp_path / "new" / "out"
    table = printed(capsys, *two, "-o", str(out))
    assert {file.name for file in out.iterdir()} == FILES
    assert (out / "comparison.png").read_bytes()[1:4] == b"PNG"
    assert (out / "comparison.pdf").read_bytes()[:4] == b"%PDF"
    content = json.loads((out / "comparison.json").read_text(encoding="utf-8"))
    assert (content["a"], content["b"]) == ("stock", "ours")
    assert all(note in table for note in content["notes"])
    (result,) = content["results"]
    low, high = result.pop("interval")
    assert 0.1 <= low < 0.2 < high <= 0.3
    assert result == {
        "metric": "dice",
        "class": "left",
        "cases": 3,
        "mean_a": 0.5,
        "mean_b": pytest.approx(0.7),
        "sd_a": 0,
        "sd_b": pytest.approx(0.1),
        "difference": pytest.approx(0.2),
        "b_is": "better",
        "cases_better": 3,
        "cases_equal": 0,
        "cases_worse": 0,
        "p_t": pytest.approx(0.0371, abs=5e-5),
        "p_t_holm": result["p_t"],
        "p_wilcoxon": 1 / 8,
        "p_wilcoxon_holm": 1 / 8,
    }


def test_a_comparison_is_the_same_when_it_is_repeated(
    two: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = []
    for _ in range(2):
        printed(capsys, *two, "-o", str(tmp_path / "out"))
        texts.append([(tmp_path / "out" / f"comparison.{e}").read_bytes() for e in ("json", "png")])
    assert texts[0] == texts[1]
    assert {file.name for file in (tmp_path / "out").iterdir()} == FILES


def test_what_cannot_be_compared_is_one_sentence(
    two: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = two
    assert refusal(capsys, a, str(Path(a).parent)) == f"{a} is both A and B: name two evaluations."
    assert refusal(capsys, a, b, "--names", "x", "x").startswith("--names calls both x")
    assert "is not a metrics.csv of ducisc evaluate" in refusal(capsys, a, str(tmp_path))
    quoted = tmp_path / "quoted.csv"
    quoted.write_text(Path(a).read_text(encoding="utf-8") + '"' + "x" * 200_000, encoding="utf-8")
    assert "is not a metrics.csv of ducisc evaluate (field larger" in refusal(
        capsys, a, str(quoted)
    )
    assert refusal(capsys, a, b, "-o", a).startswith(f"{a} cannot be made (FileExistsError: ")
    other = evaluation(tmp_path / "other", (1, 2, 3), "asd_voxels")
    assert "and other has asd_voxels: evaluate both with the same preset." in refusal(
        capsys, a, str(other)
    )
    fewer = evaluation(tmp_path / "fewer", (0.5,))
    assert "stock has a row for case case1 and class left (and 1 more) that fewer" in refusal(
        capsys, a, str(fewer), "--names", "stock", "fewer"
    )


@pytest.mark.parametrize(
    ("metric", "value", "expected"),
    [
        ("dice", 1.5, "from 0 to 1"),
        ("dice", -0.1, "from 0 to 1"),
        ("dice", math.nan, "from 0 to 1"),
        ("hd95_mm", -4.0, "from 0 on"),
        ("hd95_mm", math.inf, "from 0 on"),
    ],
)
def test_a_value_that_no_metric_takes_is_refused(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    metric: str,
    value: float,
    expected: str,
) -> None:
    """0 and 1 are taken, and any distance."""
    right = str(evaluation(tmp_path / "right", (0.0, 1.0, 1.0), metric))
    wrong = str(evaluation(tmp_path / "wrong", (0.0, 1.0, value), metric))
    sentence = refusal(capsys, right, wrong)
    assert f"has {value} as {metric} of case case2 and class left: expected a number" in sentence
    assert f"expected a number {expected}, evaluate it again." in sentence


def test_metrics_are_those_of_the_header_and_not_of_the_values(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ignored voxels hide the reference of x, and A is right to predict nothing in z."""
    x = Row("x", "left", Status.BOTH, 2.0, 2.0, {"dice": 0.5})
    absent = Row("z", "left", Status.ABSENT, 0, 0, {})
    spurious = Row("z", "left", Status.SPURIOUS, 0, 1, {"dice": 0, "hd95_mm": 90})
    files = (tmp_path / "a.csv", tmp_path / "b.csv")
    for file, other in zip(files, (absent, spurious), strict=True):
        write_metrics(file, [x, other], ("dice", "hd95_mm"))
    lines = printed(capsys, *map(str, files)).splitlines()
    assert [line.split()[:2] for line in lines if line.startswith("Dice")] == [["Dice", "0.7500"]]


def test_a_file_that_a_spreadsheet_has_saved_is_read(
    two: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """With the mark that it puts at the start of a text file."""
    before = printed(capsys, *two)
    file = Path(two[0])
    file.write_text(file.read_text(encoding="utf-8"), encoding="utf-8-sig")
    assert printed(capsys, *two) == before


def test_fonts_that_nnunet_leaves_behind_do_not_reach_the_figure(
    two: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = []
    for size in (10, 40):
        with matplotlib.rc_context({"font.size": size}):
            printed(capsys, *two, "-o", str(tmp_path / "out"))
            assert matplotlib.rcParams["font.size"] == size
        sizes.append((tmp_path / "out" / "comparison.png").read_bytes())
    assert sizes[0] == sizes[1]


def test_cases_of_a_patient_count_once_and_the_notes_say_so(
    two: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Gains of 0.1, 0.2 and 0.3; the first two are of one patient, 0.15: the mean is 0.225."""
    groups, out = tmp_path / "groups.csv", tmp_path / "out"
    groups.write_text("case,group\ncase0,P\ncase1,P\ncase2,Q\nother,R\n", encoding="utf-8")
    lines = printed(capsys, *two, "--groups", str(groups), "-o", str(out)).splitlines()
    assert lines[2] == "left (2 groups)"
    assert lines[3].split()[3] == "+0.2250"
    assert any("3 cases are 2 groups" in line for line in lines)
    assert any("bootstrap over groups" in line for line in lines)
    content = json.loads((out / "comparison.json").read_text(encoding="utf-8"))
    assert content["unit"] == "group" and content["results"][0]["cases"] == 2
    groups.write_text("case0,P\ncase1,P\n", encoding="utf-8")
    assert "names no group for case2" in refusal(capsys, *two, "--groups", str(groups))
