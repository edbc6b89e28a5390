"""Counters: a case is routed by what the ledger held before it, whatever way it came and whatever raced with it."""

import json
from datetime import UTC, datetime

import pytest
from support.builders import a_review, an_output
from support.calls import approved
from support.counting import counted_again, given, routed_in, values
from support.internals import services_of
from support.teams import PEOPLE

from hitl_orchestrator.backtest.open_cases import open_cases, row_of
from hitl_orchestrator.domain.input.reserved_ids import spot_check_id

COUNTERS = {
    "cases_1d": {"count": "cases", "same": "customer", "within": "P1D"},
    "paid_30d": {"sum": "amount", "same": "customer", "within": "P30D", "of": "approved"},
    "budget": {"sum": "amount", "within": "P1D", "of": "auto_approve"},
    "asked": {"count": "cases", "within": "P1D", "of": "human_review"},
}
RULES = [
    {"rule_id": "sure", "priority": 1, "conditions": {"min_confidence": 0.9}, "action": "auto_approve"},
    {"rule_id": "ask", "priority": 2, "conditions": {}, "action": "human_review"},
]
PLAIN = {"policy_id": "plain", "metadata": {"amount": "number", "customer": "text"}, "rules": RULES}
COUNTING = PLAIN | {"policy_id": "counting", "history": COUNTERS}


@pytest.fixture
def counting(opened, store):
    return opened(store, policy=COUNTING)


def test_a_case_is_routed_by_the_cases_before_it_and_not_by_itself(counting):
    for number in range(3):
        counting.submit(*given(f"a{number}", amount=0.1))
    counting.submit(*given("unsure", amount=5, confidence=0.5))
    counting.submit(*given("other", customer="bob", amount=7))

    case = counting.submit(*given("last"))

    assert values(counting, case) == {"cases_1d": 4, "paid_30d": 5.3, "budget": 7.3, "asked": 1}


def test_each_case_of_a_chunk_counts_those_before_it_in_the_chunk(counting):
    counting.submit(*given("first"))
    tasks, outputs = zip(*[given(f"t{n}", "ab"[n % 2], n, 0.95 if n % 3 else 0.5) for n in range(12)], strict=True)

    cases = []
    counting.submit_many(tasks, outputs, on_case=cases.append)

    recorded, expected = counted_again(counting)
    assert recorded == expected
    assert values(counting, cases[-1]) == {"cases_1d": 5, "paid_30d": 25, "budget": 10 + 37, "asked": 4}


def test_a_case_that_is_run_later_is_routed_by_what_was_routed_until_then(counting):
    late = counting.cases.enqueue(*given("late"))
    counting.submit(*given("early"))

    counting.recover()

    assert values(counting, late) == {"cases_1d": 1, "paid_30d": 10, "budget": 10, "asked": 0}


def test_a_case_leaves_the_window_after_its_time(opened, store, clock):
    hitl = opened(store, policy=COUNTING)
    hitl.submit(*given("old"))
    clock.tick(24 * 3600 + 1)

    case = hitl.submit(*given("new"))

    assert values(hitl, case) == {"cases_1d": 0, "paid_30d": 10, "budget": 0, "asked": 0}


def test_a_case_that_a_person_turns_down_no_longer_counts_as_approved(counting):
    counting.submit(*given("open", confidence=0.5))
    before = counting.submit(*given("before"))
    counting.decide(task_id="open", decision=a_review("reject", "ana"))

    after = counting.submit(*given("after"))

    assert [values(counting, case)["paid_30d"] for case in (before, after)] == [10, 10]
    assert [values(counting, case)["cases_1d"] for case in (before, after)] == [1, 2]


def test_a_task_that_is_submitted_again_counts_once(counting):
    for _ in range(2):
        counting.submit(*given("same", confidence=0.5))
    counting.submit(*given("same", amount=11, confidence=0.5), resubmit=True)

    case = counting.submit(*given("next"))

    assert values(counting, case) == {"cases_1d": 1, "paid_30d": 11, "budget": 0, "asked": 1}


def test_a_canceled_case_counts_as_submitted_and_not_as_approved(counting):
    counting.submit(*given("canceled", confidence=0.5), submitted_by="bot")
    counting.cases.cancel(task_id="canceled", submitted_by="bot", reason="not needed")

    case = counting.submit(*given("next"))

    assert values(counting, case) == {"cases_1d": 1, "paid_30d": 0, "budget": 0, "asked": 1}


def test_cases_of_the_past_and_those_that_measure_reviewers_do_not_count(counting):
    counting.submit(*given("first", confidence=0.5))
    counting.decide(task_id="first", decision=a_review("approve", "ana"))
    counting.reviews.add_second_review(task_id="first", new_task_id="second", reviewer="max")
    replaying = counting.acting_as("max")
    replayed = replaying.submit(*given("replayed"), replay=True, submitted_by="bot")

    case = counting.submit(*given("next"))

    assert values(counting, case) == {"cases_1d": 1, "paid_30d": 10, "budget": 0, "asked": 1}
    assert next(each for each in routed_in(counting) if each.case_id == replayed.case_id).history == []


MANY = {"rule_id": "many", "priority": 0, "conditions": {"history": {"cases_1d": {"ge": 2}}}, "action": "escalate"}


def test_a_spot_check_is_judged_by_what_was_counted_before_its_original(opened, store):
    rules = [MANY, RULES[0] | {"spot_check": 1}, RULES[1]]
    hitl = opened(store, policy=COUNTING | {"rules": rules})
    cases = [hitl.submit(*given(f"t{number}")) for number in range(2)]

    checks = [hitl.cases.get(task_id=spot_check_id(case.case_id, case.task_id)) for case in cases]
    ended = [hitl.decide(check.case_id, a_review("approve", "ana")) for check in checks]
    third = hitl.submit(*given("t2"))

    assert [values(hitl, check) for check in checks] == [values(hitl, case) for case in cases]
    assert [case.record.final_decision for case in ended] == ["approved"] * 2
    assert (third.rule_id, values(hitl, third)["cases_1d"]) == ("many", 2)
    assert [hitl.cases.get(case.case_id).rule_id for case in cases] == ["sure"] * 2
    assert counted_again(hitl)[0] == counted_again(hitl)[1]
    assert hitl.audit.verify().problem is None


def test_a_second_review_asks_the_role_that_decided_although_more_cases_are_counted_since(opened, store):
    hitl = opened(store, policy=COUNTING | {"rules": [MANY, *RULES]})
    first = hitl.submit(*given("first", confidence=0.5))
    hitl.decide(first.case_id, a_review("approve", "ana"))
    for number in range(2):
        hitl.submit(*given(f"t{number}"))

    again = hitl.reviews.add_second_review(first.case_id, new_task_id="again", reviewer="max")

    assert (again.rule_id, values(hitl, again)) == ("ask", values(hitl, first))
    assert hitl.decide(again.case_id, a_review("reject", "two")).record.quality_check_of == first.case_id
    assert hitl.audit.verify().problem is None


def test_a_question_about_an_execution_is_judged_by_the_values_of_its_case_and_counts_nowhere(opened, store):
    totals = {"all": {"count": "cases", "within": "P1D"}}
    rules = [{"rule_id": "busy", "priority": 1, "conditions": {"history": {"all": {"ge": 2}}}, "action": "escalate"}]
    hitl = opened(store, policy={"policy_id": "busy", "history": totals, "rules": [*rules, RULES[1] | {"priority": 2}]})
    go = approved(hitl, reviewer="ana")
    hitl.submit(*given("between"))

    question = hitl.cases.get(go.grant.begin().abandon().check_id)
    later = hitl.submit(*given("later"))

    assert question.open_review.role == "domain_reviewer"
    assert values(hitl, question) == {"all": 0}
    assert values(hitl, later) == {"all": 2}
    assert hitl.audit.verify().problem is None


@pytest.mark.parametrize("customer", [None, {"id": 1}, ["ann"]])
def test_a_counter_without_its_key_is_unknown(counting, customer):
    counting.submit(*given("first"))

    case = counting.submit(*given("next", customer=customer))

    assert values(counting, case) == {"cases_1d": None, "paid_30d": None, "budget": 10, "asked": 0}


@pytest.mark.parametrize("amount", [None, "10", True, -1, 1e13, float(10**300)])
def test_a_sum_over_a_case_without_a_readable_amount_is_unknown(counting, amount):
    counting.submit(*given("unreadable", amount=amount))

    case = counting.submit(*given("next"))

    assert values(counting, case) == {"cases_1d": 1, "paid_30d": None, "budget": None, "asked": 0}


def test_sums_of_the_largest_amounts_are_exact(counting):
    for number in range(20):
        counting.submit(*given(f"t{number}", amount=10**12))

    assert values(counting, counting.submit(*given("next")))["budget"] == 20 * 10**12


def test_a_new_counter_counts_the_cases_that_were_routed_before_it_was_declared(opened, store):
    hitl = opened(store, policy=PLAIN, reviewers=PEOPLE)
    tasks, outputs = zip(*[given(f"t{number}", amount=number) for number in range(5)], strict=True)
    hitl.submit_many(tasks, outputs)
    hitl.submit(*given("open", confidence=0.5))
    change = hitl.policy.activate(COUNTING, reviewer="max", reason="limits")
    assert change.case is None

    case = hitl.submit(*given("next"))

    assert values(hitl, case) == {"cases_1d": 6, "paid_30d": 20, "budget": 10, "asked": 1}
    assert counted_again(hitl)[0] == counted_again(hitl)[1]
    assert hitl.audit.verify().problem is None


def test_a_counter_that_was_dropped_for_a_time_counts_what_it_missed(opened, store):
    hitl = opened(store, policy=COUNTING, reviewers=PEOPLE)
    hitl.submit(*given("first"))
    for number, policy in enumerate([PLAIN, COUNTING]):
        hitl.policy.activate(policy, reviewer="max", reason="a trial")
        hitl.submit(*given(f"under-{number}"))

    case = hitl.submit(*given("next"))

    assert values(hitl, case)["cases_1d"] == 3
    assert hitl.audit.verify().problem is None


def limited(most):
    """A policy that approves automatically while the amounts of a day stay within a limit."""
    spent = {"derived": {"spent": {"le": most}}}
    rules = [{"rule_id": "within", "priority": 1, "conditions": spent, "action": "auto_approve"}]
    return COUNTING | {"derived": {"spent": "budget + amount"}, "rules": rules}


@pytest.mark.parametrize("name", ["record_run", "finish"])
def test_a_budget_that_another_case_uses_up_before_the_write_is_not_passed(opened, durable_store, name):
    hitl = opened(durable_store, policy=limited(100))
    other = opened(durable_store)
    ledger = services_of(hitl).ledger
    operation, pending = getattr(ledger, name), [lambda: other.submit(*given("first", amount=60))]

    def after_another_case(*args, **named):
        if pending:
            pending.pop()()
        return operation(*args, **named)

    setattr(ledger, name, after_another_case)
    if name == "finish":
        hitl.cases.enqueue(*given("second", amount=60))
        hitl.recover()
    else:
        hitl.submit(*given("second", amount=60))

    assert [hitl.cases.get(task_id=task).status for task in ("first", "second")] == ["approved", "waiting"]
    assert counted_again(hitl)[0] == counted_again(hitl)[1]
    assert hitl.audit.verify().problem is None


def test_a_case_of_a_classifier_is_routed_by_what_was_counted_when_it_is_recorded(opened, store):
    class Slow:
        """Another case is routed while it thinks."""

        def invoke(self, task):
            if task.task_id == "slow":
                hitl.submit(*given("meanwhile", amount=60))
            return an_output(task.task_id, 0.95)

    hitl = opened(store, policy=limited(100), classifier=Slow())

    slow = hitl.submit(given("slow", amount=60)[0])

    assert (slow.status, values(hitl, slow)["budget"]) == ("waiting", 60)


def test_counts_stay_exact_after_a_change_of_the_key(opened, sqlite_store):
    hitl = opened(sqlite_store, policy=COUNTING)
    hitl.submit(*given("before"))
    hitl.audit.rotate_key()

    case = hitl.submit(*given("after"))

    assert values(hitl, case)["cases_1d"] == 1
    assert counted_again(hitl)[0] == counted_again(hitl)[1]
    assert hitl.audit.verify().problem is None


def test_the_store_names_no_customer_where_it_counts(opened, durable_store, intruder):
    hitl = opened(durable_store, policy=COUNTING)
    hitl.submit(*given("first", customer="customer-of-this-test"))

    with services_of(hitl).ledger.snapshot() as snapshot:
        tallies = [row for rows in snapshot.cases() for row in rows.tallies]
    assert len(tallies) == 4
    assert "customer-of-this-test" not in str(tallies)


def test_redaction_erases_the_counts_of_a_case_with_its_texts(opened, durable_store, intruder):
    hitl = opened(durable_store, policy=COUNTING)
    erased = hitl.submit(*given("erased"))
    hitl.submit(*given("kept"))
    hitl.cases.redact(erased.case_id, reason="asked for", reviewer="zoe")

    case = hitl.submit(*given("next"))

    assert values(hitl, case)["cases_1d"] == 1
    assert hitl.audit.verify().problem is None
    assert counted_again(hitl)[0][-4:] == counted_again(hitl)[1][-4:]


def test_past_cases_carry_the_history_by_which_they_were_routed(counting):
    done = [counting.submit(*given(f"t{number}")) for number in range(3)]
    waits = counting.submit(*given("waits", confidence=0.5))
    counting.cases.redact(case_id=done[0].case_id, reason="asked to", reviewer="zoe")
    ledger = services_of(counting).ledger

    rows = {case_id: history for case_id, _, _, _, history in ledger.outcomes("case_id", metadata=True, routing=True)}
    exported = {each.record.case_id: each.history for each in ledger.records_with_task()}
    (still_open,) = open_cases(ledger)

    by_key = {
        case.case_id: {each.counter.key: each.value for each in routed.history}
        for case, routed in zip([*done, waits], routed_in(counting), strict=True)
    }
    assert rows == exported
    assert rows.pop(done[0].case_id) is None
    assert {case_id: json.loads(text) for case_id, text in rows.items()} == {
        case.case_id: by_key[case.case_id] for case in done[1:]
    }
    assert json.loads(*row_of(still_open, ["history"])) == by_key[waits.case_id]


NEVER_AGAIN = COUNTING | {
    "metadata": {
        "customer": "text",
        "amount": "number",
        "kind": {"type": "text", "values": ["a", "b"]},
        "who.id": "text",
    },
    "history": {
        "by_customer": {"count": "cases", "same": "customer", "within": "P1D"},
        "by_kind": {"count": "cases", "same": "kind", "within": "P1D"},
        "by_path": {"count": "cases", "same": "who.id", "within": "P1D"},
    },
}


@pytest.mark.parametrize(
    ("counter", "metadata"),
    [
        ("by_customer", {"customer": 7}),
        ("by_customer", {"customer": 7.0}),
        ("by_customer", {"customer": True}),
        ("by_customer", {"customer": ""}),
        ("by_customer", {"customer": " \u200b\t"}),
        ("by_kind", {"kind": "zzz"}),
        ("by_kind", {"kind": "A"}),
        ("by_path", {"who": {"id": 5}}),
    ],
)
def test_a_customer_who_is_not_named_as_declared_has_no_counter_of_their_own(opened, store, counter, metadata):
    rules = [
        {"rule_id": "first", "priority": 1, "conditions": {"history": {counter: {"lt": 1}}}, "action": "auto_approve"}
    ]
    hitl = opened(store, policy=NEVER_AGAIN | {"rules": rules})
    usual = {"kind": "a", "who": {"id": "x"}}

    known = hitl.submit(*given("known", metadata=usual))
    case = hitl.submit(
        *given("unknown", metadata=usual | {"kind": "b", "who": {"id": "y"}, "customer": "bob"} | metadata)
    )

    assert known.status == "approved"
    assert (values(hitl, case)[counter], case.status) == (None, "waiting")
    assert hitl.audit.verify().sound


@pytest.mark.parametrize(
    "other", ["e\u0301va", " éva\n", "é\u200bva", "e\u200b\u0301va", "\uff45\u0301va", "éva\ufe0f", "év\u00ada"]
)
def test_another_spelling_of_a_customer_is_the_same_customer(counting, other):
    counting.submit(*given("first", customer="éva"))

    case = counting.submit(*given("second", customer=other))

    assert values(counting, case)["cases_1d"] == 1
    assert counting.audit.verify().sound


def test_customers_whose_ids_differ_by_capital_letters_are_different(counting):
    counting.submit(*given("first", customer="aB1"))

    assert values(counting, counting.submit(*given("second", customer="AB1")))["cases_1d"] == 0


def test_a_process_whose_clock_is_ahead_counts_the_earlier_cases_all_the_same(opened, durable_store, clock):
    hitl, clock.now = opened(durable_store, policy=COUNTING), datetime.now(UTC)
    hitl.submit(*given("first"))
    clock.tick(48 * 3600)

    case = hitl.submit(*given("second"))

    assert values(hitl, case) == {"cases_1d": 1, "paid_30d": 10, "budget": 10, "asked": 0}
    assert hitl.audit.verify().sound
