"""The number of calls of a classifier that fails, by a number or by LangGraph's policy."""

import math
from itertools import count

import pytest
from langgraph.types import RetryPolicy
from support.builders import a_task, an_output

from hitl_orchestrator import InvalidInput

AT_ONCE = {"initial_interval": 0, "jitter": False}


@pytest.fixture
def calls(opened):
    """Submit a task whose classifier fails with these errors, and return the number of calls and the case."""

    def submit(policy, *errors):
        numbers, left = count(1), list(errors)

        def classify(task):
            calls.append(next(numbers))
            if left:
                raise left.pop(0)
            return an_output(task.task_id)

        calls = []
        case = opened("memory://", classifier=classify, classifier_attempts=policy).submit(a_task())
        return len(calls), case.status

    return submit


@pytest.mark.parametrize(
    ("policy", "error", "expected"),
    [
        (RetryPolicy(max_attempts=3, **AT_ONCE), ConnectionError(), (3, "approved")),
        (RetryPolicy(max_attempts=2, **AT_ONCE), ConnectionError(), (2, "waiting")),
        (RetryPolicy(max_attempts=3, **AT_ONCE), ValueError(), (1, "waiting")),
        (RetryPolicy(max_attempts=3, retry_on=ValueError, **AT_ONCE), ValueError(), (3, "approved")),
        (RetryPolicy(max_attempts=3, retry_on=[OSError, ValueError], **AT_ONCE), ValueError(), (3, "approved")),
        (RetryPolicy(max_attempts=3, retry_on=lambda exc: True, **AT_ONCE), ValueError(), (3, "approved")),
        (RetryPolicy(max_attempts=3, retry_on=lambda exc: exc.missing, **AT_ONCE), ValueError(), (1, "waiting")),
        (RetryPolicy(max_attempts=3, retry_on=lambda exc: True, **AT_ONCE), SystemExit(), (1, "waiting")),
        (RetryPolicy(max_attempts=3, initial_interval=1e-9, jitter=False), ConnectionError(), (3, "approved")),
        (3, ValueError(), (3, "approved")),
    ],
)
def test_a_policy_says_which_errors_are_worth_another_call(calls, policy, error, expected):
    assert calls(policy, error, error) == expected


@pytest.mark.parametrize(
    ("policy", "match"),
    [
        (RetryPolicy(max_attempts=0), r"max_attempts: 0 is not in \[1, 10\]"),
        (RetryPolicy(max_attempts=True), "max_attempts: True is not in"),
        (RetryPolicy(initial_interval=-1), r"initial_interval: -1 is not in \[0, 86400\]"),
        (RetryPolicy(max_interval=math.inf), "max_interval: inf is not in"),
        (RetryPolicy(backoff_factor=math.nan), r"backoff_factor: nan is not in \[1, 100\]"),
        (RetryPolicy(retry_on="ValueError"), "retry_on: 'ValueError' is neither a class of errors"),
        (RetryPolicy(retry_on=[5]), r"retry_on: \[5\] is neither a class of errors"),
        ((1, 2), r"classifier_attempts: \(1, 2\) is not a RetryPolicy"),
    ],
)
def test_an_unusable_policy_is_refused(opened, policy, match):
    with pytest.raises(InvalidInput, match=match):
        opened("memory://", classifier=an_output, classifier_attempts=policy)
