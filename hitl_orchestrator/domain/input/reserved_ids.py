"""Task ids that are reserved for the system's own tasks: changes of policy and people, and spot checks."""

import re
from hashlib import sha256

_SPOT_CHECK = "spot check"
_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
# No common id has this length: an ObjectId has 24 digits, a UUID 32.
_DIGITS = 22
_RESERVED = re.compile(f"(?:policy|people)-change-{_UUID}|task-[0-9a-f]{{{_DIGITS}}}")


def change_id(task_type: str, case_id: str) -> str:
    """Return the id of the task for the change of policy or people that this case decides."""
    return f"{task_type.replace('_', '-')}-{case_id}"


def spot_check_id(case_id: str) -> str:
    """Return the id of the spot-check task of a case. It looks like an ordinary task id."""
    return f"task-{sha256(f'{_SPOT_CHECK}{chr(10)}{case_id}'.encode()).hexdigest()[:_DIGITS]}"


def is_reserved(task_id: str) -> bool:
    """Return whether an id has a form that is reserved for the system's own tasks, existing or not."""
    return _RESERVED.fullmatch(task_id) is not None
