"""Segmentation stage: photos in, label maps out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from semsig.durable import without_tilde
from semsig.errors import SegmenterError
from semsig.segment.base import (
    FeatureSegmenter,
    PathSegmenter,
    Segmenter,
    gives_features,
    require_features,
)
from semsig.segment.options import NetworkOptions
from semsig.segment.pipeline import segment_path, segment_paths

if TYPE_CHECKING:
    from semsig.segment.download import Progress

__all__ = [
    "DEFAULT_SEGMENTER",
    "FeatureSegmenter",
    "PathSegmenter",
    "Segmenter",
    "fetch_checkpoint",
    "gives_features",
    "is_packaged",
    "load_segmenter",
    "require_features",
    "segment_path",
    "segment_paths",
]


DEFAULT_SEGMENTER = "lite"
"""By ``python -m scripts.choose_pooled`` on training photos: own category, pooled descriptors, map
0.524 against the HRNet's 0.403, in a third of its time."""

_ALIASES = {"hrnet": "embedded"}


def load_segmenter(
    name: str = DEFAULT_SEGMENTER, *, threads: int | None = None, progress: Progress | None = None
) -> Segmenter:
    """Load a segmenter by name.

    Parameters
    ----------
    name : str
        * ``lite``: an EfficientNet-Lite0 that has seen ImageNet, in the package;
        * ``hrnet`` or ``embedded``: the HRNet that the package carries, too, with which the
          paper's tables are reproduced; three times as slow, its label maps find less;
        * ``onnx:FILE``: a network exported by semsig, its card beside it;
        * ``mmseg:CONFIG`` or ``mmseg:CONFIG@CHECKPOINT``: any network of mmsegmentation, see
          :class:`semsig.segment.mmseg.MmsegSegmenter`;
        * ``files:DIR`` or ``files:DIR@TABLE``: label maps on disk, see
          :class:`semsig.segment.files.FilesSegmenter`.

        Networks take ``@SIDE`` at the end: pixels of the short side that photos are resized to,
        64 to 1024, as in ``lite@256``.
    threads : int, optional
        Threads that a network may use; all cores by default.
    progress : callable, optional
        Called with (bytes so far, bytes in all or None) while a checkpoint is downloaded.

    Raises
    ------
    SegmenterError
        If there is no such segmenter, or it cannot be loaded.
    OptionError
        If SIDE or `threads` is out of range.
    """
    kind, _, rest = name.partition(":")
    if kind == "files" and rest:
        return _load_files(rest)
    from semsig.segment.card import PACKAGED

    source, side = _split_side(name)
    options = NetworkOptions(short_side=side, threads=threads)
    kind, _, rest = source.partition(":")
    if source in PACKAGED:
        return _load_packaged(source, options)
    if kind == "onnx" and rest:
        return _load_onnx(rest, options)
    if kind == "mmseg" and rest:
        return _load_mmseg(rest, options, progress)
    raise SegmenterError(
        f"No segmenter {name!r}; there are {', '.join(PACKAGED)}, onnx:FILE, "
        "mmseg:CONFIG[@CHECKPOINT] and files:DIR[@TABLE]."
    )


def is_packaged(name: str) -> bool:
    """Tell whether a segmenter's name means a network that the package carries."""
    from semsig.segment.card import PACKAGED

    return _split_side(name)[0] in PACKAGED


def fetch_checkpoint(name: str, *, progress: Progress | None = None) -> None:
    """Download what :func:`load_segmenter` would download for `name`, if anything.

    Parameters
    ----------
    name : str
        A segmenter's name.
    progress : callable, optional
        Called with (bytes so far, bytes in all or None).

    Raises
    ------
    SegmenterError
        If there is no such config, or the download fails.
    """
    if name.startswith("mmseg:"):
        from semsig.segment.mmseg import locate_checkpoint

        config, _, checkpoint = _split_side(name)[0].removeprefix("mmseg:").partition("@")
        locate_checkpoint(config, checkpoint or None, progress=progress)


def _split_side(name: str) -> tuple[str, int | None]:
    """``hrnet@256`` -> ``embedded``, 256."""
    source, _, side = name.rpartition("@")
    if not (source and side.isdecimal()):
        source, side = name, ""
    return _ALIASES.get(source, source), int(side[:9]) if side else None


def _load_packaged(name: str, options: NetworkOptions) -> Segmenter:
    from semsig.segment.onnx import packaged

    return packaged(name, options)


def _load_onnx(file: str, options: NetworkOptions) -> Segmenter:
    from semsig.segment.onnx import OnnxSegmenter

    return OnnxSegmenter(without_tilde(file), options)


def _load_mmseg(source: str, options: NetworkOptions, progress: Progress | None) -> Segmenter:
    from semsig.segment.mmseg import MmsegSegmenter

    config, _, checkpoint = source.partition("@")
    return MmsegSegmenter(config, checkpoint or None, options, progress=progress)


def _load_files(source: str) -> Segmenter:
    from semsig.segment.files import FilesSegmenter

    folder, _, table = source.rpartition("@")
    if without_tilde(source).is_dir() or not folder:
        return FilesSegmenter(without_tilde(source))
    return FilesSegmenter(without_tilde(folder), table)
