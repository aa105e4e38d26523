"""The OpenAI API's own description (../shared/data/api/openai_openapi.json) as validators."""

import json

import jsonschema
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012


def _strict(node):
    """`nullable` is OpenAPI 3.0's word for what 3.1 says with a type; the description uses both."""
    if isinstance(node, list):
        return [_strict(one) for one in node]
    if not isinstance(node, dict):
        return node
    out = {key: _strict(value) for key, value in node.items() if key != "nullable"}
    return {"anyOf": [out, {"type": "null"}]} if node.get("nullable") is True else out


class Contract:
    def __init__(self, path):
        described = _strict(json.loads(path.read_text()))
        resource = Resource.from_contents(described, default_specification=DRAFT202012)
        self._registry = Registry().with_resource("urn:openai", resource)

    def check(self, schema, value):
        """Asserts that the value is what the schema of that name describes."""
        validator = jsonschema.Draft202012Validator({"$ref": f"urn:openai#/components/schemas/{schema}"}, registry=self._registry)
        faults = [f"{fault.json_path}: {fault.message[:300]}" for fault in validator.iter_errors(value)]
        assert not faults, f"not a {schema}: " + "; ".join(faults) + f"\n{json.dumps(value)[:2000]}"
        return value


def events(text):
    """The data of server-sent events on the wire; asserts that nothing but `data: …` lines is there."""
    assert text.endswith("\n\n"), text[-200:]
    out = []
    for event in text[:-2].split("\n\n"):
        assert event.startswith("data: ") and "\n" not in event and "\r" not in event, event
        out.append(event[len("data: ") :])
    return out
