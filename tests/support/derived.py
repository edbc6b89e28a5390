"""The decisions of a store derived again, and alterations of its rows that the derivation must find."""

from hitl_orchestrator.services.insights.compliance import derive
from support.builders import a_review, an_output
from support.internals import services_of
from support.postgres_server import direct_connection


def derived(hitl, **period):
    return derive(services_of(hitl).ledger, **period)


def alter(store, task_id, **columns):
    """Alter the row of an outcome, as only a writer of the database can."""
    mark = "?" if store.startswith("sqlite") else "%s"
    setters = ", ".join(f"{name} = {mark}" for name in columns)
    with direct_connection(store) as connection:
        connection.execute(f"UPDATE outcomes SET {setters} WHERE task_id = {mark}", (*columns.values(), task_id))


def answered(hitl, task, **extra):
    """Submit a task, and approve it if it waits."""
    case = hitl.submit(task, an_output(task.task_id, **extra))
    if case.status == "waiting":
        hitl.decide(case.case_id, a_review("approve", "zoe"))
