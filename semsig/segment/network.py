"""Build mmsegmentation's networks without letting it load, download or print anything."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from semsig.errors import CheckpointError, SegmenterError

if TYPE_CHECKING:
    import torch


def read_config(path: Path) -> Any:
    """Return a config file's content as mmengine's Config. The file is Python code that is run.

    Raises
    ------
    SegmenterError
        If mmsegmentation is not installed, or the file is not the config of a network.
    """
    register_mmseg()
    from mmengine.config import Config

    try:
        with _silenced():
            config = Config.fromfile(path)
    except Exception as error:
        raise SegmenterError(f"{path} is no config: {error}") from error
    if "model" not in config:
        raise SegmenterError(f"{path} has no entry 'model'; it is no config of a network.")
    return config


def build_network(config: Any, *, n_classes: int | None = None) -> torch.nn.Module:
    """Build the network of a config, in eval mode, with random weights.

    Parameters
    ----------
    config : mmengine.config.Config
        As returned by :func:`read_config`. It is not changed.
    n_classes : int, optional
        Channels of the decode head; the config's own number by default.

    Raises
    ------
    SegmenterError
        If mmsegmentation cannot build it.
    """
    from mmseg.registry import MODELS

    model = config.copy().model
    model.pretrained = None
    model.pop("auxiliary_head", None)
    if n_classes is not None:
        for head in _heads(model):
            head.num_classes = n_classes
    _prepare(model)
    try:
        with _silenced():
            return MODELS.build(model).eval()
    except Exception as error:
        raise SegmenterError(f"mmsegmentation cannot build this network: {error}") from error


def fill(network: torch.nn.Module, weights: dict[str, Any]) -> None:
    """Load a checkpoint's weights into `network`; those of auxiliary heads are ignored.

    Raises
    ------
    CheckpointError
        If weights are missing, left over, or of another shape.
    """
    used = {name: w for name, w in weights.items() if not name.startswith("auxiliary_head.")}
    try:
        network.load_state_dict(used)
    except RuntimeError as error:
        detail = " ".join(line.strip() for line in str(error).splitlines()[1:3])[:300]
        raise CheckpointError(f"The checkpoint is of another network: {detail}") from error


@cache
def register_mmseg() -> None:
    """Import mmsegmentation and register its modules, once.

    Raises
    ------
    SegmenterError
        If it is not installed.
    """
    try:
        with _silenced():
            from mmseg.utils import register_all_modules

            register_all_modules()
    except ImportError as error:
        raise SegmenterError(
            f"mmsegmentation is not usable ({error}); in a clone, run: pip install '.[mmseg]'"
        ) from error


def _heads(model: Any) -> list[Any]:
    head = model.get("decode_head") or []
    return list(head) if isinstance(head, list | tuple) else [head]


def _prepare(part: Any) -> None:
    """Use plain batch norm, which runs on a CPU, and drop the addresses of initial weights."""
    if isinstance(part, dict):
        if part.get("type") == "SyncBN":
            part["type"] = "BN"
        part.pop("init_cfg", None)
    children = part.values() if isinstance(part, dict) else part
    for child in children:
        if isinstance(child, dict | list | tuple):
            _prepare(child)


@contextlib.contextmanager
def _silenced() -> Iterator[None]:
    """Hide what mmsegmentation prints, and the deprecation notes of its imports."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
