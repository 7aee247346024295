"""Time from starting the command to its answer, in a new process.

A few rendered scenes are indexed with the embedded network. Then ``semsig search`` is started in
a new process with a photo that is not in the index: first with an empty Numba cache, as after
installation, then with a warm one. ``python -m benchmarks.coldstart`` writes
``results/coldstart.json``. Files stay in the operating system's cache, so the time is that of the
program, not of the disk.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from semsig.parallel import usable_cores
from semsig.synthetic import write_scenes

RESULT = Path(__file__).parent.parent / "results" / "coldstart.json"
COMMAND = [sys.executable, "-m", "semsig"]
PHOTOS = 60


class Cost(NamedTuple):
    """Wall time and CPU time in seconds; CPU time is more reliable on a busy machine."""

    clock: float
    processor: float


def cost(command: Sequence[str], cache: Path) -> Cost:
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache)}
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(time.perf_counter() - started, processor)


def median(command: Sequence[str], cache: Path, repeats: int) -> Cost:
    return sorted(cost(command, cache) for _ in range(repeats))[repeats // 2]


def measure(folder: Path, repeats: int) -> dict[str, Cost]:
    photos = sorted(write_scenes(folder, PHOTOS + 1).glob("*/*.jpg"))
    known, unknown = photos[:-1], photos[-1]
    cache, index = folder / "cache", folder / "index"
    first = cost([*COMMAND, "index", *map(str, known), "--index", str(index)], cache)
    search = [*COMMAND, "search", str(unknown), "--index", str(index)]
    by_known = [*COMMAND, "search", str(known[0]), "--index", str(index)]
    return {
        "python -c pass": median([sys.executable, "-c", "pass"], cache, repeats),
        "import semsig": median([sys.executable, "-c", "import semsig"], cache, repeats),
        "semsig --help": median([*COMMAND, "--help"], cache, repeats),
        "index 60 photos, first run ever": first,
        "search, first run ever": cost(search, folder / "empty"),
        "search, compiled before": median(search, cache, repeats),
        "search by an indexed photo": median(by_known, cache, repeats),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), options.repeats)
    result = {
        "seconds": {name: round(value.clock, 3) for name, value in figures.items()},
        "processor_seconds": {name: round(value.processor, 3) for name, value in figures.items()},
        "repeats": options.repeats,
        "load_average_1_min": round(os.getloadavg()[0], 2),
        "machine": {
            "cpus": usable_cores(),
            "processor": platform.processor() or platform.machine(),
            "python": platform.python_version(),
        },
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
