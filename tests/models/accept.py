"""A generated model is worth testing with only if different inputs give different results.

Rule: over twenty different inputs the median cosine of all pairs of vectors is below 0.9; for rerankers the scores
(sigmoid) spread by more than 0.1 from their lower to their upper quartile. A degenerate model passes every test of
company, order and tolerance, whatever is broken.
"""

import images
import numpy as np
import words
from reference import Model, sigmoid

LARGEST_COSINE = 0.9
LEAST_SPREAD = 0.1


class Degenerate(Exception):
    """A model that tells its inputs too little apart."""


def median_cosine(vectors):
    """Of all pairs of rows of [rows, size]."""
    rows = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    above = np.triu_indices(len(rows), 1)
    return float(np.median((rows @ rows.T)[above]))


def spread(scores):
    low, high = np.percentile(scores, [25, 75])
    return float(high - low)


def dense(rows):
    """Rows {id: weight} as [rows, ids that occur]; a row of nothing is like another such and like no other."""
    nothing = {-1: 1.0}
    rows = [row or nothing for row in rows]
    columns = {i: n for n, i in enumerate(sorted({i for row in rows for i in row}))}
    out = np.zeros((len(rows), len(columns)), np.float32)
    for row, values in zip(out, rows):
        for i, weight in values.items():
            row[columns[i]] = weight
    return out


def vectors_of(model):
    """What the entry gives for twenty inputs: name → [20, size]."""
    op = model.entry["op"]
    if op == "image":
        return {"image": model.image(images.different(0))}
    if op == "sparse":
        return {"sparse": dense(model.sparse(words.TEXTS))}
    if op == "joint":
        vectors, rows, colbert = model.joint(words.TEXTS)
        return {"dense": vectors, "sparse": dense(rows), "colbert": np.stack([each.mean(axis=0) for each in colbert])}
    return {"text": model.text(words.TEXTS)}


def measure(hub, entry):
    """result → number: median cosines, or for a reranker the spread."""
    model = Model(hub, entry)
    if entry["op"] == "rerank":
        return {"spread": spread(sigmoid(model.rerank(words.pairs())))}
    return {name: median_cosine(rows) for name, rows in vectors_of(model).items()}


def check(hub, entry):
    """The measured numbers; raises Degenerate where they miss the rule."""
    measured = measure(hub, entry)
    for name, number in measured.items():
        # Written so that a NaN is refused.
        good = number > LEAST_SPREAD if name == "spread" else number < LARGEST_COSINE
        if not good:
            raise Degenerate(f"{entry['op']} {entry['name']}: {name} {number:.3f}")
    return measured
