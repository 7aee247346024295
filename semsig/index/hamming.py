"""HammingIndex: exact nearest neighbours among semantic binary signatures."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from semsig.index.answers import Scan, find_nearest, find_within
from semsig.index.checks import Ids, Signatures
from semsig.index.exchange.collection import ExchangeableCollection
from semsig.index.having import rows_having
from semsig.index.scans import Distances, Engine, new_scan
from semsig.index.storage.snapshot import Snapshot
from semsig.metrics import Metric, metric_named


class HammingIndex(ExchangeableCollection):
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

    Raises
    ------
    OptionError
        If `meta` holds anything but strings.
    """

    def search(
        self,
        queries: Signatures,
        k: int,
        *,
        metric: Metric = "hamming",
        within: Ids | None = None,
        has: Iterable[str] = (),
        engine: Engine = "auto",
    ) -> tuple[Distances, NDArray[np.int64]]:
        """Find the `k` nearest signatures of each query, exactly.

        Parameters
        ----------
        queries : SbsSignature, SbsBatch, iterable of SbsSignature or ndarray of uint8
            Q signatures of the index's schema; an array holds the packed bits of
            :meth:`to_packed`.
        k : int
            At least 1; may exceed the number of signatures, within reason: see
            :data:`semsig.index.checks.MAX_PADDED`.
        metric : {"hamming", "tanimoto", "tanimoto-idf", "jaccard", "containment"}
            The distance.
        within : array_like of int, optional
            Search among these ids only.
        has : iterable of str
            Search only among signatures that have all of these classes, anywhere.
            :class:`semsig.Engine` knows conditions on how much is where.
        engine : {"auto", "bitmaps", "bounded", "postings", "dense"}
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
            If `within` names an absent id, `has` no class of the schema.
        """
        snapshot, scan, having = self._asked(metric, has, engine)
        return find_nearest(snapshot, queries, k, within, scan, having=having, metric=metric)

    def search_radius(
        self,
        queries: Signatures,
        radius: float,
        *,
        metric: Metric = "hamming",
        within: Ids | None = None,
        has: Iterable[str] = (),
        engine: Engine = "auto",
    ) -> list[tuple[Distances, NDArray[np.int64]]]:
        """Find all signatures whose distance is at most `radius`.

        Parameters and errors are those of :meth:`search`; `radius` is finite and >= 0.

        Returns
        -------
        list of (distances, ids)
            One pair a query, ascending, ties in order of insertion.
        """
        snapshot, scan, having = self._asked(metric, has, engine)
        return find_within(snapshot, queries, radius, within, scan, having=having, metric=metric)

    def _asked(
        self, metric: Metric, has: Iterable[str], engine: Engine
    ) -> tuple[Snapshot, Scan, NDArray[np.bool_] | None]:
        """Return what is searched, how, and which of its rows have the classes named."""
        entry = metric_named(metric)
        snapshot = self._store.snapshot
        scan = engine, partial(new_scan, engine), entry.whole
        return snapshot, scan, rows_having(snapshot, has)
