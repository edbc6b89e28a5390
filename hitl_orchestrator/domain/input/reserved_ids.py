"""Ids of the questions of the system, whose form is reserved, and of spot checks, formed like long ids of tasks."""

import re
from hashlib import sha256

_SPOT_CHECK = "spot check"
_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_RESERVED = re.compile(f"(?:(?:policy|people)-change|execution-check)-{_UUID}")
_DRAWN, _LONGEST = 12, 200
_HEXADECIMAL, _DECIMAL = re.compile(f"[0-9a-f]{{{_DRAWN}}}$"), re.compile("[0-9]*$")


def change_id(task_type: str, case_id: str) -> str:
    """Return the id of the task for the change of policy or people, or of the question, that this case decides."""
    return f"{task_type.replace('_', '-')}-{case_id}"


def spot_check_id(case_id: str, task_id: str, salt: str = "") -> str:
    """Return an id for the spot-check task of a case, in the form of the id of its own task.

    The last twelve digits are drawn from the case id: those of a UUID, a hash or a long number, or else the number at
    the end, made longer: a shorter one might be the next id of a submitter. With a `salt` the id cannot be predicted.
    """
    drawn = sha256(f"{_SPOT_CHECK}\n{case_id}\n{salt}".encode()).hexdigest()
    decimals = str(int(drawn, 16))[-_DRAWN:]
    if not _HEXADECIMAL.search(task_id):
        stem = _DECIMAL.sub("", task_id)[: _LONGEST - _DRAWN - 1]
        return stem + decimals if stem != task_id[: _LONGEST - _DRAWN - 1] else f"{stem}-{decimals}"
    tail = task_id[-_DRAWN:]
    return task_id[:-_DRAWN] + (decimals if tail.isdecimal() else drawn[:_DRAWN])


def is_reserved(task_id: str) -> bool:
    """Return whether an id has a form that is reserved for the system's own tasks, existing or not."""
    return _RESERVED.fullmatch(task_id) is not None
