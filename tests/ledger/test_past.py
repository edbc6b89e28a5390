"""The past of a store as short texts says to the letter what its records and tasks say, whatever stands in these."""

import json
import sqlite3
from contextlib import closing
from functools import partial
from itertools import count
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite
from support.attacker import Intruder
from support.builders import AGENT, NINE, a_routing, a_submission, a_task, an_outcome

from hitl_orchestrator.backtest.history import frames
from hitl_orchestrator.domain.enums import Signal
from hitl_orchestrator.errors import LedgerDamaged
from hitl_orchestrator.ledger.events.summaries import OUTLINE
from hitl_orchestrator.ledger.store.summaries import OUTLINES, PAST

AUTO = a_routing("auto_approve")
NUMBER = count()
NAMES = st.one_of(
    st.sampled_from(["null", "a,b", 'says "no"', "back\\slash", "[a]", "{}", "Ä€🙂", "1", "true"]),
    st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=20)
    .map(partial(normalize, "NFC"))
    .filter(str.strip),
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
METADATA = st.dictionaries(TEXTS, st.one_of(st.none(), TEXTS, st.floats(-1e9, 1e9), st.integers(-9, 9)))


def finished(ledger, metadata=None, **said):
    name = f"case-{next(NUMBER)}"
    case = ledger.receive(a_submission(name, a_task(f"of-{name}", metadata=metadata or {})), AGENT)
    return ledger.finish(an_outcome(case.submission).model_copy(update=said), AUTO, NINE)


def last(ledger):
    *_, (outline, past) = zip(ledger.outlines(), ledger.past(), strict=True)
    assert outline == past.outline
    return past


SAID = st.fixed_dictionaries(
    {
        "domain": NAMES,
        "task_type": NAMES,
        "rule_id": NAMES,
        "confidence_score": st.none() | st.floats(0, 1),
        "signals": st.lists(st.sampled_from(list(Signal)), unique=True).map(tuple),
    }
)


@given(said=SAID, metadata=METADATA)
def test_a_frame_tells_what_the_record_and_the_task_say(shared_ledger, said, metadata):
    pytest.importorskip("polars")
    record = finished(shared_ledger, metadata, **said)
    plain, past = record.model_dump(mode="json"), last(shared_ledger)
    *_, alone = frames(Only(past), tasks=False)
    *_, whole = frames(Only(past), tasks=True)

    (told,), (with_task,) = alone.collect().to_dicts(), whole.collect().to_dicts()

    assert {name: told[name] for name in (*OUTLINE, "signals")} == {name: plain[name] for name in (*OUTLINE, "signals")}
    assert (told["proposed_output"] is None) is (record.proposed_output is None)
    assert with_task.items() >= told.items()
    assert json.loads(with_task["metadata"]) == metadata
    assert with_task["task_timestamp"] == "2025-01-10T09:00:00Z"
    assert with_task["redacted"] is False


class Only:
    """A past of one case."""

    def __init__(self, past):
        self.all = past

    def outlines(self):
        return iter([self.all.outline])

    def past(self):
        return iter([self.all])


def test_cases_come_in_the_order_in_which_they_finished(ledger):
    submissions = [
        ledger.receive(a_submission(name, a_task(f"of-{name}", domain=name)), AGENT).submission for name in "abc"
    ]
    for one in reversed(submissions):
        ledger.finish(an_outcome(one), AUTO, NINE)
    ledger.receive(a_submission("unfinished", a_task("waits")), AGENT)

    assert [outline.split(",")[3] for outline in ledger.outlines()] == ['"c"', '"b"', '"a"']
    assert [one.outline for one in ledger.past()] == list(ledger.outlines())


@pytest.mark.parametrize("statement", [OUTLINES, PAST], ids=["outlines", "with tasks"])
def test_sqlite_reads_no_entry_and_computes_nothing(sqlite_ledger, store_file, statement):
    asked = str(statement.compile(dialect=sqlite.dialect()))
    with closing(sqlite3.connect(store_file)) as raw:
        plan = [row[-1] for row in raw.execute(f"EXPLAIN QUERY PLAN {asked}")]
        steps = {row[1] for row in raw.execute(f"EXPLAIN {asked}")}

    assert plan[0] == "SCAN ending USING INDEX ends_of_cases"
    assert not steps & {"Function", "PureFunc", "SorterSort"}


@pytest.mark.parametrize("said", ["no JSON", "[]", "5", '{"body":[]}'])
@pytest.mark.parametrize("kind", ["finished", "submitted"])
def test_an_entry_that_says_nothing_any_more_is_told_as_damage(sqlite_ledger, store_file, said, kind):
    finished(sqlite_ledger)
    intruder = Intruder(f"sqlite:///{store_file}")
    intruder.disarm()
    intruder.run("UPDATE events SET entry = ? WHERE kind = ?", said, kind)

    with pytest.raises(LedgerDamaged, match="cannot be read"):
        list(sqlite_ledger.past())


def test_a_case_without_its_beginning_is_told_as_damage(sqlite_ledger, store_file):
    finished(sqlite_ledger)
    intruder = Intruder(f"sqlite:///{store_file}")
    intruder.disarm()
    intruder.run("DELETE FROM events WHERE kind = 'submitted'")

    with pytest.raises(LedgerDamaged, match="cannot be read"):
        list(sqlite_ledger.past())
