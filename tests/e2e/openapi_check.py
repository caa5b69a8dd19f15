#!/usr/bin/env python3
"""What openapi.yaml says, held against the front-end: its route tables, its refusals' codes, its answers.

  openapi_check.py SOURCE refs | routes | queries | roles | codes
  openapi_check.py SOURCE answer METHOD ROUTE STATUS < BODY

Prints a line for each thing that differs.
"""
import glob
import json
import os
import re
import sys

import yaml

TABLES = ("api.c", "pki.c", "est.c")
SERVED_BEFORE_THE_TABLE = {("POST", "/pki/{ca}/ocsp"), ("GET", "/pki/{ca}/ocsp/{request}")}
ROLES = {"admin", "issuer", "auditor", "operator", "approver"}
READERS = {"admin", "issuer", "auditor"}
METHODS = ("get", "post", "patch", "put", "delete")


def file_read(*parts):
    with open("/".join(parts), encoding="utf-8") as f:
        return f.read()


class Strict(yaml.SafeLoader):
    """A key that stands twice is a mistake, not the last one."""

    def construct_mapping(self, node, deep=False):
        keys = [k.value for k, _ in node.value]
        twice = {k for k in keys if keys.count(k) > 1}
        if twice:
            raise yaml.YAMLError(f"{node.start_mark}: twice: {', '.join(twice)}")
        return super().construct_mapping(node, deep)


class Description:
    def __init__(self, source):
        self.source = source
        self.text = file_read(source, "daemon/frontd/openapi.yaml")
        self.all = yaml.load(self.text, Strict)

    def resolve(self, thing):
        while isinstance(thing, dict) and "$ref" in thing:
            at = self.all
            for part in thing["$ref"].removeprefix("#/").split("/"):
                at = at[part]
            thing = at
        return thing

    def operations(self):
        for path, item in self.all["paths"].items():
            for method in METHODS:
                if method in item:
                    shared = [self.resolve(p) for p in item.get("parameters", [])]
                    own = [self.resolve(p) for p in item[method].get("parameters", [])]
                    yield method.upper(), path, item[method], shared + own


def role_words(text, defines):
    """ROLE_ADMIN | READERS as names; macros are looked up."""
    names = set()
    for word in re.findall(r"\w+", text):
        if word in defines:
            names |= role_words(defines[word], defines)
        elif word.startswith("ROLE_"):
            names.add({"approves": "approver"}.get(word[5:].lower(), word[5:].lower()))
    return names


def tables(source):
    """(method, pattern) -> (file, roles, queries), as the C source has them."""
    rows = {}
    for name in TABLES:
        text = file_read(source, "daemon/frontd", name)
        defines = dict(re.findall(r"^#define (\w+) (.+)$", text, re.M))
        table = re.search(r"static const struct route routes\[\] = \{\n(.*?)^\};", text, re.M | re.S)
        for method, pattern, roles, queries in re.findall(
            r'\{ "(\w+)", ((?:\w+ )?(?:"[^"]*")?), ([^"]*), "([^"]*)",\s*\w+ \}', table.group(1)
        ):
            parts = [defines.get(w, w).strip('"') for w in pattern.split(" ")]
            rows[method, "".join(parts)] = (name, role_words(roles, defines), {q for q in queries.split(",") if q})
        assert len(re.findall(r"\{ \"", table.group(1))) == sum(r[0] == name for r in rows.values()), name
    return rows


def refs(d):
    def walk(thing):
        if isinstance(thing, dict):
            if "$ref" in thing:
                try:
                    d.resolve(thing)
                    used.add(thing["$ref"])
                except KeyError:
                    print(f"{thing['$ref']} leads nowhere")
            for value in thing.values():
                walk(value)
        elif isinstance(thing, list):
            for value in thing:
                walk(value)

    used = set()
    walk(d.all)
    for kind, things in d.all["components"].items():
        for name in things:
            if f"#/components/{kind}/{name}" not in used:
                print(f"{kind}/{name} is used by nothing")
    ids = [op.get("operationId") for _, _, op, _ in d.operations()]
    for one in {i for i in ids if ids.count(i) > 1}:
        print(f"operationId {one} stands twice, or is missing")
    for method, path, op, parameters in d.operations():
        stated = {p["name"] for p in parameters if p["in"] == "path"}
        if stated != set(re.findall(r"\{(\w+)\}", path)):
            print(f"{method} {path}: its path parameters are {sorted(stated)}")
        if not set(op["tags"]) <= {t["name"] for t in d.all["tags"]}:
            print(f"{method} {path}: an unknown tag")


def routes(d):
    described = {(m, p) for m, p, _, _ in d.operations()}
    served = set(tables(d.source)) | SERVED_BEFORE_THE_TABLE
    for method, path in sorted(served - described):
        print(f"{method} {path} is served and not described")
    for method, path in sorted(described - served):
        print(f"{method} {path} is described and not served")


def queries(d):
    rows = tables(d.source)
    for method, path, _, parameters in d.operations():
        stated = {p["name"] for p in parameters if p["in"] == "query"}
        known = rows.get((method, path), ("", set(), set()))[2]
        if stated != known:
            print(f"{method} {path} knows {sorted(known)}, and is described with {sorted(stated)}")


def roles(d):
    rows = tables(d.source)
    for method, path, op, _ in d.operations():
        name, needed, _ = rows.get((method, path), ("", set(), set()))
        if name != "api.c":
            continue
        said = re.search(r"\. Roles? ([\w, ]+)$", op["summary"])
        words = set(re.findall(r"\w+", said.group(1))) & ROLES if said else READERS
        if op["summary"].endswith("Any role"):
            words = READERS | {"operator"}
        if op["summary"].endswith("No role needed"):
            words = set()
        if words != needed:
            print(f"{method} {path} is for {sorted(needed)}, and described as for {sorted(words)}")


def codes(d):
    """Words with an underscore in prose are codes or fields: the front-end has them as texts. And its codes are named."""
    refusals = re.findall(r"REFUSAL\(\d+, (\w+)", file_read(d.source, "daemon/wire/inner_refusals.def"))
    known, given = {word.lower() for word in refusals}, set()
    for name in glob.glob(d.source + "/daemon/frontd/*.[ch]") + glob.glob(d.source + "/daemon/policy/*.[ch]"):
        text = file_read(name)
        for literal in re.findall(r'"((?:[^"\\\n]|\\.)*)"', text):
            known |= set(re.findall(r"\w+", literal))
        # One kind of certificate or another (root.c).
        known |= {f"{kind}_{what}" for kind in ("root", "certificate") for what in re.findall(r'refuse_kind\(\w+, "(\w+)"', text)}
        if os.path.basename(name) not in ("est.c", "est_input.c"):  # whose clients get sentences
            given |= set(re.findall(r'call_refuse\([^"()]*(?:\([^()]*\))?[^"()]*, \d+, "(\w+)"', text))
            given |= set(re.findall(r'\{ REFUSE_\w+, \d+, "(\w+)"', text))
            given |= set(re.findall(r'\brefuse\((?:c|why), "(\w+)"', text))
    named = set()

    def walk(thing, key=""):
        if isinstance(thing, dict):
            for k, v in thing.items():
                walk(v, k)
        elif isinstance(thing, list):
            for v in thing:
                walk(v, key)
        elif isinstance(thing, str) and key in ("description", "summary"):
            named.update(re.findall(r"\b[a-z]+(?:_[a-z0-9]+)+\b", thing))

    walk(d.all)
    for word in sorted(named - known):
        print(f"{word} is named in openapi.yaml and nowhere in the front-end")
    for word in sorted(given):
        if not re.search(rf"\b{word}\b", d.text):
            print(f"{word} is a code of the front-end, and openapi.yaml doesn't name it")


TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
}


def differs(d, schema, value, where):
    schema = d.resolve(schema)
    if value is None:
        return [] if schema.get("nullable") else [f"{where} is null"]
    if "allOf" in schema:
        whole = {}
        for part in schema["allOf"]:
            whole.update(d.resolve(part).get("properties", {}))
        return differs(d, {"type": "object", "properties": whole}, value, where)
    if "oneOf" in schema:
        each = [differs(d, one, value, where) for one in schema["oneOf"]]
        return [] if [] in each else each[0]
    kind = schema.get("type")
    if kind and (not isinstance(value, TYPES[kind]) or (kind == "integer" and isinstance(value, bool))):
        return [f"{where} is no {kind}"]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{where} is {value!r}, which is none of {schema['enum']}"]
    wrong = []
    if kind == "string" and schema.get("format") == "date-time":
        if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value):
            wrong.append(f"{where} is no time: {value}")
    if kind == "object" and "properties" in schema:
        for name in schema.get("required", []):
            if name not in value:
                wrong.append(f"{where}.{name} is missing")
        for name, inner in value.items():
            if name in schema["properties"]:
                wrong += differs(d, schema["properties"][name], inner, f"{where}.{name}")
            elif isinstance(schema.get("additionalProperties"), dict):
                wrong += differs(d, schema["additionalProperties"], inner, f"{where}.{name}")
            elif schema.get("additionalProperties") is not True:
                wrong.append(f"{where}.{name} is not described")
    elif kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        for name, inner in value.items():
            wrong += differs(d, schema["additionalProperties"], inner, f"{where}.{name}")
    if kind == "array":
        for i, inner in enumerate(value):
            wrong += differs(d, schema.get("items", {}), inner, f"{where}[{i}]")
    return wrong


def answer(d, method, route, status):
    for m, path, op, _ in d.operations():
        if (m, path) == (method, route):
            break
    else:
        print(f"{method} {route} is not described")
        return
    response = d.resolve(op["responses"].get(status))
    if not response:
        print(f"{method} {route} answers {status}, which is not described")
        return
    schema = response.get("content", {}).get("application/json", {}).get("schema")
    if schema is None:
        print(f"{method} {route}: no JSON is described for {status}")
        return
    for line in dict.fromkeys(re.sub(r"\[\d+\]", "[]", w) for w in differs(d, schema, json.load(sys.stdin), "")):
        print(f"{method} {route} {status}: {line}")


if __name__ == "__main__":
    description = Description(sys.argv[1])
    {"refs": refs, "routes": routes, "queries": queries, "roles": roles, "codes": codes, "answer": answer}[sys.argv[2]](
        description, *sys.argv[3:]
    )
