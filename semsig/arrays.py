"""NumPy files from untrusted sources: headers are checked before data is read."""

from __future__ import annotations

import io
import math
import zipfile
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_MOST_MEMBERS = 1000


def read_npy(file: IO[bytes], *, most: int) -> NDArray[Any]:
    """Read an .npy file of plain numbers from its start.

    Parameters
    ----------
    file : binary file
        A file that can be read from its start again.
    most : int
        Most bytes that the array may take in memory.

    Raises
    ------
    ValueError
        If it is not such a file, announces more, or ends early.
    """
    _check_header(file, most)
    file.seek(0)
    try:
        array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"the array cannot be read: {error}") from error
    return array


def read_npz(content: bytes | IO[bytes], *, most: int, only: tuple[str, ...] = ()) -> Arrays:
    """Read arrays of plain numbers from an .npz archive.

    Parameters
    ----------
    content : bytes or binary file
        The archive.
    most : int
        Most bytes that the arrays that are read may take in memory together: compressed, an
        archive may be a thousand times smaller.
    only : tuple of str
        The arrays to read; all if empty.

    Returns
    -------
    dict of str to ndarray
        The arrays.

    Raises
    ------
    ValueError
        If it is no such archive, an array of `only` is missing, or it holds more.
    """
    source = io.BytesIO(content) if isinstance(content, bytes) else content
    try:
        with zipfile.ZipFile(source) as archive:
            return _arrays(archive, most, only)
    except ValueError:
        raise
    except Exception as error:  # damaged zip archives raise nearly any exception type
        raise ValueError(f"the archive cannot be read: {error!r}") from error


Arrays = dict[str, NDArray[Any]]


def member_names(file: IO[bytes]) -> list[str]:
    """Return the names of the arrays in an .npz archive; ValueError if it is none."""
    try:
        with zipfile.ZipFile(file) as archive:
            return [name.removesuffix(".npy") for name in archive.namelist()]
    except Exception as error:  # as above
        raise ValueError(f"the archive cannot be read: {error!r}") from error


def _arrays(archive: zipfile.ZipFile, most: int, only: tuple[str, ...]) -> Arrays:
    members = {name.removesuffix(".npy"): name for name in archive.namelist()}
    absent = [name for name in only if name not in members]
    if absent or len(members) > _MOST_MEMBERS:
        raise ValueError(f"expected arrays {', '.join(only)}, got {', '.join(list(members)[:10])}")
    found: Arrays = {}
    for name in only or members:
        with archive.open(members[name]) as member:
            found[name] = read_npy(member, most=most)
        most -= found[name].nbytes
    return found


def _check_header(file: IO[bytes], most: int) -> None:
    """Raise ValueError unless an .npy file announces numbers that take at most `most` bytes."""
    try:
        file.seek(0)
        shape, _, dtype = _HEADERS[np.lib.format.read_magic(file)](file)
    except Exception as error:  # NumPy's header parser raises nearly any exception type on damage
        raise ValueError(f"expected an .npy file of numbers, got {error!r}") from error
    if dtype.kind not in "biuf" or any(side < 0 for side in shape):
        raise ValueError(f"expected numbers, got {dtype} of shape {shape}")
    if math.prod(shape) * dtype.itemsize > most:
        raise ValueError(
            f"expected at most {most:,} bytes, got {dtype} of shape {shape}, which takes more"
        )
