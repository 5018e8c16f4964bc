"""Pieces that no document may hold."""

INFINITY = float("inf")
NAN = float("nan")
NON_FINITE = {"nan": NAN, "infinity": INFINITY, "minus_infinity": -INFINITY}
EXTENSIONS = {
    "ext_fix1": b"\xd4\x01\x00",
    "ext_fix16": b"\xd8\x01" + bytes(16),
    "ext_8": b"\xc7\x01\x05\x00",
    "ext_32": b"\xc9\x00\x00\x00\x01\x05\x00",
    "ext_timestamp": b"\xd6\xff\x00\x00\x00\x00",
}
BOMBS = {"array": b"\xdd", "map": b"\xdf", "bin": b"\xc6", "str": b"\xdb"}
MOST = b"\xff\xff\xff\xff"
# Two bytes of content would be claimed as 2^30 items: 16 GiB of pointers.
MANY = b"\x40\x00\x00\x00"

BAD_UTF8 = {
    "continuation": b"\xa1\x80",
    "overlong": b"\xa2\xc0\x80",
    "surrogate": b"\xa3\xed\xa0\x80",
    "above_unicode": b"\xa4\xf4\x90\x80\x80",
    "cut_short": b"\xa2\xe4\xb8",
}
