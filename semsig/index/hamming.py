"""HammingIndex: exact nearest neighbours among semantic binary signatures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from semsig.index.checks import (
    Ids,
    Signatures,
    as_batch,
    as_ids,
    check_k,
    check_metric,
    check_radius,
)
from semsig.index.collection import SignatureCollection
from semsig.index.packed import pack, unpack
from semsig.index.scans import Distances, Engine
from semsig.types import Metric


class HammingIndex(SignatureCollection):
    """Exact nearest neighbours among the SBS signatures of one schema.

    Searches may run in several threads; each sees the index as it was when the search began.
    The structures that a search needs are built by the first one after a change.

    The distances, with w(l) = l + 1 for a cell of proportion level l (Ouni et al. 2022, 3.1,
    gives the first; the others count the same bits):

    - ``"hamming"``: sum of w over both, minus twice the sum of min(w_A, w_B); int32 bits.
    - ``"tanimoto"``: 1 - I / U, I = sum of min(w_A, w_B), U = W_A + W_B - I; float32.
    - ``"tanimoto-idf"``: the same with rare bits counting more; float32.

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
        engine: Engine = "auto",
    ) -> tuple[Distances, NDArray[np.int64]]:
        """Find the `k` nearest signatures of each query, exactly.

        Parameters
        ----------
        queries : SbsSignature, SbsBatch or iterable of SbsSignature
            Q signatures of the index's schema.
        k : int
            At least 1.
        metric : {"hamming", "tanimoto", "tanimoto-idf"}
            The distance.
        within : array_like of int, optional
            Search among these ids only.
        engine : {"auto", "bounded", "postings", "dense"}
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
        UnknownIdError
            If `within` names an absent id.
        """
        check_metric(metric)
        k = check_k(k)
        batch = as_batch(queries, self.schema)
        snapshot = self._store.snapshot
        allowed = snapshot.mask(None if within is None else as_ids(within))
        scan = snapshot.scan(engine)
        distances, rows = scan.search(batch, k, metric=metric, allowed=allowed)
        return distances, snapshot.ids_of(rows)

    def search_radius(
        self,
        queries: Signatures,
        radius: float,
        *,
        metric: Metric = "hamming",
        within: Ids | None = None,
        engine: Engine = "auto",
    ) -> list[tuple[Distances, NDArray[np.int64]]]:
        """Find all signatures whose distance is at most `radius`.

        Parameters and errors are those of :meth:`search`; `radius` is finite and >= 0.

        Returns
        -------
        list of (distances, ids)
            One pair a query, ascending, ties in order of insertion.
        """
        check_metric(metric)
        radius = check_radius(radius)
        batch = as_batch(queries, self.schema)
        snapshot = self._store.snapshot
        allowed = snapshot.mask(None if within is None else as_ids(within))
        scan = snapshot.scan(engine)
        found = scan.search_radius(batch, radius, metric=metric, allowed=allowed)
        return [(distances, snapshot.ids_of(rows)) for distances, rows in found]

    def to_packed(self) -> NDArray[np.uint8]:
        """Return the signatures as dense packed bits.

        Returns
        -------
        ndarray of uint8, shape (len(self), ceil(n_bits / 8))
            In the order of :attr:`ids`, each as :meth:`SbsSignature.to_bits` has it. Takes
            n_bits / 8 bytes a signature: 7,760 for 194 classes at level 3.
        """
        return pack(self._store.snapshot.batch())

    def add_packed(
        self, packed: ArrayLike, ids: Ids | None = None, *, payloads: Sequence[str] | None = None
    ) -> NDArray[np.int64]:
        """Add signatures given as the packed bits of :meth:`to_packed`.

        Parameters, results and errors are otherwise those of :meth:`add`.
        """
        return self.add(unpack(packed, self.schema), ids, payloads=payloads)

    def to_faiss(self) -> Any:
        """Return a ``faiss.IndexBinaryIDMap2`` over an ``IndexBinaryFlat`` with the same ids.

        Its Hamming distances are those of :meth:`search`; ties may come in another order.
        Needs the package ``faiss-cpu``.
        """
        import faiss

        packed = self.to_packed()
        index = faiss.IndexBinaryIDMap2(faiss.IndexBinaryFlat(packed.shape[1] * 8))
        index.add_with_ids(packed, self.ids)
        return index
