"""Writes the all-MiniLM-L6-v2 encoder as one ONNX file.

usage: export_minilm.py <model.safetensors> <model.onnx>

The graph is the plain BERT encoder in the order of the paper (arXiv:1810.04805): embeddings, then six
layers of attention and feed-forward, each followed by a residual sum and a LayerNorm. It is kept plain on
purpose: ONNX Runtime fuses it when it loads it, and a graph fused beforehand measured slower.

Inputs  input_ids, attention_mask, token_type_ids: int64 [batch, sequence], sequence up to 512.
Output  last_hidden_state: float32 [batch, sequence, 384]. Pooling is the caller's.

The same weights and package versions give the same bytes.
"""

import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file

LAYERS = 6
HEADS = 12
HIDDEN = 384
HEAD_SIZE = HIDDEN // HEADS
EPSILON = 1e-12
# LayerNormalization appears in opset 17. IR 8 is the one that came with it, and older runtimes read it.
OPSET = 17
IR_VERSION = 8


class Graph:
    """Nodes and weights in the order in which they are added, which makes the bytes repeatable."""

    def __init__(self):
        self.nodes = []
        self.weights = []

    def add(self, op, inputs, output, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output

    def weight(self, name, array):
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name


def build(tensors):
    graph = Graph()
    add, weight = graph.add, graph.weight

    def linear(x, source, output):
        # The checkpoint stores [out, in]; MatMul wants [in, out].
        w = weight(f"{source}.weight", tensors[f"{source}.weight"].T)
        b = weight(f"{source}.bias", tensors[f"{source}.bias"])
        return add("Add", [add("MatMul", [x, w], f"{output}/matmul"), b], output)

    def layer_norm(x, source, output):
        scale = weight(f"{source}.weight", tensors[f"{source}.weight"])
        bias = weight(f"{source}.bias", tensors[f"{source}.bias"])
        return add("LayerNormalization", [x, scale, bias], output, axis=-1, epsilon=EPSILON)

    def embeddings():
        def table(kind):
            name = f"embeddings.{kind}_embeddings.weight"
            return weight(name, tensors[name])

        words = add("Gather", [table("word"), "input_ids"], "embed/words")
        types = add("Gather", [table("token_type"), "token_type_ids"], "embed/types")
        length = add("Shape", ["input_ids"], "embed/length", start=1, end=2)
        start = weight("zero_index", np.array([0], np.int64))
        positions = add("Slice", [table("position"), start, length, start], "embed/positions")
        total = add("Add", [add("Add", [words, types], "embed/sum"), positions], "embed/total")
        return layer_norm(total, "embeddings.LayerNorm", "embed/norm")

    def mask_bias():
        # 0 where a token counts and the lowest float where it is padding: softmax then gives exactly 0.
        axes = weight("mask_axes", np.array([1, 2], np.int64))
        mask = add("Unsqueeze", ["attention_mask", axes], "mask/unsqueezed")
        mask = add("Cast", [mask], "mask/float", to=TensorProto.FLOAT)
        mask = add("Sub", [weight("one", np.float32(1)), mask], "mask/inverted")
        return add("Mul", [mask, weight("lowest", np.finfo(np.float32).min)], "mask/bias")

    def attention(x, source, at):
        def heads(name, permutation):
            y = linear(x, f"{source}.self.{name}", f"{at}/{name}")
            y = add("Reshape", [y, "split_heads"], f"{at}/{name}/split")
            return add("Transpose", [y], f"{at}/{name}/heads", perm=permutation)

        query, value = heads("query", [0, 2, 1, 3]), heads("value", [0, 2, 1, 3])
        key = heads("key", [0, 2, 3, 1])
        scores = add("MatMul", [query, key], f"{at}/scores")
        scores = add("Div", [scores, "head_scale"], f"{at}/scaled")
        scores = add("Add", [scores, mask], f"{at}/masked")
        shares = add("Softmax", [scores], f"{at}/softmax", axis=-1)
        mixed = add("MatMul", [shares, value], f"{at}/mixed")
        mixed = add("Transpose", [mixed], f"{at}/mixed/transposed", perm=[0, 2, 1, 3])
        mixed = add("Reshape", [mixed, "join_heads"], f"{at}/mixed/joined")
        return linear(mixed, f"{source}.output.dense", f"{at}/output")

    def gelu(x, at):
        # The exact form, by erf, not the tanh approximation: it is what the model was trained with.
        y = add("Erf", [add("Div", [x, "sqrt_two"], f"{at}/div")], f"{at}/erf")
        y = add("Mul", [x, add("Add", [y, "one"], f"{at}/add")], f"{at}/mul")
        return add("Mul", [y, "half"], f"{at}/gelu")

    x = embeddings()
    mask = mask_bias()
    weight("split_heads", np.array([0, 0, HEADS, HEAD_SIZE], np.int64))
    weight("join_heads", np.array([0, 0, HIDDEN], np.int64))
    weight("head_scale", np.float32(np.sqrt(HEAD_SIZE)))
    weight("sqrt_two", np.float32(np.sqrt(2)))
    weight("half", np.float32(0.5))
    for i in range(LAYERS):
        source, at = f"encoder.layer.{i}", f"layer{i}"
        y = attention(x, f"{source}.attention", f"{at}/attention")
        y = add("Add", [y, x], f"{at}/attention/residual")
        x = layer_norm(y, f"{source}.attention.output.LayerNorm", f"{at}/attention/norm")
        y = gelu(linear(x, f"{source}.intermediate.dense", f"{at}/wide"), at)
        y = add("Add", [linear(y, f"{source}.output.dense", f"{at}/narrow"), x], f"{at}/residual")
        last = i == LAYERS - 1
        x = layer_norm(y, f"{source}.output.LayerNorm", "last_hidden_state" if last else f"{at}/norm")

    def tensor(name, kind, *shape):
        return helper.make_tensor_value_info(name, kind, ["batch", "sequence", *shape])

    inputs = [tensor(n, TensorProto.INT64) for n in ("input_ids", "attention_mask", "token_type_ids")]
    outputs = [tensor("last_hidden_state", TensorProto.FLOAT, HIDDEN)]
    body = helper.make_graph(graph.nodes, "all-MiniLM-L6-v2", inputs, outputs, graph.weights)
    return helper.make_model(
        body,
        producer_name="fastembed-nats",
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET)],
    )


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    model = build(load_file(sys.argv[1]))
    onnx.checker.check_model(model, full_check=True)
    with open(sys.argv[2], "wb") as out:
        out.write(model.SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
