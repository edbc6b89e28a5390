"""Random ledgers, as rows of outcomes: all kinds of cases, spot checks, second reviews and votes."""

import json
from datetime import timedelta

from hypothesis import strategies as st

from support.outcome_frames import FINAL, MONDAY, automatic, checked, reviewed

VERDICTS = st.sampled_from([*FINAL, "approve", "approve"])
PEOPLE = st.sampled_from(["ana", "ben", "eve"])
MOMENTS = st.integers(0, 20_000).map(lambda minutes: MONDAY + timedelta(minutes=minutes))
COMMON = st.fixed_dictionaries(
    {
        "task_type": st.sampled_from([None, "claim", "refund", "refund"]),
        "domain": st.sampled_from([None, "legal", "payments"]),
        "risk_level": st.sampled_from(["low", "medium", "high"]),
        "confidence_score": st.none() | st.sampled_from([0.3, 0.5, 0.7, 0.8, 0.95, 1.0]) | st.floats(0, 1),
        "signals": st.sampled_from(["", "", "unusual", "low_confidence risky"]),
        "rule_id": st.sampled_from(["r1", "r2", "r3"]),
        "agent_id": st.sampled_from([None, "a", "b"]),
        "model_version": st.sampled_from([None, "1", "2"]),
        "replayed": st.sampled_from([False, False, False, True]),
        "redacted": st.sampled_from([False, False, True]),
        "timestamp": MOMENTS,
        "latency_seconds": st.floats(0, 1e6),
        "stake": st.none() | st.integers(0, 1000).map(float),
        "has_proposal": st.booleans(),
        "shown_length": st.integers(0, 3000),
    }
)
REVIEW = st.fixed_dictionaries(
    {
        "routing_decision": st.sampled_from(["human_review", "escalate"]),
        "escalations": st.integers(0, 2),
        "reviewer_id": PEOPLE,
        "human_role": st.sampled_from(["domain_reviewer", "senior_manager"]),
        "reason_code": st.sampled_from([None, "wrong_amount", "wrong_label"]),
        "label_changed": st.none() | st.booleans(),
        "seconds_looked_at": st.none() | st.floats(0, 1000),
        "due_at": st.none() | MOMENTS,
    }
)
ENDED = st.sampled_from(
    [
        {"final_decision": "canceled", "decision_source": "submitter"},
        {"final_decision": "superseded", "decision_source": "resubmission"},
        {"final_decision": "rejected", "decision_source": "timeout"},
    ]
)
UNDECIDED = {"human_decision": None, "reviewer_id": None, "human_role": None, "review_seconds": None}


@st.composite
def ledgers(draw, most=25):
    """Rows of a random ledger."""
    rows = []
    for number in range(draw(st.integers(0, most))):
        common = draw(COMMON)
        kind = draw(st.sampled_from(["automatic", "automatic", "reviewed", "reviewed", "ended", "votes"]))
        if kind == "automatic":
            case = automatic(number, **common, review_probability=draw(st.sampled_from([0.0, 0.3, 0.7, 1.0])))
            rows.append(case)
            if case["drawn"] and draw(st.booleans()):
                rows.append(checked(number, case, draw(VERDICTS), **draw(REVIEW) | {"timestamp": draw(MOMENTS)}))
            continue
        case = reviewed(number, draw(VERDICTS), **common, **draw(REVIEW))
        if case["seconds_looked_at"] is not None:
            case["review_seconds"] = case["seconds_looked_at"] + draw(st.floats(0, 100))
        if kind == "ended":
            case |= UNDECIDED | {"seconds_looked_at": None} | draw(ENDED)
        if kind == "votes":
            before = draw(st.lists(st.tuples(PEOPLE, st.sampled_from([*FINAL, "escalate"])), min_size=1, max_size=3))
            last = (case["reviewer_id"], case["human_decision"])
            case["votes"] = json.dumps([[person, decision, "role"] for person, decision in [*before, last]])
        rows.append(case)
        if draw(st.integers(0, 5)) == 0:
            again = {"quality_check": draw(st.sampled_from(["second_review", "known_answer"])), **draw(REVIEW)}
            again |= {"quality_check_expected": draw(st.sampled_from([None, "approve", "reject"]))}
            rows.append(checked(1000 + number, case, draw(VERDICTS), **again | {"timestamp": draw(MOMENTS)}))
        if draw(st.integers(0, 9)) == 0:
            rows.append(reviewed(2000 + number, draw(VERDICTS), task_type="policy_change"))
    return rows
