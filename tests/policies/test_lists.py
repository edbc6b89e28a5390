"""Named lists: values of a policy, in it or in files beside it, to which rules refer by name."""

import json
import random
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.random_facts import facts_at_random
from support.random_policies import LISTS
from support.random_policies import a_policy as random_policy

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.enums import RiskLevel
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies import check, compare, compile_policy, policy_hash, read_policy
from hitl_orchestrator.policies.analysis.diff import Direction
from hitl_orchestrator.policies.language.model import policy_of
from hitl_orchestrator.services.config_files import load_policy
from hitl_orchestrator.services.policy_lists import list_files, with_hashes

BLOCKED = ["IR", "KP"]


def a_policy(conditions, lists=None, **parts):
    rules = [
        {"rule_id": "listed", "priority": 1, "conditions": conditions, "action": "escalate"},
        {"rule_id": "rest", "priority": 2, "conditions": {"min_confidence": 0.5}, "action": "auto_approve"},
    ]
    fields = {"policy_id": "p", "metadata": {"country": "text", "amount": "number"}, "rules": rules}
    return fields | ({} if lists is None else {"lists": lists}) | parts


def within(name):
    return {"metadata": {"country": {"in": {"list": name}}}}


def read(raw, files=None):
    def beside(name):
        return files[name]

    return read_policy(json.dumps(raw), "p.json", beside=None if files is None else beside)


def problems(raw, files=None):
    with pytest.raises(InvalidInput) as refused:
        read(raw, files)
    return refused.value.problems


def governed(content, stated=None):
    return {"file": "sanctioned.txt", "sha256": stated or sha256(content).hexdigest()}


def facts(country=None, domain="d"):
    return Facts(RiskLevel.LOW, domain, "t", 0.9, metadata={} if country is None else {"country": country})


def decided(policy, **given):
    return compile_policy(policy).decide(facts(**given))


@pytest.mark.parametrize("country", ["IR", "KP", "AT", None])
def test_a_rule_that_names_a_list_decides_as_if_it_named_the_values(country):
    named = read(a_policy(within("blocked"), {"blocked": BLOCKED}))
    written_out = read(a_policy({"metadata": {"country": {"in": BLOCKED}}}))

    one, other = decided(named, country=country), decided(written_out, country=country)
    assert (one.rule_id, one.reason, one.trace) == (other.rule_id, other.reason, other.trace)
    assert compare(named, written_out).differences == ()


@pytest.mark.parametrize("condition", [{"list": "desks"}, {"in": {"list": "desks"}}])
@pytest.mark.parametrize("field", ["domain", "task_type"])
def test_a_list_may_hold_domains_and_task_types(field, condition):
    policy = read(a_policy({field: condition}, {"desks": ["payments", "loans"]}))

    assert policy.rules[0].conditions == read(a_policy({field: ["payments", "loans"]})).rules[0].conditions


def test_lists_are_read_in_nested_conditions_and_in_layers():
    nested = {"any": [{"not": within("blocked")}, {"all": [within("blocked"), {"risk_level": "high"}]}]}
    layer = a_policy(within("own"), {"own": ["FR"]})
    layer["rules"][0]["rule_id"], layer["rules"][1]["rule_id"] = "a", "b"

    policy = read(a_policy(nested, {"blocked": BLOCKED}, domains={"d": layer}))

    assert [decided(policy, country=each).rule_id for each in ("AT", "KP", "FR")] == ["listed", "rest", "listed"]
    assert decided(policy, country="FR").layers[1].rule_id == "a"


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (
            a_policy(within("blokced"), {"blocked": BLOCKED}),
            'rules[0].conditions.metadata.country.in.list: "blokced": the policy has no list of this name; did you',
        ),
        (a_policy(within("blocked")), 'the policy has no list of this name; add it to the policy\'s "lists"'),
        (a_policy(within("blocked"), {"blocked": []}), "lists.blocked: an empty list never matches"),
        (a_policy(within("blocked"), {"blocked": ["IR", None]}), "lists.blocked: its values are texts, numbers"),
        (
            a_policy({"metadata": {"amount": {"in": {"list": "blocked"}}}}, {"blocked": BLOCKED}),
            "rules[0].conditions.metadata.amount.in: \"IR\": the policy declares 'amount' as a number",
        ),
        (
            a_policy(within("s"), {"s": {"file": "s.txt", "sha256": "0" * 64}}),
            "is read only where the policy is a file",
        ),
        (a_policy(within("s"), {"s": {"sha256": "0" * 64, "values": ["a"]}}), "a list from a file has file and sha256"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused_with_one_sentence(raw, problem):
    found = problems(raw)

    assert len(found) == 1
    assert problem in found[0]


def test_a_list_file_has_one_value_a_line():
    content = "\ufeff# as of January\r\nIR\r\n\r\n  KP  \r\nRepublic of X\n".encode()

    policy = read(a_policy(within("s"), {"s": governed(content)}), {"sanctioned.txt": content})

    assert policy.lists["s"].values == ("IR", "KP", "Republic of X")
    assert policy_hash(policy) == policy_hash(read(a_policy(within("s"), {"s": ["IR", "KP", "Republic of X"]})))


def test_a_list_file_that_is_not_the_named_one_is_refused_with_the_command_that_accepts_it(tmp_path):
    file, policy = tmp_path / "sanctioned.txt", tmp_path / "p.json"
    file.write_bytes(b"IR\n")
    policy.write_text(json.dumps(a_policy(within("s"), {"s": governed(b"IR\n")})))
    before = load_policy(policy, DEFAULT_CHAIN)
    file.write_bytes(b"IR\nKP\n")

    with pytest.raises(InvalidInput, match=r"'hitl policy lists p.json --write' writes the new hash"):
        load_policy(policy, DEFAULT_CHAIN)
    policy.write_bytes(with_hashes(policy, list_files(policy)))

    assert load_policy(policy, DEFAULT_CHAIN).lists["s"].values == ("IR", "KP")
    after = compare(before, load_policy(policy, DEFAULT_CHAIN)).differences
    assert {each.direction for each in after} == {Direction.STRICTER}


@pytest.mark.parametrize(
    ("named", "where"),
    [
        ({"lists": {"blocked": {"file": "blokced.txt", "sha256": "0" * 64}}}, "lists.blocked"),
        ({"table": "t.csv"}, "table"),
    ],
)
def test_a_file_that_is_missing_beside_the_policy_is_named_with_the_part_that_needs_it(tmp_path, named, where):
    (tmp_path / "p.json").write_text(json.dumps({"policy_id": "p", "rules": []} | named))

    with pytest.raises(InvalidInput) as caught:
        load_policy(tmp_path / "p.json", None)

    (problem,) = caught.value.problems
    assert problem.startswith(f"p.json: {where}: ")
    assert "cannot be read" in problem


@pytest.mark.parametrize("name", ["../sanctioned.txt", "/etc/passwd", "a\nb", "missing.txt"])
def test_a_list_file_must_be_beside_the_policy(tmp_path, name):
    policy = tmp_path / "p.json"
    policy.write_text(json.dumps(a_policy(within("s"), {"s": {"file": name, "sha256": "0" * 64}})))

    with pytest.raises(InvalidInput):
        load_policy(policy, DEFAULT_CHAIN)


def test_a_recorded_policy_decides_without_the_file():
    content = b"IR\nKP\n"
    policy = read(a_policy(within("s"), {"s": governed(content)}), {"sanctioned.txt": content})

    recorded = policy_of(json.loads(policy.model_dump_json()))

    assert recorded == policy
    assert policy_hash(recorded) == policy_hash(policy)
    assert decided(recorded, country="KP") == decided(policy, country="KP")


def test_the_hash_of_a_policy_covers_the_values_of_its_lists_and_not_their_order():
    one, same, other = (
        policy_hash(read(a_policy(within("b"), {"b": values})))
        for values in (BLOCKED, [*BLOCKED[::-1], "IR"], [*BLOCKED, "XX"])
    )
    assert one == same != other


@pytest.mark.parametrize("added", [["XX"], ["XX", "YY"]])
def test_a_longer_blocklist_is_stricter_and_a_shorter_one_looser(added):
    short, long = (read(a_policy(within("b"), {"b": values})) for values in (BLOCKED, [*BLOCKED, *added]))

    assert {each.direction for each in compare(short, long).differences} == {Direction.STRICTER}
    assert {each.direction for each in compare(long, short).differences} == {Direction.LOOSER}
    assert compare(long, short).may_loosen


def test_a_list_of_ten_thousand_values_is_compared_exactly_and_named_in_every_sentence():
    values = [f"c{number}" for number in range(10_000)]
    policy = read(a_policy(within("sanctioned"), {"sanctioned": values}))

    assert decided(policy, country="c77").reason == "listed matches: country is one of the 10,000 in list sanctioned"
    assert decided(policy, country="AT").trace[0].why == "country is not one of the 10,000 in list sanctioned"
    shorter = compare(policy, read(a_policy(within("sanctioned"), {"sanctioned": values[1:]}))).differences
    assert {each.direction for each in shorter} == {Direction.LOOSER}
    assert all("country is c0" in each.sentence and len(each.sentence) < 300 for each in shorter)
    dropped = compare(policy, read(a_policy({"risk_level": "high"}, {"sanctioned": values}))).differences
    assert all(len(each.sentence) < 300 for each in dropped)
    assert "or one of the 10,000 in list sanctioned" in dropped[0].sentence


@given(st.lists(st.sampled_from("abcdef"), min_size=1), st.lists(st.sampled_from("abcdef"), min_size=1))
def test_a_change_of_a_blocklist_is_looser_exactly_where_a_value_is_gone(before, after):
    old, new = (read(a_policy(within("b"), {"b": values})) for values in (before, after))

    assert compare(old, new).may_loosen is (not set(before) <= set(after))
    assert (compare(old, new).differences == ()) is (set(before) == set(after))


@pytest.mark.parametrize(
    ("lists", "sentence"),
    [
        ({"unused": ["X"]}, "no rule reads this list; remove it, or refer to it by its name"),
        ({"blocked": ["IR", "KP", "IR"]}, "IR are listed more than once"),
        ({"blocked": ["Iran", "KP", "iran "]}, "'Iran' and 'iran ': each pair differs in case, signs or look-alike"),
        ({"blocked": ["IR", "ІR"]}, "'IR' and 'ІR': each pair differs"),  # noqa: RUF001
    ],
)
def test_the_check_finds_lists_that_are_unused_or_have_values_that_look_alike(lists, sentence):
    policy = read(a_policy(within("blocked"), {"blocked": BLOCKED} | lists))

    (finding,) = [each for each in check(policy) if each.path[:1] == ("lists",)]
    assert sentence in finding.sentence
    assert finding.severity == "warning"


def test_the_check_has_nothing_to_say_about_a_sound_list():
    assert not [each for each in check(read(a_policy(within("b"), {"b": BLOCKED}))) if each.path[:1] == ("lists",)]


def written_out(part):
    """Return a raw policy with the values of each list in place of its name."""
    if isinstance(part, list):
        return [written_out(each) for each in part]
    if not isinstance(part, dict):
        return part
    if part.keys() == {"list"}:
        return LISTS[part["list"]]
    return {name: written_out(each) for name, each in part.items() if name != "lists"}


@pytest.mark.parametrize("seed", range(60))
def test_a_random_policy_decides_as_if_its_lists_were_written_out(seed):
    named = random_policy(seed, most=8, kinds=("lists", "confidence", "metadata", "all", "any", "not"))
    raw = named.model_dump(mode="json", exclude_defaults=True)
    plain = policy_of(written_out(raw))

    assert policy_of(raw) == named
    assert compare(named, plain).differences == ()
    dice = random.Random(seed)
    for facts in (facts_at_random(dice) for _ in range(200)):
        one, other = (compile_policy(policy).decide(facts) for policy in (named, plain))
        assert (one.rule_id, one.reason, one.trace) == (other.rule_id, other.reason, other.trace)


def test_the_edit_of_a_long_list_is_named_in_a_short_sentence():
    values = [f"c{number}" for number in range(10_000)]
    old, new, other = (
        read(a_policy(within("s"), {"s": listed})) for listed in (values, [*values, "XX"], ["XX", *values[9_000:]])
    )

    assert {each.edits for each in compare(old, new).differences} == {("lists s gained XX",)}
    assert all(len("".join(each.edits)) < 100 for each in compare(old, other).differences)
