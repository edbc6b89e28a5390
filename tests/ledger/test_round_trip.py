"""A round trip through any store loses nothing of what people and agents wrote."""

from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.builders import (
    AGENT,
    NINE,
    PERSON,
    a_routing,
    a_shown,
    a_submission,
    a_task,
    a_verdict,
    an_outcome,
    an_output,
)
from support.recorded_policies import record_policy

from hitl_orchestrator.domain.task import Proposal
from hitl_orchestrator.domain.value import MAX_INTEGER

words = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-MAX_INTEGER, MAX_INTEGER),
    st.floats(allow_nan=False, allow_infinity=False),
    words,
)
free_json = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=12,
)
extra_fields = st.dictionaries(
    words.filter(
        lambda key: (
            key not in ("predicted_label", "explanation", "task_id", "confidence", "label")
            and not key.startswith("model_")
        )
    ),
    free_json,
    max_size=4,
)
confidences = st.none() | st.floats(0, 1)
numbers = count(1)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(metadata=st.dictionaries(words, free_json, max_size=4), extra=extra_fields, confidence=confidences, text=words)
def test_a_case_survives_a_round_trip(shared_ledger, metadata, extra, confidence, text):
    case_id = f"case-{next(numbers)}"
    task = a_task(f"task-of-{case_id}", metadata=metadata, task_description=text)
    output = an_output(task.task_id, confidence, label=text or "x", **extra)
    submission = a_submission(case_id, task, output)
    routing = a_routing(output=output)
    shared_ledger.receive(submission, AGENT)
    opened = shared_ledger.open_review(a_shown(case_id, task=task, routing=routing, passed_up_because=text), NINE)

    verdict = a_verdict("modify", modified_output=Proposal(predicted_label="é", **extra), human_feedback=text)
    decided = shared_ledger.decide(opened, verdict, PERSON)
    record = shared_ledger.finish(an_outcome(submission, decided), routing, NINE)

    case = shared_ledger.case(case_id)
    assert case.submission == submission
    assert case.submission.task.metadata == metadata
    assert case.reviews == (decided,)
    assert (decided.shown, decided.verdict) == (opened.shown, verdict)
    assert decided.shown.digest == opened.digest == decided.digest
    assert case.record == record
    assert case.final_output == verdict.review.modified_output
    assert shared_ledger.receive(submission.model_copy(update={"case_id": "another"}), AGENT).case_id == case_id


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(words, free_json, max_size=4), words)
def test_policies_and_payloads_survive_a_round_trip(shared_ledger, body, text):
    name = f"name-{next(numbers)}"
    record_policy(shared_ledger, "p", name, body, NINE)
    shared_ledger.keep(name, text)

    assert shared_ledger.policy(name) == body
    assert shared_ledger.kept(name) == text
