"""Draw the pictures of docs/signatures.md: ``python -m scripts.site.pictures``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from semsig.explain import explain
from semsig.report import Side, explanation_picture
from semsig.signatures.sbs.encoding import sbs
from semsig.synthetic import Scene, scenes
from semsig.types import Image

DOCS = Path(__file__).parents[2] / "docs"
SIZE = 336, 224
GAP = 16


def main() -> None:
    """Write both pictures."""
    beaches = [scene for scene in scenes(31, size=(480, 320)) if scene.category == "beach"]
    _steps(beaches[0]).save(DOCS / "signature-steps.png", optimize=True)
    a, b = (
        _side(scene, name) for scene, name in zip(beaches[:2], ("a beach", "another"), strict=True)
    )
    why = explain(a.signature, b.signature, maps=(a.label_map, b.label_map), names=("A", "B"))
    picture = explanation_picture(a, b, why)
    picture.quantize(128).save(DOCS / "signature-explained.png", optimize=True)


def _side(scene: Scene, title: str) -> Side:
    signature = sbs(scene.label_map)
    return Side(title=title, image=scene.image, label_map=scene.label_map, signature=signature)


def _steps(scene: Scene) -> PillowImage.Image:
    """Draw photo, label map, and the blocks of two levels side by side."""
    one, three = (sbs(scene.label_map, levels=levels) for levels in (1, 3))
    steps: list[tuple[str, Image]] = [
        ("photo", scene.image),
        ("label map", scene.label_map.colored()),
        (f"n = 1: 4 blocks, {len(one.cells)} cells", one.painted(112)),
        (f"n = 3: 64 blocks, {len(three.cells)} cells", three.painted(28)),
    ]
    width = len(steps) * (SIZE[0] + GAP) + GAP
    sheet = PillowImage.new("RGB", (width, SIZE[1] + 3 * GAP + 12), (252, 252, 250))
    draw = ImageDraw.Draw(sheet)
    for number, (title, pixels) in enumerate(steps):
        x = GAP + number * (SIZE[0] + GAP)
        how = PillowImage.Resampling.LANCZOS if number == 0 else PillowImage.Resampling.NEAREST
        sheet.paste(PillowImage.fromarray(np.asarray(pixels)).resize(SIZE, how), (x, GAP))
        draw.text((x, SIZE[1] + 20), title, fill=(28, 32, 38), font=ImageFont.load_default(16))
        if number >= 2:
            _grid(draw, x, 2 if number == 2 else 8)
    return sheet


def _grid(draw: ImageDraw.ImageDraw, x: int, across: int) -> None:
    for i in range(across + 1):
        right, down = i * SIZE[0] // across, i * SIZE[1] // across
        draw.line((x + right, GAP, x + right, GAP + SIZE[1]), fill=(255, 255, 255))
        draw.line((x, GAP + down, x + SIZE[0], GAP + down), fill=(255, 255, 255))


if __name__ == "__main__":
    main()
