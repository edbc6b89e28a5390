"""A drafted policy: it passes its check and its tests, and lets nothing go ahead that its author did not answer."""

from itertools import product
from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.enums import Action, RiskLevel, Signal
from hitl_orchestrator.policies import (
    PastCase,
    PolicyAmount,
    PolicyAnswers,
    Severity,
    check,
    compile_policy,
    coverage,
    draft_policy,
    draft_tests,
    observe,
    read_policy,
    read_tests,
)

ROLES = {"role": "domain_reviewer", "senior_role": "senior_manager"}
SOME = {"policy_id": "refunds", "task_types": ["refund"], "domains": ["support"], **ROLES}

WORDS = st.one_of(
    st.sampled_from(
        ["refund", "yes", "No", "null", "1e3", "010", "a: b", "#x", "- y", "{z}", "Überweisung", "it's", "%"]
    ),
    st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=12),
).map(lambda word: normalize("NFC", word))
LISTS = st.lists(WORDS, min_size=1, max_size=3, unique=True).map(tuple)
NUMBERS = st.floats(0, 1e9, allow_nan=False).map(lambda value: round(value, 2))


@st.composite
def answers(draw):
    amount = None
    if draw(st.booleans()):
        low, high = sorted((draw(NUMBERS), draw(NUMBERS)))
        amount = {"name": draw(WORDS), "unit": draw(st.sampled_from(["", "EUR", "# m³"])), "up_to": low}
        amount["escalate_above"] = high
    return {
        "policy_id": draw(WORDS),
        "work": draw(st.text(max_size=80)),
        "amount": amount,
        **ROLES,
        "task_types": draw(LISTS),
        "domains": draw(LISTS),
        "labels": draw(st.one_of(st.just(()), LISTS)),
        "confidence": draw(st.floats(0.01, 1)),
        "spot_check": draw(st.sampled_from([0.0, 0.05, 1.0])),
        "respond_within": draw(st.sampled_from([None, "P1D", "PT90M"])),
    }


METADATA = st.dictionaries(
    WORDS, st.one_of(st.none(), st.booleans(), st.floats(-1e6, 1e6), WORDS, st.lists(WORDS, max_size=2)), max_size=4
)
CASES = st.lists(
    st.builds(PastCase, WORDS, WORDS, st.sampled_from([None, "low", "high"]), METADATA, st.one_of(st.none(), WORDS)),
    max_size=8,
)


def unusable(fields):
    try:
        PolicyAnswers.model_validate(fields)
    except ValidationError:
        return True
    return False


@settings(max_examples=60, deadline=None)
@given(answers().filter(lambda fields: not unusable(fields)), st.one_of(st.none(), CASES))
def test_a_draft_passes_its_strict_check_and_its_own_tests(fields, cases):
    given_answers = PolicyAnswers.model_validate(fields)
    policy = read_policy(draft_policy(given_answers, None if cases is None else observe(cases)), "draft.yaml")

    assert not [each for each in check(policy) if each.severity is not Severity.NOTE]
    table = read_tests(draft_tests(given_answers, "draft.yaml"), "draft.policy-test.yaml", lambda _: policy)
    compiled = compile_policy(policy)
    failed = {test.name: test.mismatches(compiled.decide(test.facts.facts)) for test in table.tests}
    assert not any(failed.values()), failed


def test_the_tests_of_a_draft_cover_every_rule_and_bound():
    amount = PolicyAmount(name="amount", unit="EUR", up_to=100, escalate_above=1000)
    given_answers = PolicyAnswers(**SOME, labels=["pay"], confidence=0.9, amount=amount)
    policy = read_policy(draft_policy(given_answers), "draft.yaml")

    table = read_tests(draft_tests(given_answers, "draft.yaml"), "draft.policy-test.yaml", lambda _: policy)

    assert coverage(policy, [test.facts.facts for test in table.tests]).percent == 100


@pytest.mark.parametrize("labels", [(), ("pay",), ("any",)])
def test_nothing_goes_ahead_but_what_was_answered(labels):
    amount = PolicyAmount(name="amount", up_to=100, escalate_above=1000)
    given_answers = PolicyAnswers(**SOME, labels=labels, confidence=0.9, amount=amount)
    seen = observe([PastCase("loan", "bank", "high", {"amount": 5000.0, "vip": True}, "decline")])
    compiled = compile_policy(read_policy(draft_policy(given_answers, seen), "draft.yaml"))
    signals = [frozenset(), *(frozenset({each}) for each in Signal)]

    for task_type, domain, risk, label, sure, size, raised in product(
        ("refund", "loan"),
        ("support", "bank"),
        RiskLevel,
        ("pay", "decline"),
        (None, 0.89, 0.9),
        (None, -1, 100, 101),
        signals,
    ):
        facts = Facts(
            risk,
            domain,
            task_type,
            sure,
            signals=raised,
            metadata={} if size is None else {"amount": size},
            proposal={"predicted_label": label},
        )
        usual = (task_type, domain, risk, sure, size, raised) == (
            "refund",
            "support",
            RiskLevel.LOW,
            0.9,
            100,
            frozenset(),
        )
        expected = usual and bool(labels) and (label == "pay" or labels == ("any",))
        assert (compiled.decide(facts).action is Action.AUTO_APPROVE) == expected, facts


def test_past_cases_are_summarized_with_types_ranges_and_missing_values():
    cases = [
        PastCase("refund", "support", "low", {"amount": 5, "customer": {"tier": "gold"}, "note": f"n{number}"}, "pay")
        for number in range(20)
    ]
    cases += [PastCase("refund", "support", "high", {"amount": 700.5, "vip": True, "odd": 1}, None)]
    cases += [PastCase("loan", "support", None, {"odd": "one", "amount": None}, "decline")]

    seen = observe(cases)

    fields = {field.name: field for field in seen.fields}
    assert (seen.cases, seen.task_types, seen.labels) == (
        22,
        (("refund", 21), ("loan", 1)),
        (("pay", 20), ("decline", 1)),
    )
    assert (fields["amount"].kind, fields["amount"].least, fields["amount"].most) == ("number", 5, 700.5)
    assert fields["amount"].missing(seen.cases) == pytest.approx(1 / 22)
    assert (fields["customer.tier"].words, fields["note"].words) == (("gold",), ())
    assert fields["odd"].kind == "mixed"


def test_a_field_whose_name_no_policy_can_declare_is_left_out():
    seen = observe([PastCase("refund", "support", "low", {"e\u0301tat": "ok", "plain": "x"}, None)])

    text = draft_policy(PolicyAnswers(**SOME), seen)

    assert "  plain: text" in text
    assert read_policy(text, "draft.yaml").policy_id == "refunds"


@pytest.mark.parametrize(
    "wrong",
    [
        {"confidence": 0},
        {"confidence": 1.1},
        {"task_types": []},
        {"amount": {"name": "a", "up_to": 5, "escalate_above": 4}},
        {"amount": {"name": "a", "up_to": float("nan"), "escalate_above": 4}},
        {"respond_within": "P1M"},
    ],
)
def test_unusable_answers_are_refused(wrong):
    with pytest.raises(ValidationError):
        PolicyAnswers.model_validate({**SOME, **wrong})
