"""Forty small photos, a sky over ground, with label maps in files."""

import numpy as np
from PIL import Image

NAMES = ("sky", "grass", "sand")
COLORS = np.array([[90, 140, 230], [60, 160, 60], [220, 190, 120]])


def write_scenes(folder):
    """Write photos/, labels/ and classes.txt to `folder`, and return it."""
    for name in ("photos", "labels"):
        (folder / name).mkdir()
    (folder / "classes.txt").write_text("\n".join(NAMES))
    rng = np.random.default_rng(0)
    for number in range(40):
        labels = np.zeros((48, 64), np.uint8)
        labels[rng.integers(12, 36) :] = 1 + number % 2
        photo = COLORS[labels] + rng.normal(0, 12, (48, 64, 3))
        labels[0, :3] = 255
        picture = Image.fromarray(photo.clip(0, 255).astype(np.uint8))
        picture.save(folder / "photos" / f"{number:03}.jpg")
        Image.fromarray(labels).save(folder / "labels" / f"{number:03}.png")
    return folder
