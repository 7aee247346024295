"""Files of a run: each is written whole or not at all, and reading them runs no code."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from semsig.documents import Entries, parse_json
from semsig.durable import read_regular, write_file
from semsig.errors import CheckpointError
from semsig.segment.checkpoint import META


def write_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write tensors and plain values; a crash leaves the earlier file as it was."""
    memory = io.BytesIO()  # writing to the file, torch raises a RuntimeError on a full disk
    torch.save(content, memory)
    write_file(path, memory.getvalue())


def write_weights(path: Path, state_dict: Mapping[str, Any], meta: Mapping[str, Any]) -> None:
    """Write weights to share as a safetensors file, with `meta` as JSON in its header.

    :func:`semsig.segment.checkpoint.load_checkpoint` reads both back.

    Parameters
    ----------
    path : Path
        Ends in ``.safetensors``; a crash leaves an earlier file as it was.
    state_dict : mapping of str to torch.Tensor
        The weights.
    meta : mapping of str to object
        JSON values.
    """
    # safetensors refuses tensors that share memory
    tensors = {
        name: tensor.detach().cpu().clone().contiguous() for name, tensor in state_dict.items()
    }
    header = {"format": "pt", META: json.dumps(meta, allow_nan=False)}
    write_file(path, safetensors.torch.save(tensors, header))


Row = Mapping[str, float]


class RunLog:
    """The figures of a run by photo-views, one JSON object per line.

    Parameters
    ----------
    path : Path
        The file; created at the first write.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, row: Row) -> None:
        """Add a line."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(dict(row)) + "\n")

    def rows(self) -> list[Row]:
        """Return all lines so far.

        Raises
        ------
        CheckpointError
            If a line is not a JSON object of numbers.
        """
        if not self.path.exists():
            return []
        try:
            lines = read_regular(self.path).decode().splitlines()
            return [_row(Entries(parse_json(line), "a line")) for line in lines]
        except ValueError as error:
            raise CheckpointError(
                f"{self.path} is damaged: {error}. Delete it; the run goes on without."
            ) from error

    def cut(self, views: int) -> None:
        """Drop the lines beyond `views`, which the resumed run writes again."""
        kept = [json.dumps(dict(row)) + "\n" for row in self.rows() if row["views"] <= views]
        write_file(self.path, "".join(kept).encode())


def _row(entries: Entries) -> Row:
    entries.number("views")
    return {key: entries.number(key) for key in entries}
