"""A policy change with two persons: the active policy sets its requirements, and it stays decidable after a crash."""

import pytest
from support.builders import a_review
from support.internals import services_of
from support.people_changes import change_people
from support.policy_changes import BY_MAX, LOOSE, STRICT, USUAL, goes_ahead, kinds, submitted

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.enums import RiskLevel
from hitl_orchestrator.errors import NotAuthorized, PolicyMissing
from hitl_orchestrator.policies.analysis import decision_diagram
from hitl_orchestrator.policies.lifecycle.change_request import POLICY_DOMAIN


def escalates(bound, name, **asking):
    """A policy with requirements for policy changes, which it names."""
    named = {"task_type": "policy_change"}
    high = {"rule_id": "high", "priority": 2, "conditions": named, "action": "escalate", **asking}
    policy = goes_ahead(bound, name)
    return {**policy, "rules": [*policy["rules"], high]}


TWO = escalates(0.95, "two", approvals=2)
ONE = escalates(0.9, "one")


def agreed(hitl, done):
    """Approve a change by the two reviewers who did not propose it."""
    assert hitl.decide(done.case.case_id, a_review("approve", "two")).status == "waiting"
    assert hitl.decide(done.case.case_id, a_review("approve", "zoe")).status == "approved"


def test_a_policy_change_is_decided_by_the_active_policy_and_never_by_a_canary(opened, store):
    hitl = opened(store, policy=TWO)
    hitl.policy.activate(TWO, **BY_MAX)
    agreed(hitl, hitl.policy.start_canary(ONE, 1.0, **BY_MAX))

    waits = hitl.policy.activate(goes_ahead(0.5), **BY_MAX)

    assert waits.case.submission.policy_hash == services_of(hitl).registry.active.hash
    assert waits.case.open_review.shown.routing.decision.requirements.approvals == 2
    agreed(hitl, waits)
    assert services_of(hitl).registry.active.policy.policy_id == "from_0.5"


def test_a_rule_for_tasks_asks_nothing_of_a_change_of_the_policy(opened, store):
    foreign = {"metadata": {"country": {"ne": "AT"}}}
    asks = {"rule_id": "foreign", "priority": 1, "conditions": foreign, "action": "human_review", "approvals": 3}
    strict = {**STRICT, "metadata": {"country": "text"}, "rules": [asks, *STRICT["rules"]]}
    hitl = opened(store, policy=strict)

    waits = hitl.policy.activate(LOOSE, **BY_MAX)

    decision = waits.case.open_review.shown.routing.decision
    assert (decision.rule_id, decision.requirements.approvals) == ("policy_change", 1)
    assert hitl.decide(waits.case.case_id, a_review("approve", "zoe")).status == "approved"


def test_a_change_proposed_during_a_canary_is_also_compared_with_the_active_policy(opened):
    hitl = opened("memory://", policy=TWO)
    hitl.policy.activate(TWO, **BY_MAX)
    agreed(hitl, hitl.policy.start_canary(ONE, 1.0, **BY_MAX))
    canary = hitl.policy.status().canary.policy_hash
    facts = {"risk_level": RiskLevel.HIGH, "domain": POLICY_DOMAIN, "confidence": None}

    of_policy = services_of(hitl).registry.decide(canary, Facts(task_type="policy_change", **facts), "policy-change-1")
    of_agents = services_of(hitl).registry.decide(canary, Facts(task_type="refund", **facts), "task-1")

    assert (of_policy.requirements.approvals, of_agents.requirements.approvals) == (2, 1)


def test_the_compared_policy_is_recorded_before_the_proposal(opened):
    hitl = opened("memory://", policy=USUAL)

    hitl.policy.activate(LOOSE, **BY_MAX)

    reported = [event.kind.value for event in services_of(hitl).ledger.events() if event.case_id is None]
    assert reported == ["people_recorded", "policy_recorded", "policy_version", "policy_proposed"]


OWN = {
    "escalation_chain": ["clerk", "boss", "legal"],
    "reviewers": [{"reviewer_id": role, "name": role, "roles": [role]} for role in ("clerk", "boss", "legal")],
}
BY_BOSS = {"reviewer": "boss", "reason": "we begin"}


def test_a_store_with_other_roles_is_not_created_without_its_own_policy(opened, store, tmp_path):
    for each in (store, f"sqlite:///{tmp_path / 'none.db'}"):
        with pytest.raises(PolicyMissing, match="does not define the roles clerk, boss, legal; pass --policy"):
            opened(each, reviewers=OWN)
    assert list(tmp_path.glob("none.db*")) == []

    hitl = opened(store, reviewers=OWN, policy=USUAL)
    assert hitl.policy.activate(USUAL, **BY_BOSS).in_force
    assert not hitl.policy.activate(LOOSE, **BY_BOSS).in_force


def test_a_used_store_compares_a_new_policy_with_its_own(opened, durable_store):
    with opened(durable_store, policy=USUAL) as hitl:
        submitted(hitl, "task-1", 0.95)
        change_people(hitl, OWN)

    with opened(durable_store, reviewers=None) as hitl:
        assert not hitl.policy.activate(LOOSE, **BY_BOSS).in_force
        assert hitl.audit.verify().sound


def seven_users(approvals):
    """Return a policy in which seven users have layers with deadlines, so that lists of them may interact."""
    rule = {"priority": 1, "conditions": {"risk_level": "medium"}, "action": "human_review", "respond_within": "PT4H"}
    of_users = {f"user{n}": rule | {"rule_id": f"of_{n}", "approvals": approvals if n == 3 else 1} for n in range(7)}
    users = {name: {"policy_id": name, "rules": [each]} for name, each in of_users.items()}
    return {**goes_ahead(0.9, "seven"), "users": users}


def in_zone(zone):
    rules = goes_ahead(0.9)["rules"]
    evening = {"time": {"begins": "18:00", "ends": "24:00"}}
    night = {"rule_id": "night", "priority": 0, "conditions": evening, "action": "escalate"}
    return {"policy_id": "zones", "timezone": zone, "rules": [night, *rules]}


@pytest.mark.parametrize(
    ("old", "new", "why", "edited"),
    [
        (seven_users(1), seven_users(2), "several users request together", "of_3: approvals 1 became 2"),
        (in_zone("Europe/Vienna"), in_zone("America/New_York"), "time zone", "timezone 'Europe/Vienna' became"),
    ],
    ids=["seven users", "zones"],
)
def test_what_cannot_be_compared_takes_a_second_person_and_the_case_says_why(opened, old, new, why, edited):
    assert_unchecked(opened("memory://", policy=old), new, why, edited)


def test_a_policy_too_complex_to_compare_takes_a_second_person(opened, monkeypatch):
    hitl = opened("memory://", policy=USUAL)
    monkeypatch.setattr(decision_diagram, "MOST_NODES", 0)

    assert_unchecked(hitl, goes_ahead(0.95, "stricter"), "too complex", "sure: min_confidence 0.9 became 0.95")


def assert_unchecked(hitl, new, why, edited):
    done = hitl.policy.activate(new, **BY_MAX)
    shown = done.case.open_review.shown.routing.output.agent_output.explanation

    assert not done.in_force
    assert shown.splitlines()[0].endswith("; 1 part could not be compared.")
    assert "unchecked, and therefore treated as looser" in shown
    assert why in shown
    assert edited in shown


def test_a_finding_in_the_case_names_the_declaration_that_it_is_about(opened):
    hitl = opened("memory://", policy=USUAL)
    done = hitl.policy.activate(goes_ahead(0.8) | {"lists": {"blocked": ["IR"]}}, **BY_MAX)
    shown = done.case.open_review.shown.routing.output.agent_output.explanation

    assert "- lists.blocked: no rule reads this list; remove it, or refer to it by its name" in shown.splitlines()


def test_the_second_person_sees_every_looser_region_in_the_case_however_many(opened):
    kinds = [f"kind{number:02}" for number in range(30)]

    def asks(bound, name):
        rules = [
            {"rule_id": f"of_{kind}", "priority": place, "action": "auto_approve"}
            | {"conditions": {"task_type": kind, "min_confidence": bound}}
            for place, kind in enumerate(kinds)
        ]
        return {"policy_id": name, "rules": rules}

    hitl = opened("memory://", policy=asks(0.95, "careful"))
    done = hitl.policy.activate(asks(0.9, "quick"), **BY_MAX)
    shown = done.case.open_review.shown.routing.output.agent_output.explanation
    lines = shown.splitlines()

    assert len(done.looser) == len(kinds)
    assert lines[0] == "It is looser in 30 ways, the gravest first."
    assert all(f"{place}. {sentence}" in lines for place, sentence in enumerate(done.looser, start=1))
    for kind in kinds:
        assert f"- of_{kind}: min_confidence 0.95 became 0.9" in lines
        assert any(f"with a confidence of 0.9 to below 0.95 of type {kind}" in line for line in lines)


def test_a_looser_policy_that_only_its_author_could_approve_is_not_filed(opened):
    """The active policy asks the top role about changes of the policy, and the author is the only one who holds it."""
    asks_the_top = {
        "rule_id": "own",
        "priority": 1,
        "conditions": {"task_type": ["policy_change"]},
        "action": "escalate",
        "assigned_human_role": "compliance_officer",
    }
    people = [
        {"reviewer_id": "top", "name": "Top", "roles": ["compliance_officer"]},
        {"reviewer_id": "max", "name": "Max", "roles": ["senior_manager"]},
        {"reviewer_id": "zoe", "name": "Zoe", "roles": ["senior_manager"]},
    ]
    hitl = opened("memory://", reviewers=people, policy={"policy_id": "own", "rules": [asks_the_top]})
    before = kinds(hitl)

    with pytest.raises(NotAuthorized, match="no second person holds 'compliance_officer'"):
        hitl.policy.activate(LOOSE, reviewer="top", reason="we agreed so")

    assert (kinds(hitl), hitl.policy.status().pending) == (before, {})
    assert hitl.policy.activate(LOOSE, **BY_MAX).case.open_review.role == "compliance_officer"
