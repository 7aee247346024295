"""Pictures and card of a run."""

from pathlib import Path

import numpy as np
from PIL import Image

from semsig.classes import ClassTable
from semsig.distill import DistillOptions, DistillResult
from semsig.distill.card import CardFacts, model_card
from semsig.distill.measure import Agreement
from semsig.distill.report import PANEL, TILE, draw_curves, draw_samples
from semsig.distill.samples import Sample
from semsig.segment.card import NetworkCard
from semsig.types import LabelMap

CLASSES = ClassTable(["sky", "grass", "sand"], name="scenes")


def facts(**changes):
    held = Agreement(np.array([[90, 10, 0], [40, 5, 0], [0, 0, 0]]))
    out = Path("out")
    given = {
        "options": DistillOptions(photos=Path("/home/me/p"), teacher="labels:/home/me/l", out=out),
        "result": DistillResult(
            out=out,
            onnx=out / "model.onnx",
            views=1234,
            minutes=7.5,
            held_out=held,
            export_agreement=0.9995,
        ),
        "network": NetworkCard(sha256="ab" * 32, classes=CLASSES, short_side=192, opset=17),
        "parameters": 3_948_794,
        "photos": 100,
        "held": 5,
        "catalogue": {"a": {"source": "here", "licence": "CC0"}},
        "log": [{"views": 20.0, "agreement": 0.5, "miou": 0.25}, {"views": 40.0, "loss": 2.0}],
    }
    return CardFacts(**(given | changes))


def test_card_states_figures_sources_and_limits():
    card = model_card(facts())
    for text in (
        "| 0.6552 | 0.3669 | 2 |",  # 95 of 145; IoU 90/140 and 5/55, their mean
        "| here | CC0 | 1 |",
        "| 20 | 0.5000 | 0.2500 |",
        "IoU below 0.15: grass.",
        "unmeasured: sand.",
        "| grass | sky | 88.9% |\n| sky | grass | 10.0% |",  # 40 of 45 pixels, 10 of 100
        "1,234 photo-views",
        "3,948,794 weights",
        "`labels:l`",
    ):
        assert text in card
    assert "/home/me" not in card


def test_card_ends_with_the_notes(tmp_path):
    notes = tmp_path / "notes.md"
    notes.write_text("## Retrieval\n\nas measured\n")
    options = DistillOptions(photos=Path(), teacher="embedded", out=Path(), notes=notes)
    assert model_card(facts(options=options)).endswith("## Retrieval\n\nas measured\n")


def test_curves_are_drawn_even_of_one_point_or_none(tmp_path):
    rows = [{"views": 0, "agreement": 0.1}, {"views": 10, "loss": 2.0}, {"views": 20, "loss": 1.0}]
    draw_curves(rows, tmp_path / "curves.png")
    with Image.open(tmp_path / "curves.png") as drawn:
        assert drawn.size == (3 * PANEL[0], PANEL[1])
        inked = np.asarray(drawn)[40:190, 60:380].min(2) < 200
        assert inked.any()


def test_samples_show_photo_and_both_maps(tmp_path):
    photo = np.full((40, 60, 3), 255, np.uint8)
    sky = LabelMap(np.zeros((10, 15), np.uint8), CLASSES)
    void = LabelMap(np.full((10, 15), 255, np.uint8), CLASSES)
    draw_samples([Sample(photo, sky, void)] * 2, tmp_path / "overlays.png")
    with Image.open(tmp_path / "overlays.png") as drawn:
        pixels = np.asarray(drawn).astype(int)
    assert pixels.shape[1] == 3 * TILE
    middle = pixels[TILE // 2]
    blended = 0.35 * 255 + 0.65 * np.array(CLASSES.palette[0])
    assert (middle[TILE // 2] == 255).all()
    assert np.abs(middle[TILE + TILE // 2] - blended).max() < 2
    assert np.abs(middle[2 * TILE + TILE // 2] - 0.35 * 255).max() < 2
