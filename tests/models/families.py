"""Which family an entry of the catalogue belongs to, and what that family's files are.

An entry is what `fastembed-worker models --json` prints: op, name, repository, graph, files, and where they are known
additional, dimensions, max_length and pooling. An entry may name its `family` itself, as user-defined models in tests do. Families follow fastembed 7.5.0:
where it looks for a name (text_embeds, last_hidden_state, logits, image_embeds, …) or an order, the models here have
it. Which inputs a graph declares stands in no source of fastembed, which asks the graph; those of BERT's relatives are
the usual ones of their exports.
"""

import json
from dataclasses import dataclass

import image
import joint
import rerank
import sparse
import text
import vocabulary
from encoder import Encoder
from graph import uniform

# Positions that a table of BERT's kind has, whatever the catalogue cuts at.
BERT_POSITIONS = 512


@dataclass(frozen=True)
class Family:
    """How a model of this family is made. `head` is a builder of text, sparse, rerank, joint or image."""

    head: object
    tokenizer: str | None = None
    # "table": as long as the model; "placed": the same, by places that are an input; "counted": beyond the padding's
    # id, as XLM-R; "waves": without end.
    positions: str = "table"
    types: bool = False
    causal: bool = False
    # Where the graph does not pool: what the reference does.
    pooling: str = "cls"
    max_length: int = 512
    more: tuple = ()
    # What config.json says, for readers that ask.
    config: str = "bert"

    def encoder(self, words, max_length):
        rows = {"table": max(max_length, 77 if self.causal else BERT_POSITIONS), "waves": 0}
        rows["counted"] = rows["table"] + 2
        rows["placed"] = max(max_length, BERT_POSITIONS)
        padding = words.padding_id if self.positions == "counted" else None
        placed = self.positions == "placed"
        return Encoder(words.size, rows[self.positions], padding, self.types, self.causal, placed)


FAMILIES = {
    "bert": Family(text.plain, "bert", types=True),
    "mpnet": Family(text.plain, "mpnet", "counted", pooling="mean", config="mpnet"),
    # BERT's body under XLM-R's tokenizer: type embeddings that are never anything but 0.
    "bert-multilingual": Family(text.plain, "xlmr", types=True, pooling="mean"),
    "xlmr": Family(text.plain, "xlmr", "counted", pooling="mean", config="xlm-roberta"),
    "nomic": Family(text.plain, "bert", "waves", types=True, pooling="mean", max_length=8192, config="nomic_bert"),
    "gte": Family(text.plain, "bert", "waves", max_length=8192, config="new"),
    "jina": Family(text.plain, "bert", "waves", types=True, pooling="mean", max_length=8192),
    "jina-code": Family(text.plain, "roberta", "waves", types=True, pooling="mean", max_length=8192),
    "modernbert": Family(text.plain, "modernbert", "waves", pooling="mean", max_length=8192, config="modernbert"),
    "gemma": Family(text.gemma, "gemma", "waves", max_length=2048, config="gemma3_text"),
    # In no catalogue: what users bring. A decoder's last token has seen all others.
    "decoder": Family(text.plain, "roberta", "placed", causal=True, pooling="last", config="qwen3"),
    "clip-text": Family(text.clip, "clip", causal=True, max_length=77, config="clip_text_model"),
    "bge-m3": Family(text.with_sentence, "xlmr", "counted", max_length=8192, config="xlm-roberta"),
    "splade": Family(sparse.masked_language_model, "bert", types=True, more=("last_hidden_state",)),
    "inference-free": Family(sparse.masked_language_model, "bert", "waves", more=("logits",), config="new"),
    "bert-cross-encoder": Family(rerank.cross_encoder, "bert", types=True),
    "xlmr-cross-encoder": Family(rerank.cross_encoder, "xlmr", "counted", config="xlm-roberta"),
    "jina-cross-encoder": Family(rerank.cross_encoder, "roberta", "waves", types=True, max_length=8192),
    "bge-m3-joint": Family(joint.bge_m3, "xlmr", "counted", max_length=8192, config="xlm-roberta"),
    "clip-image": Family(image.clip, more=(32,)),
    "unicom-32": Family(image.unicom, more=(32,)),
    "unicom-16": Family(image.unicom, more=(16,)),
    "nomic-image": Family(image.nomic, more=(16,)),
    "resnet": Family(image.resnet),
}

# op, part of the repository's name in lower case, family. The first that fits; the rest of an op is its default.
CATALOGUE = [
    ("text", "clip-vit", "clip-text"),
    ("text", "all-mpnet", "mpnet"),
    ("text", "nomic-embed-text", "nomic"),
    ("text", "arctic-embed-m-long", "nomic"),
    ("text", "multilingual-minilm", "bert-multilingual"),
    ("text", "multilingual-e5-small", "bert-multilingual"),
    ("text", "multilingual", "xlmr"),
    ("text", "bge-m3", "bge-m3"),
    ("text", "modernbert", "modernbert"),
    ("text", "gte-", "gte"),
    ("text", "jina-embeddings-v2-base-code", "jina-code"),
    ("text", "jina-embeddings", "jina"),
    ("text", "embeddinggemma", "gemma"),
    ("text", "", "bert"),
    ("sparse", "splade", "splade"),
    ("sparse", "bge-m3", "bge-m3"),
    ("sparse", "neural-sparse", "inference-free"),
    ("rerank", "jina-reranker-v1", "jina-cross-encoder"),
    ("rerank", "", "xlmr-cross-encoder"),
    ("joint", "bge-m3", "bge-m3-joint"),
    ("image", "clip-vit", "clip-image"),
    ("image", "resnet", "resnet"),
    ("image", "vit-b-16", "unicom-16"),
    ("image", "vit-b-32", "unicom-32"),
    ("image", "nomic", "nomic-image"),
]


class Unknown(Exception):
    """An entry for which there is no family; a new model in the catalogue wants a line here."""


def name_of(entry):
    repository = entry["repository"].lower()
    named = entry.get("family")
    found = named or next((f for op, part, f in CATALOGUE if op == entry["op"] and part in repository), None)
    if found not in FAMILIES:
        raise Unknown(f"no family for {entry['op']} {entry['name']} ({entry['repository']})")
    return found


def of(entry):
    return FAMILIES[name_of(entry)]


def max_length_of(entry):
    return entry.get("max_length") or of(entry).max_length


def pooling_of(entry):
    return (entry.get("pooling") or of(entry).pooling).lower()


def make(seed, entry):
    """The entry's plain model, and its other files: name → bytes. Models of one repository have the same weights."""
    family, name = of(entry), entry["repository"]
    if entry["op"] == "image":
        model = family.head(seed, name, entry["dimensions"], *family.more)
        about = image.resnet_preprocessor() if family.head is image.resnet else image.clip_preprocessor()
        config = {"model_type": family.config, "generated": True}
        documents = {"preprocessor_config.json": about, "config.json": config}
        return model, {file: json.dumps(each, indent=1).encode() for file, each in documents.items()}
    words = vocabulary.STYLES[family.tokenizer]()
    # The model's own length, not what the worker cuts at: entries of one repository may differ in that.
    max_length = max(family.max_length, max_length_of(entry))
    encoder = family.encoder(words, max_length)
    # Sparse and rerank have no size, but for BGE-M3's sparse entry, which is the text entry's file.
    sized = entry["op"] in ("text", "joint") or family.head is text.with_sentence
    size = [entry.get("dimensions") or 1024] if sized else []
    model = family.head(seed, name, encoder, *size, *family.more)
    files = words.files(max_length, {"model_type": family.config, "generated": True})
    if name_of(entry) == "inference-free":
        files["idf.json"] = json.dumps(idf(seed, words), ensure_ascii=False, indent=1).encode()
    return model, files


def idf(seed, words):
    """A weight for nearly every token, as the real file: some are missing, and some strings are no tokens."""
    tokens = list(words.tokenizer["model"]["vocab"])
    weights = 5 + uniform(seed, "idf", len(tokens), 2.0)
    table = {token: round(float(w), 4) for i, (token, w) in enumerate(zip(tokens, weights)) if i % 19}
    return {**table, "not a token": 3.5}
