"""A case that two drive at once, with an agent that answers differently each time, goes one way only."""

from support.builders import a_review, a_task

from hitl_orchestrator import AgentOutput, Orchestrator


def answering(*confidences, meanwhile):
    """Return a classifier with another confidence each time, that lets others drive the case while it thinks."""
    left = list(confidences)

    def classify(task):
        confidence = left.pop(0)
        if left:
            meanwhile()
        proposed = {"predicted_label": "Refund"}
        return AgentOutput(task_id=task.task_id, agent_output=proposed, confidence_score=confidence)

    return classify


def test_the_second_runner_returns_the_result_of_the_first():
    classifier = answering(0.95, 0.1, meanwhile=lambda: hitl.recover() and None)
    with Orchestrator.open("memory://", classifier=classifier, lease=0) as hitl:  # another worker may take it over
        case = hitl.submit(a_task())

        assert case.status == "waiting"
        assert hitl.decide(task_id="task-1", decision=a_review("reject", "domain_reviewer")).status == "rejected"
