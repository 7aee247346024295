"""The commands about benchmarks: evaluate, datasets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from semsig.cli import phrases, show
from semsig.cli.completion import complete_dataset, complete_segmenter
from semsig.cli.console import answer_json, progress_bar
from semsig.cli.options import (
    DEFAULT_SEGMENTER,
    SEGMENTERS,
    Expand,
    Json,
    Level,
    MetricOption,
    Rerank,
    SignatureChoice,
    SignatureOption,
    fetched,
    reranking,
)


def evaluate(
    dataset: Annotated[
        str,
        typer.Argument(
            help="wang, corel_10k, ... (`semsig datasets` lists them), a TOML file, or a folder "
            "of class folders.",
            autocompletion=complete_dataset,
        ),
    ],
    root: Annotated[
        Path | None,
        typer.Option(
            help="Folder of its photos; not needed for class folders.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    labels: Annotated[
        str | None, typer.Option(help="Folder of label maps made elsewhere, or DIR@TABLE.")
    ] = None,
    segmenter: Annotated[
        str | None,
        typer.Option(
            callback=fetched,
            autocompletion=complete_segmenter,
            help=f"One of {SEGMENTERS}; lite by default.",
        ),
    ] = None,
    levels: Level = 3,
    metric: MetricOption = None,
    pyramid: Annotated[
        bool, typer.Option("--pyramid", help="Sum the distances at all levels up to --levels.")
    ] = False,
    mirrored: Annotated[
        bool, typer.Option("--mirrored", help="Compare each query's mirror image as well.")
    ] = False,
    rerank: Rerank = False,
    expand: Expand = False,
    signature: SignatureOption = SignatureChoice.SBS,
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

    if labels is not None and segmenter is not None:
        raise typer.BadParameter("Give --segmenter or --labels, not both.")
    if root is None and not Path(dataset).is_dir():
        raise typer.BadParameter("Name the folder of its photos: --root FOLDER.")
    made = None
    if signature in (SignatureChoice.SBOVP, SignatureChoice.FUSED):
        from semsig.evaluate.comparisons import PhraseComparison

        made = PhraseComparison(
            vocabulary=phrases.find_vocabulary(vocabulary),
            options=phrases.phrase_options(
                words=phrase_words,
                length=phrase_length,
                space=phrase_space,
                regions=phrase_regions,
                norm=phrase_norm,
            ),
            cache=cache,
        )
    with progress_bar("segmenting") as progress:
        result = stage.evaluate(
            dataset,
            Path(dataset) if root is None else root,
            segmenter=segmenter or DEFAULT_SEGMENTER,
            labels=labels,
            levels=levels,
            metric=metric,
            pyramid=pyramid,
            mirrored=mirrored,
            rerank=reranking(rerank, expand),
            signature=signature.value,
            phrases=made,
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
