"""Kill a writer at random moments and check that its index never loses a row.

A child process changes an index continuously: it adds, removes, replaces and compacts, and reports
each finished step. Meanwhile the parent reads the index, kills the child (SIGKILL) at a random
moment, and compares the index with a dictionary to which the same steps were applied. The index
must be in the state after the last reported step, or after the next one if its report was lost.
``python -m benchmarks.kill`` prints the counts; the exit status is 1 on any loss.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from semsig.classes import ClassTable
from semsig.search import HammingIndex, verify_index
from semsig.types import SbsSchema, SbsSignature

SCHEMA = SbsSchema(2, ClassTable([f"class {number}" for number in range(20)]))
ROWS = 200

Model = dict[int, int]
"""The seed of each id's signature, in order of insertion."""


def signature(seed: int) -> SbsSignature:
    rng = np.random.default_rng(seed)
    cell = np.sort(rng.choice(SCHEMA.n_cells, 60, replace=False))
    return SbsSignature(cell * 4 + rng.integers(0, 4, 60), SCHEMA)


def change(step: int, held: Sequence[int]) -> tuple[str, list[int]]:
    """Return a step's operation and its ids; deterministic, so that both processes agree."""
    rng = random.Random(step)
    kind = rng.choices(["add", "remove", "replace", "compact"], [5, 3, 3, 1])[0]
    if kind == "add" or len(held) < 20:
        first = step * 100
        return "add", list(range(first, first + rng.randint(1, 30)))
    if len(held) > ROWS:
        return "remove", rng.sample(sorted(held), ROWS // 2)
    return kind, rng.sample(sorted(held), rng.randint(1, 10))


def apply_to_model(model: Model, step: int) -> Model:
    kind, ids = change(step, list(model))
    if kind == "compact":
        return model
    rest = {id_: seed for id_, seed in model.items() if id_ not in ids}
    return rest if kind == "remove" else {**rest, **{id_: id_ + step for id_ in ids}}


def apply_to_index(index: HammingIndex, step: int) -> None:
    kind, ids = change(step, index.ids.tolist())
    seeds = [id_ + step for id_ in ids]
    rows, texts = [signature(seed) for seed in seeds], [str(seed) for seed in seeds]
    match kind:
        case "add":
            index.add(rows, ids, payloads=texts)
        case "remove":
            index.remove(ids)
        case "replace":
            index.replace(ids, rows, payloads=texts)
        case "compact":
            index.compact()


def write_without_pause(path: Path, step: int) -> None:
    index = HammingIndex.open(path)
    print(step, flush=True)
    while True:
        step += 1
        apply_to_index(index, step)
        print(step, flush=True)


def equals(index: HammingIndex, model: Model) -> bool:
    seeds = list(model.values())
    return (
        index.ids.tolist() == list(model)
        and list(index.payloads) == [str(seed) for seed in seeds]
        and all(index.signature(id_) == signature(seed) for id_, seed in model.items())
    )


def run_and_kill(path: Path, step: int, seconds: float) -> tuple[int, int]:
    """Return the last step that the child finished, and how often the index was read."""
    command = [sys.executable, "-m", "benchmarks.kill", "--write", str(path), "--step", str(step)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        lines = [child.stdout.readline()]
        end, reads = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            list(HammingIndex.open(path).payloads)
            reads += 1
        child.kill()
        lines += child.stdout.readlines()
    return int(lines[-1]), reads


def leftovers(path: Path) -> int:
    manifest = json.loads((path / "manifest.json").read_bytes())
    named = sum(len(part["files"]) + bool(part["removed"]) for part in manifest["segments"])
    return len(list(path.iterdir())) - named - 2


def demonstrate(path: Path, kills: int, seed: int) -> Counter[str]:
    HammingIndex(SCHEMA).save(path)
    rng, model, step, tally = random.Random(seed), Model(), 0, Counter[str]()
    for _ in range(kills):
        done, reads = run_and_kill(path, step, rng.uniform(0, 0.25))
        for number in range(step + 1, done + 1):
            model = apply_to_model(model, number)
        later = apply_to_model(model, done + 1)
        index, report = HammingIndex.open(path), verify_index(path)
        before, after = equals(index, model), equals(index, later)
        tally.update(
            kills=1,
            steps_finished=done - step,
            reads_while_written=reads,
            killed_in_mid_write=leftovers(path) > 0,
            as_before_the_step=before,
            as_after_the_step=after and not before,
            lost=not (before or after),
            damaged_files=len(report.damaged),
        )
        step, model = (done, model) if before else (done + 1, later)
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--step", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write:
        write_without_pause(options.write, options.step)
    with tempfile.TemporaryDirectory() as folder:
        tally = demonstrate(Path(folder) / "index", options.kills, options.seed)
    print(json.dumps(tally, indent=1))
    return 1 if tally["lost"] or tally["damaged_files"] else 0


if __name__ == "__main__":
    sys.exit(main())
