"""Expressions of CEL, made by chance but well-typed, and what cel-python makes of them."""

import datetime
import logging
import random

import celpy
from celpy import celtypes

VARIABLES = {
    "locale": ("string", "ru"),
    "tier": ("string", "gold"),
    "text": ("string", "My card é was swallowed"),
    "age": ("int", 34),
    "count": ("uint", 7),
    "score": ("double", 0.5),
    "beta": ("bool", True),
    "words": ("list(string)", ["card", "lost", "é", ""]),
    "numbers": ("list(int)", [3, -1, 0, 12]),
    "tags": ("map", {"channel": "app", "plan": "pro"}),
}
STRINGS = ["", "a", "ru", "gold", "card", "é", "🐱 x", "My", "12", "-7", "channel", "plan", "missing"]
PATTERNS = ["^c", "a+", "(ru|en)", "[a-z]{2,4}$", "", "é|x", "\\\\d"]
ZONES = ["UTC", "Europe/Berlin", "Asia/Tokyo", "America/New_York", "+05:30", "-02:00"]
TIMES = ["2026-03-29T00:59:59Z", "2026-11-26T14:02:11.5Z", "1999-12-31T23:59:59Z", "2024-02-29T12:00:00Z"]
DURATIONS = ["1h", "90s", "1h30m", "-5m", "24h", "1.5s", "0s", "200ms"]
INTS = ["0", "1", "2", "-1", "7", "34", "100", "-13", "9223372036854775807", "-9223372036854775808"]
DOUBLES = ["0.0", "1.0", "-2.5", "0.5", "1e3", "3.25", "1e-3", "123456.75"]
TYPES = ["bool", "int", "uint", "double", "string", "list(int)", "list(string)", "timestamp", "duration", "bytes"]


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.locals = []

    def pick(self, options):
        return self.random.choice(options)

    def make(self, kind, depth):
        if depth <= 0 or self.random.random() < 0.15:
            return self.leaf(kind)
        return getattr(self, "make_" + kind.replace("(", "_").replace(")", ""))(depth - 1)

    def leaf(self, kind):
        names = [name for name, (of, _) in VARIABLES.items() if of == kind] + [name for name, of in self.locals if of == kind]
        if names and self.random.random() < 0.5:
            return self.pick(names)
        if kind == "bool":
            return self.pick(["true", "false"])
        if kind == "int":
            return self.pick(INTS)
        if kind == "uint":
            return self.pick(["0u", "1u", "7u", "42u", "18446744073709551615u"])
        if kind == "double":
            return self.pick(DOUBLES)
        if kind == "string":
            return self.pick(["'", '"']).join(["", self.pick(STRINGS), ""])
        if kind == "bytes":
            return self.pick(["b'abc'", "b''", "b'\\x00\\xff'", "b'é'"])
        if kind == "list(int)":
            return self.pick(["[]", "[1, 2, 3]", "[5]", "[0, -1]"])
        if kind == "list(string)":
            return self.pick(["[]", "['a', 'ru']", "['gold']"])
        if kind == "map":
            return self.pick(["tags", "{'a': 'b'}", "{'plan': 'x', 'é': 'y'}"])
        if kind == "timestamp":
            return f"timestamp('{self.pick(TIMES)}')"
        return f"duration('{self.pick(DURATIONS)}')"

    def choose(self, kind, depth):
        return f"({self.make('bool', depth)} ? {self.make(kind, depth)} : {self.make(kind, depth)})"

    def macro(self, items, depth):
        """A list's text, a new variable and its type."""
        name = "xyzvw"[len(self.locals) % 5]
        return self.make(f"list({items})", depth), name

    def within(self, name, kind, body_kind, depth):
        self.locals.append((name, kind))
        body = self.make(body_kind, depth)
        self.locals.pop()
        return body

    def make_bool(self, depth):
        form = self.random.randrange(14)
        if form < 3:
            return f"({self.make('bool', depth)} {self.pick(['&&', '||'])} {self.make('bool', depth)})"
        if form == 3:
            return "!" + self.make("bool", depth)
        if form < 6:
            kind = self.pick(["int", "uint", "double", "string", "timestamp", "duration", "bytes"])
            return f"({self.make(kind, depth)} {self.pick(['<', '<=', '>', '>='])} {self.make(kind, depth)})"
        if form < 8:
            kind = self.pick(TYPES)
            return f"({self.make(kind, depth)} {self.pick(['==', '!='])} {self.make(kind, depth)})"
        if form == 8:
            if self.random.random() < 0.3:
                subject = self.pick(["locale", "tier", "text", "'gold'", "''"])
                return f"{subject}.contains({self.make('string', depth)})"
            return f"{self.make('string', depth)}.{self.pick(['startsWith', 'endsWith'])}({self.make('string', depth)})"
        if form == 9:
            return f"{self.make('string', depth)}.matches('{self.pick(PATTERNS)}')"
        if form == 10:
            kind = self.pick(["int", "string"])
            return f"({self.make(kind, depth)} in {self.make(f'list({kind})', depth)})"
        if form == 11 and self.random.random() < 0.3:
            name = "kmn"[len(self.locals) % 3]
            return f"{self.leaf('map')}.{self.pick(['all', 'exists', 'exists_one'])}({name}, {self.within(name, 'string', 'bool', depth)})"
        if form == 11:
            return self.pick(["has(tags.channel)", "has(tags.missing)", f"({self.make('string', depth)} in {self.leaf('map')})"])
        if form == 12:
            kind = self.pick(["int", "string"])
            items, name = self.macro(kind, depth)
            return f"{items}.{self.pick(['all', 'exists', 'exists_one'])}({name}, {self.within(name, kind, 'bool', depth)})"
        return self.choose("bool", depth)

    def make_int(self, depth):
        form = self.random.randrange(9)
        if form < 4:
            return f"({self.make('int', depth)} {self.pick(['+', '-', '*', '/', '%'])} {self.make('int', depth)})"
        if form == 4:
            return f"size({self.make(self.pick(['string', 'list(int)', 'list(string)', 'bytes', 'map']), depth)})"
        if form == 5:
            kind = self.pick(["uint", "double", "string", "int", "timestamp"])
            return f"int({self.leaf(kind) if kind == 'double' else self.make(kind, depth)})"
        if form == 6:
            part = self.pick(["Date", "DayOfMonth", "DayOfWeek", "DayOfYear", "FullYear", "Hours", "Minutes", "Month", "Seconds"])
            zone = self.pick(["", f"'{self.pick(ZONES)}'"])
            return f"{self.make('timestamp', depth)}.get{part}({zone})"
        if form == 7 and self.random.random() < 0.4:
            return f"{self.leaf('duration')}.get{self.pick(['Hours', 'Minutes', 'Seconds'])}()"
        if form == 7:
            return f"{self.make('list(int)', depth)}[{self.pick(['0', '1', '5'])}]"
        return self.choose("int", depth)

    def make_uint(self, depth):
        if self.random.random() < 0.3:
            return f"uint({self.make(self.pick(['int', 'uint']), depth)})"
        return f"({self.make('uint', depth)} {self.pick(['+', '-', '*', '/', '%'])} {self.make('uint', depth)})"

    def make_double(self, depth):
        if self.random.random() < 0.3:
            return f"double({self.make(self.pick(['int', 'uint', 'double']), depth)})"
        if self.random.random() < 0.3:
            return f"({self.make('double', depth)} / {self.pick(['2.0', '-0.5', '3.0'])})"
        return f"({self.make('double', depth)} {self.pick(['+', '-', '*'])} {self.make('double', depth)})"

    def make_string(self, depth):
        form = self.random.randrange(6)
        if form < 2:
            return f"({self.make('string', depth)} + {self.make('string', depth)})"
        if form == 2:
            return f"string({self.make(self.pick(['int', 'uint', 'string', 'bytes']), depth)})"
        if form == 3:
            return self.pick(["tags.channel", "tags['plan']", "tags.missing", "{'a': 'b'}[locale]"])
        if form == 4:
            return f"{self.make('list(string)', depth)}[{self.pick(['0', '1', '5'])}]"
        return self.choose("string", depth)

    def make_bytes(self, depth):
        if self.random.random() < 0.4:
            return f"bytes({self.make('string', depth)})"
        return f"({self.make('bytes', depth)} + {self.make('bytes', depth)})"

    def make_map(self, depth):
        return self.leaf("map")

    def make_list_int(self, depth):
        return self.make_list("int", depth)

    def make_list_string(self, depth):
        return self.make_list("string", depth)

    def make_list(self, kind, depth):
        form = self.random.randrange(4)
        if form == 0:
            return "[" + ", ".join(self.make(kind, depth - 1) for _ in range(self.random.randrange(4))) + "]"
        if form == 1:
            return f"({self.make(f'list({kind})', depth)} + {self.make(f'list({kind})', depth)})"
        source = self.pick(["int", "string"])
        if form == 2:
            items, name = self.macro(source, depth)
            return f"{items}.map({name}, {self.within(name, source, kind, depth)})"
        items, name = self.macro(kind, depth)
        return f"{items}.filter({name}, {self.within(name, kind, 'bool', depth)})"

    def make_timestamp(self, depth):
        if self.random.random() < 0.5:
            return f"({self.make('timestamp', depth)} {self.pick(['+', '-'])} {self.make('duration', depth)})"
        return self.leaf("timestamp")

    def make_duration(self, depth):
        form = self.random.randrange(3)
        if form == 0:
            return f"({self.make('duration', depth)} {self.pick(['+', '-'])} {self.make('duration', depth)})"
        if form == 1:
            return f"({self.make('timestamp', depth)} - {self.make('timestamp', depth)})"
        return self.leaf("duration")


def expressions(count, seed):
    maker = Maker(seed)
    return [maker.make(maker.pick(TYPES), maker.random.randrange(1, 5)) for _ in range(count)]


def typed_variable(kind, value):
    if kind.startswith("list"):
        return {"list": [typed_variable(kind[5:-1], item) for item in value]}
    if kind == "map":
        return {"map": [[{"string": key}, {"string": item}] for key, item in value.items()]}
    return {kind: value if isinstance(value, (str, bool)) else str(value)}


BINDINGS = {name: typed_variable(*variable) for name, variable in VARIABLES.items()}
_CEL_TYPES = {"string": celtypes.StringType, "int": celtypes.IntType, "uint": celtypes.UintType, "double": celtypes.DoubleType,
              "bool": celtypes.BoolType}


def _cel(kind, value):
    if kind.startswith("list"):
        return celtypes.ListType([_cel(kind[5:-1], item) for item in value])
    if kind == "map":
        return celtypes.MapType({celtypes.StringType(key): celtypes.StringType(item) for key, item in value.items()})
    return _CEL_TYPES[kind](value)


ACTIVATION = {name: _cel(*variable) for name, variable in VARIABLES.items()}


def typed(value):
    """A result of cel-python in the form of the suite's file."""
    if isinstance(value, (bool, celtypes.BoolType)):
        return {"bool": bool(value)}
    if isinstance(value, celtypes.UintType):
        return {"uint": str(int(value))}
    if isinstance(value, celtypes.IntType):
        return {"int": str(int(value))}
    if isinstance(value, float):
        return {"double": repr(float(value))}
    if isinstance(value, str):
        return {"string": str(value)}
    if isinstance(value, bytes):
        return {"bytes": bytes(value).hex()}
    if isinstance(value, list):
        return {"list": [typed(item) for item in value]}
    if isinstance(value, celtypes.TimestampType):
        seconds = value.replace(microsecond=0).timestamp()
        return {"timestamp": [int(seconds), value.microsecond * 1000]}
    if isinstance(value, datetime.timedelta):
        micros = (value.days * 86400 + value.seconds) * 1_000_000 + value.microseconds
        sign = -1 if micros < 0 else 1
        return {"duration": [sign * (abs(micros) // 1_000_000), sign * (abs(micros) % 1_000_000) * 1000]}
    raise TypeError(type(value))


logging.getLogger("celpy").setLevel(logging.CRITICAL)  # it logs each error of an expression
_environment = celpy.Environment()


def case(name, source):
    """A case whose result is cel-python's; None where cel-python itself breaks (an overflow within a division)."""
    out = {"file": "cel-python", "section": "generated", "name": name, "expr": source, "bindings": BINDINGS}
    try:
        value = _environment.program(_environment.compile(source)).evaluate(ACTIVATION)
    except celpy.CELEvalError:
        return out | {"error": True}
    except IndexError:
        return None
    return out | {"value": typed(value)}
