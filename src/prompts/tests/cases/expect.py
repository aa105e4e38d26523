#!/usr/bin/env python3
"""Writes what Python's jinja2 (3.1, StrictUndefined) makes of each case in templates.json beside it.

Run it after adding a case ({"template", "variables"}): pip install jinja2, then ./expect.py. `output` or `error` (syntax,
undefined, type, value) is what a render gives; `free` is what the template reads from its caller. `tojson` is replaced by
plain JSON, as chat templates have it; docs/reference/templates.md says why.
"""
import json
import pathlib

import jinja2
import jinja2.meta

PATH = pathlib.Path(__file__).with_name("templates.json")


def environment():
    env = jinja2.Environment(undefined=jinja2.StrictUndefined)
    env.filters["tojson"] = lambda value, indent=None: json.dumps(value, ensure_ascii=False, indent=indent)
    return env


def expected(env, case):
    try:
        free = sorted(jinja2.meta.find_undeclared_variables(env.parse(case["template"])))
        template = env.from_string(case["template"])
    except (jinja2.TemplateSyntaxError, SyntaxError):
        return {"error": "syntax"}
    try:
        return {"output": template.render(case["variables"]), "free": free}
    except jinja2.UndefinedError:
        return {"error": "undefined", "free": free}
    except TypeError:
        return {"error": "type", "free": free}
    except Exception:
        return {"error": "value", "free": free}


def main():
    env = environment()
    cases = [{"template": c["template"], "variables": c["variables"], **expected(env, c)} for c in json.loads(PATH.read_text())]
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    PATH.write_text("[\n" + lines + "\n]\n")


if __name__ == "__main__":
    main()
