"""How many CPU cores this process may use, by its CPU affinity and the quotas of its cgroups."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_GROUPS = Path("/proc/self/cgroup")
_MOUNT = Path("/sys/fs/cgroup")


def usable_cores() -> int:
    """Return how many cores this process may use now, at least 1."""
    quota = group_quota(_GROUPS, _MOUNT)
    return max(1, math.ceil(min(_schedulable(), quota)))


def _schedulable() -> int:
    """Return the cores that the process may be scheduled on."""
    if hasattr(os, "process_cpu_count"):  # Python 3.13
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def group_quota(groups: Path, mount: Path) -> float:
    """Return the CPU time per second that control groups allow a process; inf if unlimited.

    Parameters
    ----------
    groups : Path
        File that lists the process's groups, in the format of ``/proc/self/cgroup``.
    mount : Path
        Where control groups of version 1 or 2 are mounted.

    Returns
    -------
    float
        Above 0: the smallest quota of the process's groups and their ancestors.
    """
    try:
        lines = groups.read_text().splitlines()
    except OSError:
        return math.inf
    quotas = [quota for line in lines for quota in _quotas(line, mount)]
    return min(quotas, default=math.inf)


def _quotas(line: str, mount: Path) -> Iterator[float]:
    """Yield the quotas of one line ``number:controllers:path``; cgroup v2 names no controllers."""
    _, controllers, path = [*line.split(":", 2), "", ""][:3]
    names = controllers.split(",")
    roots = [mount / "cpu", mount / controllers] if "cpu" in names else []
    own = PurePosixPath(path.lstrip("/"))
    for folder in [own, *own.parents]:  # a container may see its own group as the root
        if not controllers:
            yield from _read(mount / folder / "cpu.max")
        for root in roots:
            yield from _read(
                root / folder / "cpu.cfs_quota_us", root / folder / "cpu.cfs_period_us"
            )


def _read(*files: Path) -> Iterator[float]:
    """Yield quota / period from files that hold both in microseconds; nothing if unlimited."""
    try:
        quota, period = (
            float(word) for word in " ".join(file.read_text() for file in files).split()
        )
    except (OSError, ValueError):  # absent, or "max"
        return
    if 0 < quota < math.inf and 0 < period < math.inf:  # -1 is no limit in version 1
        yield quota / period
