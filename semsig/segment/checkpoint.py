"""Reading checkpoints of torch and safetensors as data: nothing in them is ever run."""

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
"""Key of a safetensors file's header under which the JSON object ``meta`` is kept."""

_CORES = ("core", "_core")  # numpy.core became numpy._core in NumPy 2


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Return the content of a checkpoint on the CPU, its weights under ``"state_dict"``.

    A file whose name ends in ``.safetensors`` is read by that library, and what semsig wrote to
    its header stands under ``"meta"``. Any other file is read by
    ``torch.load(..., weights_only=True)``, which accepts tensors, plain containers and what
    :func:`_stand_ins` lists, and refuses anything else before it runs.

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
