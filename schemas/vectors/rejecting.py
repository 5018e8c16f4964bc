"""Documents that a decoder refuses, each for one reason."""

from dataclasses import dataclass

import kinds
import models
import rejecting_kinds
from faults import BAD_UTF8, BOMBS, EXTENSIONS, MANY, MOST, NAN, NON_FINITE
from fields import FIELDS, WRONG, path_of
from models import BASE, TEXT_REPLY, TEXT_REPLY_ARRAY, is_request, kept
from pack import F32, F64, Pairs, Raw, floats, nested, pack, replaced, without
from rejecting_packed import packed_rows

# Every document, and the model that its variants start from.
DOCUMENTS = BASE | kinds.BASE

NOTHING = object()


@dataclass(frozen=True)
class Rejecting:
    document: str
    name: str
    why: str
    data: bytes
    # The same fault in JSON, where JSON can show it.
    twin: object = NOTHING

    @property
    def error(self):
        return "invalid_request" if is_request(self.document) else "internal"


class Maker:
    """Collects the vectors of one document."""

    def __init__(self, document):
        self.document = document
        self.base = DOCUMENTS[document]
        self.found = []

    def raw(self, name, why, data):
        self.found.append(Rejecting(self.document, name, why, data))

    def model(self, name, why, model, json=False):
        self.found.append(
            Rejecting(self.document, name, why, pack(model), model if json else NOTHING)
        )

    def put(self, name, why, path, value, json=False, base=None):
        self.model(name, why, replaced(base or self.base, path_of(path), value), json)


def vectors():
    found = []
    for document in DOCUMENTS:
        maker = Maker(document)
        whole(maker)
        wrong_fields(maker)
        {
            "text-request": text_request,
            "text-reply": text_reply,
            "info-request": info_request,
            "info-reply": info_reply,
            "error-reply": error_reply,
            "alive-frame": alive_frame,
            "cancel-request": cancel_request,
            "admin-request": admin,
            "admin-reply": admin,
            **rejecting_kinds.FAULTS,
        }[document](maker)
        found += maker.found
    return found


def whole(maker):
    """Faults of the document as a whole, whatever its keys."""
    data = pack(maker.base)
    if maker.document != "info-request":
        maker.raw("empty", "there is no document", b"")
        maker.raw("truncated_last_byte", "the last byte is missing", data[:-1])
        maker.raw("truncated_half", "half of the bytes are missing", data[: len(data) // 2])
        maker.raw("truncated_first_byte", "there is only the first byte", data[:1])
    maker.raw("trailing_nil", "a nil follows the document", data + b"\xc0")
    maker.raw("trailing_document", "a second document follows", data + data)
    maker.model("top_array", "the document is an array", [], json=True)
    maker.model("top_nil", "the document is nil", None, json=True)
    maker.model("top_str", "the document is a string", "inputs", json=True)
    maker.model("top_int", "the document is an integer", 1, json=True)
    maker.model("top_bin", "the document is bytes", b"")
    maker.raw("top_ext", "the document is an extension type", EXTENSIONS["ext_8"])
    maker.raw("never_used_byte", "0xc1 starts nothing in MessagePack", b"\x81\xa1a\xc1")
    for kind, mark in BOMBS.items():
        maker.raw(f"bomb_{kind}", f"five bytes claim a {kind} of 4294967295", mark + MOST)
    maker.raw("bomb_map_16", "three bytes claim a map of 65535", b"\xde\xff\xff")
    maker.raw("deep_10000_top", "arrays are nested 10000 deep", nested(10_000).data)
    extra(maker, "key_nil", "a key is nil", (None, 1))
    extra(maker, "key_int", "a key is an integer", (1, 1))
    extra(maker, "key_bin", "a key is bytes", (b"space", "x"))
    extra(maker, "key_ext", "a key is an extension type", (Raw(EXTENSIONS["ext_8"]), 1))
    for kind, key in BAD_UTF8.items():
        extra(maker, f"key_utf8_{kind}", f"a key is not UTF-8 ({kind})", (Raw(key), 1))
    for key in list(maker.base)[:1]:
        again = (key, maker.base[key])
        extra(maker, "duplicate_key", f"`{key}` is given twice", again)
        spelled = Raw(b"\xd9" + bytes([len(key)]) + key.encode())
        extra(
            maker,
            "duplicate_key_other_form",
            f"`{key}` is given twice, its length in two forms",
            (spelled, again[1]),
        )
    if is_request(maker.document):
        maker.model(
            "unknown_key",
            "`colour` is no key of a request",
            maker.base | {"colour": "red"},
            json=True,
        )
    else:
        unknown_values(maker)


def extra(maker, name, why, pair):
    maker.model(name, why, Pairs([*maker.base.items(), pair]))


def unknown_values(maker):
    """A reply's unknown keys are ignored, but what they hold is still checked."""
    for name, value in NON_FINITE.items():
        maker.put(f"unknown_value_{name}", f"an unknown key holds {name}", "future", F64(value))
    faults = {
        "ext": (Raw(EXTENSIONS["ext_timestamp"]), "holds an extension type"),
        "depth_17": (nested(16), "nests 17 levels deep"),
        "depth_10000": (nested(9_999), "nests 10000 levels deep"),
        "utf8": (Raw(BAD_UTF8["continuation"]), "is not UTF-8"),
        "key_int": (Pairs([(1, 1)]), "has an integer as a key"),
        "duplicate_key": (Pairs([("a", 1), ("a", 2)]), "has a key twice"),
    }
    for name, (value, fault) in faults.items():
        maker.put(f"unknown_value_{name}", f"the value of an unknown key {fault}", "future", value)
    for kind, mark in BOMBS.items():
        maker.put(
            f"unknown_value_bomb_{kind}",
            f"an unknown key claims a {kind} of 4294967295",
            "future",
            Raw(mark + MOST),
        )


def wrong_fields(maker):
    for text, kind, required in FIELDS[maker.document]:
        path = path_of(text)
        name = text.replace(".", "_")
        for wrong, value, is_what, json in WRONG[kind]:
            maker.put(f"{name}_{wrong}", f"`{text}` is {is_what}, not {kind}", text, value, json)
        if required:
            maker.model(
                f"{name}_missing", f"`{text}` is missing", without(maker.base, path), json=True
            )


def text_request(maker):
    small = {"inputs": ["a"]}
    maker.model("inputs_empty", "there is no text", {"inputs": []}, json=True)
    maker.model("inputs_4097", "one text more than the limit", {"inputs": [""] * 4097})
    maker.model("inputs_str", "`inputs` is a string", {"inputs": "hello"}, json=True)
    maker.model("inputs_item_int", "a text is an integer", {"inputs": ["a", 1]}, json=True)
    maker.model("inputs_item_array", "a text is an array", {"inputs": [["a"]]}, json=True)
    maker.raw("inputs_bomb_array", "`inputs` claims 4294967295 texts", b"\x81\xa6inputs\xdd" + MOST)
    maker.raw(
        "inputs_bomb_many",
        "`inputs` claims 1073741824 texts",
        b"\x81\xa6inputs\xdd" + MANY + b"\xa1a",
    )
    maker.raw(
        "inputs_one_short", "`inputs` claims one text more than follows", b"\x81\xa6inputs\x92\xa1a"
    )
    maker.raw("inputs_bomb_str", "a text claims 4294967295 bytes", b"\x81\xa6inputs\x91\xdb" + MOST)
    maker.raw(
        "inputs_str_one_short",
        "a text claims one byte more than follows",
        b"\x81\xa6inputs\x91\xa2a",
    )
    maker.model("inputs_depth_10000", "`inputs` nests 10000 levels deep", {"inputs": nested(9_999)})
    for kind, text in BAD_UTF8.items():
        maker.model(f"inputs_utf8_{kind}", f"a text is not UTF-8 ({kind})", {"inputs": [Raw(text)]})
    for name, value in EXTENSIONS.items():
        maker.model(f"inputs_{name}", "a text is an extension type", {"inputs": [Raw(value)]})

    maker.model("dimensions_0", "`dimensions` is 0", small | {"dimensions": 0}, json=True)
    maker.model(
        "dimensions_float_whole",
        "`dimensions` is a float, if a whole one",
        small | {"dimensions": F64(8.0)},
    )
    maker.model(
        "dimensions_float_32", "`dimensions` is a float32", small | {"dimensions": F32(8.0)}
    )
    maker.model(
        "dimensions_u64",
        "`dimensions` is more than 32 bits",
        small | {"dimensions": 2**64 - 1},
        json=True,
    )
    maker.model(
        "dimensions_i64", "`dimensions` is far below 0", small | {"dimensions": -(2**63)}, json=True
    )
    maker.model("encoding_unknown", "`f64` is no encoding", small | {"encoding": "f64"}, json=True)
    maker.model(
        "encoding_upper_case", "`F32` is no encoding", small | {"encoding": "F32"}, json=True
    )
    maker.model("encoding_empty", "the encoding has no name", small | {"encoding": ""}, json=True)
    maker.model(
        "key_upper_case", "`Inputs` is no key of a request", small | {"Inputs": ["b"]}, json=True
    )
    maker.model("key_empty", "the empty key is no key of a request", small | {"": 1}, json=True)
    meta_faults(maker, small)


def meta_faults(maker, small):
    def meta(name, why, value):
        maker.model(f"meta_{name}", why, small | {"meta": value})

    meta("4097_bytes", "`meta` takes one byte more than the limit", kept({"k": "x" * 4091}))
    for name, value in NON_FINITE.items():
        meta(f"{name}_64", f"`meta` holds a float64 {name}", {"x": F64(value)})
        meta(f"{name}_32", f"`meta` holds a float32 {name}", {"x": [F32(value)]})
    for name, value in EXTENSIONS.items():
        meta(name, "`meta` holds an extension type", {"x": Raw(value)})
    for kind, mark in BOMBS.items():
        meta(f"bomb_{kind}", f"`meta` claims a {kind} of 4294967295", {"x": Raw(mark + MOST)})
    meta("bomb", "`meta` claims 4294967295 keys", Raw(b"\xdf" + MOST))
    # The document and meta are levels 1 and 2.
    meta("depth_17", "the document nests 17 levels deep", {"d": nested(15)})
    maps = Raw(b"\x81\xa1d" * 16 + b"\x80")
    meta("depth_17_maps", "the document nests more than 16 levels of maps", {"d": maps})
    meta("depth_10000", "`meta` nests 10000 levels deep", {"d": nested(10_000)})
    meta("key_int", "`meta` has an integer as a key", Pairs([(1, 1)]))
    meta("inner_key_nil", "a map in `meta` has nil as a key", {"x": Pairs([(None, 1)])})
    meta("duplicate_key", "`meta` has a key twice", Pairs([("a", 1), ("a", 1)]))
    meta(
        "inner_duplicate_key",
        "a map in `meta` has a key twice",
        {"x": [Pairs([("a", 1), ("b", 2), ("a", 1)])]},
    )
    meta("utf8", "`meta` holds a string that is not UTF-8", {"x": Raw(BAD_UTF8["surrogate"])})
    meta("key_utf8", "`meta` has a key that is not UTF-8", Pairs([(Raw(BAD_UTF8["overlong"]), 1)]))
    meta("never_used_byte", "0xc1 starts nothing in MessagePack", {"x": Raw(b"\xc1")})


def text_reply(maker):
    for name, value in NON_FINITE.items():
        data = floats(0.5, -0.25, 0.1, 0, value, 0)
        maker.put(f"data_{name}", f"a vector holds {name}", "embeddings.data", data)
        maker.put(
            f"rows_{name}",
            f"a row holds {name}",
            "embeddings.rows.1.0",
            F32(value),
            base=TEXT_REPLY_ARRAY,
        )
    maker.put(
        "data_one_short",
        "the data is a byte short of count × dims × 4",
        "embeddings.data",
        bytes(23),
    )
    maker.put(
        "data_one_long",
        "the data is a byte more than count × dims × 4",
        "embeddings.data",
        bytes(25),
    )
    maker.put("data_empty", "the data is empty", "embeddings.data", b"")
    maker.put("count_too_big", "the data holds fewer rows than `count`", "embeddings.count", 3)
    # 2^31 × 2 × 4 is 0 in 32 bits.
    wrapping = TEXT_REPLY["embeddings"] | {"dims": 2**31, "data": b""}
    maker.put("size_wraps", "count × dims × 4 only fits into 64 bits", "embeddings", wrapping)
    maker.put("dtype_unknown", "`f64` is no dtype", "embeddings.dtype", "f64", json=True)
    maker.put(
        "dtype_array_with_data",
        "`array` has rows, not data",
        "embeddings.dtype",
        "array",
        json=True,
    )
    maker.put(
        "dtype_f32_with_rows",
        "`f32` has data, not rows",
        "embeddings.dtype",
        "f32",
        json=True,
        base=TEXT_REPLY_ARRAY,
    )
    both = TEXT_REPLY["embeddings"] | {"rows": [[F32(0)] * 3] * 2}
    maker.put("data_and_rows", "there are both data and rows", "embeddings", both, json=True)

    packed_rows(maker)

    def rows(name, why, path, value, json=False):
        maker.put(f"rows_{name}", why, path, value, json, base=TEXT_REPLY_ARRAY)

    rows("one_less", "there are fewer rows than `count`", "embeddings.rows", [[F32(1), F32(2)]])
    rows("ragged", "a row is shorter than `dims`", "embeddings.rows.1", [F32(1)])
    rows("too_wide", "a row is longer than `dims`", "embeddings.rows.1", [F32(1)] * 3)
    rows("float_64", "a number in a row is a float64", "embeddings.rows.0.0", F64(1))
    rows("int", "a number in a row is an integer", "embeddings.rows.0.0", 1)
    rows("str", "a number in a row is a string", "embeddings.rows.0.0", "1", json=True)
    rows("nil", "a row is nil", "embeddings.rows.0", None, json=True)
    rows("flat", "the rows are one list of numbers", "embeddings.rows", [F32(1)] * 4, json=True)
    rows("bin", "`rows` is bytes", "embeddings.rows", bytes(16), json=True)

    maker.put("tokens_one_less", "there are fewer tokens than `count`", "tokens", [5])
    maker.put("tokens_one_more", "there are more tokens than `count`", "tokens", [5, 6, 7])
    maker.put(
        "truncated_one_less",
        "there are fewer entries in `truncated` than `count`",
        "truncated",
        [False],
    )
    maker.put(
        "truncated_one_more",
        "there are more entries in `truncated` than `count`",
        "truncated",
        [False] * 3,
    )
    duplicates = {
        "embeddings": Pairs([*TEXT_REPLY["embeddings"].items(), ("dims", 3)]),
        "timings_us": Pairs([*models.TIMINGS.items(), ("wait", 1)]),
        "errors.0": Pairs([*TEXT_REPLY["errors"][0].items(), ("code", 422)]),
        "meta": Pairs([("a", 1), ("a", 1)]),
    }
    for text, value in duplicates.items():
        maker.put(
            f"{text.replace('.', '_')}_duplicate_key", f"`{text}` has a key twice", text, value
        )
    for text, kind in [
        ("embeddings.data", "bin"),
        ("embeddings", "map"),
        ("tokens", "array"),
        ("truncated", "array"),
        ("errors", "array"),
        ("errors.0.message", "str"),
        ("model", "str"),
    ]:
        name = f"{text.replace('.', '_')}_bomb"
        maker.put(name, f"`{text}` claims a {kind} of 4294967295", text, Raw(BOMBS[kind] + MOST))
    rows("bomb", "`rows` claims 4294967295 rows", "embeddings.rows", Raw(b"\xdd" + MOST))
    rows("inner_bomb", "a row claims 1073741824 numbers", "embeddings.rows.0", Raw(b"\xdd" + MANY))
    maker.put(
        "meta_4097_bytes", "`meta` takes one byte more than the limit", "meta", {"k": "x" * 4091}
    )
    maker.put("meta_nan", "`meta` holds NaN", "meta", {"x": F64(NAN)})
    maker.put(
        "meta_ext", "`meta` holds an extension type", "meta", {"x": Raw(EXTENSIONS["ext_fix1"])}
    )
    maker.put("model_utf8", "`model` is not UTF-8", "model", Raw(BAD_UTF8["cut_short"]))


def info_request(maker):
    maker.model("inputs", "an info request has no keys", {"inputs": ["a"]}, json=True)


def info_reply(maker):
    maker.put(
        "limits_duplicate_key",
        "`limits` has a key twice",
        "limits",
        Pairs([*maker.base["limits"].items(), ("max_inputs", 1)]),
    )
    for key in ("encodings", "features", "prompts", "matryoshka", "aliases"):
        maker.put(f"{key}_bomb", f"`{key}` claims 4294967295 items", key, Raw(b"\xdd" + MOST))
    maker.put("aliases_utf8", "an alias is not UTF-8", "aliases", [Raw(BAD_UTF8["continuation"])])


def error_reply(maker):
    maker.put("retry_unknown", "`later` is no retry class", "retry", "later", json=True)
    maker.put("message_bomb", "`message` claims 4294967295 bytes", "message", Raw(b"\xdb" + MOST))
    maker.put("message_utf8", "`message` is not UTF-8", "message", Raw(BAD_UTF8["above_unicode"]))


def alive_frame(maker):
    maker.put("alive_false", "`alive` is false, which nobody can say", "alive", False, json=True)
    maker.put("alive_str", "`alive` is a string", "alive", "true", json=True)
    maker.put("instance_bomb", "`instance` claims 4294967295 bytes", "instance", Raw(b"\xdb" + MOST))
    maker.put("instance_utf8", "`instance` is not UTF-8", "instance", Raw(BAD_UTF8["cut_short"]))


def admin(maker):
    maker.put("model_bomb", "`model` claims 4294967295 bytes", "model", Raw(b"\xdb" + MOST))
    maker.put("model_utf8", "`model` is not UTF-8", "model", Raw(BAD_UTF8["cut_short"]))
    maker.put("instance_bomb", "`instance` claims 4294967295 bytes", "instance", Raw(b"\xdb" + MOST))


def cancel_request(maker):
    one = maker.base["attempts"][0]
    maker.model("attempts_empty", "there is no attempt", {"attempts": []}, json=True)
    too_many = {"attempts": [f"{at:032x}" for at in range(257)]}
    maker.model("attempts_257", "one attempt more than the limit", too_many)
    maker.model("attempts_str", "`attempts` is a string", {"attempts": one}, json=True)
    for name, why, attempt in [
        ("empty", "an id is empty", ""),
        ("short", "an id has 31 digits", one[1:]),
        ("long", "an id has 33 digits", one + "0"),
        ("upper_case", "an id is in upper case", one.upper()),
        ("sign", "an id has a sign in place of a digit", "+" + one[1:]),
        ("letter", "an id has a letter that is no digit", "g" + one[1:]),
        ("space", "an id has a space in place of a digit", one[1:] + " "),
        ("newline", "a line ends after an id", one + "\n"),
        ("wide_digits", "an id has digits that are not ASCII", one[2:] + "\u0663"),
    ]:
        maker.model(f"id_{name}", why, {"attempts": [one, attempt]}, json=True)
    maker.model("id_bytes", "an id is its 16 bytes", {"attempts": [bytes.fromhex(one)]})
    claim = b"\x81\xa8attempts\xdd"
    maker.raw("attempts_bomb_array", "`attempts` claims 4294967295 ids", claim + MOST)
    maker.raw("attempts_bomb_many", "`attempts` claims 1073741824 ids", claim + MANY + b"\xa1a")
    maker.put("attempts_0_bomb", "an id claims 4294967295 bytes", "attempts.0", Raw(b"\xdb" + MOST))
    maker.put("attempts_0_utf8", "an id is not UTF-8", "attempts.0", Raw(BAD_UTF8["overlong"]))
