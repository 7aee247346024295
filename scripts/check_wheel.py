"""Build the wheel, check what is in it, install it elsewhere and run it there.

python scripts/check_wheel.py
"""

from __future__ import annotations

import fnmatch
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LARGEST = 20_000_000
"""Bytes that the wheel may have; nearly all of it are the two networks."""

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
    "semsig/report/*.html",
    "semsig/query/words.toml",
    "semsig/server/static/*.js",
    "semsig/server/static/*.css",
    "semsig/server/static/*.svg",
    "semsig/server/templates/*.html",
    "semsig_kernels/__init__.py",
    "semsig_kernels/py.typed",
)
"""At least one file of each must be there."""

ALLOWED = (
    *EXPECTED,
    "semsig/segment/weights/*.md",
    "semsig/*.py",
    "semsig_kernels/*.py",
    "semsig-*.dist-info/*",
)
"""Nothing else may be; ``*`` also stands for folders."""


def main() -> None:
    """Run every check; the first that fails ends the program."""
    with tempfile.TemporaryDirectory() as folder:
        wheel = build(Path(folder))
        check_contents(wheel)
        run_installed(wheel, Path(folder))


def build(folder: Path) -> Path:
    """Build the wheel and return it."""
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    (wheel,) = folder.glob("*.whl")
    return wheel


def check_contents(wheel: Path) -> None:
    """Fail unless the wheel holds what it should, nothing else, and is small enough."""
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
