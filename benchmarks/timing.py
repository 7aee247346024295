"""Interleaved timing: on a shared machine only ratios within one run are meaningful."""

from __future__ import annotations

import gc
import json
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import llvmlite.binding
import numba
import numpy as np

_LONG = 20
_RIVALS = ("faiss-cpu", "usearch", "opencv-python-headless", "bitarray", "scipy")
RESULTS = Path(__file__).resolve().parent.parent / "results"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Seconds per call.

    Parameters
    ----------
    median, least : float
        Median and minimum wall time over the repeats.
    cpu : float
        Median CPU time of the process: the one to compare for single-threaded work on a shared
        machine.
    """

    median: float
    least: float
    cpu: float


def interleave(
    candidates: Mapping[str, Callable[[], object]],
    *,
    repeats: int = 7,
    least_seconds: float = 0.03,
) -> dict[str, Timing]:
    """Time callables in turns, so that noise affects all of them equally.

    Parameters
    ----------
    candidates : mapping of str to callable
        What to time, by name. Each is first called twice to warm up, or once if that takes longer
        than a second. If a call takes more than _LONG seconds, it is the only turn.
    repeats : int
        Number of turns of each callable.
    least_seconds : float
        A turn repeats its call until about that many seconds have passed.
    """
    loops, turns = {}, {}
    for name, call in candidates.items():
        loops[name], turns[name] = _first_calls(call, least_seconds)
    gc.disable()
    for _ in range(repeats):
        for name, call in candidates.items():
            if loops[name]:
                turns[name].append(_time(call, loops[name]))
    gc.enable()
    return {name: _summary(samples) for name, samples in turns.items()}


def _first_calls(
    call: Callable[[], object], least_seconds: float
) -> tuple[int, list[tuple[float, float]]]:
    """Return the number of calls per turn and no turns; for a long call, 0 and its only turn."""
    first = _time(call, 1)
    if first[0] > _LONG:
        return 0, [first]
    wall = first[0] if first[0] > 1 else _time(call, 1)[0]
    return max(1, round(least_seconds / max(wall, 1e-9))), []


def _time(call: Callable[[], object], loops: int) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(loops):
        call()
    return (time.perf_counter() - wall) / loops, (time.process_time() - cpu) / loops


def _summary(samples: list[tuple[float, float]]) -> Timing:
    walls, cpus = zip(*samples, strict=True)
    return Timing(median=statistics.median(walls), least=min(walls), cpu=statistics.median(cpus))


def ratios(timings: Mapping[str, Timing], base: str) -> dict[str, float]:
    """Return the speed-up of each over `base`, by median CPU time."""
    return {name: timings[base].cpu / timing.cpu for name, timing in timings.items()}


def cycle(count: int, call: Callable[[int], object]) -> Callable[[], object]:
    """Return a callable that passes 0, 1, ..., count - 1, 0, ... to `call`, one per call."""
    turn = iter(int(i) for i in _forever(count))
    return lambda: call(next(turn))


def _forever(count: int) -> Any:
    while True:
        yield from range(count)


def machine() -> dict[str, object]:
    """Return what the timings depend on: processor, vector instructions, versions."""
    features = llvmlite.binding.get_host_cpu_features()
    wanted = ("popcnt", "avx2", "avx512f", "avx512bw", "avx512vpopcntdq")
    return {
        "model": _model(),
        "processor": llvmlite.binding.get_host_cpu_name(),
        "features": [name for name in wanted if features.get(name)],
        "cpus": numba.config.NUMBA_NUM_THREADS,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": numba.__version__,
        **{name: version(name) for name in _RIVALS if _is_installed(name)},
    }


def _model() -> str:
    """Return the processor's name, as reported by Linux."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor()


def _is_installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


def write_results(name: str, entries: Mapping[str, object]) -> Path:
    """Write ``results/<name>.json`` and return its path."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({"machine": machine(), **entries}, indent=1) + "\n")
    return path


def as_entries(timings: Mapping[str, Timing], base: str) -> dict[str, dict[str, float]]:
    """Return timings as plain dicts, with ``faster``, the speed-up over `base`."""
    faster = ratios(timings, base)
    return {name: {**asdict(t), "faster": faster[name]} for name, t in timings.items()}
