"""OpenCV, from whichever of its distributions is installed.

Four of them hold the same package ``cv2``: ``opencv-python`` (which ``pip install semsig`` brings),
``opencv-python-headless``, ``opencv-contrib-python`` and ``opencv-contrib-python-headless``. Any
serves; two at a time overwrite each other's files. docs/install.md says how to choose.
"""

from __future__ import annotations

from semsig.errors import MissingPackageError

try:
    import cv2 as cv2
except ImportError as error:  # absent, or a library that the system lacks, as libGL in containers
    raise MissingPackageError(
        f"Expected OpenCV, got {error}; pip install opencv-python-headless, or any other of its "
        "distributions (see docs/install.md)."
    ) from error
