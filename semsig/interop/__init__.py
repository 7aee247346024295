"""Signatures for other libraries and back (faiss, Arrow, Parquet, bitarray), and search engines.

Every format holds the signatures in the order of ``index.ids`` and is restored exactly. Engines
(``semsig.interop.tantivy``, ``.clickhouse``, ``.postgres``, ``.duckdb``, ``.opensearch``,
``.qdrant``, ``.milvus``, ``.lance``) answer with semsig's own distances: each module has
``export`` and the query that returns them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from semsig.interop.arrow import add_arrow as add_arrow
    from semsig.interop.arrow import from_arrow as from_arrow
    from semsig.interop.arrow import read_parquet as read_parquet
    from semsig.interop.arrow import to_arrow as to_arrow
    from semsig.interop.arrow import write_parquet as write_parquet
    from semsig.interop.bitarrays import add_bitarrays as add_bitarrays
    from semsig.interop.bitarrays import to_bitarrays as to_bitarrays
    from semsig.interop.exporting import export as export
    from semsig.interop.faiss import from_faiss as from_faiss
    from semsig.interop.faiss import to_faiss as to_faiss
    from semsig.interop.term_tables import to_terms as to_terms
    from semsig.interop.term_tables import write_terms as write_terms

_HOMES = {
    "add_arrow": ("semsig.interop.arrow", ".[arrow]"),
    "add_bitarrays": ("semsig.interop.bitarrays", "bitarray"),
    "export": ("semsig.interop.exporting", "semsig"),
    "from_arrow": ("semsig.interop.arrow", ".[arrow]"),
    "from_faiss": ("semsig.interop.faiss", "faiss-cpu"),
    "read_parquet": ("semsig.interop.arrow", ".[arrow]"),
    "to_arrow": ("semsig.interop.arrow", ".[arrow]"),
    "to_bitarrays": ("semsig.interop.bitarrays", "bitarray"),
    "to_faiss": ("semsig.interop.faiss", "faiss-cpu"),
    "to_terms": ("semsig.interop.term_tables", ".[arrow]"),
    "write_parquet": ("semsig.interop.arrow", ".[arrow]"),
    "write_terms": ("semsig.interop.term_tables", ".[arrow]"),
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> object:
    """Import what needs an optional package on first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'semsig.interop' has no attribute {name!r}")
    module, package = _HOMES[name]
    try:
        return getattr(import_module(module), name)
    except ImportError as error:
        from semsig.errors import SemsigError

        raise SemsigError(
            f"semsig.interop.{name} needs {package} ({error}); run, in a clone for an "
            f"extra in brackets: pip install '{package}'"
        ) from error
