"""The settings of the environment reach the store that a LangGraph server opens, as they reach the command line."""

from support.internals import services_of

from hitl_orchestrator.integrations.langgraph import server


def test_a_server_opens_its_store_with_all_settings(tmp_path, monkeypatch):
    monkeypatch.setattr(server.atexit, "register", lambda function: None)  # it is closed here
    monkeypatch.setenv("HITL_STORE", f"sqlite:///{tmp_path / 'hitl.db'}")
    monkeypatch.setenv("HITL_TELEMETRY", "1")
    monkeypatch.setenv("HITL_HEAD_FILE", "off")

    with server._open() as opened:
        assert services_of(opened).spans.span("x").__class__.__name__ != "nullcontext"
        opened.submit({"task_id": "t", "task_type": "t", "task_description": "d", "domain": "d"})

    assert list(tmp_path.glob("*.heads")) == []
