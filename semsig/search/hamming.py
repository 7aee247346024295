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
    The structures that a search needs are built by the first one; after a change, for the new
    rows only, but that ``"tanimoto-idf"`` weighs all rows anew.

    The distances, with w(l) = l + 1 for a cell of proportion level l (Ouni et al. 2022, 3.1,
    gives the first; the others count the same bits):

    - ``"hamming"``: sum of w over both, minus twice the sum of min(w_A, w_B); int32 bits.
    - ``"tanimoto"``: 1 - I / U, I = sum of min(w_A, w_B), U = W_A + W_B - I; float32.
    - ``"tanimoto-idf"``: the same with rare bits counting more; float32.
    - ``"jaccard"``: as tanimoto, each non-empty cell counting 1 at any level; float32.
    - ``"containment"``: 1 - I / W_A with A the query, how much of it is not in a photo: 0 for
      an empty query; float32.

    Parameters
    ----------
    schema : SbsSchema
        Schema of every signature.
    meta : mapping of str to str, optional
        What the index's maker wants remembered, such as the segmenter's name.
    first_id : int
        What ids are counted from where none are given.

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
        """Number of signatures, under the name that faiss has for it."""
        return len(self)

    def add_with_ids(self, x: Signatures, ids: Ids) -> None:
        """Add signatures under given ids, as faiss calls it; :meth:`add` says the rest."""
        self.add(x, ids)

    def to_packed(self) -> NDArray[np.uint8]:
        """Return the signatures as dense packed bits.

        Returns
        -------
        ndarray of uint8, shape (len(self), ceil(n_bits / 8))
            Each row as :meth:`SbsSignature.to_bits` has it. Takes n_bits / 8 bytes a signature:
            7,760 for 194 classes at level 3.
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
            If the file cannot be written; one that was there before is left as it was.
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
            Search only among signatures that have all of these classes, anywhere.
            :class:`semsig.Engine` knows conditions on how much is where.
        counts : DocumentCounts, optional
            What ``"tanimoto-idf"`` weighs by: the sum of :meth:`document_counts` over shards of
            which this index is one. This index's own by default; other metrics ignore it.
        scan : {"auto", "bitmaps", "bounded", "postings", "dense"}
            How to search; the answers are the same.

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
            If `filter_ids` names an absent id, `has` no class of the schema.
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
            One pair a query, ascending, ties in order of insertion.
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
        """Return what is searched, how, and which of its rows have the classes named."""
        entry = metric_named(metric)
        expect("scan", scan, str)
        snapshot = self._store.snapshot
        if entry.whole and counts is not None:
            scanning = self._counted_by(counts, scan, metric)
        else:
            scanning = Scanning(scan, partial(new_scan, scan), entry.whole, {"metric": metric})
        return snapshot, scanning, rows_having(snapshot, has)

    def _counted_by(self, counts: DocumentCounts, scan: ScanName, metric: Metric) -> Scanning:
        """Search by the weights of these counts; scans of the last ones given are kept."""
        self.schema.require(counts.schema)
        fingerprint, scans = self._counted
        if fingerprint != counts.fingerprint:
            scans = ScanCache()
            self._counted = counts.fingerprint, scans
        build = partial(new_scan, scan, counts=counts)
        # weights that no change of rows can alter: scans need not be built anew over all rows
        return Scanning(scan, build, whole=False, options={"metric": metric}, scans=scans)

    def document_counts(self) -> DocumentCounts:
        """Return how many signatures have each bit, which idf weighs by.

        Returns
        -------
        DocumentCounts
            Those of shards add up (``+``, :meth:`DocumentCounts.total`) to those of one index
            over all of their rows.
        """
        from semsig.search.scoring import count_documents

        return count_documents(self.to_batch()[1])
