"""Cases that contain a secret in every text, and the full text of a ledger."""

from typing import Any

from pydantic import BaseModel

from hitl_orchestrator import AgentOutput, Orchestrator
from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.ledger.ports.ledger import Ledger
from support.builders import a_review, a_task, an_output
from support.stores import open_rows

SECRET = "Zaphod7Beeblebrox"


def secret_output(task_id: str = "task-1", **fields: Any) -> AgentOutput:
    """Return an output with the secret in every field."""
    return an_output(
        task_id, label=f"Pay {SECRET}", explanation=f"{SECRET} asked", account={"holder": SECRET}, **fields
    )


def run(
    hitl: Orchestrator, number: int, confidence: float = 0.5, decision: str | None = "modify", letter: str = ""
) -> str:
    """Run a case from intake to outcome, escalated once if it needs a reviewer; without a decision it waits."""
    name = f"task-{number}"
    task = a_task(name, task_description=f"About {SECRET}", metadata={"customer": SECRET, "letter": letter})
    case = hitl.submit(task, secret_output(name, confidence=confidence))
    if confidence < 0.8 and decision:
        hitl.decide(task_id=name, decision=a_review("escalate", "domain_reviewer", reason=f"{SECRET}, above me"))
        edited = {"modified_output": {"predicted_label": SECRET}, "human_feedback": f"{SECRET} again"}
        hitl.decide(
            task_id=name, decision=a_review(decision, "senior_manager", **(edited if decision == "modify" else {}))
        )
    return case.case_id


def full_text(ledger: Ledger) -> str:
    """Return everything that a ledger returns or stores, as one text."""
    with ledger.snapshot() as snapshot:
        stored: list[Any] = [*snapshot.entries(), *snapshot.cases(), *snapshot.policies()]
    cases = [ledger.case(event.case_id) for event in ledger.events() if event.kind is EventKind.SUBMITTED]
    values = [*stored, *cases, *ledger.events(), *ledger.records(), *open_rows(ledger)]
    # The representation of a model may be short; its JSON holds every field.
    return "\n".join(each.model_dump_json() if isinstance(each, BaseModel) else repr(each) for each in values)
