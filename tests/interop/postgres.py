"""A temporary PostgreSQL server: on a socket in a new folder, run by a user other than root."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def programs() -> Path | None:
    """The newest server's programs, where Debian has them or on the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: len(str(p)))
    where = found[-1] if found else shutil.which("initdb")
    return Path(where).parent if where else None


@contextmanager
def server() -> Iterator[str]:
    """Start a server; gives its address."""
    bin_ = programs()
    if bin_ is None:
        pytest.skip("no PostgreSQL server; run: apt-get install postgresql")
    # a folder of its own below /tmp: a socket's path has 107 characters at most
    folder = Path(tempfile.mkdtemp(prefix="semsig-pg-", dir="/tmp"))
    who: dict[str, int] = {}
    if os.getuid() == 0:
        nobody = pwd.getpwnam("nobody")
        who = {"user": nobody.pw_uid, "group": nobody.pw_gid}
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    how = {
        "check": True,
        "cwd": folder,
        "env": {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        "stdout": subprocess.DEVNULL,
        **who,
    }
    data = ["-D", str(folder / "data")]
    make = [bin_ / "initdb", *data, "-U", "semsig", "--auth=trust", "-E", "UTF8", "--no-sync"]
    options = f"-k {folder} -c listen_addresses='' -c fsync=off"
    start = [bin_ / "pg_ctl", *data, "-l", str(folder / "log"), "-w", "-o", options, "start"]
    try:
        subprocess.run(make, **how)
        subprocess.run(start, **how)
        try:
            yield f"postgresql://semsig@/postgres?host={folder}"
        finally:
            subprocess.run([bin_ / "pg_ctl", *data, "-m", "immediate", "stop"], **how)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
