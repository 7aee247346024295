"""Reading torch checkpoints as data: nothing in them is ever run."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from semsig.durable import open_regular
from semsig.errors import CheckpointError

_CORES = ("core", "_core")  # numpy.core became numpy._core in NumPy 2


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Return the content of a checkpoint on the CPU, its weights under ``"state_dict"``.

    Only ``torch.load(..., weights_only=True)`` is used: tensors, plain containers and
    what is listed in :func:`_stand_ins`. A checkpoint that wants anything else is
    refused before it runs.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged, carries code, or holds no weights.
    """
    import torch

    try:
        with (
            torch.serialization.safe_globals(_stand_ins()),
            warnings.catch_warnings(),
            open_regular(path) as file,
        ):
            warnings.simplefilter("ignore")
            content = torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error
    except Exception as error:  # torch raises nearly every type there is on damaged files
        raise CheckpointError(
            f"{path} is damaged, or holds more than weights and so could run code; it was "
            f"refused. {_wanted(error)}"
        ) from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds a {type(content).__name__}, not a checkpoint.")
    weights = content.get("state_dict", content)
    tensors = isinstance(weights, dict) and {isinstance(w, torch.Tensor) for w in weights.values()}
    if tensors != {True}:
        raise CheckpointError(f"{path} holds no weights under 'state_dict'.")
    return {"meta": {}} | content | {"state_dict": dict(weights)}


class _Ignored:
    """Stands in for mmengine's HistoryBuffer: training curves, of no use here."""


def _nothing(*_: object) -> None:
    """Stand in for getattr, by which HistoryBuffer's own pickles name its methods."""


def _stand_ins() -> list[Any]:
    """Return what mmengine's checkpoints name beyond torch's own types.

    The names of mmengine and Python are answered by stand-ins that do nothing. NumPy's rebuild
    arrays and scalars from bytes and run nothing of the checkpoint's.
    """
    from numpy._core import multiarray

    dtypes = {type(np.dtype(code)) for code in "?bBhHiIlLqQefd"}
    return [
        (_Ignored, "mmengine.logging.history_buffer.HistoryBuffer"),
        (_nothing, "builtins.getattr"),
        *((multiarray._reconstruct, f"numpy.{core}.multiarray._reconstruct") for core in _CORES),
        *((multiarray.scalar, f"numpy.{core}.multiarray.scalar") for core in _CORES),
        np.ndarray,
        np.dtype,
        *dtypes,
    ]


def _wanted(error: Exception) -> str:
    """Name what a refused checkpoint asked for."""
    found = re.search(r"GLOBAL (\S+)", str(error))
    return f"It asks for {found[1]}." if found else f"({type(error).__name__})"
