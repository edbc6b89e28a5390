"""No representation of an object shows a key or a password: representations end in logs and tracebacks."""

import pytest

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.cli.global_options import GlobalOptions
from hitl_orchestrator.cli.session import start
from hitl_orchestrator.orchestrator import LedgerAudit

SECRET = "5ec12e7a" * 8
KEYS = ("HITL_SEAL_KEY", "HITL_CHECKPOINT_KEY", "HITL_HEAD_KEY")


@pytest.fixture
def secrets_of_the_environment(monkeypatch):
    for name in KEYS:
        monkeypatch.setenv(name, SECRET)
    monkeypatch.setenv("HITL_STORE", f"postgresql://ana:{SECRET}@127.0.0.1/hitl")


def parts_of(thing, depth=4):
    """Yield an object, and the objects that its attributes hold."""
    yield thing
    if depth and type(thing).__module__.startswith("hitl_orchestrator"):
        slots = getattr(thing, "__slots__", ())
        held = {
            **getattr(thing, "__dict__", {}),
            **{name: getattr(thing, name) for name in slots if hasattr(thing, name)},
        }
        for each in held.values():
            yield from parts_of(each, depth - 1)


@pytest.mark.usefixtures("secrets_of_the_environment")
def test_neither_settings_nor_session_show_a_secret():
    session = start(GlobalOptions(store=f"postgresql://{SECRET}@127.0.0.1/x"))

    for part in (session, session.settings, session.typed):
        assert SECRET not in repr(part)
    assert session.settings.head_key == SECRET


def test_no_part_of_an_orchestrator_shows_a_secret(tmp_path):
    store = f"sqlite:///{tmp_path / 'hitl.db'}"
    with Orchestrator.open(store, seal_key=SECRET, checkpoint_key=SECRET, head_key=SECRET) as hitl:
        shown = [repr(part) for part in parts_of(hitl) if type(part).__module__.startswith("hitl_orchestrator")]
        assert len(shown) > 50
        assert not [text for text in shown if SECRET in text or repr(bytes.fromhex(SECRET)) in text]
    with LedgerAudit(store, head_key=SECRET) as audit:
        assert not [part for part in parts_of(audit) if SECRET in repr(part) and not isinstance(part, str)]
