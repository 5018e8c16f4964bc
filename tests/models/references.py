"""Writes what each entry's results should be, for tests to compare with.

usage: python tests/models/references.py <entries.json> <hub> <folder> [--seed N]

The entries' models lie in the hub cache, as `python tests/models` leaves them there; real ones do as well. For each
entry two files come about, named <op>_<name>:

.json   op, name, repository, revision; the inputs; whole numbers (tokens, indices, offsets, order); and `arrays`:
        name → {shape, offset}, the offset counted in numbers from the start of
.f32    little-endian float32, row-major, one array after the other

op      inputs               arrays
text    texts                vectors [texts, size]; length 1
sparse  texts                values, with offsets and indices as CSR; of the inference-free family query_… as well
rerank  queries, documents   logits, scores [queries, documents], which are their sigmoid; order: best first, a tie
                             by index
joint   texts                dense [texts, size]; sparse_… as of sparse; colbert [tokens, size] with colbert_offsets
image   images (file names)  pixels [images, 3, height, width]; vectors [images, size]; the files lie in images/

Everything runs one input at a time (reference.py).
"""

import argparse
import json
import sys
from pathlib import Path

import images
import numpy as np
import words
from reference import Model, csr, sigmoid

TEXTS = [*words.TEXTS, words.LONG]
# The last is too long for most models by itself, so that both sides of a pair are cut.
QUERIES = [*words.QUERIES, words.LONG]


def sparse_block(name, rows):
    indices, values, offsets = csr(rows)
    return {f"{name}indices": indices, f"{name}offsets": offsets}, {f"{name}values": values}


def text(model, _):
    return {"texts": TEXTS, "tokens": model.tokens(TEXTS)}, {"vectors": model.text(TEXTS)}


def sparse(model, _):
    facts, arrays = sparse_block("", model.sparse(TEXTS))
    if (model.folder / "idf.json").is_file():
        more_facts, more_arrays = sparse_block("query_", model.sparse_queries(TEXTS))
        facts, arrays = facts | more_facts, arrays | more_arrays
    return {"texts": TEXTS, "tokens": model.tokens(TEXTS), **facts}, arrays


def rerank(model, _):
    logits = np.stack([model.rerank([(query, each) for each in TEXTS]) for query in QUERIES])
    order = np.argsort(-logits, axis=1, kind="stable").tolist()
    arrays = {"logits": logits, "scores": sigmoid(logits)}
    return {"queries": QUERIES, "documents": TEXTS, "order": order}, arrays


def joint(model, _):
    dense, rows, colbert = model.joint(TEXTS)
    facts, arrays = sparse_block("sparse_", rows)
    offsets = np.cumsum([0, *map(len, colbert)]).tolist()
    facts = {"texts": TEXTS, "tokens": model.tokens(TEXTS), "colbert_offsets": offsets, **facts}
    return facts, {"dense": dense, **arrays, "colbert": np.concatenate(colbert)}


def image(model, fixtures):
    contents = list(fixtures.values())
    pixels = np.stack([model.pixels(content) for content in contents])
    return {"images": list(fixtures)}, {"pixels": pixels, "vectors": model.image(contents)}


KINDS = {each.__name__: each for each in (text, sparse, rerank, joint, image)}


def write(hub, entry, folder, fixtures):
    model = Model(hub, entry)
    facts, arrays = KINDS[entry["op"]](model, fixtures)
    about = {key: entry[key] for key in ("op", "name", "repository")}
    about |= {"revision": model.folder.name, **facts, "arrays": {}}
    offset = 0
    stem = f"{entry['op']}_{entry['name']}"
    with open(folder / f"{stem}.f32", "wb") as out:
        for name, array in arrays.items():
            about["arrays"][name] = {"shape": list(array.shape), "offset": offset}
            offset += array.size
            out.write(np.ascontiguousarray(array, "<f4").tobytes())
    (folder / f"{stem}.json").write_text(json.dumps(about, ensure_ascii=False, indent=1))
    return about


def read(folder, stem):
    """The document, and its arrays by name."""
    about = json.loads((folder / f"{stem}.json").read_text())
    numbers = np.fromfile(folder / f"{stem}.f32", "<f4")
    arrays = {}
    for name, at in about["arrays"].items():
        size = int(np.prod(at["shape"]))
        arrays[name] = numbers[at["offset"] : at["offset"] + size].reshape(at["shape"])
    return about, arrays


def main():
    parser = argparse.ArgumentParser(prog="tests/models/references.py", description=__doc__.split("\n")[0])
    parser.add_argument("entries", type=Path)
    parser.add_argument("hub", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0, help="of the test images")
    arguments = parser.parse_args()
    entries = json.loads(arguments.entries.read_text())
    fixtures = images.fixtures(arguments.seed)
    (arguments.folder / "images").mkdir(parents=True, exist_ok=True)
    for name, content in fixtures.items():
        (arguments.folder / "images" / name).write_bytes(content)
    for entry in entries:
        write(arguments.hub, entry, arguments.folder, fixtures)
    print(f"references: {len(entries)} entries in {arguments.folder}")


if __name__ == "__main__":
    sys.exit(main())
