"""Processes that submit cases of a few customers under counters. Run as a script: STORE NAME CASES CHUNK.

It prints each case that was acknowledged, and waits for a line before the first. CHUNK is 0 for one case at a time.
"""

import sys

from hitl_orchestrator import AgentOutput, Orchestrator, Task

CUSTOMERS, LIMIT, BUDGET = ("ann", "bob", "cyd"), 6, 150
COUNTERS = {
    "approved_1d": {"count": "cases", "same": "customer", "within": "P1D", "of": "auto_approve"},
    "budget": {"sum": "amount", "within": "P1D", "of": "auto_approve"},
}
POLICY = {
    "policy_id": "limits",
    "metadata": {"amount": "number", "customer": "text"},
    "history": COUNTERS,
    "derived": {"spent": "budget + amount"},
    "rules": [
        {
            "rule_id": "within_limits",
            "priority": 1,
            "conditions": {"history": {"approved_1d": {"lt": LIMIT}}, "derived": {"spent": {"le": BUDGET}}},
            "action": "auto_approve",
        },
        {"rule_id": "ask", "priority": 2, "conditions": {}, "action": "human_review"},
    ],
}
"""At most six cases of a customer a day go ahead by themselves, and for no more than 150 in all."""


def case_number(name: str, number: int) -> tuple[Task, AgentOutput]:
    """Return a case: every process has cases of every customer, and amounts that do not fill the budget evenly."""
    task_id = f"{name}-{number}"
    fields = {"task_type": "refund", "task_description": "d", "domain": "payments", "risk_level": "low"}
    metadata = {"customer": CUSTOMERS[number % len(CUSTOMERS)], "amount": 7.7 + number % 4}
    output = {"task_id": task_id, "agent_output": {"predicted_label": "refund"}, "confidence_score": 0.95}
    return Task.model_validate({"task_id": task_id, "metadata": metadata, **fields}), AgentOutput.model_validate(output)


def main() -> None:
    store, name, cases, chunk = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    with Orchestrator.open(store) as hitl:
        hitl.policy.active()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        given = [case_number(name, number) for number in range(cases)]
        if chunk:
            hitl.submit_many((task for task, _ in given), (output for _, output in given), chunk=chunk, on_case=_say)
        for task, output in () if chunk else given:
            _say(hitl.submit(task, output))


def _say(case: object) -> None:
    sys.stdout.write(f"{case.case_id}\n")  # type: ignore[attr-defined]
    sys.stdout.flush()


if __name__ == "__main__":
    main()
