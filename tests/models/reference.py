"""What each kind's result should be: a model's files, run by ONNX Runtime and Hugging Face's tokenizers, and finished
here by the published formulas, one input at a time, so that no padding and no company takes part.

It shares no code with the worker and none with fastembed. Where fastembed and the model's own authors differ, this
follows the authors; each such place says so.
"""

import json
import subprocess
from functools import cache, cached_property
from pathlib import Path

import families
import layout
import numpy as np
import onnxruntime
import preprocess
from safetensors.numpy import load_file
from tokenizers import Tokenizer

ROOT = Path(__file__).resolve().parents[2]
# XLM-R's <s>, <pad>, </s>, <unk>: no words, so no weights (FlagEmbedding, BGEM3FlagModel, _process_token_weights).
NOT_WORDS = {0, 1, 2, 3}


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def csr(rows):
    """Rows of {token id: weight} as indices, values and offsets, ids rising in each row."""
    rows = [sorted(row.items()) for row in rows]
    offsets = np.cumsum([0, *map(len, rows)])
    flat = [pair for row in rows for pair in row]
    return [int(i) for i, _ in flat], np.array([w for _, w in flat], np.float32), [int(n) for n in offsets]


class Model:
    """One entry of the catalogue, out of a hub cache."""

    def __init__(self, hub, entry):
        self.entry = entry
        self.folder = layout.snapshot(hub, entry["repository"])
        self.session = session(self.folder / entry["graph"])
        self.outputs = [output.name for output in self.session.get_outputs()]
        self.inputs = [each.name for each in self.session.get_inputs()]

    @cached_property
    def tokenizer(self):
        tokenizer = Tokenizer.from_file(str(self.folder / "tokenizer.json"))
        tokenizer.enable_truncation(families.max_length_of(self.entry), strategy="longest_first")
        tokenizer.no_padding()
        return tokenizer

    def run(self, encoding):
        """Named outputs for one encoding, with the batch of one still there."""
        fields = {
            "input_ids": encoding.ids,
            "attention_mask": encoding.attention_mask,
            "token_type_ids": encoding.type_ids,
            "position_ids": range(len(encoding.ids)),
        }
        feed = {name: np.array([fields[name]], np.int64) for name in self.inputs}
        return dict(zip(self.outputs, self.session.run(None, feed)))

    def text(self, texts):
        """float32 [texts, dimensions], of length 1."""
        return unit(np.stack([self.pooled(self.run(self.tokenizer.encode(text))) for text in texts]))

    def pooled(self, outputs):
        # A sentence_embedding is the model's own pooling. fastembed prefers last_hidden_state where both are there,
        # but for the entries that name sentence_embedding, which are all of its catalogue that have both.
        for name in ("text_embeds", "sentence_embedding", *outputs):
            if name in outputs:
                break
        value = outputs[name][0]
        if value.ndim == 1:
            return value
        pooling = families.pooling_of(self.entry)
        return {"cls": value[0], "mean": value.mean(axis=0), "last": value[-1]}[pooling.partition("_")[0]]

    def tokens(self, texts):
        """Tokens of each text, special ones included, after truncation."""
        return [len(self.tokenizer.encode(text).ids) for text in texts]

    def sparse(self, texts):
        """A row {token id: weight} for each text, as a document."""
        family = families.name_of(self.entry)
        rows = []
        for text in texts:
            encoding = self.tokenizer.encode(text)
            outputs = self.run(encoding)
            if family == "bge-m3":
                weights = outputs[self.outputs[0]][0] @ sparse_linear()["weight"].ravel() + sparse_linear()["bias"]
                rows.append(largest(encoding.ids, weights))
                continue
            # SPLADE (arXiv:2109.10086): log(1 + relu(x)) of each logit, then the maximum over the tokens.
            weights = np.log1p(np.maximum(outputs[self.outputs[0]][0], 0)).max(axis=0)
            special = set()
            if family == "inference-free":
                # opensearch-neural-sparse-encoding-doc-v3: a second log1p, and no special tokens.
                weights, special = np.log1p(weights), self.special
            rows.append({int(i): float(weights[i]) for i in np.flatnonzero(weights > 0) if i not in special})
        return rows

    def sparse_queries(self, texts):
        """The inference-free side: the table's weight of each word that occurs, once, whatever its number."""
        table = json.loads((self.folder / "idf.json").read_text())
        known = {self.tokenizer.token_to_id(token): weight for token, weight in table.items()}
        known.pop(None, None)
        ids = (set(self.tokenizer.encode(text).ids) - self.special for text in texts)
        return [{i: known[i] for i in row if i in known} for row in ids]

    @cached_property
    def special(self):
        return {i for i, token in self.tokenizer.get_added_tokens_decoder().items() if token.special}

    def rerank(self, pairs):
        """Raw logits, float32 [pairs]. A pair too long loses tokens from its longer side, one by one."""
        encodings = (self.tokenizer.encode(query, document) for query, document in pairs)
        return np.array([self.run(encoding)["logits"][0, 0] for encoding in encodings], np.float32)

    def joint(self, texts):
        """dense [texts, size]; sparse rows; colbert: for each text [tokens - 1, size], without the first token."""
        dense, rows, colbert = [], [], []
        for text in texts:
            encoding = self.tokenizer.encode(text)
            outputs = self.run(encoding)
            dense.append(outputs["dense_vecs"][0])
            rows.append(largest(encoding.ids, outputs["sparse_vecs"][0, :, 0]))
            colbert.append(outputs["colbert_vecs"][0])
        return np.stack(dense), rows, colbert

    def pixels(self, content):
        """The image in these bytes as the model wants it: float32 [3, height, width]."""
        about = json.loads((self.folder / "preprocessor_config.json").read_text())
        return preprocess.pixels(content, about)

    def image(self, contents):
        """float32 [images, dimensions], of length 1."""
        rows = []
        for content in contents:
            outputs = dict(zip(self.outputs, self.session.run(None, {self.inputs[0]: self.pixels(content)[None]})))
            value = outputs.get("image_embeds", outputs[self.outputs[0]])[0]
            rows.append(value if value.ndim == 1 else value[0])
        return unit(np.stack(rows))


def largest(ids, weights):
    """The largest weight above zero of each word."""
    row = {}
    for i, weight in zip(ids, weights):
        if i not in NOT_WORDS and weight > 0:
            row[int(i)] = max(row.get(int(i), 0.0), float(weight))
    return row


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits.astype(np.float64)))


@cache
def sparse_linear():
    """BGE-M3's head for sparse weights: weight [1, 1024], bias [1].

    The published one. It is in no file that the catalogue names: fastembed carries it in its source, from
    sparse_linear.pt of BAAI/bge-m3.
    """
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    about = json.loads(subprocess.check_output(command, cwd=ROOT))
    (manifest,) = (p["manifest_path"] for p in about["packages"] if p["name"] == "fastembed")
    return load_file(Path(manifest).parent / "src/sparse_text_embedding/weights/sparse_linear.safetensors")
