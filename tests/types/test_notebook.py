"""Values show themselves in notebooks: escaped, small, with what they hold."""

from __future__ import annotations

import base64
import io
import os
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image as PillowImage

import semsig
from semsig.explain import explain
from semsig.synthetic import scenes
from semsig.types import Hit, Hits

EVIL = '<script>alert("x")</script>&\udcff'
MOST_BYTES = 60_000


class Elements(HTMLParser):
    """Names of the elements that a text opens, and of its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found += [tag, *(name for name, _ in attrs)]


def pictures(html: str) -> list[np.ndarray]:
    found = re.findall(r'src="data:image/\w+;base64,([^"]+)"', html)
    return [np.asarray(PillowImage.open(io.BytesIO(base64.b64decode(data)))) for data in found]


@pytest.fixture(scope="module")
def beach():
    return [scene.label_map for scene in scenes(12, size=(96, 64)) if scene.category == "beach"]


def test_label_map_shows_its_colours_and_classes(beach):
    (label_map, _) = beach
    html = label_map._repr_html_()
    (picture,) = pictures(html)
    colored = label_map.colored()
    assert {tuple(c) for c in picture.reshape(-1, 3)} == {tuple(c) for c in colored.reshape(-1, 3)}
    names = [label_map.classes.names[c] for c in label_map.present]
    assert any(name in html for name in names)
    assert "%" in html
    assert len(html) < MOST_BYTES


def test_signature_shows_blocks_stacked_by_level():
    classes = semsig.ClassTable(["left", "right"], palette=[(255, 0, 0), (0, 0, 255)])
    labels = np.array([[0, 1, 1, 1], [0, 0, 1, 1]])
    signature = semsig.sbs(semsig.LabelMap(labels, classes), levels=1)
    painted = signature.painted(8)
    assert painted.shape == (16, 16, 3)
    assert (painted[:4, :8] == (255, 0, 0)).all()
    assert (painted[4:8, :8] == (0, 0, 255)).all()
    assert (painted[8:, :8] == (255, 0, 0)).all()
    assert (painted[:, 8:] == (0, 0, 255)).all()
    html = signature._repr_html_()
    assert len(pictures(html)) == 1
    assert "left" in html
    assert "right" in html


@pytest.mark.parametrize("levels", [0, 3, 8])
def test_signature_of_any_level_is_small(beach, levels):
    html = semsig.sbs(beach[0], levels=levels)._repr_html_()
    assert max(pictures(html)[0].shape) <= 256
    assert len(html) < MOST_BYTES


def test_empty_signature_is_grey(beach):
    schema = semsig.SbsSchema(1, beach[0].classes)
    assert (pictures(semsig.SbsSignature([], schema)._repr_html_())[0] == 96).all()


def test_explanation_shows_sentence_bits_and_blocks(beach):
    a, b = (semsig.sbs(label_map) for label_map in beach)
    why = explain(a, b)
    html = why._repr_html_()
    assert f"{why.distance:,} bits differ" in html
    name, bits = why.class_distances()[0]
    assert f"<td>{name}</td><td>{bits:,}</td>" in html
    assert len(pictures(html)) == 1
    assert len(html) < MOST_BYTES


def hit(path, **facts) -> Hit:
    return Hit(rank=1, id=7, path=os.fspath(path), distance=12.0, **facts)


def test_hits_show_pictures_paths_and_distances(tmp_path):
    PillowImage.new("RGB", (640, 480), (200, 30, 30)).save(tmp_path / "red.png")
    html = Hits([hit(tmp_path / "red.png"), hit(tmp_path / "gone.png")])._repr_html_()
    (picture,) = pictures(html)
    assert picture.shape == (72, 96, 3)
    assert html.count("<tr>") == 3
    assert "red.png" in html
    assert "12 bits" in html


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_damaged_photos_are_hits_without_picture(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    assert pictures(hit(tmp_path / "a.png")._repr_html_()) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    assert pictures(hit(tmp_path / "pipe.jpg")._repr_html_()) == []


def test_many_hits_are_cut():
    html = Hits([hit("nowhere")] * 60)._repr_html_()
    assert html.count("<tr>") == 51
    assert "and 10 more" in html


def test_many_classes_with_long_names_are_cut():
    classes = semsig.ClassTable([f"{n}{'x' * 5000}" for n in range(200)])
    a, b = (
        semsig.sbs(semsig.LabelMap(np.roll(np.arange(200), shift)[None], classes), levels=0)
        for shift in (0, 1)
    )
    thin = semsig.sbs(semsig.LabelMap(np.zeros((1, 4), int), classes), levels=0)
    assert "and 180 more" in explain(a, thin)._repr_html_()
    for value in (a, explain(a, b), explain(a, thin), hit("y" * 100_000)):
        assert len(value._repr_html_()) < MOST_BYTES


def test_search_answers_with_hits_that_are_a_list():
    hits = Hits([hit("a")])
    assert hits == [hit("a")]
    assert isinstance(hits, list)


def test_all_text_is_escaped(beach):
    evil = semsig.ClassTable(["<b>&", "x"], name='"><script>')
    label_map = semsig.LabelMap(np.zeros((4, 4), int), evil)
    a = semsig.sbs(label_map, levels=1)
    b = semsig.sbs(semsig.LabelMap(np.ones((4, 4), int), evil), levels=1)
    shown = [label_map, a, explain(a, b), hit(EVIL), Hits([hit(EVIL, metric="<i>")])]
    for value in shown:
        html = value._repr_html_()
        html.encode()
        assert not {"script", "b", "i", "onerror"} & set(Elements(html).found), html
