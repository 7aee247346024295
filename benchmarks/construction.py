"""Label map -> signature: NumPy, portable kernel and AVX-512 kernel side by side.

    python -m benchmarks.construction [--photos FOLDER] [--plot] [--json]

Writes results/construction.json: one thread, label maps of 256 x 384 over 194 classes. Then times
every signature by the paper's protocol (its Table 4 and Figure 11) on the photos of FOLDER, or on
rendered scenes by default, and writes results/signatures.json and docs/construction.svg (``pip
install --group bench``).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from semsig_kernels._jit import simd
from semsig_kernels.quadtree import encode_lanes, encode_words

from benchmarks import signatures
from benchmarks.paper.facts import paper
from benchmarks.scenes import N_CLASSES, label_maps
from benchmarks.timing import as_entries, cycle, interleave, write_results
from semsig import LabelMap, sbs
from semsig.signatures.sbs.encoding import as_words

HEIGHT, WIDTH, MAPS = 256, 384, 64
BASE = "NumPy, block by block"


def edges(size: int, levels: int) -> list[int]:
    return [i * size >> levels for i in range((1 << levels) + 1)]


def codes_of(counts: NDArray[np.int64], areas: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the cells for pixel counts (blocks, classes) and areas of blocks (blocks, 1)."""
    above = (4 * counts > areas) + (2 * counts > areas).astype(int) + (4 * counts > 3 * areas)
    cells = np.flatnonzero(counts)
    return cells * 4 + above.reshape(-1)[cells]


def by_block(labels: NDArray[np.uint8], levels: int) -> NDArray[np.int64]:
    """Count equal labels for every block and class: the direct transcription of the definition."""
    rows, columns = edges(labels.shape[0], levels), edges(labels.shape[1], levels)
    side = 1 << levels
    counts = np.zeros((side * side, N_CLASSES), np.int64)
    areas = np.zeros((side * side, 1), np.int64)
    for i in range(side):
        for j in range(side):
            block = labels[rows[i] : rows[i + 1], columns[j] : columns[j + 1]]
            areas[i * side + j] = (block != 255).sum()
            for label in range(N_CLASSES):
                counts[i * side + j, label] = (block == label).sum()
    return codes_of(counts, areas)


def by_bincount(labels: NDArray[np.uint8], blocks: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count by one bincount over block * M + label, with precomputed block numbers; no void."""
    n_blocks = int(blocks[-1, -1]) // N_CLASSES + 1
    counts = np.bincount((blocks + labels).reshape(-1), minlength=n_blocks * N_CLASSES)
    counts = counts.reshape(n_blocks, N_CLASSES)
    return codes_of(counts, counts.sum(axis=1, keepdims=True))


def block_numbers(levels: int) -> NDArray[np.int64]:
    """Return the block of each pixel, multiplied by the number of classes."""
    i = np.searchsorted(edges(HEIGHT, levels)[1:], np.arange(HEIGHT), "right")
    j = np.searchsorted(edges(WIDTH, levels)[1:], np.arange(WIDTH), "right")
    return ((i[:, None] << levels) + j) * N_CLASSES


def candidates(maps: list[LabelMap], levels: int) -> dict[str, Callable[[int], object]]:
    cells = np.empty(4**levels * N_CLASSES, np.uint32)
    blocks = block_numbers(levels)
    shape = HEIGHT, WIDTH, levels, N_CLASSES
    found = {
        BASE: lambda i: by_block(maps[i].labels, levels),
        "NumPy, one bincount": lambda i: by_bincount(maps[i].labels, blocks),
        "portable kernel": lambda i: encode_words(as_words(maps[i].labels), 8, *shape, cells),
        "semsig.sbs": lambda i: sbs(maps[i], levels),
    }
    if simd() != "portable":
        name = {"avx512": "AVX-512 kernel", "avx2": "AVX2 kernel"}[simd()]
        found[name] = lambda i: encode_lanes(maps[i].labels.reshape(-1), *shape, cells)
    return found


def check(maps: list[LabelMap], levels: int) -> None:
    """Exit with an error unless all candidates find the same cells."""
    expected = by_block(maps[0].labels, levels)
    other = by_bincount(maps[0].labels, block_numbers(levels))
    if not np.array_equal(expected, other) or sbs(maps[0], levels).cells.tolist() != list(expected):
        sys.exit(f"candidates disagree at n = {levels}")


def first_call_seconds() -> dict[str, float]:
    """Return the seconds of a new process's first ``sbs()``: compiling, and from the cache."""
    program = (
        "import time, numpy as np\n"
        "from semsig import ClassTable, LabelMap, sbs\n"
        "m = LabelMap(np.zeros((8, 8), np.uint8), ClassTable('ab'))\n"
        "t = time.perf_counter(); sbs(m); print(time.perf_counter() - t)"
    )
    with tempfile.TemporaryDirectory() as cache:
        runs = [_run(program, cache) for _ in range(2)]
    return {"compiling": runs[0], "from the cache": runs[1]}


def _run(program: str, cache: str) -> float:
    command = [sys.executable, "-c", program]
    environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return float(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parser.add_argument("--photos", type=Path, help="photos for the paper's protocol")
    parser.add_argument("--plot", action="store_true", help="draw docs/construction.svg")
    args = parser.parse_args()
    maps = label_maps(MAPS, HEIGHT, WIDTH)
    levels_entries = {}
    for levels in range(4):
        check(maps, levels)
        calls = {name: cycle(MAPS, call) for name, call in candidates(maps, levels).items()}
        levels_entries[f"n={levels}"] = as_entries(interleave(calls), BASE)
    entries = {
        "task": f"one {HEIGHT} x {WIDTH} label map, {N_CLASSES} classes, one thread",
        "levels": levels_entries,
        "first call, seconds": first_call_seconds(),
    }
    write_results("construction", entries)
    others = signatures.timings(args.photos)
    write_results("signatures", others)
    if args.plot:
        from benchmarks.plots import draw_construction

        draw_construction(others["runs"], paper()["table4"]["wang"])
    if args.json:
        print(json.dumps({**entries, "signatures": others}, indent=1))
    else:
        print(_table(entries), signatures.table(others), sep="\n")


def _table(entries: dict[str, object]) -> str:
    lines = [str(entries["task"])]
    for levels, timings in entries["levels"].items():  # type: ignore[attr-defined]
        lines += [
            f"  {levels}  {name:24} {t['cpu'] * 1e6:10.1f} us   {t['faster']:8.1f} x"
            for name, t in timings.items()
        ]
    first = entries["first call, seconds"]
    return "\n".join([*lines, f"first call in a new process, seconds: {first}"])


if __name__ == "__main__":
    main()
