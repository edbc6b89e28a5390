"""Task ids that are reserved for the system's own tasks: policy changes and spot checks."""

import re
from hashlib import sha256

_POLICY_CHANGE, _SPOT_CHECK = "policy-change-", "spot check"
_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
# No common id has this length: an ObjectId has 24 digits, a UUID 32.
_DIGITS = 22
_RESERVED = re.compile(f"{_POLICY_CHANGE}{_UUID}|task-[0-9a-f]{{{_DIGITS}}}")


def policy_change_id(case_id: str) -> str:
    """Return the id of the task for the policy change that this case decides."""
    return f"{_POLICY_CHANGE}{case_id}"


def spot_check_id(case_id: str) -> str:
    """Return the id of the spot-check task of a case. It looks like an ordinary task id."""
    return f"task-{sha256(f'{_SPOT_CHECK}{chr(10)}{case_id}'.encode()).hexdigest()[:_DIGITS]}"


def is_reserved(task_id: str) -> bool:
    """Return whether an id has a form that is reserved for the system's own tasks, existing or not."""
    return _RESERVED.fullmatch(task_id) is not None
