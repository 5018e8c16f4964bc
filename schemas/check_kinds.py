"""What JSON Schema cannot say of sparse vectors, images, rerankings and joint vectors."""

import itertools
import math
import struct


def fault(document, limits):
    """What is wrong with the document; None if nothing is."""
    return next(faults(document, limits), None)


def faults(document, limits):
    for key, most in (
        ("documents", "max_inputs"),
        ("images", "max_images"),
        ("objects", "max_images"),
    ):
        if len(document.get(key, ())) > limits[most]:
            yield f"too many {key}"
    goes_on = document.get("colbert", {}).get("from", 0) > 0
    blocks = [document[key] for key in ("embeddings", "sparse", "colbert") if key in document]
    for block in blocks:
        if (block["first"], block["count"]) != (blocks[0]["first"], blocks[0]["count"]):
            yield "the blocks are of different rows"
        if "tokens" not in document and not goes_on and block["count"] > limits["max_images"]:
            yield "count is above max_images"
        for key in ("tokens", "truncated"):
            if key in document and len(document[key]) != block["count"]:
                yield f"{key} has not count entries"
    if "sparse" in document:
        yield from sparse(document["sparse"])
    if "colbert" in document:
        yield from colbert(document["colbert"])
    if "results" in document:
        yield from ranking(document)


def sparse(block):
    offsets, indices = uint32s(block["offsets"]), uint32s(block["indices"])
    if not ragged(offsets, block["count"]):
        yield "offsets do not rise from 0 over count rows"
    elif len(block["indices"]) != 4 * offsets[-1] or len(block["values"]) != 4 * offsets[-1]:
        yield "there are not as many indices and values as the last offset"
    elif not finite(block["values"]):
        yield "a value is not finite"
    else:
        rows = (indices[start:end] for start, end in itertools.pairwise(offsets))
        if any(one >= two for row in rows for one, two in itertools.pairwise(row)):
            yield "indices do not rise within a row"


def colbert(block):
    offsets = uint32s(block["offsets"])
    if not ragged(offsets, block["count"]):
        yield "offsets do not rise from 0 over count rows"
    elif len(block["data"]) != 4 * offsets[-1] * block["dims"]:
        yield "data is not vectors × dims × 4 bytes"
    elif not finite(block["data"]):
        yield "a number is not finite"


def ranking(document):
    documents, results = len(document["tokens"]), document["results"]
    if len(document["truncated"]) != documents:
        yield "tokens and truncated are of different lengths"
    places = [result["index"] for result in results]
    if len(set(places)) < len(places) or any(place >= documents for place in places):
        yield "a result is of no document, or of one that is there already"
    for one, two in itertools.pairwise(results):
        # Zeros of both signs are worth the same, in whichever order.
        same = struct.pack("<f", one["score"]) == struct.pack("<f", two["score"])
        if one["score"] < two["score"] or same and one["index"] > two["index"]:
            yield "the results are not best first"


def uint32s(data):
    """The numbers; None if they are not whole."""
    return None if len(data) % 4 else [number for (number,) in struct.iter_unpack("<I", data)]


def ragged(offsets, count):
    return (
        offsets is not None
        and len(offsets) == count + 1
        and offsets[0] == 0
        and offsets == sorted(offsets)
    )


def finite(data):
    return all(math.isfinite(number) for (number,) in struct.iter_unpack("<f", data))
