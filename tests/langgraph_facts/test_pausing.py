"""The effects of `interrupt` on the calling node and the waiting thread."""

import pytest
from langgraph.errors import EmptyInputError
from langgraph.types import Command, interrupt


def human_review(state):
    return {"review": interrupt("approve?")}


def act(state):
    return {"outcome": f"did {state['review']}"}


def test_a_node_that_catches_exception_swallows_its_own_interrupt(line, thread):
    def careless_review(state):
        try:
            return {"review": interrupt("approve?")}
        except Exception:  # noqa: BLE001
            return {"review": "no review"}

    graph = line(careless_review, act)
    result = graph.invoke({"task": "refund"}, thread)

    assert result == {"task": "refund", "review": "no review", "outcome": "did no review"}
    assert graph.get_state(thread).interrupts == ()


def test_everything_before_the_interrupt_runs_again_on_resume(line, thread):
    before, after = [], []

    def busy_review(state):
        before.append("asked")
        review = interrupt("approve?")
        after.append(review)
        return {"review": review}

    graph = line(busy_review)
    graph.invoke({"task": "refund"}, thread)
    graph.invoke(Command(resume="approve"), thread)

    assert (before, after) == (["asked", "asked"], ["approve"])


def test_without_a_checkpointer_an_interrupt_never_resumes(line_on, thread):
    graph = line_on(human_review, act, checkpointer=None)

    result = graph.invoke({"task": "refund"}, thread)

    assert [each.value for each in result["__interrupt__"]] == ["approve?"]
    with pytest.raises(RuntimeError, match="without checkpointer"):
        graph.invoke(Command(resume="approve"), thread)


def test_a_misspelled_key_returned_by_a_node_is_dropped_silently(line, thread):
    def misspelled(state):
        return {"task": "refund", "reveiw": "reject"}

    assert line(misspelled).invoke({"task": "refund"}, thread) == {"task": "refund"}


def test_a_node_returning_only_a_misspelled_key_raises_no_error(line, thread):
    def misspelled(state):
        return {"reveiw": "reject"}

    assert line(misspelled).invoke({"task": "refund"}, thread) == {"task": "refund"}


def test_a_reused_thread_keeps_the_review_of_the_task_before(line, thread):
    def ask_unless_reviewed(state):
        return {} if "review" in state else {"review": interrupt("approve?")}

    graph = line(ask_unless_reviewed, act)
    graph.invoke({"task": "small refund"}, thread)
    graph.invoke(Command(resume="approve"), thread)

    result = graph.invoke({"task": "large refund"}, thread)

    assert result == {"task": "large refund", "review": "approve", "outcome": "did approve"}


def test_new_input_on_a_waiting_thread_interrupts_again_without_an_error(line, thread):
    def review_of_task(state):
        return {"review": interrupt(f"approve {state['task']}?")}

    graph = line(review_of_task, act)
    graph.invoke({"task": "small refund"}, thread)
    graph.invoke({"task": "large refund"}, thread)

    result = graph.invoke(Command(resume="approve"), thread)

    assert result == {"task": "large refund", "review": "approve", "outcome": "did approve"}


def test_a_renamed_node_ends_a_waiting_thread_silently(line, thread):
    line(human_review, act).invoke({"task": "refund"}, thread)

    def review_by_a_person(state):
        return {"review": interrupt("approve?")}

    renamed = line(review_by_a_person, act)
    assert renamed.get_state(thread).interrupts == ()
    assert renamed.get_state(thread).next == ()

    result = renamed.invoke(Command(resume="approve"), thread)

    assert result == {"task": "refund"}


def test_a_resume_of_a_deleted_thread_interrupts_for_an_empty_case(line, saver, thread):
    graph = line(human_review, act)
    graph.invoke({"task": "refund"}, thread)
    saver.delete_thread("case-1")
    assert list(saver.list(thread)) == []

    result = graph.invoke(Command(resume="approve"), thread)

    assert set(result) == {"__interrupt__"}
    assert [each.value for each in graph.get_state(thread).interrupts] == ["approve?"]
    assert graph.get_state(thread).values == {}


def test_resuming_a_deleted_thread_without_input_is_an_error(line, saver, thread):
    graph = line(human_review, act)
    graph.invoke({"task": "refund"}, thread)
    saver.delete_thread("case-1")

    with pytest.raises(EmptyInputError):
        graph.invoke(None, thread)
