"""Packed bits in faiss's flat binary index, and out of it; needs the package ``faiss-cpu``."""

from __future__ import annotations

from typing import Any, cast

import faiss
import numpy as np
from numpy.typing import NDArray

from semsig.errors import SignatureError


def flat_index(packed: NDArray[np.uint8], ids: NDArray[np.int64]) -> Any:
    """Return a ``faiss.IndexBinaryIDMap2`` over an ``IndexBinaryFlat`` of packed bits."""
    index = faiss.IndexBinaryIDMap2(faiss.IndexBinaryFlat(packed.shape[1] * 8))
    index.add_with_ids(packed, ids)
    return index


def stored(index: Any) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the packed bits and ids of a flat binary index, with a map of ids or without.

    Raises
    ------
    SignatureError
        If it is another kind of index.
    """
    mapped = isinstance(index, faiss.IndexBinaryIDMap)
    flat = faiss.downcast_IndexBinary(index.index) if mapped else index
    if not isinstance(flat, faiss.IndexBinaryFlat):
        raise SignatureError(
            "Expected a faiss.IndexBinaryFlat, or an IndexBinaryIDMap over one; "
            f"{type(flat).__name__} came."
        )
    packed = faiss.vector_to_array(cast(Any, flat).xb).reshape(flat.ntotal, flat.code_size)
    ids = faiss.vector_to_array(index.id_map) if mapped else np.arange(flat.ntotal)
    return packed, ids
