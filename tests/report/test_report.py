"""Pictures and pages: sizes, colours, escaping, and that a page needs nothing else."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from semsig.classes import ClassTable
from semsig.engine import Engine
from semsig.report import (
    Side,
    conditions_page,
    explanation_picture,
    search_page,
    segmentation_picture,
)
from semsig.report.canvas import AGREE, DIFFER, Canvas
from semsig.report.draw import enlarge, fit, legend, overlay, overlay_signature
from semsig.signatures.sbs.encoding import sbs
from semsig.types import LabelMap

TABLE = ClassTable(
    ["sky", "grass", "horse & <cart>"], palette=[(0, 0, 255), (0, 255, 0), (255, 0, 0)]
)


class ColourSegmenter:
    """The strongest channel is the class: blue sky, green grass, red horse."""

    name = "colours"
    fingerprint = "colours 1"
    classes = TABLE

    def __call__(self, image):
        return LabelMap(np.array([2, 1, 0])[image.argmax(2)], TABLE)

    def batch(self, images):
        return [self(image) for image in images]


class Page(HTMLParser):
    """Collects tags and text; fails on tags that are not closed."""

    VOID = frozenset({"meta", "img", "input", "link", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def picture(sky: float, horse: bool = False) -> np.ndarray:
    image = np.zeros((48, 64, 3), np.uint8)
    image[:] = TABLE.palette[1]
    image[: round(48 * sky)] = TABLE.palette[0]
    if horse:
        image[30:46, 6:30] = TABLE.palette[2]
    return image


def save(path: Path, image: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    PillowImage.fromarray(image).save(path)
    return path


def side(title: str, image: np.ndarray, levels: int = 2) -> Side:
    label_map = ColourSegmenter()(image)
    return Side(title=title, image=image, label_map=label_map, signature=sbs(label_map, levels))


@pytest.fixture
def engine(tmp_path):
    engine = Engine.create(None, segmenter=ColourSegmenter(), levels=2)
    engine.add(save(tmp_path / f"{n}.png", picture(n / 5, horse=n % 2 == 0)) for n in range(5))
    return engine


@pytest.mark.parametrize("shape", [(48, 64), (64, 48), (1, 1), (1, 300), (300, 2)])
def test_fit_sets_the_longer_side(shape):
    assert max(fit(np.zeros((*shape, 3), np.uint8), 100).shape[:2]) == 100


def test_enlarging_keeps_a_map_of_one_class_and_invents_none():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, (7, 5)).astype(np.uint8)
    assert set(np.unique(enlarge(LabelMap(labels, TABLE), 40, 50))) <= {0, 1, 2}
    same = LabelMap(np.full((3, 4), 1, np.uint8), TABLE)
    assert (enlarge(same, 17, 23) == 1).all()


def test_enlarging_to_the_same_size_changes_nothing():
    labels = np.random.default_rng(1).integers(0, 3, (20, 30)).astype(np.uint8)
    np.testing.assert_array_equal(enlarge(LabelMap(labels, TABLE), 20, 30), labels)


def test_overlay_tints_with_the_class_colour_and_lines_the_border():
    grey = np.full((20, 20, 3), 128, np.uint8)
    labels = np.zeros((20, 20), np.uint8)
    labels[10:] = 1
    covered = overlay(grey, LabelMap(labels, TABLE), opacity=0.5)
    assert covered.dtype == np.uint8
    assert covered[2, 2].tolist() == [64, 64, 192]
    assert covered[17, 2].tolist() == [64, 192, 64]
    assert covered[10, 5].min() > 200


def test_legend_names_the_largest_first_and_leaves_specks_and_void_out():
    labels = np.zeros((20, 20), np.uint8)
    labels[:14] = 1
    labels[0, 0] = 2
    labels[19] = TABLE.void
    entries = legend(LabelMap(labels, TABLE))
    assert [entry.name for entry in entries] == ["grass", "sky"]
    assert entries[0].share == pytest.approx(279 / 400)
    assert entries[1].color == TABLE.palette[0]


def test_segmentation_picture_shows_photo_and_colours():
    drawn = segmentation_picture(side("photo.jpg", picture(0.5)), width=200)
    assert drawn.mode == "RGB"
    assert drawn.width >= 2 * 200
    colours = {colour for _, colour in drawn.getcolors(1 << 24)}
    assert {TABLE.palette[0], TABLE.palette[1]} <= colours


def test_page_draws_no_more_blocks_than_can_be_seen(tmp_path):
    engine = Engine.create(None, segmenter=ColourSegmenter(), levels=6)
    a = save(tmp_path / "a.png", picture(0.0))
    b = save(tmp_path / "b.png", picture(0.5))
    engine.add([a, b])
    page = Page(search_page(engine, a, engine.search(a, exclude_self=True), side=64))
    squares = [attrs for tag, attrs in page.tags if tag == "i" and "title" in attrs]
    assert len(squares) == 16 * 16
    assert [attrs["style"] for attrs in squares] == ["--a:0.00"] * 128 + ["--a:1.00"] * 128
    assert squares[0]["title"] == (
        "sky: not there in the query, over 3/4 here\ngrass: over 3/4 in the query, not there here"
    )


@pytest.mark.parametrize("levels", [0, 1, 3])
def test_explanation_picture_frames_blocks(levels, engine):
    a, b = side("a", picture(0.5, horse=True), levels), side("b", picture(0.5), levels)
    from semsig.explain import explain

    why = explain(a.signature, b.signature)
    drawn = np.asarray(explanation_picture(a, b, why, width=240))
    assert (drawn == AGREE).all(2).sum() > 50 or levels == 0
    assert drawn.shape[1] > 2 * 240
    other = side("c", np.ascontiguousarray(picture(1.0)), levels)
    unlike = explain(other.signature, side("d", picture(0.0), levels).signature)
    crossed = np.asarray(explanation_picture(other, a, unlike, width=240))
    assert (crossed == DIFFER).all(2).sum() > 50


@pytest.mark.parametrize("shape", [(300, 4), (4, 300), (1, 1)])
def test_pictures_of_odd_shapes_are_drawn(shape):
    from semsig.explain import explain

    odd = side("odd", np.full((*shape, 3), (0, 0, 255), np.uint8))
    why = explain(odd.signature, odd.signature)
    assert segmentation_picture(odd, width=150).width > 0
    assert explanation_picture(odd, odd, why, width=150).width > 300


def test_canvas_breaks_lines_and_grows():
    canvas = Canvas(300)
    canvas.paragraph("word " * 200)
    assert canvas.y > 500
    assert canvas.finished().size == (300, canvas.y + canvas.margin)


def test_page_is_whole_and_needs_nothing_from_outside(engine, tmp_path):
    query = tmp_path / "2.png"
    text = search_page(engine, query, engine.search(query, 3, exclude_self=True), side=64)
    page = Page(text)
    links = [v for _, attrs in page.tags for k, v in attrs.items() if k in {"src", "href"}]
    assert links
    assert all(link.startswith("data:image/jpeg;base64,") for link in links)
    assert not re.search(r"https?://|url\(|@import|<script", text)
    assert sum(tag == "li" and attrs.get("class") == "card" for tag, attrs in page.tags) == 3
    assert all(attrs["alt"] or "classes" in attrs["class"] for t, attrs in page.tags if t == "img")
    assert "Content-Security-Policy" in text
    assert "prefers-color-scheme: dark" in text


def test_page_says_for_each_block_what_both_sides_hold(engine, tmp_path):
    query = tmp_path / "0.png"
    hits = engine.search(query, 2, exclude_self=True)
    page = Page(search_page(engine, query, hits, side=64))
    titles = [
        a["title"]
        for t, a in page.tags
        if t == "i" and "--a" in (a.get("style") or "") and "title" in a
    ]
    assert len(titles) == 2 * 16
    assert any("in both" in title for title in titles)
    assert any("in the query" in title and "here" in title for title in titles)


@pytest.mark.parametrize("metric", ["hamming", "tanimoto"])
def test_page_gives_distance_and_sentence(engine, tmp_path, metric):
    query = tmp_path / "1.png"
    hits = engine.search(query, 1, metric=metric, exclude_self=True)
    text = search_page(engine, query, hits, side=64)
    expected = f"{hits[0].distance:.0f}" if metric == "hamming" else f"{hits[0].distance:.3f}"
    assert f'<span class="distance">{expected} ' in text
    assert " in both" in Page(text).text


@pytest.mark.parametrize("metric", ["fused", "L2", "squared L2", "re-ranked", "containment"])
def test_page_names_the_distance_that_ranked_its_hits(engine, tmp_path, metric):
    query = tmp_path / "1.png"
    hits = [replace(engine.search(query, 1)[0], distance=0.25, metric=metric)]
    text = search_page(engine, query, hits, side=64)
    assert f"nearest first ({metric} distance)" in text
    assert f'<span class="distance">0.250 <small>{metric}</small>' in text
    assert "hamming" not in text


def test_file_and_class_names_are_escaped(tmp_path):
    nasty = '<script>alert("x")</script>&\'.png'.replace("/", "_")
    engine = Engine.create(None, segmenter=ColourSegmenter(), levels=1)
    paths = [save(tmp_path / (n + nasty), picture(0.3, horse=True)) for n in ("a", "b")]
    engine.add(paths)
    text = search_page(engine, paths[0], engine.search(paths[0], 2), side=64)
    assert "<script" not in text
    assert "<cart>" not in text
    assert "horse &amp; &lt;cart&gt;" in text
    assert "&lt;script&gt;" in text
    Page(text)


def test_a_file_name_that_is_no_unicode_can_be_shown(tmp_path):
    import os

    path = save(Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.png")), picture(0.5))
    engine = Engine.create(None, segmenter=ColourSegmenter())
    engine.add([path])
    text = search_page(engine, path, engine.search(path, 1), side=64)
    assert "?.png" in text
    text.encode("utf-8")


def test_a_hit_whose_photo_is_gone_is_said_to_be(engine, tmp_path):
    query = tmp_path / "1.png"
    hits = engine.search(query, 2, exclude_self=True)
    Path(hits[0].path).unlink()
    page = Page(search_page(engine, query, hits, side=64))
    assert "cannot be shown" in page.text
    assert "cannot be read" in page.text


def test_no_hits_make_an_empty_page(tmp_path):
    engine = Engine.create(None, segmenter=ColourSegmenter())
    query = save(tmp_path / "q.png", picture(0.5))
    Page(search_page(engine, query, engine.search(query), side=64))


def test_pages_run_no_network_for_hits(tmp_path, monkeypatch):
    segmenter = ColourSegmenter()
    engine = Engine.create(tmp_path / "index", segmenter=segmenter, levels=2)
    engine.add(save(tmp_path / f"{n}.png", picture(n / 5, horse=n % 2 == 0)) for n in range(5))
    hits = engine.search(None, has="sky", k=5)
    asked = [side("q", picture(0.5))]

    def refuse(*_):
        raise AssertionError("the network ran")

    monkeypatch.setattr(ColourSegmenter, "__call__", refuse)
    monkeypatch.setattr(ColourSegmenter, "batch", refuse)
    page = conditions_page(engine, engine.conditions("sky"), hits, side=64)
    assert page.count('class="card"') == len(hits) == 4
    page = search_page(engine, asked, hits, side=64)
    assert page.count('class="card"') == 4


def test_photos_come_first_and_words_before_bits(engine, tmp_path):
    query = tmp_path / "1.png"
    text = search_page(engine, query, engine.search(query, exclude_self=True), side=64)
    page = Page(text)
    checked = [attrs["id"] for tag, attrs in page.tags if tag == "input" and "checked" in attrs]
    assert checked == ["show-photo"]
    card = text[text.index('class="card"') :]
    assert card.index("in both") < card.index('class="distance"') < card.index("bits differ")


def test_a_signature_is_drawn_over_its_photo():
    label_map = ColourSegmenter()(picture(0.5))
    drawn = overlay_signature(picture(0.5), sbs(label_map, 2), opacity=1.0)
    assert drawn.shape == (48, 64, 3)
    assert tuple(drawn[4, 30]) == TABLE.palette[0]
    assert tuple(drawn[44, 30]) == TABLE.palette[1]
    nothing = sbs(LabelMap(np.full((8, 8), TABLE.void, np.uint8), TABLE), 2)
    assert tuple(overlay_signature(picture(0.5), nothing, opacity=1.0)[4, 4]) == (96, 96, 96)
