"""The command distill."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from semsig.cli.console import answer, answer_json, remark, stderr
from semsig.cli.options import Json

if TYPE_CHECKING:
    from semsig.distill import DistillResult, Progress

TEACHERS = "labels:DIR[@TABLE], mmseg:CONFIG[@CHECKPOINT], onnx:FILE, lite or embedded"
RECIPE = "Recipe"
MACHINE = "Machine"


def distill(
    photos: Annotated[Path, typer.Argument(help="Folder of photos.", exists=True, file_okay=False)],
    teacher: Annotated[str, typer.Option(help=f"Who labels the photos: {TEACHERS}.")],
    out: Annotated[Path, typer.Option(help="Folder to write to.", file_okay=False)],
    categories: Annotated[
        Path | None, typer.Option(help="CSV with file, category: strata of the hold-out.")
    ] = None,
    notes: Annotated[Path | None, typer.Option(help="Markdown that ends the model card.")] = None,
    init: Annotated[
        list[Path] | None,
        typer.Option(
            help="Weights to start from: a checkpoint, an exported FILE.onnx or embedded; several "
            "checkpoints count as their mean."
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out.")] = False,
    arch: Annotated[
        str | None,
        typer.Option(help="Network: hr18s (default), hr18 or hr48.", rich_help_panel=RECIPE),
    ] = None,
    views: Annotated[
        int | None,
        typer.Option(
            help="Photo-views (500,000); 0 exports --init untrained.", rich_help_panel=RECIPE
        ),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(help="Stop after this time even if views are left.", rich_help_panel=RECIPE),
    ] = None,
    stages: Annotated[
        str | None,
        typer.Option(
            help="Sides of crops and their shares of the run (128:0.6,192:0.4).",
            rich_help_panel=RECIPE,
        ),
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Views per step (16).", rich_help_panel=RECIPE)
    ] = None,
    optimizer: Annotated[
        str | None, typer.Option(help="Optimiser: muon (default) or adamw.", rich_help_panel=RECIPE)
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(
            help="Largest learning rate, after the warm-up (0.001).", rich_help_panel=RECIPE
        ),
    ] = None,
    weight_decay: Annotated[
        float | None, typer.Option(help="Weight decay (0.02).", rich_help_panel=RECIPE)
    ] = None,
    warmup_views: Annotated[
        int | None, typer.Option(help="Views of linear warm-up (1,600).", rich_help_panel=RECIPE)
    ] = None,
    label_smoothing: Annotated[
        float | None,
        typer.Option(
            help="Share of the target spread over all classes, 0 to below 1 (0.05).",
            rich_help_panel=RECIPE,
        ),
    ] = None,
    ema_decay: Annotated[
        float | None,
        typer.Option(help="Decay of the weights' running average (0.999).", rich_help_panel=RECIPE),
    ] = None,
    zoom: Annotated[
        float | None, typer.Option(help="Largest magnification (1.8).", rich_help_panel=RECIPE)
    ] = None,
    paste: Annotated[
        float | None,
        typer.Option(
            help="Share of crops with a part of another pasted in (0).", rich_help_panel=RECIPE
        ),
    ] = None,
    balance: Annotated[
        float | None,
        typer.Option(help="How much rare classes are favoured (0.5).", rich_help_panel=RECIPE),
    ] = None,
    mentor: Annotated[
        Path | None,
        typer.Option(
            help="ONNX network whose scores and feature maps are learned as well.",
            rich_help_panel=RECIPE,
        ),
    ] = None,
    soft_share: Annotated[
        float | None,
        typer.Option(
            help="Share of the loss for the mentor's scores (0.5).", rich_help_panel=RECIPE
        ),
    ] = None,
    hint_weight: Annotated[
        float | None,
        typer.Option(help="Weight of the mentor's feature maps (1).", rich_help_panel=RECIPE),
    ] = None,
    least_share: Annotated[
        float | None,
        typer.Option(
            help="Classes with a smaller share of a photo are left out of its label map (0.025).",
            rich_help_panel=RECIPE,
        ),
    ] = None,
    holdout: Annotated[
        float | None, typer.Option(help="Share kept for measuring (0.05).", rich_help_panel=RECIPE)
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of weights and crops (0).", rich_help_panel=RECIPE)
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="Device: auto, cpu, cuda, ...", rich_help_panel=MACHINE)
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(help="Precision: auto, float32 or bfloat16.", rich_help_panel=MACHINE),
    ] = None,
    compile_network: Annotated[
        bool,
        typer.Option("--compile", help="Use torch.compile.", rich_help_panel=MACHINE),
    ] = False,
    threads: Annotated[
        int | None, typer.Option(help="Torch's threads.", rich_help_panel=MACHINE)
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Threads that cut crops (1).", rich_help_panel=MACHINE)
    ] = None,
    cache_side: Annotated[
        int | None,
        typer.Option(
            help="Largest short side at which photos are kept (256).", rich_help_panel=MACHINE
        ),
    ] = None,
    cache_mb: Annotated[
        int | None, typer.Option(help="MiB of decoded photos (4,096).", rich_help_panel=MACHINE)
    ] = None,
    report_minutes: Annotated[
        float | None,
        typer.Option(
            help="Minutes between evaluations and checkpoints (10).", rich_help_panel=MACHINE
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Train an HRNet on photos labelled by a larger teacher; export it with a model card."""
    given = {
        name: value
        for name, value in locals().items()
        if name not in {"stages", "compile_network", "as_json"} and value is not None
    }
    from semsig.distill import DistillOptions, Stage
    from semsig.distill import distill as stage

    if stages is not None:
        given["stages"] = Stage.parse(stages)
    if "init" in given:
        given["init"] = tuple(given["init"])
    options = DistillOptions(compile=compile_network, **given)
    with _progress() as progress:
        result = stage(options, progress)
    if as_json:
        answer_json(_as_dict(result))
    else:
        _show(result)


@contextmanager
def _progress() -> Iterator[Callable[[Progress], None]]:
    """Show a bar with loss, agreement and time left on a terminal, else one line per minute."""
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    console, told = stderr(), [-1.0]
    columns = TextColumn("{task.percentage:>3.0f} %"), BarColumn(), TextColumn("{task.description}")
    with Bar(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("reading photos", total=1.0)

        def tell(status: Progress) -> None:
            bar.update(task, completed=status.done, description=_line(status))
            minute = status.views / max(status.views_per_second, 1e-9) // 60
            if not console.is_terminal and minute != told[0]:
                told[0] = minute
                remark(_line(status))

        yield tell


def _line(status: Progress) -> str:
    agreement = "-" if status.agreement is None else f"{status.agreement:.3f}"
    return (
        f"{status.views:,} views at {status.side} px, {status.views_per_second:.1f}/s, "
        f"loss {status.loss:.3f}, agreement {agreement}, {status.minutes_left:.0f} min left"
    )


def _show(result: DistillResult) -> None:
    held = result.held_out
    answer(f"network    {result.onnx}")
    answer(f"views      {result.views:,} in {result.minutes:.0f} minutes")
    answer(f"agreement  {held.pixels:.4f} of the held-out photos' pixels, mIoU {held.miou:.4f}")
    answer(f"export     agrees with torch on {result.export_agreement:.3%} of pixels")
    answer(f"card       {result.out / 'MODEL_CARD.md'}")


def _as_dict(result: DistillResult) -> dict[str, object]:
    return {
        "network": str(result.onnx),
        "views": result.views,
        "minutes": round(result.minutes, 2),
        "agreement": result.held_out.pixels,
        "miou": result.held_out.miou,
        "export_agreement": result.export_agreement,
        "out": str(result.out),
    }
