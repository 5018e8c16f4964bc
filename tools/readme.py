#!/usr/bin/env python3
"""Writes the README's sections that state what another file decides.

Between `<!-- NAME: … -->` and `<!-- /NAME -->` stand the Go program of clients/go/README.md, the error table of
schemas/errors.json and, given with --metrics, the worker's own table of metrics. With --check nothing is written, and
the exit status is 1 where a section differs; a test of the worker compares the metrics.
"""

import argparse
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
README = ROOT / "README.md"


def go_program() -> str:
    text = (ROOT / "clients/go/README.md").read_text()
    program = re.search(r"```go\n.*?```", text, re.S)
    if program is None:
        sys.exit("clients/go/README.md has no Go program")
    return "\n" + program.group(0) + "\n"


def error_table() -> str:
    rows = ["| name | code | retry | what happened |", "|---|---|---|---|"]
    for error in json.loads((ROOT / "schemas/errors.json").read_text())["errors"]:
        rows.append(f"| `{error['name']}` | {error['code']} | {error['retry']} | {error['happened']} |")
    return "\n".join(rows)


def splice(text: str, name: str, body: str) -> str:
    section = re.compile(rf"(<!-- {name}: [^\n]*-->\n)(.*?)(\n<!-- /{name} -->)", re.S)
    if section.search(text) is None:
        sys.exit(f"README.md has no section {name}")
    return section.sub(lambda found: found.group(1) + body + found.group(3), text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where the README differs")
    parser.add_argument("--metrics", type=pathlib.Path, help="file with the table of metrics")
    options = parser.parse_args()

    before = README.read_text()
    after = splice(before, "go", go_program())
    after = splice(after, "errors", error_table())
    if options.metrics:
        after = splice(after, "metrics", options.metrics.read_text().rstrip())
    if options.check and after != before:
        sys.exit("README.md is out of date; run `make generate`")
    if after != before:
        README.write_text(after)
        print("wrote README.md")


if __name__ == "__main__":
    main()
