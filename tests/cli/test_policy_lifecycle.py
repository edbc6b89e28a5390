"""Which policy rules, at the command line: who lets it, who else agrees, and what the ledger keeps of it."""

import json

import pytest

STRICT = {
    "policy_id": "strict",
    "rules": [
        {"rule_id": "high", "priority": 1, "conditions": {"risk_level": "high"}, "action": "escalate"},
        {
            "rule_id": "sure",
            "priority": 2,
            "conditions": {"risk_level": "low", "min_confidence": 0.93},
            "action": "auto_approve",
        },
    ],
}
LOOSE = {
    **STRICT,
    "policy_id": "loose",
    "rules": [STRICT["rules"][0], {**STRICT["rules"][1], "conditions": {"risk_level": "low", "min_confidence": 0.5}}],
}
BY = ("--reviewer", "senior_manager", "--reason", "we agreed so")


@pytest.fixture
def policies(folder, hitl):
    """A store with the canonical tasks, which the strict policy rules, and a looser one beside it."""
    for policy in (STRICT, LOOSE):
        (folder / f"{policy['policy_id']}.json").write_text(json.dumps(policy))
    assert hitl("run", "tasks.json", "--outputs", "agent_outputs.json").code == 0
    assert hitl("policy", "activate", "strict.json", *BY).out.startswith("In force: ")


@pytest.mark.usefixtures("policies")
def test_a_looser_policy_rules_once_another_person_approves_it(hitl):
    waits = hitl("policy", "activate", "loose.json", *BY)
    assert (waits.code, "Not in force yet" in waits.out) == (0, True)
    assert "looser: human_review by domain_reviewer" in waits.out
    proposed = hitl("policy", "activate", "loose.json", *BY, "--json").data
    assert (proposed["in_force"], len(proposed["looser"])) == (False, 1)

    refused = hitl("decide", proposed["case_id"], "approve", "--reviewer", "senior_manager")
    assert (refused.code, "they submitted this case" in refused.err) == (1, True)
    assert hitl("decide", proposed["case_id"], "approve", "--reviewer", "compliance_officer").code == 0

    (active,) = [one for one in hitl("policy", "versions", "--json").data if "active" in one["standing"]]
    assert (active["policy_id"], active["author"], active["reason"]) == ("loose", "senior_manager", "we agreed so")
    assert [(one["what"], one["by"], one["approved_by"]) for one in active["history"]] == [
        ("activate", "senior_manager", "compliance_officer")
    ]
    told = " ".join(hitl("policy", "versions").out.split())
    assert "loose: active" in told
    assert "approved by compliance_officer: we agreed so" in told
    assert hitl("audit", "verify").code == 0


@pytest.mark.usefixtures("policies")
def test_another_policy_is_refused_with_the_remedy_and_the_same_one_is_fine(hitl):
    refused = hitl("run", "tasks.json", "--outputs", "agent_outputs.json", "--policy", "loose.json")

    assert refused.code == 1
    assert "policy 'loose'" in refused.err
    assert "'hitl policy activate'" in refused.err
    assert hitl("run", "tasks.json", "--outputs", "agent_outputs.json", "--policy", "strict.json").code == 0


@pytest.mark.usefixtures("policies")
def test_a_rollback_needs_what_an_activation_needs(hitl):
    back = hitl("policy", "rollback", *BY, "--json").data

    assert (back["change"], back["in_force"]) == ("rollback", False)
    assert hitl("policy", "rollback", "0", *BY).code == 1
    assert hitl("policy", "rollback", "--reviewer", "nobody", "--reason", "r").code == 1
    low = hitl("policy", "rollback", "--reviewer", "domain_reviewer", "--reason", "r")
    assert (low.code, "ask senior_manager, compliance_officer" in low.err) == (1, True)


@pytest.mark.usefixtures("policies")
def test_a_watched_policy_and_a_canary_come_and_go(hitl):
    assert "on 0 cases" in hitl("policy", "shadow", "loose.json", *BY).out
    assert hitl("policy", "shadow", "--json").data["cases"] == 0
    assert hitl("policy", "shadow", "--off", *BY, "--json").data == {"ended": True}
    assert hitl("policy", "shadow", "--json").data is None
    assert hitl("policy", "canary", "loose.json", "--share", "0.2", *BY, "--json").data["in_force"] is False
    assert "There is no canary." in hitl("policy", "canary", "--off", *BY).out


@pytest.mark.usefixtures("policies")
@pytest.mark.parametrize(
    "typed",
    [
        ("canary", *BY),
        ("canary", "loose.json", *BY),
        ("canary", "loose.json", "--share", "2", *BY),
        ("canary", "loose.json", "--share", "0.1", "--off", *BY),
        ("shadow", "loose.json"),
        ("shadow", "loose.json", "--off", *BY),
        ("activate", "none.json", *BY),
        ("activate", "tasks.json", *BY),
        ("activate", "loose.json", "--reviewer", "senior_manager", "--reason", ""),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(hitl, typed):
    refused = hitl("policy", *typed)

    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith("hitl: ")


@pytest.mark.usefixtures("policies")
def test_an_auditor_reads_all_that_happened_to_policies_and_the_case_of_a_change_with_what_came_of_it(hitl, folder):
    rules = [LOOSE["rules"][0], {**LOOSE["rules"][1], "conditions": {"risk_level": "low", "min_confidence": 0.3}}]
    (folder / "looser.json").write_text(json.dumps({**LOOSE, "policy_id": "looser", "rules": rules}))
    hitl("policy", "shadow", "loose.json", *BY)
    hitl("policy", "shadow", "--off", *BY)
    approved = hitl("policy", "activate", "loose.json", *BY, "--json").data["case_id"]
    hitl("decide", approved, "approve", "--reviewer", "compliance_officer")
    declined = hitl("policy", "canary", "looser.json", "--share", "0.25", *BY, "--json").data["case_id"]
    hitl("decide", declined, "reject", "--reviewer", "compliance_officer", "--feedback", "no")

    told, listed = " ".join(hitl("audit", "show", "--policies").out.split()), hitl("audit", "show", "--policies")
    kinds = [one["kind"].removeprefix("policy_") for one in hitl("audit", "show", "--policies", "--json").data]
    of_case = [one["kind"] for one in hitl("audit", "show", declined, "--json").data]

    assert (listed.code, listed.err) == (0, "")
    assert " ".join(kinds) == "version activated version shadow shadow proposed activated version proposed declined"
    assert "of strict is stored, its check reports" in told
    assert f"proposed by senior_manager, approved by compliance_officer in case {approved}: we agreed so" in told
    assert f"on a share of 0.25 is proposed in place of {loose_hash(hitl)}, in case {declined}: we agreed so" in told
    assert f"the proposal in case {declined} is declined: it ended as rejected" in told
    assert (of_case[0], of_case[-1], "decided" in of_case) == ("policy_proposed", "policy_declined", True)
    for command in (("audit", "show"), ("show",)):
        assert "is declined: it ended as rejected" in " ".join(hitl(*command, declined).out.split())


def loose_hash(hitl):
    (found,) = [one["policy_hash"] for one in hitl("policy", "versions", "--json").data if one["policy_id"] == "loose"]
    return found[:12]


def test_whoever_asks_for_entries_says_about_what(hitl):
    hitl("run", "tasks.json")

    assert hitl("audit", "show", "--policies").out == "No entry about policies yet.\n"
    for typed in ((), ("task_001", "--policies")):
        refused = hitl("audit", "show", *typed)
        assert (refused.code, refused.out) == (2, "")
        assert refused.err == "hitl: audit show: give a case id or a task id, or --policies alone\n"


@pytest.mark.usefixtures("policies")
def test_of_a_change_it_is_explained_what_is_built_in_and_no_way_around_it_is_told(hitl):
    case_id = hitl("policy", "activate", "loose.json", *BY, "--json").data["case_id"]
    told = " ".join(hitl("policy", "explain", case_id).out.split())

    assert "policy_change, which is built in, holds: a policy that asks for less takes a second person" in told
    assert "would go" not in told
    assert "policy_change, which is built in, holds" in " ".join(hitl("show", case_id).out.split())


OWN = {
    "escalation_chain": ["clerk", "boss", "legal"],
    "reviewers": [{"reviewer_id": role, "name": role, "roles": [role]} for role in ("clerk", "boss", "legal")],
}
BY_BOSS = ("--reviewers", "own.json", "--reviewer", "boss", "--reason", "we begin")


@pytest.fixture
def of_other_roles(folder):
    """A folder with reviewers whose roles are not those of the policy that comes with the package."""
    (folder / "own.json").write_text(json.dumps(OWN))
    for name, bound in (("ours", 0.93), ("looser", 0.5)):
        rule = {"rule_id": "sure", "priority": 1, "conditions": {"min_confidence": bound}, "action": "auto_approve"}
        (folder / f"{name}.json").write_text(json.dumps({"policy_id": name, "rules": [rule]}))
    return folder


@pytest.mark.usefixtures("of_other_roles")
def test_an_organization_of_other_roles_activates_its_first_policy_alone_and_a_looser_one_by_two(hitl):
    assert hitl("policy", "activate", "ours.json", *BY_BOSS).out.startswith("In force: ")
    assert hitl("policy", "activate", "looser.json", *BY_BOSS, "--json").data["in_force"] is False
    assert hitl("policy", "versions", "--reviewers", "own.json", "--json").data[0]["standing"] == ["active"]


def test_without_a_policy_for_its_roles_a_store_is_not_made_and_the_sentence_names_the_remedy(hitl, of_other_roles):
    refused = hitl("run", "tasks.json", "--outputs", "agent_outputs.json", "--reviewers", "own.json")

    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith("hitl: policy: none was given, used or activated here")
    assert "routing_policy.json" not in refused.err
    assert "'hitl policy activate'" in refused.err
    assert not (of_other_roles / "hitl.db").exists()


@pytest.mark.usefixtures("of_other_roles")
def test_a_store_that_was_used_under_other_roles_lets_nobody_activate_something_looser_alone(hitl):
    assert hitl("run", "tasks.json", "--outputs", "agent_outputs.json").code == 0

    waits = hitl("policy", "activate", "looser.json", *BY_BOSS, "--json").data

    assert waits["in_force"] is False
    assert hitl("decide", waits["case_id"], "approve", "--reviewers", "own.json", "--reviewer", "boss").code == 1
    assert hitl("decide", waits["case_id"], "approve", "--reviewers", "own.json", "--reviewer", "legal").code == 0
