"""Cross-encoders: a pair of texts in one sequence → one score."""

from encoder import first_token, hidden, inputs
from graph import FLOAT, Graph, linear


def cross_encoder(seed, name, encoder):
    """Output logits [batch, 1]: of the first token, behind a dense layer and tanh, as BERT and XLM-R classify."""
    graph, size = Graph(seed, name), encoder.size.hidden
    x = first_token(graph, hidden(graph, encoder), "head/first")
    x = graph.add("Tanh", [linear(graph, x, size, size, "classifier.dense", gain=1.5)], "head/tanh")
    x = linear(graph, x, size, 1, "classifier.out", gain=4.0)
    graph.add("Identity", [x], "logits")
    return graph.model(inputs(encoder), {"logits": (FLOAT, ["batch", 1])})
