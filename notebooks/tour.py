# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # A tour with pictures
#
# From a photo to its answer, one step per cell. The photos are drawn scenes whose label maps are
# known, so nothing has to be downloaded; with photos of your own, `semsig.load_segmenter()` makes
# the label maps.

# %%
import os
import tempfile
from pathlib import Path

import semsig
from semsig.explain import explain
from semsig.synthetic import scenes, write_scenes

os.chdir(tempfile.mkdtemp())

# %% [markdown]
# ## A label map
#
# A segmentation network says of each pixel which class it shows. Values of semsig show themselves
# in notebooks:

# %%
beach, other = [scene for scene in scenes(20) if scene.category == "beach"]
beach.label_map

# %% [markdown]
# ## A signature
#
# At level n the map is cut into 4ⁿ blocks; of each, the signature keeps which classes it holds and
# how much of it they fill, in quarters. Coarse and fine:

# %%
semsig.sbs(beach.label_map, levels=1)

# %%
signature = semsig.sbs(beach.label_map, levels=3)
signature

# %% [markdown]
# In the paper that is a long string of bits, nearly all of them 0. semsig keeps the cells that are
# not:

# %%
print(f"{signature.schema.n_bits:,} bits, {signature.weight} set, {len(signature.cells)} cells")

# %% [markdown]
# ## A distance, and why
#
# The Hamming distance counts the bits that differ. It is a sum over blocks and classes, so it
# explains itself:

# %%
explain(signature, semsig.sbs(other.label_map, levels=3))

# %% [markdown]
# ## A folder of photos
#
# `Engine` does all of it for files: it segments, signs, stores, searches.

# %%
write_scenes(".", 60)
engine = semsig.Engine.create("scenes.semsig", segmenter="files:labels")
report = engine.add(sorted(Path("photos").rglob("*.jpg")))
print(report.added, "photos added")

# %%
engine.search("photos/beach/0001.jpg", k=4, exclude_self=True)

# %% [markdown]
# ## Words, places, absences
#
# Conditions are read off the signatures; no photo is opened for them.

# %%
engine.search(None, k=3, has="sea, person:bottom", without="boat>1%")

# %%
engine.search("photos/beach/0001.jpg", k=3, has="tree:right", exclude_self=True)

# %% [markdown]
# ## A painted layout
#
# A label map that nobody photographed is a query too: sky above, sea below it, sand at the bottom.

# %%
import numpy as np

classes = beach.label_map.classes
painted = np.full((96, 144), classes.void, classes.dtype)
for name, rows in (("sky", slice(0, 40)), ("sea", slice(40, 72)), ("sand", slice(72, 96))):
    painted[rows] = classes.index(name)
layout = semsig.LabelMap(painted, classes)
layout

# %%
engine.search(layout, k=3, by_class=True)

# %% [markdown]
# Next: [the paper's table on drawn scenes](paper_table.md), [the index inside an app](app.md), [a
# dataset of your own](dataset.md).
