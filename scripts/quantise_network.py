"""Quantise an exported network to int8: static quantisation, QDQ, one scale per channel.

    python -m scripts.quantise_network NETWORK PHOTOS CSV OUT.onnx [--photos N] [--kept NAME ...]

NETWORK is "lite", "embedded" or an ONNX file with its card beside it. Convolutions become int8,
their ranges calibrated on N (128) photos that are not held out (PHOTOS and CSV are those of `semsig
distill`). All other operators stay in float32, and so do convolutions whose names contain a text of
--kept. OUT.onnx gets its own card, because its output differs from that of the original network.
scripts.compare_networks measures both. Needs onnx.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from scripts.measure_network import HOLDOUT, named
from semsig.distill.holdout import hold_out, read_catalogue, strata_of
from semsig.distill.photos import find_photos
from semsig.photo.image_files import read_image
from semsig.segment.batching import image_shape, network_size, resize
from semsig.segment.card import PACKAGED, NetworkCard
from semsig.segment.onnx_graph import refused


class Photos(CalibrationDataReader):  # type: ignore[misc]
    """Returns photos as the network's input, one at a time."""

    def __init__(self, paths: Sequence[Path], side: int) -> None:
        self._photos: Iterator[NDArray[np.uint8]] = (fitted(path, side) for path in paths)

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        """Return the next photo, (1, H, W, 3); None after the last."""
        photo = next(self._photos, None)
        return None if photo is None else {"photos": photo[None]}


def main() -> None:
    """Calibrate, quantise, write the file and its card."""
    given = _arguments()
    source = PACKAGED.get(given.network, Path(given.network))
    card = NetworkCard.read(source)
    paths = find_photos(given.photos)
    strata = strata_of([path.stem for path in paths], read_catalogue(given.catalogue))
    train, _ = hold_out(strata, HOLDOUT)
    drawn = np.random.default_rng(0).choice(train, given.count, replace=False)
    quantise(source, Photos([paths[i] for i in drawn], card.short_side), given.out, given.kept)
    content = given.out.read_bytes()
    odd = refused(content)
    if odd:
        raise SystemExit(f"Expected operators that semsig runs, got {', '.join(odd)} as well.")
    told = dict(card.provenance) | {
        "quantised": f"int8, {given.count} photos, {named(given.network)}"
    }
    digest = hashlib.sha256(content).hexdigest()
    replace(card, sha256=digest, answers_as="", provenance=told).write(given.out)


def quantise(source: Path, photos: Photos, out: Path, kept: Sequence[str]) -> None:
    """Write the int8 network."""
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.onnx"
        quant_pre_process(str(source), str(plain), skip_symbolic_shape=True)
        nodes = [node.name for node in onnx.load(plain).graph.node if node.op_type == "Conv"]
        quantize_static(
            str(plain),
            str(out),
            photos,
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            nodes_to_exclude=[name for name in nodes if any(part in name for part in kept)],
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )


def fitted(path: Path, side: int) -> NDArray[np.uint8]:
    """Read a photo and resize it as the network gets it, to a short side of about `side`."""
    image = read_image(path, at_least=side)
    return np.asarray(resize(image, network_size(image_shape(image), side)), np.uint8)


def _arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network")
    parser.add_argument("photos", type=Path)
    parser.add_argument("catalogue", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--photos", dest="count", type=int, default=128)
    parser.add_argument("--kept", nargs="*", default=[])
    return parser.parse_args()


if __name__ == "__main__":
    main()
