"""A number in an input is the same number wherever the case is read."""

from support.builders import a_task, an_output

NUMBERS = [9007199254740992.0, 1e16, -1.2e18, 1e20, 1e21, 5e-324, 1.7976931348623157e308, 0.1 + 0.7, 1.0, 0]


def test_a_number_is_kept_from_submission_to_the_record(opened, store):
    hitl = opened(store)
    hitl.submit(a_task(metadata={"n": NUMBERS}), an_output(confidence=0.1, n=NUMBERS))
    edited = {"predicted_label": "x", "n": NUMBERS}

    hitl.decide(task_id="task-1", decision="modify", reviewer="ana", output=edited, feedback="edited")

    case = hitl.cases.get(task_id="task-1")
    shown = case.reviews[0].shown
    kept = [
        case.submission.task.metadata,
        case.submission.output.agent_output.model_extra,
        shown.task.metadata,
        shown.routing.output.agent_output.model_extra,
        case.record.proposed_output.model_extra,
        case.final_output.model_extra,
    ]
    assert kept == [{"n": NUMBERS}] * 6
    assert all(type(number) is float for values in kept for number in values["n"][:7])
    assert hitl.audit.verify().sound


def test_a_classified_number_is_kept(opened, store):
    hitl = opened(store, classifier=lambda task: an_output(n=NUMBERS))

    case = hitl.submit(a_task())

    assert case.record.final_output.model_extra == {"n": NUMBERS}
