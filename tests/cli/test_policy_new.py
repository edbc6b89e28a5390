"""`hitl policy new`: a draft from options, from the answers of a person, and from past cases."""

import json
import os
import pty
import sys

import pytest

STATED = ("--task-type", "refund", "--domain", "support")
AMOUNT = ("--amount", "amount", "--unit", "EUR", "--up-to", "100", "--escalate-above", "1000")


def test_a_draft_passes_its_strict_check_and_its_tests_and_can_be_activated(hitl):
    drafted = hitl("policy", "new", "ours.yaml", *STATED, *AMOUNT, "--go-ahead", "pay", "--respond-within", "PT8H")

    assert (drafted.code, drafted.err) == (0, "")
    assert "Goes ahead without a person: pay at low risk, from a confidence of 0.9, up to 100 EUR." in " ".join(
        drafted.out.split()
    )
    assert hitl("policy", "check", "ours.yaml", "--strict").code == 0
    assert hitl("policy", "test", "ours.policy-test.yaml", "--min-coverage", "100").code == 0
    by = ("--reviewer", "senior_manager", "--reason", "we begin")
    assert hitl("policy", "activate", "ours.yaml", *by, "--json").data["version"] == 2


def test_without_a_label_nothing_goes_ahead(hitl, folder):
    made = hitl("policy", "new", *STATED, *AMOUNT, "--json")

    assert made.data == {
        "policy_id": "refund",
        "policy": "refund.yaml",
        "tests": "refund.policy-test.yaml",
        "goes_ahead": [],
    }
    assert "action: auto_approve" not in (folder / "refund.yaml").read_text()
    assert hitl("policy", "check", "refund.yaml", "--strict").code == 0
    assert hitl("policy", "test", "refund.policy-test.yaml").code == 0


@pytest.mark.parametrize("source", ["store", "export", "tasks"])
def test_past_cases_propose_words_and_approve_nothing(canonical, folder, source):
    canonical("audit", "export", "--out", "cases.jsonl")
    named = {"store": ("sqlite:///hitl.db",), "export": ("cases.jsonl",)}
    words = named.get(source, ("tasks.json", "--outputs", "agent_outputs.json"))

    made = canonical("policy", "new", "past.yaml", "--from-cases", *words)

    assert (made.code, "Nothing goes ahead without a person." in made.out) == (0, True)
    text = (folder / "past.yaml").read_text()
    assert "proposed labels: Billing Issue (1)" in text
    assert "domains: customer_support (" in text
    assert canonical("policy", "check", "past.yaml", "--strict").code == 0


def test_the_metadata_of_past_cases_is_declared_with_what_was_seen(hitl, folder):
    tasks = json.loads((folder / "tasks.json").read_text())
    for number, task in enumerate(tasks):
        task["metadata"] = {"amount": 10.5 * number, "channel": "app" if number else None, "odd": number or "none"}
    (folder / "tasks.json").write_text(json.dumps(tasks))

    assert hitl("policy", "new", "past.yaml", "--from-cases", "tasks.json").code == 0

    text = (folder / "past.yaml").read_text()
    assert "channel: text # app; missing in 20.0%" in text
    assert "odd: not declared, its cases differ in type" in text
    assert "amount: number" in text
    assert hitl("policy", "check", "past.yaml", "--strict").code == 0


def test_a_field_that_is_a_list_in_past_cases_is_declared_as_one(hitl, folder):
    tasks = json.loads((folder / "tasks.json").read_text())
    for task in tasks:
        task["metadata"] = {"tags": ["vip"]}
    (folder / "tasks.json").write_text(json.dumps(tasks))

    assert hitl("policy", "new", "past.yaml", "--from-cases", "tasks.json").code == 0

    assert "  tags: list # in every case" in (folder / "past.yaml").read_text()
    assert hitl("policy", "check", "past.yaml", "--strict").code == 0


def test_a_draft_replaces_no_file_without_force(hitl, folder):
    for taken in ("ours.yaml", "ours.policy-test.yaml"):
        (folder / taken).write_text("mine")

        refused = hitl("policy", "new", "ours.yaml", *STATED)

        assert (refused.code, f"hitl: {taken}: exists" in refused.err) == (2, True)
        assert (folder / taken).read_text() == "mine"
        assert not [each for each in folder.glob("ours*") if each.name != taken]
        (folder / taken).unlink()
    (folder / "ours.yaml").write_text("mine")
    assert hitl("policy", "new", "ours.yaml", *STATED, "--force").code == 0


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ((), "--task-type: missing"),
        (("--task-type", "refund"), "--domain: missing"),
        ((*STATED, "--role", "boss"), "--role: 'boss' is not one of domain_reviewer"),
        ((*STATED, "--go-ahead", "pay", "--confidence", "sure"), "--confidence: 'sure' is no number"),
        ((*STATED, "--go-ahead", "pay", "--confidence", "1.5"), "--confidence: '1.5' is not from 0 to 1"),
        ((*STATED, "--amount", "amount"), "--up-to: missing"),
        (
            (*STATED, "--amount", "amount", "--up-to", "9", "--escalate-above", "8"),
            "--escalate-above: '8' is not 9 or more",
        ),
        ((*STATED, "--respond-within", "soon"), "--respond-within: 'soon'"),
        ((*STATED, "--go-ahead", "pay", "--up-to", "500"), "--up-to: needs --amount"),
        ((*STATED, "--unit", "EUR"), "--unit: needs --amount"),
        ((*STATED, "--escalate-above", "1000"), "--escalate-above: needs --amount"),
        ((*STATED, "--amount", "8 hours", "--up-to", "1"), "--amount: '8 hours' is not the name of a field"),
        ((*STATED, "--amount", "amount", "--unit", "PT8H", "--up-to", "1"), "--unit: 'PT8H' is no unit"),
        ((*STATED, "--go-ahead", "pay", "--confidence", "0"), "--confidence: '0' lets every confidence go ahead"),
        ((*STATED, "--go-ahead", "pay", "--hold", "1"), "--hold: '1' lets no case go ahead"),
        ((*STATED, "--id", "a b"), "--id: 'a b'"),
        (("draft.json", *STATED), "draft.json: a draft has comments"),
        (("--from-cases", "none.json"), "none.json"),
        (("--from-cases", "sqlite:///none.db"), "none.db"),
        ((*STATED, "--outputs", "agent_outputs.json"), "--outputs: name the tasks"),
    ],
)
def test_an_unusable_answer_is_refused_with_its_option_and_writes_nothing(hitl, folder, typed, why):
    before = sorted(folder.iterdir())

    refused = hitl("policy", "new", *typed)

    assert (refused.code, refused.out, why in refused.err) == (2, "", True), refused.err
    assert sorted(folder.iterdir()) == before


def typed_at_a_terminal(folder, answers):
    """Run the command in a terminal, type these answers, and return what was shown."""
    child, terminal = pty.fork()
    if not child:
        os.chdir(folder)
        os.execv(sys.executable, [sys.executable, "-m", "hitl_orchestrator.cli", "policy", "new", "asked.yaml"])
    os.write(terminal, "".join(f"{answer}\n" for answer in answers).encode())
    shown = b""
    try:
        while read := os.read(terminal, 4096):
            shown += read
    except OSError:  # Linux ends the stream of a closed terminal so
        pass
    os.waitpid(child, 0)
    return shown.decode()


def test_a_person_at_a_terminal_is_asked_and_asked_again(hitl, folder):
    work = ["Pays refunds", "refund", "support", "", "pay", "sure", "0.92", "", ""]
    amount = ["amount", "", "100", "50", "1000"]
    people = ["boss", "", "", "PT8H", ""]

    shown = typed_at_a_terminal(folder, [*work, *amount, *people])

    for answer in ("'sure' is no number", "'50' is not 100 or more", "'boss' is not one of"):
        assert answer in shown
    text = (folder / "asked.yaml").read_text()
    assert 'description: "Pays refunds"' in text
    assert "min_confidence: 0.92" in text
    assert "metadata: {amount: {le: 100}}" in text
    assert text.count("respond_within: PT8H") == 3
    assert hitl("policy", "test", "asked.policy-test.yaml", "--min-coverage", "100").code == 0


def test_at_a_terminal_an_answer_that_the_policy_needs_is_asked_for_at_once(folder):
    work = ["", "", "-", "refund", "-", "support", "no name", "asked", "-"]
    amount = ["8 hours", "amount", "PT8H", "EUR", "-", "0", "1000"]
    people = ["", "", "8 hours", "PT8H", ""]

    shown = typed_at_a_terminal(folder, [*work, *amount, *people])

    assert shown.count("the policy needs an answer to this") == 3
    for refused in ("'no name' is not an id", "'8 hours' is not the name", "'PT8H' is no unit"):
        assert refused in shown, shown
    assert "metadata: {amount: {gt: 1000}}" in (folder / "asked.yaml").read_text()


def test_a_draft_has_the_name_of_its_file_unless_another_is_stated(hitl):
    assert hitl("policy", "new", "claims.yaml", *STATED, "--json").data["policy_id"] == "claims"
    assert hitl("policy", "new", "some claims.yaml", *STATED, "--json").data["policy_id"] == "some_claims"
    assert hitl("policy", "new", "other.yaml", *STATED, "--id", "pays", "--json").data["policy_id"] == "pays"
    assert hitl("policy", "new", *STATED, "--json").data["policy_id"] == "refund"
