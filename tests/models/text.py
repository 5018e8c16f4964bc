"""Text towers: token ids → token vectors, and where the family pools inside its graph, one vector a text."""

from encoder import HIDDEN, first_token, hidden, inputs, mean_of_tokens, project
from graph import FLOAT, Graph, linear, unit_length


def plain(seed, name, encoder, size):
    """BERT, XLM-R, MPNet, Nomic, GTE, Jina, ModernBERT. Output last_hidden_state [batch, sequence, size]."""
    graph = Graph(seed, name)
    project(graph, hidden(graph, encoder), size, "last_hidden_state")
    return graph.model(inputs(encoder), {"last_hidden_state": (FLOAT, ["batch", "sequence", size])})


def with_sentence(seed, name, encoder, size):
    """BAAI/bge-m3 as sentence-transformers are exported.

    Outputs token_embeddings [batch, sequence, size], sentence_embedding [batch, size]: the first token's, of length 1.
    """
    graph = Graph(seed, name)
    tokens = project(graph, hidden(graph, encoder), size, "token_embeddings")
    unit_length(graph, first_token(graph, tokens, "sentence/first"), "sentence_embedding")
    outputs = {
        "token_embeddings": (FLOAT, ["batch", "sequence", size]),
        "sentence_embedding": (FLOAT, ["batch", size]),
    }
    return graph.model(inputs(encoder), outputs)


def gemma(seed, name, encoder, size):
    """EmbeddingGemma.

    Outputs last_hidden_state [batch, sequence, size], sentence_embedding [batch, size]: the mean of the tokens behind
    two further layers and of length 1, so that pooling the first output is not the second.
    """
    graph = Graph(seed, name)
    x = hidden(graph, encoder)
    project(graph, x, size, "last_hidden_state")
    pooled = linear(graph, mean_of_tokens(graph, x, "sentence/mean"), HIDDEN, 2 * HIDDEN, "dense.0", bias=0.05)
    pooled = linear(graph, pooled, 2 * HIDDEN, size, "dense.1", bias=0.05)
    unit_length(graph, pooled, "sentence_embedding")
    outputs = {
        "last_hidden_state": (FLOAT, ["batch", "sequence", size]),
        "sentence_embedding": (FLOAT, ["batch", size]),
    }
    return graph.model(inputs(encoder), outputs)


def clip(seed, name, encoder, size):
    """CLIP's text tower.

    Outputs text_embeds [batch, size], the projection of the first <|endoftext|>, which has the highest id of all, and
    last_hidden_state [batch, sequence, HIDDEN]. As the mask is causal, what stands behind it cannot matter.
    """
    graph = Graph(seed, name)
    x = hidden(graph, encoder)
    graph.add("Identity", [x], "last_hidden_state")
    end = graph.add("ArgMax", ["input_ids"], "end/place", axis=1, keepdims=1)
    end = graph.add("GatherND", [x, end], "end/state", batch_dims=1)
    w = graph.random("text_projection", (HIDDEN, size), HIDDEN**-0.5)
    graph.add("MatMul", [end, w], "text_embeds")
    outputs = {"text_embeds": (FLOAT, ["batch", size]), "last_hidden_state": (FLOAT, ["batch", "sequence", HIDDEN])}
    return graph.model(inputs(encoder), outputs)
