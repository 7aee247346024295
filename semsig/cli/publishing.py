"""Options of commands that write results to files, and what they write."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from semsig.cli import show
from semsig.cli.console import answer, answer_json, remark
from semsig.cli.options import Json, make_room

if TYPE_CHECKING:
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
Measures = Annotated[
    str | None,
    typer.Option(
        "--measures",
        help="Comma-separated: map, map_paper, map_trapezoid, p@r, anmrr, ndcg, mrr, p@K, "
        "recall@K, ndcg@K, hits@K.",
    ),
]
Tested = Annotated[str, typer.Option("--test", help="The measure whose differences are tested.")]


def names(measures: str | None) -> tuple[str, ...] | None:
    """Return the measures of ``--measures``; None if it was not given."""
    from semsig.evaluate.named import check_measures

    return None if measures is None else check_measures([m.strip() for m in measures.split(",")])


def write(
    systems: Systems,
    *,
    csv: Path | None,
    latex: Path | None,
    markdown: Path | None,
    record: Path | None,
    per_query: Path | None,
    plots: Path | None,
    sources: Mapping[str, str],
) -> None:
    """Write the files that were asked for."""
    from semsig.evaluate.publishing import write_results

    for path in (csv, latex, markdown, record, per_query):
        make_room(path)
    write_results(
        systems,
        csv=csv,
        latex=latex,
        markdown=markdown,
        record=record,
        per_query=per_query,
        sources=sources,
    )
    if plots is not None:
        draw(systems, plots)


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
    """Measure runs by the same judgements, and say which differences are no chance."""
    from semsig.evaluate.named import DEFAULT_MEASURES
    from semsig.evaluate.publishing import hash_files
    from semsig.evaluate.runs import measure_run
    from semsig.evaluate.systems import Systems
    from semsig.evaluate.trec import read_qrels, read_run

    judged = read_qrels(qrels)
    wanted = names(measures) or DEFAULT_MEASURES
    wanted = wanted if tested in wanted else (*wanted, tested)
    found = {}
    for path in runs:
        run = read_run(path)
        name = run.name if run.name not in found else str(path)
        found[name] = measure_run(run, judged, measures=wanted)
    systems = Systems.of(found, tested)
    sources = {str(path): hash_files([path], [path.name]) for path in (*runs, qrels)}
    write(
        systems,
        csv=csv,
        latex=latex,
        markdown=markdown,
        record=record,
        per_query=per_query,
        plots=plots,
        sources=sources,
    )
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
