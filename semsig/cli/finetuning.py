"""The command finetune."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from semsig.cli.console import answer, answer_json, progress_bar
from semsig.cli.options import Json

RECIPE = "Recipe"


class LossChoice(StrEnum):
    """The loss function."""

    GROUPS = "groups"
    CONTRASTIVE = "contrastive"
    TRIPLET = "triplet"


def finetune(
    photos: Annotated[
        Path, typer.Argument(help="Folder of class folders.", exists=True, file_okay=False)
    ],
    out: Annotated[Path, typer.Option(help="Folder to write to.", file_okay=False)],
    classes: Annotated[
        Path | None,
        typer.Option(
            help="Instead of class folders: CSV with columns file and label.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    mined: Annotated[
        bool,
        typer.Option(
            "--mined",
            help="No labels: photos of one thing, found by VLAD and geometry, match each other.",
        ),
    ] = False,
    sfm: Annotated[
        bool,
        typer.Option(
            "--sfm",
            help="No labels: as --mined, and of these the pairs that structure from motion finds "
            "matching and hard (extra sfm).",
        ),
    ] = False,
    views: Annotated[
        bool,
        typer.Option("--views", help="No labels: each photo matches crops and warps of itself."),
    ] = False,
    init: Annotated[
        Path | None,
        typer.Option(help="Checkpoint of an earlier run to start from.", exists=True),
    ] = None,
    old: Annotated[
        Path | None,
        typer.Option(
            help="Class folders known before, to measure how much is forgotten.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out.")] = False,
    backbone: Annotated[
        str | None,
        typer.Option(
            help="Backbone: lite0 (default), cnn:NAME[@WEIGHTS] or tiny.", rich_help_panel=RECIPE
        ),
    ] = None,
    loss: Annotated[
        LossChoice | None,
        typer.Option(help="Loss: groups by default.", rich_help_panel=RECIPE),
    ] = None,
    margin: Annotated[float | None, typer.Option(help="0.7.", rich_help_panel=RECIPE)] = None,
    epochs: Annotated[
        int | None,
        typer.Option(help="Epochs (2); photos are drawn anew for each.", rich_help_panel=RECIPE),
    ] = None,
    tuples: Annotated[
        int | None, typer.Option(help="Queries per epoch (800).", rich_help_panel=RECIPE)
    ] = None,
    negatives: Annotated[
        int | None, typer.Option(help="Other photos per query (3).", rich_help_panel=RECIPE)
    ] = None,
    batch: Annotated[
        int | None, typer.Option(help="Queries per step (16).", rich_help_panel=RECIPE)
    ] = None,
    side: Annotated[
        int | None, typer.Option(help="Pixels of the crops (160).", rich_help_panel=RECIPE)
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="0.0001.", rich_help_panel=RECIPE)
    ] = None,
    keep: Annotated[
        float | None,
        typer.Option(
            help="Share of the weights as they were in the result (0.5).", rich_help_panel=RECIPE
        ),
    ] = None,
    left_out: Annotated[
        float | None,
        typer.Option(help="Share of groups to measure on (0.2).", rich_help_panel=RECIPE),
    ] = None,
    teacher: Annotated[
        float | None,
        typer.Option(
            help="Weight of staying near the network's original descriptors (0).",
            rich_help_panel=RECIPE,
        ),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(help="Stop after this time even if epochs are left.", rich_help_panel=RECIPE),
    ] = None,
    seed: Annotated[
        int, typer.Option(help="Seed of all random choices.", rich_help_panel=RECIPE)
    ] = 0,
    as_json: Json = False,
) -> None:
    """Train a network so that matching photos are near each other, and export it."""
    from semsig.finetune import FinetuneOptions
    from semsig.finetune import finetune as stage
    from semsig.finetune.options import Source

    asked: dict[Source, bool] = {
        "table": classes is not None, "mined": mined, "sfm": sfm, "views": views
    }  # fmt: skip
    if sum(asked.values()) > 1:
        raise typer.BadParameter("Give one of --classes, --mined, --sfm and --views.")
    source: Source = next((name for name, given in asked.items() if given), "folders")
    recipe: dict[str, Any] = {
        "backbone": backbone,
        "loss": loss and loss.value,
        "margin": margin,
        "epochs": epochs,
        "tuples": tuples,
        "negatives": negatives,
        "batch": batch,
        "side": side,
        "learning_rate": learning_rate,
        "keep": keep,
        "left_out": left_out,
        "teacher": teacher,
        "minutes": minutes,
    }
    options = FinetuneOptions(
        photos=photos,
        out=out,
        source=source,
        table=classes,
        init=init,
        old=old,
        resume=resume,
        seed=seed,
        **{name: value for name, value in recipe.items() if value is not None},
    )
    with progress_bar("learning") as show:
        result = stage(
            options,
            lambda now: show((now.epoch - 1) * now.steps + now.step, options.epochs * now.steps),
        )
    if as_json:
        answer_json(result.as_dict())
        return
    answer(f"network    {result.onnx}")
    answer(f"learned    {result.photos:,} photos, {result.groups:,} groups, {result.epochs} epochs")
    if result.pairs is not None:
        answer(f"pairs      {result.pairs:,} hard ones by structure from motion")
    for name, value in result.after.items():
        what = "left out" if name == "left_out" else name
        answer(f"map        {result.before[name]:.4f} before, {value:.4f} after ({what})")
    if result.whitened is not None:
        answer(f"map        {result.whitened:.4f} whitened (left out)")
    answer(f"card       {result.out / 'MODEL_CARD.md'}")


def onnx(
    network: Annotated[str, typer.Argument(help="cnn:NAME[@WEIGHTS].")],
    out: Annotated[Path, typer.Argument(help="File to write; its card is written next to it.")],
    side: Annotated[
        int, typer.Option(min=64, max=1024, help="Pixels of photos' short side.")
    ] = 384,
) -> None:
    """Write a network of torchvision or timm as ONNX, which runs without torch."""
    from semsig.finetune.export import export_descriptor
    from semsig.finetune.network import DescriptorNetwork
    from semsig.finetune.whitening import published_whitening
    from semsig.segment import load_segmenter
    from semsig.segment.cnn import CnnSegmenter
    from semsig.segment.onnx import OnnxSegmenter

    if not network.startswith("cnn:"):
        raise typer.BadParameter(f"Expected cnn:NAME[@WEIGHTS], got {network!r}.")
    loaded = load_segmenter(network)
    assert isinstance(loaded, CnnSegmenter)  # what load_segmenter makes of cnn:
    made = DescriptorNetwork(loaded.backbone, loaded.power).eval()
    out.parent.mkdir(parents=True, exist_ok=True)
    provenance = {"made_by": "semsig onnx", "network": network, "gem_power": f"{loaded.power:.4f}"}
    card = export_descriptor(made, out, short_side=side, provenance=provenance)
    answer(f"{out}, SHA-256 {card.sha256}")
    exported = OnnxSegmenter(out)
    for what, (mean, projection) in loaded.whitening.items():
        target = out.with_name(f"{out.stem}-{what.replace(' ', '-')}.npz")
        # "ms" was learned at three scales, which the graph does not see
        owner, told = (loaded, network) if what.endswith(" ms") else (exported, f"onnx:{out}")
        published_whitening(mean, projection, owner.fingerprint, f"{network}, {what}").save(target)
        answer(f"{target}, for --segmenter {told} --signature pooled@{target}")
