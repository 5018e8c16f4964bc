"""The documents of sparse vectors, images, rerankings and joint vectors, and their fields."""

import struct

from models import INFO_REPLY, META, TEXT_REPLY, TIMINGS
from pack import F32, floats


def uint32s(*values):
    """Numbers of 32 bits, packed little-endian."""
    return struct.pack(f"<{len(values)}I", *values)


SPACE = "BGEM3Q:77aa01"
COUNTS = {"tokens": [5, 300], "truncated": [False, True]}
ERRORS = TEXT_REPLY["errors"]


def reply(model, result, counts=COUNTS):
    head = {"model": model, "space": SPACE, "instance": "W1AB"}
    return head | result | counts | {"errors": ERRORS, "timings_us": TIMINGS, "meta": META}


SPARSE_REQUEST = {
    "inputs": ["hello", "Grüße, 世界"],
    "truncate": False,
    "query": True,
    "space": SPACE,
    "meta": META,
}
# Row 1 failed: it is empty.
SPARSE = {
    "count": 2,
    "first": 0,
    "offsets": uint32s(0, 2, 2),
    "indices": uint32s(7, 30_521),
    "values": floats(0.5, 1.25),
}
SPARSE_REPLY = reply("SPLADEPPV1", {"sparse": SPARSE})

IMAGE_REQUEST = {
    "images": [b"\x89PNG\r\n\x1a\n", b""],
    "encoding": "i8",
    "normalize": False,
    "dimensions": 128,
    "space": SPACE,
    "meta": META,
}
IMAGE_REPLY = reply("ClipVitB32", {"embeddings": TEXT_REPLY["embeddings"]}, {})

RERANK_REQUEST = {
    "query": "where do penguins live?",
    "documents": ["on the ice", ""],
    "top_n": 2,
    "return_documents": True,
    "raw_scores": False,
    "truncate": True,
    "space": SPACE,
    "meta": META,
}
RERANK_REPLY = reply(
    "BGERerankerBase",
    {
        "results": [
            {"index": 2, "score": F32(0.75), "document": "on the ice"},
            {"index": 0, "score": F32(0.25), "document": ""},
        ],
        "score_kind": "sigmoid",
    },
    {"tokens": [9, 300, 4], "truncated": [False, True, False]},
)

JOINT_REQUEST = {
    "inputs": ["hello"],
    "truncate": True,
    "outputs": ["colbert", "dense"],
    "space": SPACE,
    "meta": META,
}
COLBERT = {
    "dims": 2,
    "count": 2,
    "first": 0,
    "offsets": uint32s(0, 3, 3),
    "data": floats(1, 0, 0.6, -0.8, 0, 1),
}
JOINT_REPLY = reply(
    "BGEM3Q", {"embeddings": TEXT_REPLY["embeddings"], "sparse": SPARSE, "colbert": COLBERT}
)


def info(op, result):
    """An info reply of a model that has what the operation has beside the facts of all."""
    return INFO_REPLY | {"op": op} | result


BASE = {
    "sparse-request": SPARSE_REQUEST,
    "sparse-reply": SPARSE_REPLY,
    "image-request": IMAGE_REQUEST,
    "image-reply": IMAGE_REPLY,
    "rerank-request": RERANK_REQUEST,
    "rerank-reply": RERANK_REPLY,
    "joint-request": JOINT_REQUEST,
    "joint-reply": JOINT_REPLY,
}

SPACE_AND_META = [("space", "str", False), ("meta", "map", False)]
HEAD = [("model", "str", True), ("space", "str", True), ("instance", "str", True)]
COUNT_FIELDS = [
    ("tokens", "list", True),
    ("tokens.0", "u32", False),
    ("truncated", "list", True),
    ("truncated.0", "bool", False),
]
TAIL = [
    ("errors", "list", False),
    ("errors.0", "map", False),
    ("errors.0.index", "u32", True),
    ("errors.0.code", "u32", True),
    ("errors.0.name", "str", True),
    ("errors.0.message", "str", True),
    ("timings_us", "map", True),
    ("timings_us.wait", "u64", True),
    ("timings_us.tokenize", "u64", True),
    ("timings_us.queue", "u64", True),
    ("timings_us.infer", "u64", True),
    ("timings_us.total", "u64", True),
    ("meta", "map", False),
]
SPARSE_FIELDS = [
    ("sparse.count", "u32", True),
    ("sparse.first", "u32", True),
    ("sparse.offsets", "bin", True),
    ("sparse.indices", "bin", True),
    ("sparse.values", "bin", True),
]
DENSE_FIELDS = [
    ("embeddings.dtype", "str", True),
    ("embeddings.dims", "u32", True),
    ("embeddings.count", "u32", True),
    ("embeddings.first", "u32", True),
    ("embeddings.data", "bin", True),
]
COLBERT_FIELDS = [
    ("colbert.dims", "u32", True),
    ("colbert.count", "u32", True),
    ("colbert.first", "u32", True),
    ("colbert.from", "u32", False),
    ("colbert.offsets", "bin", True),
    ("colbert.data", "bin", True),
]
TEXTS = [("inputs", "list", True), ("inputs.0", "str", False), ("truncate", "bool", False)]

# As fields.FIELDS.
FIELDS = {
    "sparse-request": [*TEXTS, ("query", "bool", False), *SPACE_AND_META],
    "sparse-reply": [*HEAD, ("sparse", "map", True), *SPARSE_FIELDS, *COUNT_FIELDS, *TAIL],
    "image-request": [
        ("images", "list", True),
        ("images.0", "bin", False),
        ("encoding", "str", False),
        ("normalize", "bool", False),
        ("dimensions", "u32", False),
        *SPACE_AND_META,
    ],
    "image-reply": [*HEAD, ("embeddings", "map", True), *DENSE_FIELDS, *TAIL],
    "rerank-request": [
        ("query", "str", True),
        ("documents", "list", True),
        ("documents.0", "str", False),
        ("top_n", "u32", False),
        ("return_documents", "bool", False),
        ("raw_scores", "bool", False),
        ("truncate", "bool", False),
        *SPACE_AND_META,
    ],
    "rerank-reply": [
        *HEAD,
        ("results", "list", True),
        ("results.0", "map", False),
        ("results.0.index", "u32", True),
        ("results.0.score", "f32", True),
        ("results.0.document", "str", False),
        ("score_kind", "str", True),
        *COUNT_FIELDS,
        *TAIL,
    ],
    "joint-request": [
        *TEXTS,
        ("outputs", "list", False),
        ("outputs.0", "str", False),
        *SPACE_AND_META,
    ],
    "joint-reply": [
        *HEAD,
        ("embeddings", "map", False),
        *DENSE_FIELDS,
        ("sparse", "map", False),
        *SPARSE_FIELDS,
        ("colbert", "map", False),
        *COLBERT_FIELDS,
        *COUNT_FIELDS,
        *TAIL,
    ],
}
