"""HammingIndex: exact nearest neighbours among semantic binary signatures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from semsig.arguments import expect
from semsig.search.answers import Scanning, SearchedCollection
from semsig.search.class_filter import rows_having
from semsig.search.counts import DocumentCounts
from semsig.search.scan_cache import ScanCache
from semsig.search.scans import Distances, ScanName, new_scan
from semsig.storage.checks import Ids, Signatures
from semsig.storage.packed import pack, unpack, write_packed
from semsig.storage.snapshot import Snapshot
from semsig.types import SbsBatch, SbsSchema, SbsSignature
from semsig.types.metrics import Metric, metric_named
from semsig.types.sbs import SBS_RECORDS


class HammingIndex(SearchedCollection[SbsSchema, SbsSignature, SbsBatch]):
    """Exact nearest neighbours among the SBS signatures of one schema.

    Searches may run in several threads; each sees the index as it was when the search began.
    The first search builds the data structures that it needs; after a change they are built for
    the new rows only, except for ``"tanimoto-idf"``, whose weights change for all rows.

    The distances, with w(l) = l + 1 for a cell of proportion level l, W = sum of w over the cells
    of a signature, and I = sum of min(w_A, w_B) over common cells (Ouni et al. 2022, 3.1, defines
    the first; the others count the same bits):

    - ``"hamming"``: W_A + W_B - 2 I, the number of different bits; int32.
    - ``"tanimoto"``: 1 - I / (W_A + W_B - I); float32.
    - ``"tanimoto-idf"``: the same with larger weights for rare bits; float32.
    - ``"jaccard"``: as tanimoto, with weight 1 for each non-empty cell, whatever its level;
      float32.
    - ``"containment"``: 1 - I / W_A with A the query: the share of the query that a photo lacks,
      0 for an empty query; float32.

    Parameters
    ----------
    schema : SbsSchema
        Schema of every signature.
    meta : mapping of str to str, optional
        Stored with the index, such as the segmenter's name.
    first_id : int
        First id that is assigned if none are given.

    Raises
    ------
    OptionError
        If `meta` holds anything but strings.
    """

    records = SBS_RECORDS

    def __init__(
        self, schema: SbsSchema, *, meta: Mapping[str, str] | None = None, first_id: int = 0
    ) -> None:
        super().__init__(schema, meta=meta, first_id=first_id)
        self._counted = "", ScanCache()

    @property
    def ntotal(self) -> int:
        """Number of signatures, by the name that faiss uses."""
        return len(self)

    def add_with_ids(self, x: Signatures, ids: Ids) -> None:
        """Add signatures with given ids; the name is that of faiss, see :meth:`add`."""
        self.add(x, ids)

    def to_packed(self) -> NDArray[np.uint8]:
        """Return the signatures as dense packed bits.

        Returns
        -------
        ndarray of uint8, shape (len(self), ceil(n_bits / 8))
            Each row as returned by :meth:`SbsSignature.to_bits`. It takes n_bits / 8 bytes per
            signature: 7,760 for 194 classes at level 3.
        """
        return pack(self.to_batch()[1])

    def add_packed(
        self,
        packed: ArrayLike,
        ids: Ids | None = None,
        *,
        keys: Sequence[str | None] | None = None,
        payloads: Sequence[Any] | None = None,
    ) -> NDArray[np.int64]:
        """Add signatures given as the packed bits of :meth:`to_packed`.

        Parameters, results and errors are otherwise those of :meth:`add`.
        """
        return self.add(unpack(packed, self.schema), ids, keys=keys, payloads=payloads)

    def write_packed(self, path: Path | str) -> None:
        """Write the array of :meth:`to_packed` to an .npy file, without holding it in memory.

        ``add_packed(np.load(path, mmap_mode="r"))`` reads it back; ids and payloads are not in it.

        Raises
        ------
        IndexWriteError
            If the file cannot be written; an existing file is then left unchanged.
        """
        write_packed(self.to_batch()[1], Path(path))

    def search(
        self,
        queries: Signatures,
        k: int,
        *,
        metric: Metric = "hamming",
        filter_ids: Ids | None = None,
        has: Iterable[str] = (),
        counts: DocumentCounts | None = None,
        scan: ScanName = "auto",
    ) -> tuple[Distances, NDArray[np.int64]]:
        """Find the `k` nearest signatures of each query, exactly.

        Parameters
        ----------
        queries : SbsSignature, SbsBatch, iterable of SbsSignature or ndarray of uint8
            Q signatures of the index's schema; an array holds the packed bits of
            :meth:`to_packed`.
        k : int
            At least 1; may exceed the number of signatures, within reason: see
            :data:`semsig.search.checks.MAX_PADDED`.
        metric : {"hamming", "tanimoto", "tanimoto-idf", "jaccard", "containment"}
            The distance.
        filter_ids : array_like of int, optional
            Search among these ids only.
        has : iterable of str
            Search only among signatures that have all of these classes, in any block.
            :class:`semsig.Engine` offers conditions on amounts and places.
        counts : DocumentCounts, optional
            Document counts for the weights of ``"tanimoto-idf"``: the sum of
            :meth:`document_counts` over all shards, if this index is one of them. This index's
            own counts by default; other metrics ignore it.
        scan : {"auto", "bitmaps", "bounded", "postings", "dense"}
            Algorithm; all give the same answers.

        Returns
        -------
        distances : ndarray of int32 or float32, shape (Q, k)
            Ascending.
        ids : ndarray of int64, shape (Q, k)
            Ties in order of insertion. Both are -1 where there are fewer than k signatures.

        Raises
        ------
        SchemaMismatchError, SignatureError
            If a query has another schema or is malformed.
        OptionError
            If an option is out of range.
        UnknownIdError, ClassTableError
            If `filter_ids` contains an id that is not in the index, or `has` a class that is not
            in the schema.
        """
        snapshot, scanning, having = self._asked(metric, has, scan, counts)
        return self._find_nearest(snapshot, queries, k, filter_ids, scanning, having)

    def search_radius(
        self,
        queries: Signatures,
        radius: float,
        *,
        metric: Metric = "hamming",
        filter_ids: Ids | None = None,
        has: Iterable[str] = (),
        counts: DocumentCounts | None = None,
        scan: ScanName = "auto",
    ) -> list[tuple[Distances, NDArray[np.int64]]]:
        """Find all signatures whose distance is at most `radius`.

        Parameters and errors are those of :meth:`search`; `radius` is finite and >= 0.

        Returns
        -------
        list of (distances, ids)
            One pair per query, ascending, ties in order of insertion.
        """
        snapshot, scanning, having = self._asked(metric, has, scan, counts)
        return self._find_within(snapshot, queries, radius, filter_ids, scanning, having)

    def _asked(
        self,
        metric: Metric,
        has: Iterable[str],
        scan: ScanName,
        counts: DocumentCounts | None,
    ) -> tuple[Snapshot, Scanning, NDArray[np.bool_] | None]:
        """Return the snapshot to search, how to search it, and which rows have the classes."""
        entry = metric_named(metric)
        expect("scan", scan, str)
        snapshot = self._store.snapshot
        if entry.whole and counts is not None:
            scanning = self._counted_by(counts, scan, metric)
        else:
            scanning = Scanning(scan, partial(new_scan, scan), entry.whole, {"metric": metric})
        return snapshot, scanning, rows_having(snapshot, has)

    def _counted_by(self, counts: DocumentCounts, scan: ScanName, metric: Metric) -> Scanning:
        """Search with weights from these counts; scans are kept until other counts are given."""
        self.schema.require(counts.schema)
        fingerprint, scans = self._counted
        if fingerprint != counts.fingerprint:
            scans = ScanCache()
            self._counted = counts.fingerprint, scans
        build = partial(new_scan, scan, counts=counts)
        # these weights do not depend on the rows, so a change need not rebuild the whole scan
        return Scanning(scan, build, whole=False, options={"metric": metric}, scans=scans)

    def document_counts(self) -> DocumentCounts:
        """Return how many signatures have each bit, from which idf weights follow.

        Returns
        -------
        DocumentCounts
            The counts of shards can be added (``+``, :meth:`DocumentCounts.total`) to get those
            of one index over all their rows.
        """
        from semsig.search.scoring import count_documents

        return count_documents(self.to_batch()[1])
