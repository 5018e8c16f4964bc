"""Documents that a decoder accepts."""

from dataclasses import dataclass

import models
import valid_kinds
from models import PACKED, TEXT_REPLY, TEXT_REPLY_ARRAY, TEXT_REQUEST, TIMINGS, kept
from pack import F32, F64, Form, Kept, backwards, floats, nested, pack, replaced, scaled, without


@dataclass(frozen=True)
class Valid:
    document: str
    name: str
    model: object
    data: bytes
    # The vector that holds the canonical form of the same model; None if this is it.
    same_as: str | None = None


FORMS = {
    "ints_u64": Form(ints="u64"),
    "ints_i64": Form(ints="i64"),
    "strings_8": Form(strs=1),
    "strings_16": Form(strs=2),
    "strings_32": Form(strs=4),
    "arrays_16": Form(arrays=2),
    "arrays_32": Form(arrays=4),
    "maps_16": Form(maps=2),
    "maps_32": Form(maps=4),
    "bins_32": Form(bins=4),
    "all_wide": Form(ints="u64", strs=4, bins=4, arrays=4, maps=4),
}


def vectors():
    found = []

    def canonical(document, name, model):
        found.append(Valid(document, name, model, pack(model)))

    def other(document, name, data, same_as):
        model = next(v.model for v in found if (v.document, v.name) == (document, same_as))
        found.append(Valid(document, name, model, data, same_as))

    def other_forms(document, same_as):
        model = next(v.model for v in found if (v.document, v.name) == (document, same_as))
        forms = {name: pack(model, form) for name, form in FORMS.items()}
        for name, data in {"keys_backwards": pack(backwards(model)), **forms}.items():
            if data != pack(model):
                other(document, name, data, same_as)

    text_requests(canonical, other_forms)
    text_replies(canonical, other, other_forms)
    info(canonical, other, other_forms)
    errors(canonical, other, other_forms)
    alive(canonical, other, other_forms)
    cancel(canonical, other_forms)
    admin(canonical, other, other_forms)
    valid_kinds.vectors(canonical, other, other_forms)
    return found


def text_requests(canonical, other_forms):
    doc = "text-request"
    canonical(doc, "minimal", {"inputs": ["hello"]})
    canonical(doc, "full", TEXT_REQUEST)
    other_forms(doc, "full")
    canonical(
        doc,
        "explicit_defaults",
        {"inputs": ["a"], "truncate": True, "normalize": True, "encoding": "f32"},
    )
    for encoding in ("f16", "i8", "ubinary", "array"):
        canonical(doc, f"encoding_{encoding}", {"inputs": ["a"], "encoding": encoding})
    for number in (1, 127, 128, 255, 256, 65_535, 65_536, 2**32 - 1):
        canonical(doc, f"dimensions_{number}", {"inputs": ["a"], "dimensions": number})

    # Nothing is trimmed or normalised: NUL, a combining accent and an astral character stay.
    canonical(
        doc,
        "unicode",
        {"inputs": ["e\u0301", "日本語", "👩‍🔬", "\u0000", "\ufeffx", "\u202eabc", "\U0010ffff"]},
    )
    canonical(doc, "empty_text", {"inputs": [""]})
    canonical(doc, "empty_strings", {"inputs": ["a"], "prompt": "", "space": ""})
    lengths = (31, 32, 255, 256, 65_535, 65_536)
    canonical(doc, "text_lengths", {"inputs": ["a" * length for length in lengths]})
    # Too long a text is that item's error, so the document still decodes.
    canonical(doc, "text_above_limit", {"inputs": ["a" * 131_073, "b"]})
    for count in (15, 16, 4096):
        canonical(doc, f"inputs_{count}", {"inputs": [""] * count})

    canonical(doc, "meta_empty", {"inputs": ["a"], "meta": kept({})})
    canonical(doc, "meta_bin", {"inputs": ["a"], "meta": kept({"id": b"\x00\xff"})})
    numbers = {"min": -(2**63), "max": 2**63 - 1, "f32": F32(0.5), "f64": F64(1e300), "minus": -33}
    canonical(doc, "meta_numbers", {"inputs": ["a"], "meta": kept(numbers)})
    # The bytes of meta are kept, so wide forms in it are as canonical as any.
    wide = {"n": 1, "s": "x", "l": [2]}
    wide = Kept(wide, pack(wide, Form(ints="u64", strs=4, arrays=4, maps=4)))
    canonical(doc, "meta_wide_forms", {"inputs": ["a"], "meta": wide})
    canonical(doc, "meta_keys_unsorted", {"inputs": ["a"], "meta": kept({"b": 1, "a": 2})})
    # One map and key take 3 bytes and the text's head 3.
    canonical(doc, "meta_4096_bytes", {"inputs": ["a"], "meta": kept({"k": "x" * 4090})})
    # The document and meta are levels 1 and 2.
    deep = []
    for _ in range(13):
        deep = [deep]
    canonical(doc, "depth_16", {"inputs": ["a"], "meta": kept({"d": deep})})


def text_replies(canonical, other, other_forms):
    doc = "text-reply"
    canonical(doc, "full", TEXT_REPLY)
    other_forms(doc, "full")
    plain = without(without(TEXT_REPLY, ["errors"]), ["meta"])
    canonical(doc, "minimal", plain)
    canonical(doc, "rows", TEXT_REPLY_ARRAY)
    part = replaced(plain, ["embeddings", "first"], 70_000)
    canonical(doc, "later_part", part)
    item = {"index": 70_001, "code": 413, "name": "payload_too_large", "message": ""}
    canonical(
        doc,
        "later_part_errors",
        replaced(without(part, ["timings_us"]), ["errors"], [item]) | {"timings_us": TIMINGS},
    )

    extremes = [
        -0.0,
        1.401298464324817e-45,
        3.4028234663852886e38,
        -3.4028234663852886e38,
        1.0,
        0.0,
    ]
    canonical(doc, "float_extremes", replaced(plain, ["embeddings", "data"], floats(*extremes)))
    biggest = 2**64 - 1
    canonical(doc, "timings_largest", plain | {"timings_us": dict.fromkeys(TIMINGS, biggest)})
    one = {
        "dtype": "f32",
        "dims": 384,
        "count": 1,
        "first": 0,
        "data": floats(*[i / 512 for i in range(384)]),
    }
    canonical(doc, "dims_384", plain | {"embeddings": one, "tokens": [2], "truncated": [False]})

    def packed(name, dtype, dims, data, count=1):
        block = {"dtype": dtype, "dims": dims, "count": count, "first": 0, "data": data}
        rows = {"tokens": [2] * count, "truncated": [False] * count}
        canonical(doc, name, plain | {"embeddings": block} | rows)

    for dtype, data in PACKED.items():
        packed(dtype, dtype, 3, data, count=2)
    # Negative zero, the smallest, the largest, and the first that is not subnormal.
    packed("f16_extremes", "f16", 4, b"\x00\x80\x01\x00\xff\xfb\x00\x04")
    packed("i8_scale_largest", "i8", 2, scaled(3.4028234663852886e38, 1, -1))
    packed("i8_scale_smallest", "i8", 2, scaled(1.401298464324817e-45, 127, -127))
    packed("ubinary_8", "ubinary", 8, b"\xff")
    packed("ubinary_9", "ubinary", 9, b"\x01\x80\xfe\x00", count=2)
    packed("ubinary_384", "ubinary", 384, bytes(range(48)))

    # No errors are written as no key; a list that says so is read alike.
    other(doc, "errors_empty", pack(plain | {"errors": []}), "minimal")
    # A newer worker may say more, anywhere.
    more = {"future": {"a": [1, None, F64(0.5), b"x"]}}
    data = (
        plain
        | more
        | {
            "embeddings": plain["embeddings"] | more,
            "timings_us": plain["timings_us"] | {"decode": 3},
        }
    )
    other(doc, "unknown_keys", pack(data), "minimal")
    item = TEXT_REPLY["errors"][0] | {"hint": "split it"}
    other(doc, "unknown_key_in_item", pack(replaced(TEXT_REPLY, ["errors", 0], item)), "full")
    other(doc, "unknown_key_first", pack({"a": 1} | plain), "minimal")
    other(doc, "unknown_value_depth_16", pack(plain | {"future": nested(15)}), "minimal")


def info(canonical, other, other_forms):
    doc = "info-request"
    canonical(doc, "empty_map", {})
    other(doc, "empty_payload", b"", "empty_map")
    other(doc, "map_16", b"\xde\x00\x00", "empty_map")
    other(doc, "map_32", b"\xdf\x00\x00\x00\x00", "empty_map")

    doc = "info-reply"
    reply = models.INFO_REPLY
    canonical(doc, "full", reply)
    other_forms(doc, "full")
    empty = dict.fromkeys(("features", "prompts", "aliases"), [])
    canonical(doc, "empty_lists", reply | empty)
    plain = without(reply, ["matryoshka"])
    canonical(doc, "minimal", plain)
    # None are written as no key; a list that says so is read alike.
    other(doc, "matryoshka_empty", pack(reply | {"matryoshka": []}), "minimal")
    canonical(doc, "empty_strings", reply | {"license": "", "source": ""})
    more = reply | {"future": {"x": None}, "limits": reply["limits"] | {"max_sessions": 4}}
    other(doc, "unknown_keys", pack(more), "full")


def errors(canonical, other, other_forms):
    doc = "error-reply"
    reply = models.ERROR_REPLY
    canonical(doc, "full", reply)
    other_forms(doc, "full")
    plain = {
        "code": 400,
        "name": "invalid_request",
        "message": 'unknown key "dimension"',
        "retry": "never",
    }
    canonical(doc, "minimal", plain)
    canonical(
        doc,
        "limit_only",
        {
            "code": 413,
            "name": "payload_too_large",
            "message": "",
            "retry": "never",
            "limit": 2**64 - 1,
        },
    )
    # Names grow; a client that does not know one still knows whether to retry.
    canonical(
        doc,
        "unknown_name",
        {"code": 507, "name": "out_of_vectors", "message": "?", "retry": "once"},
    )
    other(doc, "unknown_keys", pack(plain | {"help": ["x"]}), "minimal")


def alive(canonical, other, other_forms):
    doc = "alive-frame"
    frame = models.ALIVE_FRAME
    canonical(doc, "full", frame)
    other_forms(doc, "full")
    canonical(doc, "empty_instance", frame | {"instance": ""})
    other(doc, "unknown_keys", pack(frame | {"queued": {"tokens": [7, None]}}), "full")


def admin(canonical, other, other_forms):
    for doc, model, option in [
        ("admin-request", models.ADMIN_REQUEST, "instance"),
        ("admin-reply", models.ADMIN_REPLY, "space"),
    ]:
        canonical(doc, "full", model)
        other_forms(doc, "full")
        canonical(doc, "minimal", {key: value for key, value in model.items() if key != option})
    unknown = pack(models.ADMIN_REPLY | {"memory_bytes": [7, None]})
    other("admin-reply", "unknown_keys", unknown, "full")


def cancel(canonical, other_forms):
    doc = "cancel-request"
    request = models.CANCEL_REQUEST
    canonical(doc, "full", request)
    other_forms(doc, "full")
    canonical(doc, "one", {"attempts": request["attempts"][:1]})
    # Twice the same is no fault: it is cancelled once.
    canonical(doc, "twice", {"attempts": request["attempts"][:1] * 2})
    canonical(doc, "extremes", {"attempts": ["0" * 32, "f" * 32]})
    for count in (15, 16, 256):
        canonical(doc, f"attempts_{count}", {"attempts": [f"{at:032x}" for at in range(count)]})
