"""Segmentation stage: photos in, label maps out."""

from __future__ import annotations

from pathlib import Path

from semsig.errors import SegmenterError
from semsig.segment.base import PathSegmenter, Segmenter
from semsig.segment.pipeline import segment_path, segment_paths

__all__ = ["PathSegmenter", "Segmenter", "load_segmenter", "segment_path", "segment_paths"]


def load_segmenter(name: str = "embedded", *, threads: int | None = None) -> Segmenter:
    """Load a segmenter by name.

    Parameters
    ----------
    name : str
        * ``embedded``: the network that the package carries;
        * ``onnx:FILE``: a network exported by semsig, its card beside it;
        * ``mmseg:CONFIG`` or ``mmseg:CONFIG@CHECKPOINT``: any network of mmsegmentation, see
          :class:`semsig.segment.mmseg.MmsegSegmenter`;
        * ``files:DIR`` or ``files:DIR@TABLE``: label maps on disk, see
          :class:`semsig.segment.files.FilesSegmenter`.

        The first two take ``@SIDE``: pixels of the short side that photos are resized to, as in
        ``embedded@256``.
    threads : int, optional
        Threads that a network may use; all cores by default.

    Raises
    ------
    SegmenterError
        If there is no such segmenter, or it cannot be loaded.
    OptionError
        If SIDE or `threads` is out of range.
    """
    kind, _, rest = name.partition(":")
    if kind.partition("@")[0] == "embedded" and not rest:
        return _load_onnx(name, threads)
    if kind == "onnx" and rest:
        return _load_onnx(rest, threads)
    if kind == "files" and rest:
        return _load_files(rest)
    if kind == "mmseg" and rest:
        from semsig.segment.mmseg import load_mmseg

        return load_mmseg(rest, threads=threads)
    raise SegmenterError(
        f"No segmenter {name!r}; there are embedded, onnx:FILE, mmseg:CONFIG[@CHECKPOINT] and "
        "files:DIR[@TABLE]."
    )


def _load_onnx(source: str, threads: int | None) -> Segmenter:
    from semsig.segment.onnx import OnnxOptions, OnnxSegmenter, embedded

    file, _, side = source.rpartition("@")
    if not (file and side.isdecimal()):
        file, side = source, ""
    options = OnnxOptions(short_side=int(side) if side else None, threads=threads)
    if file == "embedded":
        return embedded(options)
    return OnnxSegmenter(Path(file).expanduser(), options)


def _load_files(source: str) -> Segmenter:
    from semsig.segment.files import FilesSegmenter

    folder, _, table = source.rpartition("@")
    if Path(source).expanduser().is_dir() or not folder:
        return FilesSegmenter(Path(source).expanduser())
    return FilesSegmenter(Path(folder).expanduser(), table)
