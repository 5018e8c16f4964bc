#!/usr/bin/env python3
"""Writes the MessagePack vectors and their manifest.

    python3 schemas/vectors/make.py           write the files
    python3 schemas/vectors/make.py --check   exit 1 and name what differs

Needs nothing but Python; the same input gives the same bytes.
"""

import json
import pathlib
import sys

import rejecting
import valid
from pack import pack, twin

HERE = pathlib.Path(__file__).resolve().parent
MADE = ("valid", "rejecting")
# A long twin is a list of many texts or one long one: not for reading.
LONG_TWIN = 2000


def files():
    """path → bytes of everything this script writes."""
    out = {}
    manifest = {"about": ABOUT, "valid": [], "rejecting": []}

    def add(path, data):
        if path in out:
            sys.exit(f"two vectors are called {path}")
        out[path] = data

    by_name = {(v.document, v.name): v for v in valid.vectors()}
    for vector in by_name.values():
        stem = f"valid/{vector.document}/{vector.name}"
        check_canonical(vector, by_name)
        add(f"{stem}.msgpack", vector.data)
        row = {"file": f"{stem}.msgpack", "document": vector.document}
        row["canonical"] = vector.same_as is None
        if vector.same_as:
            stem = f"valid/{vector.document}/{vector.same_as}"
            row["reencodes_to"] = f"{stem}.msgpack"
        else:
            add(f"{stem}.json", json_bytes(twin(vector.model)))
        row["json"] = f"{stem}.json"
        manifest["valid"].append(row)

    refused = {}
    for vector in rejecting.vectors():
        stem = f"rejecting/{vector.document}/{vector.name}"
        add(f"{stem}.msgpack", vector.data)
        row = {"file": f"{stem}.msgpack", "document": vector.document, "error": vector.error}
        row["why"] = vector.why
        if vector.twin is not rejecting.NOTHING:
            row["json"] = f"rejecting/{vector.document}.json"
            refused.setdefault(row["json"], {})[vector.name] = twin(vector.twin)
        manifest["rejecting"].append(row)
    for path, models in refused.items():
        add(path, one_a_line("  ", models))
    add("manifest.json", manifest_bytes(manifest))
    return out


ABOUT = (
    "file decodes as document. valid: json is the decoded document with bytes as base64; a "
    "canonical file is encoded again to itself, another to reencodes_to. rejecting: refused "
    "with error because of why; where json is given, that file holds the same fault in JSON "
    "under the vector's name, and a JSON decoder refuses it too."
)


def check_canonical(vector, by_name):
    """The two sides of `canonical` hold by construction; this says so if they stop to."""
    own = pack(vector.model)
    if vector.same_as is None:
        assert vector.data == own, vector.name
        return
    other = by_name[vector.document, vector.same_as]
    assert other.same_as is None and other.data == own != vector.data, vector.name


def json_bytes(model):
    text = json.dumps(model, ensure_ascii=False, allow_nan=False, indent=2)
    if len(text) > LONG_TWIN:
        text = json.dumps(model, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


def one_a_line(indent, models):
    rows = [
        f"{indent}{json.dumps(name)}: {json.dumps(m, ensure_ascii=False)}"
        for name, m in models.items()
    ]
    return ("{\n" + ",\n".join(rows) + "\n}\n").encode()


def manifest_bytes(manifest):
    """One vector a line, so that a change shows as a line."""
    parts = [f'  "about": {json.dumps(manifest["about"])}']
    for key in MADE:
        rows = ",\n".join("    " + json.dumps(row, ensure_ascii=False) for row in manifest[key])
        parts.append(f'  "{key}": [\n{rows}\n  ]')
    return ("{\n" + ",\n".join(parts) + "\n}\n").encode()


def present():
    found = {"manifest.json": HERE / "manifest.json"} if (HERE / "manifest.json").exists() else {}
    for folder in MADE:
        for path in (HERE / folder).rglob("*"):
            if path.is_file():
                found[path.relative_to(HERE).as_posix()] = path
    return found


def main(arguments):
    if arguments not in ([], ["--check"]):
        sys.exit(__doc__)
    made, there = files(), present()
    differs = [
        name for name, data in made.items() if name not in there or there[name].read_bytes() != data
    ]
    stale = [name for name in there if name not in made]
    if arguments:
        if differs or stale:
            sys.exit("differs from schemas/vectors/make.py: " + ", ".join(sorted(differs + stale)))
        return
    for name in differs:
        (HERE / name).parent.mkdir(parents=True, exist_ok=True)
        (HERE / name).write_bytes(made[name])
    for name in stale:
        there[name].unlink()
    print(f"{len(made)} files, {len(differs)} written, {len(stale)} removed")


if __name__ == "__main__":
    main(sys.argv[1:])
