"""Options of commands that write results to files, and what they write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from semsig.cli import show
from semsig.cli.console import answer, answer_json, remark
from semsig.cli.options import Json, make_room

if TYPE_CHECKING:
    from semsig.datasets import Photos
    from semsig.evaluate.hearing import FirstHits
    from semsig.evaluate.systems import Systems

PANEL = "Results as files"


def _file(*names: str, help: str) -> typer.models.OptionInfo:  # noqa: A002
    made: typer.models.OptionInfo = typer.Option(
        *names, help=help, dir_okay=False, rich_help_panel=PANEL
    )
    return made


Csv = Annotated[Path | None, _file("--csv", help="Write measures and intervals as CSV.")]
Latex = Annotated[Path | None, _file("--latex", help="Write a LaTeX table (booktabs).")]
Markdown = Annotated[Path | None, _file("--markdown", help="Write a Markdown table.")]
Record = Annotated[
    Path | None,
    _file("--record", help="Write JSON: everything, with versions, seeds and hashes."),
]
PerQuery = Annotated[
    Path | None, _file("--per-query", help="Write every query's scores as Parquet (extra arrow).")
]
Plots = Annotated[
    Path | None,
    typer.Option(
        "--plots",
        help="Folder for plots as SVG: precision against recall, and classes.",
        file_okay=False,
        rich_help_panel=PANEL,
    ),
]
RunFolder = Annotated[
    Path | None,
    typer.Option(
        "--run",
        help="Folder for TREC files: a run of each system, and qrels.txt.",
        file_okay=False,
        rich_help_panel=PANEL,
    ),
]
Worst = Annotated[
    Path | None, _file("--worst", help="Write a page of the queries with the worst results.")
]
Measures = Annotated[
    str | None,
    typer.Option(
        "--measures",
        help="Comma-separated: map, map_paper, map_trapezoid, p@r, anmrr, ndcg, mrr, p@K, mp@K, "
        "recall@K, ndcg@K, hits@K.",
    ),
]
Tested = Annotated[str, typer.Option("--test", help="The measure whose differences are tested.")]


def names(measures: str | None) -> tuple[str, ...] | None:
    """Return the measures of ``--measures``; None if it was not given."""
    from semsig.evaluate.named import check_measures

    return None if measures is None else check_measures([m.strip() for m in measures.split(",")])


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Where results go, if anywhere.

    Parameters
    ----------
    csv, latex, markdown, record, per_query : Path, optional
        Files; see :func:`semsig.evaluate.publishing.write_results`.
    plots : Path, optional
        A folder.
    """

    csv: Path | None
    latex: Path | None
    markdown: Path | None
    record: Path | None
    per_query: Path | None
    plots: Path | None

    def make_room(self, *others: Path | None) -> None:
        """Make the folders of these files and others, before any work; see `make_room`."""
        for path in (self.csv, self.latex, self.markdown, self.record, self.per_query, *others):
            make_room(path)


def write(
    systems: Systems,
    files: Files,
    *,
    photos: Photos | None = None,
    inputs: Sequence[Path] = (),
) -> None:
    """Write the files that were asked for; the record has hashes of photos and inputs."""
    from semsig.evaluate.publishing import hash_files, write_results

    written = {name: path for name, path in asdict(files).items() if name != "plots"}
    sources = {}
    if files.record is not None:
        sources = {str(path): hash_files([path], [path.name]) for path in inputs}
        if photos is not None:
            sources["photos"] = hash_files(photos.paths, photos.names)
    write_results(systems, **written, sources=sources)
    if files.plots is not None:
        draw(systems, files.plots)


def write_worst(
    path: Path, systems: Systems, photos: Photos, first: Mapping[str, FirstHits]
) -> None:
    """Write the page of the worst queries, of the first system."""
    from semsig.durable import write_file
    from semsig.report.worst import worst_page

    name, result = next(iter(systems.results.items()))
    page = worst_page(result, photos, first[name], measure=systems.tested)
    write_file(path, page.encode("utf-8", "surrogateescape"))


def draw(systems: Systems, folder: Path) -> None:
    """Write the plots."""
    from semsig.durable import write_file
    from semsig.report.plots import class_plot, precision_recall_plot

    folder.mkdir(parents=True, exist_ok=True)
    write_file(folder / "precision-recall.svg", precision_recall_plot(systems.results).encode())
    if all(result.per_class for result in systems.results.values()):
        bars = class_plot(systems.results, systems.tested)
        write_file(folder / "classes.svg", bars.encode("utf-8", "replace"))


def compare(
    runs: Annotated[list[Path], typer.Argument(help="TREC runs.", exists=True, dir_okay=False)],
    qrels: Annotated[
        Path, typer.Option(help="TREC judgements.", exists=True, dir_okay=False, show_default=False)
    ],
    measures: Measures = None,
    tested: Tested = "map",
    csv: Csv = None,
    latex: Latex = None,
    markdown: Markdown = None,
    record: Record = None,
    per_query: PerQuery = None,
    plots: Plots = None,
    as_json: Json = False,
) -> None:
    """Measure runs by the same judgements, and say which differences are significant."""
    from semsig.datasets.trec import read_qrels, read_run
    from semsig.evaluate.named import DEFAULT_MEASURES
    from semsig.evaluate.runs import measure_run
    from semsig.evaluate.systems import Systems

    files = Files(
        csv=csv, latex=latex, markdown=markdown, record=record, per_query=per_query, plots=plots
    )
    files.make_room()
    judged = read_qrels(qrels)
    wanted = names(measures) or DEFAULT_MEASURES
    wanted = wanted if tested in wanted else (*wanted, tested)
    found = {}
    for path in runs:
        run = read_run(path)
        name = run.name if run.name not in found else str(path)
        found[name] = measure_run(run, judged, measures=wanted)
    systems = Systems.of(found, tested)
    write(systems, files, inputs=(*runs, qrels))
    print_systems(systems, as_json=as_json)


def print_systems(systems: Systems, *, as_json: bool) -> None:
    """Print several systems' measures, and the tests of every pair."""
    if as_json:
        answer_json(systems.as_dict())
        return
    results = systems.results
    columns = list(next(iter(results.values())).measures)
    rows = [
        (*(f"{value:.3f}" for value in result.measures.values()), name)
        for name, result in results.items()
    ]
    show.table((*columns, "system"), rows, numbers=len(columns))
    if systems.differences:
        answer(f"Differences of {systems.tested}, paired permutation test, p by Holm:")
        tests = [
            (f"{each.difference:+.4f}", f"{each.p_holm:.4f}", f"{each.first} - {each.second}")
            for each in systems.differences
        ]
        show.table(("difference", "p", "systems"), tests, numbers=2)
    for name, result in results.items():
        for note in result.notes:
            remark(f"{name}: {note}")
