"""An index's rows by key: looked up, iterated, and chosen by their payloads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.errors import OptionError, UnknownIdError
from semsig.storage.keys import Entry, read_text
from semsig.storage.store import Store


class Entries:
    """What works like a dict in an index: ``get``, ``in``, iteration; and choice by payload."""

    _store: Store

    @property
    def payloads(self) -> Iterator[Any]:
        """Payloads, JSON values, in the order of :attr:`ids`."""
        return (read_text(text)[1] for text in self._store.snapshot.payloads())

    @property
    def keys(self) -> Iterator[str | None]:
        """Keys in the order of :attr:`ids`; None where a row was added without one."""
        return (read_text(text)[0] for text in self._store.snapshot.payloads())

    def __iter__(self) -> Iterator[str | int]:
        """Yield each row's key, or its id where it has no key, in order of insertion."""
        snapshot = self._store.snapshot
        for id_, text in zip(snapshot.ids.tolist(), snapshot.payloads(), strict=True):
            key = read_text(text)[0]
            yield id_ if key is None else key

    def __contains__(self, key: object) -> bool:
        """Tell whether a key (a string) or an id (an integer) is in the index."""
        snapshot = self._store.snapshot
        if isinstance(key, str):
            return snapshot.id_of(key) is not None
        whole = isinstance(key, int | np.integer) and not isinstance(key, bool)
        return whole and bool((snapshot.ids == key).any())

    def get(self, key: str | int, default: Any = None) -> Any:
        """Return the row of a key or id.

        Parameters
        ----------
        key : str or int
            The key, or the id.
        default : optional
            What is returned where it is absent.

        Returns
        -------
        Entry
            Its id, key, signature and payload.
        """
        snapshot = self._store.snapshot
        try:
            segment, row = snapshot.locate(key)
        except (OptionError, UnknownIdError):  # not a key, or not in the index
            return default
        name, payload = read_text(segment.payload(row))
        signature = segment.signature(row, snapshot.schema)
        return Entry(id=int(segment.ids[row]), key=name, signature=signature, payload=payload)

    def where(self, test: Callable[[Any], bool] | None = None, **equal: Any) -> NDArray[np.int64]:
        """Return the ids of rows chosen by their payloads, for the ``filter_ids`` of a search.

        Parameters
        ----------
        test : callable, optional
            Called with a payload; returns whether to choose its row.
        **equal
            Entries that a payload, a dict, has: ``where(shop="A", sold=False)``.

        Returns
        -------
        ndarray of int64
            In order of insertion.

        Raises
        ------
        OptionError
            If `test` is not callable. What it raises itself is passed on.
        """
        if not (test is None or callable(test)):
            raise OptionError(f"Expected a function of a payload, got {test!r}.")
        snapshot = self._store.snapshot
        values = (read_text(text)[1] for text in snapshot.payloads())
        counts = [_has(value, equal) and (test is None or bool(test(value))) for value in values]
        return snapshot.ids[np.array(counts, np.bool_)]


def _has(payload: Any, equal: Mapping[str, Any]) -> bool:
    """Tell whether a payload is a dict with these entries; True if there are none."""
    if not equal:
        return True
    known = isinstance(payload, dict) and equal.keys() <= payload.keys()
    return known and all(payload[name] == value for name, value in equal.items())
