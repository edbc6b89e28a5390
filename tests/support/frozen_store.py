"""A store of this release as SQL text, with cases at every stage: what a later version must be able to open.

Run as a script, it writes `tests/support/frozen/sqlite.sql` and `postgresql.sql` again, from the running code:

    .venv/bin/python tests/support/frozen_store.py

Do so once more before a release, if the tables or the graph have changed; never after it.
"""

import os
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing, contextmanager, suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.errors import HitlError
from hitl_orchestrator.ledger.database.address import is_postgres
from hitl_orchestrator.ledger.store.leased_work import LEASE_SEAL
from support.builders import AGENT, a_review, a_task, an_output
from support.internals import decide_and_stop, look_at, services_of
from support.postgres_server import Server, direct_connection

FROZEN = Path(__file__).parent / "frozen"
KEY = "0f" * 32
"""The key that seals the reviews of the frozen stores."""

POLICY = {
    "policy_id": "frozen",
    "rules": [
        {
            "rule_id": "pairs",
            "priority": 1,
            "conditions": {"domain": "pairs"},
            "action": "human_review",
            "assigned_human_role": "domain_reviewer",
            "approvals": 2,
        },
        {
            "rule_id": "sure",
            "priority": 2,
            "conditions": {"min_confidence": 0.8},
            "action": "auto_approve",
        },
    ],
}
LOOSER = {**POLICY, "rules": [POLICY["rules"][0], {**POLICY["rules"][1], "conditions": {"min_confidence": 0.7}}]}
REVIEWERS = [
    *({"reviewer_id": name, "name": name, "roles": ["domain_reviewer"]} for name in ("ana", "ben")),
    {"reviewer_id": "max", "name": "max", "roles": ["senior_manager"]},
    {"reviewer_id": "zoe", "name": "zoe", "roles": ["compliance_officer"]},
]
OPTIONS = {"seal_key": KEY, "reviewers": REVIEWERS}
"""How a frozen store is opened."""


def fill(store: str) -> None:
    """Bring a case to every stage, each under the id of what it waits for."""
    with Orchestrator.open(store, policy=POLICY, **OPTIONS) as hitl:
        hitl.policy.activate(POLICY, reviewer="max", reason="first")

        def submit(name: str, confidence: float = 0.5, **task: str) -> None:
            hitl.submit(a_task(name, **task), an_output(name, confidence))

        submit("approved", 0.9)
        submit("waiting")
        look_at(hitl, hitl.cases.get(task_id="waiting").case_id)
        submit("claimed")
        hitl.reviews.claim(task_id="claimed", reviewer="ana")
        submit("escalated")
        hitl.decide(task_id="escalated", decision=a_review("escalate", "ana"))
        submit("voted", domain="pairs")
        hitl.decide(task_id="voted", decision=a_review("approve", "ana"))
        with suppress(HitlError):
            hitl.decide(task_id="voted", decision=a_review("reject", "ana"))
        submit("modified")
        hitl.decide(task_id="modified", decision=a_review("modify", "ana", idempotency_key="key"))
        submit("redacted")
        hitl.decide(task_id="redacted", decision=a_review("reject", "ana"))
        services_of(hitl).ledger.redact(
            hitl.cases.get(task_id="redacted").case_id, "r", AGENT, services_of(hitl).ledger.now()
        )
        hitl.policy.activate(LOOSER, reviewer="max", reason="looser")
        submit("decided")
        # As if the process ended after its commit.
        decide_and_stop(hitl, a_review("approve", "ben"), task_id="decided")
        services_of(hitl).ledger.take(hitl.cases.enqueue(a_task("received"), an_output("received", 0.5)).case_id)
        hitl.cases.enqueue(a_task("enqueued"), an_output("enqueued", 0.5))
        seals = services_of(hitl).ledger.seals
    with direct_connection(store) as connection:
        # A worker on another machine, whose lease has ended.
        held = connection.execute("SELECT case_id, fence FROM cases WHERE holder IS NOT NULL").fetchall()
        for case_id, fence in held:
            lease = (fence, "worker/1/2/3/4", "2025-01-10T09:00:00.000000Z", "2025-01-10T09:01:00.000000Z")
            columns = dict(zip(("holder", "held_since", "held_until"), lease[1:], strict=True))
            columns["lease_seal"] = seals.columns(LEASE_SEAL, case_id, *lease)
            changes = ", ".join(f"{name} = '{value}'" for name, value in columns.items())
            connection.execute(f"UPDATE cases SET {changes} WHERE case_id = '{case_id}'")


def restore(store: str) -> None:
    """Make the frozen store at an address where there is none."""
    text = (FROZEN / ("postgresql.sql" if is_postgres(store) else "sqlite.sql")).read_text()
    if is_postgres(store):
        import psycopg  # noqa: PLC0415 - only where it is installed

        with psycopg.connect(store, autocommit=True) as connection:
            connection.execute(text)
        return
    with closing(sqlite3.connect(store.removeprefix("sqlite:///"))) as connection:
        connection.executescript(text)


def dumped_from_sqlite() -> str:
    with tempfile.TemporaryDirectory() as folder:
        store = f"sqlite:///{folder}/hitl.db"
        fill(store)
        with direct_connection(store) as connection:
            return "\n".join(connection.iterdump()) + "\n"


def dumped_from_postgresql() -> str:
    with _server() as server:
        store = server.new_database()
        fill(store)
        command = [server._bin / "pg_dump", "--inserts", "--no-owner", "--no-privileges", store]
        text = subprocess.run(command, check=True, capture_output=True, text=True, cwd="/").stdout
    # Without comments and settings, which differ between versions of the program.
    kept = [
        line for line in text.split("\n") if line and not line.startswith(("--", "\\", "SET ", "SELECT pg_catalog"))
    ]
    return "\n".join(kept) + "\n"


@contextmanager
def _server():
    server = Server(Path(tempfile.mkdtemp(prefix="hitl-pg-")))
    server.folder.chmod(0o755)
    server.start()
    try:
        yield server
    finally:
        server.remove()


if __name__ == "__main__":
    os.environ["HOME"] = tempfile.mkdtemp()
    FROZEN.mkdir(exist_ok=True)
    for name, dump in (("sqlite", dumped_from_sqlite), ("postgresql", dumped_from_postgresql)):
        FROZEN.joinpath(f"{name}.sql").write_text(dump())
