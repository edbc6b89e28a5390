"""A store that could be opened, but not used: nothing of it stays open."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.builders import a_task

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.errors import LedgerDamaged

OPEN_FILES = Path("/proc/self/fd")


def open_files(store: Path) -> list[str]:
    """Return which of its files this process holds open."""
    held = (str(link.readlink()) for link in OPEN_FILES.iterdir() if link.is_symlink())
    return [file for file in held if file.startswith(str(store))]


@pytest.mark.skipif(not OPEN_FILES.exists(), reason="this system does not tell which files are open")
def test_a_store_whose_policy_cannot_be_read_is_closed_again(tmp_path):
    store = tmp_path / "hitl.db"
    with Orchestrator.open(f"sqlite:///{store}") as hitl:
        hitl.cases.enqueue(a_task())
        assert open_files(store)
    with closing(sqlite3.connect(store)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("UPDATE events SET entry = 'x' WHERE kind = 'policy_recorded'")
        connection.commit()

    with pytest.raises(LedgerDamaged, match="an entry about a case or a policy cannot be read: 'x'") as failure:
        Orchestrator.open(f"sqlite:///{store}")

    assert failure.value
    assert open_files(store) == []
