"""Documents with odd values and right checksums, or that are no documents."""

from __future__ import annotations

import hashlib
import io
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.torture import world
from benchmarks.torture.mutations import TEXTS, with_odd_value
from benchmarks.torture.tries import AT_ONCE, Found, Try, anew, made
from semsig.classes import ClassTable
from semsig.datasets.descriptions import load_dataset
from semsig.photo import PhotoRecord
from semsig.segment.card import PACKAGED, NetworkCard
from semsig.signatures import Vocabulary, default_vocabulary


def odd_documents(folder: Path, rng: random.Random) -> Found:
    """Documents with odd values and right checksums, or that are no documents."""
    anew(folder)
    for kind in world.kinds():
        world.make_index(kind, folder / kind.index.__name__, rng)
    readers = [*(_manifest_reader(kind, folder) for kind in world.kinds()), *_readers(folder)]

    def one() -> tuple[str, Try]:
        write, read, example = rng.choice(readers)
        document = rng.choice(TEXTS)
        if rng.random() < 0.9:
            document = json.loads(json.dumps(example))
            for _ in range(rng.choice([1, 1, 1, 3])):
                with_odd_value(document, rng)

        def attempt() -> bool:
            write(document)
            read()
            return True  # a document with a right checksum may mean anything

        return f"{', '.join(example)[:40]} ...", attempt

    while True:
        yield from made([one() for _ in range(AT_ONCE)])


Document = Any
Reader = tuple[Callable[[Document], object], Callable[[], object], Document]


def _manifest_reader(kind: world.Kind, folder: Path) -> Reader:
    path = folder / kind.index.__name__
    example = json.loads((path / "manifest.json").read_bytes())
    del example["sha256"]

    def write(document: Document) -> None:
        if not isinstance(document, bytes):
            text = json.dumps(document, sort_keys=True)
            document["sha256"] = hashlib.sha256(text.encode()).hexdigest()
        (path / "manifest.json").write_bytes(_json(document))

    def read_manifest() -> object:
        return kind.answers(kind.index.open(path))

    return write, read_manifest, example


def _json(document: Document) -> bytes:
    return document if isinstance(document, bytes) else json.dumps(document).encode()


def _readers(folder: Path) -> list[Reader]:
    card = json.loads(PACKAGED["lite"].with_suffix(".json").read_text("utf-8"))
    default_vocabulary().save(folder / "words.npz")
    with np.load(folder / "words.npz") as arrays:
        words, facts = arrays["words"], json.loads(arrays["card"].tobytes())

    def write_vocabulary(document: Document) -> None:
        body = io.BytesIO()
        np.savez(body, words=words, card=np.frombuffer(_json(document), np.uint8))
        (folder / "words.npz").write_bytes(body.getvalue())

    def write_to(name: str, form: Callable[[Document], bytes]) -> Callable[[Document], object]:
        return lambda document: (folder / name).write_bytes(form(document))

    record = json.loads(PhotoRecord(path="/a", digest="b", size=1, mtime_ns=2).to_json())
    table = {"name": "t", "names": ["sky", "sea"], "palette": [[1, 2, 3], [4, 5, 6]]}
    layout = {"name": "n", "pattern": "(?P<class>[^/]+)/.*", "first": 0, "per_class": 1}
    texts = {key: key for key in ("name", "title", "reference", "licence", "source")}
    facts_of_data = {"mode": "query-in-ground-truth", "cutoff": 5, "classes": ["a", "b"]}
    dataset = texts | facts_of_data | {"class_sizes": [3, 4], "layouts": [layout]}
    return [
        (write_to("n.json", _json), lambda: NetworkCard.read(folder / "n.onnx"), card),
        (write_vocabulary, lambda: Vocabulary.open(folder / "words.npz"), facts),
        (write_to("c.toml", _toml), lambda: ClassTable.from_toml(folder / "c.toml"), table),
        (write_to("d.toml", _toml), lambda: load_dataset(folder / "d.toml"), dataset),
        (
            write_to("r.json", _json),
            lambda: PhotoRecord.from_json((folder / "r.json").read_text("utf-8", "replace")),
            record,
        ),
    ]


def _toml(document: Document) -> bytes:
    if not isinstance(document, dict):
        return _json(document)
    lines = (f"{json.dumps(key)} = {_toml_value(value)}" for key, value in document.items())
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def _toml_value(value: Document) -> str:
    if isinstance(value, dict):
        entries = (f"{json.dumps(key)} = {_toml_value(one)}" for key, one in value.items())
        return "{" + ", ".join(entries) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml_value, value)) + "]"
    return str(value) if isinstance(value, float) else json.dumps(value)
