"""Lists, tables and people of a policy at the command line."""

import json
from hashlib import sha256

import pytest

PEOPLE = {
    "reviewers": [
        {"reviewer_id": "ann", "name": "Ann", "roles": ["domain_reviewer"]},
        {"reviewer_id": "zoe", "name": "Zoe", "roles": ["compliance_officer"]},
    ],
    "teams": [{"team_id": "fraud", "members": ["ann"]}],
}
TASK = {
    "task_id": "t1",
    "task_type": "refund",
    "task_description": "Refund an order",
    "domain": "payments",
    "risk_level": "low",
    "metadata": {"country": "KP"},
}


def a_policy(**parts):
    rule = {
        "rule_id": "listed",
        "priority": 1,
        "conditions": {"metadata": {"country": {"in": {"list": "sanctioned"}}}},
        "action": "human_review",
        "note": "Since the audit of March",
        "owner": "claims desk",
        "reference": "REG-12",
    }
    listed = {"file": "sanctioned.txt", "sha256": sha256(b"IR\nKP\n").hexdigest()}
    return {
        "policy_id": "p",
        "metadata": {"country": "text"},
        "lists": {"sanctioned": listed},
        "rules": [rule | parts],
    }


@pytest.fixture
def policy(folder):
    """Write a policy with a list beside it, and return a function that writes it with other parts of its rule."""

    def write(**parts):
        (folder / "p.json").write_text(json.dumps(a_policy(**parts)))
        (folder / "sanctioned.txt").write_text("IR\nKP\n")
        (folder / "people.json").write_text(json.dumps(PEOPLE))
        (folder / "one.json").write_text(json.dumps([TASK]))
        return folder / "p.json"

    return write


def test_lists_names_each_file_with_its_number_of_values(hitl, policy):
    policy()

    answer = hitl("policy", "lists", "p.json")

    assert (answer.code, answer.err) == (0, "")
    assert "sanctioned" in answer.out
    assert "as stated" in answer.out


def test_a_changed_list_file_is_refused_everywhere_until_its_new_hash_is_written(hitl, policy, folder):
    written = policy()
    (folder / "sanctioned.txt").write_text("IR\nKP\nXX\n")

    refused = hitl("policy", "check", "p.json")
    assert refused.code == 2
    assert "'hitl policy lists p.json --write' writes the new hash" in refused.err
    assert hitl("policy", "lists", "p.json").code == 1

    assert hitl("policy", "lists", "p.json", "--write").code == 0
    assert hitl("policy", "check", "p.json").code == 0
    rest = json.loads(written.read_text())
    assert rest == a_policy() | {"lists": {"sanctioned": rest["lists"]["sanctioned"]}}


def test_lists_of_a_policy_without_files_says_so(hitl):
    answer = hitl("policy", "lists", "routing_policy.json")

    assert (answer.code, answer.out.strip()) == (0, "routing_policy.json keeps no list in a file.")


@pytest.mark.parametrize(
    ("ask", "code", "sentence"),
    [
        ({"team": "frod"}, 1, "ask.team: there is no team 'frod'; the teams are fraud; did you mean 'fraud'?"),
        ({"not": ["anne"]}, 1, "ask.not: there is no reviewer 'anne'; did you mean 'ann'?"),
        ({"team": "fraud", "role": "compliance_officer"}, 0, "0 members of the team 'fraud' may decide with the role"),
        ({"team": "fraud", "not": "ann"}, 0, "0 members of the team 'fraud' may decide"),
    ],
)
def test_the_check_finds_people_whom_a_rule_asks_in_vain(hitl, policy, ask, code, sentence):
    policy(ask=ask)

    answer = hitl("--reviewers", "people.json", "policy", "check", "p.json")

    assert answer.code == code
    assert sentence in " ".join(answer.out.split())


def test_a_case_shows_whom_its_rule_asks(hitl, policy):
    policy(ask={"team": "fraud", "not": ["zoe"]})
    hitl("--reviewers", "people.json", "run", "one.json", "--policy", "p.json", "--store", "sqlite:///s.db")

    shown = hitl("show", "t1", "--store", "sqlite:///s.db")

    assert "The rule asks the team 'fraud'; 'zoe' may not decide." in shown.out


def test_explain_gives_the_remarks_on_the_rule_that_decides(hitl, policy):
    policy()

    answer = hitl("policy", "explain", "one.json", "--policy", "p.json")

    assert "listed: Since the audit of March (owner: claims desk; reference: REG-12)" in " ".join(answer.out.split())


def test_a_table_beside_the_policy_is_read_and_its_errors_name_the_line(hitl, folder):
    (folder / "limits.csv").write_text("sep=;\nmetadata.amount >=;action\n1000;escalate\n;human_review\n")
    (folder / "p.yaml").write_text("policy_id: p\nmetadata: {amount: number}\ntable: limits.csv\n")
    assert hitl("policy", "check", "p.yaml", "--json").data["rules"] == 2

    (folder / "limits.csv").write_text("metadata.amount >=,action\n1000,escalte\n")

    answer = hitl("policy", "check", "p.yaml")
    assert (answer.code, answer.out) == (2, "")
    assert 'limits.csv: line 2: action: "escalte"' in answer.err
