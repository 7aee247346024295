# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # The index inside an app
#
# A small catalogue of pictures: items have keys, prices and a picture; visitors upload a picture
# and get items that look like it, in stock and within their budget. The app is some twenty lines;
# the index is exact, safe to change while it is searched, and survives the process.

# %%
import io
import json
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor

from PIL import Image

import semsig
from semsig.synthetic import scenes

os.chdir(tempfile.mkdtemp())

# %% [markdown]
# ## The app
#
# `Engine.put` takes an upload (bytes, a file object or a PIL image) under a key; only its
# signatures are kept. The payload is any JSON value.


# %%
class Catalogue:
    def __init__(self, folder):
        self.engine = semsig.Engine.create(folder)

    def put(self, key, upload, **item):
        self.engine.put(key, upload, item)

    def sell(self, key):
        item = self.engine.get(key).payload
        self.engine.set_payload(key, {**item, "stock": item["stock"] - 1})

    def like(self, upload, budget, k=3):
        def affordable(item):
            return item["price"] <= budget and item["stock"] > 0

        try:
            hits = self.engine.search(upload, k=k, where=affordable)
        except semsig.SemsigError as error:
            return {"error": str(error)}
        return {"items": [{"key": hit.path, "distance": round(hit.distance, 3)} for hit in hits]}


# %% [markdown]
# ## Items
#
# The default network segments and describes each upload; on real photos it is at home, on these
# drawn ones it manages.


# %%
def as_upload(image):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG")
    return buffer.getvalue()


*pictures, visitor = scenes(31)
shop = Catalogue("catalogue.semsig")
for number, picture in enumerate(pictures):
    shop.put(
        f"{picture.category}-{number:02}", as_upload(picture.image), price=10 * number, stock=1
    )
print(len(shop.engine), "items; the visitor's picture shows:", visitor.category)
Image.fromarray(visitor.image)

# %% [markdown]
# ## Asking

# %%
print(json.dumps(shop.like(as_upload(visitor.image), budget=250), indent=1))

# %% [markdown]
# What is sold out is not found any more, from the next search on:

# %%
best = shop.like(as_upload(visitor.image), budget=250)["items"][0]["key"]
shop.sell(best)
left = shop.like(as_upload(visitor.image), budget=250)["items"]
print(best, "sold; now first:", left[0]["key"])

# %% [markdown]
# A broken upload is an answer, not a crash:

# %%
print(shop.like(b"not a picture", budget=250))

# %% [markdown]
# ## Many visitors at once
#
# Searches release the GIL and take no lock; each sees the index as it was when it began.

# %%
with ThreadPoolExecutor(4) as pool:
    answers = list(pool.map(lambda p: shop.like(as_upload(p.image), budget=300), pictures[:8]))
same = sum(answer["items"][0]["distance"] < 0.01 for answer in answers)
print(same, "of 8 find themselves first")

# %% [markdown]
# ## The next process
#
# Every `put` was a commit: synced, whole or not at all. Another process opens the folder and goes
# on.

# %%
again = semsig.Engine.open("catalogue.semsig")
print(len(again), "items,", again.get(best).payload)
