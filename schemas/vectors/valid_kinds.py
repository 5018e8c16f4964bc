"""Documents of sparse vectors, images, rerankings and joint vectors that a decoder accepts."""

import kinds
from kinds import BASE, uint32s
from pack import F32, F64, floats, pack, replaced, without

IMAGE_LIMITS = {"max_images": 64, "max_image_bytes": 16_777_216, "max_image_megapixels": 50}


def vectors(canonical, other, other_forms):
    for document, model in BASE.items():
        canonical(document, "full", model)
        other_forms(document, "full")
    requests(canonical)
    replies(canonical, other)
    sparse(canonical)
    rerank(canonical)
    joint(canonical, other)
    infos(canonical, other)


def requests(canonical):
    for document in ("sparse-request", "joint-request"):
        canonical(document, "minimal", {"inputs": ["hello"]})
        canonical(document, "empty_text", {"inputs": [""]})
        for count in (15, 16, 4096):
            canonical(document, f"inputs_{count}", {"inputs": [""] * count})
    canonical("image-request", "minimal", {"images": [b"GIF89a"]})
    place = {"bucket": "images", "name": "a/b c.png"}
    canonical("image-request", "objects", {"objects": [place, place], "normalize": True})
    canonical("image-request", "images_64", {"images": [b""] * 64})
    for length in (255, 256, 65_536):
        canonical("image-request", f"image_{length}", {"images": [bytes(length)]})
    canonical("rerank-request", "minimal", {"query": "", "documents": ["hello"]})
    canonical("rerank-request", "documents_4096", {"query": "q", "documents": [""] * 4096})
    more = {"query": "q", "documents": ["a"], "top_n": 2**32 - 1, "raw_scores": True}
    canonical("rerank-request", "top_n_beyond", more)
    for output in ("dense", "sparse", "colbert"):
        canonical("joint-request", f"outputs_{output}", {"inputs": ["a"], "outputs": [output]})


def replies(canonical, other):
    for document, model in BASE.items():
        if not document.endswith("-reply"):
            continue
        plain = without(without(model, ["errors"]), ["meta"])
        canonical(document, "minimal", plain)
        other(document, "errors_empty", pack(plain | {"errors": []}), "minimal")
        more = {"future": {"a": [None, F64(0.5)]}}
        other(document, "unknown_keys", pack(plain | more), "minimal")


def sparse(canonical):
    document, plain = "sparse-reply", without(BASE["sparse-reply"], ["errors"])

    def block(name, count, offsets, indices, values, first=0):
        counts = {"tokens": [3] * count, "truncated": [False] * count}
        block = {"count": count, "first": first, "offsets": uint32s(*offsets)}
        block |= {"indices": uint32s(*indices), "values": floats(*values)}
        canonical(document, name, plain | {"sparse": block} | counts)

    block("rows_empty", 3, [0, 0, 0, 0], [], [])
    block("rows_none", 0, [0], [], [])
    # An index may fall where a new row begins.
    block("rows_ragged", 3, [0, 1, 1, 4], [9, 0, 8, 2**32 - 1], [1, 0, -1, 3.4028234663852886e38])
    block("later_part", 1, [0, 2], [1, 2], [1, 2], first=70_000)


def rerank(canonical):
    document, plain = "rerank-reply", without(BASE["rerank-reply"], ["errors"])
    counts = {"tokens": [1, 2, 3], "truncated": [False] * 3}

    def results(name, pairs, kind="sigmoid"):
        results = [{"index": index, "score": F32(score)} for index, score in pairs]
        canonical(document, name, plain | {"results": results, "score_kind": kind} | counts)

    results("ties", [(0, 0.5), (1, 0.5), (2, 0.5)])
    # Negative zero is as good as zero.
    results("ties_at_zero", [(0, -0.0), (1, 0.0), (2, -0.0)], "cosine")
    results("logits", [(2, 11.5), (0, -3.25), (1, -3.4028234663852886e38)], "logit")
    results("top_1", [(1, 1.0)])
    results("none", [])


def joint(canonical, other):
    document, full = "joint-reply", BASE["joint-reply"]
    for key in ("embeddings", "sparse", "colbert"):
        rest = [other for other in ("embeddings", "sparse", "colbert") if other != key]
        canonical(document, f"{key}_alone", without(without(full, rest[:1]), rest[1:]))
    wide = kinds.COLBERT | {"dims": 3, "offsets": uint32s(0, 0, 2)}
    canonical(document, "colbert_first_row_empty", full | {"colbert": wide})
    none = kinds.COLBERT | {"dims": 0, "data": b""}
    canonical(document, "colbert_without_dims", full | {"colbert": none})
    # Vectors that exceed a part go on in the next, alone.
    plain = without(without(full, ["errors"]), ["meta"])
    for key in ("embeddings", "sparse", "tokens", "truncated"):
        plain = without(plain, [key])
    block = {"dims": 2, "count": 1, "first": 1, "from": 130}
    block |= {"offsets": uint32s(0, 2), "data": floats(0, 1, 1, 0)}
    canonical(document, "row_goes_on", plain | {"colbert": block})
    largest = block | {"first": 2**32 - 1, "from": 2**32 - 1, "offsets": uint32s(0, 0), "data": b""}
    canonical(document, "row_goes_on_without_vectors", plain | {"colbert": largest})
    zero = replaced(full, ["colbert"], pairs_after_first(kinds.COLBERT, "from", 0))
    other(document, "from_0", pack(zero), "full")
    part = full
    for key in ("embeddings", "sparse", "colbert"):
        part = replaced(part, [key, "first"], 70_000)
    canonical(document, "later_part", without(part, ["errors"]))


def pairs_after_first(block, key, value):
    """The block with a key behind `first`."""
    found = {}
    for name, kept in block.items():
        found[name] = kept
        if name == "first":
            found[key] = value
    return found


def infos(canonical, other):
    document, base = "info-reply", without(kinds.INFO_REPLY, ["dimensions"])
    sparse = base | {"op": "sparse", "features": ["parts", "query"]}
    canonical(document, "sparse", sparse)
    other(document, "dimensions_0", pack(sparse | {"dimensions": 0}), "sparse")
    canonical(document, "rerank", base | {"op": "rerank", "score_kind": "sigmoid"})
    whole = kinds.INFO_REPLY
    canonical(document, "joint", whole | {"op": "joint", "outputs": ["dense", "sparse", "colbert"]})
    canonical(document, "image", whole | {"op": "image", "images": IMAGE_LIMITS})
