"""A mentor that knows bright from dark."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from semsig.distill.mentor import CLASSES


def write_mentor(path, classes, maps=1):
    """Write an ONNX file that scores brightness, in tenths from the middle, and shows it.

    The score of the last class is (mean of RGB - 128) / 10 at 1/32, of the others 0; with `maps`,
    a feature map of one channel has that mean.
    """
    n, others = len(classes), ["dark"] * (len(classes) - 1)
    floats = {"middle": 128.0, "tenth": 0.1, "none": 0.0}
    kept = [numpy_helper.from_array(np.float32(value), name) for name, value in floats.items()]
    nodes = [
        helper.make_node("Cast", ["photos"], ["rgb"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["rgb"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("ReduceMean", ["planes"], ["gray"], axes=[1]),
        helper.make_node("AveragePool", ["gray"], ["map"], kernel_shape=[32, 32], strides=[32, 32]),
        helper.make_node("Sub", ["map", "middle"], ["above"]),
        helper.make_node("Mul", ["above", "tenth"], ["bright"]),
        helper.make_node("Mul", ["bright", "none"], ["dark"]),
        helper.make_node("Concat", [*others, "bright"], ["scores"], axis=1),
    ]
    photos = helper.make_tensor_value_info("photos", TensorProto.UINT8, ["n", "h", "w", 3])
    outputs = [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", n, "a", "b"])]
    if maps:
        outputs.append(helper.make_tensor_value_info("map", TensorProto.FLOAT, ["n", 1, "a", "b"]))
    graph = helper.make_graph(nodes, "mentor", [photos], outputs, kept)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {CLASSES: "\n".join(classes.names)})
    onnx.save(model, path)
    return path
