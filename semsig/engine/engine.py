"""The engine: segmenter, signatures and index put together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

from semsig.arguments import NOTHING, PATH, typed
from semsig.engine.adding import Adding, Progress
from semsig.engine.catalogue import key_of, prune_photos, remove_photos
from semsig.engine.info import (
    EngineInfo,
    meta_of,
    open_sides,
    remembered_segmenter,
    require_segmenter,
    same_segmenter,
)
from semsig.engine.keyed import KeyedPhotos, PayloadTest, as_paths, as_query
from semsig.engine.layouts import BY_CLASS, LayoutSearch
from semsig.engine.options import IndexingOptions
from semsig.engine.pooled import PooledSide
from semsig.engine.queries import Query, QueryReader, View, is_path
from semsig.engine.reading import phrases_of
from semsig.engine.report import AddReport
from semsig.engine.searcher import Search, Searches, best, measured_by, nearest
from semsig.engine.side import SideIndex
from semsig.errors import IndexFormatError, OptionError, QueryError
from semsig.explain import Explanation, SharedPhrases, explain, share_phrases
from semsig.photo import PhotoPath, PhotoRecord, absolute
from semsig.query import Box, Conditions, Words, parse, parse_absent
from semsig.search import HammingIndex, is_unused
from semsig.search.checks import check_k
from semsig.search.fusion import SignatureName
from semsig.search.options import ExpandOptions, Reranking, RerankOptions
from semsig.segment import DEFAULT_SEGMENTER, Segmenter, load_segmenter
from semsig.signatures import sbs
from semsig.types import Hit, LabelMap, Metric, SbsSchema, SbsSignature
from semsig.types.metrics import BY_SCORE

if TYPE_CHECKING:
    from semsig.engine.phrases import PhraseIndex
    from semsig.signatures import PooledOptions, SbovpOptions, Vocabulary

_FACTS = {"sbovp": "phrases", "pooled": "pooled"}
_SIDES = {"sbovp": ("phrases", "add_phrases"), "pooled": ("pooled descriptors", "add_pooled")}


class Engine(KeyedPhotos):
    """Photos in, ranked and explained hits out.

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

    Attributes
    ----------
    index : HammingIndex
        SBS signatures of the photos.
    sides : dict of str to SideIndex
        Their further signatures, by name: "sbovp" and "pooled", of those that the index has.
        Damaged ones are left out: searches by blocks of classes go on, and what needs them, or
        would add photos, says what is wrong.
    """

    def __init__(
        self,
        index: HammingIndex,
        segmenter: Segmenter | None = None,
        *,
        threads: int | None = None,
    ) -> None:
        if "segmenter" not in index.meta:
            raise IndexFormatError(
                f"{index.path} was not made by an Engine: no segmenter is named."
            )
        self.index = index
        self._threads = threads
        self._loading = Lock()
        if segmenter is not None:
            require_segmenter(segmenter)
        self._segmenter = segmenter and same_segmenter(index, segmenter)
        self.sides, self._lost = open_sides(index)
        self._reader = QueryReader(
            index, self._require_side, lambda: self.segmenter, lambda: self.phrases
        )
        self._searches = Searches(index, self._require_side)

    @classmethod
    @typed(path=(*PATH, NOTHING), segmenter=object)
    def create(
        cls,
        path: PhotoPath | None,
        *,
        segmenter: str | Segmenter = DEFAULT_SEGMENTER,
        levels: int = 3,
    ) -> Engine:
        """Make an empty index.

        Parameters
        ----------
        path : path-like or None
            A new or empty folder; None keeps the index in memory.
        segmenter : str or Segmenter
            A segmenter, or its name as :func:`semsig.load_segmenter` takes it.
        levels : int
            Level n of the signatures, 0..8.

        Raises
        ------
        OptionError
            If the folder holds something, or `levels` is out of range.
        """
        if path is not None and not is_unused(Path(path)):
            raise OptionError(f"{path} is not empty; open it, or name a new folder.")
        if isinstance(segmenter, str):
            segmenter = load_segmenter(segmenter, threads=1)
        require_segmenter(segmenter)
        index = HammingIndex(SbsSchema(levels, segmenter.classes), meta=meta_of(segmenter))
        if path is not None:
            index.save(Path(path), overwrite=False)
            index = HammingIndex.open(Path(path))
        return cls(index, segmenter)

    @classmethod
    @typed(path=PATH)
    def open(
        cls,
        path: PhotoPath,
        *,
        segmenter: str | Segmenter | None = None,
        threads: int | None = None,
    ) -> Engine:
        """Open an index on disk; the segmenter is loaded when first needed.

        Parameters
        ----------
        path : path-like
            Folder of the index.
        segmenter, threads : optional
            The segmenter, should its remembered name no longer lead to it, or mean anything but
            a network of the package or label maps: such is never loaded unasked.

        Raises
        ------
        IndexFormatError, IndexCorruptError, SegmenterError
            If the folder is no such index, damaged, or made with another segmenter.
        """
        if isinstance(segmenter, str):
            segmenter = load_segmenter(segmenter, threads=threads)
        return cls(HammingIndex.open(Path(path)), segmenter, threads=threads)

    def __len__(self) -> int:
        return len(self.index)

    @property
    def segmenter(self) -> Segmenter:
        """The segmenter, loaded on first use; SegmenterError if it is not the index's own."""
        with self._loading:
            if self._segmenter is None:
                loaded = remembered_segmenter(self.index, self._threads)
                self._segmenter = same_segmenter(self.index, loaded)
            return self._segmenter

    @property
    def phrases(self) -> PhraseIndex | None:
        """The photos' visual phrases; None if the index has none."""
        return phrases_of(self.sides)

    def add_pooled(self, options: PooledOptions | None = None) -> None:
        """Let photos be indexed by pooled descriptors, too; :meth:`add` then signs those without.

        Parameters
        ----------
        options : PooledOptions, optional
            How the network's feature map is pooled.

        Raises
        ------
        OptionError
            If the index has descriptors already, or its segmenter gives no features.
        """
        self._require_whole()
        if "pooled" in self.sides:
            raise OptionError("This index has pooled descriptors; make another index for others.")
        self.sides["pooled"] = PooledSide.create(self.index, self.segmenter, options)

    def add_phrases(
        self, vocabulary: Vocabulary | None = None, options: SbovpOptions | None = None
    ) -> None:
        """Let photos be indexed by visual phrases, too; :meth:`add` then signs those without.

        Parameters
        ----------
        vocabulary : Vocabulary, optional
            The words; the one that semsig ships for KAZE by default.
        options : SbovpOptions, optional
            How words become phrases.

        Raises
        ------
        OptionError
            If the index has phrases already.
        """
        self._require_whole()
        if self.phrases is not None:
            raise OptionError("This index has phrases already; make another index for others.")
        from semsig.engine.phrases import PhraseIndex
        from semsig.signatures import default_vocabulary

        words = vocabulary or default_vocabulary()
        self.sides["sbovp"] = PhraseIndex.create(self.index, words, options)

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
        """Index photos: new ones are added, changed ones replaced, unchanged ones passed over.

        A photo is unchanged if its path is known and its size and time of change, or else its
        content, are as they were; label maps on disk are compared as well. The index on disk
        follows every few seconds; a run that was killed is taken up by the next. Files that are
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
        signature=(str, NOTHING),
        metric=(str, NOTHING),
        exclude_self=bool,
        mirrored=bool,
        nearly=bool,
        by_class=bool,
        rerank=(RerankOptions, ExpandOptions, NOTHING),
    )
    def search(
        self,
        query: Query | None,
        k: int = 10,
        *,
        signature: SignatureName | None = None,
        metric: Metric | None = None,
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
            At least 1; fewer hits come where fewer photos are there or meet the conditions.
        signature : {"sbs", "sbovp", "pooled", "fused"}, optional
            What photos are compared by; see :meth:`ranked_by` for the default. "pooled" takes
            an index with pooled descriptors, "sbovp" and "fused" one with phrases.
        metric : {"hamming", "tanimoto", "tanimoto-idf", "jaccard", "containment"}, optional
            The distance between SBS signatures, "hamming" by default; the others have one of
            their own.
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
        rerank : RerankOptions or ExpandOptions, optional
            Rank the nearest anew by their neighbours; see :class:`semsig.search.Reranker`. The
            first search finds the neighbours of all photos.
        where : callable or mapping, optional
            What hits have as payload; see :meth:`where`.
        nearly : bool
            Where conditions alone rank and fewer than `k` photos meet all of them, rank all
            photos by how nearly they do: see :meth:`semsig.query.Conditions.nearness`.
        by_class : bool
            Let each class of the query count alike, however little of it there is, as painted
            layouts want; it takes no other signature, metric or re-ranking.

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
            if by_class and (metric or rerank or signature not in (None, "sbs")):
                raise OptionError("Expected by_class alone, got a signature, metric or rerank.")
            signature = "sbs" if by_class else signature or self.ranked_by(query, metric, without)
            if by_class:
                search, measure = cast(Search, LayoutSearch(self.index)), BY_CLASS
            else:
                search = self._searches.by(signature, metric, rerank)
                measure = measured_by(signature, metric, rerank)
            asked = self._reader.asked(query, self._view(without, crop, mirrored), signature)
            limit = k + exclude_self
            found = nearest(
                self.index, asked, limit, search=search, conditions=conditions, among=among
            )
        own = key_of(self.index, query) if exclude_self and is_path(query) else None
        paths = ((distance, id_, self.path(id_)) for distance, id_ in found)
        others = [hit for hit in paths if hit[2] != own][:k]
        return [
            Hit(rank=rank, id=id_, path=path, distance=distance, metric=measure)
            for rank, (distance, id_, path) in enumerate(others, 1)
        ]

    def ranked_by(
        self, query: Query, metric: Metric | None = None, without: Words = ()
    ) -> SignatureName:
        """Return the signature that :meth:`search` compares by if none is named.

        Pooled descriptors, which rank best on training photos, where the index has them and the
        query is a photo; blocks of classes for label maps, where classes are taken out of the
        query, and where a metric of theirs is named.
        """
        blocks = isinstance(query, LabelMap) or metric is not None or bool(without)
        return "sbs" if blocks or "pooled" not in self.sides else "pooled"

    @typed(names=(tuple, NOTHING))
    def explain(self, a: Query, b: Query, *, names: tuple[str, str] | None = None) -> Explanation:
        """Say where two photos agree and differ; see :func:`semsig.explain.explain`."""
        maps = self.label_map(a), self.label_map(b)
        levels = self.index.schema.levels
        return explain(
            sbs(maps[0], levels),
            sbs(maps[1], levels),
            maps=maps,
            names=names or ("the first", "the second"),
        )

    def explain_phrases(self, a: Query, b: Query) -> SharedPhrases:
        """Find the visual phrases that two photos share; QueryError if there are no phrases."""
        phrases = cast("PhraseIndex", self._require_side("sbovp"))
        first, second = (
            (phrases.keypoints(self._reader.pixels(query)), self.label_map(query))
            for query in (a, b)
        )
        return share_phrases(first, second, phrases.vocabulary, phrases.options)

    def label_map(self, query: Query) -> LabelMap:
        """Return the label map of a query; ImageError or SegmenterError if there is none."""
        return self._reader.label_map(as_query(query))

    def signature(self, query: Query) -> SbsSignature:
        """Return the signature of a query; that of an indexed, unchanged photo is at hand."""
        return self._reader.signature(as_query(query))

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
        return self._reader.signatures(as_query(query), self._view(without, crop, mirrored))

    def _view(self, without: Words, crop: Box | None, mirrored: bool) -> View:
        absent = parse_absent(without, self.index.schema.classes)
        return View(absent=absent, crop=crop, mirrored=mirrored)

    def path(self, id_: int) -> str:
        """Return the path of the photo with an id; UnknownIdError if it is absent."""
        return PhotoRecord.from_json(self.index.payload(id_)).path

    @property
    def paths(self) -> Iterator[str]:
        """Paths of all photos, in order of insertion."""
        return (PhotoRecord.from_json(text).path for text in self.index.payloads)

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
        facts = EngineInfo.of(self.index, self.sides)
        lost: dict[str, Any] = {
            _FACTS[name]: f"cannot be read: {error}" for name, error in self._lost.items()
        }
        return replace(facts, **lost)

    def compact(self) -> None:
        """Merge the parts of the index, and of its further signatures, without what was removed."""
        self.index.compact()
        self._trim()
        for side in self.sides.values():
            side.index.compact()

    def _trim(self) -> None:
        for side in self.sides.values():
            side.trim()

    def _require_whole(self) -> None:
        """Raise what is wrong with further signatures that are there and cannot be read."""
        for error in self._lost.values():
            raise error

    def _require_side(self, name: str) -> SideIndex:
        if name in self._lost:
            raise self._lost[name]
        if name not in self.sides:
            what, method = _SIDES[name]
            raise QueryError(
                f"This index holds no {what}. Add them: `semsig index PHOTOS --signature "
                f"sbs,{name}`, or Engine.{method}() and Engine.add(photos)."
            )
        return self.sides[name]
