"""The task ids that a store gives itself, so that what it asks people of its own accord has one case each. Pure."""

import re
from hashlib import sha256

_POLICY_CHANGE, _SPOT_CHECK = "policy-change-", "spot check"
_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
# As many digits as no common id has: an ObjectId has 24, a UUID 32.
_DIGITS = 22
_KEPT = re.compile(f"{_POLICY_CHANGE}{_UUID}|task-[0-9a-f]{{{_DIGITS}}}")


def policy_change_id(case_id: str) -> str:
    """Return the id of the task by which a change of the policy is decided in this case."""
    return f"{_POLICY_CHANGE}{case_id}"


def spot_check_id(case_id: str) -> str:
    """Return the id of the task by which a case is looked at afterwards: one case, one task. Nobody can tell it is."""
    return f"task-{sha256(f'{_SPOT_CHECK}{chr(10)}{case_id}'.encode()).hexdigest()[:_DIGITS]}"


def is_kept(task_id: str) -> bool:
    """Whether an id has a form that only the store itself gives, whether or not there is such a task."""
    return _KEPT.fullmatch(task_id) is not None
