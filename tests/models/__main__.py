"""Makes small models for entries of the catalogue, laid out as a hub cache.

usage: python tests/models <entries.json> <folder> [--seed N]

entries.json is what `fastembed-worker models --json` prints. The folder is what HF_HOME names. Each model has seeded
random weights and the input names, output names and sizes of the model whose name it bears, and is a few hundred
kilobytes large. One that tells twenty different inputs too little apart is refused (accept.py).
"""

import argparse
import json
import sys
from pathlib import Path

import accept
import families
import layout


def main():
    parser = argparse.ArgumentParser(prog="tests/models", description=__doc__.split("\n")[0])
    parser.add_argument("entries", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    entries = json.loads(arguments.entries.read_text())
    try:
        revisions = layout.write(arguments.seed, entries, arguments.folder)
        for entry in entries:
            measured = accept.check(arguments.folder, entry)
            numbers = ", ".join(f"{name} {number:.2f}" for name, number in measured.items())
            print(f"{entry['op']:7} {entry['name']:32} {revisions[entry['repository']]}  {numbers}")
    except (families.Unknown, layout.Missing, accept.Degenerate) as failure:
        sys.exit(f"models: {failure}")


if __name__ == "__main__":
    main()
