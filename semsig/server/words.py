"""The one place where what a person types becomes conditions."""

from __future__ import annotations

from semsig.engine import Engine
from semsig.query import Conditions, Words


def written(words: str) -> Words:
    """Return a free text as :meth:`Engine.search` takes it; nothing for an empty one."""
    return words.strip() or ()


def understand(engine: Engine, words: str, without: str = "") -> Conditions:
    """Return the conditions that a free text means; QueryError if it cannot be understood."""
    return engine.conditions(written(words), written(without))
