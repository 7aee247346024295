"""Files that a run writes: each appears whole or not at all, and none runs code when read."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch


def write_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write tensors and plain values; a crash leaves the file as it was."""
    partial = path.with_suffix(".part")
    with partial.open("wb") as file:
        torch.save(content, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


Row = Mapping[str, float]


class RunLog:
    """One JSON object a line: figures of a run, by photo-views.

    Parameters
    ----------
    path : Path
        The file; created when first written to.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, row: Row) -> None:
        """Add a line."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(dict(row)) + "\n")

    def rows(self) -> list[Row]:
        """Every line so far."""
        if not self.path.exists():
            return []
        return [json.loads(line) for line in self.path.read_text("utf-8").splitlines()]

    def cut(self, views: int) -> None:
        """Drop the lines beyond `views`: the resumed run writes them again."""
        kept = [json.dumps(dict(row)) + "\n" for row in self.rows() if row["views"] <= views]
        partial = self.path.with_suffix(".part")
        partial.write_text("".join(kept), "utf-8")
        partial.replace(self.path)
