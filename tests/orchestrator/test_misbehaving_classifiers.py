"""A classifier that misbehaves: the case is in the inbox with the error as its reason, and ends as any other case."""

import threading

import pytest
from support.builders import a_review, a_task, an_output
from support.internals import services_of
from support.misbehaving_classifiers import CLASSIFIERS, SECONDS, ShouldBeInvoked, Unprintable, hanging
from support.teams import kinds

from hitl_orchestrator import InvalidInput
from hitl_orchestrator.domain.decision import MAX_ERROR
from hitl_orchestrator.errors import (
    CaseNotMoved,
    CaseNotWaiting,
    ClassifierFailed,
    ClassifierMissing,
    RecoveryIncomplete,
)
from hitl_orchestrator.graph.build import build_graph

APPROVES_ALL = {
    "policy_id": "open",
    "rules": [{"rule_id": "all", "priority": 1, "conditions": {}, "action": "auto_approve"}],
}


@pytest.fixture
def failing(opened):
    """Open a store with one of the classifiers."""

    def open_with(store, name, **options):
        options = {"classifier_timeout": SECONDS, "classifier_attempts": 1, **options}
        return opened(store, classifier=CLASSIFIERS[name], **options)

    return open_with


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_the_case_can_be_decided_canceled_and_resubmitted(failing, name):
    hitl = failing("memory://", name, policy=APPROVES_ALL)

    for task_id in ("decided", "canceled", "resubmitted"):
        case = hitl.submit(a_task(task_id), submitted_by="app")
        error = case.open_review.shown.routing.error
        assert (case.status, len(hitl.inbox(reviewer="ana"))) == ("waiting", 1)
        assert (error.isprintable(), '"' in error, 0 < len(error) <= MAX_ERROR) == (True, False, True)
        assert hitl.inbox()[0].reason.startswith(f'the agent\'s classifier failed: "{error}"; ')
        if task_id == "decided":
            record = hitl.decide(case.case_id, a_review("override", "ana")).record
            assert (record.final_decision, record.classifier_error) == ("override_approved", error)
        elif task_id == "canceled":
            assert hitl.cases.cancel(case.case_id, submitted_by="app", reason="no need").status == "canceled"
        else:
            again = hitl.submit(a_task(task_id), an_output(task_id), resubmit=True, submitted_by="app")
            assert (again.status, hitl.cases.get(case.case_id).status) == ("approved", "superseded")
    assert (hitl.recover(), list(hitl.cases.unfinished()), hitl.audit.verify().sound) == ([], [], True)


def test_no_case_is_invisible_to_reviewers_on_any_store(opened, durable_store):
    def classify(task):
        return CLASSIFIERS[task.metadata["name"]](task)

    assert_that_all_are_in_the_inbox(opened, durable_store, classify)


def test_no_case_of_a_coroutine_function_is_invisible(opened):
    async def classify(task):
        return CLASSIFIERS[task.metadata["name"]](task)

    assert_that_all_are_in_the_inbox(opened, "memory://", classify)


def assert_that_all_are_in_the_inbox(opened, store, classify):
    hitl = opened(store, classifier=classify, classifier_timeout=SECONDS, classifier_attempts=1)
    for number, name in enumerate(CLASSIFIERS):
        hitl.submit(a_task(f"t{number}", metadata={"name": name}))

    assert [request.task.metadata["name"] for request in hitl.inbox()] == list(CLASSIFIERS)
    assert all(request.classifier_error for request in hitl.inbox())
    assert (hitl.recover(), list(hitl.cases.unfinished()), hitl.audit.verify().sound) == ([], [], True)


def test_a_classifier_is_asked_again_before_a_reviewer_is(opened):
    calls = []

    def classify(task):
        calls.append(task.task_id)
        if len(calls) == 1:
            raise ConnectionError
        return an_output(task.task_id)

    hitl = opened("memory://", classifier=classify)

    assert (hitl.submit(a_task()).status, len(calls)) == ("approved", 2)


@pytest.mark.parametrize("name", ["pauses itself", "hangs", "returns a generator"])
def test_a_call_that_would_end_the_same_way_is_not_repeated(opened, name):
    calls = []

    def classify(task):
        calls.append(task.task_id)
        return CLASSIFIERS[name](task)

    opened("memory://", classifier=classify, classifier_timeout=SECONDS, classifier_attempts=3).submit(a_task())

    assert len(calls) == 1


def test_an_answer_after_the_limit_is_dropped(opened):
    late, answered = threading.Event(), threading.Event()

    def classify(task):
        late.wait()
        answered.set()
        return an_output(task.task_id)

    hitl = opened("memory://", classifier=classify, classifier_timeout=0.05)
    case = hitl.submit(a_task())
    late.set()
    assert answered.wait(10)

    assert (hitl.cases.get(case.case_id), hitl.recover()) == (case, [])
    assert case.open_review.shown.routing.error == "it took longer than 0.05 seconds"


def test_an_interruption_ends_the_call_and_leaves_the_case_to_recover(opened, sqlite_store):
    def classify(task):
        raise KeyboardInterrupt

    with opened(sqlite_store, classifier=classify, classifier_timeout=None) as hitl, pytest.raises(KeyboardInterrupt):
        hitl.submit(a_task())
    hitl = opened(sqlite_store, classifier=lambda task: an_output(task.task_id))

    assert [(case.task_id, case.stage, case.running) for case in hitl.cases.unfinished()] == [
        ("task-1", "received", False)
    ]
    assert [case.status for case in hitl.recover()] == ["approved"]


@pytest.mark.parametrize(
    ("stop", "seconds"),
    [(SystemExit(1), None), (SystemExit(1), SECONDS), (Unprintable(), SECONDS), (KeyboardInterrupt(), SECONDS)],
)
@pytest.mark.parametrize("on_error", ["human_review", "raise"])
def test_no_error_of_a_classifier_keeps_other_cases_from_recovery(opened, sqlite_store, stop, seconds, on_error):
    def classify(task):
        if task.task_id == "first":
            raise stop
        return an_output(task.task_id)

    options = {"classifier": classify, "classifier_timeout": seconds, "on_classifier_error": on_error}
    hitl = opened(sqlite_store, policy=APPROVES_ALL, **options)
    for name in ("first", "second"):
        hitl.cases.enqueue(a_task(name))

    if on_error == "raise":
        with pytest.raises(RecoveryIncomplete, match=type(stop).__name__):
            hitl.recover()
    else:
        hitl.recover()
        assert hitl.inbox()[0].classifier_error.startswith(type(stop).__name__)

    expected = ["received" if on_error == "raise" else "waiting", "approved"]
    assert [hitl.cases.get(task_id=name).status for name in ("first", "second")] == expected


def test_a_callback_whose_error_has_no_text_is_reported(opened):
    def on_case(case):
        raise Unprintable

    hitl = opened("memory://", policy=APPROVES_ALL)
    hitl.cases.enqueue(a_task(), an_output())

    with pytest.raises(RecoveryIncomplete, match="Unprintable"):
        hitl.recover(on_case)


def test_a_pause_is_an_error_where_errors_are_raised(failing):
    hitl = failing("memory://", "pauses itself", on_classifier_error="raise")

    with pytest.raises(ClassifierFailed, match="'task-1': it paused for an answer; give the agent a checkpointer"):
        hitl.submit(a_task())
    assert hitl.cases.get(task_id="task-1").status == "received"


def test_an_agent_with_a_graph_of_its_own_leaves_nothing_in_our_checkpoints(failing, sqlite_store):
    hitl = failing(sqlite_store, "pauses without a checkpointer")
    case = hitl.submit(a_task())

    stored = list(services_of(hitl).runner._checkpoints.list(services_of(hitl).runner.thread(case.case_id)))

    assert [item.config["configurable"]["checkpoint_ns"] for item in stored] == [""]


def test_the_error_is_kept_in_the_ledger_and_erased_with_the_case(failing, durable_store):
    hitl = failing(durable_store, "connection lost")
    case = hitl.submit(a_task())
    hitl.decide(case.case_id, a_review("reject", "ana"))

    routed = next(event for event in hitl.cases.history(case.case_id) if event.kind == "routed")
    assert routed.body["error"] == "ConnectionError: the model is away"
    hitl.cases.redact(case.case_id, reason="asked", reviewer="zoe")
    assert "the model is away" not in str(hitl.cases.history(case.case_id)) + str(hitl.cases.get(case.case_id).record)
    assert hitl.audit.verify().sound


def test_a_case_of_an_application_with_a_classifier_is_routed_by_it_alone(opened, durable_store):
    opened(durable_store, classifier=lambda task: an_output(task.task_id)).cases.enqueue(a_task())
    without = opened(durable_store)

    with pytest.raises(RecoveryIncomplete, match=r"application that opens the store with its classifier") as reported:
        without.recover()
    with pytest.raises(ClassifierMissing):
        without.submit(a_task())
    with pytest.raises(CaseNotWaiting, match=r"application that opens the store with its classifier"):
        without.decide(task_id="task-1", decision=a_review("reject", "ana"))

    assert reported.value.moved == 0
    assert kinds(without) == ["submitted", "refused"]
    with_classifier = opened(durable_store, classifier=lambda task: an_output(task.task_id))
    assert [case.status for case in with_classifier.recover()] == ["approved"]


def test_a_producer_without_the_classifier_can_ask_for_it(opened):
    hitl = opened("memory://")
    hitl.cases.enqueue(a_task("for-it"), classify=True)
    hitl.cases.enqueue(a_task("for-a-person"))

    with pytest.raises(RecoveryIncomplete) as reported:
        hitl.recover()

    assert list(reported.value.failures) == [hitl.cases.get(task_id="for-it").case_id]
    assert [request.task_id for request in hitl.inbox()] == ["for-a-person"]


def test_a_second_review_of_a_case_without_a_proposal_asks_no_classifier(failing, opened):
    hitl = failing("memory://", "connection lost")
    case = hitl.submit(a_task())
    hitl.decide(case.case_id, a_review("reject", "two"))

    again = hitl.acting_as("max").reviews.add_second_review(case.case_id, new_task_id="again")

    assert (again.open_review.shown.routing.output, again.open_review.shown.routing.error) == (None, None)


def test_a_run_that_ends_where_it_began_is_an_error(opened, sqlite_store):
    hitl = opened(sqlite_store)
    runner = services_of(hitl).runner
    stops = build_graph(runner._services, runner._adapter)
    stops.interrupt_before_nodes = ["route"]
    runner._starting = stops.invoke

    with pytest.raises(CaseNotMoved, match="was run and is still received"):
        hitl.submit(a_task())
    assert list(services_of(hitl).ledger.stages()) == []
    hitl.cases.enqueue(a_task())
    with pytest.raises(RecoveryIncomplete, match="is still received") as reported:
        hitl.recover()
    assert reported.value.moved == 0
    del runner._starting
    assert [case.status for case in hitl.recover()] == ["waiting"]


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"on_classifier_error": "review"}, "'review' is not one of human_review, raise"),
        ({"classifier_attempts": 0}, "classifier_attempts: 0 is not a number of calls"),
        ({"classifier_timeout": 0}, "classifier_timeout: 0 is not in"),
        ({"classifier_timeout": float("nan")}, "classifier_timeout: nan is not in"),
        ({"classifier_attempts": 2.5}, r"classifier_attempts: 2\.5 is not a number of calls"),
        ({"classifier_timeout": "5"}, "classifier_timeout: '5' is not in"),
        ({"classifier_timeout": True}, "classifier_timeout: True is not in"),
        ({"classifier": 5}, "classifier: 5 is neither a function of the task nor a Runnable"),
        ({"classifier": ShouldBeInvoked()}, "is neither a function of the task nor a Runnable"),
        ({"score_rules": 5}, "score_rules: 5 is not a ScoreRules"),
        ({"risk_rules": 5}, "risk_rules: 5 is not a list of RiskRule"),
        ({"risk_rules": [5]}, r"risk_rules: \[5\] is not a list of RiskRule"),
        ({"head_every": 0}, "head_every: 0 is not a number of entries"),
        ({"lease": "5"}, "lease: '5' is not in"),
        ({"wait": None}, "wait: None is not in"),
    ],
)
def test_unusable_arguments_are_refused_before_anything_is_stored(opened, tmp_path, options, match):
    with pytest.raises(InvalidInput, match=match):
        opened(f"sqlite:///{tmp_path / 'new.db'}", **{"classifier": hanging, **options})
    assert list(tmp_path.iterdir()) == []


def test_a_classifier_that_writes_to_its_task_changes_nothing(opened, durable_store):
    seen = []

    def classify(task):
        seen.append(task.metadata["tags"][:])
        task.metadata["tags"].append("seen")
        task.metadata["more"] = True
        if len(seen) == 1:
            raise ConnectionError
        return an_output(task.task_id)

    hitl = opened(durable_store, classifier=classify, policy=APPROVES_ALL)
    case = hitl.submit(a_task(metadata={"tags": ["a"]}))

    assert (case.status, seen) == ("approved", [["a"], ["a"]])
    assert hitl.cases.get(case.case_id).submission.task.metadata == {"tags": ["a"]}
    assert "alarm" not in kinds(hitl)


def test_a_classifier_that_writes_to_its_task_after_its_limit_changes_nothing(opened, sqlite_store):
    late, written = threading.Event(), threading.Event()

    def classify(task):
        late.wait()
        task.metadata["more"] = True
        written.set()

    hitl = opened(sqlite_store, classifier=classify, classifier_timeout=0.05)
    task = a_task(metadata={"tags": ["a"]})
    case = hitl.submit(task)
    late.set()
    assert written.wait(10)

    assert (task.metadata, case.submission.task.metadata) == ({"tags": ["a"]}, {"tags": ["a"]})
    assert hitl.decide(case.case_id, a_review("override", "ana")).status == "override_approved"
    assert "alarm" not in kinds(hitl)
