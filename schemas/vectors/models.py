"""The documents from which the vectors are made."""

from pack import F32, F64, Kept, floats, halves, pack, scaled


def kept(model):
    return Kept(model, pack(model))


META = kept({"trace": "a1", "n": 300, "tags": ["x", None, True], "half": F64(0.5)})
SPACE = "AllMiniLML6V2:5f0c6a"

TEXT_REQUEST = {
    "inputs": ["hello", "Grüße, 世界"],
    "truncate": False,
    "normalize": True,
    "dimensions": 128,
    "prompt": "query",
    "encoding": "f32",
    "space": SPACE,
    "meta": META,
}

TIMINGS = {
    "wait": 12,
    "tokenize": 250,
    "queue": 70_000,
    "infer": 5_000_000_000,
    "total": 5_000_070_262,
}

# Row 1 failed: its bytes are zero and `errors` says why.
TEXT_REPLY = {
    "model": "AllMiniLML6V2",
    "space": SPACE,
    "instance": "W1AB",
    "embeddings": {
        "dtype": "f32",
        "dims": 3,
        "count": 2,
        "first": 0,
        "data": floats(0.5, -0.25, 0.1, 0, 0, 0),
    },
    "tokens": [5, 300],
    "truncated": [False, True],
    "errors": [
        {"index": 1, "code": 422, "name": "input_too_long", "message": "300 tokens, 256 allowed"}
    ],
    "timings_us": TIMINGS,
    "meta": META,
}

# The same shape packed in every other way: a row of values and one of a failed text.
PACKED = {
    "f16": halves(0.5, -0.25, 65504, 0, 0, 0),
    # 127 × 0.25 is 31.75.
    "i8": scaled(0.25, 127, -128, 3) + scaled(0, 0, 0, 0),
    "ubinary": bytes([0b1010_0000, 0]),
}

TEXT_REPLY_ARRAY = {
    "model": "Fake",
    "space": "Fake:8",
    "instance": "W1AB",
    "embeddings": {
        "dtype": "array",
        "dims": 2,
        "count": 2,
        "first": 0,
        "rows": [[F32(1), F32(-0.5)], [F32(0.1), F32(3.4028234663852886e38)]],
    },
    "tokens": [3, 4],
    "truncated": [False, False],
    "timings_us": {"wait": 0, "tokenize": 1, "queue": 2, "infer": 3, "total": 6},
}

INFO_REPLY = {
    "op": "text",
    "model": "AllMiniLML6V2",
    "space": SPACE,
    "instance": "W1AB",
    "version": "0.1.0",
    "dimensions": 384,
    "max_tokens": 256,
    "pooling": "mean",
    "normalized": True,
    "encodings": ["f32", "f16", "i8", "ubinary", "array"],
    "features": ["dimensions", "parts"],
    "prompts": ["query", "passage"],
    "matryoshka": [256, 128],
    "aliases": ["Qdrant/all-MiniLM-L6-v2-onnx"],
    "license": "apache-2.0",
    "source": "Qdrant/all-MiniLM-L6-v2-onnx@main",
    "limits": {
        "max_inputs": 4096,
        "max_input_bytes": 131_072,
        "max_meta_bytes": 4096,
        "max_part_bytes": 524_288,
        "default_timeout_ms": 30_000,
        "max_timeout_ms": 600_000,
    },
}

ERROR_REPLY = {
    "code": 429,
    "name": "overloaded",
    "message": "the queue holds 262144 tokens",
    "retry": "elsewhere",
    "retry_after_ms": 250,
    "limit": 262_144,
}

ALIVE_FRAME = {"alive": True, "instance": "W1AB"}

INFO_REQUEST = {}

CANCEL_REQUEST = {
    "attempts": ["0123456789abcdef0123456789abcdef", "f0e1d2c3b4a5968778695a4b3c2d1e0f"]
}

ADMIN_REQUEST = {"op": "text", "model": "AllMiniLML6V2", "instance": "W1AB"}

ADMIN_REPLY = {
    "instance": "W1AB",
    "op": "text",
    "model": "AllMiniLML6V2",
    "state": "loaded",
    "space": SPACE,
}

# The model a document's variants start from.
BASE = {
    "text-request": TEXT_REQUEST,
    "text-reply": TEXT_REPLY,
    "info-request": INFO_REQUEST,
    "info-reply": INFO_REPLY,
    "error-reply": ERROR_REPLY,
    "alive-frame": ALIVE_FRAME,
    "cancel-request": CANCEL_REQUEST,
    "admin-request": ADMIN_REQUEST,
    "admin-reply": ADMIN_REPLY,
}


def is_request(document):
    return document.endswith("-request")
