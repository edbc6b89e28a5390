"""An evaluation of policies written from the reference alone, without the engine: one function for each condition.

It reads the policy as JSON. A condition holds (True), fails (False) or is unknown (None).
"""

from zoneinfo import ZoneInfo

ORDER = {
    "eq": lambda value, other: value == other,
    "ne": lambda value, other: value != other,
    "lt": lambda value, other: value < other,
    "le": lambda value, other: value <= other,
    "gt": lambda value, other: value > other,
    "ge": lambda value, other: value >= other,
    "in": lambda value, others: value in others,
}
OF_OUTPUT = {"proposal", "agent"}
CALCULATED = {"history", "derived"}
TEXTS = {"proposal": ("predicted_label", "explanation"), "agent": ("id", "model", "version")}
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def deciding_rule(policy, facts):
    """Return the id of the rule that decides; `fallback` where none matches."""
    for rule in sorted(policy["rules"], key=lambda rule: rule["priority"]):
        period = {"from": rule.get("valid_from"), "until": rule.get("valid_until")}
        valid = date({name: day for name, day in period.items() if day is not None}, policy, facts)
        verdict = every([conditions_hold(rule["conditions"], policy, facts), valid])
        approves = rule["action"] == "auto_approve"
        ready = facts.has_proposal and facts.confidence is not None
        if verdict is True and (ready or not approves):
            return rule["rule_id"]
        if verdict is None and not approves:
            return rule["rule_id"]
    return "fallback"


def conditions_hold(conditions, policy, facts):
    return every(CONDITIONS[name](value, policy, facts) for name, value in conditions.items())


def every(verdicts):
    verdicts = list(verdicts)
    return False if False in verdicts else None if None in verdicts else True


def some(verdicts):
    verdicts = list(verdicts)
    return True if True in verdicts else None if None in verdicts else False


def opposite(verdict):
    return None if verdict is None else not verdict


def listed(words):
    return words if isinstance(words, list) else [words]


def signals(asked, policy, facts):
    named = asked if isinstance(asked, dict) else {"any": asked}
    raised = {signal.value for signal in facts.signals}
    return all(
        {
            "any": any(word in raised for word in listed(words)),
            "all": all(word in raised for word in listed(words)),
            "none": not any(word in raised for word in listed(words)),
        }[how]
        for how, words in named.items()
    )


def compares(source):
    def hold(fields, policy, facts):
        return every(field_holds(source, name, asked, policy, facts) for name, asked in fields.items())

    return hold


def field_holds(source, name, asked, policy, facts):
    given = {} if source in OF_OUTPUT and not facts.has_proposal else getattr(facts, source)
    declared = policy.get(source, {}).get(name) or ("text" if name in TEXTS.get(source, ()) else None)
    declared = {"type": declared} if isinstance(declared, str) else declared
    declared = {"type": "number"} if source in CALCULATED else declared
    if not isinstance(asked, dict):
        asked = {"in": listed(asked)}
    there, value = look_up(given, name)
    usable = there and fits(value, declared)
    return every(operator_holds(how, operand, there, usable, value) for how, operand in asked.items())


def operator_holds(how, operand, there, usable, value):
    if how == "exists":
        return there is operand
    if not usable:
        return None
    if how == "starts_with":
        return any(value.startswith(word) for word in listed(operand))
    if how == "contains":
        return any(word in value for word in listed(operand))
    return ORDER[how](value, operand)


def look_up(given, name):
    """Return whether there is a value, and the value; one of no type where a path and a plain field contradict."""
    parts = name.split(".")
    nested = given.get(parts[0]) if len(parts) > 1 else None
    if not isinstance(nested, dict):
        return given.get(name) is not None, given.get(name)
    if name in given:
        return True, object()
    value = given
    for part in parts:
        value = value.get(part) if isinstance(value, dict) else None
    return value is not None, value


def fits(value, declared):
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    of_type = {
        "number": is_number,
        "text": isinstance(value, str),
        "boolean": isinstance(value, bool),
        "list": isinstance(value, list) and all(isinstance(each, str) for each in value),
    }[declared["type"]]
    if not of_type or ("values" in declared and value not in declared["values"]):
        return False
    return declared.get("min", value) <= value <= declared.get("max", value) if is_number else True


def minutes(clock):
    hours, _, rest = clock.partition(":")
    return int(hours) * 60 + int(rest)


def local_time(asked, policy, facts):
    moment = facts.moment if asked.get("of") == "task" else facts.received
    return None if moment is None else moment.astimezone(ZoneInfo(policy.get("timezone", "UTC")))


def date(period, policy, facts):
    if not period:
        return True
    local = local_time(period, policy, facts)
    if local is None:
        return None
    day, holidays = local.date().isoformat(), policy.get("holidays", ())
    verdicts = [period.get("from", day) <= day <= period.get("until", day)]
    if "holiday" in period:
        is_known = any(each[:4] == day[:4] for each in holidays)
        verdicts.append((day in holidays) is period["holiday"] if is_known else None)
    return every(verdicts)


def at_least(asked, policy, facts):
    verdicts = [conditions_hold(part, policy, facts) for part in asked["of"]]
    if verdicts.count(True) >= asked["n"]:
        return True
    return False if verdicts.count(False) > len(verdicts) - asked["n"] else None


def time(window, policy, facts):
    local = local_time(window, policy, facts)
    if local is None:
        return None
    now, day = local.hour * 60 + local.minute, local.weekday()
    begins, ends = minutes(window.get("begins", "00:00")), minutes(window.get("ends", "24:00"))
    days = [DAYS.index(each) for each in listed(window.get("days", [*DAYS]))]
    if begins < ends:
        return day in days and begins <= now < ends
    return (day in days and now >= begins) or ((day - 1) % 7 in days and now < ends)


CONDITIONS = {
    "risk_level": lambda words, policy, facts: facts.risk_level.value in listed(words),
    "domain": lambda words, policy, facts: facts.domain in listed(words),
    "task_type": lambda words, policy, facts: facts.task_type in listed(words),
    "min_confidence": lambda bound, policy, facts: facts.confidence is not None and facts.confidence >= bound,
    "max_confidence": lambda bound, policy, facts: facts.confidence is not None and facts.confidence < bound,
    "signals": signals,
    "metadata": compares("metadata"),
    "proposal": compares("proposal"),
    "agent": compares("agent"),
    "history": compares("history"),
    "derived": compares("derived"),
    "time": time,
    "date": date,
    "at_least": at_least,
    "all": lambda parts, policy, facts: every(conditions_hold(part, policy, facts) for part in parts),
    "any": lambda parts, policy, facts: some(conditions_hold(part, policy, facts) for part in parts),
    "not": lambda part, policy, facts: opposite(conditions_hold(part, policy, facts)),
}
