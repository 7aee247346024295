"""Add the feature map to the outputs of a network's file, and change nothing else in it.

    python -m scripts.add_feature_map NETWORK.onnx [...]

The tensor that is pooled for the output ``features`` gets a name and becomes the output
``feature_map``, float32 (N, C, h, w). No node is added, moved or removed, so labels and pooled
features stay bit-identical, which is checked on noise before the file is replaced. The card's
``answers_as`` keeps the hash of the earlier file, so that indexes made with it stay valid. Needs
``onnx``.
"""

from __future__ import annotations

import hashlib
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from semsig.durable import write_file
from semsig.segment.card import NetworkCard

OUTPUT = "feature_map"
OLD = ["labels", "features"]


def pooled_tensor(graph: onnx.GraphProto) -> str:
    """Return the name of the tensor (N, C, h, w) that all three poolings start from."""
    maker = {output: node for node in graph.node for output in node.output}
    mean = maker[maker[maker["features"].input[0]].input[0]]
    flat = maker[mean.input[0]]
    if (mean.op_type, flat.op_type) != ("ReduceMean", "Reshape"):
        raise SystemExit(f"Expected a mean of a reshaped map, got {mean.op_type}, {flat.op_type}.")
    return str(flat.input[0])


def named(model: onnx.ModelProto) -> bytes:
    """Return the model's file with the feature map as its third output."""
    graph = model.graph
    inner = pooled_tensor(graph)
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [OUTPUT if name == inner else name for name in names]
    sizes = ["n", None, "fh", "fw"]
    graph.output.append(onnx.helper.make_tensor_value_info(OUTPUT, onnx.TensorProto.FLOAT, sizes))
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


def check(before: bytes, after: bytes) -> None:
    """Compare the outputs of both files bit by bit, and the map's mean with the pooled mean."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    old, new = (
        onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        for content in (before, after)
    )
    for seed, shape in enumerate([(1, 192, 288, 3), (2, 224, 192, 3), (1, 64, 64, 3)]):
        photos = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
        expected = old.run(OLD, {"photos": photos})
        for asked in (OLD, [*OLD, OUTPUT]):
            got = new.run(asked, {"photos": photos})
            if not all(map(np.array_equal, expected, got)):
                raise SystemExit(f"Answers differ at {shape} where {asked} are asked for.")
        np.testing.assert_allclose(got[2].mean((2, 3)), got[1][:, 0], rtol=1e-4, atol=1e-6)


def main(*paths: str) -> None:
    """Change each file and its card."""
    for path in map(Path, paths):
        card, before = NetworkCard.read(path), path.read_bytes()
        model = onnx.load_from_string(before)
        if OUTPUT in {output.name for output in model.graph.output}:
            sys.stdout.write(f"{path} gives its feature map already\n")
            continue
        after = named(model)
        check(before, after)
        digest = hashlib.sha256(after).hexdigest()
        write_file(path, after)
        replace(card, sha256=digest, answers_as=card.answers_as or card.sha256).write(path)
        sys.stdout.write(f"{path}: {card.sha256[:16]} -> {digest[:16]}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
