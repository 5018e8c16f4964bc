"""Sparse models: a masked-language-model head over the vocabulary."""

from encoder import hidden, inputs
from graph import FLOAT, Graph, layer_norm, linear

# What the two real models have (bert-base-uncased). The small tokenizers know far fewer tokens, which stand at its
# beginning; the logits have the true width, since memory is what makes this kind hard.
VOCABULARY = 30_522
# Between the hidden states and the vocabulary, so that the table stays below two megabytes.
NARROW = 16
# So many deviations below zero lie the logits: some hundred of 30,522 are above it in a short text, as in SPLADE.
THRESHOLD = 2.9


def masked_language_model(seed, name, encoder, output, narrow=NARROW):
    """Output [batch, sequence, VOCABULARY]; mostly negative."""
    graph = Graph(seed, name)
    x = linear(graph, hidden(graph, encoder), encoder.size.hidden, narrow, "head.narrow", gain=1.5)
    x = layer_norm(graph, x, narrow, "head.norm")
    table = graph.random("head.vocabulary", (narrow, VOCABULARY), 2 * narrow**-0.5)
    bias = graph.random("head.bias", (VOCABULARY,), 0.2, around=-2 * THRESHOLD)
    graph.add("Add", [graph.add("MatMul", [x, table], "head/product"), bias], output)
    return graph.model(inputs(encoder), {output: (FLOAT, ["batch", "sequence", VOCABULARY])})
