"""Photos into shards by Dask's workers, each with its own network."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import uuid4

from semsig.distributed.layout import ID_BITS, ShardFolder, Workspace
from semsig.distributed.mirrored import MirroredIndex, fetched, is_url
from semsig.engine import AddReport, Engine
from semsig.engine.info import meta_of
from semsig.engine.options import IndexingOptions
from semsig.engine.report import SkippedPhoto
from semsig.errors import OptionError
from semsig.interop.exporting import refusals, require
from semsig.parallel import limit_threads
from semsig.photo import PhotoPath, PhotoRecord, absolute
from semsig.search import HammingIndex, is_unused
from semsig.segment import DEFAULT_SEGMENTER, Segmenter, gives_features, load_segmenter
from semsig.types import SbsSchema

LEAST_DASK = "2024.1"
_RETRIES = 3
"""Retries of a part, for example where a worker given up by Dask still holds the lock."""
_LOCK_SECONDS = 20.0
"""How long a part waits for such a lock."""

Progress = Callable[[int, int], None]
"""Called with (photos done, photos in all) after each part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardingOptions:
    """Options of indexing in shards.

    Parameters
    ----------
    segmenter : str
        As :func:`semsig.load_segmenter` takes it; every worker loads it by itself.
    levels : int
        Level n of the signatures, 0..8.
    pooled : bool, optional
        Whether photos get pooled descriptors; by default, if the network gives features.
    part : int
        Photos per task, at least 1: the work that is repeated if a worker is killed.
    rehash : bool
        As in :class:`semsig.engine.options.IndexingOptions`.

    Raises
    ------
    OptionError
        If a value is out of range.
    """

    segmenter: str = DEFAULT_SEGMENTER
    levels: int = 3
    pooled: bool | None = None
    part: int = 512
    rehash: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.segmenter, str):
            raise OptionError(f"Expected a segmenter's name, got {type(self.segmenter).__name__}.")
        if not 0 <= self.levels <= 8:
            raise OptionError(f"Expected levels 0 to 8, got {self.levels}.")
        if self.part < 1:
            raise OptionError(f"Expected a part of at least 1 photo, got {self.part}.")


def index(
    photos: Iterable[PhotoPath],
    folder: Path | str,
    *,
    client: Any,
    shards: int | None = None,
    options: ShardingOptions | None = None,
    progress: Progress | None = None,
) -> AddReport:
    """Index photos in shards, on Dask's workers: new ones are added, changed ones replaced.

    A photo's path determines its shard. Each shard is an index of :class:`semsig.Engine`
    and follows its rules: unchanged photos are skipped, what a killed worker
    had committed stays, and the same call continues a stopped run. Parts of a shard are
    tasks one after the other, shards run side by side: use two or three shards per worker.

    Parameters
    ----------
    photos : iterable of path-like or URL
        Files that every worker can read: ``s3://...`` and others as fsspec knows them.
    folder : Path or str
        A new folder or one of shards, which every worker can write to: a path or a URL.
    client : distributed.Client
        The client of Dask's scheduler; its dashboard shows the parts as ``semsig-index``.
    shards : int, optional
        How many; needed for a new folder only.
    options : ShardingOptions, optional
        Options of indexing in shards.
    progress : callable, optional
        Called with (done, total) photos after each part.

    Returns
    -------
    AddReport
        What became of the photos, in all shards.

    Raises
    ------
    OptionError, IndexFormatError
        If the folder has another number of shards, other options, or holds something else.
    EngineError
        If ``distributed`` is absent, or a part failed on several workers.
    SemsigError
        What :meth:`semsig.Engine.add` raises on a worker.
    """
    distributed = require("distributed", "distributed", LEAST_DASK)
    options = options or ShardingOptions()
    target = ShardFolder.create(_whole(folder), shards)
    parts = target.partition(map(_whole, photos), _held(client, target))
    total, done, report, started = sum(map(len, parts)), 0, AddReport(), time.monotonic()
    with refusals("Dask"):
        futures = _submitted(client, target, parts, options)
        try:
            for future in distributed.as_completed(list(futures)):
                report = _sum(report, future.result())
                done += futures[future]
                if progress is not None:
                    progress(done, total)
        finally:
            client.cancel(list(futures))
    return replace(report, seconds=time.monotonic() - started)


def _whole(path: PhotoPath) -> str:
    """Return a URL as it is, a path as an absolute one."""
    text = str(path)
    return text if is_url(text) else absolute(path)


def _held(client: Any, target: ShardFolder) -> dict[str, int]:
    """Return the shard of every photo that is indexed, where paths alone do not tell."""
    if not target.has_moves:
        return {}
    numbers = [number for number in range(target.shards) if target.exists(number)]
    with refusals("Dask"):
        found = client.gather(
            [client.submit(paths_of, target.shard(number), pure=False) for number in numbers]
        )
    return {path: number for number, paths in zip(numbers, found, strict=True) for path in paths}


def paths_of(where: str) -> list[str]:
    """Return the photos of a shard; run by a worker."""
    workspace = Workspace(where)
    workspace.fetch()
    return [PhotoRecord.from_json(t).path for t in HammingIndex.open(workspace.path).payloads]


def _submitted(
    client: Any, target: ShardFolder, parts: Sequence[Sequence[str]], options: ShardingOptions
) -> dict[Any, int]:
    """Submit all parts, each after the one before it in its shard; return the photos of each."""
    futures: dict[Any, int] = {}
    run = uuid4().hex
    for shard, photos in enumerate(parts):
        before = None
        for first in range(0, len(photos), options.part):
            part = photos[first : first + options.part]
            before = client.submit(
                index_part,
                target.shard(shard),
                shard,
                part,
                asdict(options),
                before,
                key=f"semsig-index-{run}-{shard}-{first}",
                retries=_RETRIES,
                pure=False,
            )
            futures[before] = len(part)
    return futures


def index_part(
    where: str, shard: int, photos: Sequence[str], options: dict[str, Any], before: Any
) -> AddReport:
    """Index some photos of a shard; run by a worker, perhaps not for the first time.

    `before` is the part before it, which has ended: one writer at a time in a shard.
    """
    del before
    workspace, chosen = Workspace(where), ShardingOptions(**options)
    workspace.fetch()
    opened = _opened(workspace.path, shard, chosen)
    with opened.writer(_LOCK_SECONDS):
        report = _add(opened, photos, chosen)
    workspace.send()
    return report


def _opened(path: Path, shard: int, options: ShardingOptions) -> MirroredIndex:
    segmenter = _segmenter(options.segmenter)
    schema = SbsSchema(options.levels, segmenter.classes)
    if is_unused(path):
        new = MirroredIndex(schema, meta=meta_of(segmenter), first_id=shard << ID_BITS)
        new.save(path, overwrite=False)
    opened = MirroredIndex.open(path)
    opened.show({})
    opened.schema.require(schema)
    return opened


def _add(opened: MirroredIndex, photos: Sequence[str], options: ShardingOptions) -> AddReport:
    segmenter = _segmenter(options.segmenter)
    engine = Engine(opened, segmenter)
    wanted = gives_features(segmenter) if options.pooled is None else options.pooled
    if wanted and "pooled" not in engine.sides:
        engine.add_signature("pooled")
    indexing = IndexingOptions(workers=_threads(), rehash=options.rehash)
    report = engine.add([p for p in photos if not is_url(p)], options=indexing)
    urls = [photo for photo in photos if is_url(photo)]
    if not urls:
        return report
    records = [PhotoRecord.from_json(text) for text in opened.payloads]
    known = {} if options.rehash else {record.path: record for record in records}
    skipped: list[SkippedPhoto] = []
    with fetched(urls, known, skipped) as copies:
        opened.show(copies)
        added = engine.add(copies.values(), options=indexing)
        urls_of = {path: url for url, path in copies.items()}
        skipped += [replace(each, path=urls_of[each.path]) for each in added.skipped]
        opened.show({})
    passed_over = len(urls) - len(copies) - (len(skipped) - len(added.skipped))
    own = replace(added, skipped=tuple(skipped), unchanged=added.unchanged + passed_over)
    return _sum(report, own)


def _sum(one: AddReport, other: AddReport) -> AddReport:
    return AddReport(
        added=one.added + other.added,
        replaced=one.replaced + other.replaced,
        unchanged=one.unchanged + other.unchanged,
        skipped=(*one.skipped, *other.skipped),
        seconds=one.seconds + other.seconds,
    )


@lru_cache(maxsize=2)
def _segmenter(name: str) -> Segmenter:
    """Load a network once per process."""
    limit_threads(_threads())
    return load_segmenter(name, threads=1)


def _threads() -> int:
    """Return the threads of this worker; 1 outside of workers."""
    distributed = require("distributed", "distributed", LEAST_DASK)
    try:
        return int(distributed.get_worker().state.nthreads)
    except ValueError:
        return 1
