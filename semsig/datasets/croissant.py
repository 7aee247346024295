"""Descriptions of datasets as Croissant, the JSON-LD that data catalogues and loaders read."""

from __future__ import annotations

import re
from typing import Any

from semsig.datasets.dataset import Dataset
from semsig.datasets.folder_layouts import Content

VERSION = "http://mlcommons.org/croissant/1.0"

_TERMS = """citeAs column equivalentProperty extract field fileProperty fileObject fileSet format
includes isLiveDataset jsonPath key md5 parentField path recordSet references regex repeated replace
samplingRate separator source subField transform"""

_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in _TERMS.split()},
}
"""The context of Croissant 1.0, which every document repeats."""

_MEDIA = {".bmp": "image/bmp", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}


def croissant(dataset: Dataset) -> dict[str, Any]:
    """Return a dataset's description as a Croissant document.

    Parameters
    ----------
    dataset : Dataset
        As :func:`semsig.datasets.load_dataset` returns it.

    Returns
    -------
    dict
        For ``json.dumps``: what the description says of name, source, licence and publication;
        the photos as a set of files; and one record per class, with its number of photos where
        that is fixed. Photos have no checksums: semsig distributes none of them.
    """
    url = re.search(r"https?://\S+", dataset.source)
    year = re.findall(r"\b(?:19|20)\d\d\b", dataset.reference)
    classes = _classes(dataset.content)
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": VERSION,
        "name": dataset.name,
        "description": f"{dataset.title}. To be had from: {dataset.source}",
        "citeAs": dataset.reference,
        "license": dataset.licence,
        "url": url.group() if url else "https://doi.org/10.1007/s11042-022-14297-7",
        "version": "1.0.0",
        **({"datePublished": year[-1]} if year else {}),
        "distribution": [_files(dataset)],
        "recordSet": [_photos(), *([classes] if classes else [])],
    }


def _files(dataset: Dataset) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": "files",
        "name": "files",
        "encodingFormat": sorted({_MEDIA[kind] for kind in dataset.kinds if kind in _MEDIA}),
        "includes": [f"**/*{kind}" for kind in dataset.kinds],
    }


def _photos() -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": "photos",
        "name": "photos",
        "key": {"@id": "photos/path"},
        "field": [
            _field("photos/path", "sc:Text", source="fullpath"),
            _field("photos/image", "sc:ImageObject", source="content"),
        ],
    }


def _classes(content: Content) -> dict[str, Any] | None:
    """Return the classes by name, None where a description has only their number."""
    if not content.classes:
        return None
    sizes = (sum(counts) for counts in zip(*content.splits.values(), strict=True))
    return {
        "@type": "cr:RecordSet",
        "@id": "classes",
        "name": "classes",
        "dataType": "sc:Enumeration",
        "key": {"@id": "classes/name"},
        "field": [_field("classes/name", "sc:Text"), _field("classes/photos", "sc:Integer")],
        "data": [
            {"classes/name": name, "classes/photos": size or None}
            for name, size in zip(content.classes, sizes, strict=True)
        ],
    }


def _field(identity: str, kind: str, *, source: str = "") -> dict[str, Any]:
    place = {"source": {"fileSet": {"@id": "files"}, "extract": {"fileProperty": source}}}
    return {
        "@type": "cr:Field",
        "@id": identity,
        "name": identity,
        "dataType": kind,
        **(place if source else {}),
    }
