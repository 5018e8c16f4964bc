"""The quantised forms in which the catalogue has some models."""

import sys
from pathlib import Path

import numpy as np
from onnx import helper, numpy_helper

TOOLS = Path(__file__).resolve().parents[2] / "tools"
sys.path.append(str(TOOLS))
from quantize import quantize as dynamic  # noqa: E402


def form_of(graph):
    """What the name of a graph's file promises."""
    if "quantized" in graph:
        return dynamic
    if "optimized" in graph or "_q4" in graph:
        return static
    return lambda model: model


def static(model):
    """Known matrices as 8-bit integers with a scale for each column; what they are multiplied with stays as it is.

    Company moves no vector of such a model.
    """
    graph = model.graph
    weights = {weight.name: weight for weight in graph.initializer}
    known = {node.input[1] for node in graph.node if node.op_type == "MatMul"} & set(weights)
    nodes = []
    for name in sorted(known):
        matrix = numpy_helper.to_array(weights[name])
        scale = (np.abs(matrix).max(axis=0) / 127).astype(np.float32)
        scale[scale == 0] = 1
        graph.initializer.remove(weights[name])
        parts = {f"{name}/quantized": np.rint(matrix / scale).astype(np.int8), f"{name}/scale": scale}
        graph.initializer.extend(numpy_helper.from_array(array, part) for part, array in parts.items())
        nodes.append(helper.make_node("DequantizeLinear", list(parts), [name], name=f"{name}/dequantized", axis=1))
    nodes.extend(graph.node)
    del graph.node[:]
    graph.node.extend(nodes)
    return model
