"""Signatures to and from faiss's flat binary index; needs the package ``faiss-cpu``."""

from __future__ import annotations

from typing import Any, cast

import faiss
import numpy as np
from numpy.typing import NDArray

from semsig.errors import SignatureError
from semsig.search import HammingIndex
from semsig.types import SbsSchema


def to_faiss(index: HammingIndex) -> Any:
    """Return a ``faiss.IndexBinaryIDMap2`` over an ``IndexBinaryFlat`` with the same ids.

    Its Hamming distances are those of :meth:`HammingIndex.search`; ties may have another
    order.
    """
    packed = index.to_packed()
    mapped = faiss.IndexBinaryIDMap2(faiss.IndexBinaryFlat(packed.shape[1] * 8))
    mapped.add_with_ids(packed, index.ids)
    return mapped


def from_faiss(index: Any, schema: SbsSchema) -> HammingIndex:
    """Return an index of the signatures in a flat binary faiss index.

    Parameters
    ----------
    index : faiss.IndexBinaryFlat, or faiss.IndexBinaryIDMap or IDMap2 over one
        Its ids are kept; a flat index without a map has 0, 1, 2 and so on.
    schema : SbsSchema
        What the signatures were made with; faiss does not keep it.

    Raises
    ------
    SignatureError
        If it is another kind of index, or a bit string is no signature of `schema`.
    OptionError, DuplicateIdError
        If an id is negative or occurs twice.
    """
    packed, ids = _stored(index)
    new = HammingIndex(schema)
    new.add_packed(packed, ids)
    return new


def _stored(index: Any) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the packed bits and ids of a flat binary index, with a map of ids or without."""
    mapped = isinstance(index, faiss.IndexBinaryIDMap)
    flat = faiss.downcast_IndexBinary(index.index) if mapped else index
    if not isinstance(flat, faiss.IndexBinaryFlat):
        raise SignatureError(
            "Expected a faiss.IndexBinaryFlat, or an IndexBinaryIDMap over one; got "
            f"{type(flat).__name__}."
        )
    packed = faiss.vector_to_array(cast(Any, flat).xb).reshape(flat.ntotal, flat.code_size)
    ids = faiss.vector_to_array(index.id_map) if mapped else np.arange(flat.ntotal)
    return packed, ids
