"""The command demo: from photos to a page with explanations, without downloads."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import nullcontext, redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from semsig.cli import show
from semsig.cli.console import answer, answer_json, progress_bar
from semsig.cli.options import DEFAULT_SEGMENTER, Json, refuse_foreign, save_picture
from semsig.cli.serving import serve_indexes

if TYPE_CHECKING:
    from semsig.engine import Engine

_CARRIERS = {
    "sklearn": ("datasets/images/china.jpg", "datasets/images/flower.jpg"),
    "skimage": ("data/astronaut.png", "data/coffee.png", "data/cat.png", "data/rocket.jpg"),
}
"""Photos that installed packages carry."""


def demo(
    photos: Annotated[
        Path | None,
        typer.Option(help="Your own folder of photos.", exists=True, file_okay=False),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for what the demo writes.")] = Path("demo"),
    count: Annotated[int, typer.Option(min=20, max=100_000, help="Scenes to render.")] = 300,
    serve: Annotated[
        bool, typer.Option("--serve", help="Then open a page that searches what was indexed.")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Where --serve listens.")] = 8765,
    as_json: Json = False,
) -> None:
    """Index, search, explain and evaluate, on rendered scenes or on your own photos."""
    from semsig.durable import make_folder

    make_folder(out)
    with redirect_stdout(sys.stderr) if as_json else nullcontext():
        page = _rendered(out, count) if photos is None else _own(photos, out)
    if as_json:
        answer_json({"out": str(out), "page": str(page.resolve())})
    else:
        answer(f"Open {page.resolve()}")
    if serve:
        indexes = [out / f"{page.stem}-index", out / "scenes-index"]
        serve_indexes(list(dict.fromkeys(index for index in indexes if index.exists())), port=port)


def _rendered(out: Path, count: int) -> Path:
    """Scenes with true label maps, measured; then the embedded network on real photos."""
    from semsig.evaluate import evaluate
    from semsig.synthetic import write_scenes

    answer(f"Rendering {count} scenes with true label maps")
    root = write_scenes(out / "scenes", count)
    truth = f"files:{out / 'scenes' / 'labels'}"
    scenes = sorted(root.glob("*/*.jpg"), key=lambda path: path.stem)[:count]
    engine = _index(out / "scenes-index", scenes, segmenter=truth)
    show.evaluation(evaluate("synthetic", root, segmenter=truth, metric="tanimoto"))
    page = _page(engine, scenes[0], out / "scenes.html")
    real = _carried_photos()
    if real:
        changed = [path for photo in real for path in _changed(photo, out / "changed")]
        answer(f"The embedded network on {len(real)} photos, {len(changed)} changed, 60 scenes")
        engine = _index(out / "photos-index", [*real, *changed, *scenes[:60]])
        _pictures(engine, real, out)
        page = _page(engine, real[0], out / "photos.html")
        answer(f"More in {(out / 'scenes.html').resolve()}")
    return page


def _own(folder: Path, out: Path) -> Path:
    from semsig.errors import ImageError
    from semsig.photo.image_files import image_paths

    engine = _index(out / "own-index", image_paths(folder))
    if not len(engine):
        raise ImageError(f"{folder} holds no photo that can be read.", reason="empty")
    query = Path(next(engine.paths))
    _pictures(engine, [query], out)
    return _page(engine, query, out / "own.html")


def _index(folder: Path, paths: Sequence[Path], segmenter: str = DEFAULT_SEGMENTER) -> Engine:
    """Open the index of an earlier demo, or make one; it then holds exactly these photos."""
    from semsig.engine import Engine
    from semsig.photo import absolute
    from semsig.search import is_unused

    if is_unused(folder):
        engine = Engine.create(folder, segmenter=segmenter)
    else:
        engine = Engine.open(folder, segmenter=segmenter, threads=1)
    with progress_bar("indexing") as progress:
        report = engine.add(paths, progress=progress)
    wanted = set(map(absolute, paths))
    engine.remove([path for path in engine.paths if path not in wanted])
    show.added(report, [], engine, folder)
    return engine


def _page(engine: Engine, query: Path, target: Path) -> Path:
    from semsig.durable import write_file
    from semsig.explain import explain
    from semsig.report import search_page

    found = engine.search(query, 12, metric="tanimoto", exclude_self=True)
    asked = engine.signature(query)
    names = ("the query", "the hit")
    best = found[:3]
    reasons = [explain(asked, engine.index.signature(hit.id), names=names) for hit in best]
    answer(f"Photos like {query}")
    show.hits(best, [why.sentence for why in reasons])
    write_file(target, search_page(engine, query, found).encode())
    return target


def _pictures(engine: Engine, photos: Sequence[Path], out: Path) -> None:
    """Draw the label map of each photo, and why the first found its best hit."""
    from semsig.report import Side, explanation_picture, segmentation_picture

    for photo in photos:
        target = out / f"{photo.stem[:60]}-classes.png"  # below the 255 bytes that a name may have
        refuse_foreign(target)
        save_picture(segmentation_picture(Side.read(photo, engine)), target)
        answer(f"Classes of {photo.name}: {target}")
    hits = engine.search(photos[0], 1, metric="tanimoto", exclude_self=True)
    for hit in hits:
        a, b = Side.read(photos[0], engine), Side.read(hit.path, engine)
        why = engine.explain(photos[0], hit.path, names=("A", "B"))
        refuse_foreign(out / "explained.png")
        save_picture(explanation_picture(a, b, why), out / "explained.png")
        answer(f"{a.title} and {b.title}: {out / 'explained.png'}")


def _changed(photo: Path, folder: Path) -> list[Path]:
    """Write a photo mirrored, cropped, in grey and darker."""
    from PIL import Image, ImageEnhance, ImageOps

    from semsig.durable import make_folder

    make_folder(folder)
    paths = []
    with Image.open(photo) as file:
        picture = file.convert("RGB")
    border = min(picture.size) // 10
    variants = {
        "mirrored": ImageOps.mirror(picture),
        "cropped": ImageOps.crop(picture, border),
        "grey": ImageOps.grayscale(picture),
        "darker": ImageEnhance.Brightness(picture).enhance(0.55),
    }
    for name, variant in variants.items():
        paths.append(folder / f"{photo.stem}-{name}.jpg")
        refuse_foreign(paths[-1])
        save_picture(variant, paths[-1])
    return paths


def _carried_photos() -> list[Path]:
    """Photos of installed packages; the packages are not imported."""
    found = []
    for package, files in _CARRIERS.items():
        spec = find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            found += [path for file in files if (path := Path(folder, file)).is_file()]
    return found
