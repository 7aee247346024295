"""Read checkpoints of torch and safetensors as data: no code in them is ever run."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from semsig.documents import parse_json
from semsig.durable import open_regular
from semsig.errors import CheckpointError

SAFETENSORS = ".safetensors"
META = "semsig"
"""Key in a safetensors file's header that holds the JSON object ``meta``."""

_CORES = ("core", "_core")  # numpy.core became numpy._core in NumPy 2


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Return the content of a checkpoint on the CPU, its weights under ``"state_dict"``.

    A file whose name ends in ``.safetensors`` is read by that library, and what semsig wrote to
    its header is returned under ``"meta"``. Any other file is read by
    ``torch.load(..., weights_only=True)``, which accepts tensors, plain containers and what
    :func:`_stand_ins` lists, and refuses anything else before it is run.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged, carries code, or holds no weights.
    """
    import torch

    if path.suffix == SAFETENSORS:
        return _load_safetensors(path)
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
    except Exception as error:  # torch raises almost any exception type on damaged files
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


def _load_safetensors(path: Path) -> dict[str, Any]:
    from safetensors import SafetensorError, safe_open

    try:
        open_regular(path).close()
        with safe_open(path, framework="pt") as file:
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            meta = parse_json((file.metadata() or {}).get(META, "{}"))
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error
    except (SafetensorError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged: {error}. Fetch or write it again.") from error
    if not weights or not isinstance(meta, dict):
        raise CheckpointError(f"Expected tensors and an object named {META!r}, got none in {path}.")
    return {"meta": meta, "state_dict": weights}


class _Ignored:
    """Replaces mmengine's HistoryBuffer, which holds training curves: not needed here."""


def _nothing(*_: object) -> None:
    """Replace getattr, by which pickles of HistoryBuffer name its methods."""


def _stand_ins() -> list[Any]:
    """Return replacements for the names in mmengine's checkpoints that are not torch's own.

    Names of mmengine and Python resolve to stand-ins that do nothing. Those of NumPy are its own
    functions, which rebuild arrays and scalars from bytes and run no code of the checkpoint.
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
    """Name the object that a refused checkpoint asked for."""
    found = re.search(r"GLOBAL (\S+)", str(error))
    return f"It asks for {found[1]}." if found else f"({type(error).__name__})"
