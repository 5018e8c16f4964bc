"""A strict MessagePack reader: the structural rules that hold for every document.

It serves check.py, and shows the rules in the fewest lines; the worker and the
client have their own.
"""

import math
import struct

from pack import F32, F64


class Refused(Exception):
    pass


def decode(data, max_depth):
    """The one map that the bytes hold."""
    reader = Reader(data, max_depth)
    value = reader.value(0)
    if reader.at != len(data):
        raise Refused(f"{len(data) - reader.at} trailing bytes")
    if not isinstance(value, dict):
        raise Refused("the document is not a map")
    return value


class Reader:
    def __init__(self, data, max_depth):
        self.data, self.at, self.max_depth = data, 0, max_depth

    def take(self, length):
        if length > len(self.data) - self.at:
            raise Refused(f"{length} bytes claimed, {len(self.data) - self.at} left")
        self.at += length
        return self.data[self.at - length : self.at]

    def number(self, layout):
        return struct.unpack(layout, self.take(struct.calcsize(layout)))[0]

    def value(self, depth):
        mark = self.number(">B")
        if mark < 0x80:
            return mark
        if mark < 0x90:
            return self.map(mark & 0x0F, depth)
        if mark < 0xA0:
            return self.array(mark & 0x0F, depth)
        if mark < 0xC0:
            return self.str(mark & 0x1F)
        if mark >= 0xE0:
            return mark - 256
        match mark:
            case 0xC0:
                return None
            case 0xC2 | 0xC3:
                return mark == 0xC3
            case 0xC4 | 0xC5 | 0xC6:
                return self.take(self.number((">B", ">H", ">I")[mark - 0xC4]))
            case 0xCA:
                return F32(finite(self.number(">f")))
            case 0xCB:
                return F64(finite(self.number(">d")))
            case 0xD9 | 0xDA | 0xDB:
                return self.str(self.number((">B", ">H", ">I")[mark - 0xD9]))
            case 0xDC | 0xDD:
                return self.array(self.number((">H", ">I")[mark - 0xDC]), depth)
            case 0xDE | 0xDF:
                return self.map(self.number((">H", ">I")[mark - 0xDE]), depth)
        if 0xCC <= mark <= 0xD3:
            return self.number((">B", ">H", ">I", ">Q", ">b", ">h", ">i", ">q")[mark - 0xCC])
        raise Refused(f"type byte {mark:#x} is an extension or never used")

    def str(self, length):
        try:
            return self.take(length).decode()
        except UnicodeDecodeError:
            raise Refused("a string is not UTF-8") from None

    def enter(self, depth, least_bytes):
        # Each item takes at least a byte, so a count is bounded before anything is made.
        if least_bytes > len(self.data) - self.at:
            raise Refused(f"{least_bytes} bytes of items claimed, {len(self.data) - self.at} left")
        if depth + 1 > self.max_depth:
            raise Refused(f"more than {self.max_depth} levels")
        return depth + 1

    def array(self, count, depth):
        depth = self.enter(depth, count)
        return [self.value(depth) for _ in range(count)]

    def map(self, count, depth):
        depth = self.enter(depth, 2 * count)
        found = {}
        for _ in range(count):
            key = self.value(depth)
            if not isinstance(key, str):
                raise Refused("a key is no string")
            if key in found:
                raise Refused(f"key {key!r} twice")
            found[key] = self.value(depth)
        return found


def finite(value):
    if not math.isfinite(value):
        raise Refused("a float is not finite")
    return value
