"""Builds the corpus: hostile and odd inputs, each with its verdict, from words combined with fields."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from hitl_orchestrator.domain.value import MAX_DEPTH, MAX_INTEGER, MAX_SIZE, MAX_VALUES

TASK = {
    "task_id": "ID",
    "task_type": "classification",
    "task_description": "Classify an email",
    "domain": "customer_support",
    "risk_level": "medium",
    "timestamp": "2025-01-10T09:15:00Z",
    "metadata": {},
}
OUTPUT = {"task_id": "ID", "agent_output": {"predicted_label": "Refund", "explanation": "x"}, "confidence_score": 0.7}
ANSWER = {"human_decision": "override", "reviewer_id": "domain_reviewer", "reason": "because"}
RULE = {"rule_id": "r", "priority": 1, "conditions": {}, "action": "escalate", "assigned_human_role": "senior_manager"}
POLICY = {"policy_id": "p", "description": "d", "rules": [RULE]}
SEAT = {"reviewer_id": "domain_reviewer", "name": "A seat", "roles": ["domain_reviewer"], "domains": ["*"]}
PEOPLE = {"escalation_chain": ["domain_reviewer", "senior_manager"], "reviewers": [SEAT]}


class Entry(NamedTuple):
    """One input: a text of this kind, and a part of the sentence that refuses it; None where it is accepted."""

    name: str
    kind: str
    text: bytes
    refused: str | None


TEXT, NAME, ID = "text", "name", "id"
NOT_TEXT = {"a\x00b": "a NUL character", "a\ud800": "lone surrogate", "\udfff\ud83d": "lone surrogate"}
UNSEEN = ["\x07", "\x1b[31m", "\x7f", "\u200b", "\u200e", "\u202e", "\u2066", "\u061c", "\ufeff", "\u2028", "\u00ad"]
UNSEEN += [
    "\U000e0041",
    "\ufe01",
    "\u3164",
    "\u2800",
    "\ufff9",
    "\ufffe",
    "\U0010ffff",
    "\ue000",
    "\r",
    "\n",
    "\t",
    "\x85",
]
DECOMPOSED = ["cafe\u0301", "A\u030a", "\u1112\u1161\u11ab", "\u2126", "\u212b", "\u0958"]
NAMES = [
    "café",
    "日本語",
    "שלום",
    "क्ष\u200d",
    "می\u200cشود",
    "👍🏽",
    "[red]x[/red]",
    "{{7*7}}",
    "$(rm -rf /)",
    "%s%n",
    "../../x",
]
NAMES += [
    "'; DROP TABLE cases; --",
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "@x",
    "a b",
    "*",
    "-x",
    "_x",
]
IDS = ["a", "NULL", "0", "A.b_c:d-e", "None", "true", "a" * 200, "x..y", "CON"]
BLANK = [" ", "\u3000"]


def words(place: str) -> Iterator[tuple[str, str | None]]:
    """Yield words, each with the reason why a field rejects it."""
    for word, why in NOT_TEXT.items():
        yield word, "" if place == ID else why
    for words_of, fits, why in (
        ([f"a{hidden}b" for hidden in UNSEEN], {TEXT}, "a name has no invisible characters"),
        (DECOMPOSED, {TEXT}, "composed form, NFC"),
        (NAMES, {TEXT, NAME}, ""),
        (IDS, {TEXT, NAME, ID}, ""),
        (BLANK, {TEXT}, "blank"),
        ([""], {TEXT}, "at least 1 character"),
        (["a" * 201], {TEXT}, "at most 200 characters"),
    ):
        for word in words_of:
            yield word, None if place in fits else "is not an id" if place == ID else why


NUMBERS: list[tuple[str, str | None, str | None]] = [  # as written, why free JSON refuses it, why a confidence does
    ("NaN", "NaN is not a number", "NaN is not a number"),
    ("Infinity", "Infinity is not a number", "Infinity is not a number"),
    ("-Infinity", "-Infinity is not a number", "-Infinity is not a number"),
    ("1e999", "numbers must be finite", "finite"),
    ("-1e999", "numbers must be finite", "finite"),
    (str(MAX_INTEGER), None, "less than or equal to 1"),
    (str(MAX_INTEGER + 1), "whole numbers must lie within", "less than or equal to 1"),
    (str(-MAX_INTEGER - 1), "whole numbers must lie within", "greater than or equal to 0"),
    ("9" * 400, "whole numbers must lie within", "a valid number"),
    ("9" * 5000, "more digits than can be read", "more digits than can be read"),
    ("1e308", None, "less than or equal to 1"),
    ("5e-324", None, None),
    ("-0.0", None, None),
    ("1.0", None, None),
    ("1e0", None, None),
    ("0.30000000000000004", None, None),
    ("1.0000000000000002", None, "less than or equal to 1"),
    ("-5e-324", None, "greater than or equal to 0"),
    ("null", None, None),
    ("true", None, "this is a truth value"),
    ('"0.5"', None, "valid number"),
    ("[]", None, "valid number"),
    ("{}", None, "valid number"),
    *((word, "not JSON", "not JSON") for word in ("01", ".5", "1.", "+1", "0x1", "1_0", "\u0661", "nan", "None", "")),
]
TIMES = {
    "2025-01-10T09:15:00Z": None,
    "2025-01-10T09:15:00.123456+05:45": None,
    "2025-01-10 09:15:00-12:00": None,
    "2024-02-29T23:59:59Z": None,
    "2000-01-01T00:00:00Z": None,
    "0001-01-01T00:00:00Z": "a time lies in the years 2000 to 9998",
    "2025-01-10T09:15:00": "a time needs its zone",
    "2025-01-10": "give a time with its zone",
    "2025-02-29T00:00:00Z": "day value",
    "2025-13-01T00:00:00Z": "month value",
    "2025-01-10T25:00:00Z": "a valid datetime",
    "0000-01-01T00:00:00Z": "year",
    "0001-01-01T00:00:00+14:00": "does not exist in UTC",
    "9999-12-31T23:59:59-14:00": "does not exist in UTC",
    "2999-01-01T00:00:00Z": "lies in the future",
    "٢٠٢٥-01-10T09:15:00Z": "",
    "1736500000": "give a time with its zone",
    "now": "give a time with its zone",
    "": "give a time with its zone",
}
WRONG: dict[str, Any] = {"a number": 3, "a list": ["x"], "an object": {"x": 1}, "true": True, "nothing": None}


def put(record: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """Return a copy of a record with a value at a path."""
    copy = json.loads(json.dumps(record))
    inner = copy
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return dict(copy)


def written(record: Any, **options: Any) -> bytes:
    return json.dumps(record, **options).encode()


PLACES: list[tuple[str, dict[str, Any], tuple[Any, ...], str]] = [
    ("task", TASK, ("task_description",), TEXT),
    ("task", TASK, ("domain",), NAME),
    ("task", TASK, ("task_type",), NAME),
    ("task", TASK, ("metadata", "note"), TEXT),
    ("output", OUTPUT, ("agent_output", "explanation"), TEXT),
    ("output", OUTPUT, ("agent_output", "extra"), TEXT),
    ("answer", ANSWER, ("human_feedback",), TEXT),
    ("answer", ANSWER, ("shown_digest",), NAME),
    ("policy", POLICY, ("description",), TEXT),
    ("policy", POLICY, ("rules", 0, "conditions", "domain"), NAME),
    ("policy", POLICY, ("rules", 0, "rule_id"), ID),
    ("people", PEOPLE, ("reviewers", 0, "name"), NAME),
    ("people", PEOPLE, ("reviewers", 0, "reviewer_id"), ID),
]


def word_entries() -> Iterator[Entry]:
    """Every word in every text field."""
    for kind, record, path, place in PLACES:
        for word, why in words(place):
            # A digest that can be read names something else than what is shown.
            reason = "the decision is about" if path == ("shown_digest",) and why is None else why
            yield Entry(f"{kind} {path[-1]} {word[:20]!a}", kind, written(put(record, path, word)), reason)
    for word, why in words(TEXT):
        keyed = put(TASK, ("metadata", word), 1)
        yield Entry(f"task key {word[:20]!a}", "task", written(keyed), why)
    for word, why in words(ID):
        if why is not None:
            yield Entry(f"task id {word[:20]!a}", "task", written({**TASK, "task_id": word}), why)


def number_entries() -> Iterator[Entry]:
    """Every number where anything may stand, and where a confidence does."""
    for number, free, confidence in NUMBERS:
        raw = written(put(TASK, ("metadata", "n"), "HERE")).replace(b'"HERE"', number.encode())
        yield Entry(f"task number {number[:20]}", "task", raw, free)
        raw = written({**OUTPUT, "confidence_score": "HERE"}).replace(b'"HERE"', number.encode())
        yield Entry(f"output confidence {number[:20]}", "output", raw, confidence)
    for time, why in TIMES.items():
        yield Entry(f"task time {time!a}", "task", written({**TASK, "timestamp": time}), why)


def shape_entries() -> Iterator[Entry]:
    """Every field of the wrong shape, left out, misspelled, or standing there twice."""
    for kind, record in (
        ("task", TASK),
        ("output", OUTPUT),
        ("answer", ANSWER),
        ("policy", POLICY),
        ("people", PEOPLE),
    ):
        for field, right in record.items():
            for name, wrong in WRONG.items():
                fits = isinstance(wrong, type(right)) or (field, name) in MAY_BE
                if not fits:
                    yield Entry(f"{kind} {field} is {name}", kind, written({**record, field: wrong}), "")
            yield Entry(f"{kind} {field} misspelled", kind, written(put(record, (f"{field}z",), 1)), "unknown field")
            twice = written(record)[:-1] + b", " + written({field: right})[1:]
            yield Entry(f"{kind} {field} twice", kind, twice, f"the key '{field}' occurs twice in one object")


MAY_BE = {
    ("timestamp", "nothing"),
    ("risk_level", "nothing"),
    ("confidence_score", "nothing"),
    ("confidence_score", "a number"),
}
MAY_BE |= {("rules", "a list"), ("escalation_chain", "a list"), ("reviewers", "a list"), ("metadata", "an object")}
MAY_BE |= {("timestamp", "nothing")}
MAY_BE |= {("agent_output", "an object"), ("description", "nothing"), ("reviewers", "nothing")}


def nested(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = [value]
    return value


def filled(record: dict[str, Any], path: tuple[Any, ...], size: int) -> bytes:
    """Return a record of exactly this size."""
    empty = len(written(put(record, path, "")))
    return written(put(record, path, "a" * (size - empty)))


def bomb_entries() -> Iterator[Entry]:
    """Large, deep and full values: just within the limits, and just beyond."""
    too_deep, too_full, too_large = "nested deeper than 32", "it holds more than 100000", "a record has at most 1048576"
    for kind, record, path in (("task", TASK, ("metadata", "x")), ("output", OUTPUT, ("agent_output", "x"))):
        deepest, fullest = MAX_DEPTH - 2, MAX_VALUES - 20
        for name, value, why in (
            ("deepest", nested(deepest), None),
            ("too deep", nested(deepest + 1), too_deep),
            ("fullest", [1] * fullest, None),
            ("too full", [1] * MAX_VALUES, too_full),
            ("full of lists", [[]] * (MAX_VALUES // 2), too_full),
        ):
            yield Entry(f"{kind} {name}", kind, written(put(record, path, value)), why)
        # The id that takes the place of ID is longer by six.
        yield Entry(f"{kind} largest", kind, filled(record, path, MAX_SIZE - 40), None)
        yield Entry(f"{kind} too large", kind, filled(record, path, MAX_SIZE + 1), too_large)
    for kind in ("task", "output", "answer", "policy", "people"):
        for bomb in (b"[" * 200_000, b'{"a":' * 200_000, b'[{"a":' * 100_000, b'{"a":[' * 40 + b"]}" * 40):
            yield Entry(f"{kind} {bomb[:6]!r}", kind, bomb, too_deep)
        yield Entry(
            f"{kind} commas", kind, b'{"a": [' + b"1," * MAX_VALUES + b"1]}", "" if kind == "people" else too_full
        )
        yield Entry(f"{kind} large", kind, b'{"a": "' + b"a" * MAX_SIZE + b'"}', too_large)
        yield Entry(f"{kind} without end", kind, b'{"a": "' + rb"\"" * 300_000, "not JSON")
    yield Entry("answer deepest", "answer", written({**ANSWER, "modified_output": edited(nested(30))}), None)
    yield Entry("answer too deep", "answer", written({**ANSWER, "modified_output": edited(nested(31))}), too_deep)
    yield Entry("answer largest", "answer", filled(ANSWER, ("human_feedback",), MAX_SIZE - 300), None)


def edited(value: Any) -> dict[str, Any]:
    return {"predicted_label": "Edited", "x": value}


def text_entries() -> Iterator[Entry]:
    """Input that is not JSON, not text, or JSON of another type."""
    good = written(TASK)
    for name, text, why in (
        ("empty", b"", "it is empty"),
        ("blank", b" \r\n\t", "it is empty"),
        ("not closed", good[:-1], "not JSON"),
        ("more behind", good + b" x", "not JSON"),
        ("a comment", b"/* x */" + good, "not JSON"),
        ("a comma too many", good[:-1] + b",}", "not JSON"),
        ("single quotes", good.replace(b'"', b"'"), "not JSON"),
        ("a raw line break in a text", good.replace(b"Classify", b"Class\nify"), "not JSON"),
        ("a raw control in a text", good.replace(b"Classify", b"Class\x01ify"), "not JSON"),
        ("a bad escape", good.replace(b"Classify", rb"\x41"), "not JSON"),
        ("half an escape", good.replace(b"Classify", rb"\u12"), "not JSON"),
        ("utf-16", good.decode().encode("utf-16"), "not UTF-8"),
        ("latin-1", good.replace(b"Classify", b"Pr\xfcfe"), "not UTF-8"),
        ("overlong", good.replace(b"Classify", b"\xc0\xaf"), "not UTF-8"),
        ("a surrogate in utf-8", good.replace(b"Classify", b"\xed\xa0\x80"), "not UTF-8"),
        ("a key twice, once escaped", good[:-1] + rb', "\u0064omain": "x"}', "'domain' occurs twice"),
        (
            "a key twice inside",
            good.replace(b'"metadata": {}', b'"metadata": {"a": {"b": 1, "b": 2}}'),
            "'b' occurs twice",
        ),
        ("a text", b'"task"', "is not an object"),
        ("a number", b"7", "is not an object"),
        ("nothing", b"null", "is not an object"),
        ("a list of lists", b"[[]]", "is not an object"),
        ("a mark in front", b"\xef\xbb\xbf" + good, None),
        ("in a list", b"[" + good + b"]", None),
        ("over many lines", written(TASK, indent=2), None),
        ("with returns", written(TASK, indent=2).replace(b"\n", b"\r\n"), None),
        ("a surrogate pair", good.replace(b"Classify", rb"\ud83d\udc4d"), None),
        ("a foreign constructor", written(put(TASK, ("metadata", "lc"), LANGCHAIN)), None),
        ("a reference", written(put(TASK, ("metadata", "$kept"), "f" * 64)), None),
        ("a prototype", written(put(TASK, ("metadata", "__proto__"), {"approved": True})), None),
    ):
        yield Entry(f"task {name}", "task", text, why)
    for key in ("model_config", "model_dump", "__class__", "$kept", "lc", "self", "__root__", "model_fields"):
        yield Entry(f"output key {key}", "output", written(put(OUTPUT, ("agent_output", key), LANGCHAIN)), None)


LANGCHAIN = {"lc": 1, "type": "constructor", "id": ["os", "system"], "kwargs": {"command": "true"}}


def corpus() -> list[Entry]:
    """Return the whole corpus."""
    kinds = (word_entries, number_entries, shape_entries, text_entries, bomb_entries)
    return [entry for entries in kinds for entry in entries()]
