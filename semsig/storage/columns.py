"""The arrays of a segment: in memory, or in files that are read and verified when first used.

Files are not memory-mapped: a search reads from its own copy, made in the same pass as the
checksum, so that later changes of the file can neither change an answer nor crash a kernel.
"""

from __future__ import annotations

import hashlib
import io
import os
import weakref
import zlib
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from semsig.durable import open_inside
from semsig.errors import IndexCorruptError, OptionError
from semsig.storage.manifest import FileEntry

Verify = Literal["first-use", "never"]
"""Whether each file's checksum is compared when the file is first used."""

_PIECE = 1 << 20
"""Bytes read and summed at a time: they stay in the CPU's cache between the two."""
_BLOCK = 1 << 16
"""Bytes per CRC; a payload is read together with the whole blocks that it lies in."""
_HEAD = 1 << 12
"""An .npy header of one dimension is far shorter."""
_ADVICE = "Restore it from a copy, or read the other segments: open(folder, damaged='skip')."


def check_verify(verify: str) -> Verify:
    """Return `verify`; raise :class:`OptionError` unless it is a valid choice."""
    if verify not in ("first-use", "never"):
        raise OptionError(f"Expected verify='first-use' or 'never', got {verify!r}.")
    return verify  # type: ignore[return-value]


class Column(Protocol):
    """One array of a segment, shape (length,), read-only."""

    length: int

    @property
    def array(self) -> NDArray[Any]:
        """The whole array, in memory."""
        ...

    def part(self, start: int, stop: int) -> bytes:
        """Return bytes ``start:stop`` of an array of bytes."""
        ...

    def prove(self) -> None:
        """Read the array; raise :class:`IndexCorruptError` unless it is as it was written."""
        ...


class HeldColumn:
    """An array in memory."""

    def __init__(self, array: NDArray[Any]) -> None:
        array.flags.writeable = False
        self.array: NDArray[Any] = array
        self.length = len(array)

    def part(self, start: int, stop: int) -> bytes:
        """Return bytes ``start:stop`` of an array of bytes."""
        return self.array[start:stop].tobytes()

    def prove(self) -> None:
        """Do nothing: an array in memory cannot be damaged on disk."""


class StoredColumn:
    """An array in an .npy file of an index folder, read when first used.

    The file stays open until then, so that a writer may delete it meanwhile.

    Parameters
    ----------
    folder : Path
        The index folder.
    entry : FileEntry
        The file as it was written.
    dtype, length
        What the array must be.
    verify : {"first-use", "never"}
        Whether its checksum is compared when it is read.

    Raises
    ------
    IndexCorruptError
        If the file is missing, or its size, dtype or shape is not as written; only its header
        is read so far.
    """

    def __init__(
        self,
        folder: Path,
        entry: FileEntry,
        dtype: DTypeLike,
        length: int,
        *,
        verify: Verify = "first-use",
    ) -> None:
        self.length = length
        self._path, self._entry, self._dtype = folder / entry.name, entry, np.dtype(dtype)
        self._verify, self._proved = verify == "first-use", False
        self._array: NDArray[Any] | None = None
        self._crcs: list[int] | None = None
        self._lock = Lock()
        try:
            self._file = open_inside(folder, entry.name)
        except OSError as error:
            raise self._damaged(str(error)) from error
        self._close = weakref.finalize(self, os.close, self._file)
        self._check_size()
        try:
            self._head = self._header()
        except (
            Exception
        ) as error:  # NumPy's header parser raises nearly any exception type on damage
            raise self._damaged(str(error)) from error

    @property
    def array(self) -> NDArray[Any]:
        """The whole array, in memory.

        Raises
        ------
        IndexCorruptError
            If the file is no longer as it was written.
        """
        with self._lock:
            if self._array is None:
                self._array = self._read()
                self._close()
            return self._array

    def part(self, start: int, stop: int) -> bytes:
        """Return bytes ``start:stop`` of an array of bytes, without reading the others.

        The first call computes the checksum of the whole file, unless `verify` is "never", and a
        CRC of each block, by which later calls notice changes.
        """
        if not 0 <= start <= stop <= self.length:
            raise self._damaged(f"expected rows in 0..{self.length:,}, one in {start}..{stop}")
        with self._lock:
            if self._array is not None:
                return self._array[start:stop].tobytes()
            if self._verify and self._crcs is None:
                self._crcs = self._sum_blocks()
            first = start // _BLOCK * _BLOCK
            blocks = list(self._blocks(first, stop, _BLOCK))
            if self._crcs is not None:
                known = self._crcs[first // _BLOCK :]
                if any(zlib.crc32(b) != crc for b, crc in zip(blocks, known, strict=False)):
                    raise self._damaged("it was changed since it was first used")
            return b"".join(blocks)[start - first : stop - first]

    def prove(self) -> None:
        """Read the array; raise :class:`IndexCorruptError` unless it is as it was written."""
        array = self.array
        if not self._proved:
            self._compare(hashlib.sha256(self._head + array.tobytes()).hexdigest())

    def _header(self) -> bytes:
        """Return the bytes before the array; ValueError unless they announce what is expected."""
        content = os.read(self._file, _HEAD)
        reader = io.BytesIO(content)
        parsers = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }
        shape, _, dtype = parsers[np.lib.format.read_magic(reader)](reader)
        ends = reader.tell() + self.length * self._dtype.itemsize
        if dtype != self._dtype or shape != (self.length,) or ends != self._entry.bytes:
            raise ValueError(
                f"{self._dtype} ({self.length},) up to byte {self._entry.bytes} expected, "
                f"{dtype} {shape} up to {ends} found"
            )
        return content[: reader.tell()]

    def _check_size(self) -> None:
        size = os.fstat(self._file).st_size
        if size != self._entry.bytes:
            raise self._damaged(f"{self._entry.bytes:,} bytes expected, {size:,} found")

    def _read(self) -> NDArray[Any]:
        self._check_size()
        array = np.empty(self.length, self._dtype)
        memory, sha256 = array.view(np.uint8).data, hashlib.sha256(self._head)
        for start in range(0, len(memory), _PIECE):
            piece = memory[start : start + _PIECE]
            self._fill(piece, start)
            if self._verify:
                sha256.update(piece)
        if self._verify:
            self._compare(sha256.hexdigest())
        array.flags.writeable = False
        return array

    def _sum_blocks(self) -> list[int]:
        """Return the CRC-32 of each block, after checking the file's checksum."""
        self._check_size()
        sha256 = hashlib.sha256(self._head)
        crcs: list[int] = []
        for piece in self._blocks(0, self.length, _PIECE):
            sha256.update(piece)
            parts = (piece[at : at + _BLOCK] for at in range(0, len(piece), _BLOCK))
            crcs.extend(map(zlib.crc32, parts))
        self._compare(sha256.hexdigest())
        return crcs

    def _blocks(self, first: int, stop: int, size: int) -> Iterator[bytes]:
        """Blocks of bytes from `first`, until `stop` is reached."""
        for start in range(first, stop, size):
            block = bytearray(min(size, self.length - start))
            self._fill(memoryview(block), start)
            yield bytes(block)

    def _fill(self, memory: memoryview, start: int) -> None:
        """Fill `memory` with the array's bytes from `start` on."""
        done, offset = 0, len(self._head) + start
        try:
            while done < len(memory):
                count = _read_at(self._file, memory[done:], offset + done)
                if not count:
                    raise self._damaged(f"it ends at byte {offset + done:,}: it was cut short")
                done += count
        except OSError as error:
            raise self._damaged(str(error)) from error

    def _compare(self, found: str) -> None:
        if found != self._entry.sha256:
            raise self._damaged("its checksum differs from the manifest's. Run verify")
        self._proved = True

    def _damaged(self, reason: str) -> IndexCorruptError:
        return IndexCorruptError(f"{self._path} is damaged: {reason}. {_ADVICE}")


def _read_at(file: int, memory: memoryview, offset: int) -> int:
    """Read at an offset; forked processes share a file's position, so it is not used."""
    if hasattr(os, "preadv"):
        return os.preadv(file, [memory], offset)
    os.lseek(file, offset, os.SEEK_SET)  # Windows, which does not fork
    content = os.read(file, len(memory))
    memory[: len(content)] = content
    return len(content)
