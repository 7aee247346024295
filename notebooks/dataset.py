# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # A dataset of your own
#
# Class folders need no description. This notebook has the harder case: one folder of numbered
# files, ten per class, described in TOML, checked, measured, and looked at where retrieval fails.

# %%
import os
import tempfile
from pathlib import Path

from PIL import Image

import semsig
from semsig.datasets import load_dataset
from semsig.evaluate.comparing import Heard, evaluate_systems
from semsig.synthetic import scenes

os.chdir(tempfile.mkdtemp())

# %% [markdown]
# ## The files
#
# `0.jpg` to `9.jpg` are beaches, `10.jpg` to `19.jpg` forests, and so on:

# %%
wanted = ("beach", "forest", "harbour", "street")
drawn = [scene for scene in scenes(100) if scene.category in wanted]
drawn.sort(key=lambda scene: wanted.index(scene.category))
Path("pictures").mkdir()
for number, scene in enumerate(drawn):
    Image.fromarray(scene.image).save(f"pictures/{number}.jpg")
print(len(drawn), "pictures")

# %% [markdown]
# ## The description

# %%
Path("mine.toml").write_text("""
classes = ["beach", "forest", "harbour", "street"]
class_sizes = 10

[[layouts]]
name = "numbered files: 0.jpg to 9.jpg are beaches"
pattern = '(?P<number>[0-9]+)[.]jpg'
per_class = 10
""")
mine = load_dataset("mine.toml")
photos = mine.scan("pictures")
print(mine.mode, len(photos.paths), "photos found")
for number in range(0, 40, 10):
    print(photos.paths[number].name, photos.classes[photos.labels[number]])

# %% [markdown]
# What is missing is named, and the rest can be measured; a folder that fits no layout is an error
# that names files and what was expected of them.

# %%
Path("pictures/7.jpg").rename("7.jpg")
print(*mine.scan("pictures").notes)
_ = Path("7.jpg").rename("pictures/7.jpg")
# %% [markdown]
# ## Measuring
#
# Two signatures of the default network, side by side; `heard` keeps the first hits of each query.

# %%
heard = Heard(n_first=4)
systems = {"sbs": {"signature": "sbs"}, "pooled": {"signature": "pooled"}}
found, photos = evaluate_systems(mine, "pictures", systems, measures=("map", "p@5"), heard=heard)
for name, result in found.results.items():
    low, high = result.intervals["map"]
    print(f"{name:7} map {result.measures['map']:.3f} ({low:.3f}–{high:.3f})")

# %% [markdown]
# ## The worst query
#
# The query on the left, what was found behind it:

# %%
import numpy as np

scores = found.results["pooled"].scores["map"]
worst = int(scores.argmin())
shown = [worst, *(photo for photo, _ in heard.first["pooled"].of(worst) if photo != worst)][:4]
print(f"average precision {scores[worst]:.3f}")
Image.fromarray(np.hstack([semsig.read_image(photos.paths[n])[::2, ::2] for n in shown]))

# %% [markdown]
# From here: judgements photo by photo, queries apart from the database, tables for a paper and runs
# for others to measure are in [Evaluation](../evaluation.md); all keys of the description in
# [Datasets of your own](../datasets.md).
