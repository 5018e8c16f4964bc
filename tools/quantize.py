"""Writes the dynamically quantised form of an ONNX encoder.

usage: quantize.py <model.onnx> <quantized.onnx>

Every product with a known matrix becomes one of 8-bit integers. The matrix is quantised here, by the largest
absolute value of each column; what it is multiplied with is quantised at run time, by the range of the whole
run (DynamicQuantizeLinear, ONNX operator set 11). So a text's vector depends on what runs beside it, which is
what this model is for: tests and the bench hold the worker to running such texts alone. Lookups, sums and
normalisations stay in single precision.

The same model and package versions give the same bytes.
"""

import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# Seven bits and the sign: processors without VNNI add two products of eight bits into sixteen, and saturate.
LARGEST = 64


def quantize(model):
    graph = model.graph
    weights = {weight.name: weight for weight in graph.initializer}
    nodes, quantised, done = [], {}, set()

    def activations(x):
        if x not in quantised:
            quantised[x] = [f"{x}/{part}" for part in ("quantized", "scale", "zero")]
            nodes.append(helper.make_node("DynamicQuantizeLinear", [x], quantised[x], name=f"{x}/quantize"))
        return quantised[x]

    def columns(name):
        if name not in done:
            matrix = numpy_helper.to_array(weights[name])
            scale = (np.abs(matrix).max(axis=0) / LARGEST).astype(np.float32)
            scale[scale == 0] = 1
            integers = np.rint(matrix / scale).astype(np.int8)
            graph.initializer.remove(weights[name])
            zero = np.zeros(scale.shape, np.int8)
            for suffix, array in (("quantized", integers), ("scale", scale), ("zero", zero)):
                graph.initializer.append(numpy_helper.from_array(array, f"{name}/{suffix}"))
            done.add(name)
        return f"{name}/quantized", f"{name}/scale", f"{name}/zero"

    for node in graph.node:
        is_product = node.op_type == "MatMul" and node.input[1] in weights
        if not is_product:
            nodes.append(node)
            continue
        x, x_scale, x_zero = activations(node.input[0])
        w, w_scale, w_zero = columns(node.input[1])
        y = node.output[0]
        nodes += [
            helper.make_node("MatMulInteger", [x, w, x_zero, w_zero], [f"{y}/integers"], name=f"{y}/product"),
            helper.make_node("Cast", [f"{y}/integers"], [f"{y}/float"], name=f"{y}/cast", to=TensorProto.FLOAT),
            helper.make_node("Mul", [x_scale, w_scale], [f"{y}/scale"], name=f"{y}/scales"),
            helper.make_node("Mul", [f"{y}/float", f"{y}/scale"], [y], name=y),
        ]
    del graph.node[:]
    graph.node.extend(nodes)
    if not done:
        sys.exit("no product with a known matrix")
    return model


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    model = quantize(onnx.load(sys.argv[1]))
    onnx.checker.check_model(model)
    onnx.save(model, sys.argv[2])


if __name__ == "__main__":
    main()
