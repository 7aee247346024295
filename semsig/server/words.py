"""The one place where text typed by a user is turned into conditions."""

from __future__ import annotations

from semsig.engine import Engine
from semsig.query import Conditions, Words, read_sentence


def written(engine: Engine, words: str) -> Words:
    """Return free text in the form that :meth:`Engine.search` takes; nothing for empty text.

    Raises
    ------
    QueryError
        If it cannot be understood.
    """
    if not words.strip():
        return ()
    return str(read_sentence(words.strip(), engine.index.schema.classes))


def understand(engine: Engine, words: str, without: str = "") -> Conditions:
    """Return the conditions that a free text means; raise QueryError if it is not understood."""
    return engine.conditions(written(engine, words), without.strip() or ())
