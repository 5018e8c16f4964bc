"""Cross-encoders: a pair of texts in one sequence → one score."""

from encoder import HIDDEN, first_token, hidden, inputs
from graph import FLOAT, Graph, linear


def cross_encoder(seed, name, encoder):
    """Output logits [batch, 1]: of the first token, behind a dense layer and tanh, as BERT and XLM-R classify."""
    graph = Graph(seed, name)
    x = first_token(graph, hidden(graph, encoder), "head/first")
    x = graph.add("Tanh", [linear(graph, x, HIDDEN, HIDDEN, "classifier.dense", gain=1.5)], "head/tanh")
    x = linear(graph, x, HIDDEN, 1, "classifier.out", gain=4.0)
    graph.add("Identity", [x], "logits")
    return graph.model(inputs(encoder), {"logits": (FLOAT, ["batch", 1])})
