"""The engine: segmenter, signatures and index put together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, cast, get_args

from semsig.arguments import NAMES, NOTHING, PATH, typed
from semsig.engine.adding import Adding, Progress
from semsig.engine.catalogue import key_of, prune_photos, remove_photos
from semsig.engine.info import (
    EngineInfo,
    meta_of,
    remembered_segmenter,
    require_segmenter,
    same_segmenter,
)
from semsig.engine.keyed import KeyedPhotos, PayloadTest, as_paths, as_query
from semsig.engine.layouts import BY_CLASS, LayoutSearch
from semsig.engine.moving import folder_of, moved_along
from semsig.engine.options import IndexingOptions
from semsig.engine.queries import Query, QueryReader, View, is_path
from semsig.engine.report import AddReport
from semsig.engine.searcher import Search, Searcher, best, measured_by, nearest
from semsig.engine.side import PHOTOS, SideIndex, open_sides, photo_side
from semsig.errors import IndexFormatError, OptionError, QueryError
from semsig.photo import PhotoPath, PhotoRecord, absolute
from semsig.query import Box, Conditions, Words, parse, parse_absent
from semsig.search import HammingIndex, is_unused
from semsig.search.checks import check_k
from semsig.search.fusion import FusionOptions
from semsig.search.options import Reranking
from semsig.segment import DEFAULT_SEGMENTER, Segmenter, load_segmenter
from semsig.segment.devices import Device
from semsig.signatures import Needs, load_signature, signature_kinds
from semsig.types import Hit, Hits, LabelMap, SbsSchema, SbsSignature
from semsig.types.metrics import BY_SCORE

if TYPE_CHECKING:
    from semsig.storage.columns import Verify


class Engine(KeyedPhotos):
    """An index of photos, from files to ranked and explained hits.

    Made by :meth:`create` or :meth:`open`. The index remembers the segmenter's name and
    fingerprint; label maps of another network are never mixed in or searched with.

    Parameters
    ----------
    index : HammingIndex
        An index whose payloads and meta an engine wrote.
    segmenter : Segmenter, optional
        The segmenter; by default a packaged network is loaded by the remembered name when first
        needed.
    threads : int, optional
        Threads of a network loaded by name; all cores by default.
    device : {"auto", "cpu", "cuda", "coreml", "openvino", "mps"}
        Where a network loaded by name runs, see :func:`semsig.load_segmenter`.

    Attributes
    ----------
    index : HammingIndex
        SBS signatures of the photos.
    sides : dict of str to SideIndex
        All signatures of the photos by name: "sbs", which is `index` itself, and what else the
        index has. Damaged ones are left out: searches by SBS still work, and calls that need
        the damaged ones, or add photos, raise the error.
    """

    def __init__(
        self,
        index: HammingIndex,
        segmenter: Segmenter | None = None,
        *,
        threads: int | None = None,
        device: Device = "auto",
    ) -> None:
        if "segmenter" not in index.meta:
            raise IndexFormatError(
                f"{index.path} was not made by an Engine: no segmenter is named."
            )
        self.index = index
        self._threads = threads
        self._device = device
        self._loading = Lock()
        if segmenter is not None:
            require_segmenter(segmenter)
        self._segmenter = segmenter and same_segmenter(index, segmenter)
        further, self._lost = open_sides(index)
        self.sides = {PHOTOS: photo_side(index), **further}
        self._reader = QueryReader(index, lambda: self.segmenter, lambda: self.sides)
        self._searcher = Searcher(self._require_side, lambda: self.sides)

    @classmethod
    @typed(path=(*PATH, NOTHING), segmenter=object, signatures=(*NAMES, NOTHING))
    def create(
        cls,
        path: PhotoPath | None,
        *,
        segmenter: str | Segmenter = DEFAULT_SEGMENTER,
        levels: int = 3,
        signatures: Iterable[str] | None = None,
        device: Device = "auto",
    ) -> Engine:
        """Make an empty index.

        Parameters
        ----------
        path : path-like or None
            A new or empty folder; None keeps the index in memory.
        segmenter : str or Segmenter
            A segmenter, or its name as :func:`semsig.load_segmenter` takes it.
        levels : int
            Level n of the SBS signatures, 0..8.
        signatures : iterable of str, optional
            Signatures besides "sbs", which every index has; by default those that suit
            the segmenter: "pooled" where it gives features.
        device : optional
            Where a network named runs, see :func:`semsig.load_segmenter`.

        Raises
        ------
        OptionError
            If the folder holds something, `levels` is out of range, or the segmenter does not
            suit a signature.
        """
        if path is not None and not is_unused(Path(path)):
            raise OptionError(f"{path} is not empty; open it, or name a new folder.")
        if isinstance(segmenter, str):
            segmenter = load_segmenter(segmenter, threads=1, device=device)
        require_segmenter(segmenter)
        meta = meta_of(segmenter) | folder_of(path)
        index = HammingIndex(SbsSchema(levels, segmenter.classes), meta=meta)
        if path is not None:
            index.save(Path(path), overwrite=False)
            index = HammingIndex.open(Path(path))
        engine = cls(index, segmenter)
        if signatures is None:
            suiting = (kind for kind in signature_kinds() if kind.is_default(engine.segmenter))
            signatures = [kind.name for kind in suiting]
        for name in signatures:
            if name not in engine.sides:
                engine.add_signature(name)
        return engine

    @classmethod
    @typed(path=PATH, verify=str)
    def open(
        cls,
        path: PhotoPath,
        *,
        segmenter: str | Segmenter | None = None,
        threads: int | None = None,
        device: Device = "auto",
        verify: Verify = "first-use",
    ) -> Engine:
        """Open an index on disk; the segmenter is loaded when first needed.

        Parameters
        ----------
        path : path-like
            Folder of the index.
        segmenter, threads, device : optional
            The segmenter, needed if its stored name no longer leads to it, or is anything but a
            network of the package or label maps: others are never loaded automatically.
        verify : {"first-use", "never"}
            Whether each file's checksum is compared when the file is first used.

        Raises
        ------
        IndexFormatError, IndexCorruptError, SegmenterError
            If the folder is no such index, damaged, or made with another segmenter.
        """
        if isinstance(segmenter, str):
            segmenter = load_segmenter(segmenter, threads=threads, device=device)
        index = HammingIndex.open(Path(path), verify=verify)
        return cls(index, segmenter, threads=threads, device=device)

    def __len__(self) -> int:
        return len(self.index)

    @property
    def segmenter(self) -> Segmenter:
        """The segmenter, loaded on first use; SegmenterError if it is not the index's own."""
        with self._loading:
            if self._segmenter is None:
                loaded = remembered_segmenter(self.index, self._threads, self._device)
                self._segmenter = same_segmenter(self.index, loaded)
            return self._segmenter

    @typed(name=str)
    def add_signature(self, name: str, **options: Any) -> None:
        """Add a kind of signature to the index; :meth:`add` then computes it for photos without it.

        Parameters
        ----------
        name : str
            "pooled", "sbovp", or what another package brings; see :func:`load_signature`.
        **options
            The kind's own: `options`, a :class:`PooledOptions`, for "pooled"; `vocabulary` and
            `options`, a :class:`SbovpOptions`, for "sbovp".

        Raises
        ------
        OptionError
            If there is no such signature, the index has it already, its segmenter does not give
            what it needs, or an option is out of range.
        """
        self._require_whole()
        kind = load_signature(name)
        if name in self.sides:
            raise OptionError(
                f"This index has {kind.title} already; make another index for others."
            )
        encoder = kind.encoder(self.segmenter, **options)
        self.sides[name] = SideIndex.create(self.index, kind, encoder)

    @typed(options=(IndexingOptions, NOTHING))
    def add(
        self,
        photos: Iterable[PhotoPath],
        *,
        workers: int | None = None,
        rehash: bool = False,
        progress: Progress | None = None,
        options: IndexingOptions | None = None,
    ) -> AddReport:
        """Index photos: new ones are added, changed ones replaced, unchanged ones skipped.

        A photo is unchanged if its path is known and its size and time of change, or else its
        content, are as they were; label maps on disk are compared as well. One of known content,
        gone from where it was, has moved and keeps its signatures. The index on disk
        is updated every few seconds; the next run continues one that was killed. Files that are
        no photos are reported, never fatal; one that was a photo before keeps its signature.

        Parameters
        ----------
        photos : iterable of path-like
            Files.
        workers, rehash : optional
            See :class:`semsig.engine.options.IndexingOptions`.
        progress : callable, optional
            Called with (done, total) after each photo.
        options : IndexingOptions, optional
            All options at once, instead of `workers` and `rehash`.

        Raises
        ------
        IndexLockedError
            If another process is writing to the index.
        SegmenterError
            If the segmenter fails or is not the one that the index was made with.
        IndexStorageError, SignatureError
            If the index has phrases that are damaged.
        """
        self._require_whole()
        options = options or IndexingOptions(workers=workers, rehash=rehash)
        photos = as_paths(photos)
        paths = list(dict.fromkeys(absolute(photo) for photo in photos))
        self._threads = self._threads or 1
        with self.index.writer():
            adding = Adding(self.index, lambda: self.segmenter, options, self.sides)
            return adding.run(paths, progress)

    @typed(
        signature=(str, FusionOptions, NOTHING),
        metric=(str, NOTHING),
        exclude_self=bool,
        mirrored=bool,
        nearly=bool,
        by_class=bool,
        rerank=(*get_args(Reranking), NOTHING),
    )
    def search(
        self,
        query: Query | None,
        k: int = 10,
        *,
        signature: str | FusionOptions | None = None,
        metric: str | None = None,
        exclude_self: bool = False,
        has: Words = (),
        without: Words = (),
        crop: Box | None = None,
        mirrored: bool = False,
        rerank: Reranking | None = None,
        where: PayloadTest | None = None,
        nearly: bool = False,
        by_class: bool = False,
    ) -> list[Hit]:
        """Return the `k` photos nearest to `query`, the nearest first.

        Parameters
        ----------
        query : path-like, key, ndarray of uint8 (H, W, 3) RGB, upload, LabelMap, or None
            What to search for; an upload is bytes, a binary file object or a PIL image. None
            ranks the photos by how well they meet the conditions; a hit's distance is then
            1 - score.
        k : int
            At least 1; there are fewer hits if fewer photos are there or meet the conditions.
        signature : str or FusionOptions, optional
            What photos are compared by: the name of one of :attr:`sides`, "fused", or how to fuse
            several; see :meth:`ranked_by` for the default.
        metric : str, optional
            The distance, one of the signature's own; by default the first of them, "hamming" for
            "sbs". See :attr:`SignatureKind.metrics`.
        exclude_self : bool
            Leave the query's own path out of the hits.
        has : str or iterable of str
            Conditions that hits meet, such as ``"sky:top, horse>10%"``; see
            :func:`semsig.query.parse`. What they say of left and right is never mirrored.
        without : str or iterable of str
            What hits lack, such as ``"person>1%, sky:top"``; the query is searched for as if
            it had nothing of these classes there.
        crop : Box, optional
            The part of the query to search for.
        mirrored : bool
            Search for the query's mirror image as well; the nearer counts. An indexed photo is
            segmented again.
        rerank : Reranking, optional
            Re-rank the nearest by their neighbours; see :class:`semsig.search.Reranker`. The
            first search finds the neighbours of all photos.
        where : callable or mapping, optional
            A test of the hits' payloads; see :meth:`where`.
        nearly : bool
            Where conditions alone rank and fewer than `k` photos meet all of them, rank all
            photos by how nearly they do: see :meth:`semsig.query.Conditions.nearness`.
        by_class : bool
            Give each class of the query the same weight, however small its area, as suits painted
            layouts; it allows no other signature, metric or re-ranking.

        Raises
        ------
        OptionError
            If `k` is no integer >= 1, or a metric is given for a signature that has its own.
        QueryError
            If conditions cannot be understood, there is neither query nor condition, or phrases
            are asked for where there are none.
        """
        k = min(check_k(k), max(1, len(self)))
        query = None if query is None else as_query(query)
        conditions = self.conditions(has, without)
        among = None if where is None else self.where(where)
        if query is None:
            found, measure = best(self.index, conditions, k, among, nearly=nearly), BY_SCORE
        else:
            if by_class and (metric or rerank or signature not in (None, PHOTOS)):
                raise OptionError("Expected by_class alone, got a signature, metric or rerank.")
            signature = PHOTOS if by_class else signature or self.ranked_by(query, metric, without)
            if by_class:
                search, measure = cast(Search, LayoutSearch(self.index)), BY_CLASS
            else:
                search = self._searcher.by(signature, metric, rerank)
                measure = measured_by(signature, metric, rerank)
            asked = self._asked(query, self._view(without, crop, mirrored), signature)
            limit = k + exclude_self
            found = nearest(
                self.index, asked, limit, search=search, conditions=conditions, among=among
            )
        own = key_of(self.index, query) if exclude_self and is_path(query) else None
        paths = ((distance, id_, self.path(id_)) for distance, id_ in found)
        others = [hit for hit in paths if hit[2] != own][:k]
        return Hits(
            Hit(rank=rank, id=id_, path=path, distance=distance, metric=measure)
            for rank, (distance, id_, path) in enumerate(others, 1)
        )

    def _asked(self, query: Query, view: View, signature: str | FusionOptions) -> list[Any]:
        """Return the signatures to search for: one of each kind, or two if mirrored."""
        sides = self._searcher.sides(signature)
        asked = self._reader.asked(query, view, sides)
        return asked if len(sides) > 1 else [one for each in asked for one in each.values()]

    @typed(signature=str)
    def encode(self, query: Query, signature: str = PHOTOS) -> Any:
        """Return a query's signature of one kind, from the index if the photo is unchanged there.

        Raises
        ------
        QueryError
            If the index has no such signature, or it cannot be made of a label map.
        ImageError, SegmenterError
            If the query cannot be read.
        """
        return self._asked(as_query(query), self._view((), None, mirrored=False), signature)[0]

    @typed(metric=(str, NOTHING), without=(*NAMES, NOTHING))
    def ranked_by(self, query: Query | None, metric: str | None = None, without: Words = ()) -> str:
        """Return the signature that :meth:`search` compares by if none is named.

        Of those that the index has, the one of the lowest :attr:`SignatureKind.rank` that can
        compare the query: a label map has neither pixels nor features, leaving out classes takes a
        signature that has classes, and a metric one that has that metric.
        """

        def fits(side: SideIndex) -> bool:
            needs = side.encoder.needs
            return not (
                (isinstance(query, LabelMap) and (needs.image or needs.features))
                or (metric is not None and metric not in side.kind.metrics)
                or (bool(without) and not needs.label_map)
            )

        fitting = [name for name, side in self.sides.items() if fits(side)]
        return min(fitting or [PHOTOS], key=lambda name: self.sides[name].kind.rank)

    @typed(signature=str, names=tuple)
    def explain(
        self,
        a: Query,
        b: Query,
        *,
        signature: str = PHOTOS,
        names: tuple[str, str] = ("the first", "the second"),
    ) -> Any:
        """Say where two photos agree and differ, by one of the index's signatures.

        Parameters
        ----------
        a, b : path-like, ndarray of uint8 (H, W, 3) RGB, or LabelMap
            The photos.
        signature : str
            The name of one of :attr:`sides`.
        names : pair of str
            What sentences call them.

        Returns
        -------
        Why
            With ``sentence`` and ``to_dict()``, and more for some kinds: an
            :class:`semsig.explain.Explanation` for "sbs".

        Raises
        ------
        QueryError
            If the index has no such signature, or a label map has nothing to compare.
        """
        side = self._require_side(signature)
        needs = side.kind.explain_needs(side.encoder)
        first, second = (self._reader.inputs(as_query(one), needs) for one in (a, b))
        return side.kind.explain(side.encoder, first, second, names)

    def label_map(self, query: Query) -> LabelMap:
        """Return the label map of a query; ImageError or SegmenterError if there is none."""
        return self._reader.inputs(as_query(query), Needs(label_map=True)).segmented()

    def signature(self, query: Query) -> SbsSignature:
        """Return the signature of a query; an indexed, unchanged photo's is read from the index."""
        return self.signatures(query)[0]

    def conditions(self, has: Words = (), without: Words = ()) -> Conditions:
        """Return what hits must meet; QueryError if a text cannot be understood."""
        classes = self.index.schema.classes
        terms = parse(has, classes).terms + parse_absent(without, classes).terms
        return Conditions(classes, terms)

    def matching(self, has: Words = (), without: Words = ()) -> int:
        """Return how many photos meet all conditions; QueryError as for :meth:`conditions`."""
        met, _ = self.conditions(has, without).evaluate(self.index.to_batch()[1])
        return int(met.sum())

    @typed(mirrored=bool)
    def signatures(
        self,
        query: Query,
        *,
        without: Words = (),
        crop: Box | None = None,
        mirrored: bool = False,
    ) -> list[SbsSignature]:
        """Return the SBS signatures that :meth:`search` looks for: one, or two if mirrored."""
        return self._asked(as_query(query), self._view(without, crop, mirrored), PHOTOS)

    def _view(self, without: Words, crop: Box | None, mirrored: bool) -> View:
        absent = parse_absent(without, self.index.schema.classes)
        return View(absent=absent, crop=crop, mirrored=mirrored)

    def path(self, id_: int) -> str:
        """Return the path of the photo with an id; UnknownIdError if it is absent.

        If the photo is gone and the index was moved: the path with the same position relative to
        the index, if there is a file.
        """
        path = PhotoRecord.from_json(self.index.payload(id_)).path
        return moved_along(self.index, path)

    @property
    def paths(self) -> Iterator[str]:
        """Paths of all photos, in order of insertion."""
        known = (PhotoRecord.from_json(text).path for text in self.index.payloads)
        return (moved_along(self.index, path) for path in known)

    def remove(self, paths: Sequence[PhotoPath]) -> list[str]:
        """Take photos, or all photos below folders, out of the index, and return their paths.

        The files stay. UnknownIdError if a path names no photo in the index; then all are kept.
        """
        keys = [key_of(self.index, path) for path in as_paths(paths)]
        gone = remove_photos(self.index, keys)
        self._trim()
        return gone

    def prune(self, folders: Sequence[PhotoPath]) -> list[str]:
        """Take photos out of the index whose files are gone from `folders`; return their paths."""
        gone = prune_photos(self.index, [absolute(folder) for folder in as_paths(folders)])
        self._trim()
        return gone

    def info(self) -> EngineInfo:
        """Return what the index holds and was made with."""
        facts = EngineInfo.of(self.index, self._further)
        lost = {name: f"cannot be read: {error}" for name, error in self._lost.items()}
        return replace(facts, signatures={**facts.signatures, **lost})

    @property
    def _further(self) -> dict[str, SideIndex]:
        return {name: side for name, side in self.sides.items() if name != PHOTOS}

    def compact(self) -> None:
        """Merge the parts of the index, and of its further signatures, without what was removed."""
        self.index.compact()
        self._trim()
        for side in self._further.values():
            side.index.compact()

    def _trim(self) -> None:
        for side in self._further.values():
            side.trim()

    def _require_whole(self) -> None:
        """Raise the error of further signatures that are there but cannot be read."""
        for error in self._lost.values():
            raise error

    def _require_side(self, name: str) -> SideIndex:
        if name in self._lost:
            raise self._lost[name]
        if name not in self.sides:
            raise QueryError(
                f"This index holds no {load_signature(name).title}. Add them: `semsig index PHOTOS "
                f"--signature {PHOTOS},{name}`, or Engine.add_signature({name!r}) and "
                "Engine.add(photos)."
            )
        return self.sides[name]
