"""The installed mmsegmentation's model zoo: config files and published checkpoints by name."""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from semsig.durable import without_tilde
from semsig.errors import SegmenterError

_WEIGHTS = re.compile(r"^\s*Weights:\s*(\S+)\s*$")
_CONFIG = re.compile(r"^\s*Config:\s*(\S+)\s*$")
_SCHEDULE = re.compile(r"_\d+xb\d+(?:-amp)?-(\d+)k_|-\d+x\d+$")


def find_config(name: str) -> Path:
    """Return the config file that `name` means.

    Parameters
    ----------
    name : str
        A path to a config file; or a name of the zoo, such as
        ``fcn_hr48_4xb4-80k_ade20k-512x512``; or its short form ``MODEL-DATASET``, such as
        ``fcn_hr48-ade20k``, which means the one with the longest schedule.

    Raises
    ------
    SegmenterError
        If mmsegmentation is not installed, or has no such config.
    """
    path = without_tilde(name)
    if path.suffix == ".py" and path.is_file():
        return path.resolve()
    stem = name.removesuffix(".py")
    configs = _configs()
    if stem in configs:
        return configs[stem]
    matches = [config for config in configs if _short(config) == stem]
    if not matches:
        raise SegmenterError(f"mmsegmentation has no config {name!r}.{_near(stem, configs)}")
    return configs[max(matches, key=_schedule)]


def published(config: Path) -> str | None:
    """Return the address of the zoo's checkpoint for a config file; None if there is none."""
    metafile = config.parent / "metafile.yaml"
    if not metafile.is_file():
        return None
    current = ""
    for line in metafile.read_text("utf-8").splitlines():
        if found := _CONFIG.match(line):
            current = Path(found[1]).stem
        elif current == config.stem and (found := _WEIGHTS.match(line)):
            return found[1]
    return None


@cache
def _configs() -> dict[str, Path]:
    """Return {stem: path} of the configs in the installed mmsegmentation."""
    spec = find_spec("mmseg")
    if spec is None or spec.origin is None:
        raise SegmenterError(
            "mmsegmentation is not installed; in a clone, run: pip install '.[mmseg]'"
        )
    root = Path(spec.origin).parent / ".mim" / "configs"
    return {path.stem: path for path in sorted(root.glob("[!_]*/*.py"))}


def _short(stem: str) -> str:
    """``fcn_hr18s_4xb4-80k_ade20k-512x512`` -> ``fcn_hr18s-ade20k``."""
    return _SCHEDULE.sub(lambda part: "-" if part[1] else "", stem)


def _schedule(stem: str) -> int:
    return max((int(k) for k in _SCHEDULE.findall(stem) if k), default=0)


def _near(stem: str, configs: dict[str, Path]) -> str:
    model = stem.partition("-")[0]
    near = sorted({_short(c) for c in configs if c.startswith(model + "_")})
    return f" Near: {', '.join(near[:12])}." if near else " Names are as in fcn_hr48-ade20k."
