"""Several segmenters and signatures measured on the same photos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from semsig.datasets import Dataset, Photos
from semsig.errors import OptionError
from semsig.evaluate.benchmarking import evaluate
from semsig.evaluate.hearing import FirstHits, all_hear, run_file, write_qrels
from semsig.evaluate.results import Evaluation
from semsig.evaluate.scoring import Hear, Progress
from semsig.evaluate.systems import Systems


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What is kept of rankings besides their measures.

    Parameters
    ----------
    runs : Path, optional
        Folder for a TREC run of each system, ``NAME.run``, and ``qrels.txt``.
    first : mapping of str to FirstHits
        Filled with the first hits of each query, by the systems' names.
    n_first : int
        How many first hits; 0 keeps none.
    """

    runs: Path | None = None
    first: dict[str, FirstHits] = field(default_factory=dict)
    n_first: int = 0


def evaluate_systems(
    dataset: Dataset,
    root: Path | str,
    systems: Mapping[str, Mapping[str, Any]],
    *,
    measures: Sequence[str] | None = None,
    tested: str = "map",
    heard: Heard | None = None,
    progress: Progress | None = None,
) -> tuple[Systems, Photos]:
    """Measure several systems on a benchmark and test their differences.

    Parameters
    ----------
    dataset : Dataset
        The benchmark.
    root : Path or str
        Folder of its photos.
    systems : mapping of str to mapping of str to anything
        For each name, further arguments of :func:`semsig.evaluate.evaluate`.
    measures : sequence of str, optional
        Names of measures; see :func:`semsig.evaluate.named.check_measures`.
    tested : str
        The measure whose differences are tested; measured, too, if `measures` lacks it.
    heard : Heard, optional
        What else to keep.
    progress : callable, optional
        Called with what is going on.

    Returns
    -------
    systems : Systems
        The results.
    photos : Photos
        What they were measured on.

    Raises
    ------
    SemsigError
        As :func:`semsig.evaluate.evaluate` does.
    OptionError
        If two systems would write the same run.
    """
    heard = heard or Heard()
    photos = dataset.scan(root)
    if measures is not None and tested not in measures:
        measures = (*measures, tested)
    files = _run_files(heard.runs, systems)
    results: dict[str, Evaluation] = {}
    for name, options in systems.items():
        with ExitStack() as stack:
            listeners: list[Hear] = []
            if files:
                listeners.append(stack.enter_context(run_file(files[name], name, photos)))
            if heard.n_first:
                listeners.append(heard.first.setdefault(name, FirstHits(heard.n_first)))
            results[name] = evaluate(
                dataset,
                root,
                measures=measures,
                hear=all_hear(listeners),
                progress=progress,
                **options,
            )
    if heard.runs is not None:
        write_qrels(heard.runs / "qrels.txt", _without_skipped(photos, results))
    return Systems.of(results, tested), photos


def _run_files(folder: Path | None, systems: Mapping[str, object]) -> dict[str, Path]:
    """Return each system's run file, in a folder that is made."""
    if folder is None:
        return {}
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        name: folder / ("".join(c if c.isalnum() or c in "-_." else "-" for c in name) + ".run")
        for name in systems
    }
    if len(set(files.values())) < len(files):
        raise OptionError(f"Expected systems of different names, got {', '.join(files)}.")
    return files


def _without_skipped(photos: Photos, results: Mapping[str, Evaluation]) -> Photos:
    """Leave out photos that no ranking holds."""
    skipped = {photo.path for result in results.values() for photo in result.skipped}
    kept = np.array([str(path) not in skipped for path in photos.paths])
    return replace(photos, is_query=photos.is_query & kept, in_database=photos.in_database & kept)
