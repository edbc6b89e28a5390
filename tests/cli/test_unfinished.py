"""Cases that wait for no reviewer are named: those whose classifier failed, is missing or still runs."""

import json

import pytest
from support.builders import a_task

from hitl_orchestrator import Orchestrator


@pytest.fixture
def classified(hitl):
    """A store of an application whose classifier failed on one task, and is still to be asked about another."""

    def classify(task):
        raise ConnectionError("the model is away")

    with Orchestrator.open("sqlite:///hitl.db", classifier=classify) as store:
        store.submit(a_task("failed"))
        store.cases.enqueue(a_task("to-classify"))
    return hitl


def test_a_failed_classifier_is_named_wherever_the_case_is_read(classified):
    assert " failed  domain_reviewer" in classified("inbox").out
    for command in (("show", "failed"), ("claim", "failed", "--reviewer", "domain_reviewer")):
        shown = classified(*command).out
        assert "The agent proposes nothing; its classifier failed." in shown
        assert 'the agent\'s classifier failed: "ConnectionError: the model is away"; rule_005 matches' in " ".join(
            shown.replace("│", " ").split()
        )
    assert classified("inbox", "--json").data[0]["classifier_error"] == "ConnectionError: the model is away"


def test_recover_without_the_classifier_names_the_case_and_the_remedy(classified):
    recovered = classified("recover", "--json")

    assert (recovered.code, recovered.data) == (1, [])
    assert len(json.loads(recovered.err)["problems"]) == 1
    assert "is not routed yet, and this process has no classifier: call recover() in the application" in recovered.err
    assert "Not routed yet; it waits for the classifier of its application." in classified("show", "to-classify").out


def test_warnings_do_not_mix_with_the_errors_of_a_command_in_json(classified, process):
    assert json.loads(process("recover", "--json").err)["error"] == "RecoveryIncomplete"


def test_recover_lists_the_cases_that_a_live_process_runs(hitl):
    answers = []

    def classify(task):
        answers.append(hitl("recover", "--json"))

    with Orchestrator.open("sqlite:///hitl.db", classifier=classify) as store:
        case = store.submit(a_task("slow"))

    assert (answers[0].code, answers[0].data) == (
        0,
        [{"task_id": "slow", "case_id": case.case_id, "status": "running", "stage": "received"}],
    )
