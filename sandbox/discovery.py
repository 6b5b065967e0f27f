"""Google's own description of its APIs, used to check what the sandbox is asked and what it answers.

The documents come with `google-api-python-client`, a development dependency.
They list names and types; they do not say which fields must be there.
"""

from __future__ import annotations

import json
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from jsonschema import Draft202012Validator

    from sandbox.field_mask import FieldMask

Schema = dict[str, Any]

# Parameters that a service takes though its description of the method lacks them; gspread sends this one.
_TOLERATED = {"drive.files.get": {"includeItemsFromAllDrives"}}
_PATTERNS = {
    "google-duration": r"^-?\d+(\.\d{1,9})?s$",
    "byte": r"^[A-Za-z0-9+/_=-]*$",
    "int64": r"^-?\d+$",
    "uint64": r"^\d+$",
}


def discovery(api: str) -> Discovery | None:
    """Return the description of `sheets.v4` and the like, or None where it is not installed."""
    installed = all(find_spec(name) for name in ("googleapiclient", "jsonschema"))
    return _discovery(api) if installed else None


@cache
def _discovery(api: str) -> Discovery:
    import googleapiclient

    folder = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents"
    return Discovery(json.loads((folder / f"{api}.json").read_text(encoding="utf-8")))


class Discovery:
    """One discovery document; its methods are named by their ids, such as `sheets.spreadsheets.get`."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._validators: dict[str, Draft202012Validator] = {}

    def request_violations(self, method_id: str, query: Mapping[str, Sequence[str]], mask: FieldMask) -> list[str]:
        """Return what is wrong with query parameters and field mask, in sentences."""
        method = self._methods[method_id]
        parameters = {**self._document["parameters"], **method.get("parameters", {})}
        wrong: list[str] = []
        for name, values in query.items():
            if name not in parameters:
                if name not in _TOLERATED.get(method_id, ()):
                    wrong.append(f"query parameter {name!r} does not exist")
            else:
                wrong.extend(_parameter_violations(name, parameters[name], values))
        schema = {"$ref": method["response"]["$ref"]}
        wrong.extend(f"field {'.'.join(path)!r} does not exist" for path in mask.paths() if not self._has(schema, path))
        return wrong

    def answer_violations(self, method_id: str, document: Any) -> list[str]:  # noqa: ANN401  JSON
        """Return what is wrong with the answer of a method, in sentences."""
        return self.schema_violations(self._methods[method_id]["response"]["$ref"], document)

    def schema_violations(self, name: str, document: Any) -> list[str]:  # noqa: ANN401  JSON
        """Return what is wrong with a document that should be a `name` of this description."""
        errors = self._validator(name).iter_errors(document)
        return [f"{error.json_path}: {error.message}" for error in errors]

    @cached_property
    def _methods(self) -> dict[str, Mapping[str, Any]]:
        return {method["id"]: method for method in _methods(self._document)}

    def _validator(self, name: str) -> Draft202012Validator:
        from jsonschema import Draft202012Validator

        if name not in self._validators:
            schema = {"$ref": f"#/$defs/{name}", "$defs": self._definitions}
            self._validators[name] = Draft202012Validator(schema)
        return self._validators[name]

    @cached_property
    def _definitions(self) -> dict[str, Schema]:
        return {name: json_schema(schema) for name, schema in self._document["schemas"].items()}

    def _has(self, schema: Mapping[str, Any], path: Sequence[str]) -> bool:
        while True:
            if "$ref" in schema:
                schema = self._document["schemas"][schema["$ref"]]
            elif schema.get("type") == "array":
                schema = schema["items"]
            else:
                break
        if not path:
            return True
        if "additionalProperties" in schema:
            return self._has(schema["additionalProperties"], path[1:])
        properties = schema.get("properties", {})
        return path[0] in properties and self._has(properties[path[0]], path[1:])


def json_schema(schema: Mapping[str, Any]) -> Schema:
    """Turn a schema of a discovery document into JSON Schema; an object has no other fields than those listed."""
    if "$ref" in schema:
        return {"$ref": f"#/$defs/{schema['$ref']}"}
    kind = schema.get("type")
    if kind == "any":
        return {}
    if kind == "object":
        return _object_schema(schema)
    if kind == "array":
        return {"type": "array", "items": json_schema(schema["items"])}
    converted: Schema = {"type": kind}
    if "enum" in schema:
        converted["enum"] = schema["enum"]
    if schema.get("format") in _PATTERNS and kind == "string":
        converted["pattern"] = _PATTERNS[schema["format"]]
    if schema.get("format") == "int32":
        converted.update(minimum=-(2**31), maximum=2**31 - 1)
    return converted


def _object_schema(schema: Mapping[str, Any]) -> Schema:
    converted: Schema = {"type": "object"}
    if "properties" in schema:
        converted["properties"] = {name: json_schema(below) for name, below in schema["properties"].items()}
        converted["additionalProperties"] = False
    if "additionalProperties" in schema:
        converted["additionalProperties"] = json_schema(schema["additionalProperties"])
    return converted


def _methods(resource: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from resource.get("methods", {}).values()
    for below in resource.get("resources", {}).values():
        yield from _methods(below)


def _parameter_violations(name: str, parameter: Mapping[str, Any], values: Sequence[str]) -> Iterator[str]:
    if len(values) > 1 and not parameter.get("repeated"):
        yield f"query parameter {name!r} is given {len(values)} times"
    allowed = parameter.get("enum")
    for value in values:
        if allowed and value not in allowed:
            yield f"query parameter {name!r} is {value!r}, not one of {', '.join(allowed)}"
        if parameter["type"] == "boolean" and value.lower() not in ("true", "false"):
            yield f"query parameter {name!r} is {value!r}, not true or false"
