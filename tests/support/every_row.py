"""A store with a row of every kind: cases at every stage, reviews in every status, and policies in every state."""

from contextlib import suppress
from typing import Any

from hitl_orchestrator import Orchestrator, ParentCall, RequestRejected, proposed_call
from support.builders import PERSON, a_review, a_task, an_output, minutes
from support.internals import decide_and_stop, look_at, services_of

PEOPLE = [
    *({"reviewer_id": name, "name": name, "roles": ["domain_reviewer"]} for name in ("ana", "ben")),
    *({"reviewer_id": name, "name": name, "roles": ["senior_manager"]} for name in ("max", "mia")),
    {"reviewer_id": "zoe", "name": "Zoe", "roles": ["compliance_officer"]},
]
BY_MAX = {"reviewer": "max", "reason": "we agreed so"}
LARGE = "x" * 20_000
"""A text that does not fit into the state of a graph, so that it is stored as a payload."""


def _rule(rule_id: str, priority: int, action: str = "human_review", /, **fields: Any) -> dict[str, Any]:
    conditions = {"task_type": rule_id} if action == "human_review" else {}
    return {"rule_id": rule_id, "priority": priority, "conditions": conditions, "action": action, **fields}


RULES = [
    _rule("votes", 1, approvals=2),
    _rule("reminds", 2, respond_within="P20D", remind_before="P19DT23H59M59.9999S"),
    _rule("expires", 3, respond_within="PT0.001S", on_timeout="reject"),
    _rule("blind", 4, blind=True),
    _rule("due", 5, respond_within="P30D", on_timeout="wait"),
]
SURE = _rule("sure", 9, "auto_approve", spot_check=1.0) | {"conditions": {"min_confidence": 0.9}}
COUNTERS = {"visits": {"count": "cases", "same": "customer", "within": "P1D"}}
POLICY = {"policy_id": "every", "metadata": {"customer": "text"}, "history": COUNTERS, "rules": [*RULES, SURE]}
STRICTER = POLICY | {"rules": [*RULES, SURE | {"conditions": {"min_confidence": 0.95}}]}
LOOSER = POLICY | {"rules": [*RULES, SURE | {"conditions": {"min_confidence": 0.85}}]}


def fill(hitl: Orchestrator) -> None:
    """Write a row of every kind."""
    _policies(hitl)
    _finish(hitl)
    _execute(hitl)
    _leave_open(hitl)
    _maintain(hitl)
    _await(hitl)
    _crash(hitl)


def _submit(hitl: Orchestrator, name: str, asks: str = "nothing", confidence: float = 0.5, **options: Any) -> Any:
    task = a_task(name, task_type=asks, metadata={"customer": f"customer of {name}"}, **options.pop("task", {}))
    return hitl.submit(task, an_output(name, confidence, model="m-1"), submitted_by="bot", **options)


def _decide(hitl: Orchestrator, name: str, word: str, who: str, **fields: Any) -> None:
    hitl.decide(task_id=name, decision=a_review(word, None, **fields), reviewer=who)


def _policies(hitl: Orchestrator) -> None:
    """Activate a policy, tighten it, propose a looser one twice, and let one of the two be declined."""
    hitl.policy.activate(POLICY, **BY_MAX)
    _submit(hitl, "earlier-policy", "due")
    hitl.policy.activate(STRICTER, **BY_MAX)
    for word in ("reject", "approve"):
        proposed = hitl.policy.activate(POLICY if word == "approve" else LOOSER, **BY_MAX)
        hitl.decide(proposed.case.case_id, a_review(word, None), reviewer="zoe")
    hitl.policy.activate(LOOSER, **BY_MAX)
    hitl.policy.start_canary(STRICTER, 0.5, **BY_MAX)
    hitl.policy.start_shadow(LOOSER, **BY_MAX)


def _finish(hitl: Orchestrator) -> None:
    """Approve, reject, edit, override, cancel, supersede, expire, redact and replay cases."""
    _submit(hitl, "sampled", confidence=0.99)
    _submit(hitl, "sampled-and-checked", confidence=0.98)
    for name, word in (("approved", "approve"), ("edited", "modify"), ("overridden", "override"), ("no", "reject")):
        _submit(hitl, name)
        _decide(hitl, name, word, "max", idempotency_key=f"key-of-{name}")
    _submit(hitl, "passed-up")
    _decide(hitl, "passed-up", "escalate", "ana")
    _decide(hitl, "passed-up", "approve", "max")
    _submit(hitl, "voted", "votes")
    _decide(hitl, "voted", "approve", "ana")
    _decide(hitl, "voted", "approve", "ben")
    _submit(hitl, "canceled")
    hitl.cases.cancel(task_id="canceled", submitted_by="bot", reason="not needed")
    _submit(hitl, "superseded")
    _submit(hitl, "superseded", resubmit=True, task={"task_description": "changed"})
    _submit(hitl, "expired", "expires")
    _submit(hitl, "erased")
    _decide(hitl, "erased", "approve", "max")
    erased = hitl.cases.get(task_id="erased").case_id
    hitl.cases.redact(erased, reason="asked for", reviewer="zoe")
    replaying = hitl.acting_as("max")
    output = an_output("replayed", 0.5)
    replayed = replaying.submit(a_task("replayed"), output, replay=True, submitted_by="bot")
    recorded = a_review("approve", "ana", timestamp=minutes(1))
    replaying.cases.replay(recorded, replayed.case_id)


def _execute(hitl: Orchestrator) -> None:
    """Carry calls out: one that runs, one with a result, one without an end, and one that a person has settled."""
    begun = {name: _approved_call(hitl, name).begin() for name in ("runs", "done", "lost", "settled")}
    begun["done"].done({"refunded": 5})
    for name in ("lost", "settled"):
        begun[name].abandon()
    hitl.decide(hitl.executions.get(task_id="settled").check_id, a_review("reject", None), reviewer="max")


def _approved_call(hitl: Orchestrator, name: str) -> Any:
    def ask() -> Any:
        return hitl.ask(
            name, a_task(name), proposed_call("refund", {"amount": 5}), audience="tools", submitted_by="bot"
        )

    hitl.decide(ask().case_id, a_review("approve", None), reviewer="max")
    return ask().grant


def _leave_open(hitl: Orchestrator) -> None:
    """Leave cases that wait, are claimed, delegated, reminded, labeled, half voted, escalated and not yet run."""
    waiting = _submit(hitl, "waiting", task={"task_description": LARGE})
    look_at(hitl, waiting.case_id)
    with suppress(RequestRejected):
        _decide(hitl, "waiting", "approve", "stranger")
    services_of(hitl).ledger.alarm(waiting.case_id, "an alarm", minutes(5))
    _submit(hitl, "claimed", "due")
    hitl.reviews.claim(task_id="claimed", reviewer="ana")
    _submit(hitl, "delegated")
    hitl.reviews.claim(task_id="delegated", reviewer="ana")
    hitl.reviews.delegate(task_id="delegated", reviewer="ana", to="ben", reason="on leave")
    _submit(hitl, "released")
    hitl.reviews.claim(task_id="released", reviewer="ana")
    hitl.reviews.release(task_id="released", reviewer="ana")
    _submit(hitl, "reminded", "reminds")
    _submit(hitl, "labeled", "blind")
    hitl.reviews.label(task_id="labeled", reviewer="ana", label="Refund")
    _submit(hitl, "half-voted", "votes")
    _decide(hitl, "half-voted", "approve", "ana")
    _submit(hitl, "going-up")
    _decide(hitl, "going-up", "escalate", "ana")
    hitl.reviews.add_second_review(task_id="approved", new_task_id="second-look", reviewer="max")
    hitl.cases.enqueue(a_task("not-yet-run"), an_output("not-yet-run", 0.5))


def _maintain(hitl: Orchestrator) -> None:
    """Let deadlines pass and reminders go out, and keep the roles that open reviews need."""
    done = ()
    while "expired" not in done:
        hitl.run_maintenance()
        done = [record.task_id for record in hitl.audit.records()]


def _await(hitl: Orchestrator) -> None:
    """Leave callers that wait for a decision, were resumed with it, and could not be resumed."""
    ledger = services_of(hitl).ledger
    for name, word in (("awaited", None), ("resumed", "approve"), ("not-resumed", "reject")):
        case = _submit(hitl, name)
        ledger.await_decision(case.case_id, ParentCall(graph="agent", thread_id=f"thread of {name}"))
        if word is not None:
            _decide(hitl, name, word, "max")
            wakeup = ledger.take_wakeup(ledger.wakeup(case.case_id), 60)
            if name == "resumed":
                ledger.wakeup_delivered(wakeup)
            else:
                ledger.wakeup_failed(wakeup, "ConnectionError", 60)


def _crash(hitl: Orchestrator) -> None:
    """Stop between the steps: a redaction before its scrub, an outcome before its spot check, a decision before it."""
    erased = hitl.cases.get(task_id="no").case_id
    services_of(hitl).ledger.redact(erased, "asked for", PERSON, minutes(9))
    services_of(hitl).spot_checks._open = lambda case: None
    _submit(hitl, "sampled-only", confidence=0.97)
    taken = hitl.cases.enqueue(a_task("taken"), an_output("taken", 0.5))
    services_of(hitl).ledger.take(taken.case_id)
    decide_and_stop(hitl, a_review("approve", "max"), task_id="reminded")
