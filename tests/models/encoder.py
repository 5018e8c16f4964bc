"""The encoder of token ids that the text, sparse, rerank and joint models share.

Inputs  input_ids, attention_mask and, where the family has them, token_type_ids: int64 [batch, sequence].
Result  hidden states, float32 [batch, sequence, hidden], and a projection of them to the model's own size.

What an implementation can get wrong moves every vector: padding attends unless the mask forbids it, the second half of
a pair has its own type embedding, each position its own, and CLIP's tokens see only those before them.
"""

from dataclasses import dataclass

import numpy as np
from graph import FLOAT, INT64, LOWEST, SMALL, Size, layer_norm, linear, transformer

# Of all but full-size models, which are cross-encoders, masked language models and image towers.
HIDDEN = SMALL.hidden


@dataclass(frozen=True)
class Encoder:
    """What distinguishes the encoders of the families."""

    vocabulary: int
    # Rows of the position table; 0: sines and cosines of the position, for families that rotate or slope instead.
    positions: int = 512
    # XLM-R and MPNet count from the padding's id on, and padding itself has no place in the count.
    padding: int | None = None
    types: bool = True
    causal: bool = False
    # The caller says each token's position, as exported decoders want it.
    placed: bool = False
    size: Size = SMALL


def inputs(encoder):
    shape = (INT64, ["batch", "sequence"])
    names = ["input_ids", "attention_mask"]
    names += ["token_type_ids"] * encoder.types + ["position_ids"] * encoder.placed
    return {name: shape for name in names}


def hidden(graph, encoder):
    """The name of the hidden states, float32 [batch, sequence, hidden]."""
    size = encoder.size.hidden
    words = graph.random("embeddings.word", (encoder.vocabulary, size), 1.0)
    x = graph.add("Gather", [words, "input_ids"], "embed/words")
    x = graph.add("Add", [x, places(graph, encoder)], "embed/placed")
    if encoder.types:
        types = graph.random("embeddings.type", (2, size), 0.3)
        types = graph.add("Gather", [types, "token_type_ids"], "embed/types")
        x = graph.add("Add", [x, types], "embed/typed")
    x = layer_norm(graph, x, size, "embeddings.norm")
    return transformer(graph, x, encoder.size, score_bias(graph, encoder))


def project(graph, x, size, output):
    """[…, HIDDEN] → […, size] of unit deviation, under this name."""
    return layer_norm(graph, linear(graph, x, HIDDEN, size, f"{output}.project"), size, f"{output}.norm", output)


def first_token(graph, x, output):
    """[batch, sequence, n] → [batch, n]."""
    return graph.add("Gather", [x, graph.constant("zero", 0)], output, axis=1)


def mean_of_tokens(graph, x, output):
    """[batch, sequence, n] → [batch, n], over what the attention mask counts."""
    mask = graph.add("Cast", ["attention_mask"], f"{output}/mask", to=FLOAT)
    mask = graph.add("Unsqueeze", [mask, graph.constant("last_axis", [2])], f"{output}/weights")
    axis = graph.constant("tokens_axis", [1])
    counted = graph.add("Mul", [x, mask], f"{output}/counted")
    total = graph.add("ReduceSum", [counted, axis], f"{output}/total", keepdims=0)
    count = graph.add("ReduceSum", [mask, axis], f"{output}/count", keepdims=0)
    return graph.add("Div", [total, count], output)


def places(graph, encoder):
    """What each position adds: [sequence, hidden], or [batch, sequence, hidden] where padding is not counted."""
    if not encoder.positions:
        return waves(graph, encoder.size.hidden // 2)
    table = graph.random("embeddings.position", (encoder.positions, encoder.size.hidden), 0.4)
    if encoder.placed:
        return graph.add("Gather", [table, "position_ids"], "embed/positions")
    if encoder.padding is None:
        zero = graph.constant("zero_index", [0])
        return graph.add("Slice", [table, zero, length(graph), zero], "embed/positions")
    padding = graph.constant("padding", encoder.padding)
    real = graph.add("Equal", ["input_ids", padding], "embed/padding")
    real = graph.add("Cast", [graph.add("Not", [real], "embed/real")], "embed/counted", to=INT64)
    count = graph.add("CumSum", [real, graph.constant("one_axis", 1)], "embed/count")
    count = graph.add("Add", [graph.add("Mul", [count, real], "embed/count/real"), padding], "embed/places")
    return graph.add("Gather", [table, count], "embed/positions")


def waves(graph, half):
    """[sequence, 2 × half]: sines and cosines of wavelengths from 6 to some ten thousand tokens."""
    frequencies = (10_000.0 ** (-np.arange(half) / half)).reshape(1, half)
    place = graph.add("Cast", [order(graph)], "embed/place", to=FLOAT)
    place = graph.add("Unsqueeze", [place, graph.constant("one_index", [1])], "embed/place/column")
    angle = graph.add("Mul", [place, graph.constant("frequencies", frequencies, np.float32)], "embed/angle")
    both = [graph.add("Sin", [angle], "embed/sine"), graph.add("Cos", [angle], "embed/cosine")]
    x = graph.add("Concat", both, "embed/waves", axis=-1)
    return graph.add("Mul", [x, graph.constant("height", 0.4, np.float32)], "embed/positions")


def length(graph):
    """[1]: the number of tokens, padding included."""
    if "embed/length" not in graph.known:
        graph.known.add("embed/length")
        graph.add("Shape", ["input_ids"], "embed/length", start=1, end=2)
    return "embed/length"


def order(graph):
    """[sequence]: 0, 1, 2, …"""
    if "embed/order" not in graph.known:
        graph.known.add("embed/order")
        end = graph.add("Squeeze", [length(graph)], "embed/end")
        graph.add("Range", [graph.constant("zero", 0), end, graph.constant("one_step", 1)], "embed/order")
    return "embed/order"


def score_bias(graph, encoder):
    """0 where a token may attend and the lowest float where not: softmax then gives exactly 0."""
    axes = graph.constant("mask_axes", [1, 2])
    mask = graph.add("Unsqueeze", ["attention_mask", axes], "mask/unsqueezed")
    mask = graph.add("Cast", [mask], "mask/float", to=FLOAT)
    bias = graph.add("Sub", [graph.constant("one", 1, np.float32), mask], "mask/inverted")
    if encoder.causal:
        column = graph.add("Unsqueeze", [order(graph), graph.constant("one_index", [1])], "mask/column")
        later = graph.add("Less", [column, order(graph)], "mask/later")
        later = graph.add("Cast", [later], "mask/later/float", to=FLOAT)
        bias = graph.add("Max", [bias, later], "mask/both")
    return graph.add("Mul", [bias, graph.constant("lowest", LOWEST, np.float32)], "mask/bias")
