"""Documents that a decoder refuses, each for one reason."""

from dataclasses import dataclass

import kinds
import rejecting_control
import rejecting_kinds
import rejecting_text
from faults import BAD_UTF8, BOMBS, EXTENSIONS, MOST, NON_FINITE
from fields import FIELDS, WRONG, path_of
from models import BASE, is_request
from pack import F64, Pairs, Raw, nested, pack, replaced, without

# Every document, and the model that its variants start from.
DOCUMENTS = BASE | kinds.BASE

FAULTS = rejecting_text.FAULTS | rejecting_control.FAULTS | rejecting_kinds.FAULTS

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
        FAULTS[document](maker)
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
