"""The commands about benchmarks: evaluate, datasets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from semsig.cli import phrases, publishing, show
from semsig.cli.completion import complete_dataset, complete_segmenter
from semsig.cli.console import answer, answer_json, progress_bar
from semsig.cli.options import (
    FUSED,
    NUMBERS,
    SEGMENTERS,
    SIGNATURE_NAMES,
    Expand,
    Geometry,
    Json,
    MetricOption,
    PresetOption,
    Rerank,
    RerankBy,
    fetched,
    geometry_options,
    make_room,
    reranking,
)
from semsig.cli.projections import pooled_options

if TYPE_CHECKING:
    from semsig.datasets import Dataset
    from semsig.signatures.presets import Preset


OWN = "Photos of your own"


def evaluate(
    dataset: Annotated[
        str,
        typer.Argument(
            help="wang, corel_10k, ... (`semsig datasets` lists them), a TOML file, or a folder of "
            "photos of your own: one folder per class, or as their options say.",
            autocompletion=complete_dataset,
        ),
    ],
    root: Annotated[
        Path | None, typer.Option(help="Folder of its photos.", exists=True, file_okay=False)
    ] = None,
    queries: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the queries, if these are not the searched photos.",
            exists=True,
            file_okay=False,
            rich_help_panel=OWN,
        ),
    ] = None,
    relevant: Annotated[
        Path | None,
        typer.Option(
            help="TREC judgements (query 0 photo grade), or ground truth: gnd_*.pkl, .mat, .json.",
            exists=True,
            dir_okay=False,
            rich_help_panel=OWN,
        ),
    ] = None,
    classes: Annotated[
        Path | None,
        typer.Option(
            help="CSV with columns file and label; several labels are separated by ;.",
            exists=True,
            dir_okay=False,
            rich_help_panel=OWN,
        ),
    ] = None,
    left_out: Annotated[
        bool,
        typer.Option(
            "--left-out", help="Leave each query out of its own ranking.", rich_help_panel=OWN
        ),
    ] = False,
    cutoff: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="R of map_paper and p@r; by default the number of relevant photos.",
            rich_help_panel=OWN,
        ),
    ] = None,
    protocol: Annotated[
        str | None, typer.Option(help="easy, medium or hard, of revisited Oxford and Paris.")
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(help=f"Folder of label maps made elsewhere, or DIR@TABLE ({NUMBERS})."),
    ] = None,
    segmenter: Annotated[
        str | None,
        typer.Option(
            callback=fetched,
            autocompletion=complete_segmenter,
            help=f"One of {SEGMENTERS}; lite by default.",
        ),
    ] = None,
    levels: Annotated[
        int | None,
        typer.Option(min=0, max=8, help="Level N of signatures: 4^N blocks; 3 by default."),
    ] = None,
    metric: MetricOption = None,
    pyramid: Annotated[
        bool, typer.Option("--pyramid", help="Sum the distances at all levels up to --levels.")
    ] = False,
    mirrored: Annotated[
        bool, typer.Option("--mirrored", help="Compare each query's mirror image as well.")
    ] = False,
    rerank: Rerank = False,
    expand: Expand = False,
    rerank_by: RerankBy = None,
    geometry: Geometry = None,
    signature: Annotated[
        str | None,
        typer.Option(
            help="What photos are compared by; the network's best by default. pooled@FILE projects "
            "pooled features by a file of `semsig pca` or `semsig finetune`."
        ),
    ] = None,
    preset: PresetOption = None,
    compare: Annotated[
        str | None,
        typer.Option(help="Several signatures to compare, comma-separated: sbs,pooled,..."),
    ] = None,
    segmenters: Annotated[
        str | None, typer.Option(help="Several segmenters to compare, comma-separated.")
    ] = None,
    measures: publishing.Measures = None,
    tested: publishing.Tested = "map",
    vocabulary: phrases.Vocab = "kaze",
    phrase_words: phrases.Words = None,
    phrase_length: phrases.Length = None,
    phrase_space: phrases.Space = None,
    phrase_regions: phrases.Regions = None,
    phrase_norm: phrases.Norm = None,
    cache: Annotated[
        Path | None,
        typer.Option(
            help="Folder that keeps keypoints for other runs.",
            file_okay=False,
            rich_help_panel=phrases.PANEL,
        ),
    ] = None,
    run: publishing.RunFolder = None,
    csv: publishing.Csv = None,
    latex: publishing.Latex = None,
    markdown: publishing.Markdown = None,
    record: publishing.Record = None,
    per_query: publishing.PerQuery = None,
    plots: publishing.Plots = None,
    worst: publishing.Worst = None,
    as_json: Json = False,
) -> None:
    """Measure retrieval on a benchmark, or on photos of your own."""
    from semsig.evaluate.comparing import Heard, evaluate_systems
    from semsig.signatures.presets import Preset

    if labels is not None and (segmenter is not None or segmenters is not None):
        raise typer.BadParameter("Give --segmenter or --labels, not both.")
    benchmark, folder = _benchmark(
        dataset,
        root,
        {"queries": queries, "relevant": relevant, "table": classes, "cutoff": cutoff}
        | {"left_out": left_out},
        protocol,
    )
    files = publishing.Files(
        csv=csv, latex=latex, markdown=markdown, record=record, per_query=per_query, plots=plots
    )
    files.make_room(worst)
    encoding = phrases.encoding(
        vocabulary,
        words=phrase_words,
        length=phrase_length,
        space=phrase_space,
        regions=phrase_regions,
        norm=phrase_norm,
    )
    chosen = Preset.named(preset or "default")
    signatures = _several(compare, signature or chosen.signature)
    made = {name: make() for name, make in encoding.items() if {name, FUSED} & set(signatures)}
    for name, options in chosen.encoding.items():
        made[name] = {**made.get(name, {}), **options}
    if cache is not None:
        made = {name: {**options, "cache": cache} for name, options in made.items()}
    common: dict[str, Any] = {
        "labels": labels,
        "levels": chosen.levels if levels is None else levels,
        "pyramid": pyramid,
        "mirrored": mirrored,
        "rerank": reranking(rerank, expand, rerank_by),
        "geometry": geometry_options(geometry),
    }
    segmenting = _several(segmenters, segmenter or chosen.segmenter)
    systems = _systems(segmenting, signatures, metric, chosen, made)
    heard = Heard(runs=run, n_first=10 if worst else 0)
    with progress_bar("segmenting") as progress:
        results, photos = evaluate_systems(
            benchmark,
            folder,
            {name: common | options for name, options in systems.items()},
            measures=publishing.names(measures),
            tested=tested,
            heard=heard,
            progress=lambda _, done, total: progress(done, total),
        )
    publishing.write(results, files, photos=photos)
    if worst is not None:
        publishing.write_worst(worst, results, photos, heard.first)
    if len(systems) > 1:
        publishing.print_systems(results, as_json=as_json)
    elif as_json:
        answer_json(next(iter(results.results.values())).as_dict())
    else:
        show.evaluation(next(iter(results.results.values())))


def _benchmark(
    dataset: str, root: Path | None, own: dict[str, Any], protocol: str | None
) -> tuple[Dataset, Path]:
    """Return the dataset, and the folder of its photos."""
    from semsig.datasets import load_dataset, own_dataset

    if root is None and Path(dataset).is_dir():
        return own_dataset(dataset, **own, protocol=protocol), Path(dataset)
    if root is None:
        raise typer.BadParameter(
            f"Give --root, the folder of {dataset}'s photos; or a folder of your own instead of "
            f"{dataset!r}."
        )
    if any(own.values()):
        raise typer.BadParameter(
            "--queries, --relevant, --classes, --left-out and --cutoff are for a folder of your "
            "own, which takes no --root."
        )
    return load_dataset(dataset, protocol), root


def _several(listed: str | None, one: str | None) -> list[Any]:
    """Return what a list names, or the one; BadParameter if it names none, or one twice."""
    names = [one] if listed is None else [name.strip() for name in listed.split(",")]
    if (listed is not None and not all(names)) or len(set(names)) < len(names):
        raise typer.BadParameter(f"Expected different names, comma-separated; got {listed!r}.")
    return [*names]


def _systems(
    segmenters: Sequence[str],
    signatures: Sequence[str | None],
    metric: str | None,
    chosen: Preset,
    made: dict[str, dict[str, Any]],
) -> dict[str, dict[str, Any]]:
    """Return every signature of every segmenter by name."""
    several = len(signatures) > 1
    named = several or len(segmenters) == 1
    systems = {}
    for segmenter in segmenters:
        for asked in signatures:
            signature, encoding = _projected(asked)
            SIGNATURE_NAMES.check(signature)
            name = " ".join([segmenter] * (len(segmenters) > 1) + [asked or "best"] * named)
            systems[name] = {
                "segmenter": segmenter,
                "signature": signature,
                "metric": _metric(metric, signature, chosen, several),
                "encoding": {**made, **encoding},
            }
    return systems


def _projected(asked: str | None) -> tuple[str | None, dict[str, dict[str, Any]]]:
    """Return the signature of ``pooled@FILE``, and its encoder's options."""
    signature, _, file = (asked or "").partition("@")
    if not file:
        return asked, {}
    if signature != "pooled":
        raise typer.BadParameter(f"Expected pooled@FILE, got {asked!r}.")
    return signature, {"pooled": {"options": pooled_options(projection=file)}}


def _metric(metric: str | None, signature: str | None, chosen: Preset, several: bool) -> str | None:
    """Return the metric to ask a signature for: among several, only one that has it."""
    from semsig.signatures import load_signature

    if several and metric is not None:
        has = signature not in (None, FUSED) and metric in load_signature(str(signature)).metrics
        return metric if has else None
    return metric or (chosen.metric if signature == chosen.signature else None)


def datasets(
    root: Annotated[
        Path | None, typer.Argument(help="Folder with one folder per dataset.", file_okay=False)
    ] = None,
    convert: Annotated[
        Path | None,
        typer.Option(
            help="Instead, write ground truth (gnd_*.pkl, .mat) as JSON.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    croissant: Annotated[
        str | None,
        typer.Option(
            metavar="DATASET",
            help="Instead, describe a dataset as Croissant (JSON-LD).",
            autocompletion=complete_dataset,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The JSON file; by default next to that of --convert, or printed.",
            dir_okay=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """List the benchmarks that can be measured on, and which of them a folder holds."""
    if croissant is not None:
        _describe(croissant, out)
        return
    if convert is not None:
        _convert(convert, out or convert.with_suffix(".json"))
        return
    from semsig.datasets import dataset_names, load_dataset

    found = [load_dataset(name) for name in dataset_names()]
    status = [None if root is None else dataset.status(root) for dataset in found]
    if as_json:
        answer_json(show.datasets_document(found, status))
    else:
        show.datasets(found, status)


def _describe(name: str, target: Path | None) -> None:
    """Write a dataset's description as Croissant, or print it."""
    from semsig.datasets import load_dataset
    from semsig.datasets.croissant import croissant
    from semsig.durable import write_file

    document = croissant(load_dataset(name))
    if target is None:
        answer_json(document)
        return
    make_room(target)
    write_file(target, json.dumps(document, indent=2, ensure_ascii=False).encode())
    answer(f"{name} as Croissant in {target}")


def _convert(source: Path, target: Path) -> None:
    """Write ground truth as JSON."""
    from semsig.datasets.gnd import read_ground_truth
    from semsig.durable import write_file

    truth = read_ground_truth(source)
    make_room(target)
    write_file(target, truth.to_json().encode())
    answer(f"{len(truth.queries):,} queries, {len(truth.photos):,} photos in {target}")
