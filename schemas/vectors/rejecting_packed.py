"""Blocks of packed vectors that a decoder refuses."""

import math

from models import PACKED, TEXT_REPLY, TEXT_REPLY_ARRAY
from pack import F32, halves, scaled

MAX = 2**32 - 1
NON_FINITE = {"nan": math.nan, "infinity": math.inf, "minus_infinity": -math.inf}


def packed_rows(maker):
    """Blocks of the encodings that are narrower than float32."""
    widths = {"f16": "count × dims × 2", "i8": "count × (4 + dims)", "ubinary": "count × dims / 8"}
    for dtype, data in PACKED.items():
        block = TEXT_REPLY["embeddings"] | {"dtype": dtype, "data": data}

        def packed(name, why, json=False, *, dtype=dtype, block=block, **changed):
            maker.put(f"{dtype}_{name}", why, "embeddings", block | changed, json)

        width = widths[dtype]
        packed("one_short", f"the data is a byte short of {width}", data=data[:-1])
        packed("one_long", f"the data is a byte more than {width}", data=data + b"\x00")
        packed("empty", "the data is empty", data=b"")
        packed("as_f32", f"`{dtype}` has the data of f32", data=TEXT_REPLY["embeddings"]["data"])
        packed("count_too_big", "the data holds fewer rows than `count`", count=3)
        packed("largest_claim", "the data of 2^64 values is empty", dims=MAX, count=MAX, data=b"")
        both = {"rows": [[F32(0)] * 3] * 2}
        packed("data_and_rows", "there are both data and rows", json=True, **both)
        maker.put(
            f"dtype_{dtype}_with_rows",
            f"`{dtype}` has data, not rows",
            "embeddings.dtype",
            dtype,
            json=True,
            base=TEXT_REPLY_ARRAY,
        )
        for name, value in NON_FINITE.items():
            if dtype == "f16":
                data = halves(0.5, 0, value, 0, 0, 0)
            elif dtype == "i8":
                data = scaled(0.5, 1, 2, 3) + scaled(value, 0, 0, 0)
            else:
                continue
            packed(name, f"a vector holds {name}", data=data)
    block = TEXT_REPLY["embeddings"] | {"dtype": "i8"}
    data = scaled(0.5, 1, 2, 3) + scaled(3.4028234663852886e38, 0, -2, 0)
    maker.put("i8_beyond_f32", "byte × scale is infinite", "embeddings", block | {"data": data})
    block = TEXT_REPLY["embeddings"] | {"dtype": "ubinary"}
    for name, data in [("first", b"\x10\x00"), ("last", b"\x00\x01")]:
        why = f"the {name} row has a bit beyond its last value"
        maker.put(f"ubinary_more_bits_{name}", why, "embeddings", block | {"data": data})
