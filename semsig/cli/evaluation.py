"""The commands about benchmarks: evaluate, datasets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from semsig.cli import phrases, show
from semsig.cli.console import answer_json, progress_bar
from semsig.cli.options import (
    FUSED,
    NUMBERS,
    SEGMENTERS,
    Expand,
    Json,
    MetricOption,
    PresetOption,
    Rerank,
    SignatureOrNone,
    fetched,
    reranking,
)


def evaluate(
    dataset: Annotated[
        str,
        typer.Argument(help="wang, corel_10k, ... (`semsig datasets` lists them), or a TOML file."),
    ],
    root: Annotated[Path, typer.Option(help="Folder of its photos.", exists=True, file_okay=False)],
    labels: Annotated[
        str | None,
        typer.Option(help=f"Folder of label maps made elsewhere, or DIR@TABLE ({NUMBERS})."),
    ] = None,
    segmenter: Annotated[
        str | None,
        typer.Option(callback=fetched, help=f"One of {SEGMENTERS}; lite by default."),
    ] = None,
    levels: Annotated[
        int | None, typer.Option(min=0, max=8, help="Blocks: 4^N of them; 3 by default.")
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
    signature: SignatureOrNone = None,
    preset: PresetOption = None,
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
    as_json: Json = False,
) -> None:
    """Measure retrieval on a benchmark."""
    from semsig import evaluate as stage
    from semsig.signatures.presets import Preset

    if labels is not None and segmenter is not None:
        raise typer.BadParameter("Give --segmenter or --labels, not both.")
    encoding = phrases.encoding(
        vocabulary,
        words=phrase_words,
        length=phrase_length,
        space=phrase_space,
        regions=phrase_regions,
        norm=phrase_norm,
    )
    chosen = Preset.named(preset or "default")
    compared = signature or chosen.signature
    made = {name: make() for name, make in encoding.items() if compared in (name, FUSED)}
    for name, options in chosen.encoding.items():
        made[name] = {**made.get(name, {}), **options}
    if cache is not None:
        made = {name: {**options, "cache": cache} for name, options in made.items()}
    with progress_bar("segmenting") as progress:
        result = stage.evaluate(
            dataset,
            root,
            segmenter=segmenter or chosen.segmenter,
            labels=labels,
            levels=chosen.levels if levels is None else levels,
            metric=metric or (chosen.metric if compared == chosen.signature else None),
            pyramid=pyramid,
            mirrored=mirrored,
            rerank=reranking(rerank, expand),
            signature=compared,
            encoding=made,
            progress=lambda _, done, total: progress(done, total),
        )
    if as_json:
        answer_json(result.as_dict())
    else:
        show.evaluation(result)


def datasets(
    root: Annotated[
        Path | None, typer.Argument(help="Folder with a folder a dataset.", file_okay=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """List the benchmarks that can be measured on, and which of them a folder holds."""
    from semsig.datasets import dataset_names, load_dataset

    found = [load_dataset(name) for name in dataset_names()]
    status = [None if root is None else dataset.status(root) for dataset in found]
    if as_json:
        answer_json(show.datasets_document(found, status))
    else:
        show.datasets(found, status)
