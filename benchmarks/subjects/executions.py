"""The cost of an execution: `begin` and `done` of an approved call against its `submit`, and all that `ask` adds."""

from collections.abc import Iterator

from benchmarks.report import Row, at_most
from benchmarks.size import Size
from benchmarks.stores import Stores
from benchmarks.timing import Spent, medians, spent
from hitl_orchestrator import Go, Orchestrator, Task, proposed_call

TASK = {"task_type": "refund", "task_description": "Refund an order", "domain": "customer_support", "risk_level": "low"}


def rows(size: Size, stores: Stores) -> Iterator[Row]:
    """Measure, and yield the milliseconds of each step and the ratio."""
    rounds, warm = size.of((2, 1), (50, 20), (300, 30))
    with Orchestrator.open(stores.sqlite(), head_file=False) as hitl:
        hitl.cases.prepare()
        taken = [_call(hitl, number) for number in range(rounds + warm)][warm:]
    submitted, asked, executed = (medians(each) for each in zip(*taken, strict=True))
    for name, each in (("submit", submitted), ("ask", asked), ("begin and done", executed)):
        yield Row(f"a call approved by a rule: {name}", each.ms, "ms", 1000 * each.cpu)
    wall, cpu = executed.over(submitted)
    yield Row("begin and done / submit", wall, "x", cpu, at_most(1.0))


def _call(hitl: Orchestrator, number: int) -> tuple[Spent, Spent, Spent]:
    """Return the time of a submission, of asking, and of `begin` and `done`."""
    key, output = f"call-{number}", proposed_call("refund", {"amount": number}, confidence=0.95)
    task = Task.model_validate({"task_id": f"task-{number}", **TASK})
    submitted = spent(lambda: hitl.submit(task, output.model_copy(update={"task_id": task.task_id})))
    answers: list[object] = []
    asked = spent(lambda: answers.append(hitl.ask(key, task, output)))
    (answer,) = answers
    assert isinstance(answer, Go)
    return submitted, asked, spent(lambda: answer.grant.begin(answer.arguments).done({"refunded": number}))
