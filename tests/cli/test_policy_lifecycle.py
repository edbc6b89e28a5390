"""Policy changes: activation, approval, rollback, shadow, canary, and their ledger entries."""

import json
import re

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
def test_looser_policy_needs_approval_by_a_second_reviewer(hitl):
    waits = hitl("policy", "activate", "loose.json", *BY)
    assert (waits.code, "Not in force yet" in waits.out) == (3, True)
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
    output = " ".join(hitl("policy", "versions").out.split())
    assert "loose: active" in output
    assert "approved by compliance_officer: we agreed so" in output
    assert hitl("audit", "verify").code == 0


@pytest.mark.usefixtures("policies")
def test_run_with_another_policy_is_rejected_with_a_remedy(hitl):
    refused = hitl("run", "tasks.json", "--outputs", "agent_outputs.json", "--policy", "loose.json")

    assert refused.code == 1
    assert "policy 'loose'" in refused.err
    assert "'hitl policy activate'" in refused.err
    assert hitl("run", "tasks.json", "--outputs", "agent_outputs.json", "--policy", "strict.json").code == 0


@pytest.mark.usefixtures("policies")
def test_rollback_follows_the_rules_of_activation(hitl):
    hitl("policy", "shadow", "loose.json", *BY)
    back = hitl("policy", "rollback", *BY, "--json").data

    assert (back["change"], back["in_force"]) == ("rollback", False)
    rows = hitl("policy", "versions", "--json").data
    assert [row["version"] for row in rows] == [1, 2, None]
    assert {row["policy_id"] for row in rows if row["first_at"]} == {"default_routing_policy_v1"}
    assert "in force from the beginning" in hitl("policy", "versions").out
    assert hitl("policy", "rollback", "0", *BY).code == 1
    assert hitl("policy", "rollback", "--reviewer", "unknown", "--reason", "r").code == 1
    low = hitl("policy", "rollback", "--reviewer", "domain_reviewer", "--reason", "r")
    assert (low.code, "ask senior_manager or compliance_officer" in low.err) == (1, True)


@pytest.mark.usefixtures("policies")
def test_shadow_and_canary_start_and_stop(hitl):
    assert "on 0 cases" in hitl("policy", "shadow", "loose.json", *BY).out
    assert hitl("policy", "shadow", "--json").data["cases"] == 0
    assert hitl("policy", "shadow", "--off", *BY, "--json").data == {"ended": True}
    assert hitl("policy", "shadow", "--json").data is None
    proposed = hitl("policy", "canary", "loose.json", "--share", "0.2", *BY, "--json").data
    assert proposed["in_force"] is False
    report = " ".join(hitl("policy", "canary", "--report").out.split())
    assert f"waits for another reviewer: case {proposed['case_id']}." in report
    assert "There was no canary" not in report
    assert re.search("its check reports ([0-9]+ (error|warning|note)s?|no problems)", hitl("policy", "versions").out)


@pytest.mark.parametrize(("typed", "meant"), [("10%", "0.1"), ("2.5 %", "0.025"), ("some", "a number such as 0.1")])
def test_a_share_that_is_no_number_is_refused_with_what_to_write(hitl, typed, meant):
    refused = hitl("policy", "canary", "stricter.json", "--share", typed, *BY)

    assert (refused.code, refused.err) == (2, f"hitl: --share: '{typed}' is no number; write {meant}\n")


@pytest.mark.usefixtures("policies")
def test_the_status_and_the_report_of_a_canary(hitl, folder):
    (folder / "stricter.json").write_text(json.dumps({**STRICT, "policy_id": "stricter", "rules": STRICT["rules"][:1]}))
    hitl("policy", "canary", "stricter.json", "--share", "1", *BY)
    tasks = [
        {**task, "task_id": f"again-{task['task_id']}"} for task in json.loads((folder / "tasks.json").read_text())
    ]
    (folder / "again.json").write_text(json.dumps(tasks))
    assert hitl("run", "again.json").code == 0

    report = hitl("policy", "canary", "--report", "--json").data
    status = hitl("policy", "status", "--json").data

    assert (report["version"], report["canary"]["cases"], report["rest"]["cases"]) == (3, len(tasks), 0)
    assert (status["active"]["version"], status["canary"]["version"]) == (2, 3)
    shown = hitl("policy", "canary", "--report").out
    assert max(map(len, shown.splitlines())) <= 80
    assert "canary v3 (" in shown
    assert "canary: v3 (" in hitl("policy", "status").out
    assert "on a share of 1" in hitl("policy", "status").out


@pytest.mark.usefixtures("policies")
def test_the_status_names_who_may_undo_and_what_waits(hitl):
    assert "senior_manager may take it back alone until" in " ".join(hitl("policy", "status").out.split())

    hitl("policy", "activate", "loose.json", *BY)

    waits = hitl("policy", "status", "--json").data["waiting"]
    assert [(each["change"], each["by"]) for each in waits] == [("activate", "senior_manager")]
    assert "waits for a second person: activate" in hitl("policy", "status").out


@pytest.fixture
def stale(policies, folder, hitl):
    """The case of a looser policy that was compared with one which is no longer active."""
    case_id = hitl("policy", "activate", "loose.json", *BY, "--json").data["case_id"]
    (folder / "stricter.json").write_text(json.dumps({**STRICT, "policy_id": "stricter", "rules": STRICT["rules"][:1]}))
    assert hitl("policy", "activate", "stricter.json", *BY).code == 0
    return case_id


def test_a_proposal_compared_with_an_earlier_policy_is_marked_before_it_is_decided(hitl, stale):
    why = "is active, and it was compared with v2"

    assert why in " ".join(hitl("policy", "status").out.split())
    assert why in hitl("policy", "status", "--json").data["waiting"][0]["stale"]
    assert why in " ".join(hitl("show", stale).out.split())


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_an_approval_that_carries_no_change_out_is_never_reported_as_a_success(hitl, stale, form):
    answer = hitl("decide", stale, "approve", "--reviewer", "compliance_officer", *form)

    assert answer.code == 1
    why = answer.data["change_declined"] if form else " ".join(answer.out.split())
    assert "another policy was activated since it was proposed" in why
    assert form or "The change is not carried out" in why


@pytest.mark.usefixtures("policies")
def test_an_approval_or_a_rejection_that_is_followed_reports_no_declined_change(hitl):
    for answer, name in (("reject", "loose.json"), ("approve", "loose.json")):
        case_id = hitl("policy", "activate", name, *BY, "--json").data["case_id"]
        done = hitl("decide", case_id, answer, "--reviewer", "compliance_officer", "--json")
        assert (done.code, done.data["change_declined"]) == (0, None)


@pytest.mark.usefixtures("policies")
def test_a_canary_is_reported_as_one_and_is_never_the_active_policy(hitl, folder):
    refused = hitl("policy", "canary", "strict.json", "--share", "0.5", *BY)
    assert (refused.code, refused.err) == (2, "hitl: canary: 'strict' is the active policy; name another one\n")

    (folder / "stricter.json").write_text(json.dumps({**STRICT, "policy_id": "stricter", "rules": STRICT["rules"][:1]}))
    started = hitl("policy", "canary", "stricter.json", "--share", "0.5", *BY)
    assert started.out.startswith("Canary: v3 (")
    assert "on 0.5 of the new cases." in started.out


@pytest.mark.parametrize("kind", ["shadow", "canary"])
@pytest.mark.usefixtures("policies")
def test_ending_what_does_not_run_is_answered_with_no(hitl, kind):
    answer = hitl("policy", kind, "--off", *BY)

    assert (answer.code, answer.out, answer.err) == (1, f"There is no {kind}.\n", "")
    assert hitl("policy", kind, "--off", *BY, "--json").data == {"ended": False}


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
def test_invalid_policy_changes_are_rejected_with_a_sentence(hitl, typed):
    refused = hitl("policy", *typed)

    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith("hitl: ")


@pytest.mark.usefixtures("policies")
def test_audit_show_lists_policy_changes_and_their_results(hitl, folder):
    rules = [LOOSE["rules"][0], {**LOOSE["rules"][1], "conditions": {"risk_level": "low", "min_confidence": 0.3}}]
    (folder / "looser.json").write_text(json.dumps({**LOOSE, "policy_id": "looser", "rules": rules}))
    hitl("policy", "shadow", "loose.json", *BY)
    hitl("policy", "shadow", "--off", *BY)
    approved = hitl("policy", "activate", "loose.json", *BY, "--json").data["case_id"]
    hitl("decide", approved, "approve", "--reviewer", "compliance_officer")
    declined = hitl("policy", "canary", "looser.json", "--share", "0.25", *BY, "--json").data["case_id"]
    hitl("decide", declined, "reject", "--reviewer", "compliance_officer", "--feedback", "no")

    output, listed = " ".join(hitl("audit", "show", "--policies").out.split()), hitl("audit", "show", "--policies")
    kinds = [one["kind"].removeprefix("policy_") for one in hitl("audit", "show", "--policies", "--json").data]
    of_case = [one["kind"] for one in hitl("audit", "show", declined, "--json").data]

    assert (listed.code, listed.err) == (0, "")
    assert kinds[:2] == ["people_recorded", "recorded"]
    assert " ".join(kinds[2:]) == "version activated version shadow shadow proposed activated version proposed declined"
    assert "of strict is stored, its check reports" in output
    assert f"proposed by senior_manager, approved by compliance_officer in case {approved} │ we agreed so" in output
    assert (
        f"on a share of 0.25 is proposed in place of v3 ({loose_hash(hitl)}), in case {declined} │ we agreed so"
        in output
    )
    assert f"the proposal in case {declined} is declined │ it ended as rejected" in output
    assert (of_case[0], of_case[-1], "decided" in of_case) == ("policy_proposed", "policy_declined", True)
    for command in (("audit", "show"), ("show",)):
        assert "is declined │ it ended as rejected" in " ".join(hitl(*command, declined).out.split())


def loose_hash(hitl):
    (found,) = [one["policy_hash"] for one in hitl("policy", "versions", "--json").data if one["policy_id"] == "loose"]
    return found[:12]


def test_audit_show_needs_a_case_or_policies(hitl):
    hitl("run", "tasks.json")

    assert "is the first policy" in hitl("audit", "show", "--policies").out
    for typed in ((), ("task_001", "--policies")):
        refused = hitl("audit", "show", *typed)
        assert (refused.code, refused.out) == (2, "")
        assert refused.err == "hitl: audit show: give a case id or a task id, or --policies alone, or --ledger alone\n"


@pytest.mark.usefixtures("policies")
def test_policy_change_is_explained_by_the_builtin_rule_without_nearest_changes(hitl):
    case_id = hitl("policy", "activate", "loose.json", *BY, "--json").data["case_id"]
    output = " ".join(hitl("policy", "explain", case_id).out.replace("\u2502", " ").split())

    assert "policy_change, which is built in, matches: such a change needs the approval of a second person" in output
    assert "would go" not in output
    assert "policy_change, which is built in, matches" in " ".join(
        hitl("show", case_id).out.replace("\u2502", " ").split()
    )


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
def test_custom_roles_activate_first_policy_alone_and_looser_one_by_two(hitl):
    assert hitl("policy", "activate", "ours.json", *BY_BOSS).out.startswith("In force: ")
    assert hitl("policy", "activate", "looser.json", *BY_BOSS, "--json").data["in_force"] is False
    assert hitl("policy", "versions", "--reviewers", "own.json", "--json").data[0]["standing"] == ["active"]


def test_missing_policy_for_custom_roles_creates_no_store(hitl, of_other_roles):
    refused = hitl("run", "tasks.json", "--outputs", "agent_outputs.json", "--reviewers", "own.json")

    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith("hitl: policy: no policy is active, and the bundled default does not")
    assert "routing_policy.json" not in refused.err
    assert "'hitl policy activate'" in refused.err
    assert not (of_other_roles / "hitl.db").exists()


@pytest.mark.usefixtures("of_other_roles")
def test_looser_policy_needs_two_reviewers_after_role_change(hitl):
    assert hitl("run", "tasks.json", "--outputs", "agent_outputs.json").code == 0

    waits = hitl("policy", "activate", "looser.json", *BY_BOSS, "--json").data

    assert waits["in_force"] is False
    assert hitl("decide", waits["case_id"], "approve", "--reviewers", "own.json", "--reviewer", "boss").code == 1
    assert hitl("decide", waits["case_id"], "approve", "--reviewers", "own.json", "--reviewer", "legal").code == 0


RUN_OURS = ("run", "tasks.json", "--outputs", "agent_outputs.json")
BY_ROLE = """
policy_id: by_role
rules:
  - {rule_id: sure, priority: 1, conditions: {min_confidence: 0.93}, action: auto_approve}
  - {rule_id: rest, priority: 2, conditions: {}, action: human_review, assigned_human_role: clerk}
"""


@pytest.fixture
def own_store(hitl, of_other_roles):
    """A store whose people and active policy have their own names of roles, beside a policy that names them."""
    assert hitl("policy", "activate", "ours.json", *BY_BOSS).code == 0
    (of_other_roles / "by_role.yaml").write_text(BY_ROLE)
    return of_other_roles


@pytest.mark.usefixtures("own_store")
def test_a_run_without_a_policy_uses_the_active_one_whatever_the_roles_are_called(hitl):
    assert hitl(*RUN_OURS).code == 0
    assert {each["policy_id"] for each in hitl("audit", "list", "--json").data} == {"ours"}
    assert hitl(*RUN_OURS).code == 0


@pytest.mark.usefixtures("own_store")
@pytest.mark.parametrize(
    "words",
    [
        "policy check by_role.yaml",
        "policy diff by_role.yaml by_role.yaml",
        "policy test --policy by_role.yaml --write-boundaries new.policy-test.yaml",
        "policy explain tasks.json",
        "policy explain tasks.json --policy by_role.yaml",
        "policy backtest by_role.yaml",
        "simulate --days 1 --tasks-per-day 3 --policy by_role.yaml",
        "stats",
        "inbox",
    ],
)
def test_a_command_takes_the_names_of_roles_from_the_people_of_the_store(hitl, words):
    assert hitl(*RUN_OURS).code == 0

    answer = hitl(*words.split())

    assert (answer.code, answer.err) == (0, "")


@pytest.mark.usefixtures("own_store")
def test_a_reviewers_file_names_the_roles_in_place_of_the_store(hitl, folder):
    chain = {"escalation_chain": ["agent"], "reviewers": [{"reviewer_id": "a", "name": "A", "roles": ["agent"]}]}
    (folder / "others.json").write_text(json.dumps(chain))

    assert hitl("policy", "check", "by_role.yaml", "--reviewers", "others.json").code == 2


def test_a_simulation_with_more_roles_than_reviewers_is_refused(hitl, own_store):
    (own_store / "own.json").write_text(json.dumps({**OWN, "escalation_chain": ["clerk", "a", "b", "boss", "legal"]}))
    refused = hitl("simulate", "--policy", "by_role.yaml", "--reviewers", "own.json", "--reviewers-count", "4")

    assert refused.code == 2
    assert "5 roles need at least as many reviewers; give 5 or more" in refused.err
