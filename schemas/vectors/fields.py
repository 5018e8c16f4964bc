"""Every field of every document with its type, and wrong values for each type."""

import kinds
from pack import F64

REQUEST_FIELDS = [
    ("inputs", "list", True),
    ("inputs.0", "str", False),
    ("truncate", "bool", False),
    ("normalize", "bool", False),
    ("dimensions", "u32", False),
    ("prompt", "str", False),
    ("encoding", "str", False),
    ("space", "str", False),
    ("meta", "map", False),
]
REPLY_FIELDS = [
    ("model", "str", True),
    ("space", "str", True),
    ("instance", "str", True),
    ("embeddings", "map", True),
    ("embeddings.dtype", "str", True),
    ("embeddings.dims", "u32", True),
    ("embeddings.count", "u32", True),
    ("embeddings.first", "u32", True),
    ("embeddings.data", "bin", True),
    ("tokens", "list", True),
    ("tokens.0", "u32", False),
    ("truncated", "list", True),
    ("truncated.0", "bool", False),
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
INFO_FIELDS = [
    ("op", "str", True),
    ("model", "str", True),
    ("space", "str", True),
    ("instance", "str", True),
    ("version", "str", True),
    ("dimensions", "u32", False),
    ("max_tokens", "u32", True),
    ("pooling", "str", True),
    ("normalized", "bool", True),
    ("encodings", "list", True),
    ("encodings.0", "str", False),
    ("features", "list", True),
    ("features.0", "str", False),
    ("prompts", "list", True),
    ("prompts.0", "str", False),
    ("matryoshka", "list", False),
    ("matryoshka.0", "u32", False),
    ("aliases", "list", True),
    ("aliases.0", "str", False),
    ("license", "str", True),
    ("source", "str", True),
    ("limits", "map", True),
    ("limits.max_inputs", "u32", True),
    ("limits.max_input_bytes", "u32", True),
    ("limits.max_meta_bytes", "u32", True),
    ("limits.max_part_bytes", "u32", True),
    ("limits.default_timeout_ms", "u32", True),
    ("limits.max_timeout_ms", "u32", True),
]
ERROR_FIELDS = [
    ("code", "u32", True),
    ("name", "str", True),
    ("message", "str", True),
    ("retry", "str", True),
    ("retry_after_ms", "u32", False),
    ("limit", "u64", False),
]
ALIVE_FIELDS = [
    ("alive", "bool", True),
    ("instance", "str", True),
]
ADMIN_REQUEST_FIELDS = [
    ("op", "str", True),
    ("model", "str", True),
    ("instance", "str", False),
]
ADMIN_REPLY_FIELDS = [
    ("instance", "str", True),
    ("op", "str", True),
    ("model", "str", True),
    ("state", "str", True),
    ("space", "str", False),
]
CANCEL_FIELDS = [
    ("attempts", "list", True),
    ("attempts.0", "str", False),
]

# document → [(path, type, required)]; a number in a path is a place in a list.
FIELDS = {
    "text-request": REQUEST_FIELDS,
    "text-reply": REPLY_FIELDS,
    "info-request": [],
    "info-reply": INFO_FIELDS,
    "error-reply": ERROR_FIELDS,
    "alive-frame": ALIVE_FIELDS,
    "cancel-request": CANCEL_FIELDS,
    "admin-request": ADMIN_REQUEST_FIELDS,
    "admin-reply": ADMIN_REPLY_FIELDS,
    **kinds.FIELDS,
}

# type → [(name, value, what it is, whether JSON can tell it from the right type)]
NIL = ("nil", None, "nil", True)
WRONG = {
    "str": [("bin", b"f32", "bytes", False), NIL],
    "bin": [("str", "x" * 24, "a string", False), NIL],
    "bool": [("int", 1, "an integer", True), NIL],
    "list": [("map", {}, "a map", True), NIL],
    "map": [("array", [], "an array", True), NIL],
    "u32": [
        ("float", F64(2.5), "a float", True),
        ("negative", -1, "negative", True),
        ("too_big", 2**32, "more than 32 bits", True),
        ("str", "2", "a string", True),
        NIL,
    ],
    "f32": [
        ("int", 1, "an integer", False),
        ("float_64", F64(0.5), "a float64", False),
        ("str", "0.5", "a string", True),
        NIL,
    ],
    "u64": [
        ("float", F64(2.5), "a float", True),
        ("negative", -1, "negative", True),
        NIL,
    ],
}


def path_of(text):
    return [int(key) if key.isdigit() else key for key in text.split(".")]
