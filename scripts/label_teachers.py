"""The networks that vote in scripts.ensemble_labels, over the classes of semsig54.

Needs onnxruntime; for TensorFlow Lite files also ai-edge-litert and flatbuffers (development only).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from semsig.classes import ClassTable
from semsig.segment.batching import network_size
from semsig.segment.onnx import run_session, start_session

Probabilities = NDArray[np.float32]
Teacher = Callable[[NDArray[np.uint8]], Probabilities]
"""Takes a photo (H, W, 3) and returns probabilities (M, h, w); the teacher chooses h and w."""

ADE = {
    "wall": (1,),
    "building": (2, 26, 49, 52, 80, 85),
    "sky": (3,),
    "floor": (4, 29),
    "tree": (5, 73),
    "ceiling": (6,),
    "road": (7, 55),
    "bed": (8, 118),
    "window": (9, 64),
    "grass": (10,),
    "cabinet": (11, 36, 45, 46, 71, 74, 100),
    "sidewalk": (12, 53),
    "person": (13,),
    "earth": (14, 35, 92, 95),
    "door": (15, 59),
    "table": (16, 34, 57, 65),
    "mountain": (17, 69),
    "plant": (18,),
    "curtain": (19,),
    "chair": (20, 31, 32, 76, 111),
    "car": (21, 84, 103),
    "water": (22, 61, 110, 129),
    "painting": (23, 101),
    "sofa": (24,),
    "shelf": (25, 63),
    "sea": (27,),
    "field": (30,),
    "aeroplane": (91,),
    "bicycle": (128,),
    "boat": (77, 104),
    "bottle": (99,),
    "bus": (81,),
    "motorbike": (117,),
    "tvmonitor": (75, 90, 131, 142, 144),
    "flower": (67,),
    "food": (121,),
    "sand": (47,),
    "waterfall": (114,),
}
"""Outputs of a network of ADE20K's 150 classes (0 = background), by class of semsig54."""

CLASSES = "classes"
"""The same as `semsig.distill.mentor.CLASSES`, whose module needs torch."""

ADE_SIDE = 513
VIEWS = (192, 256)
"""Short sides in pixels of the views of a photo, each also mirrored."""


def ade_network(path: Path, classes: ClassTable) -> Teacher:
    """Return DeepLabv3 of ADE20K: probabilities at a quarter of its input's side.

    Its last operator, which enlarges all scores to the input's size, is left out: it takes nine
    tenths of the time.
    """
    every = ade_outputs(path)
    gather = np.zeros((len(classes), 151), np.float32)
    for name, outputs in ADE.items():
        gather[classes.names.index(name), list(outputs)] = 1
    return lambda photo: np.asarray(np.tensordot(gather, every(photo), 1), np.float32)


def ade_outputs(path: Path) -> Teacher:
    """Return the same with all 151 outputs; 0 is background."""
    run = _without_last(path)

    def look(photo: NDArray[np.uint8]) -> Probabilities:
        square = cv2.resize(photo, (ADE_SIDE, ADE_SIDE), interpolation=cv2.INTER_LINEAR)
        return softmax(run(square[None].astype(np.float32) / 127.5 - 1)[0].transpose(2, 0, 1))

    return look


def views_of(path: Path, classes: ClassTable, threads: int = 1) -> Teacher:
    """Return a network of scores (see `semsig.distill.mentor`), averaged over views of a photo."""
    session = start_session(path, threads, "scores")
    names = session.get_modelmeta().custom_metadata_map[CLASSES].splitlines()
    if names != list(classes.names):
        raise SystemExit(f"{path} has {len(names)} classes, other than the labels'.")

    def look(photo: NDArray[np.uint8]) -> Probabilities:
        found = [_view(session, photo, side, flip) for side in VIEWS for flip in (False, True)]
        height, width = found[-1].shape[1:]
        return np.mean([resized(one, (height, width)) for one in found], 0, np.float32)

    return look


def softmax(scores: NDArray[np.float32]) -> Probabilities:
    """Return probabilities over the first axis."""
    powers = np.exp(scores - scores.max(0))
    return np.asarray(powers / powers.sum(0), np.float32)


def resized(maps: Probabilities, size: tuple[int, int]) -> Probabilities:
    """Resize maps (M, h, w) to another (height, width), bilinearly."""
    height, width = size
    return np.stack([cv2.resize(one, (width, height)) for one in maps])


def _view(session: Any, photo: NDArray[np.uint8], side: int, flip: bool) -> Probabilities:
    height, width = network_size((photo.shape[0], photo.shape[1]), side)
    view = cv2.resize(photo, (width, height))
    batch = np.ascontiguousarray(view[None, :, ::-1] if flip else view[None])
    likely = softmax(run_session(session, "The network", None, batch)[0][0])
    return likely[:, :, ::-1] if flip else likely


def _without_last(path: Path) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.interpreter import Interpreter

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(path.read_bytes(), 0))
    graph = model.subgraphs[0]
    graph.outputs = graph.operators.pop().inputs[:1]
    model.signatureDefs = None  # they name the removed output
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    network = Interpreter(model_content=bytes(builder.Output()), num_threads=1)
    network.allocate_tensors()
    (taken,), (given,) = network.get_input_details(), network.get_output_details()

    def run(images: NDArray[np.float32]) -> NDArray[np.float32]:
        network.set_tensor(taken["index"], images)
        network.invoke()
        return np.asarray(network.get_tensor(given["index"]))

    return run
