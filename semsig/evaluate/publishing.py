"""Results as files: tables, a record of how they were made, and every query's scores."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from semsig.durable import open_regular, write_file
from semsig.errors import OptionError
from semsig.evaluate.significance import SAMPLES
from semsig.evaluate.systems import Systems
from semsig.evaluate.tables import as_csv, as_latex, as_markdown

_PACKAGES = ("semsig", "numpy", "numba", "scipy", "opencv-python", "pillow", "onnxruntime", "torch")
_SEEDS = {"bootstrap": 0, "permutation": 0, "bootstrap_samples": 2000, "permutations": SAMPLES}


def write_results(
    systems: Systems,
    *,
    csv: Path | None = None,
    latex: Path | None = None,
    markdown: Path | None = None,
    record: Path | None = None,
    per_query: Path | None = None,
    sources: Mapping[str, str] | None = None,
) -> None:
    """Write results to files; those that are not named are not written.

    Parameters
    ----------
    systems : Systems
        The results.
    csv, latex, markdown : Path, optional
        Tables; see :mod:`semsig.evaluate.tables`.
    record : Path, optional
        JSON: all measures and tests, versions, seeds, and hashes of what was measured.
    per_query : Path, optional
        Parquet: one row per system and query. Needs the extra ``arrow``.
    sources : mapping of str to str, optional
        Hex SHA-256 of what was measured, for the record; see :func:`hash_files`.

    Raises
    ------
    OptionError
        If pyarrow is asked for and not installed.
    OSError
        If a file cannot be written.
    """
    for path, made in ((csv, as_csv), (latex, as_latex), (markdown, as_markdown)):
        if path is not None:
            write_file(path, made(systems).encode(errors="surrogateescape"))
    if record is not None:
        document = systems.as_dict() | provenance(sources or {})
        write_file(record, (json.dumps(document, indent=1) + "\n").encode())
    if per_query is not None:
        write_scores(systems, per_query)


def provenance(sources: Mapping[str, str]) -> dict[str, Any]:
    """Return what results depend on besides their settings: versions, seeds, and hashes."""
    return {
        "versions": {"python": platform.python_version(), **_versions()},
        "platform": platform.platform(),
        "seeds": _SEEDS,
        "sha256": dict(sources),
    }


def hash_files(paths: Sequence[Path], names: Sequence[str]) -> str:
    """Return one hex SHA-256 of files: of each one's name and own SHA-256, in the given order.

    Raises
    ------
    OSError
        If a file cannot be read.
    """
    whole = hashlib.sha256()
    for path, name in zip(paths, names, strict=True):
        with open_regular(path) as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        whole.update(f"{content}  {name}\n".encode("utf-8", "surrogateescape"))
    return whole.hexdigest()


def write_scores(systems: Systems, path: Path) -> None:
    """Write every query's scores as Parquet: columns system, query, and one per measure.

    Raises
    ------
    OptionError
        If pyarrow is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise OptionError(
            "Expected pyarrow, which writes Parquet; it is not installed. pip install semsig[arrow]"
        ) from None
    tables = [
        pyarrow.table(
            {
                "system": [name] * result.n_queries,
                "query": [each.encode(errors="backslashreplace") for each in result.queries],
                **result.scores,
            }
        )
        for name, result in systems.results.items()
    ]
    joined = pyarrow.concat_tables(tables)
    named = joined.set_column(1, "query", joined["query"].cast(pyarrow.string()))
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(named, sink)
    write_file(path, sink.getvalue().to_pybytes())


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
