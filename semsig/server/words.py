"""The one place where what a person types becomes conditions."""

from __future__ import annotations

from semsig.engine import Engine
from semsig.query import Conditions, Words, read_sentence


def written(engine: Engine, words: str) -> Words:
    """Return a free text as :meth:`Engine.search` takes it; nothing for an empty one.

    Raises
    ------
    QueryError
        If it cannot be understood.
    """
    if not words.strip():
        return ()
    return str(read_sentence(words.strip(), engine.index.schema.classes))


def understand(engine: Engine, words: str, without: str = "") -> Conditions:
    """Return the conditions that a free text means; QueryError if it cannot be understood."""
    return engine.conditions(written(engine, words), without.strip() or ())
