"""Signatures with ids and payloads, in memory or in a folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, Self, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from semsig.arguments import FLAG, MAPPING, NOTHING, PATH, WHOLE, expect, typed
from semsig.errors import DuplicateIdError, IndexFormatError, OptionError
from semsig.storage.checks import Ids, as_batch, as_distinct_ids, as_ids, as_matching_ids
from semsig.storage.columns import Verify, check_verify
from semsig.storage.entries import Entries
from semsig.storage.keys import check_keys, read_text, write_texts
from semsig.storage.manifest import Manifest
from semsig.storage.segment import Segment
from semsig.storage.store import Store
from semsig.storage.verify import VerifyReport, verify_index
from semsig.types.record_spec import AnyBatch, AnySchema, RecordSpec

Schema = TypeVar("Schema", bound=AnySchema)
Signature = TypeVar("Signature")
Batch = TypeVar("Batch", bound=AnyBatch)


class SignatureCollection(Entries, Generic[Schema, Signature, Batch]):
    """Signatures of one schema with ids and payloads, in memory or in a folder.

    A new collection is in memory; :meth:`save` writes it to a folder. A collection from
    :meth:`open` is changed on disk: each change is committed as a whole when its call returns.
    Changes by other processes are seen after :meth:`refresh`.

    Parameters
    ----------
    schema : SbsSchema or SbovpSchema
        Schema of every signature.
    meta : mapping of str to str, optional
        Whatever the index's creator wants to store, such as the segmenter's name.
    first_id : int
        The first id that is assigned where none are given; each shard starts at another.

    Raises
    ------
    OptionError
        If the schema is of another kind of signature, `meta` holds anything but strings, or
        `first_id` can be no id.
    """

    records: ClassVar[RecordSpec]

    def __init__(
        self, schema: Schema, *, meta: Mapping[str, str] | None = None, first_id: int = 0
    ) -> None:
        if not isinstance(schema, self.records.schema):
            expected = self.records.schema.__name__
            raise OptionError(f"Expected {expected}, got {type(schema).__name__}.")
        expect("meta", meta, (*MAPPING, NOTHING))
        meta = dict(meta or {})
        if not all(isinstance(text, str) for item in meta.items() for text in item):
            raise OptionError("meta maps strings to strings.")
        expect("first_id", first_id, WHOLE)
        next_id = int(as_ids(first_id)[0])
        self._store = Store(Manifest(schema=schema, meta=meta, next_id=next_id))

    @classmethod
    @typed(path=PATH, damaged=str, verify=str)
    def open(
        cls,
        path: Path | str,
        *,
        damaged: Literal["raise", "skip"] = "raise",
        verify: Verify = "first-use",
    ) -> Self:
        """Open an index on disk; only headers are read at once, data files when first needed.

        Parameters
        ----------
        path : Path or str
            The index folder.
        damaged : {"raise", "skip"}
            What to do about damaged segments. Missing files and wrong sizes are found on every
            opening, other damage when a file is first used. ``"skip"`` reads the whole index,
            leaves out every segment that is not as it was written, and allows no changes: it is
            for reading the intact rest, or saving it elsewhere.
        verify : {"first-use", "never"}
            Whether each file's checksum is compared when the file is first used: about half a
            second for each GB. Values out of range are found in either case, and a change
            refuses to copy damage.

        Raises
        ------
        IndexFormatError
            If the folder holds no index, or one of another version or kind.
        IndexCorruptError
            If a file is damaged; the message names it.
        """
        if damaged not in ("raise", "skip"):
            raise OptionError(f"damaged is 'raise' or 'skip', got {damaged!r}.")
        store = Store.open(Path(path), rescue=damaged == "skip", verify=check_verify(verify))
        schema = store.manifest.schema
        if not isinstance(schema, cls.records.schema):
            raise IndexFormatError(
                f"{path} holds {schema.describe()}, which {cls.__name__} cannot search."
            )
        index = cls(cast(Schema, schema))
        index._store = store
        return index

    @typed(path=PATH, overwrite=FLAG)
    def save(self, path: Path | str, *, overwrite: bool = True) -> None:
        """Write the index to a folder, compacted; this index stays where it is.

        Parameters
        ----------
        path : Path or str
            A new or empty folder, or another index, which is replaced in one step.
        overwrite : bool
            Whether another index may be replaced.

        Raises
        ------
        OptionError
            If the index is in this very folder, where changes are on disk already; or if the
            folder is not empty and `overwrite` is False.
        IndexFormatError
            If the folder holds other files and no index, or an index of another kind.
        IndexLockedError, IndexWriteError
            If the folder cannot be written to.
        IndexCorruptError
            If a segment of this index is damaged.
        """
        self._store.save(Path(path), overwrite=overwrite)

    @property
    def content(self) -> tuple[object, ...]:
        """Identifies the content: it changes whenever something is added, replaced or removed."""
        return (self._store.snapshot,)

    def __copy__(self) -> Self:
        """Return an index of the same folder, or a copy in memory."""
        if self.path is not None:
            return type(self).open(self.path, damaged=self._damaged, verify=self.verified)
        twin = type(self)(self.schema, meta=self.meta)
        twin._store = self._store.twin()
        return twin

    def __deepcopy__(self, memo: object) -> Self:
        """Return what copy.copy does: rows are never shared between copies that change."""
        return self.__copy__()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle an index by the path of its folder, which is opened where it is unpickled."""
        if self.path is None:
            raise OptionError(
                f"Expected an index in a folder, got a {type(self).__name__} in memory, which is "
                "not pickled; save(folder), and pickle what open(folder) returns."
            )
        how = {"damaged": self._damaged, "verify": self.verified}
        return _opened, (type(self), str(self.path.absolute()), how)

    @property
    def _damaged(self) -> Literal["raise", "skip"]:
        return "skip" if self._store.rescued else "raise"

    def __len__(self) -> int:
        return len(self._store.snapshot)

    def __repr__(self) -> str:
        name = type(self).__name__
        return f"{name}({len(self):,} signatures, {self.schema.describe()}, {self.path})"

    @property
    def schema(self) -> Schema:
        """Schema of every signature."""
        return cast(Schema, self._store.snapshot.schema)

    @property
    def meta(self) -> Mapping[str, str]:
        """Whatever the index's creator stored with it."""
        return dict(self._store.manifest.meta)

    @property
    def path(self) -> Path | None:
        """The folder; None in memory."""
        return self._store.path

    @property
    def verified(self) -> Verify:
        """Whether checksums are compared on first use; see :meth:`open`."""
        return self._store.verified

    @property
    def n_bytes(self) -> int:
        """Size of the data files as the manifest has it; 0 in memory."""
        return sum(file.bytes for file in self._store.manifest.all_files())

    @property
    def ids(self) -> NDArray[np.int64]:
        """Ids in order of insertion, shape (len(self),) int64, read-only."""
        return self._store.snapshot.ids

    def to_batch(self) -> tuple[NDArray[np.int64], Batch]:
        """Return ids and signatures as they are at one moment, in order of insertion.

        Returns
        -------
        ids : ndarray of int64, shape (N,)
            Read-only.
        batch : SbsBatch or SbovpBatch
            N signatures, in read-only arrays; not copied where the index is compact.
        """
        snapshot = self._store.snapshot
        return snapshot.ids, cast(Batch, snapshot.batch())

    def to_rows(self) -> tuple[NDArray[np.int64], Batch, list[str]]:
        """Return what :meth:`to_batch` does, and the stored texts, from one snapshot.

        :func:`semsig.storage.keys.read_texts` makes keys and payloads of the texts.
        """
        snapshot = self._store.snapshot
        return snapshot.ids, cast(Batch, snapshot.batch()), list(snapshot.payloads())

    def signature(self, id_: int | str) -> Signature:
        """Return the signature of an id or key; UnknownIdError if it is absent."""
        segment, row = self._store.snapshot.locate(id_)
        return cast(Signature, segment.signature(row, self.schema))

    def payload(self, id_: int | str) -> Any:
        """Return the payload of an id or key; UnknownIdError if it is absent."""
        segment, row = self._store.snapshot.locate(id_)
        return read_text(segment.payload(row))[1]

    def add(
        self,
        signatures: Signature | Batch | Iterable[Signature] | NDArray[np.uint8],
        ids: Ids | None = None,
        *,
        keys: Sequence[str | None] | None = None,
        payloads: Sequence[Any] | None = None,
    ) -> NDArray[np.int64]:
        """Add signatures.

        Parameters
        ----------
        signatures : signature, batch, iterable of signatures or ndarray of uint8
            N signatures of the index's schema; an array holds packed bits, each row as
            :meth:`SbsSignature.to_bits` has it, which only SBS have.
        ids : array_like of int, shape (N,), optional
            Distinct ids from 0 to 2^63 - 2 that the index does not hold. The next unused ones
            by default.
        keys : sequence of str, length N, optional
            Names chosen by the caller, such as paths, by which rows are found as well: distinct,
            and not in the index yet. None for a row without a key.
        payloads : sequence of JSON values, length N, optional
            What is stored with each signature; an empty text by default.

        Returns
        -------
        ndarray of int64, shape (N,)
            The ids.

        Raises
        ------
        SchemaMismatchError, SignatureError
            If a signature has another schema or is malformed.
        DuplicateIdError
            If an id or key is held already or given twice.
        OptionError
            If ids, keys or payloads do not fit the signatures.
        IndexLockedError, IndexWriteError, IndexCorruptError
            If the folder cannot be written to. In every case nothing is added.
        """
        batch = as_batch(signatures, self.schema)
        texts = write_texts(payloads, keys, len(batch))
        check_keys(keys)
        given = None if ids is None else as_matching_ids(ids, len(batch))
        with self._store.writer():
            snapshot = self._store.snapshot
            for key in keys or ():
                if key is not None and snapshot.id_of(key) is not None:
                    raise DuplicateIdError(f"Key {key!r} is in the index already; use replace.")
            numbers = snapshot.unused(len(batch)) if given is None else given
            if len(batch):
                self._store.commit(snapshot.added(Segment.of(batch, numbers, texts)))
        return numbers

    def remove(self, ids: Ids) -> None:
        """Remove signatures.

        Raises
        ------
        UnknownIdError, DuplicateIdError
            If an id is absent or given twice. Then, and where the folder cannot be written to
            (as for :meth:`add`), nothing is removed.
        """
        with self._store.writer():
            numbers = as_distinct_ids(self._store.snapshot.numbers(ids))
            if len(numbers):
                self._store.commit(self._store.snapshot.removed(numbers))

    def replace(
        self,
        ids: Ids,
        signatures: Signature | Batch | Iterable[Signature] | NDArray[np.uint8],
        *,
        payloads: Sequence[Any] | None = None,
    ) -> None:
        """Remove ids or keys and add them again, as the last inserted, in one step.

        Keys stay. Parameters and errors are those of :meth:`remove` and :meth:`add`.
        """
        batch = as_batch(signatures, self.schema)
        write_texts(payloads, None, len(batch))
        with self._store.writer():
            snapshot = self._store.snapshot
            numbers = as_matching_ids(snapshot.numbers(ids), len(batch))
            if len(batch):
                rest = snapshot.removed(numbers)
                texts = write_texts(payloads, self._keys_of(numbers), len(batch))
                self._store.commit(rest.added(Segment.of(batch, numbers, texts)))

    def _keys_of(self, ids: NDArray[np.int64]) -> list[str | None]:
        places = map(self._store.snapshot.locate, ids.tolist())
        return [read_text(segment.payload(row))[0] for segment, row in places]

    def compact(self) -> None:
        """Merge all segments into one, without the removed rows; order and ids stay."""
        with self._store.writer():
            if not self._store.snapshot.is_compact:
                self._store.commit(self._store.snapshot.compacted())

    def refresh(self) -> bool:
        """Show what other processes have committed; return whether there was anything new."""
        return self._store.refresh()

    def verify(self) -> VerifyReport:
        """Read every file of the index on disk; see :func:`semsig.search.verify_index`."""
        return verify_index(self.path) if self.path else VerifyReport(rows=len(self))

    @contextmanager
    def writer(self, timeout: float = 0) -> Iterator[Self]:
        """Hold the writer's lock over several changes; each is still committed by itself.

        A process forked meanwhile does not have the lock, and cannot change the index.

        Parameters
        ----------
        timeout : float
            Seconds to wait while another process is writing.

        Raises
        ------
        IndexLockedError
            If another process is writing; the message names it.
        IndexWriteError
            If the folder cannot be written to.
        IndexCorruptError
            If the index was opened without its damaged segments.
        """
        with self._store.writer(timeout):
            yield self


def _opened(cls: type[Any], path: str, how: dict[str, Any]) -> Any:
    """Open an index that was pickled as its path."""
    return cls.open(path, **how)
