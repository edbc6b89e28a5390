import math
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from types import SimpleNamespace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.enums import Action, RiskLevel, Signal
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN, RoleChain
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies import (
    Conditions,
    Policy,
    Rule,
    compile_policy,
    decide,
    policy_hash,
    read_policy,
    strictest,
)

CANONICAL = read_policy(files("hitl_orchestrator.data").joinpath("routing_policy.json").read_text("utf-8"), "p.json")
LOW, MEDIUM, HIGH = RiskLevel

BOUNDS = st.sampled_from([0.0, 0.25, 0.5, math.nextafter(0.5, 1), 0.75, 0.8, 1.0])
DOMAINS, TASK_TYPES = ["payments", "support", "legal"], ["refund", "moderation"]


def some(words):
    return st.lists(st.sampled_from(list(words)), max_size=2, unique=True).map(tuple)


@st.composite
def conditions(draw):
    fields = {
        "risk_level": draw(some(RiskLevel)),
        "domain": draw(some(DOMAINS)),
        "task_type": draw(some(TASK_TYPES)),
        "signals": draw(some(Signal)),
        "min_confidence": draw(st.none() | BOUNDS),
    }
    if draw(st.booleans()) and (fields["min_confidence"] or 0) < 1:
        fields["max_confidence"] = draw(BOUNDS.filter(lambda bound: bound > (fields["min_confidence"] or 0)))
    return Conditions(**{name: value for name, value in fields.items() if value not in ((), None)})


@st.composite
def policies(draw):
    rules = [
        Rule(
            rule_id=f"r{number}",
            priority=draw(st.integers(0, 5)),
            conditions=draw(conditions()),
            action=draw(st.sampled_from(Action)),
        )
        for number in range(draw(st.integers(0, 12)))
    ]
    return Policy(policy_id="random", rules=tuple(rules))


FACTS = st.builds(
    Facts,
    risk_level=st.sampled_from(RiskLevel),
    domain=st.sampled_from([*DOMAINS, "elsewhere"]),
    task_type=st.sampled_from([*TASK_TYPES, "something"]),
    confidence=st.none() | BOUNDS | BOUNDS.map(lambda bound: math.nextafter(bound, 0)) | st.floats(0, 1),
    signals=st.frozensets(st.sampled_from(Signal)),
    has_proposal=st.booleans(),
)


def holds(rule, facts):
    fields, sure = rule.conditions, facts.confidence if facts.has_proposal else None
    words = (fields.risk_level, facts.risk_level), (fields.domain, facts.domain), (fields.task_type, facts.task_type)
    return (
        all(word in named for named, word in words if named)
        and (not fields.signals.any or any(signal in facts.signals for signal in fields.signals.any))
        and (fields.min_confidence is None or (sure is not None and sure >= fields.min_confidence))
        and (fields.max_confidence is None or (sure is not None and sure < fields.max_confidence))
        and (rule.action != "auto_approve" or sure is not None)
    )


def reference(policy, facts):
    for _, _, rule in sorted((rule.priority, place, rule) for place, rule in enumerate(policy.rules)):
        if holds(rule, facts):
            return rule.action, rule.rule_id, rule.assigned_human_role
    return Action.HUMAN_REVIEW, "fallback", "domain_reviewer"


def some_facts(risk=LOW, confidence=0.9, **more):
    return Facts(**{"risk_level": risk, "domain": "support", "task_type": "refund", "confidence": confidence} | more)


def a_rule(rule_id="r1", action="auto_approve", priority=1, **fields):
    return Rule(rule_id=rule_id, priority=priority, conditions=Conditions(**fields), action=action)


def a_policy(*rules):
    return Policy(policy_id="p", rules=rules)


@given(policies(), st.lists(FACTS, min_size=1, max_size=20))
def test_a_policy_answers_as_its_first_rule_that_holds(policy, cases):
    compiled = compile_policy(policy)

    for facts in cases:
        decision = compiled.decide(facts)

        assert (decision.action, decision.rule_id, decision.assigned_human_role) == reference(policy, facts)


@given(policies(), st.lists(FACTS, min_size=2, max_size=20))
def test_a_remembered_decision_is_the_one_that_would_be_worked_out_afresh(policy, cases):
    compiled = compile_policy(policy)

    remembered = [compiled.decide(facts) for facts in cases]

    assert [(one, one.trace) for one in remembered] == [
        (fresh, fresh.trace) for fresh in (decide(policy, facts) for facts in cases)
    ]


@given(policies(), FACTS)
def test_nothing_is_approved_without_a_rule_a_proposal_and_a_confidence(policy, facts):
    decision = decide(policy, facts)

    if not decision.needs_human:
        rule = next(rule for rule in policy.rules if rule.rule_id == decision.rule_id)
        assert rule.action is Action.AUTO_APPROVE
        assert facts.has_proposal
        assert facts.confidence is not None


@given(policies(), FACTS)
def test_the_trace_names_every_rule_tried_and_ends_with_the_one_that_held(policy, facts):
    decision = decide(policy, facts)

    ids = [rule.rule_id for rule in policy.by_priority]
    tried = ids if decision.rule_id == "fallback" else ids[: ids.index(decision.rule_id) + 1]
    assert [trial.rule_id for trial in decision.trace] == tried
    assert [trial.rule_id for trial in decision.trace if trial.held] in ([], [decision.rule_id])
    assert all(trial.why for trial in decision.trace)


@given(policies(), FACTS)
def test_a_decision_names_its_role_and_an_approval_has_none(policy, facts):
    decision = decide(policy, facts)

    assert (decision.assigned_human_role is not None) is decision.needs_human


@pytest.mark.parametrize(
    ("risk", "confidence", "action", "rule_id", "role"),
    [
        pytest.param(LOW, 0.91, "auto_approve", "rule_004", None, id="task_001"),
        pytest.param(MEDIUM, 0.68, "human_review", "rule_003", "domain_reviewer", id="task_002"),
        pytest.param(HIGH, 0.83, "escalate", "rule_001", "senior_manager", id="task_003"),
        pytest.param(LOW, 0.95, "auto_approve", "rule_004", None, id="task_004"),
        pytest.param(MEDIUM, 0.74, "human_review", "rule_003", "domain_reviewer", id="task_005"),
        pytest.param(MEDIUM, 0.55, "human_review", "fallback", "domain_reviewer", id="no rule holds"),
        pytest.param(MEDIUM, 0.75, "auto_approve", "rule_002", None, id="at the bound"),
        pytest.param(MEDIUM, math.nextafter(0.75, 0), "human_review", "rule_003", "domain_reviewer", id="just below"),
        pytest.param(LOW, None, "human_review", "rule_005", "domain_reviewer", id="no confidence"),
        pytest.param(LOW, 0.0, "human_review", "rule_005", "domain_reviewer", id="no confidence at all"),
        pytest.param(LOW, 1, "auto_approve", "rule_004", None, id="a whole number"),
    ],
)
def test_the_canonical_policy_routes_as_agreed(risk, confidence, action, rule_id, role):
    decision = decide(CANONICAL, some_facts(risk, confidence))

    assert (decision.action, decision.rule_id, decision.assigned_human_role) == (action, rule_id, role)
    assert (decision.policy_id, decision.policy_hash) == ("default_routing_policy_v1", policy_hash(CANONICAL))


@pytest.mark.parametrize(
    ("confidence", "held"), [(0.6, True), (math.nextafter(0.6, 0), False), (0.8, False), (math.nextafter(0.8, 0), True)]
)
def test_the_minimum_is_inclusive_and_the_maximum_is_exclusive(confidence, held):
    policy = a_policy(a_rule(min_confidence=0.6, max_confidence=0.8))

    assert decide(policy, some_facts(confidence=confidence)).trace[0].held is held


@pytest.mark.parametrize("bound", [{"min_confidence": 0.0}, {"max_confidence": 1.0}])
def test_a_rule_with_a_bound_does_not_hold_where_there_is_no_confidence(bound):
    decision = decide(a_policy(a_rule(action="escalate", **bound)), some_facts(confidence=None))

    assert decision.rule_id == "fallback"
    assert decision.trace[0].why == "there is no confidence"


@pytest.mark.parametrize(
    ("facts", "missing"),
    [
        (some_facts(confidence=None), "confidence"),
        (some_facts(confidence=None, has_proposal=False), "proposal"),
        (some_facts(has_proposal=False), "proposal"),
        (some_facts(has_proposal="yes"), "proposal"),
        (some_facts(has_proposal=1), "proposal"),
    ],
)
def test_a_rule_without_conditions_still_approves_nothing_that_is_not_there(facts, missing):
    decision = decide(a_policy(a_rule()), facts)

    assert decision.action is Action.HUMAN_REVIEW
    assert decision.trace[0].why == f"auto_approve needs a {missing}, and there is none"


@pytest.mark.parametrize(
    "confidence", [math.nan, math.inf, -math.inf, -0.01, 1.0000000000000002, 2, True, "0.9", 10**400]
)
def test_an_invalid_confidence_is_refused_and_never_approved(confidence):
    compiled = compile_policy(a_policy(a_rule()))
    compiled.decide(some_facts(confidence=1.0))

    with pytest.raises(InvalidInput, match=r"facts: confidence: .* is not a number in \[0, 1\]"):
        compiled.decide(some_facts(confidence=confidence))


@pytest.mark.parametrize("risk", ["low", "LOW", "extreme", None, 0, Action.AUTO_APPROVE, ["low"]])
def test_a_plain_string_is_not_a_risk_level(risk):
    compiled = compile_policy(a_policy(a_rule()))
    compiled.decide(some_facts())

    with pytest.raises(InvalidInput, match=r"facts: risk_level: .* is not a risk level"):
        compiled.decide(some_facts(risk=risk))


@pytest.mark.parametrize(
    ("unsound", "sentence"),
    [
        ({"domain": None}, "facts: domain: None is not text"),
        ({"task_type": 3}, "facts: task_type: 3 is not text"),
        ({"signals": None}, "facts: signals: None is not a frozenset of known signals"),
        ({"signals": ["risky"]}, "facts: signals: .* is not a frozenset of known signals"),
        ({"signals": frozenset({"risqué"})}, "facts: signals: .* is not a frozenset of known signals"),
    ],
)
def test_a_fact_that_the_policy_asks_about_must_be_sound(unsound, sentence):
    asks = a_rule("asks", "escalate", 0, domain="payments", task_type="refund", signals="risky")
    compiled = compile_policy(a_policy(asks, a_rule()))
    compiled.decide(some_facts())

    with pytest.raises(InvalidInput, match=sentence):
        compiled.decide(some_facts(**unsound))


def test_every_unsound_fact_is_named_at_once():
    with pytest.raises(InvalidInput) as caught:
        decide(CANONICAL, some_facts(risk="lo", confidence=math.nan))

    assert len(caught.value.problems) == 2


@pytest.mark.parametrize("unfit", [math.nan, -1.0, 1.5])
def test_an_unfit_confidence_leaves_nothing_behind(unfit):
    compiled = compile_policy(CANONICAL)

    for _ in range(2):
        with pytest.raises(InvalidInput):
            compiled.decide(some_facts(confidence=unfit))


def test_rules_of_equal_priority_are_tried_as_they_stand():
    policy = a_policy(a_rule("late", "escalate", 2), a_rule("first", "human_review"), a_rule("second", "escalate"))

    assert [rule.rule_id for rule in policy.by_priority] == ["first", "second", "late"]
    assert decide(policy, some_facts()).rule_id == "first"


def test_a_policy_without_rules_sends_everything_to_a_person():
    decision = decide(a_policy(), some_facts(confidence=1.0))

    assert (decision.action, decision.rule_id, decision.trace) == (Action.HUMAN_REVIEW, "fallback", ())


def test_the_fallback_asks_the_first_role_of_the_house():
    decision = decide(a_policy(), some_facts(), RoleChain(roles=("clerk", "boss")))

    assert decision.assigned_human_role == "clerk"


@pytest.mark.parametrize(
    ("rule", "facts", "reason"),
    [
        (
            a_rule(risk_level="low", min_confidence=0.6),
            some_facts(),
            "the risk is low and the confidence is at least 0.6",
        ),
        (a_rule(action="escalate", risk_level=["medium", "low"]), some_facts(), "the risk is low or medium"),
        (a_rule(action="escalate", max_confidence=0.95), some_facts(), "the confidence is below 0.95"),
        (a_rule(action="escalate", domain="support"), some_facts(), "the domain is support"),
        (a_rule(action="escalate", task_type=["x", "refund"]), some_facts(), "the task type is refund or x"),
        (
            a_rule(action="escalate", signals=["unusual", "risky"]),
            some_facts(signals=frozenset({Signal.RISKY})),
            "the signal unusual or risky was raised",
        ),
        (a_rule(action="escalate"), some_facts(), "it has no conditions"),
    ],
)
def test_the_reason_is_a_sentence_that_a_manager_understands(rule, facts, reason):
    assert decide(a_policy(rule), facts).reason == f"r1 matches: {reason}"


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"risk_level": "high"}, "the risk is not high"),
        ({"risk_level": ["high", "medium"], "domain": "x"}, "the risk is not medium or high"),
        ({"domain": ["a", "b", "c"]}, "the domain is not a, b or c"),
        ({"task_type": "x"}, "the task type is not x"),
        ({"min_confidence": 0.95}, "the confidence is below 0.95"),
        ({"max_confidence": 0.9}, "the confidence is not below 0.9"),
        ({"signals": "ambiguous"}, "the signal ambiguous was not raised"),
    ],
)
def test_the_trace_names_the_failed_condition(fields, why):
    trace = decide(a_policy(a_rule(**fields)), some_facts()).trace

    assert trace == (("r1", False, why),)


def test_one_cell_is_worked_out_once():
    compiled = compile_policy(CANONICAL)

    assert compiled.decide(some_facts(confidence=0.81)) is compiled.decide(some_facts(confidence=0.99, domain="x"))


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr("hitl_orchestrator.policies.engine.compiled._MOST_CELLS", 3)
    compiled = compile_policy(CANONICAL)

    answers = {compiled.decide(some_facts(risk, sure / 100)).rule_id for risk in RiskLevel for sure in range(101)}

    assert answers == {"rule_001", "rule_002", "rule_003", "rule_004", "rule_005", "fallback"}
    assert len(compiled._cells) == 3


def test_threads_may_share_a_compiled_policy():
    compiled = compile_policy(CANONICAL)
    cases = [some_facts(risk, sure / 1000) for risk in RiskLevel for sure in range(1001)]

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(compiled.decide, cases))

    assert [one.rule_id for one in answers] == [reference(CANONICAL, facts)[1] for facts in cases]


@given(st.sampled_from(Action), st.sampled_from(Action))
@example(Action.AUTO_APPROVE, Action.ESCALATE)
def test_the_stricter_of_two_decisions_is_the_one_with_more_oversight_and_the_first_of_equals(one, other):
    first, second = (decide(a_policy(a_rule(f"r{n}", action)), some_facts()) for n, action in enumerate((one, other)))

    chosen = strictest(first, second, DEFAULT_CHAIN)

    assert chosen.action.strictness == max(one.strictness, other.strictness)
    assert chosen is first or other.strictness > one.strictness


def test_foreign_facts_with_the_right_names_are_judged_alike():
    alike = SimpleNamespace(
        risk_level=LOW, domain="d", task_type="t", confidence=0.9, signals=frozenset(), has_proposal=True
    )

    assert decide(CANONICAL, alike).rule_id == "rule_004"
