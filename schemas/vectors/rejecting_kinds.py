"""Documents of sparse vectors, images, rerankings and joint vectors that a decoder refuses."""

from faults import BAD_UTF8, BOMBS, EXTENSIONS, MANY, MOST, NON_FINITE
from kinds import COLBERT, IMAGE_REPLY, JOINT_REPLY, SPARSE, uint32s
from pack import F32, F64, Raw, floats, replaced, without


def texts(maker, key="inputs"):
    """Faults of a list of texts."""
    base = maker.base
    maker.model(f"{key}_empty", "there is no text", base | {key: []}, json=True)
    maker.model(f"{key}_4097", "one text more than the limit", base | {key: [""] * 4097})
    maker.model(f"{key}_10000", "many more texts than the limit", base | {key: [""] * 10_000})
    maker.model(f"{key}_str", f"`{key}` is a string", base | {key: "hello"}, json=True)
    maker.model(f"{key}_item_int", "a text is an integer", base | {key: ["a", 1]}, json=True)
    bombs(maker, key, "array")
    many = Raw(b"\xdd" + MANY + b"\xa1a")
    maker.put(f"{key}_bomb_many", f"`{key}` claims 1073741824 texts", key, many)
    for name, value in BAD_UTF8.items():
        maker.put(f"{key}_utf8_{name}", f"a text is not UTF-8 ({name})", key, [Raw(value)])
    ext = [Raw(EXTENSIONS["ext_8"])]
    maker.put(f"{key}_ext", "a text is an extension type", key, ext)
    maker.put("meta_4097_bytes", "`meta` takes more than its limit", "meta", {"k": "x" * 4091})


def bombs(maker, path, kind):
    name = path.replace(".", "_")
    why = f"`{path}` claims a {kind} of 4294967295"
    maker.put(f"{name}_bomb", why, path, Raw(BOMBS[kind] + MOST))


def sparse_request(maker):
    texts(maker)
    maker.put("normalize", "`normalize` is no key of this request", "normalize", True, json=True)


def image_request(maker):
    base = maker.base
    place = {"bucket": "images", "name": "a.png"}
    places = without(base, ["images"]) | {"objects": [place]}
    maker.model("images_empty", "there is no image", base | {"images": []}, json=True)
    maker.model("images_65", "one image more than the limit", base | {"images": [b""] * 65})
    maker.model("images_and_objects", "images and places", base | {"objects": [place]}, json=True)
    neither = without(base, ["images"])
    maker.model("neither", "there are neither images nor places", neither, json=True)
    maker.model("inputs", "an image request has no texts", base | {"inputs": ["a"]}, json=True)
    maker.model("objects_empty", "there is no place", places | {"objects": []}, json=True)
    maker.model("objects_65", "one place more than the limit", places | {"objects": [place] * 65})
    maker.model("objects_map", "`objects` is a map", places | {"objects": place}, json=True)
    for key in place:
        less = places | {"objects": [without(place, [key])]}
        maker.model(f"objects_0_{key}_missing", f"a place has no {key}", less, json=True)
        wrong = replaced(places, ["objects", 0, key], 1)
        maker.model(f"objects_0_{key}_int", f"a {key} is an integer", wrong, json=True)
    more = replaced(places, ["objects", 0, "region"], "x")
    maker.model("objects_0_unknown_key", "`region` is no key of a place", more, json=True)
    maker.model("images_0_not_base64", "an image is a string", base | {"images": ["!"]}, json=True)
    maker.put("dimensions_0", "`dimensions` is 0", "dimensions", 0, json=True)
    maker.put("encoding_unknown", "`f64` is no encoding", "encoding", "f64", json=True)
    bombs(maker, "images", "array")
    bombs(maker, "images.0", "bin")
    bomb = places | {"objects": Raw(b"\xdd" + MOST)}
    maker.model("objects_bomb", "`objects` claims 4294967295 places", bomb)


def rerank_request(maker):
    texts(maker, "documents")
    maker.put("top_n_0", "`top_n` is 0", "top_n", 0, json=True)
    maker.put("normalize", "`normalize` is no key of this request", "normalize", True, json=True)
    maker.put("query_list", "`query` is a list", "query", ["a"], json=True)
    maker.put("query_utf8", "`query` is not UTF-8", "query", Raw(BAD_UTF8["overlong"]))
    bombs(maker, "query", "str")


def joint_request(maker):
    texts(maker)
    maker.put("outputs_empty", "no output is wanted", "outputs", [], json=True)
    maker.put("outputs_unknown", "`bm25` is no output", "outputs", ["dense", "bm25"], json=True)
    twice = ["dense", "sparse", "dense"]
    maker.put("outputs_twice", "`dense` is wanted twice", "outputs", twice, json=True)
    maker.put("outputs_upper_case", "`Dense` is no output", "outputs", ["Dense"], json=True)
    bombs(maker, "outputs", "array")


def counts(maker):
    for key, more in (("tokens", 6), ("truncated", True)):
        values = maker.base[key]
        maker.put(f"{key}_one_less", f"`{key}` has an entry less than rows", key, values[:-1])
        maker.put(f"{key}_one_more", f"`{key}` has an entry more than rows", key, [*values, more])
        bombs(maker, key, "array")
    bombs(maker, "errors", "array")
    maker.put("meta_nan", "`meta` holds NaN", "meta", {"x": F64(NON_FINITE["nan"])})


def offsets(maker, block, base):
    """Faults of where ragged rows begin."""

    def put(name, why, value):
        maker.put(f"{block}_offsets_{name}", why, f"{block}.offsets", value)

    end = int.from_bytes(base["offsets"][-4:], "little")
    put("empty", "there are no offsets", b"")
    put("one_less", "there are as many offsets as rows", uint32s(0, end))
    put("one_more", "there are two offsets more than rows", uint32s(0, end, end, end))
    put("broken", "the offsets are no whole numbers", uint32s(0, end, end)[:-1])
    put("not_from_0", "the first offset is 1", uint32s(1, end, end))
    put("falling", "an offset is below the one before", uint32s(0, end + 1, end))
    put("beyond", "the last offset is beyond the entries", uint32s(0, end, end + 1))
    put("short", "the last offset is before the last entry", uint32s(0, 0, end - 1))
    put("largest", "the last offset is 4294967295", uint32s(0, end, 2**32 - 1))
    count = f"{block}.count"
    maker.put(f"{block}_count_largest", "there are not 4294967295 rows", count, 2**32 - 1)
    maker.put(f"{block}_count_0", "there are more than 0 rows", count, 0)
    bombs(maker, f"{block}.offsets", "bin")


def sparse_block(maker):
    offsets(maker, "sparse", SPARSE)

    def put(name, why, key, value):
        maker.put(f"sparse_{name}", why, f"sparse.{key}", value)

    put("indices_one_less", "there is an index less than entries", "indices", uint32s(7))
    put("indices_one_more", "there is an index more than entries", "indices", uint32s(7, 8, 9))
    put("indices_broken", "an index has three bytes", "indices", uint32s(7, 8)[:-1])
    put("indices_equal", "an index is there twice", "indices", uint32s(7, 7))
    put("indices_falling", "the indices of a row fall", "indices", uint32s(8, 7))
    put("values_one_less", "there is a value less than entries", "values", floats(1))
    put("values_one_more", "there is a value more than entries", "values", floats(1, 2, 3))
    for name, value in NON_FINITE.items():
        put(f"values_{name}", f"a value is {name}", "values", floats(1, value))
    bombs(maker, "sparse.indices", "bin")
    bombs(maker, "sparse.values", "bin")


def sparse_reply(maker):
    counts(maker)
    sparse_block(maker)
    rows = {"count": 2, "first": 0, "rows": [{"indices": [7], "values": [F32(1)]}] * 2}
    maker.put("sparse_rows", "rows are for JSON alone", "sparse", rows)


def image_reply(maker):
    counts_free = {"dtype": "f32", "dims": 0, "count": 65, "first": 0, "data": b""}
    maker.put("count_65", "there are more rows than images in a request", "embeddings", counts_free)
    largest = counts_free | {"count": 2**32 - 1}
    maker.put("count_largest", "there are 4294967295 rows of no numbers", "embeddings", largest)
    maker.put("data_one_short", "a byte is missing", "embeddings.data", bytes(23))
    for name, value in NON_FINITE.items():
        data = floats(0.5, -0.25, 0.1, 0, value, 0)
        maker.put(f"data_{name}", f"a vector holds {name}", "embeddings.data", data)
    maker.put("dtype_unknown", "`f64` is no dtype", "embeddings.dtype", "f64", json=True)
    # The same as in a text reply, 0 in 32 bits.
    wraps = IMAGE_REPLY["embeddings"] | {"dims": 2**31, "data": b""}
    maker.put("size_wraps", "count × dims × 4 only fits into 64 bits", "embeddings", wraps)
    bombs(maker, "embeddings.data", "bin")


def rerank_reply(maker):
    counts(maker)
    good = maker.base["results"]

    def put(name, why, value, json=False):
        maker.put(f"results_{name}", why, "results", value, json)

    def result(index, score):
        return {"index": index, "score": F32(score)}

    put("index_beyond", "a result is of a document that is not there", [result(3, 0.5)])
    put("index_largest", "a result is of document 4294967295", [result(2**32 - 1, 0.5)])
    put("twice", "two results are of one document", [result(1, 0.5), result(1, 0.5)])
    put("rising", "a better result stands behind a worse one", [result(0, 0.25), result(1, 0.75)])
    put("ties_falling", "results of one score are not by index", [result(1, 0.5), result(0, 0.5)])
    more = [result(index, 0.5) for index in (0, 1, 2, 0)]
    put("one_more", "there are more results than documents", more)
    put("item_list", "a result is a list", [[0, F32(0.5)]], json=True)
    for name, value in NON_FINITE.items():
        put(f"score_{name}", f"a score is {name}", [result(0, value)])
    maker.put("score_kind_unknown", "`bm25` is no kind of score", "score_kind", "bm25", json=True)
    document = "results.0.document"
    maker.put("results_0_document_int", "a document is an integer", document, 1, json=True)
    bombs(maker, "results", "array")
    bombs(maker, "results.0.document", "str")
    put("4097", "there are more results than any request has documents", good[:1] * 4097)


def joint_reply(maker):
    counts(maker)
    sparse_block(maker)
    offsets(maker, "colbert", COLBERT)
    blocks = ("embeddings", "sparse", "colbert")
    none = {key: value for key, value in JOINT_REPLY.items() if key not in blocks}
    maker.model("nothing", "there is no result", none, json=True)

    def put(name, why, key, value):
        maker.put(f"colbert_{name}", why, f"colbert.{key}", value)

    put("data_one_short", "a byte is missing", "data", bytes(23))
    put("data_one_long", "there is a byte more", "data", bytes(25))
    put("dims_wrong", "the numbers are not so many in a vector", "dims", 3)
    put("dims_largest", "vectors × dims × 4 is not the length of the data", "dims", 2**32 - 1)
    for name, value in NON_FINITE.items():
        put(f"data_{name}", f"a vector holds {name}", "data", floats(0, 0, value, 0, 0, 0))
    # 2^31 vectors of 2^31 numbers take 2^64 bytes, 0 in 64 bits.
    wraps = COLBERT | {"dims": 2**31, "offsets": uint32s(0, 2**31, 2**31), "data": b""}
    maker.put("colbert_size_wraps", "vectors × dims × 4 does not fit into 64 bits", "colbert", wraps)
    bombs(maker, "colbert.data", "bin")
    goes_on(maker)
    for key in ("sparse", "colbert"):
        maker.put(f"{key}_first_other", "the blocks begin at different rows", f"{key}.first", 1)
    less = {"count": 1, "first": 0, "offsets": uint32s(0, 0), "indices": b"", "values": b""}
    maker.put("sparse_count_other", "the blocks have different rows", "sparse", less)


def goes_on(maker):
    """Faults of a part that holds more vectors of a row that began before."""
    heads = ("model", "space", "instance", "timings_us")
    block = {"dims": 2, "count": 1, "first": 1, "from": 130}
    block |= {"offsets": uint32s(0, 1), "data": floats(0, 1)}
    part = {key: maker.base[key] for key in heads} | {"colbert": block}
    more = {
        "embeddings": IMAGE_REPLY["embeddings"] | {"count": 1, "first": 1, "data": floats(1, 0, 0)},
        "sparse": {"count": 1, "first": 1, "offsets": uint32s(0, 0), "indices": b"", "values": b""},
        "tokens": [9],
        "truncated": [False],
    }
    for key, value in more.items():
        why = f"a part in which a row goes on has `{key}`"
        maker.model(f"goes_on_with_{key}", why, part | {key: value}, json=True)
    two = block | {"count": 2, "offsets": uint32s(0, 1, 1)}
    why = "a part in which a row goes on has another row"
    maker.model("goes_on_with_a_row", why, part | {"colbert": two}, json=True)


FAULTS = {
    "sparse-request": sparse_request,
    "sparse-reply": sparse_reply,
    "image-request": image_request,
    "image-reply": image_reply,
    "rerank-request": rerank_request,
    "rerank-reply": rerank_reply,
    "joint-request": joint_request,
    "joint-reply": joint_reply,
}
