"""A small MessagePack writer that can also write what a well-behaved one never would."""

import base64
import struct
from dataclasses import dataclass


class F32(float):
    """A float32 scalar; its value is already rounded to what four bytes hold."""

    def __new__(cls, value):
        return super().__new__(cls, struct.unpack(">f", struct.pack(">f", value))[0])


class F64(float):
    """A float64 scalar."""


@dataclass(frozen=True)
class Raw:
    """Bytes put into a document as they are; they have no JSON twin."""

    data: bytes


@dataclass(frozen=True)
class Kept:
    """A value whose bytes a decoder keeps for the echo, with what they mean."""

    model: object
    data: bytes


@dataclass(frozen=True)
class Pairs:
    """A map written pair by pair, so that keys may repeat or be no strings."""

    pairs: list


@dataclass(frozen=True)
class Form:
    """Forces a wider form than needed; None takes the smallest.

    ints is "u" or "i" with a number of bits; the others count the bytes of the length.
    """

    ints: str | None = None
    strs: int | None = None
    bins: int | None = None
    arrays: int | None = None
    maps: int | None = None


SMALLEST = Form()

INT_FORMS = {
    "u8": (0xCC, ">B"),
    "u16": (0xCD, ">H"),
    "u32": (0xCE, ">I"),
    "u64": (0xCF, ">Q"),
    "i8": (0xD0, ">b"),
    "i16": (0xD1, ">h"),
    "i32": (0xD2, ">i"),
    "i64": (0xD3, ">q"),
}
LENGTHS = {1: ">B", 2: ">H", 4: ">I"}
STR = {1: 0xD9, 2: 0xDA, 4: 0xDB}
BIN = {1: 0xC4, 2: 0xC5, 4: 0xC6}
ARRAY = {2: 0xDC, 4: 0xDD}
MAP = {2: 0xDE, 4: 0xDF}


def pack(value, form=SMALLEST):
    """The MessagePack bytes of a value."""
    match value:
        case Raw() | Kept():
            return value.data
        case None:
            return b"\xc0"
        case bool():
            return b"\xc3" if value else b"\xc2"
        case F32():
            return b"\xca" + struct.pack(">f", value)
        case F64():
            return b"\xcb" + struct.pack(">d", value)
        case int():
            return pack_int(value, form.ints)
        case str():
            data = value.encode()
            return head(len(data), (0xA0, 32), STR, form.strs) + data
        case bytes():
            return head(len(value), None, BIN, form.bins) + value
        case list():
            items = b"".join(pack(item, form) for item in value)
            return head(len(value), (0x90, 16), ARRAY, form.arrays) + items
        case dict():
            return pack(Pairs(list(value.items())), form)
        case Pairs():
            items = b"".join(pack(k, form) + pack(v, form) for k, v in value.pairs)
            return head(len(value.pairs), (0x80, 16), MAP, form.maps) + items
    raise TypeError(f"no form for {value!r}; write floats as F32 or F64")


def pack_int(value, form):
    if form is not None:
        mark, layout = INT_FORMS[form]
        return bytes([mark]) + struct.pack(layout, value)
    if -32 <= value < 128:
        return struct.pack(">b", value)
    names = ("u8", "u16", "u32", "u64") if value >= 0 else ("i8", "i16", "i32", "i64")
    for name in names:
        try:
            return pack_int(value, name)
        except struct.error:
            continue
    raise ValueError(f"{value} is out of MessagePack's range")


def head(length, fix, marks, width):
    """The type byte and the length, in the given width or the smallest."""
    if width is None and fix is not None and length < fix[1]:
        return bytes([fix[0] | length])
    if width is None:
        width = min(w for w in marks if length < 1 << 8 * w)
    return bytes([marks[width]]) + struct.pack(LENGTHS[width], length)


def twin(value):
    """The value as JSON has it: bytes become base64."""
    match value:
        case Kept():
            return twin(value.model)
        case bytes():
            return base64.b64encode(value).decode()
        case list():
            return [twin(item) for item in value]
        case dict():
            return {key: twin(item) for key, item in value.items()}
        case Raw() | Pairs():
            raise TypeError("raw pieces have no JSON twin")
    return value


def floats(*values):
    """Float32 values, packed little-endian."""
    return struct.pack(f"<{len(values)}f", *values)


def halves(*values):
    """Float16 values, packed little-endian."""
    return struct.pack(f"<{len(values)}e", *values)


def scaled(scale, *steps):
    """A row of signed bytes behind the scale of all."""
    return struct.pack(f"<f{len(steps)}b", scale, *steps)


# --- making variants of a model ---------------------------------------------


def replaced(model, path, value):
    """The model with the value at the path put in, added if the key is new."""
    if not path:
        return value
    key, rest = path[0], path[1:]
    copy = list(model) if isinstance(model, list) else dict(model)
    copy[key] = replaced(copy[key], rest, value) if rest else value
    return copy


def without(model, path):
    """The model without the key at the path."""
    key, rest = path[0], path[1:]
    if not rest:
        return {k: v for k, v in model.items() if k != key}
    return replaced(model, [key], without(model[key], rest))


def at(model, path):
    for key in path:
        model = model[key]
    return model


def backwards(model):
    """The model with the keys of every map in reverse order."""
    match model:
        case dict():
            return {key: backwards(model[key]) for key in reversed(model)}
        case list():
            return [backwards(item) for item in model]
    return model


def nested(levels):
    """Arrays inside one another, so many levels of them."""
    return Raw(b"\x91" * (levels - 1) + b"\x90")
