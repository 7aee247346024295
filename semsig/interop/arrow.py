"""Signatures as an Arrow table: columns id, cells, payload. Needs the extra ``arrow``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow
import pyarrow.parquet
from numpy.typing import NDArray

from semsig.documents import Entries, parse_json
from semsig.errors import IndexFormatError, SemsigError
from semsig.search import HammingIndex
from semsig.storage.checks import portions
from semsig.storage.files import replacing
from semsig.storage.keys import read_texts
from semsig.types import SbsBatch, SbsSchema

_KEY = b"semsig"
_FORMAT = "semsig-sbs-table"
_VERSION = 1


def to_arrow(index: HammingIndex) -> Any:
    """Return an index as a ``pyarrow.Table``.

    Returns
    -------
    pyarrow.Table
        Columns ``id`` int64, ``cells`` list of uint16 or uint32 (``schema.cell_dtype``) and
        ``payload`` string. The metadata's key ``semsig`` holds schema and meta as JSON, so that
        :func:`from_arrow` needs nothing else.
    """
    ids, batch, payloads = index.to_rows()
    return Rows(batch=batch, ids=ids, payloads=payloads, meta=index.meta).to_table()


def from_arrow(table: Any) -> HammingIndex:
    """Return an index in memory of the rows of a table that :func:`to_arrow` made.

    Parameters
    ----------
    table : pyarrow.Table
        May be filtered, sorted and joined, as long as its metadata is kept.

    Raises
    ------
    IndexFormatError
        If the table names no schema, or its columns are not those of :func:`to_arrow`.
    SignatureError, OptionError, DuplicateIdError
        If a signature or an id is malformed, or an id occurs twice.
    """
    rows = Rows.of_table(table)
    new = HammingIndex(rows.batch.schema, meta=rows.meta)
    rows.add_to(new)
    return new


def add_arrow(index: HammingIndex, table: Any) -> None:
    """Add the rows of a table that :func:`to_arrow` made, with their ids and payloads.

    Raises
    ------
    SchemaMismatchError
        If its signatures were made with another schema.
    IndexFormatError
        If it is not such a table. Otherwise errors are those of :meth:`HammingIndex.add`.
    """
    rows = Rows.of_table(table)
    rows.add_to(index)


def write_parquet(index: HammingIndex, path: Path | str) -> None:
    """Write the table of :func:`to_arrow` to a Parquet file, completely or not at all.

    Raises
    ------
    IndexWriteError
        If the file cannot be written; one that was there before is left as it was.
    """
    with replacing(Path(path)) as new:
        pyarrow.parquet.write_table(to_arrow(index), new, compression="zstd")


def read_parquet(path: Path | str) -> HammingIndex:
    """Return an index in memory of what :func:`write_parquet` wrote: a file, or a folder of them.

    Raises
    ------
    IndexFormatError
        If it cannot be read; otherwise errors are those of :func:`from_arrow`.
    """
    try:
        table = pyarrow.parquet.read_table(path)
    except (OSError, pyarrow.ArrowException) as error:
        raise IndexFormatError(f"{path} cannot be read as Parquet: {error}") from error
    return from_arrow(table)


@dataclass(frozen=True, eq=False, kw_only=True)
class Rows:
    """Content of a table: N signatures with ids and stored texts, and the index's meta."""

    batch: SbsBatch
    ids: NDArray[np.int64]
    payloads: Sequence[str]
    meta: Mapping[str, str]

    def add_to(self, index: HammingIndex) -> None:
        """Add the rows; a text of the column ``payload`` may hold a key and a JSON value."""
        keys, payloads = read_texts(self.payloads)
        index.add(self.batch, self.ids, keys=keys, payloads=payloads)

    def to_table(self) -> Any:
        """Return a ``pyarrow.Table`` in record batches of a few million cells each."""
        layout = _layout(self.batch.schema).with_metadata({_KEY: self._header()})
        return pyarrow.Table.from_batches(self._record_batches(layout), layout)

    def _header(self) -> bytes:
        schema = self.batch.schema.to_json()
        header = {"format": _FORMAT, "version": _VERSION, "schema": schema, "meta": dict(self.meta)}
        return json.dumps(header).encode()

    def _record_batches(self, layout: Any) -> Iterator[Any]:
        payloads = iter(self.payloads)
        offsets = self.batch.offsets
        for start, stop in portions(offsets):
            cells = self.batch.cells[offsets[start] : offsets[stop]]
            starts = (offsets[start : stop + 1] - offsets[start]).astype(np.int32)
            columns = [
                pyarrow.array(self.ids[start:stop]),
                pyarrow.ListArray.from_arrays(starts, cells, type=layout.field("cells").type),
                pyarrow.array(list(islice(payloads, stop - start)), pyarrow.string()),
            ]
            yield pyarrow.RecordBatch.from_arrays(columns, schema=layout)

    @classmethod
    def of_table(cls, table: Any) -> Self:
        """Read a table of :meth:`to_table`; its cells are not checked.

        Raises
        ------
        IndexFormatError
            If it is no table, has no such header, or columns of other types, or nulls.
        """
        if not isinstance(table, pyarrow.Table):
            raise IndexFormatError(f"Expected a pyarrow.Table, got {type(table).__name__}.")
        schema, meta = _read_header(table)
        table = _as_laid_out(table, _layout(schema))
        parts = [batch.column("cells") for batch in table.to_batches()]
        cells = [np.zeros(0, schema.cell_dtype), *(part.flatten().to_numpy() for part in parts)]
        lengths = [np.zeros(1, np.int64), *(part.value_lengths().to_numpy() for part in parts)]
        offsets = np.cumsum(np.concatenate(lengths), dtype=np.int64)
        return cls(
            batch=SbsBatch(np.concatenate(cells), offsets, schema),
            ids=table["id"].to_numpy(),
            payloads=table["payload"].to_pylist(),
            meta=meta,
        )


def _layout(schema: SbsSchema) -> Any:
    cell = pyarrow.from_numpy_dtype(schema.cell_dtype)
    return pyarrow.schema(
        [("id", pyarrow.int64()), ("cells", pyarrow.list_(cell)), ("payload", pyarrow.string())]
    )


def _read_header(table: Any) -> tuple[SbsSchema, dict[str, str]]:
    header = (table.schema.metadata or {}).get(_KEY)
    if header is None:
        raise IndexFormatError(
            "The table's metadata names no semsig schema. A program that rewrote it may have "
            "dropped it: table.replace_schema_metadata(original.schema.metadata) brings it back."
        )
    try:
        document = Entries(parse_json(header))
        if (document.value("format"), document.value("version")) != (_FORMAT, _VERSION):
            raise ValueError(f"it is {document.value('format')!r}, {document.value('version')!r}")
        meta = document.table("meta")
        return SbsSchema.from_json(document.value("schema")), {key: meta.text(key) for key in meta}
    except (KeyError, TypeError, ValueError, SemsigError) as error:
        raise IndexFormatError(
            f"The table's metadata is not valid {_FORMAT} {_VERSION}: {error!r}"
        ) from error


def _as_laid_out(table: Any, layout: Any) -> Any:
    """Return the three columns in their own types; large or wider ones are narrowed if they fit."""
    try:
        table = table.select(layout.names).cast(layout)
    except (KeyError, ValueError, pyarrow.ArrowException) as error:
        raise IndexFormatError(f"Expected columns {layout.to_string()}; {error}") from error
    cells = [part.flatten() for part in table["cells"].chunks]
    if any(column.null_count for column in (*table.columns, *cells)):
        raise IndexFormatError("A table of signatures holds no nulls, got some.")
    return table
