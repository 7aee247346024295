"""Without OpenCV, what needs it says what to install; nothing else needs it."""

from __future__ import annotations

import subprocess
import sys

WITHOUT = "import sys; sys.modules['cv2'] = None; "


def python(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT + program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_its_absence_is_an_error_of_semsig_and_of_imports():
    done = python("import semsig.opencv")
    assert "MissingPackageError: Expected OpenCV, got " in done.stderr
    assert "pip install opencv-python-headless" in done.stderr
    caught = python(
        "from semsig.errors import SemsigError\n"
        "for kind in SemsigError, ImportError:\n"
        "    try:\n"
        "        import semsig.opencv\n"
        "    except kind as error:\n"
        "        print(kind.__name__)\n"
    )
    assert caught.stdout.split() == ["SemsigError", "ImportError"]


def test_the_command_ends_with_one_line(tmp_path):
    command = "from semsig.cli import main; main()"
    done = python(command, "demo", "--count", "40", "--out", str(tmp_path / "demo"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("semsig: Expected OpenCV, got ")
    assert len(done.stderr.splitlines()) == 1


def test_signatures_are_made_and_searched_without_it():
    done = python(
        "import numpy as np, semsig\n"
        "classes = semsig.ClassTable(['sky', 'sea'])\n"
        "maps = [semsig.LabelMap(np.eye(4, dtype=np.uint8), classes)]\n"
        "index = semsig.HammingIndex(semsig.SbsSchema(1, classes))\n"
        "index.add([semsig.sbs(one, 1) for one in maps])\n"
        "print(*index.search(semsig.sbs(maps[0], 1), k=1)[0])\n"
    )
    assert (done.stdout, done.stderr) == ("[0]\n", "")
