"""Put damaged image files through ``semsig index`` and check that none stops it.

Rendered scenes are saved in every format that is read; bytes are flipped, cut out, zeroed,
doubled, or the end is cut off. ``python -m benchmarks.mutated_images`` prints what became of
them; the exit status is 1 if the run failed, a file was left uncounted, or ``verify`` found damage.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from semsig.synthetic import scenes

COMMAND = [sys.executable, "-m", "semsig"]
FORMATS = ("jpg", "png", "webp", "bmp", "tif", "gif")

Mutation = Callable[[bytearray, random.Random], bytearray]


def flip(content: bytearray, rng: random.Random) -> bytearray:
    for _ in range(rng.choice([1, 4, 64])):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    return content


def flip_in_header(content: bytearray, rng: random.Random) -> bytearray:
    for _ in range(rng.randint(1, 6)):
        content[rng.randrange(min(64, len(content)))] = rng.randrange(256)
    return content


def cut_end(content: bytearray, rng: random.Random) -> bytearray:
    return content[: rng.randrange(len(content))]


def cut_middle(content: bytearray, rng: random.Random) -> bytearray:
    start = rng.randrange(len(content))
    return content[:start] + content[start + rng.randint(1, 999) :]


def zero(content: bytearray, rng: random.Random) -> bytearray:
    start = rng.randrange(len(content))
    stop = min(len(content), start + rng.randint(1, 2000))
    content[start:stop] = bytes(stop - start)
    return content


def double(content: bytearray, rng: random.Random) -> bytearray:
    start = rng.randrange(len(content))
    return content[:start] + content[start // 2 :]


MUTATIONS: tuple[Mutation, ...] = (flip, flip_in_header, cut_end, cut_middle, zero, double)


def write_mutants(folder: Path, count: int, seed: int) -> None:
    """Write `count` damaged files, formats and mutations in turn."""
    rng = random.Random(seed)
    for number, scene in enumerate(scenes(count, seed, (96, 64))):
        path = folder / f"{number:04}.{FORMATS[number % len(FORMATS)]}"
        Image.fromarray(scene.image).save(path)
        mutate = MUTATIONS[number // len(FORMATS) % len(MUTATIONS)]
        path.write_bytes(mutate(bytearray(path.read_bytes()), rng))


def run(*arguments: str) -> dict[str, object]:
    done = subprocess.run([*COMMAND, *arguments, "--json"], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{arguments} ended with {done.returncode}: {done.stderr}")
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        photos, index = Path(folder, "photos"), str(Path(folder, "index"))
        photos.mkdir()
        write_mutants(photos, options.count, options.seed)
        report = run("index", str(photos), "--index", index)
        verified = run("verify", "--index", index)
    kept = ("added", "skipped", "skipped_by_reason", "seconds")
    tally = {"mutants": options.count, "verify_ok": verified["ok"]} | {k: report[k] for k in kept}
    print(json.dumps(tally, indent=1))
    whole = report["added"] + report["skipped"] == options.count
    return 0 if whole and verified["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
