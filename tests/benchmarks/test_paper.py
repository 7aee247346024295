import json

import numpy as np
import pytest
from PIL import Image as PillowImage

from benchmarks.paper.cache import Cache
from benchmarks.paper.facts import paper
from benchmarks.paper.parts import Figure, Heading, Table, Text, as_html, as_markdown
from semsig.datasets import load_dataset


@pytest.fixture
def root(tmp_path):
    """A Wang of two photos per class: rectangles, one colour per class."""
    random = np.random.default_rng(0)
    folder = tmp_path / "data" / "wang"
    folder.mkdir(parents=True)
    for class_, place in np.ndindex(10, 2):
        picture = np.full((128, 192, 3), (25 * class_, 250 - 25 * class_, 90), np.uint8)
        for top, left in random.integers(0, (100, 160), (30, 2)):
            picture[top : top + 20, left : left + 30] = random.integers(0, 256, 3)
        PillowImage.fromarray(picture).save(folder / f"{100 * class_ + place}.jpg")
    return tmp_path


def test_the_papers_numbers_cover_its_datasets():
    names = set(paper()["datasets"])
    assert names == set(paper()["table3"]["mseg"]) == set(paper()["table5"])
    assert names <= {load_dataset(name).name for name in names}


def test_arrays_are_made_once_a_photo_and_again_when_it_changes(tmp_path):
    paths = [tmp_path / f"{i}.txt" for i in range(3)]
    for path in paths:
        path.write_text(path.stem)
    asked = []

    def make(some):
        asked.append([path.stem for path in some])
        return (np.full((int(path.stem), 2), len(path.read_text())) for path in some)

    cache = Cache(tmp_path / "cache")
    first = cache.arrays("kind", paths, make)
    assert [array.shape for array in first] == [(0, 2), (1, 2), (2, 2)]
    paths[1].write_text("longer")
    second = cache.arrays("kind", paths, make)
    assert [*map(np.max, second[1:])] == [6, 1]
    cache.arrays("another kind", paths[:1], make)
    assert asked == [["0", "1", "2"], ["1"], ["0"]]


def test_a_run_that_stopped_is_taken_up(tmp_path):
    paths = [tmp_path / f"{i}.txt" for i in range(3)]
    for path in paths:
        path.write_text(path.stem)

    def failing(some):
        yield np.zeros(1)
        raise KeyboardInterrupt

    cache = Cache(tmp_path / "cache")
    with pytest.raises(KeyboardInterrupt):
        cache.arrays("kind", paths, failing)
    made = []
    cache.arrays("kind", paths, lambda some: (made.append(path) or np.zeros(1) for path in some))
    assert made == paths[1:]


def test_a_report_in_both_forms():
    parts = [
        Heading("A & B"),
        Text("x < y"),
        Table(["a", "b"], [["1", "<c>"]]),
        Figure("f.png", "F"),
    ]
    markdown, html = as_markdown("Title", parts), as_html("Title", parts)
    assert "## A & B\n\nx < y\n\n| a | b |\n| --- | --- |\n| 1 | <c> |\n\n![F](f.png)" in markdown
    for piece in ("<h2>A &amp; B</h2>", 'class="n">1<', "&lt;c&gt;", 'src="f.png"'):
        assert piece in html


def absent():
    raise ImportError("No module named 'torchvision'")


@pytest.mark.slow
def test_the_command_writes_results_and_a_report(root, monkeypatch, capsys):
    pytest.importorskip("matplotlib")
    from benchmarks.paper.__main__ import main

    out = root / "out"
    arguments = ["--data", str(root / "data"), "--cache", str(root / "cache"), "--out", str(out)]
    monkeypatch.setattr("sys.argv", ["paper", *arguments])
    monkeypatch.setattr("benchmarks.paper.table6.NETWORKS", {"VGG16": (absent, "vgg")})
    main()
    printed = capsys.readouterr().out
    assert "ghim_10k is left out" in printed
    for name in (
        "table1",
        "table3",
        "table4",
        "table5",
        "table6",
        "table7",
        "figure13",
        "beat",
        "readings",
    ):
        assert json.loads((out / f"{name}.json").read_text())["found"].keys() <= {
            "wang", "SBS, Hamming", "SBOVP", "ours", "SBS, Hamming, lite", "ours, lite"
        }  # fmt: skip
    report = (out / "report.md").read_text("utf-8")
    assert "| Wang | paper: HRNet-W48, MSeg | 0.770 |" in report or "| 0.77 |" in report
    assert "VGG16 was not run" in report
    for file in ("figure11.png", "figure12.svg", "figure13-wang-lite.png", "figure14-wang.png"):
        assert (out / "figures" / file).exists()
    monkeypatch.setattr("sys.argv", ["paper", *arguments, "--only", "table9"])
    with pytest.raises(SystemExit):
        main()
