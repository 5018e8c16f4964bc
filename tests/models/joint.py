"""BGE-M3 with its three heads."""

from encoder import HIDDEN, first_token, hidden, inputs, project
from graph import FLOAT, Graph, linear, unit_length

BEYOND = 2**62


def bge_m3(seed, name, encoder, size):
    """Outputs, in this order, since fastembed reads them by it:

    dense_vecs    [batch, size], the first token's, of length 1
    sparse_vecs   [batch, sequence, 1], not below zero
    colbert_vecs  [batch, sequence - 1, size], without the first token, each of length 1
    """
    graph = Graph(seed, name)
    x = project(graph, hidden(graph, encoder), size, "tokens")
    unit_length(graph, first_token(graph, x, "dense/first"), "dense_vecs")
    graph.add("Relu", [linear(graph, x, size, 1, "sparse_linear", gain=0.5)], "sparse_vecs")
    one, end = graph.constant("one_index", [1]), graph.constant("beyond", [BEYOND])
    rest = graph.add("Slice", [x, one, end, one], "colbert/rest")
    narrow = linear(graph, rest, size, HIDDEN, "colbert.narrow")
    unit_length(graph, linear(graph, narrow, HIDDEN, size, "colbert.wide"), "colbert_vecs")
    outputs = {
        "dense_vecs": (FLOAT, ["batch", size]),
        "sparse_vecs": (FLOAT, ["batch", "sequence", 1]),
        "colbert_vecs": (FLOAT, ["batch", "shorter_sequence", size]),
    }
    return graph.model(inputs(encoder), outputs)
