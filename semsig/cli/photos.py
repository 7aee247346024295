"""Commands on photos: index, explain, segment."""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from semsig.cli import phrases, projections, shards, show
from semsig.cli.completion import complete_segmenter
from semsig.cli.console import answer, answer_json, progress_bar, remark
from semsig.cli.options import (
    DEFAULT_SEGMENTER,
    SEGMENTERS,
    DeviceOption,
    Exclude,
    FollowLinks,
    IndexOrUrl,
    Json,
    Level,
    Photo,
    Photos,
    PhotosOrGone,
    PresetOption,
    SegmenterName,
    Strict,
    Workers,
    fetched,
    make_room,
    require_picture,
    save_picture,
    surveyed,
)
from semsig.cli.regions import ExplainChoice, explain_regions

if TYPE_CHECKING:
    from semsig.engine import Engine
    from semsig.photo.walk import Survey
    from semsig.segment.devices import Device
    from semsig.signatures.presets import Preset

_SKIPPED = 3
_NAME_REFUSED = (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ)
"""Errors about a file's name, which may be too long or invalid on the disk."""


def index(
    photos: PhotosOrGone,
    index: IndexOrUrl,
    segmenter: Annotated[
        str | None,
        typer.Option(
            callback=fetched,
            autocompletion=complete_segmenter,
            help=f"One of {SEGMENTERS}; lite for a new index.",
        ),
    ] = None,
    levels: Annotated[
        int | None,
        typer.Option(min=0, max=8, help="Level N of signatures: 4^N blocks; 3 for a new index."),
    ] = None,
    signature: Annotated[
        str | None,
        typer.Option(
            help="Signatures to add besides sbs: sbovp (visual phrases), pooled (the network's "
            "features), or both. A new index has pooled if the network gives features."
        ),
    ] = None,
    device: DeviceOption = "auto",
    preset: PresetOption = None,
    vocabulary: phrases.Vocab = "kaze",
    phrase_words: phrases.Words = None,
    phrase_length: phrases.Length = None,
    phrase_space: phrases.Space = None,
    phrase_regions: phrases.Regions = None,
    phrase_norm: phrases.Norm = None,
    pool: projections.Pool = None,
    pool_power: projections.Power = None,
    gem_exponent: projections.Exponent = None,
    projection: projections.ProjectionFile = None,
    dims: projections.Dims = None,
    coding: projections.Coded = None,
    workers: Workers = None,
    rehash: Annotated[
        bool,
        typer.Option(
            "--rehash", help="Compare content, instead of trusting size and time of change."
        ),
    ] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove photos whose files are gone.")
    ] = False,
    exclude: Exclude = None,
    follow_links: FollowLinks = False,
    scheduler: shards.Scheduler = None,
    n_shards: Annotated[int | None, shards.Count] = None,
    strict: Strict = False,
    as_json: Json = False,
) -> None:
    """Add photos to an index, or bring it up to date.

    What is unchanged is passed over; a run that was stopped is taken up where it was.
    """
    there = [path for path in photos if path.exists()]
    if there != photos and not prune:
        gone = next(path for path in photos if path not in there)
        raise typer.BadParameter(
            f"{gone} does not exist. If it was indexed, --prune removes it from the index."
        )
    if scheduler or n_shards or shards.is_sharded(index):
        shards.refuse_device(device)
        shards.refuse(prune, phrase_words, phrase_length, phrase_space, phrase_regions, phrase_norm)
        shards.index(
            surveyed(there, exclude or (), follow_links=follow_links)[0],
            index,
            scheduler=scheduler,
            shards=n_shards,
            segmenter=segmenter,
            levels=levels,
            signature=signature,
            rehash=rehash,
            strict=strict,
            as_json=as_json,
        )
        return
    from semsig.errors import OptionError
    from semsig.search import is_unused
    from semsig.signatures.presets import Preset

    folder = Path(index)
    paths, surveys = surveyed(there, exclude or (), follow_links=follow_links)
    unread = [path for one in surveys for path in one.unread]
    is_new = is_unused(folder)
    chosen = Preset.named(preset or "default")
    if is_new and not paths:
        raise OptionError(_nothing(photos, surveys))
    engine = _open_or_create(folder, segmenter, levels, chosen, device)
    wanted = _signatures(signature, engine, chosen, is_new=is_new)
    encoding = phrases.encoding(
        vocabulary,
        words=phrase_words,
        length=phrase_length,
        space=phrase_space,
        regions=phrase_regions,
        norm=phrase_norm,
    )
    encoding = dict(encoding) | {
        "pooled": lambda: {
            "options": projections.pooled_options(
                pool=pool,
                power=pool_power,
                p=gem_exponent,
                projection=projection,
                dims=dims,
                coding=coding,
            )
        }
    }
    _add_signatures(engine, wanted, encoding, chosen)
    if not (paths or prune):
        remark("No photo was found; nothing was added.")
    try:
        with progress_bar("indexing") as progress:
            report = engine.add(paths, workers=workers, rehash=rehash, progress=progress)
    except KeyboardInterrupt:
        remark(f"Stopped; {folder} holds {len(engine):,} photos. Run the same command to continue.")
        raise
    pruned = engine.prune(photos) if prune else []  # photos that only moved are not gone
    if not (paths or pruned):
        remark("No photo was found; nothing was added.")
    if as_json:
        extra = {"pruned": pruned, "index": str(folder), "photos": len(engine)}
        extra["unread"] = [str(path) for path in unread]
        answer_json(report.to_dict() | extra)
    else:
        show.added(report, pruned, engine, folder)
    for line in (line for one in surveys for line in one.remarks()):
        remark(line)
    if strict and (report.skipped or unread):
        raise typer.Exit(_SKIPPED)


def _add_signatures(
    engine: Engine,
    names: Sequence[str],
    encoding: Mapping[str, Callable[[], dict[str, Any]]],
    preset: Preset,
) -> None:
    """Add these signatures to an index, with the options of the command and the preset."""
    for name in names:
        given = encoding[name]() if name in encoding else {}
        engine.add_signature(name, **{**given, **preset.encoding.get(name, {})})


def _nothing(photos: Sequence[Path], surveys: Sequence[Survey]) -> str:
    """Raise the error that there is nothing to index, with what was skipped."""
    where = ", ".join(map(str, photos))
    passed = "; ".join(line for one in surveys for line in one.remarks())
    return f"Expected photos, got none in {where}. No index was made.{passed and f' {passed}'}"


def explain(
    a: Photo,
    b: Photo,
    out: Annotated[Path | None, typer.Option(help="Write a picture (PNG).")] = None,
    segmenter: SegmenterName = DEFAULT_SEGMENTER,
    device: DeviceOption = "auto",
    levels: Level = 3,
    shared_phrases: Annotated[
        bool, typer.Option("--phrases", help="Find the visual phrases they share as well.")
    ] = False,
    vocabulary: phrases.Vocab = "kaze",
    matches: Annotated[
        Path | None,
        typer.Option(help="Write a picture (PNG) of the keypoints that one homography joins."),
    ] = None,
    signature: Annotated[
        ExplainChoice,
        typer.Option(
            "--signature", help="sbs: blocks of classes; pooled: regions by the network's features."
        ),
    ] = ExplainChoice.SBS,
    as_json: Json = False,
) -> None:
    """Say where two photos agree and differ."""
    from semsig.engine import Engine

    require_picture(out)
    require_picture(matches)
    make_room(out)
    make_room(matches)
    if signature is ExplainChoice.POOLED:
        explain_regions(a, b, out, segmenter, device, as_json=as_json)
        return
    engine = Engine.create(None, segmenter=segmenter, levels=levels, signatures=(), device=device)
    explanation, links = engine.explain(a, b, names=("A", "B")), None
    if shared_phrases:
        engine.add_signature("sbovp", **phrases.encoding(vocabulary)["sbovp"]())
        links = engine.explain(a, b, signature="sbovp")
    if as_json:
        more = links.to_dict() if links else {}
        answer_json({"a": str(a), "b": str(b)} | explanation.to_dict() | more)
    else:
        show.explanation(explanation)
        if links:
            answer(links.sentence)
    if out is not None:
        from semsig.report import Side, explanation_picture

        picture = explanation_picture(
            Side.read(a, engine), Side.read(b, engine), explanation, phrases=links
        )
        save_picture(picture, out)
        remark(f"Wrote {out}")
    if matches is not None:
        _draw_matches(a, b, matches)


def _draw_matches(a: Path, b: Path, target: Path) -> None:
    """Draw the keypoints of two photos that match, and say how many."""
    from semsig.explain.geometry import GeometryOptions, local_features, match
    from semsig.photo.image_files import read_image
    from semsig.report.matching import match_picture

    options = GeometryOptions()
    one, other = read_image(a), read_image(b)
    found = match(local_features(one, options), local_features(other, options), options)
    save_picture(match_picture(one, other, found, (a.name, b.name)), target)
    remark(f"{found.sentence}; wrote {target}")


def segment(
    photos: Photos,
    out: Annotated[Path, typer.Option(help="Folder for the pictures.", file_okay=False)],
    segmenter: SegmenterName = DEFAULT_SEGMENTER,
    device: DeviceOption = "auto",
    levels: Level = 3,
    exclude: Exclude = None,
    follow_links: FollowLinks = False,
    strict: Strict = False,
    as_json: Json = False,
) -> None:
    """Draw photos with their classes and a legend: out/NAME-classes.png for each photo."""
    from semsig.durable import make_folder
    from semsig.engine import Engine
    from semsig.errors import ImageError
    from semsig.report import Side, segmentation_picture

    make_folder(out)
    engine = Engine.create(None, segmenter=segmenter, levels=levels, signatures=(), device=device)
    written, skipped = [], []
    paths, surveys = surveyed(photos, exclude or (), follow_links=follow_links)
    targets = _targets(paths, out)
    with progress_bar("segmenting") as progress:
        for done, (path, target) in enumerate(zip(paths, targets, strict=True), 1):
            try:
                save_picture(segmentation_picture(Side.read(path, engine)), target)
                written.append({"path": str(path), "picture": str(target)})
            except ImageError as error:
                skipped.append({"path": str(path), "reason": error.reason, "message": str(error)})
            except OSError as error:
                if error.errno not in _NAME_REFUSED:
                    raise
                message = f"{target} cannot be written: {error.strerror}"
                skipped.append({"path": str(path), "reason": "unwritable", "message": message})
            progress(done, len(paths))
    if as_json:
        answer_json({"written": written, "skipped": skipped})
    else:
        show.segmented(written, skipped, out)
    for line in (line for one in surveys for line in one.remarks()):
        remark(line)
    if strict and (skipped or any(one.unread for one in surveys)):
        raise typer.Exit(_SKIPPED)


def _open_or_create(
    folder: Path, segmenter: str | None, levels: int | None, preset: Preset, device: Device
) -> Engine:
    from semsig.engine import Engine
    from semsig.errors import OptionError
    from semsig.search import is_unused

    if is_unused(folder):
        levels = preset.levels if levels is None else levels
        name = segmenter or preset.segmenter
        return Engine.create(folder, segmenter=name, levels=levels, signatures=(), device=device)
    engine = Engine.open(folder, segmenter=segmenter, threads=1, device=device)
    if levels not in (None, engine.index.schema.levels):
        raise OptionError(
            f"{folder} was made with --levels {engine.index.schema.levels}, got {levels}. "
            "Name a new folder for other levels."
        )
    return engine


def _signatures(
    signature: str | None, engine: Engine, preset: Preset, *, is_new: bool
) -> list[str]:
    """Return the signatures that an index is to have and lacks, in the registry's order."""
    from semsig.signatures import signature_kinds, signature_names

    named = {name.strip() for name in (signature or "").split(",")} - {""}
    unknown = named - set(signature_names())
    if unknown:
        raise typer.BadParameter(
            f"Expected --signature {', '.join(signature_names())}, several by commas; "
            f"got {', '.join(sorted(unknown))}."
        )
    if preset.signatures and not named:
        named = set(preset.signatures)
    elif is_new and not named:
        named = {kind.name for kind in signature_kinds() if kind.is_default(engine.segmenter)}
    return [name for name in signature_names() if name in named - engine.sides.keys()]


def _targets(paths: Sequence[Path], out: Path) -> list[Path]:
    """One file per photo, never one of the photos; photos with the same stem are numbered."""
    from semsig.errors import OptionError

    seen: Counter[str] = Counter()
    photos = set(map(os.path.realpath, paths))
    targets = []
    for path in paths:
        seen[path.stem.casefold()] += 1
        number = seen[path.stem.casefold()]
        targets.append(out / f"{path.stem}-classes{f'-{number}' if number > 1 else ''}.png")
        if os.path.realpath(targets[-1]) in photos:
            raise OptionError(
                f"{targets[-1]} is one of the photos, and would be drawn over; name another --out."
            )
    return targets
