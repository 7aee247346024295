"""Build sdist and wheel twice, compare them, check the wheel's content, install and run it.

python scripts/check_wheel.py
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LARGEST = 20_000_000
"""Largest size of the wheel in bytes; nearly all of it is the two networks."""

EXPECTED = (
    "semsig/__init__.py",
    "semsig/py.typed",
    "semsig/tables/*.toml",
    "semsig/datasets/*.toml",
    "semsig/segment/weights/semsig54.onnx",
    "semsig/segment/weights/semsig54.json",
    "semsig/segment/weights/lite54.onnx",
    "semsig/segment/weights/lite54.json",
    "semsig/segment/weights/LITE_CARD.md",
    "semsig-*.dist-info/licenses/licenses/Apache-2.0.txt",
    "semsig/signatures/pooled/projections/*.npz",
    "semsig/signatures/sbovp/vocabularies/*.npz",
    "semsig/query/words.toml",
    "semsig/server/static/*.js",
    "semsig/server/static/*.css",
    "semsig/server/static/*.svg",
    "semsig/report/templates/*.html",
    "semsig_kernels/__init__.py",
    "semsig_kernels/py.typed",
    "semsig-*.data/data/share/man/man1/semsig.1",
)
"""Patterns of which the wheel must hold at least one file each."""

ALLOWED = (
    *EXPECTED,
    "semsig/segment/weights/*.md",
    "semsig/*.py",
    "semsig_kernels/*.py",
    "semsig-*.dist-info/*",
)
"""Patterns of all files that the wheel may hold; ``*`` also matches folders."""


def main() -> None:
    """Run every check; the first that fails ends the program."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first = build(ROOT, folder / "first")
        copy_elsewhere(folder / "elsewhere" / "source")
        second = build(
            folder / "elsewhere" / "source", folder / "second", umask=0o077, TZ="Asia/Tokyo"
        )
        check_same(first, second)
        wheel = next(file for file in first if file.suffix == ".whl")
        check_contents(wheel)
        run_installed(wheel, folder)


def build(source: Path, out: Path, *, umask: int = 0o022, **environment: str) -> list[Path]:
    """Build sdist and wheel as `python -m build` does, and return both.

    Files in both have the date of the last commit, unless SOURCE_DATE_EPOCH is set.
    """
    command = [sys.executable, "-m", "build", "--outdir", str(out), str(source)]
    environment = {"SOURCE_DATE_EPOCH": date_of_commit()} | os.environ | environment
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment, umask=umask)
    return sorted(out.iterdir())


def date_of_commit() -> str:
    """Return when the last commit was made, in seconds since 1970."""
    command = ["git", "log", "-1", "--format=%ct"]
    return subprocess.run(
        command, check=True, capture_output=True, text=True, cwd=ROOT
    ).stdout.strip()


def copy_elsewhere(target: Path) -> None:
    """Copy the files that git tracks or would track, with other dates and fewer permissions."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_bytes((ROOT / name).read_bytes())
            (target / name).chmod((ROOT / name).stat().st_mode & 0o700)


def check_same(first: list[Path], second: list[Path]) -> None:
    """Fail unless two builds are byte-identical."""
    hashes = [
        {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in built}
        for built in (first, second)
    ]
    if hashes[0] != hashes[1] or len(hashes[0]) != 2:
        sys.exit(f"Expected the same sdist and wheel twice, got {hashes[0]} and {hashes[1]}.")
    for name, digest in hashes[0].items():
        print(f"{digest}  {name}, twice")  # noqa: T201


def check_contents(wheel: Path) -> None:
    """Fail unless the wheel holds what it should and nothing else, and is small enough."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    missing = [pattern for pattern in EXPECTED if not fnmatch.filter(names, pattern)]
    strange = [name for name in names if not any(fnmatch.fnmatch(name, p) for p in ALLOWED)]
    size = wheel.stat().st_size
    if missing:
        sys.exit(f"The wheel lacks {missing}.")
    if strange:
        sys.exit(f"The wheel holds files that do not belong in it: {strange}.")
    if size > LARGEST:
        sys.exit(f"The wheel has {size:,} bytes; the limit is {LARGEST:,}.")
    print(f"{wheel.name}: {len(names)} files, {size:,} bytes")  # noqa: T201


def run_installed(wheel: Path, folder: Path) -> None:
    """Install the wheel alone into a folder; import it and run its command from there."""
    target = folder / "installed"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
    subprocess.run([*install, str(target), str(wheel)], check=True)
    environment = os.environ | {"PYTHONPATH": str(target), "PYTHONSAFEPATH": "1"}
    where = "import semsig, semsig_kernels; print(semsig.__file__, semsig_kernels.__file__)"
    tables = "from semsig.datasets import dataset_names; print(*dataset_names())"
    commands = [
        [sys.executable, "-c", where],
        [sys.executable, "-c", tables],
        [sys.executable, str(target / "bin" / "semsig"), "--version"],
    ]
    outputs = [
        subprocess.run(
            command, check=True, capture_output=True, text=True, cwd=folder, env=environment
        ).stdout
        for command in commands
    ]
    if any(not Path(file).is_relative_to(target) for file in outputs[0].split()):
        sys.exit(f"Expected the installed packages to be imported; {outputs[0]} was.")
    if "wang" not in outputs[1].split():
        sys.exit(f"Expected the datasets in the wheel; found {outputs[1]!r}.")
    if not outputs[2].startswith("semsig "):
        sys.exit(f"Expected a version; `semsig --version` printed {outputs[2]!r}.")
    print(f"installed: {outputs[2].strip()}, datasets {outputs[1].strip()}")  # noqa: T201


if __name__ == "__main__":
    main()
