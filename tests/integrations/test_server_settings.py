"""The settings of the environment reach the store that a LangGraph server opens, as they reach the command line."""

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from support.internals import services_of

from hitl_orchestrator import InvalidInput
from hitl_orchestrator.integrations.langgraph import UnfitRun, server

TASK = {
    "task": {"task_id": "t", "task_type": "t", "task_description": "d", "domain": "d", "risk_level": "medium"},
    "output": {"agent_output": {"predicted_label": "refund"}, "confidence_score": 0.7},
}
APPROVAL = Command(resume={"decision": {"human_decision": "approve"}})


def test_a_server_opens_its_store_with_all_settings(tmp_path, monkeypatch):
    monkeypatch.setattr(server.atexit, "register", lambda function: None)  # it is closed here
    monkeypatch.setenv("HITL_STORE", f"sqlite:///{tmp_path / 'hitl.db'}")
    monkeypatch.setenv("HITL_TELEMETRY", "1")
    monkeypatch.setenv("HITL_HEAD_FILE", "off")

    with server._open() as opened:
        assert services_of(opened).spans.span("x").__class__.__name__ != "nullcontext"
        opened.submit({"task_id": "t", "task_type": "t", "task_description": "d", "domain": "d"})

    assert list(tmp_path.glob("*.heads")) == []


@pytest.fixture
def on_server(tmp_path, monkeypatch):
    """Run a task of the agent on a graph whose server knows these identities, and return an answer of a user."""
    closing = []
    monkeypatch.setattr(server.atexit, "register", closing.append)
    monkeypatch.setenv("HITL_STORE", f"sqlite:///{tmp_path / 'hitl.db'}")
    graph = server._built().copy(update={"checkpointer": InMemorySaver()})

    def run(given, user):
        place = {"configurable": {"thread_id": "t", "langgraph_auth_user_id": user}}
        graph.invoke(given, place, durability="sync")
        waits = graph.get_state(place).interrupts
        return waits[0].value["refused"] if waits else graph.get_state(place).values["result"]

    def known(text):
        (tmp_path / "users.json").write_text(text)
        monkeypatch.setenv("HITL_IDENTITIES", str(tmp_path / "users.json"))
        return run

    yield known
    for close in closing:
        close()


def test_a_user_with_a_mail_address_acts_as_the_reviewer_whom_the_settings_name(on_server):
    run = on_server('{"ana@example.com": "domain_reviewer", "bot@example.com": "agent"}')
    run(TASK, "bot@example.com")

    result = run(APPROVAL, "ana@example.com")

    assert (result["approved"], result["reviewer"]) == (True, "domain_reviewer")


@pytest.mark.parametrize("user", ["domain_reviewer", "max@example.com", "ANA@example.com", "bot@example.com"])
def test_an_identity_that_the_settings_do_not_name_decides_nothing(on_server, user):
    run = on_server('{"ana@example.com": "domain_reviewer", "bot@example.com": "agent"}')
    run(TASK, "bot@example.com")

    refused = run(APPROVAL, user)

    assert ("agent" if user == "bot@example.com" else repr(user)) in refused
    assert run(APPROVAL, "ana@example.com")["approved"]


def test_an_identity_that_the_settings_do_not_name_submits_nothing(on_server):
    with pytest.raises(UnfitRun, match=r"'agent' of this run is not in the file of HITL_IDENTITIES"):
        on_server('{"bot@example.com": "agent"}')(TASK, "agent")


@pytest.mark.parametrize("text", ["[]", '{"ana@example.com": "an a"}', '{"a": "x", "a": "y"}', "{", '{"a": null}'])
def test_a_file_of_identities_that_cannot_be_used_opens_no_store(on_server, text):
    with pytest.raises(InvalidInput, match=r"HITL_IDENTITIES: .*users\.json"):
        on_server(text)(TASK, "agent")
