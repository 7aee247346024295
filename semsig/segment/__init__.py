"""Segmentation stage: photos in, label maps out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from semsig.arguments import NOTHING, WHOLE, typed
from semsig.durable import without_tilde
from semsig.errors import SegmenterError
from semsig.segment.base import (
    FeatureSegmenter,
    MapSegmenter,
    PathSegmenter,
    Segmenter,
    gives_features,
    require_features,
    require_maps,
)
from semsig.segment.devices import Device
from semsig.segment.options import NetworkOptions
from semsig.segment.pipeline import segment_path, segment_paths

if TYPE_CHECKING:
    from semsig.segment.download import Progress

__all__ = [
    "DEFAULT_SEGMENTER",
    "FeatureSegmenter",
    "MapSegmenter",
    "PathSegmenter",
    "Segmenter",
    "fetch_checkpoint",
    "gives_features",
    "is_packaged",
    "load_segmenter",
    "require_features",
    "require_maps",
    "segment_path",
    "segment_paths",
    "segmenter_names",
]


DEFAULT_SEGMENTER = "lite"
"""Chosen by ``python -m scripts.choose_defaults``: on training photos that search for their own
category by pooled descriptors, map 0.705 against the HRNet's 0.546, in a third of its time."""

GROUP = "semsig.segmenters"
"""Group of the entry points by which other packages add segmenters."""

_ALIASES = {"hrnet": "embedded"}


@typed(name=str, threads=(*WHOLE, NOTHING), device=str)
def load_segmenter(
    name: str = DEFAULT_SEGMENTER,
    *,
    threads: int | None = None,
    device: Device = "auto",
    progress: Progress | None = None,
) -> Segmenter:
    """Load a segmenter by name.

    Parameters
    ----------
    name : str
        * ``lite``: an EfficientNet-Lite0 pre-trained on ImageNet, shipped with the package;
        * ``hrnet`` or ``embedded``: the HRNet that the package also ships, with which the paper's
          tables are reproduced; three times as slow, and its label maps retrieve less well;
        * ``onnx:FILE``: a network exported by semsig, with its card beside it;
        * ``mmseg:CONFIG`` or ``mmseg:CONFIG@CHECKPOINT``: any network of mmsegmentation, see
          :class:`semsig.segment.mmseg.MmsegSegmenter`;
        * ``cnn:NAME[@WEIGHTS]``: a network of torchvision or timm that describes photos but
          does not segment them, see :class:`semsig.segment.cnn.CnnSegmenter`;
        * ``files:DIR`` or ``files:DIR@TABLE``: label maps on disk, see
          :class:`semsig.segment.files.FilesSegmenter`. ``@ade20k`` means ADE20K's own numbers (0 =
          unlabelled), ``@ade20k-mmseg`` mmsegmentation's (0 = wall), ``@cityscapes-labelids`` the
          34 ids.

        Other packages add segmenters by entry points of the group ``semsig.segmenters``: NAME or
        NAME:REST calls the object that NAME points to as ``load(REST, threads=threads)``.

        The name of a network may end in ``@SIDE``, as in ``lite@256``: the short side in pixels
        that photos are resized to, 64 to 1024.
    threads : int, optional
        Threads that a network may use; all cores by default.
    device : {"auto", "cpu", "cuda", "coreml", "openvino", "mps"}
        Where a network runs, see :class:`semsig.segment.options.NetworkOptions`.
    progress : callable, optional
        Called with (bytes so far, total bytes or None) while a checkpoint is downloaded.

    Raises
    ------
    SegmenterError
        If there is no such segmenter, or it cannot be loaded.
    OptionError
        If SIDE, `threads` or `device` is out of range.

    Warns
    -----
    DeviceWarning
        If the device is not available; the network runs on the CPU.
    """
    kind, _, rest = name.partition(":")
    if kind == "files" and rest:
        return _load_files(rest)
    from semsig.segment.card import PACKAGED

    source, side = _split_side(name)
    options = NetworkOptions(short_side=side, threads=threads, device=device)
    kind, _, rest = source.partition(":")
    if source in PACKAGED:
        return _load_packaged(source, options)
    if kind == "onnx" and rest:
        return _load_onnx(rest, options)
    if kind == "mmseg" and rest:
        return _load_mmseg(rest, options, progress)
    if kind == "cnn" and rest:
        return _load_cnn(rest, options, progress)
    return _load_brought(name, kind, rest, threads)


def segmenter_names() -> list[str]:
    """Return the names of the packaged segmenters, and the prefixes of the other names."""
    from semsig.segment.card import PACKAGED

    return [*PACKAGED, *_ALIASES, "onnx:", "mmseg:", "files:"]


def is_packaged(name: str) -> bool:
    """Tell whether a segmenter's name means a network shipped with the package."""
    from semsig.segment.card import PACKAGED

    return _split_side(name)[0] in PACKAGED


def fetch_checkpoint(name: str, *, progress: Progress | None = None) -> None:
    """Download what :func:`load_segmenter` would download for `name`, if anything.

    Parameters
    ----------
    name : str
        A segmenter's name.
    progress : callable, optional
        Called with (bytes so far, total bytes or None).

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


def _load_cnn(source: str, options: NetworkOptions, progress: Progress | None) -> Segmenter:
    from semsig.segment.cnn import CnnSegmenter

    network, _, weights = source.partition("@")
    return CnnSegmenter(network, weights or None, options, progress=progress)


def _load_brought(name: str, kind: str, rest: str, threads: int | None) -> Segmenter:
    """Load a segmenter that another package provides by an entry point."""
    from importlib.metadata import entry_points

    from semsig.segment.card import PACKAGED

    brought = {point.name: point for point in entry_points(group=GROUP)}
    if kind not in brought:
        known = [
            *PACKAGED,
            "onnx:FILE",
            "mmseg:CONFIG[@CHECKPOINT]",
            "cnn:NAME[@WEIGHTS]",
            "files:DIR[@TABLE]",
            *brought,
        ]
        raise SegmenterError(f"No segmenter {name!r}; there are {', '.join(known)}.")
    try:
        load = brought[kind].load()
    except (ImportError, AttributeError) as error:
        raise SegmenterError(
            f"Segmenter {kind!r} of {brought[kind].value} cannot be loaded: {error}."
        ) from error
    segmenter: Segmenter = load(rest, threads=threads)
    return segmenter


def _load_files(source: str) -> Segmenter:
    from semsig.segment.files import FilesSegmenter

    folder, _, table = source.rpartition("@")
    if without_tilde(source).is_dir() or not folder:
        return FilesSegmenter(without_tilde(source))
    return FilesSegmenter(without_tilde(folder), table)
