"""Spoiled files of every kind: an exit code and short sentences, no traceback, and nothing stored by a refused run.

Each command has a bound on its time and memory; the bound on the size of a file is tested apart.
"""

import random

import pytest
from support.limits import bounded

MOST_BYTES = 10_000
SIGNS = (b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"", b"\n", b",", b'"', b"}", b"&a [*a,*a]")
WORDS = (b"NaN", b"-Infinity", b"null", b"1e999", b"0001-01-01T00:00:00Z")
LARGE = (b"1" * 5000, b"[" * 5000, b'{"a":' * 500, b'"' + b"x" * 20_000 + b'"')
STRANGE = SIGNS + WORDS + LARGE
POLICY = "policy_id: p\nrules: [{rule_id: r, priority: 1, conditions: {}, action: human_review}]\n"
TABLE = "name,risk_level,action\na,low,escalate\n"
KINDS = {
    "tasks": ("tasks.json", ("run", "FILE", "--outputs", "agent_outputs.json")),
    "outputs": ("agent_outputs.json", ("run", "tasks.json", "--outputs", "FILE")),
    "reviews": ("human_reviews.json", ("run", "tasks.json", "--outputs", "agent_outputs.json", "--reviews", "FILE")),
    "policy": ("routing_policy.json", ("policy", "check", "FILE")),
    "policy in YAML": (POLICY, ("policy", "check", "FILE")),
    "reviewers": ("reviewers.json", ("policy", "check", "routing_policy.json", "--reviewers", "FILE")),
    "test table": (TABLE, ("policy", "test", "FILE", "--policy", "routing_policy.json")),
    "past cases": ("audit_logs.json", ("policy", "backtest", "routing_policy.json", "--on", "FILE")),
    "proof": ("audit_logs.json", ("audit", "verify", "--proof", "FILE")),
    "heads": ("audit_logs.json", ("audit", "verify", "--head-file", "FILE")),
}
ENDINGS = {"policy in YAML": ".yaml", "test table": ".policy-test.csv"}


def spoiled(content, dice):
    """Return the bytes with a few places cut out, doubled or replaced."""
    for _ in range(dice.randint(1, 3)):
        place, length = dice.randrange(len(content) + 1), dice.choice((0, 0, 1, 3, 30))
        content = content[:place] + dice.choice(STRANGE) + content[place + length :]
    return content


def check(hitl, folder, kind, seeds):
    source, words = KINDS[kind]
    file = folder / f"spoiled{ENDINGS.get(kind, '.json')}"
    original = (folder / source).read_bytes() if source.endswith(".json") else source.encode()
    for seed in seeds:
        file.write_bytes(spoiled(original, random.Random(seed)))
        store = folder / f"{seed}.db"
        with bounded():
            found = hitl(
                *(file.name if word == "FILE" else word for word in words), "--store", f"sqlite:///{store.name}"
            )
        label = (kind, seed, found.err[:500])
        assert found.code in (0, 1, 2), label
        assert "Traceback" not in found.err, label
        assert "this is a bug" not in found.err, label
        assert len(found.err.encode()) <= MOST_BYTES, label
        assert found.code != 2 or not store.exists(), label


@pytest.mark.parametrize("kind", KINDS)
def test_a_spoiled_file_is_used_or_refused(hitl, folder, kind):
    check(hitl, folder, kind, range(8))


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS)
def test_very_many_spoiled_files_are_used_or_refused(hitl, folder, kind):
    check(hitl, folder, kind, range(8, 500))
