"""What environment variables and the system allow: cores and vectors."""

from __future__ import annotations

import math
import os
import subprocess
import sys

import pytest
from semsig_kernels.cores import group_quota, usable_cores

from semsig.errors import OptionError
from semsig.parallel import check_environment


def groups(tmp_path, text, files):
    for name, content in files.items():
        file = tmp_path / "mount" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    (tmp_path / "cgroup").write_text(text)
    return group_quota(tmp_path / "cgroup", tmp_path / "mount")


@pytest.mark.parametrize(
    ("text", "files", "expected"),
    [
        ("0::/\n", {"cpu.max": "max 100000\n"}, math.inf),
        ("0::/\n", {"cpu.max": "200000 100000\n"}, 2.0),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "150000 100000\n"}, 1.5),
        ("0::/a\n", {"a/cpu.max": "50000 100000\n", "cpu.max": "300000 100000\n"}, 0.5),
        ("0::/docker/x\n", {"cpu.max": "400000 100000\n"}, 4.0),
        ("0::/../..\n", {}, math.inf),
        (
            "4:cpu,cpuacct:/a\n0::/\n",
            {"cpu,cpuacct/a/cpu.cfs_quota_us": "300000", "cpu,cpuacct/a/cpu.cfs_period_us": "1e5"},
            3.0,
        ),
        (
            "9:memory:/m\n4:cpu,cpuacct:/docker/x\n",
            {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"},
            math.inf,
        ),
        (
            "4:cpuacct,cpu:/docker/x\n",
            {"cpu/cpu.cfs_quota_us": "250000\n", "cpu/cpu.cfs_period_us": "100000\n"},
            2.5,
        ),
        ("nonsense\n\n::\n0::/\n", {"cpu.max": "nan nan"}, math.inf),
        ("0::/\n", {"cpu.max": "100000 0"}, math.inf),
        ("0::/\n", {"cpu.max": ""}, math.inf),
    ],
)
def test_the_least_quota_of_the_groups_counts(tmp_path, text, files, expected):
    assert groups(tmp_path, text, files) == expected


def test_without_groups_there_is_no_quota(tmp_path):
    assert group_quota(tmp_path / "absent", tmp_path) == math.inf


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux only")
def test_one_core_is_one_worker_and_one_thread():
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from semsig.engine.options import IndexingOptions\n"
        "from semsig_kernels.threads import thread_count\n"
        "print(IndexingOptions().n_workers, thread_count())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "1"]


def test_quota_is_rounded_up_and_never_below_one(monkeypatch):
    for quota, expected in ((0.2, 1), (1.5, 2), (2.0, 2), (math.inf, 64)):
        monkeypatch.setattr("semsig_kernels.cores.group_quota", lambda *_, q=quota: q)
        monkeypatch.setattr("semsig_kernels.cores._schedulable", lambda: 64)
        assert usable_cores() == (expected if math.isfinite(quota) else 64)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SEMSIG_SIMD", "nonsense"),
        ("SEMSIG_SIMD", " avx2"),
        ("NUMBA_NUM_THREADS", "many"),
        ("NUMBA_NUM_THREADS", "0"),
        ("NUMBA_NUM_THREADS", "-3"),
        ("NUMBA_NUM_THREADS", "9" * 5000),
    ],
)
def test_nonsense_in_the_environment_is_an_error_of_ours(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(OptionError, match=f"Expected {name} .*Unset it"):
        check_environment()


@pytest.mark.parametrize(("name", "value"), [("SEMSIG_SIMD", ""), ("SEMSIG_SIMD", "portable")])
def test_what_is_known_passes(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    monkeypatch.setenv("NUMBA_NUM_THREADS", "2")
    assert check_environment() is None


@pytest.mark.parametrize(
    "code",
    [
        "from semsig.cli import main; import sys; sys.argv = ['semsig', 'info', '--index', '/']; "
        "main()",
        "import semsig.errors\ntry: import semsig.search\n"
        "except semsig.errors.SemsigError as e: sys_exit = 1; print(e); raise SystemExit(1)",
        "import semsig\ntry: semsig.sbs\nexcept semsig.SemsigError as e: print(e); "
        "raise SystemExit(1)",
        "import semsig\ntry: semsig.Engine\nexcept semsig.SemsigError as e: print(e); "
        "raise SystemExit(1)",
    ],
)
def test_nonsense_shows_no_traceback_whatever_is_imported_first(code):
    environment = os.environ | {"SEMSIG_SIMD": "nonsense"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 1
    assert "SEMSIG_SIMD" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
