"""Signatures out to other libraries and back: packed bits, bitarray, faiss, Arrow, Parquet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
from bitarray import bitarray
from numpy.typing import ArrayLike, NDArray

from semsig.errors import SemsigError
from semsig.index.checks import Ids, Signatures
from semsig.index.collection import SignatureCollection
from semsig.index.exchange.packed import from_bitarrays, pack, to_bitarrays, unpack, write_packed
from semsig.index.kinds import SBS
from semsig.types import SbsBatch, SbsSchema, SbsSignature


class ExchangeableCollection(SignatureCollection[SbsSchema, SbsSignature, SbsBatch]):
    """A collection of signatures that other libraries' forms go out of and come into.

    Every form holds the signatures in the order of :attr:`ids` and comes back exactly.
    """

    kind = SBS

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
        self, packed: ArrayLike, ids: Ids | None = None, *, payloads: Sequence[str] | None = None
    ) -> NDArray[np.int64]:
        """Add signatures given as the packed bits of :meth:`to_packed`.

        Parameters, results and errors are otherwise those of :meth:`add`.
        """
        return self.add(unpack(packed, self.schema), ids, payloads=payloads)

    def write_packed(self, path: Path | str) -> None:
        """Write the array of :meth:`to_packed` to an .npy file, without holding it in memory.

        ``add_packed(np.load(path, mmap_mode="r"))`` reads it back; ids and payloads are not in it.

        Raises
        ------
        IndexWriteError
            If the file cannot be written; one that was there before is left as it was.
        """
        write_packed(self.to_batch()[1], Path(path))

    def to_bitarrays(self) -> list[bitarray]:
        """Return one big-endian bitarray of n_bits bits a signature."""
        return to_bitarrays(self.to_packed(), self.schema)

    def add_bitarrays(
        self,
        rows: Iterable[bitarray],
        ids: Ids | None = None,
        *,
        payloads: Sequence[str] | None = None,
    ) -> NDArray[np.int64]:
        """Add signatures given as bitarrays of n_bits bits, of either endianness.

        Parameters, results and errors are otherwise those of :meth:`add`.
        """
        return self.add_packed(from_bitarrays(rows, self.schema), ids, payloads=payloads)

    def to_faiss(self) -> Any:
        """Return a ``faiss.IndexBinaryIDMap2`` over an ``IndexBinaryFlat`` with the same ids.

        Its Hamming distances are those of :meth:`HammingIndex.search`; ties may come in another
        order. Needs the package ``faiss-cpu``.
        """
        return _faiss().flat_index(self.to_packed(), self.ids)

    @classmethod
    def from_faiss(cls, index: Any, schema: SbsSchema) -> Self:
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
            If an id is negative or comes twice.
        """
        packed, ids = _faiss().stored(index)
        new = cls(schema)
        new.add_packed(packed, ids)
        return new

    def to_arrow(self) -> Any:
        """Return a ``pyarrow.Table``; needs the extra ``arrow``.

        Returns
        -------
        pyarrow.Table
            Columns ``id`` int64, ``cells`` list of uint16 or uint32 (``schema.cell_dtype``) and
            ``payload`` string. The metadata's key ``semsig`` holds schema and :attr:`meta` as
            JSON, so that :meth:`from_arrow` needs nothing else.
        """
        snapshot = self._store.snapshot
        rows = _arrow().Rows(
            batch=cast(SbsBatch, snapshot.batch()),
            ids=snapshot.ids,
            payloads=list(snapshot.payloads()),
            meta=self.meta,
        )
        return rows.to_table()

    @classmethod
    def from_arrow(cls, table: Any) -> Self:
        """Return an index in memory of the rows of a table that :meth:`to_arrow` made.

        Parameters
        ----------
        table : pyarrow.Table
            Filtered, sorted and joined as you like, as long as its metadata stays.

        Raises
        ------
        IndexFormatError
            If the table names no schema, or its columns are not those of :meth:`to_arrow`.
        SignatureError, OptionError, DuplicateIdError
            If a signature or an id is malformed, or an id comes twice.
        """
        rows = _arrow().Rows.of_table(table)
        new = cls(rows.batch.schema, meta=rows.meta)
        new.add(rows.batch, rows.ids, payloads=rows.payloads)
        return new

    def add_arrow(self, table: Any) -> None:
        """Add the rows of a table that :meth:`to_arrow` made, with their ids and payloads.

        Raises
        ------
        SchemaMismatchError
            If its signatures were made with another schema.
        IndexFormatError
            If it is no such table. Otherwise errors are those of :meth:`add`.
        """
        rows = _arrow().Rows.of_table(table)
        self.add(rows.batch, rows.ids, payloads=rows.payloads)

    def write_parquet(self, path: Path | str) -> None:
        """Write the table of :meth:`to_arrow` to a Parquet file; needs the extra ``arrow``.

        Raises
        ------
        IndexWriteError
            If the file cannot be written; one that was there before is left as it was.
        """
        _arrow().write_table(self.to_arrow(), Path(path))

    @classmethod
    def read_parquet(cls, path: Path | str) -> Self:
        """Return an index in memory of what :meth:`write_parquet` wrote.

        Raises
        ------
        IndexFormatError
            If the file cannot be read; otherwise errors are those of :meth:`from_arrow`.
        """
        return cls.from_arrow(_arrow().read_table(Path(path)))


def _arrow() -> Any:
    return _load("semsig.index.exchange.arrow", "semsig[arrow]")


def _faiss() -> Any:
    return _load("semsig.index.exchange.faiss", "faiss-cpu")


def _load(module: str, package: str) -> Any:
    """Import a module that needs an optional package."""
    try:
        return import_module(module)
    except ImportError as error:
        raise SemsigError(
            f"This needs {package} ({error}); run: pip install '{package}'"
        ) from error
