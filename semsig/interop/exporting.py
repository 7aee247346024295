"""Exports to other engines, complete or not at all, and engines' errors."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.documents import Entries, parse_json
from semsig.durable import read_regular, sync_folder
from semsig.errors import EngineError, IndexWriteError, OptionError, SemsigError
from semsig.search import HammingIndex, PooledIndex
from semsig.search.checks import check_k
from semsig.types import SbsSchema
from semsig.types.metrics import Metric, metric_named

FACTS = "semsig.json"
"""File that describes the content of an export's folder."""

ENGINES = (
    "clickhouse",
    "duckdb",
    "lance",
    "milvus",
    "opensearch",
    "postgres",
    "qdrant",
    "tantivy",
)
"""The engines that signatures are exported to; each is a module of this package."""


def export(
    index: HammingIndex, engine: str, target: Path | str, *, pooled: PooledIndex | None = None
) -> None:
    """Write an index for another engine, completely or not at all.

    Parameters
    ----------
    index : HammingIndex
        The signatures.
    engine : str
        "terms" (JSON lines), "arrow" (a Parquet or Arrow file), or a name of :data:`ENGINES`.
    target : Path or str
        A new file or folder; for a server, its address. The engine's module says more.
    pooled : PooledIndex, optional
        Pooled descriptors of the same photos, to be exported too.

    Raises
    ------
    OptionError
        If there is no such engine, or the target is taken.
    EngineError
        If the engine's package is absent or too old, or the engine refuses.
    IndexWriteError
        If files cannot be written.
    """
    if engine in ("terms", "arrow"):
        from semsig.interop.term_tables import write_terms

        suffixes = (".jsonl",) if engine == "terms" else (".parquet", ".arrow")
        if Path(target).suffix not in suffixes:
            raise OptionError(f"Expected a file named *{' or *'.join(suffixes)}; got {target}.")
        write_terms(index, target, pooled=pooled)
        return
    if engine not in ENGINES:
        names = ", ".join(("terms", "arrow", *ENGINES))
        raise OptionError(f"Expected an engine of {names}; got {engine!r}.")
    import_module(f"semsig.interop.{engine}").export(index, target, pooled=pooled)


def require(module: str, package: str, least: str) -> Any:
    """Import an engine's package.

    Raises
    ------
    EngineError
        If it is absent or older than version `least`.
    """
    advice = f"run: pip install '{package}>={least}', or pip install 'semsig[engines]'"
    try:
        found = import_module(module)
        version = metadata.version(package)
    except ImportError as error:
        raise EngineError(f"Expected the package {package}, got {error!r}; {advice}") from error
    if _numbers(version) < _numbers(least):
        raise EngineError(f"Expected {package} {least} or later, got {version}; {advice}")
    return found


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdecimal()]


@contextmanager
def refusals(engine: str) -> Iterator[None]:
    """Turn whatever an engine raises into an :class:`EngineError` that names it."""
    try:
        yield
    except (SemsigError, KeyboardInterrupt):
        raise
    except Exception as error:  # the engines' errors have no common base class
        raise EngineError(
            f"Expected {engine} to do what it was asked, got {type(error).__name__}: {error}"
        ) from error


@contextmanager
def new_folder(target: Path | str) -> Iterator[Path]:
    """Yield a folder to write to, which becomes `target` at the end and is deleted on an error.

    Raises
    ------
    OptionError
        If `target` is there already.
    IndexWriteError
        If it cannot be written.
    """
    target = Path(target)
    if target.exists():
        raise OptionError(f"Expected a new folder, got {target}, which is there; name another.")
    made: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp"))
        made.chmod(0o755)
        yield made
        made.rename(target)
        with suppress(OSError):  # what is renamed is there; only a power cut could undo it
            sync_folder(target.parent)
    except OSError as error:
        raise IndexWriteError(f"Cannot write {target}: {error}") from error
    finally:
        if made is not None:
            shutil.rmtree(made, ignore_errors=True)


def write_facts(folder: Path, index: HammingIndex, engine: str, **more: Any) -> None:
    """Write the description of an export: its content, and the schema that queries need."""
    facts = {"engine": engine, "version": 1, "rows": len(index), "schema": index.schema.to_json()}
    (folder / FACTS).write_text(json.dumps(facts | more, indent=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Description of an export.

    Parameters
    ----------
    schema : SbsSchema
        The schema of its signatures.
    rows : int
        How many there are.
    has_pooled : bool
        Whether pooled descriptors were exported.
    """

    schema: SbsSchema
    rows: int
    has_pooled: bool

    @classmethod
    def from_json(cls, content: bytes | str, engine: str) -> Facts:
        """Read what an export for `engine` wrote.

        Raises
        ------
        KeyError, TypeError, ValueError, SemsigError
            If it is something else.
        """
        entries = Entries(parse_json(content))
        found = entries.text("engine", engine), entries.whole("version")
        if found != (engine, 1):
            raise ValueError(f"expected one for {engine!r}, version 1, got {found}")
        return cls(
            schema=SbsSchema.from_json(entries.value("schema")),
            rows=entries.whole("rows"),
            has_pooled=entries.flag("pooled", False),
        )


def read_facts(folder: Path | str, engine: str) -> Facts:
    """Return the description of an export.

    Raises
    ------
    EngineError
        If the folder holds no export for this engine.
    """
    path = Path(folder) / FACTS
    try:
        return Facts.from_json(read_regular(path), engine)
    except (OSError, KeyError, TypeError, ValueError, SemsigError) as error:
        raise EngineError(
            f"Expected a folder that semsig.interop.{engine}.export wrote, got {folder} ({error})."
        ) from error


def only(engine: str, metric: Metric, known: Sequence[Metric]) -> None:
    """Raise :class:`OptionError` unless an engine can rank by `metric`."""
    metric_named(metric)
    if metric not in known:
        raise OptionError(
            f"Expected a metric that {engine} can rank by ({', '.join(known)}); got {metric!r}. "
            "semsig itself, ClickHouse, DuckDB and PostgreSQL rank by every one."
        )


Found = list[tuple[float, int, int]]
"""Distance, row in order of insertion, and id of what an engine found, the nearest first."""


def settled(ask: Callable[[int], Found], k: int, n_rows: int) -> Found:
    """Return the `k` nearest, ties in order of insertion, from an engine that breaks ties its way.

    The engine is asked for more until the last answer is farther than the k-th, or nothing is
    left: the answers then hold everything that ties with the k-th.

    Parameters
    ----------
    ask : callable
        Returns the nearest, that many or all there are.
    k, n_rows : int
        How many are wanted, and how many there are.
    """
    limit = min(k + 1, n_rows)
    while True:
        found = ask(limit) if limit else []
        if len(found) < limit:
            raise EngineError(f"Expected {limit:,} of {n_rows:,} rows, got {len(found):,}.")
        if limit >= n_rows or found[-1][0] > found[k - 1][0]:
            return sorted(found)[:k]
        limit = min(4 * limit, n_rows)


def as_answer(
    found: Sequence[Found], k: int, metric: Metric
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return distances and ids, shape (Q, k), padded with -1, as an index's ``search`` does."""
    k = check_k(k)
    distances = np.full((len(found), k), -1, metric_named(metric).dtype)
    ids = np.full((len(found), k), -1, np.int64)
    for q, nearest in enumerate(found):
        for rank, (distance, _, id_) in enumerate(nearest):
            distances[q, rank], ids[q, rank] = distance, id_
    return distances, ids
