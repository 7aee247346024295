"""Reading torch checkpoints as data: nothing in them is ever run."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from semsig.errors import CheckpointError


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Return the content of a checkpoint on the CPU, its weights under ``"state_dict"``.

    Only ``torch.load(..., weights_only=True)`` is used: tensors and plain containers, and the
    few harmless types of :func:`_harmless_types`. A checkpoint that wants anything else is
    refused before it runs.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged, carries code, or holds no weights.
    """
    import torch

    try:
        with torch.serialization.safe_globals(_harmless_types()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error
    except Exception as error:  # torch raises nearly every type there is on damaged files
        raise CheckpointError(
            f"{path} is damaged, or holds more than weights and so could run code; it was "
            f"refused. {_first_line(error)}"
        ) from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds a {type(content).__name__}, not a checkpoint.")
    weights = content.get("state_dict", content)
    if not weights or not all(isinstance(w, torch.Tensor) for w in weights.values()):
        raise CheckpointError(f"{path} holds no weights under 'state_dict'.")
    return {"meta": {}} | content | {"state_dict": dict(weights)}


def _harmless_types() -> list[Any]:
    """Types beyond torch's own that mmengine's checkpoints hold: training curves in NumPy arrays.

    Rebuilding them sets attributes and copies numbers; none runs anything of the checkpoint's.
    """
    import numpy as np
    from mmengine.logging.history_buffer import HistoryBuffer
    from numpy._core import multiarray

    dtypes = [type(np.dtype(kind)) for kind in (np.float64, np.float32, np.int64, np.int32, bool)]
    reconstruct = multiarray._reconstruct
    return [
        HistoryBuffer,
        np.ndarray,
        np.dtype,
        *dtypes,
        (reconstruct, "numpy.core.multiarray._reconstruct"),
        (reconstruct, "numpy._core.multiarray._reconstruct"),
        (multiarray.scalar, "numpy.core.multiarray.scalar"),
        (multiarray.scalar, "numpy._core.multiarray.scalar"),
    ]


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
