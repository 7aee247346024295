"""Commands on photos: index, explain, segment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from semsig.cli import phrases, shards, show
from semsig.cli.console import answer, answer_json, progress_bar, remark
from semsig.cli.options import (
    DEFAULT_SEGMENTER,
    SEGMENTERS,
    IndexFolder,
    Json,
    Level,
    Photo,
    Photos,
    PhotosOrGone,
    SegmenterName,
    Strict,
    Workers,
    expand,
    fetched,
    make_room,
    save_picture,
)

if TYPE_CHECKING:
    from semsig.engine import Engine

_SKIPPED = 3


def index(
    photos: PhotosOrGone,
    index: IndexFolder,
    segmenter: Annotated[
        str | None,
        typer.Option(callback=fetched, help=f"One of {SEGMENTERS}; lite for a new index."),
    ] = None,
    levels: Annotated[
        int | None, typer.Option(min=0, max=8, help="Blocks: 4^N of them; 3 for a new index.")
    ] = None,
    signature: Annotated[
        str | None,
        typer.Option(
            help="sbs, with sbovp (visual phrases), pooled (the network's features), or both: "
            "sbs,sbovp,pooled. A new index has sbs, and pooled if the network gives features."
        ),
    ] = None,
    vocabulary: phrases.Vocab = "kaze",
    phrase_words: phrases.Words = None,
    phrase_length: phrases.Length = None,
    phrase_space: phrases.Space = None,
    phrase_regions: phrases.Regions = None,
    phrase_norm: phrases.Norm = None,
    workers: Workers = None,
    rehash: Annotated[
        bool, typer.Option("--rehash", help="Trust content alone, not size and time of change.")
    ] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove photos whose files are gone.")
    ] = False,
    exclude: Annotated[
        list[str] | None,
        typer.Option(help="Leave out files and folders of this name or path, such as '*.tmp'."),
    ] = None,
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
        raise typer.BadParameter(f"{gone} does not exist; --prune takes it out of the index.")
    if scheduler or n_shards or shards.is_sharded(index):
        shards.refuse(prune, phrase_words, phrase_length, phrase_space, phrase_regions, phrase_norm)
        shards.index(
            expand(there, exclude or ()),
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
    from semsig.search import is_unused
    from semsig.segment import gives_features

    is_new = is_unused(index)
    engine = _open_or_create(index, segmenter, levels)
    wanted = _signatures(signature) - engine.sides.keys()
    if "pooled" in wanted or (signature is None and is_new and gives_features(engine.segmenter)):
        engine.add_pooled()
    if "sbovp" in wanted:
        options = phrases.phrase_options(
            words=phrase_words,
            length=phrase_length,
            space=phrase_space,
            regions=phrase_regions,
            norm=phrase_norm,
        )
        engine.add_phrases(phrases.find_vocabulary(vocabulary), options)
    pruned = engine.prune(photos) if prune else []
    paths = expand(there, exclude or ())
    unread = _unread(there, exclude or ())
    if not (paths or pruned):
        remark("No photo was found; nothing was added.")
    try:
        with progress_bar("indexing") as progress:
            report = engine.add(paths, workers=workers, rehash=rehash, progress=progress)
    except KeyboardInterrupt:
        remark(f"Stopped; {index} holds {len(engine):,} photos. The same command goes on.")
        raise
    if as_json:
        extra = {"pruned": pruned, "index": str(index), "photos": len(engine)}
        answer_json(report.to_dict() | extra)
    else:
        show.added(report, pruned, engine, index)
    if unread:
        kinds = Counter(path.suffix.lower() for path in unread)
        counts = ", ".join(f"{kind} {count:,}" for kind, count in sorted(kinds.items()))
        remark(f"{len(unread):,} files of kinds that are not read: {counts}")
    if strict and (report.skipped or unread):
        raise typer.Exit(_SKIPPED)


def _unread(photos: Sequence[Path], exclude: Sequence[str]) -> list[Path]:
    """Return the pictures in folders that are of kinds that are not read."""
    from semsig.photo.image_files import unread_files

    folders = (photo for photo in photos if photo.is_dir())
    return [path for folder in folders for path in unread_files(folder, exclude=exclude)]


def explain(
    a: Photo,
    b: Photo,
    out: Annotated[Path | None, typer.Option(help="Write a picture (PNG).")] = None,
    segmenter: SegmenterName = DEFAULT_SEGMENTER,
    levels: Level = 3,
    shared_phrases: Annotated[
        bool, typer.Option("--phrases", help="Find the visual phrases they share as well.")
    ] = False,
    vocabulary: phrases.Vocab = "kaze",
    as_json: Json = False,
) -> None:
    """Say where two photos agree and differ."""
    from semsig.engine import Engine

    make_room(out)
    engine = Engine.create(None, segmenter=segmenter, levels=levels)
    explanation, links = engine.explain(a, b, names=("A", "B")), None
    if shared_phrases:
        engine.add_phrases(phrases.find_vocabulary(vocabulary))
        links = engine.explain_phrases(a, b)
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


def segment(
    photos: Photos,
    out: Annotated[Path, typer.Option(help="Folder for the pictures.", file_okay=False)],
    segmenter: SegmenterName = DEFAULT_SEGMENTER,
    levels: Level = 3,
    strict: Strict = False,
    as_json: Json = False,
) -> None:
    """Draw photos with their classes and a legend: out/NAME-classes.png for each photo."""
    from semsig.engine import Engine
    from semsig.errors import ImageError
    from semsig.report import Side, segmentation_picture

    out.mkdir(parents=True, exist_ok=True)
    engine = Engine.create(None, segmenter=segmenter, levels=levels)
    written, skipped = [], []
    paths = expand(photos)
    targets = _targets(paths, out)
    with progress_bar("segmenting") as progress:
        for done, (path, target) in enumerate(zip(paths, targets, strict=True), 1):
            try:
                save_picture(segmentation_picture(Side.read(path, engine)), target)
                written.append({"path": str(path), "picture": str(target)})
            except ImageError as error:
                skipped.append({"path": str(path), "reason": error.reason, "message": str(error)})
            progress(done, len(paths))
    if as_json:
        answer_json({"written": written, "skipped": skipped})
    else:
        show.segmented(written, skipped, out)
    if strict and skipped:
        raise typer.Exit(_SKIPPED)


def _open_or_create(folder: Path, segmenter: str | None, levels: int | None) -> Engine:
    from semsig.engine import Engine
    from semsig.errors import OptionError
    from semsig.search import is_unused

    if is_unused(folder):
        levels = 3 if levels is None else levels
        return Engine.create(folder, segmenter=segmenter or DEFAULT_SEGMENTER, levels=levels)
    engine = Engine.open(folder, segmenter=segmenter, threads=1)
    if levels not in (None, engine.index.schema.levels):
        raise OptionError(
            f"{folder} was made with --levels {engine.index.schema.levels}; {levels} came. "
            "Name a new folder for other levels."
        )
    return engine


def _signatures(signature: str | None) -> set[str]:
    names = {name.strip() for name in (signature or "sbs").split(",")}
    if not {"sbs"} <= names <= {"sbs", "sbovp", "pooled"}:
        raise typer.BadParameter(
            f"Expected --signature sbs, perhaps with sbovp and pooled; got {signature}."
        )
    return names


def _targets(paths: Sequence[Path], out: Path) -> list[Path]:
    """One file a photo, and none of the photos; photos of one stem are numbered."""
    from semsig.errors import OptionError

    seen: Counter[str] = Counter()
    photos = {path.resolve() for path in paths}
    targets = []
    for path in paths:
        seen[path.stem.casefold()] += 1
        number = seen[path.stem.casefold()]
        targets.append(out / f"{path.stem}-classes{f'-{number}' if number > 1 else ''}.png")
        if targets[-1].resolve() in photos:
            raise OptionError(
                f"{targets[-1]} is one of the photos, and would be drawn over; name another --out."
            )
    return targets
