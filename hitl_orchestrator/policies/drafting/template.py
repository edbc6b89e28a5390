"""The commented file of a first policy, drafted from answers and from past cases."""

import json
from collections.abc import Iterator, Sequence
from unicodedata import is_normalized

from pydantic_core import to_jsonable_python

from hitl_orchestrator.domain.shown.invisible_characters import escape_invisible
from hitl_orchestrator.domain.shown.numbers import plain_number
from hitl_orchestrator.policies.drafting.answers import Answers
from hitl_orchestrator.policies.drafting.observed import ObservedCases, ObservedField

_DECLARED = ("number", "text", "boolean", "list")
_MOST_FIELDS, _MOST_WORDS, _SHORT = 40, 8, 60


def template(answers: Answers, observed: ObservedCases | None = None) -> str:
    """Return the file of a first policy in YAML. It passes the check, and approves no more than was answered."""
    lines = [*_head(answers, observed), *_fields(answers, observed), *_rules(answers), ""]
    return "\n".join(lines)


def yaml_of(value: object) -> str:
    """Return a value as one-line YAML that our plain reader accepts."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return plain_number(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(yaml_of, value)) + "]"
    text = str(value)
    return text if text.isascii() and text.isidentifier() and text.lower() not in _NO_TEXT else _quoted(text)


_NO_TEXT = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n", "nan", "inf"})


def _quoted(text: str) -> str:
    """Return a text in quotation marks. Characters that YAML refuses, or that are invisible, are escaped."""
    written = json.dumps(text, ensure_ascii=False)
    return "".join(each if each.isprintable() else f"\\U{ord(each):08x}" for each in written)


def _head(answers: Answers, observed: ObservedCases | None) -> Iterator[str]:
    name = answers.policy_id
    yield f"# Routing policy, a draft to complete: {_line(answers.work or name)}"
    yield "#"
    yield "# The rule with the lowest priority is tried first, and the first one that matches decides."
    if observed is not None:
        yield "#"
        yield f"# Drafted from {observed.cases} past cases:"
        for title, words in (
            ("task types", observed.task_types),
            ("domains", observed.domains),
            ("risk levels", observed.risk_levels),
            ("proposed labels", observed.labels),
        ):
            yield f"#   {title}: {_counted(words)}"
    yield f"policy_id: {yaml_of(name)}"
    if answers.work:
        yield f"description: {_quoted(answers.work)}"
    yield ""


def _counted(words: Sequence[tuple[str, int]]) -> str:
    shown = ", ".join(f"{_line(word)} ({number})" for word, number in words[:_MOST_WORDS])
    more = f", and {len(words) - _MOST_WORDS} more" if len(words) > _MOST_WORDS else ""
    return f"{shown}{more}" if words else "none"


def _line(text: str) -> str:
    """Return a text for a comment: on one line, and not too long."""
    plain = escape_invisible(" ".join(text.split()))
    return plain if len(plain) <= _SHORT else f"{plain[: _SHORT - 3]}..."


def _fields(answers: Answers, observed: ObservedCases | None) -> Iterator[str]:
    amount = answers.amount
    yield "# The metadata fields that rules may read. A missing value, or one that does not fit its"
    yield "# declaration, is unknown and never lets a case go ahead."
    known = [] if observed is None else [each for each in observed.fields if amount is None or each.name != amount.name]
    usable = [each for each in known if each.kind in _DECLARED and is_normalized("NFC", each.name)][:_MOST_FIELDS]
    left_out = [each for each in known if each not in usable]
    if amount is None and not usable:
        yield "# metadata:"
        yield "#   amount: {type: number, min: 0, unit: EUR, required: true}"
    else:
        yield "metadata:"
    if amount is not None:
        unit = f", unit: {yaml_of(amount.unit)}" if amount.unit else ""
        yield f"  {yaml_of(amount.name)}: {{type: number, min: 0{unit}}}"
    for each in usable:
        yield f"  {yaml_of(each.name)}: {each.kind} # {_seen(each, observed)}"
    for each in left_out:
        yield f"  # {_line(each.name)}: not declared, {_why(each)}"
    yield ""


def _seen(field: ObservedField, observed: ObservedCases | None) -> str:
    missing = field.missing(observed.cases) if observed else 0.0
    of = f"missing in {missing:.1%}" if missing else "in every case"
    if field.least is not None and field.most is not None:
        return f"{plain_number(field.least)} to {plain_number(field.most)}, {of}"
    words = ", ".join(_line(word) for word in field.words)
    return f"{words}; {of}" if words else of


def _why(field: ObservedField) -> str:
    if field.kind == "mixed":
        return "its cases differ in type"
    return "there are too many" if field.kind in _DECLARED else f"its type is {field.kind}"


def _rules(answers: Answers) -> Iterator[str]:
    yield "rules:"
    yield from _rule("high_risk", 10, "{risk_level: high}", "Cases that can do most harm go to the senior role.")
    yield from _escalated(answers)
    amount = answers.amount
    if amount is not None:
        where = f"{{metadata: {{{yaml_of(amount.name)}: {{gt: {yaml_of(amount.escalate_above)}}}}}}}"
        yield from _rule("large_amount", 20, where, "Large cases, and those of which the amount is unknown.")
        yield from _escalated(answers)
    yield from _approval(answers)
    yield from _rule("everything_else", 90, "{}", "All other cases: unknown work, unsure or unusual.")
    yield "    action: human_review"
    yield f"    assigned_human_role: {yaml_of(answers.role)}"
    yield from _deadline(answers.respond_within)


def _rule(name: str, priority: int, conditions: str | None, comment: str) -> Iterator[str]:
    yield f"  # {comment}"
    yield f"  - rule_id: {name}"
    yield f"    priority: {priority}"
    if conditions is not None:
        yield f"    conditions: {conditions}"


def _escalated(answers: Answers) -> Iterator[str]:
    yield "    action: escalate"
    yield f"    assigned_human_role: {yaml_of(answers.senior_role)}"
    yield from _deadline(answers.escalated_within)


def _deadline(within: object) -> Iterator[str]:
    if within is not None:
        yield f"    respond_within: {duration_word(within)}"


def duration_word(within: object) -> str:
    """Return a duration as the policy language writes it, such as P1D or PT8H."""
    return str(to_jsonable_python(within))


def _approval(answers: Answers) -> Iterator[str]:
    if not answers.labels:
        yield "  # Nothing goes ahead without a person yet. A rule with the action auto_approve would change"
        yield "  # that; it should name all that makes a mistake cheap: type, label, risk, confidence, amount."
        return
    yield from _rule("small_and_sure", 30, None, "The only cases that go ahead without a person.")
    yield "    conditions:"
    yield f"      task_type: {yaml_of(answers.task_types)}"
    yield f"      domain: {yaml_of(answers.domains)}"
    if not answers.any_label:
        yield f"      proposal: {{predicted_label: {{in: {yaml_of(answers.labels)}}}}}"
    yield "      risk_level: low"
    yield f"      min_confidence: {yaml_of(answers.confidence)}"
    yield "      signals: {none: [low_confidence, ambiguous, unusual, risky]}"
    amount = answers.amount
    if amount is not None:
        yield f"      metadata: {{{yaml_of(amount.name)}: {{le: {yaml_of(amount.up_to)}}}}}"
    yield "    action: auto_approve"
    if answers.hold:
        yield f"    hold: {yaml_of(answers.hold)} # a person decides this share before it goes ahead"
    if answers.spot_check:
        yield f"    spot_check: {yaml_of(answers.spot_check)} # a person looks at this share afterwards"
