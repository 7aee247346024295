"""L2Index: exact nearest neighbours among semantic bags of visual phrases."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.search.answers import Scanning, SearchedCollection
from semsig.storage.checks import Histograms, Ids
from semsig.types import SbovpBatch, SbovpSchema, SbovpSignature
from semsig.types.sbovp import SBOVP_RECORDS


class L2Index(SearchedCollection[SbovpSchema, SbovpSignature, SbovpBatch]):
    """Exact nearest neighbours among the SBOVP signatures of one schema, by Euclidean distance.

    Searches may run in several threads; each sees the index as it was when the search began.
    The first search after a change builds the data structures that it needs.

    The distance d between counts a and b (Ouni et al. 2022, 3.2, over the upper triangle) depends
    on the schema's norm; sums are over columns:

    - ``"none"``: d^2 = sum a^2 + sum b^2 - 2 sum ab, an exact integer below 2^53. Rows are ranked
      by d^2; d is its square root, rounded to float32.
    - ``"l2"``: counts scaled to unit length, d^2 = 2 - 2 sum ab / sqrt(sum a^2 sum b^2). The sums
      are exact integers, the rest is float64. Rows are ranked by d, rounded to float32.
    - ``"sqrt"``: square roots of the counts, scaled to unit length, d^2 = 2 - 2 sum sqrt(ab) /
      sqrt(sum a sum b), in float64 by ascending column. Rows are ranked by d, rounded to float32.

    An empty histogram is the zero vector; where histograms have unit length, its distance to all
    others is 1. A distance depends neither on the other rows of the index nor on the number of
    threads.

    Parameters
    ----------
    schema : SbovpSchema
        Schema of every signature.
    meta : mapping of str to str, optional
        Stored with the index, such as the segmenter's name.

    Raises
    ------
    OptionError
        If the schema is another signature's, or `meta` holds anything but strings.
    """

    records = SBOVP_RECORDS

    def search(
        self, queries: Histograms, k: int, *, filter_ids: Ids | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Find the `k` nearest signatures of each query, exactly.

        Parameters
        ----------
        queries : SbovpSignature, SbovpBatch or iterable of SbovpSignature
            Q signatures of the index's schema.
        k : int
            At least 1; may exceed the number of signatures, within reason: see
            :data:`semsig.search.checks.MAX_PADDED`.
        filter_ids : array_like of int, optional
            Search among these ids only.

        Returns
        -------
        distances : ndarray of float32, shape (Q, k)
            Ascending.
        ids : ndarray of int64, shape (Q, k)
            Ties in order of insertion. Both are -1 where there are fewer than k signatures.

        Raises
        ------
        SchemaMismatchError, SignatureError
            If a query has another schema or is malformed.
        OptionError
            If an option is out of range.
        UnknownIdError
            If `filter_ids` contains an id that is not in the index.
        """
        return self._find_nearest(self._store.snapshot, queries, k, filter_ids, _SCANNING)

    def search_radius(
        self, queries: Histograms, radius: float, *, filter_ids: Ids | None = None
    ) -> list[tuple[NDArray[np.float32], NDArray[np.int64]]]:
        """Find all signatures whose distance, as float32, is at most `radius`.

        Parameters and errors are those of :meth:`search`; `radius` is finite and >= 0.

        Returns
        -------
        list of (distances, ids)
            One pair per query, ascending, ties in order of insertion.
        """
        return self._find_within(self._store.snapshot, queries, radius, filter_ids, _SCANNING)


def _new_scan(batch: SbovpBatch) -> Any:
    """Build the scan; its module, and with it Numba, is imported on first use."""
    from semsig.search.histograms import HistogramScan

    return HistogramScan(batch)


_SCANNING = Scanning("lists", _new_scan, whole=True)
