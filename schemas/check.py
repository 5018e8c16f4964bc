#!/usr/bin/env python3
"""Checks that what is written here agrees with itself.

    .setup/venv/bin/python schemas/check.py

Prints each fault and exits 1. Needs the packages of requirements.in and no
network. That generated files are current is `generate.py --check` and
`vectors/make.py --check`, which need no packages.
"""

import json
import pathlib
import sys

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

SCHEMAS = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(SCHEMAS / "vectors"))

import check_asyncapi  # noqa: E402
import check_vectors  # noqa: E402


class Tables:
    """The tables and schemas of this folder, and the faults found in them."""

    def __init__(self):
        self.faults = []
        self.errors = {row["name"]: row for row in self.load("errors.json")["errors"]}
        self.limits = {row["name"]: row["value"] for row in self.load("limits.json")["limits"]}
        self.names = {}
        for group in self.load("protocol.json")["groups"]:
            for row in group["names"]:
                self.names[row["name"]] = self.resolved(row["value"])
        paths = sorted(SCHEMAS.glob("*.schema.json"))
        self.schemas = {
            path.name.removesuffix(".schema.json"): self.load(path.name) for path in paths
        }

    def validator(self, schema, of=Draft202012Validator, form=lambda schema: schema):
        """A validator of a schema that may refer to other files of this folder, all in one form."""
        files = [
            (file["$id"], DRAFT202012.create_resource(form(file))) for file in self.schemas.values()
        ]
        return of(form(schema), registry=Registry().with_resources(files))

    def resolved(self, value):
        if isinstance(value, str):
            return value
        return [self.names[item[1:]] if item.startswith("@") else item for item in value]

    @staticmethod
    def load(name):
        return json.loads((SCHEMAS / name).read_text(encoding="utf-8"))

    def expect(self, holds, fault):
        if not holds:
            self.faults.append(fault)

    def same(self, what, found, wanted):
        self.expect(found == wanted, f"{what}: {found!r}, expected {wanted!r}")


def check_schemas(tables):
    """Each schema is one, and repeats the tables truly where it must repeat them."""
    for name, schema in tables.schemas.items():
        try:
            Draft202012Validator.check_schema(schema)
        except Exception as error:  # the library raises several kinds
            tables.expect(False, f"{name}.schema.json: {error}")
        # A request with an option that nobody reads would be answered wrongly.
        closed = schema.get("additionalProperties", True) is False
        tables.same(f"{name}.schema.json: closed", closed, name.endswith("-request"))

    properties = {name: schema.get("properties", {}) for name, schema in tables.schemas.items()}
    for name in ("text-request", "image-request"):
        encodings = properties[name]["encoding"]["enum"]
        tables.same(f"{name}.schema.json: encoding", encodings, tables.names["encodings"])
    outputs = properties["joint-request"]["outputs"]["items"]["enum"]
    tables.same("joint-request.schema.json: outputs", outputs, tables.names["outputs"])
    kinds = properties["rerank-reply"]["score_kind"]["enum"]
    tables.same("rerank-reply.schema.json: score_kind", kinds, tables.names["score_kinds"])
    retries = set(properties["error-reply"]["retry"]["enum"])
    tables.same(
        "error-reply.schema.json: retry", retries, {row["retry"] for row in tables.errors.values()}
    )
    info = tables.schemas["info-reply"]["$defs"]
    published = {*info["limits"]["properties"], *info["images"]["properties"]}
    tables.expect(
        published <= set(tables.limits),
        f"info-reply.schema.json: limits unknown to limits.json: {published - set(tables.limits)}",
    )
    for name in ("control_root", "cancel_subject", "instance_root", "admin_root"):
        root = tables.names["control_root"]
        tables.expect(
            (tables.names[name] + ".").startswith(root + "."),
            f"protocol.json: {name} is not under {root}",
        )


def main():
    tables = Tables()
    check_schemas(tables)
    check_asyncapi.check(tables, SCHEMAS / "asyncapi.yaml")
    vectors = check_vectors.check(tables, SCHEMAS / "vectors")
    for fault in tables.faults:
        print(fault, file=sys.stderr)
    if tables.faults:
        sys.exit(1)
    print(f"{len(tables.schemas)} schemas, asyncapi.yaml and {vectors} vectors agree")


if __name__ == "__main__":
    main()
