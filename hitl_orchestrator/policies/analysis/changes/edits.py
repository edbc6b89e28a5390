"""What was edited between two policies, in words, such as `small_low: amount <= 2000 became <= 3000`.

Every field of a rule and of a policy is compared by its path, so that a field that is added to the language is named
here without a change of this module.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from hitl_orchestrator.domain.shown.durations import exact_duration
from hitl_orchestrator.policies.language.asking import REMARKS
from hitl_orchestrator.policies.language.model import ORGANIZATION, Policy
from hitl_orchestrator.policies.language.phrases import MOST_NAMED, format_value, join, join_some
from hitl_orchestrator.policies.language.rule import Rule

_OPERATORS = {"eq": "is", "ne": "is not", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "in": "in", "exists": "exists"}
_OPERATORS |= {"starts_with": "starts with", "contains": "contains"}
_UNSAID = ("conditions", "metadata")
"""The steps of a path that a reader does not need."""
_BRANCHES = ("all", "any", "at_least", "of")
_OF_LAYERS = {"rules", "domains", "users", "policy_id", "description"}
_ON_CLOCKS = {"timezone", "holidays"}
_PERCENT = ("spot_check", "hold")
_Path = tuple[str, ...]


class Edit(NamedTuple):
    """One edited rule, or one edited declaration of a layer, for which `rule_id` is None.

    `moves` are the rules that may match other cases since, or come at another place: the edited rule, unless only its
    answer changed, or the rules that read the declaration.
    """

    layer: str
    rule_id: str | None
    text: str
    moves: frozenset[str] = frozenset()


def edits(old: Policy, new: Policy) -> list[Edit]:
    """Return the edits that lead from one policy to another, by layer and in the order of the rules."""
    before, after = dict(old.parts), dict(new.parts)
    found: list[Edit] = []
    for name in dict.fromkeys((*before, *after)):
        of = "" if name == ORGANIZATION else f" ({name})"
        changes = list(_in_layer(before.get(name), after.get(name)))
        found += [Edit(name, rule_id, f"{text}{of}", frozenset(moves)) for rule_id, text, moves in changes]
    return found


def _in_layer(old: Policy | None, new: Policy | None) -> Iterator[tuple[str | None, str, set[str]]]:
    before = {} if old is None else {rule.rule_id: rule for rule in old.by_priority}
    after = {} if new is None else {rule.rule_id: rule for rule in new.by_priority}
    if old is not None and new is not None:
        yield from _declared(old, new)
    if old is not None and new is None:
        yield None, f"the layer is removed, with {join_some(before, 'and') or 'no rule'}", {*before}
        return
    # In the order of the rules, so that the same change is always stated in the same words.
    renamed = {
        now: was
        for now in after
        for was in before
        if now not in before and was not in after and _body(before[was]) == _body(after[now])
    }
    moved = _moved([*before], [*after])
    for name, rule in after.items():
        if name in renamed:
            yield name, f"{name} is the new name of {renamed[name]}", {name}
        elif name not in before:
            yield name, f"{name} is new: {_written(rule)}", {name}
        else:
            changes = [*_changes(_body(before[name]), _body(rule)), *([moved[name]] if name in moved else [])]
            if changes:
                moves = name in moved or _matching(before[name]) != _matching(rule)
                yield name, f"{name}: {', '.join(changes)}", {name} if moves else set()
    for name in before:
        if name not in after and name not in renamed.values():
            yield name, f"{name} is removed", {name}


def _declared(old: Policy, new: Policy) -> Iterator[tuple[None, str, set[str]]]:
    """Yield each edited declaration with the rules that read it."""
    before, after = _declarations(old), _declarations(new)
    for path in dict.fromkeys((*after, *before)):
        changes = list(_changes(before.get(path, {}), after.get(path, {})))
        if changes:
            yield None, ", ".join(changes), {*_readers(old, path[-1]), *_readers(new, path[-1])}


def _declarations(policy: Policy) -> dict[_Path, dict[str, Any]]:
    """Return each declaration by its path, such as `lists blocked`."""
    found: dict[_Path, dict[str, Any]] = {}
    for field, value in policy.model_dump(exclude=_OF_LAYERS).items():
        if isinstance(value, Mapping):
            found |= {(field, str(name)): {field: {name: inner}} for name, inner in value.items()}
        else:
            found[(field,)] = {field: value}
    return found


def _readers(policy: Policy, name: str) -> Iterator[str]:
    """Yield the rules that read a declaration, also by what is calculated from it."""
    calculated = policy.model_dump(mode="json", include={"history", "derived"})
    of = {fact: _words(value) for declared in calculated.values() for fact, value in declared.items()}
    for rule in policy.rules:
        read = _words(rule.model_dump(mode="json", include={"conditions"}, exclude_defaults=True))
        read |= _ON_CLOCKS if read & {"time", "date"} or rule.valid_from or rule.valid_until else set()
        for _ in of:
            read |= {word for fact in read & of.keys() for word in of[fact]}
        if name in read:
            yield rule.rule_id


def _words(value: Any) -> set[str]:
    return set(re.findall(r"\w+", json.dumps(value, ensure_ascii=False)))


def _matching(rule: Rule) -> dict[str, Any]:
    """Return what states which cases a rule matches. A list is there by its name: its values are a declaration."""
    return rule.model_dump(include={"conditions", "valid_from", "valid_until"})


def _body(rule: Rule) -> dict[str, Any]:
    """Return what a rule states; what happens at the timeout only where there is a time to answer."""
    unread = set() if rule.respond_within is not None else {"on_timeout"}
    return rule.model_dump(exclude={"rule_id", "priority", *REMARKS, *unread})


def _written(rule: Rule) -> str:
    """Return what a new rule states, in the words of the edits."""
    fields = rule.model_dump(exclude={"rule_id", "priority", "action", *REMARKS}, exclude_defaults=True)
    stated = [_phrase(path, value) for path, value in _leaves(fields)]
    return ", ".join([rule.action, *stated])


def _moved(old: list[str], new: list[str]) -> dict[str, str]:
    """Return the rules whose place among the others changed, each with its new place."""
    common = [name for name in old if name in set(new)]
    now = [name for name in new if name in set(old)]
    blocks = SequenceMatcher(None, common, now, autojunk=False).get_matching_blocks()
    kept = {name for block in blocks for name in now[block.b : block.b + block.size]}
    places = {name: new.index(name) for name in now if name not in kept}
    return {name: f"now comes after {new[place - 1]}" if place else "now comes first" for name, place in places.items()}


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    before, after = dict(_leaves(old)), dict(_leaves(new))
    gone = {path: value for path, value in before.items() if path not in after}
    for path, value in after.items():
        if path in before:
            if before[path] != value or isinstance(before[path], bool) is not isinstance(value, bool):
                yield _became(path, before[path], value)
            continue
        replaced = [each for each in gone if each[:-1] == path[:-1] and {each[-1], path[-1]} <= _OPERATORS.keys()]
        if replaced:
            was = gone.pop(replaced[0])
            yield f"{_phrase(replaced[0], was)} became {_relation(path, value)}"
        else:
            yield f"{_phrase(path, value)} was added"
    for path, value in gone.items():
        yield f"{_phrase(path, value)} was removed"


def _leaves(value: Any, path: _Path = ()) -> Iterator[tuple[_Path, Any]]:
    """Yield every value with its path. A list of plain values is one value; empty values and None are left out."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            # The values of a list say what the hash of its file says.
            if not (path[:1] == ("lists",) and name == "sha256"):
                yield from _leaves(inner, (*path, str(name)))
    elif isinstance(value, list | tuple) and any(isinstance(inner, Mapping) for inner in value):
        for place, inner in enumerate(value, start=1):
            yield from _leaves(inner, (*path, str(place)))
    elif value is not None and value not in ((), [], {}):
        yield path, value


def _became(path: _Path, old: Any, new: Any) -> str:
    if isinstance(old, list | tuple) and isinstance(new, list | tuple):
        # A list may be thousands long, and true is no 1.
        was, now = ({(isinstance(each, bool), each) for each in values} for values in (old, new))
        added = [each for each in new if (isinstance(each, bool), each) not in was]
        removed = [each for each in old if (isinstance(each, bool), each) not in now]
        parts = [("gained", added), ("lost", removed)]
        named = [f"{verb} {join_some(map(format_value, each), 'and')}" for verb, each in parts if each]
        return f"{_name(path)} {join(named, 'and') if named else 'lists the same values in another way'}"
    return f"{_phrase(path, old)} became {_relation(path, new)}"


def _phrase(path: _Path, value: Any) -> str:
    return f"{_name(path)} {_relation(path, value)}"


def _name(path: _Path) -> str:
    steps: list[str] = []
    for step in path:
        if step.isdecimal() and steps and steps[-1] in _BRANCHES:
            # The place of a branch says nothing to a reader; its comparison does.
            while steps and steps[-1] in _BRANCHES:
                steps.pop()
        elif path[0] != _UNSAID[0] or step not in _UNSAID:
            steps.append(step)
    words = [step.rstrip("_") for step in (steps[:-1] if steps[-1] in _OPERATORS and len(steps) > 1 else steps)]
    return " ".join(words) or path[-1]


def _relation(path: _Path, value: Any) -> str:
    """Return the operator, if there is one, and the value."""
    shown = value_in_words(path[-1], value)
    return f"{_OPERATORS[path[-1]]} {shown}" if path[-1] in _OPERATORS and len(path) > 1 else shown


def value_in_words(name: str, value: Any) -> str:
    """Return the value of a field of a rule as a reader expects it: `2 days`, `5 %`, `a, b`, `none`."""
    if value is None:
        return "none"
    if isinstance(value, timedelta):
        return exact_duration(value)
    if isinstance(value, list | tuple | set | frozenset):
        words = [format_value(each) for each in value]
        shown = join_some(words, "and") if len(words) > MOST_NAMED else ", ".join(words)
        return f"[{shown}]" if words else "none"
    if name in _PERCENT and isinstance(value, int | float):
        return f"{100 * value:.10g} %"
    if isinstance(value, str) and not value.replace("_", "a").isalnum():
        return f"'{' '.join(value.split())}'"
    return format_value(value)
