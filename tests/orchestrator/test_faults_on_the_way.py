"""A PostgreSQL server that fails while cases are submitted and decided: acknowledged operations exist exactly once."""

from collections import Counter
from contextlib import closing
from itertools import cycle

import pytest
from support.builders import a_review, a_task, an_output
from support.cutting_proxy import ANSWERED, BEFORE, SENT, Proxy
from support.internals import services_of
from support.postgres_server import HARM
from support.sizes import sized

# The commits of a waiting, then decided case: its review, and its outcome.
COMMITS = 2


@pytest.fixture
def proxy(own_server):
    with closing(Proxy(own_server.folder)) as proxy:
        yield proxy


@sized("faults", ci=5, soak=50)
@pytest.mark.parametrize("harm", HARM)
def test_a_case_survives_server_faults(opened, own_server, proxy, harm, faults):
    store = own_server.new_database()
    hitl = opened(proxy.url(store))
    moments, struck, reported = cycle((SENT, BEFORE, ANSWERED)), 0, {}

    for number in range(faults):
        name = f"task-{number}"
        proxy.harm(next(moments), do=lambda: HARM[harm](own_server), after=number % COMMITS)
        waiting = hitl.submit(a_task(name), an_output(name, confidence=0.5))
        done = hitl.decide(task_id=name, decision=a_review("reject", "ana"))
        struck += proxy.has_struck()

        assert (waiting.status, done.status) == ("waiting", "rejected")
        assert hitl.cases.get(task_id=name).reviews[0].verdict is not None
        reported[name] = done.record

    # A decision is durable; an outcome that was not flushed before the next crash is written again.
    hitl.recover()
    counts = Counter((event.case_id, event.kind.value) for event in services_of(hitl).ledger.events() if event.case_id)
    assert set(counts.values()) == {1}
    assert {record.task_id: record for record in hitl.audit.records()} == reported
    assert struck >= faults - faults // COMMITS
    assert hitl.recover() == []
    assert hitl.audit.verify().sound
