"""Checks asyncapi.yaml: its form, its references, its names, and that no two replies are alike."""

import json
import warnings

import yaml
from jsonschema import Draft202012Validator
from pydantic import ValidationError

with warnings.catch_warnings():
    # Its models have a field called schema, which pydantic remarks on.
    warnings.simplefilter("ignore")
    from asyncapi3.models.asyncapi import AsyncAPI3


def check(tables, path):
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    try:
        AsyncAPI3.model_validate(document)
    except ValidationError as error:
        tables.expect(False, f"{path.name}: {error}")
        return
    Check(tables, path, document).run()


class Check:
    def __init__(self, tables, path, document):
        self.tables, self.path, self.document = tables, path, document

    def fault(self, text):
        self.tables.expect(False, f"{self.path.name}: {text}")

    def run(self):
        before = len(self.tables.faults)
        self.references(self.document)
        if len(self.tables.faults) > before:
            return  # what follows would only stumble over them
        self.names()
        self.operations()
        for name, channel in self.document["channels"].items():
            self.one_message_each(name, self.resolve(channel["messages"]))

    # --- references ---

    def references(self, value):
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                try:
                    self.target(value["$ref"])
                except (KeyError, OSError, ValueError):
                    self.fault(f"{value['$ref']} leads nowhere")
            for item in value.values():
                self.references(item)
        elif isinstance(value, list):
            for item in value:
                self.references(item)

    def target(self, reference):
        if not reference.startswith("#/"):
            return json.loads((self.path.parent / reference).read_text(encoding="utf-8"))
        value = self.document
        for key in reference[2:].split("/"):
            value = value[key]
        return value

    def resolve(self, value):
        """The value with every reference replaced by what it leads to."""
        if isinstance(value, dict):
            if "$ref" in value:
                # A schema file stands for itself: its own references are its own.
                target = self.target(value["$ref"])
                return self.resolve(target) if value["$ref"].startswith("#/") else target
            return {key: self.resolve(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        return value

    # --- what it says ---

    def names(self):
        names, channels = self.tables.names, self.document["channels"]
        root = names["subject_root"]
        same = self.tables.same
        ops = [names[f"op_{op}"] for op in ("text", "sparse", "image", "rerank", "joint")]
        for op in ops:
            same(f"asyncapi.yaml: {op}", channels[op]["address"], f"{root}.{op}.{{model}}")
        info = f"{root}.{names['op_info']}.{{op}}_{{model}}"
        same("asyncapi.yaml: info", channels["info"]["address"], info)
        parameters = self.document["components"]["parameters"]
        same("asyncapi.yaml: operations", parameters["op"]["enum"], ops)
        same("asyncapi.yaml: cancel", channels["cancel"]["address"], names["cancel_subject"])
        verbs = names["admin_root"] + ".{verb}"
        same("asyncapi.yaml: admin", channels["admin"]["address"], verbs)
        known = [names["admin_load"], names["admin_unload"]]
        same("asyncapi.yaml: verbs", parameters["verb"]["enum"], known)
        for channel in ("replies", "adminReplies", *(f"{op}Replies" for op in ops if op != names["op_text"])):
            same(f"asyncapi.yaml: {channel}", channels[channel]["address"], None)
        same(
            "asyncapi.yaml: type",
            self.document["defaultContentType"],
            names["content_type_msgpack"],
        )
        for prefix in names["default_reply_prefixes"]:
            if f"`{prefix}`" not in channels["replies"]["description"]:
                self.fault(f"replies do not name the prefix {prefix}")
        for name, operation in self.document["operations"].items():
            queue = operation.get("bindings", {}).get("nats", {}).get("queue")
            # What every worker must hear is in no group.
            group = None if name in ("cancel", "admin") else names["queue_group"]
            same(f"asyncapi.yaml: queue of {name}", queue, group)

        schemas = self.document["components"]["schemas"]
        used = {header for schema in schemas.values() for header in schema["properties"]}
        known = {value for name, value in names.items() if name.startswith("header_")}
        same("asyncapi.yaml: headers", sorted(used), sorted(known))
        request = schemas["requestHeaders"]["properties"]
        types = [*names["content_types_msgpack"], names["content_type_json"]]
        same("asyncapi.yaml: content types", request[names["header_content_type"]]["enum"], types)
        lanes = [names["lane_interactive"], names["lane_bulk"]]
        same("asyncapi.yaml: lanes", request[names["header_lane"]]["enum"], lanes)

    def operations(self):
        for name, operation in self.document["operations"].items():
            for side in filter(None, (operation, operation.get("reply"))):
                channel = side["channel"]["$ref"]
                for message in side["messages"]:
                    if not message["$ref"].startswith(f"{channel}/messages/"):
                        self.fault(f"{name}: {message['$ref']} is not of {channel}")

    def one_message_each(self, channel, messages):
        """Each example is the message it belongs to, and no other of its channel."""
        for name, message in messages.items():
            if not message.get("examples"):
                self.fault(f"{channel}: {name} has no example")
            for example in message.get("examples", []):
                found = [other for other, that in messages.items() if self.fits(example, that)]
                if found != [name]:
                    self.fault(f"{channel}: the example {example} of {name} reads as {found}")

    def fits(self, example, message):
        payload = message["payload"]
        schema = payload["schema"] if "schemaFormat" in payload else payload
        headers = Draft202012Validator(message["headers"])
        body = self.tables.validator(schema)
        fitting = headers.is_valid(example.get("headers", {}))
        return fitting and body.is_valid(example.get("payload"))
