"""An ONNX graph with seeded weights, and the layers that the small models are made of.

A weight depends on the seed, the graph's name and its own name, and on nothing else: not on the order in which layers
are added, not on the machine. Legacy `RandomState` is used because its stream is frozen (NumPy's NEP 19), and only
`random_sample` of it, which is exact arithmetic on bits: the same seed gives the same bytes everywhere.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# LayerNormalization appears in opset 17. IR 8 is the one that came with it, and older runtimes read it.
OPSET = 17
IR_VERSION = 8
EPSILON = 1e-6
LOWEST = np.finfo(np.float32).min


@dataclass(frozen=True)
class Size:
    """How large a transformer is. `wide` is what its feed-forward widens to."""

    hidden: int
    heads: int
    layers: int
    wide: int


# What tests run; full_size.py has others.
SMALL = Size(32, 4, 2, 64)


def uniform(seed, name, shape, deviation):
    """float32 of `shape`, uniform around zero with this standard deviation."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    state = np.random.RandomState(np.frombuffer(digest[:16], "<u4"))
    return ((2 * state.random_sample(shape) - 1) * (np.sqrt(3) * deviation)).astype(np.float32)


class Graph:
    """Nodes and weights in the order in which they are added, which makes the bytes repeatable."""

    def __init__(self, seed, name):
        self.seed, self.name = seed, name
        self.nodes, self.weights, self.known = [], [], set()

    def add(self, op, inputs, output, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output

    def constant(self, name, value, dtype=np.int64):
        """A fixed tensor; asking for the same one again gives the one that is there."""
        if name not in self.known:
            self.known.add(name)
            self.weights.append(numpy_helper.from_array(np.array(value, dtype), name))
        return name

    def random(self, name, shape, deviation, around=0.0):
        """Weights of `shape`, uniform with this deviation."""
        return self.constant(name, uniform(self.seed, f"{self.name}/{name}", shape, deviation) + around, np.float32)

    def model(self, inputs, outputs):
        """The graph as a model. `inputs` and `outputs`: name → (element type, shape); strings are free dimensions."""
        values = [
            [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in each.items()]
            for each in (inputs, outputs)
        ]
        body = helper.make_graph(self.nodes, self.name, *values, self.weights)
        opsets = [helper.make_opsetid("", OPSET)]
        about = {"producer_name": "fastembed-nats-tests", "ir_version": IR_VERSION, "opset_imports": opsets}
        made = helper.make_model(body, **about)
        onnx.checker.check_model(made, full_check=True)
        return made


def linear(graph, x, inner, outer, at, gain=1.0, bias=0.03):
    """[…, inner] → […, outer]. With gain 1 an input of unit deviation gives an output of unit deviation."""
    w = graph.random(f"{at}.weight", (inner, outer), gain / np.sqrt(inner))
    b = graph.random(f"{at}.bias", (outer,), bias)
    return graph.add("Add", [graph.add("MatMul", [x, w], f"{at}/product"), b], f"{at}/sum")


def layer_norm(graph, x, size, at, output=None):
    """[…, size] → the same, of unit deviation, then scaled and shifted."""
    scale = graph.random(f"{at}.weight", (size,), 0.2, around=1.0)
    bias = graph.random(f"{at}.bias", (size,), 0.03)
    return graph.add("LayerNormalization", [x, scale, bias], output or f"{at}/norm", axis=-1, epsilon=EPSILON)


def unit_length(graph, x, output):
    """[…, size] → the same, of Euclidean length 1 along the last axis."""
    return graph.add("LpNormalization", [x], output, axis=-1, p=2)


def gelu(graph, x, at):
    """The exact form, by erf."""
    y = graph.add("Div", [x, graph.constant("sqrt_two", np.sqrt(2), np.float32)], f"{at}/div")
    y = graph.add("Add", [graph.add("Erf", [y], f"{at}/erf"), graph.constant("one", 1, np.float32)], f"{at}/add")
    y = graph.add("Mul", [x, y], f"{at}/mul")
    return graph.add("Mul", [y, graph.constant("half", 0.5, np.float32)], f"{at}/gelu")


def attention(graph, x, size, heads, at, bias=None):
    """[batch, sequence, size] → the same. `bias` joins the scores, [batch, heads, sequence, sequence].

    Scores have a deviation of about 3, and what is mixed outweighs what was there: so the mask, the order and each
    token matter.
    """
    split = graph.constant("split_heads", [0, 0, heads, size // heads])

    def part(name, gain, order):
        y = linear(graph, x, size, size, f"{at}.{name}", gain)
        y = graph.add("Reshape", [y, split], f"{at}.{name}/split")
        return graph.add("Transpose", [y], f"{at}.{name}/heads", perm=order)

    query, key = part("query", 1.8, [0, 2, 1, 3]), part("key", 1.8, [0, 2, 3, 1])
    value = part("value", 3.2, [0, 2, 1, 3])
    scores = graph.add("MatMul", [query, key], f"{at}/scores")
    scale = graph.constant("head_scale", np.sqrt(size // heads), np.float32)
    scores = graph.add("Div", [scores, scale], f"{at}/scaled")
    if bias is not None:
        scores = graph.add("Add", [scores, bias], f"{at}/biased")
    shares = graph.add("Softmax", [scores], f"{at}/shares", axis=-1)
    mixed = graph.add("MatMul", [shares, value], f"{at}/mixed")
    mixed = graph.add("Transpose", [mixed], f"{at}/mixed/transposed", perm=[0, 2, 1, 3])
    mixed = graph.add("Reshape", [mixed, graph.constant("join_heads", [0, 0, size])], f"{at}/mixed/joined")
    return linear(graph, mixed, size, size, f"{at}.output", 3.2)


def transformer(graph, x, size, bias=None):
    """Layers of attention and feed-forward, each followed by its residual sum and a LayerNorm."""
    hidden, wide = size.hidden, size.wide
    for i in range(size.layers):
        at = f"layer.{i}"
        y = attention(graph, x, hidden, size.heads, f"{at}.attention", bias)
        x = layer_norm(graph, graph.add("Add", [x, y], f"{at}/attended"), hidden, f"{at}.attention.norm")
        y = gelu(graph, linear(graph, x, hidden, wide, f"{at}.wide"), f"{at}.wide")
        y = linear(graph, y, wide, hidden, f"{at}.narrow", gain=0.5)
        x = layer_norm(graph, graph.add("Add", [x, y], f"{at}/fed"), hidden, f"{at}.norm")
    return x


INT64, FLOAT = TensorProto.INT64, TensorProto.FLOAT
