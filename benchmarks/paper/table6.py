"""Table 6 and Figure 11: rivals, what they find, what they cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.paper.distances import sbs_distances, scores, vector_distances
from benchmarks.paper.facts import TITLES, number, paper
from benchmarks.paper.material import KIN, Material, cores
from benchmarks.paper.parts import Figure, Heading, Part, Table, Text
from benchmarks.paper.plots import costs, save
from benchmarks.rivals.local import (
    BagOfNeighbours,
    BagOfWords,
    Bigrams,
    Descriptors,
    Encoder,
    Fisher,
    Vlad,
    sample,
    sift,
    unit,
)
from benchmarks.rivals.whole import Describe, colors, efficientnet_lite2, torchvision_network
from semsig.evaluate.rankings import RankingOptions
from semsig.parallel import ordered_map
from semsig.photo.image_files import read_image
from semsig.signatures.sbs.encoding import sbs

ENCODERS: dict[str, tuple[type[Encoder], str]] = {
    "BoVW": (BagOfWords, "bovw"),
    "n-BoVW": (BagOfNeighbours, "n_bovw"),
    "N-gram": (Bigrams, "n_gram"),
    "VLAD": (Vlad, "vlad"),
    "Fisher vectors": (Fisher, ""),
}
"""Rivals made of local descriptors, and what the paper's table calls them."""

POOLS = ("average", "maximum", "GeM")
OWN = {"embedded": "embedded HRNet", "lite": "lite (EfficientNet-Lite0)"}
NETWORKS: dict[str, tuple[Callable[[], Describe], str]] = {
    "VGG16": (partial(torchvision_network, "vgg16"), "vgg"),
    "ResNet101": (partial(torchvision_network, "resnet101"), "resnet"),
    "EfficientNet-Lite2": (efficientnet_lite2, ""),
}
"""Networks that have seen ImageNet, and what the paper's table calls them."""

COLUMNS = ("msrc_v1", "msrc_v2", "linnaeus", "wang", "corel_10k", "ghim_10k")
Row = dict[str, Any]


def run(materials: list[Material]) -> dict[str, Any]:
    """Measure every rival on every dataset."""
    local = {m.name: {"KAZE": _kaze(m), "SIFT": _sift(m)} for m in materials}
    found: dict[str, Any] = {}
    for material in materials:
        rows = [_colors(material), *_local(material, local), *_pooled(material)]
        own = [_sbs(material, network) for network in OWN]
        found[material.name] = [*rows, *_networks(material), *own]
    return found


def _kaze(material: Material) -> list[Descriptors]:
    return [found.descriptors for found in material.keypoints("kaze")]


def _sift(material: Material) -> list[Descriptors]:
    def make(paths: Sequence[Path]) -> Iterator[Descriptors]:
        return ordered_map(lambda path: sift(read_image(path)), paths, cores())

    return material.cache.arrays("rootsift 500", material.photos.paths, make)  # type: ignore[return-value]


def _local(material: Material, local: dict[str, dict[str, list[Descriptors]]]) -> Iterator[Row]:
    """Yield a row an encoder and descriptor."""
    learned_from = _elsewhere(material.name, list(local))
    for kind, own in local[material.name].items():
        rows = sample(local[learned_from][kind])
        for name, (encoder, key) in ENCODERS.items():
            title, by_path = f"{name}, {kind}", dict(zip(material.photos.paths, own, strict=True))
            vectors, seconds = _remembered(
                material,
                f"{title}, learned from {learned_from}",
                partial(encoder.learn, rows),
                by_path.__getitem__,
            )
            row = _row(material, title, vectors, seconds, key)
            yield row | {"learned_from": learned_from}


def _remembered(
    material: Material,
    kind: str,
    learn: Callable[[], Callable[[Any], NDArray[np.float32]]],
    load: Callable[[Path], Any],
) -> tuple[NDArray[np.float32], float]:
    """Return a row a photo, and the CPU seconds that a photo took when its row was made."""

    def make(paths: Sequence[Path]) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        if paths:
            encode = learn()
            encode(load(paths[0]))
        for path in paths:
            item, clock = load(path), time.process_time()
            vector = encode(item)
            yield vector, np.array(time.process_time() - clock)

    kinds = [f"{kind}, vectors", f"{kind}, seconds"]
    vectors, seconds = material.cache.together(kinds, material.photos.paths, make)
    return np.stack(vectors), float(np.mean(seconds))  # type: ignore[arg-type]


def describe_locally(
    material: Material, materials: Sequence[Material], encoder: type[Encoder]
) -> NDArray[np.float32]:
    """Return a vector a photo of KAZE descriptors, learned from another dataset's."""
    by_name = {one.name: one for one in materials}
    elsewhere = by_name[_elsewhere(material.name, list(by_name))]
    encode = encoder.learn(sample(_kaze(elsewhere)))
    return np.stack([encode(descriptors) for descriptors in _kaze(material)])


def _elsewhere(name: str, names: Sequence[str]) -> str:
    """Return a dataset that shares no photos with one; itself where there is no other."""
    return next((other for other in names if not _related(other, name)), name)


def _related(a: str, b: str) -> bool:
    return KIN.get(a, a) == KIN.get(b, b)


def _timed(
    encode: Callable[[Any], NDArray[np.float32]], items: Sequence[Any]
) -> tuple[NDArray[np.float32], float]:
    """Return a row an item, and the CPU seconds that an item took."""
    encode(items[0])
    clock = time.process_time()
    vectors = np.stack([encode(item) for item in items])
    return vectors, (time.process_time() - clock) / len(items)


def _row(
    material: Material, name: str, vectors: NDArray[np.float32], seconds: float, key: str = ""
) -> Row:
    measured = scores(material, vector_distances(material, vectors))
    size = vectors.shape[1] * vectors.itemsize
    return {"method": name, "paper": key, "seconds": seconds, "bytes": size, **measured}


def _colors(material: Material) -> Row:
    name = "colour histogram"
    return _row(material, name, *_remembered(material, name, lambda: colors, read_image))


def _pooled(material: Material) -> Iterator[Row]:
    for (network, title), (pool, name) in product(OWN.items(), enumerate(POOLS)):
        vectors, seconds = _timed(unit, material.features(network)[:, pool])
        yield _row(material, f"{title}, {name} pooling", vectors, seconds)


def _networks(material: Material) -> Iterator[Row]:
    for title, (load, key) in NETWORKS.items():
        try:
            describe = load()
        except Exception as error:  # not installed, or its weights cannot be had
            yield {"method": title, "paper": key, "missing": f"{type(error).__name__}: {error}"}
            continue
        vectors = np.stack(_described(material, title, describe))
        vectors, seconds = _timed(unit, vectors)
        yield _row(material, title, vectors, seconds, key)


def _described(material: Material, name: str, describe: Describe) -> list[Any]:
    def make(paths: Sequence[Path]) -> Iterator[NDArray[np.float32]]:
        return (describe(read_image(path)) for path in paths)

    return material.cache.arrays(f"network {name}", material.photos.paths, make)


def _sbs(material: Material, network: str) -> Row:
    options = RankingOptions(metric="tanimoto-idf")
    maps = material.label_maps(network)
    sbs(maps[0])
    clock = time.process_time()
    signatures = [sbs(label_map) for label_map in maps]
    seconds = (time.process_time() - clock) / len(maps)
    size = sum(signature.cells.nbytes for signature in signatures) / len(maps)
    measured = scores(material, sbs_distances(material, options, network))
    name = f"SBS of {network}, Tanimoto with idf"
    return {"method": name, "paper": "", "seconds": seconds, "bytes": round(size), **measured}


def show(found: dict[str, Any], figures: Path) -> list[Part]:
    """Tabulate rivals beside the paper's figures for them, and what they cost."""
    methods = list(dict.fromkeys(row["method"] for rows in found.values() for row in rows))
    by = {name: {row["method"]: row for row in rows} for name, rows in found.items()}
    rows = [[method, *(_pair(by[name].get(method), name) for name in found)] for method in methods]
    quoted = [name for name in paper()["table6"] if name in ("alexnet", "sacoco", "ayan", "chu")]
    rows += [[f"{name} (quoted)", *(_theirs(name, d) for d in found)] for name in quoted]
    first = {m: next(r for r in rows_of(found) if r["method"] == m) for m in methods}
    real = {m: row for m, row in first.items() if "seconds" in row}
    plot = costs(list(real), [r["seconds"] * 1e3 for r in real.values()], label="ms a photo")
    missing = {row["method"]: row["missing"] for row in rows_of(found) if "missing" in row}
    return [
        Heading("Table 6. Rivals (map_paper; the paper's figure in brackets)"),
        Table(["method", *(TITLES[name] for name in found)], rows),
        *(Text(f"{method} was not run: {why}") for method, why in missing.items()),
        Table(
            ["method", "vector, ms a photo", "bytes a photo"],
            [[m, f"{r['seconds'] * 1e3:.3g}", f"{r['bytes']:,}"] for m, r in real.items()],
        ),
        Text(
            "Times are those of the vector alone, as in the paper: detection, description, and "
            "the network's forward pass are left out."
        ),
        Figure(save(plot, figures, "figure11"), "Figure 11. Construction of one signature"),
    ]


def rows_of(found: dict[str, Any]) -> Iterator[Row]:
    """Yield every dataset's rows."""
    for rows in found.values():
        yield from rows


def _pair(row: Row | None, dataset: str) -> str:
    if row is None:
        return "–"
    theirs = _theirs(row["paper"], dataset)
    ours = number(row.get("map_paper"))
    return ours if theirs == "–" else f"{ours} ({theirs})"


def _theirs(key: str, dataset: str) -> str:
    values = paper()["table6"].get(key)
    return number(values[COLUMNS.index(dataset)], 2) if values else "–"
