"""Cost and latency for a billion photos, simulated from measurements and stated assumptions.

``python -m benchmarks.billion`` reads ``results/distributed.json`` (run ``python -m
benchmarks.distributed`` first): the time per row, the overhead of Dask, and the spread between
queries. It then simulates queries over as many machines as the rows need.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from benchmarks.markdown import load, seconds, table

DRAWS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """The assumptions, and the source of each.

    Parameters
    ----------
    photos : float
        Number of photos.
    resident_bytes, disk_bytes : float
        Bytes per row in memory, measured with 1M rows of 135 cells; and on disk, calculated: two
        bytes per cell, ids and offsets, and a photo record of about 150 bytes.
    memory_gb, usable, cores : float
        Memory and cores of a machine, and the share of its memory that rows may take. Assumed.
    machine_hour, gb_month : float
        Price in dollars of a machine-hour, and of a GB of object storage per month. Assumed: look
        up your provider's.
    network_ms : float
        Round-trip time of a message within a data centre. Assumed.
    photo_ms : float
        Time to read and segment a photo with `lite` on one core; the network is measured, reading
        is assumed to add a third.
    """

    photos: float = 1e9
    resident_bytes: float = 490
    disk_bytes: float = 450
    memory_gb: float = 64
    usable: float = 0.8
    cores: float = 8
    machine_hour: float = 0.40
    gb_month: float = 0.023
    network_ms: float = 0.5
    photo_ms: float = 29


def simulate(given: Assumptions, measured: dict[str, float], spread: NDArray[np.float64]) -> None:
    """Print the number of machines, the latencies and the costs.

    Parameters
    ----------
    measured : dict
        ``row``: seconds per row; ``call``: seconds of the client per call to a worker.
    spread : ndarray, shape (n,)
        Measured CPU times of queries divided by their median: some rule out fewer rows.
    """
    rng = np.random.default_rng(0)
    memory = given.photos * given.resident_bytes
    machines = math.ceil(memory / (given.memory_gb * 1e9 * given.usable))
    rows = given.photos / machines / given.cores
    scan = rows * measured["row"] * rng.choice(spread, (DRAWS, machines))
    # a machine's cores share the query; the client makes one call per machine, sequentially
    calls = machines * measured["call"]
    latency = scan.max(axis=1) + given.network_ms / 1e3 + calls
    still = rows * measured["row"] + given.network_ms / 1e3 + calls
    hours = given.photos * given.photo_ms / 1e3 / 3600 / given.cores
    month = machines * given.machine_hour * 730
    lines = [
        ("memory of all rows", f"{memory / 1e9:,.0f} GB"),
        ("machines", f"{machines} of {given.memory_gb:.0f} GB and {given.cores:.0f} cores"),
        ("shards", f"{machines}, of {given.photos / machines / 1e6:,.0f}M rows"),
        ("a query, k = 10, nothing else running", seconds(still)),
        ("a query, median, 95th, 99th percentile", _percentiles(latency)),
        ("queries a second, all cores", f"{1 / (rows * measured['row']):,.0f}"),
        ("machines a month", f"{month:,.0f} dollars"),
        (
            "a million queries",
            f"{month / (730 * 3600 * 1 / (rows * measured['row'])) * 1e6:,.2f} dollars",
        ),
        (
            "on disk",
            f"{given.photos * given.disk_bytes / 1e9:,.0f} GB, "
            f"{given.photos * given.disk_bytes / 1e9 * given.gb_month:,.0f} dollars a month",
        ),
        (
            "indexing, once",
            f"{hours:,.0f} machine hours, {hours * given.machine_hour:,.0f} dollars; "
            f"{hours / 24 / machines:,.0f} days on the same machines",
        ),
    ]
    print(table(("", f"{given.photos:,.0f} photos"), lines))


def _percentiles(latency: NDArray[np.float64]) -> str:
    return ", ".join(seconds(float(value)) for value in np.percentile(latency, [50, 95, 99]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for field in fields(Assumptions):
        flag = "--" + field.name.replace("_", "-")
        parser.add_argument(flag, type=float, default=field.default)
    given = Assumptions(**vars(parser.parse_args()))
    sizes = load("distributed")["sizes"]
    small, large = (sizes[key] for key in sorted(sizes, key=int))
    one = large["one index"]["single"]
    (workers,) = (name for name in small if "shards on" in name)
    (here,) = (name for name in small if "one process" in name)
    extra = small[workers]["single"]["least"] - small[here]["single"]["least"]
    measured = {
        "row": one["cpu"] / large["rows"],
        "call": extra / small["workers"],
    }
    spread = np.array(one["samples"]) / one["cpu"]
    print(
        f"measured: {measured['row'] * 1e9:.2f} ns a row and core, "
        f"{measured['call'] * 1e3:.2f} ms a call\n"
    )
    simulate(given, measured, spread)


if __name__ == "__main__":
    main()
