"""Open reviews as the work queue of a team, on every store."""

from datetime import timedelta

import pytest
from support.builders import AGENT, NINE, PERSON, a_routing, a_shown, a_submission, a_task, a_verdict
from support.stores import open_rows

from hitl_orchestrator.domain.decision import ReviewRequirements, RoutingDecision
from hitl_orchestrator.domain.enums import DecisionSource, RiskLevel
from hitl_orchestrator.domain.review import RecordedDecision, Review
from hitl_orchestrator.errors import NotAuthorized, ReviewAlreadyDecided, ReviewClaimed, ReviewWithdrawn
from hitl_orchestrator.ledger.ports.claims import Limit, Load

HOUR = 3600


def an_actor(who):
    return PERSON.model_copy(update={"id": who})


def opened(ledger, name="case-1", decision=None, **task):
    work = a_task(f"task-of-{name}", **task)
    ledger.receive(a_submission(name, work), AGENT)
    routing = a_routing() if decision is None else a_routing().model_copy(update={"decision": decision})
    then = None if routing.decision.respond_within is None else routing.decision.on_timeout
    return ledger.open_review(a_shown(name, task=work, routing=routing, on_timeout=then), NINE)


def claim(ledger, row, who="ana", seconds=HOUR, **more):
    return ledger.claim(row, who, an_actor(who), NINE, seconds, **more)


def give(ledger, row, who, to, seconds=HOUR, **more):
    return ledger.delegate(row, who, to, an_actor(who), NINE, seconds=seconds, **more)


def until(ledger, time):
    while ledger.now() <= time:
        pass


def due_in(seconds, remind_before=None):
    decision = a_routing().decision
    fields = {
        "respond_within": timedelta(seconds=seconds),
        "requirements": ReviewRequirements(remind_before=remind_before),
    }
    return RoutingDecision(**{**dict(decision), **fields})


def test_a_delegated_review_belongs_to_the_receiver_and_can_return(ledger):
    row = opened(ledger)
    claim(ledger, row)

    given = give(ledger, row, "ana", "ben")
    with pytest.raises(ReviewClaimed):
        ledger.decide(row, a_verdict(), PERSON)

    assert (given.claimed_by, given.delegated_by) == ("ben", "ana")
    assert ledger.unclaim(row, "ben", an_actor("ben"), NINE)
    back = ledger.latest_review("case-1")
    assert (back.claimed_by, back.delegated_by) == ("ana", None)
    assert ledger.unclaim(row, "ana", an_actor("ana"), NINE)
    assert ledger.latest_review("case-1").claimed_by is None
    assert not ledger.unclaim(row, "ana", an_actor("ana"), NINE)


def test_only_the_holder_can_delegate_a_review(ledger):
    row = opened(ledger)
    with pytest.raises(NotAuthorized, match="claim it first"):
        give(ledger, row, "ana", "ben")
    claim(ledger, row, "zoe")
    with pytest.raises(ReviewClaimed, match="'zoe'"):
        give(ledger, row, "ana", "ben")
    ledger.decide(row, a_verdict(reviewer="zoe"), an_actor("zoe"))
    with pytest.raises(ReviewAlreadyDecided):
        give(ledger, row, "zoe", "ben")


def test_claiming_again_leaves_a_delegated_review_delegated(ledger):
    row = opened(ledger)
    claim(ledger, row)
    give(ledger, row, "ana", "ben")

    assert claim(ledger, row, "ben").delegated_by == "ana"


def test_the_claim_limit_counts_other_reviews_of_all_accounts(ledger):
    one, two = opened(ledger), opened(ledger, "case-2")
    limit = Limit(("ana", "ana-2"), 1)
    claim(ledger, one, "ana", limit=limit)
    claim(ledger, one, "ana", limit=limit)

    for who in limit.accounts:
        with pytest.raises(NotAuthorized, match="they hold 1 reviews, which is the limit"):
            claim(ledger, two, who, limit=limit)
    assert claim(ledger, two, "ben", limit=Limit(("ben",), 1)).claimed_by == "ben"


def test_only_the_holder_renews_a_claim_and_never_shortens_it(ledger):
    row = claim(ledger, opened(ledger))

    ledger.renew(row, "ben", 2 * HOUR)
    ledger.renew(row, "ana", 1)
    assert ledger.latest_review("case-1").claimed_until == row.claimed_until
    ledger.renew(row, "ana", 2 * HOUR)
    assert ledger.latest_review("case-1").claimed_until > row.claimed_until


def test_a_lapsed_claim_is_listed_and_removed_once(ledger):
    row = opened(ledger)
    held = claim(ledger, row, seconds=0.01)
    claim(ledger, opened(ledger, "case-2"))
    until(ledger, held.claimed_until)

    assert [each.review_id for each in ledger.lapsed()] == [row.review_id]
    assert ledger.return_lapsed(row, NINE)
    assert not ledger.return_lapsed(row, NINE)
    assert ledger.lapsed() == []
    assert ledger.latest_review("case-1").claimed_by is None


def test_reviewers_are_reminded_once_of_a_review_due_soon(ledger):
    row = opened(ledger, decision=due_in(HOUR, timedelta(seconds=HOUR)))
    opened(ledger, "case-2", decision=due_in(HOUR, timedelta(seconds=1)))
    opened(ledger, "case-3", decision=due_in(HOUR))
    until(ledger, row.due_at - timedelta(seconds=HOUR))

    assert [each.review_id for each in ledger.to_remind()] == [row.review_id]
    assert ledger.remind(row, ["ana"], NINE)
    assert not ledger.remind(row, ["ana"], NINE)
    assert ledger.to_remind() == []


def test_the_first_view_and_the_first_label_are_recorded(ledger):
    row = opened(ledger)

    assert ledger.view(row, an_actor("ana"), NINE)
    assert not ledger.view(row, an_actor("ana"), NINE)
    assert ledger.view(row, an_actor("ben"), NINE)
    assert ledger.label(row, an_actor("ana"), NINE, "Refund") == "Refund"
    assert ledger.label(row, an_actor("ana"), NINE, "Complaint") == "Refund"
    assert [event.kind.value for event in ledger.events("case-1")][-3:] == ["viewed", "viewed", "labeled"]


@pytest.mark.parametrize(
    ("source", "kind"), [(DecisionSource.SUBMITTER, "canceled"), (DecisionSource.RESUBMISSION, "superseded")]
)
def test_a_withdrawn_review_accepts_no_answer_of_its_holder(ledger, source, kind):
    row = opened(ledger)
    claim(ledger, row, "ben")
    answer = Review(human_decision="reject", reviewer_id="who", reason="not needed")
    verdict = RecordedDecision(review=answer, decided_at=NINE, role=row.role, channel="library", source=source)

    gone = ledger.withdraw(row, verdict, an_actor("who"))

    assert (gone.status, gone.claimed_by, ledger.case("case-1").stage) == (kind, None, "decided")
    with pytest.raises(ReviewWithdrawn, match=f"was {kind} by who"):
        ledger.decide(row, a_verdict(reviewer="ben"), an_actor("ben"))
    with pytest.raises(ReviewWithdrawn):
        claim(ledger, row)
    assert ledger.withdraw(row, verdict, an_actor("who")) == gone


def test_a_decided_review_cannot_be_withdrawn(ledger):
    row = opened(ledger)
    ledger.decide(row, a_verdict(), PERSON)
    answer = Review(human_decision="reject", reviewer_id="who", reason="not needed")
    source = DecisionSource.SUBMITTER
    verdict = RecordedDecision(review=answer, decided_at=NINE, role=row.role, channel="x", source=source)

    with pytest.raises(ReviewAlreadyDecided):
        ledger.withdraw(row, verdict, PERSON)


def test_a_vote_leaves_the_case_open_for_the_next(ledger):
    row = opened(ledger)
    vote = a_verdict().model_copy(update={"settles": False})

    voted = ledger.decide(row, vote, PERSON, a_shown("case-1", level=1))

    assert (voted.status, ledger.latest_review("case-1").level, ledger.case("case-1").stage) == ("voted", 1, "waiting")
    assert [event.kind.value for event in ledger.events("case-1")][-2:] == ["voted", "review_opened"]
    assert ledger.verified_review(voted.review_id)[0] == voted


def test_open_reviews_are_filtered_by_every_field(ledger):
    opened(ledger, "case-1", domain="finance", task_type="loan")
    opened(ledger, "case-2", decision=due_in(HOUR))
    claim(ledger, opened(ledger, "case-3"), "ben")

    def ids(**wanted):
        first, *others = [row.case_id for row in open_rows(ledger, **wanted)] or [None]
        return [first, *sorted(others)]  # what was opened at one instant has no order

    assert ids() == ["case-2", "case-1", "case-3"]
    assert ids(domain="finance") == ids(task_type="loan") == ids(domain="finance", role="domain_reviewer")
    assert ids(held_by="ben") == ["case-3"]
    assert ids(unclaimed=True, open=True) == ["case-2", "case-1"]
    assert ids(risk_level=RiskLevel.LOW) == ids()
    assert ids(risk_level=RiskLevel.HIGH) == ids(overdue=True) == ids(role="senior_manager") == [None]


def test_loads_count_held_reviews_and_recent_answers(ledger):
    for name in ("case-1", "case-2"):
        claim(ledger, opened(ledger, name), "ben")
    ledger.decide(opened(ledger, "case-3"), a_verdict(), PERSON)

    assert ledger.loads(NINE) == {"ben": Load(2, 0), "ana": Load(0, 1)}
    assert ledger.loads(NINE + timedelta(seconds=1)) == {"ben": Load(2, 0)}


def test_decided_reviews_are_searched_by_kind_confidence_and_customer(ledger):
    for number, (word, customer) in enumerate([("approve", "c1"), ("reject", "c1"), ("approve", None)]):
        metadata = {} if customer is None else {"customer": customer}
        row = opened(ledger, f"case-{number}", metadata=metadata)
        at = NINE + timedelta(seconds=number)
        ledger.decide(row, a_verdict(word, f"r{number}", at=at), an_actor(f"r{number}"))

    kind = "document_classification", "customer_support"
    assert ledger.upheld(kind[0], 0.9, 1.0) == (3, 2)
    assert ledger.upheld(kind[0], 0.8, 0.9) == ledger.upheld("other", 0.0, 1.0) == (0, 0)
    assert [row.case_id for row in ledger.similar(*kind, "case-1")] == ["case-2", "case-0"]
    assert [row.case_id for row in ledger.similar(*kind, "none", 1)] == ["case-2"]
    assert (ledger.last_reviewer_for("c1"), ledger.last_reviewer_for("c2")) == ("r1", None)


def test_reviews_of_superseded_attempts_are_listed(ledger):
    row = opened(ledger)
    again = a_submission("case-9", a_task("task-of-case-1", task_description="other"))
    ledger.receive(again, AGENT, resubmit=True)

    assert [each.review_id for each in ledger.outdated()] == [row.review_id]
    assert ledger.case("case-9").submission.supersedes == "case-1"
