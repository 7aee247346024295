"""ARCHITECTURE.md names files that there are, and the layers of the tree."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "ARCHITECTURE.md").read_text("utf-8")


def test_every_path_is_there():
    named = re.findall(r"`((?:semsig|tests|kernels|scripts|datasets|benchmarks)/[\w./]*)`", PAGE)
    assert len(named) > 20
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_folder_of_the_package_is_on_the_map():
    folders = {path.parent.name for path in (ROOT / "semsig").glob("*/__init__.py")} - {"synthetic"}
    assert {folder for folder in folders if f"{folder}/" not in PAGE} == set()
