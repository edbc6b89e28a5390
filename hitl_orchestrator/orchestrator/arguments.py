"""The arguments of the facade: refused if they are of another type, and made into values where code writes mappings."""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from hitl_orchestrator.domain.enums import HumanDecision
from hitl_orchestrator.domain.input.parsing import did_you_mean, parse
from hitl_orchestrator.domain.review import Review
from hitl_orchestrator.domain.task import AgentOutput, Task
from hitl_orchestrator.domain.value import Value
from hitl_orchestrator.errors import InvalidInput, shortened
from hitl_orchestrator.review.people import People

__all__ = ["check_role", "checked_arguments", "output_of", "review_of", "roles_of", "task_of"]

Facade = TypeVar("Facade", bound=type)
Check = Callable[[Any], bool]

_NAMES = {str: "text", bool: "True or False", int: "a whole number", float: "a number", NoneType: "None"}
_PLAIN = (*_NAMES, Path, Mapping, datetime)


def check_role(role: str, people: People) -> None:
    """Refuse a role that no person has and that is not in the chain. Raises `InvalidInput` with a suggestion."""
    roles = roles_of(people)
    if role not in roles:
        roles_are = f"the roles are {', '.join(roles)}{did_you_mean(role, roles)}"
        raise InvalidInput([f"role: {role!r} is not a role of the people; {roles_are}"])


def roles_of(people: People) -> tuple[str, ...]:
    """Return all roles: those of the escalation chain, the lowest first, then other roles that reviewers hold."""
    return tuple(dict.fromkeys([*people.chain.roles, *(role for person in people for role in person.roles)]))


def checked_arguments(facade: Facade) -> Facade:
    """Make every public method refuse arguments that its annotations exclude, with `InvalidInput`.

    Only types are checked here; the meaning of a text or a number, such as the name of a decision, is checked where it
    is used, with a suggestion. An annotation that names
    anything else than plain types, enumerations, literals, values and callables leaves its argument alone; so do the
    numbers of a class method such as `open`, which are checked with their units.
    """
    for name, function in list(vars(facade).items()):
        if name.startswith("_"):
            continue
        if isinstance(function, classmethod):
            setattr(facade, name, classmethod(_checked(function.__func__, numbers=False)))
        elif inspect.isfunction(function):
            setattr(facade, name, _checked(function))
    return facade


def _checked(function: Callable[..., Any], *, numbers: bool = True) -> Callable[..., Any]:
    signature = inspect.signature(function)
    checks = {
        name: (check, _described(parameter.annotation))
        for name, parameter in signature.parameters.items()
        if (check := _check_of(parameter.annotation)) is not None
        and (numbers or not {int, float} & set(_members(parameter.annotation)))
    }
    names = list(signature.parameters)
    method = function.__name__

    @functools.wraps(function)
    def call(*args: Any, **named: Any) -> Any:
        given = dict(zip(names, args, strict=False)) | named
        wrong = [name for name in given if name in checks and not checks[name][0](given[name])]
        if wrong:
            shown = {name: shortened(repr(given[name])) for name in wrong}
            raise InvalidInput([f"{method}: {name}: {shown[name]} is not {checks[name][1]}" for name in wrong])
        return function(*args, **named)

    return call


def _check_of(annotation: Any) -> Check | None:
    """Return a check of the type of an argument; None for an annotation that is not checked here."""
    kinds = _members(annotation)
    checks = [_check_of_one(kind) for kind in kinds]
    if not kinds or None in checks:
        return None
    return lambda value: any(check(value) for check in checks if check is not None)


def _check_of_one(kind: Any) -> Check | None:
    plain, inner = get_origin(kind) or kind, get_args(kind)
    if plain is Literal:
        return _is_text if isinstance(inner[0], str) else lambda value: any(value is one for one in inner)
    if plain is Sequence:
        member = _check_of(inner[0])
        return member and (lambda value: isinstance(value, list | tuple) and all(map(member, value)))
    if plain is Callable:
        return callable
    is_checked = isinstance(plain, type) and (plain in _PLAIN or issubclass(plain, Enum | Value))
    return _check_of_type(plain) if is_checked else None


def _check_of_type(plain: type) -> Check:
    if plain in {int, float}:
        numbers = (int,) if plain is int else (int, float)
        return lambda value: isinstance(value, numbers) and not isinstance(value, bool)
    return _is_text if issubclass(plain, Enum) else lambda value: isinstance(value, plain)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _members(annotation: Any) -> tuple[Any, ...]:
    if annotation is inspect.Parameter.empty or isinstance(annotation, str):
        return ()
    return get_args(annotation) if get_origin(annotation) in {Union, UnionType} else (annotation,)


def _described(annotation: Any) -> str:
    """Return what an argument may be, for a sentence."""
    words: list[str] = []
    for kind in _members(annotation):
        plain = get_origin(kind) or kind
        if plain is Literal:
            words += map(repr, get_args(kind))
        elif plain is Sequence:
            words.append("a list of such as " + _described(get_args(kind)[0]))
        elif isinstance(plain, type) and issubclass(plain, Enum):
            words += [repr(member.value) for member in plain]
        else:
            words.append(_NAMES.get(plain) or _with_article(str(getattr(plain, "__name__", plain))))
    distinct = list(dict.fromkeys(words))
    return ", ".join(distinct[:-1]) + (" or " if len(distinct) > 1 else "") + distinct[-1]


def _with_article(name: str) -> str:
    return f"{'an' if name.startswith(tuple('AEIO')) else 'a'} {name}"


def task_of(task: Task | Mapping[str, Any], *, task_id: str | None = None) -> Task:
    """Return the task that a value or a mapping states; `task_id` is that of a mapping without one.

    Raises:
        InvalidInput: the mapping is not a task.
    """
    if isinstance(task, Task):
        return task
    return parse(Task, dict(task) if task_id is None else {"task_id": task_id, **task}, "task")


def output_of(output: AgentOutput | Mapping[str, Any] | None, task: Task, where: str = "output") -> AgentOutput | None:
    """Return the output that a value or a mapping states; a mapping need not repeat the id of the task.

    Raises:
        InvalidInput: the mapping is not an agent output.
    """
    if output is None or isinstance(output, AgentOutput):
        return output
    return parse(AgentOutput, {"task_id": task.task_id, **output}, where)


def review_of(decision: "Review | HumanDecision | str | None", **fields: object) -> Review:
    """Return the review that a decision and its fields make; fields that are None or empty are left out.

    Raises:
        InvalidInput: the decision is missing or unknown, or a `Review` comes together with separate fields.
    """
    stated = {name: value for name, value in fields.items() if value is not None and value != ""}
    if isinstance(decision, Review):
        if stated:
            raise InvalidInput([f"decide: {', '.join(sorted(stated))}: put these into the Review"])
        return decision
    if decision is None:
        raise InvalidInput([f"decide: decision: missing; one of {', '.join(HumanDecision)}"])
    if isinstance(output := stated.get("modified_output"), Mapping):
        stated["modified_output"] = dict(output)
    return parse(Review, {"human_decision": decision, **stated}, "decide")
