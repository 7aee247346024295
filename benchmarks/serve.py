"""Throughput and latency of ``semsig serve`` with 1, 8 and 32 concurrent clients.

Rendered scenes are indexed, a server process is started, and wrk (``apt-get install wrk``) requests
the neighbours of indexed photos, no two requests being the same, and of uploaded photos of one
megapixel, no two having the same bytes. ``python -m benchmarks.serve`` writes
``results/serve.json``; if the folder of an index is given, that index is served instead.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from PIL import Image as PillowImage

from benchmarks.markdown import table
from benchmarks.timing import RESULTS
from semsig.engine import Engine
from semsig.parallel import usable_cores
from semsig.synthetic import write_scenes

PHOTOS = 300
CLIENTS = (1, 8, 32)
DONE = """
done = function(summary, latency, requests)
  io.write(string.format('RESULT {"answers": %d, "seconds": %.3f, "lost": %d, "refused": %d,' ..
    ' "p50_ms": %.2f, "p95_ms": %.2f, "p99_ms": %.2f, "most_ms": %.2f}\\n', summary.requests,
    summary.duration / 1e6,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    summary.errors.status, latency:percentile(50) / 1e3, latency:percentile(95) / 1e3,
    latency:percentile(99) / 1e3, latency.max / 1e3))
end
local thread = 0
setup = function(one) thread = thread + 1; one:set("own", thread) end
local n = 0
"""
INDEXED = (
    DONE
    + """
request = function()
  n = n + 1
  local id = (n * 7919 + own * 104729) % COUNT
  local path = "/api/v1/search?k=20&id=" .. id .. "" .. "&v=" .. own .. "-" .. n
  return wrk.format("GET", path)
end
"""
)
UPLOAD = (
    DONE
    + """
local file = io.open("FILE", "rb")
local photo = file:read("*a")
file:close()
request = function()
  n = n + 1
  local body = photo .. own .. "-" .. n .. "-" .. os.time()
  return wrk.format("POST", "/api/v1/search/photo?k=20", {["Content-Type"] = "image/jpeg"}, body)
end
"""
)


def start(index: Path) -> tuple[subprocess.Popen[str], str, float]:
    """Start a server; return it, its address, and the seconds until it answered."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "semsig", "serve", "--index", index, "--port", "0"]
    server = subprocess.Popen(
        [*command, "--anonymous"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    assert server.stdout is not None
    address = server.stdout.readline().split(" at ")[1].strip()
    subprocess.run(
        ["curl", "-sf", "--retry", "50", "--retry-all-errors", f"{address}api/v1/health"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return server, address, time.perf_counter() - started


def load(address: str, script: str, clients: int, seconds: int) -> dict[str, Any]:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        said = subprocess.run(
            [
                "wrk",
                "-t1",
                f"-c{clients}",
                f"-d{seconds}s",
                "--timeout=60s",
                "-s",
                file.name,
                address,
            ],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    line = next(line for line in said.splitlines() if line.startswith("RESULT "))
    found: dict[str, Any] = json.loads(line.removeprefix("RESULT "))
    return found


def memory(pid: int) -> float:
    """Return the peak memory of a process in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


def processor(pid: int) -> float:
    """Return the CPU seconds of a process, which are reliable on a busy machine, too."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("index", nargs="?", type=Path, help="Folder of an index.")
    parser.add_argument("--seconds", type=int, default=10)
    given = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("Expected wrk, got none; apt-get install wrk.")
    with tempfile.TemporaryDirectory() as folder:
        photos = sorted(write_scenes(Path(folder), PHOTOS).glob("*/*.jpg"))[:PHOTOS]
        large = Path(folder) / "large.jpg"
        with PillowImage.open(photos[0]) as picture:
            picture.resize((1224, 816)).save(large, quality=90)
        index = given.index or Path(folder) / "index"
        if given.index is None:
            Engine.create(index).add(photos)
        count = len(Engine.open(index))
        server, address, started = start(index)
        started_processor = processor(server.pid)
        scripts = {
            "indexed": INDEXED.replace("COUNT", str(count)),
            "upload of 1 MP": UPLOAD.replace("FILE", str(large)),
        }
        rows = []
        try:
            for what, script in scripts.items():
                load(address, script, 1, 2)
                for clients in CLIENTS:
                    before = processor(server.pid)
                    row = load(address, script, clients, given.seconds)
                    spent = processor(server.pid) - before
                    row["processor_ms"] = round(1e3 * spent / max(1, row["answers"]), 1)
                    row["memory_mib"] = round(memory(server.pid))
                    rows.append({"what": what, "clients": clients} | row)
        finally:
            server.terminate()
            server.wait()
    document = {
        "photos": count,
        "cores": usable_cores(),
        "machine": platform.machine(),
        "busy": round(os.getloadavg()[0], 1),
        "start_seconds": round(started, 2),
        "start_processor_seconds": round(started_processor, 2),
        "rows": rows,
    }
    (RESULTS / "serve.json").write_text(json.dumps(document, indent=1) + "\n")
    names = ("what", "clients", "answers", "lost", "refused", "p50_ms", "p95_ms")
    names += ("processor_ms", "memory_mib")
    print(
        f"{count:,} photos, {usable_cores()} cores, answers {started:.1f} s after its start "
        f"({started_processor:.1f} s of the processor)"
    )
    print(table(names, ([str(row[name]) for name in names] for row in rows)))


if __name__ == "__main__":
    main()
