"""Checks the vectors against the schemas: bytes, JSON twins and reasons for refusal."""

import json
import math
import struct

import check_kinds
from decode import Refused, decode
from jsonschema import Draft202012Validator, validators
from pack import F32, pack, twin

# The types of a decoded MessagePack document are stricter than JSON's: bytes are
# no string, a whole float is no integer, and a float64 is no float32.
MSGPACK = validators.extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            "bin": lambda _, value: isinstance(value, bytes),
            "float32": lambda _, value: isinstance(value, F32),
            "integer": lambda _, value: isinstance(value, int) and not isinstance(value, bool),
        }
    ),
)


def check(tables, folder):
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    schemas = tables.schemas.items()
    json_form = {name: tables.validator(schema) for name, schema in schemas}
    binary_form = {
        name: tables.validator(schema, MSGPACK, as_msgpack) for name, schema in schemas
    }

    def load(name):
        return json.loads((folder / name).read_text(encoding="utf-8"))

    def read(row):
        data = (folder / row["file"]).read_bytes()
        if not data and row["document"] == "info-request":
            return {}
        document = decode(data, tables.limits["max_depth"])
        fault = next(binary_form[row["document"]].iter_errors(document), None)
        if fault is not None:
            raise Refused(fault.message)
        beyond_schema(document, tables.limits)
        return document

    for row in manifest["valid"]:
        model = load(row["json"])
        for fault in json_form[row["document"]].iter_errors(model):
            tables.expect(False, f"{row['json']}: {fault.message}")
        if row["canonical"]:
            ordered = [
                key for key in tables.schemas[row["document"]].get("properties", {}) if key in model
            ]
            tables.same(f"{row['json']}: order of keys", list(model), ordered)
        try:
            document = read(row)
        except Refused as fault:
            tables.expect(False, f"{row['file']}: refused: {fault}")
            continue
        # Unknown keys of a reply are in the bytes but not in the model.
        tables.expect(covers(twin(document), model), f"{row['file']}: is not {row['json']}")

    for row in manifest["rejecting"]:
        tables.expect(row["error"] in tables.errors, f"{row['file']}: unknown error {row['error']}")
        try:
            read(row)
        except Refused:
            pass
        else:
            tables.expect(False, f"{row['file']}: accepted, though {row['why']}")
        if "json" in row:
            name = row["file"].rpartition("/")[2].removesuffix(".msgpack")
            refused = not json_form[row["document"]].is_valid(load(row["json"])[name])
            tables.expect(refused, f"{row['json']}: {name} is accepted, though {row['why']}")
    return len(manifest["valid"]) + len(manifest["rejecting"])


def as_msgpack(schema):
    """The schema of the MessagePack form: x-msgpack-type for JSON's type, and no x-json-only."""
    if isinstance(schema, list):
        return [as_msgpack(item) for item in schema if not has(item, "x-json-only")]
    if not isinstance(schema, dict):
        return schema
    found = {key: as_msgpack(value) for key, value in schema.items()}
    if "x-msgpack-type" in found:
        found["type"] = found["x-msgpack-type"]
        found.pop("pattern", None)
    return found


def has(schema, key):
    return isinstance(schema, dict) and key in schema


def beyond_schema(document, limits):
    """The rules that JSON Schema cannot say."""
    if "meta" in document:
        require(len(pack(document["meta"])) <= limits["max_meta_bytes"], "meta is too long")
    require(len(document.get("inputs", [])) <= limits["max_inputs"], "too many inputs")
    attempts = document.get("attempts", [])
    require(len(attempts) <= limits["max_cancel_attempts"], "too many attempts")
    fault = check_kinds.fault(document, limits)
    require(fault is None, fault)
    block = document.get("embeddings")
    if block is None:
        return
    dims, count = block["dims"], block["count"]
    if "data" in block:
        check_packed(block["dtype"], dims, count, block["data"])
    else:
        require(len(block["rows"]) == count, "there are not count rows")
        require(all(len(row) == dims for row in block["rows"]), "a row has not dims numbers")
    for key in ("tokens", "truncated"):
        if key in document:
            require(len(document[key]) == count, f"{key} has not count entries")


def check_packed(dtype, dims, count, data):
    width = {"f32": 4 * dims, "f16": 2 * dims, "i8": 4 + dims, "ubinary": -(-dims // 8)}[dtype]
    require(len(data) == count * width, f"data is not count × {width} bytes")
    if not width:
        return
    for start in range(0, len(data), width):
        row = data[start : start + width]
        match dtype:
            case "f32" | "f16":
                layout = "<f" if dtype == "f32" else "<e"
                values = [value for (value,) in struct.iter_unpack(layout, row)]
            case "i8":
                scale, *steps = struct.unpack(f"<f{dims}b", row)
                values = [scale, *(fits_f32(step * scale) for step in steps)]
            case "ubinary":
                beyond = int.from_bytes(row) & ((1 << -dims % 8) - 1)
                require(not beyond, "a row has bits beyond its last value")
                values = []
        require(all(map(math.isfinite, values)), "a vector is not finite")


def fits_f32(value):
    """The value as a float32; infinite where it is beyond that."""
    try:
        return struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        return math.inf


def require(holds, why):
    if not holds:
        raise Refused(why)


def covers(found, model):
    """Whether found is the model, apart from keys that the model does not have."""
    if isinstance(model, dict) and isinstance(found, dict):
        return all(key in found and covers(found[key], value) for key, value in model.items())
    if isinstance(model, list) and isinstance(found, list):
        return len(model) == len(found) and all(map(covers, found, model))
    return model == found and type(model) in (type(found), float)
