"""Kill ``semsig index`` at random moments and check that nothing it had stored is lost.

Each run is killed (SIGKILL) at a random time after its first write and taken up by the next;
when an index is complete, another is begun. After every kill ``verify`` must find no damage, every
photo that was stored before must still be, and every signature must be that of an index that was
made without interruption. ``python -m benchmarks.kill_index`` prints the tally; the exit status
is 1 on any loss.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from semsig.engine import Engine
from semsig.search import verify_index
from semsig.types import SbsSignature

RUN = [sys.executable, "-m", "semsig", "index"]


def write_photos(folder: Path, count: int) -> tuple[Path, str]:
    """Write photos that are cheap to read, with label maps; return folder and segmenter."""
    photos, maps = folder / "photos", folder / "maps"
    photos.mkdir()
    maps.mkdir()
    (maps / "classes.txt").write_text("".join(f"class {number}\n" for number in range(9)))
    rng = np.random.default_rng(0)
    for number in range(count):
        coarse = rng.integers(0, 9, (4, 4), np.uint8)
        Image.fromarray(coarse.repeat(8, 0).repeat(8, 1)).save(maps / f"{number:05}.png")
        (photos / f"{number:05}.jpg").write_bytes(rng.bytes(200))
    return photos, f"files:{maps}"


def stored(path: Path) -> dict[str, SbsSignature]:
    engine = Engine.open(path)
    return {
        photo: engine.index.signature(int(id_))
        for photo, id_ in zip(engine.paths, engine.index.ids, strict=True)
    }


def run_and_kill(arguments: list[str], manifest: Path, seconds: float) -> bool:
    """Kill a run some time after its first write; return whether it was still going."""
    before = generation(manifest)
    with subprocess.Popen([*RUN, *arguments], stdout=subprocess.DEVNULL) as process:
        while process.poll() is None and generation(manifest) == before:
            time.sleep(0.002)
        time.sleep(seconds)
        process.kill()
    if process.returncode > 0:
        raise SystemExit(f"A run ended with {process.returncode} before it was killed.")
    return process.returncode < 0


def generation(manifest: Path) -> int:
    return manifest.stat().st_mtime_ns if manifest.exists() else -1


def demonstrate(folder: Path, kills: int, count: int, longest: float, seed: int) -> Counter[str]:
    photos, segmenter = write_photos(folder, count)
    whole = Engine.create(folder / "whole", segmenter=segmenter)
    whole.add(sorted(photos.iterdir()))
    expected = stored(folder / "whole")
    rng, path, tally = random.Random(seed), folder / "index", Counter[str]()
    before: dict[str, SbsSignature] = {}
    arguments = [str(photos), "--index", str(path), "--segmenter", segmenter]
    while tally["kills"] < kills:
        tally["kills"] += run_and_kill(arguments, path / "manifest.json", rng.uniform(0, longest))
        now = stored(path)
        tally.update(
            damaged_files=len(verify_index(path).damaged),
            photos_lost=len(before.keys() - now.keys()),
            signatures_wrong=sum(expected[photo] != found for photo, found in now.items()),
            photos_gained=len(now) - len(before),
            left_partly_done=0 < len(now) < count,
        )
        before = now
        if len(now) == count:
            tally["indexes_completed"] += 1
            shutil.rmtree(path)
            before = {}
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--photos", type=int, default=6000)
    parser.add_argument(
        "--longest", type=float, default=1.0, help="seconds from first write to kill"
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tally = demonstrate(
            Path(folder), options.kills, options.photos, options.longest, options.seed
        )
    print(json.dumps(tally, indent=1))
    return 1 if tally["photos_lost"] or tally["damaged_files"] or tally["signatures_wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
