"""CEL: `fairlead expr`, and what it makes of expressions beside cel-python (docs/reference/expressions.md)."""

import json
import os
import subprocess

import cel_expressions
import pytest
from harness import SHARED, binary

SEED = 20261126
COUNT = int(os.environ.get("FAIRLEAD_EXPRESSIONS", "1500"))


def expr(*arguments):
    return subprocess.run([binary(), "expr", *arguments], capture_output=True, text=True, timeout=120)


def run_cases(tmp_path, cases):
    path = tmp_path / "cases.jsonl"
    path.write_text("".join(json.dumps(case) + "\n" for case in cases))
    return json.loads(expr("test", str(path), "--json").stdout)


def test_generated_expressions_agree_with_cel_python(tmp_path):
    """FAIRLEAD_EXPRESSIONS=10000 for all. The generator leaves out what KNOWN lists."""
    made = [cel_expressions.case(str(number), source) for number, source in enumerate(cel_expressions.expressions(COUNT, SEED))]
    cases = [case for case in made if case]
    report = run_cases(tmp_path, cases)
    assert report["failed"] == []
    assert report["not_supported"] == {}
    assert report["passed"] == len(cases) >= COUNT - COUNT // 1000 - 1
    errors = sum("error" in case for case in cases)
    assert COUNT // 20 < errors < COUNT // 4, "most of the expressions have to have a value"


# Where cel-python 0.5.0 is wrong by the specification, its conformance suite or CEL's first implementation (cel-go).
KNOWN = [
    ("timestamp(0)", {"timestamp": [0, 0]}, "seconds of Unix time are a timestamp (suite: timestamp_range/from_int_under)"),
    ("string(true)", {"string": "true"}, "it writes Python's True"),
    ("-2.5 / 0.0", {"double": "-inf"}, "IEEE 754 keeps the sign"),
    ("string(timestamp('2026-11-26T14:02:11.5Z'))", {"string": "2026-11-26T14:02:11.5Z"}, "it drops the fraction of the second"),
    ("string(duration('1.5s'))", {"string": "1.5s"}, "it drops the fraction of the second"),
    ("string(duration('24h') - duration('1h'))", {"string": "82800s"}, "the difference is no duration any more: Python's text"),
    ("(duration('24h') - duration('1h')).getHours()", {"int": "23"}, "the difference is no duration any more"),
    ("(tier + tier).contains('d')", {"bool": True}, "the sum is no string any more"),
    ("int(-9223372036854775808.0)", None, "the range of doubles is open: cel-go refuses its ends"),
    ("uint(-0.5)", None, "a negative number is beyond the range"),
    ("string(1.0)", {"string": "1"}, "cel-go writes the shortest text"),
    ("1 < 2.0", {"bool": True}, "numbers of different types have an order"),
    ("dyn(1) == 1.0", {"bool": True}, "suite: comparisons/eq_literal/eq_int_double"),
    ("dyn(null) == 1", {"bool": False}, "values of different types are not equal (suite: not_eq_dyn_int_null)"),
]


@pytest.mark.parametrize("source, wanted, why", KNOWN, ids=[known[0] for known in KNOWN])
def test_known_differences_are_there(tmp_path, source, wanted, why):
    theirs = cel_expressions.case("theirs", source)
    ours = theirs | {"name": "ours"}
    for key in ("value", "error"):
        ours.pop(key, None)
    ours |= {"value": wanted} if wanted else {"error": True}
    report = run_cases(tmp_path, [theirs, ours])
    assert [failed["name"] for failed in report["failed"]] == ["cel-python/generated/theirs"], why


def test_the_conformance_suite_passes():
    path = SHARED / "data" / "expr" / "cel_conformance.jsonl"
    if not path.exists():
        pytest.skip("../shared/data/expr is not here")
    done = expr("test", str(path))
    assert done.returncode == 0, done.stdout[-2000:]
    assert done.stdout.splitlines()[-1] == f"{len(path.read_text().splitlines())} passed, 0 failed"


def test_a_failed_case_is_shown_and_the_status_is_1(tmp_path):
    path = tmp_path / "cases.jsonl"
    path.write_text('{"file": "f", "section": "s", "name": "n", "expr": "1 + 1", "value": {"int": "3"}}\n'
                    '{"expr": "T{}", "value": {"int": "3"}}\n')
    done = expr("test", str(path))
    assert done.returncode == 1
    assert done.stdout == ("f/s/n: 1 + 1\n  got int 2, not int 3\n1 not supported (docs/reference/expressions.md):\n"
                           "  1  messages (`Name{…}`) are not supported\n0 passed, 1 failed\n")
    path.write_text("{}\n")
    assert expr("test", str(path)).returncode == 2
    assert expr("test", str(tmp_path / "none.jsonl")).returncode == 2


@pytest.fixture
def variables(tmp_path):
    path = tmp_path / "vars.json"
    path.write_text('{"locale": "ru", "tier": "gold", "tags": {"channel": "app"}, "sizes": [1, 2, 3]}')
    return str(path)


def test_eval_prints_the_value_as_json(variables):
    done = expr("eval", "sizes.map(s, s * 2)", "--vars", variables)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[2,4,6]\n", "")
    done = expr("eval", "size(tags.channel)", "--vars", variables, "--json")
    assert json.loads(done.stdout) == {"value": 3, "type": "int"}


def test_eval_puts_a_caret_under_what_is_wrong(variables):
    done = expr("eval", "tier == 'gold' &&\n  localle == 'ru'", "--vars", variables)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == ("    localle == 'ru'\n    ^\n2:3: unknown variable `localle`. Did you mean `locale`? "
                           "Declared: locale, tier, tags, sizes.\n")
    done = expr("eval", "tags.plan == 'pro'", "--vars", variables)
    assert done.returncode == 2
    assert done.stderr == ("  tags.plan == 'pro'\n       ^\n1:6: there is no key \"plan\". There is \"channel\". "
                           "has(map.key) asks before.\n")


def test_eval_explains(variables):
    done = expr("eval", "locale == 'en' || tags.plan == 'pro' || sizes.exists(s, s > 1)", "--vars", variables, "--explain")
    assert done.returncode == 0
    lines = [line.split(None, 1) for line in done.stdout.splitlines()]
    assert [line[0] for line in lines] == ["true", "error", "false", "error", "error", "true", "true", "true"], done.stdout
    assert lines[-1] == ["true"]
    assert "true 1/2" in done.stdout


def test_eval_says_what_is_wrong_with_the_file(tmp_path):
    path = tmp_path / "vars.json"
    path.write_text("[1]")
    done = expr("eval", "1", "--vars", str(path))
    assert done.returncode == 2 and "has to hold a JSON object" in done.stderr
    path.write_text("{")
    done = expr("eval", "1", "--vars", str(path))
    assert done.returncode == 2 and str(path) in done.stderr
