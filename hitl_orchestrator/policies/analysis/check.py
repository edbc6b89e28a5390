"""What is odd about a policy that can be read: rules that never decide, that disagree, or that let too much through.

Exact over the cells of the policy (see `diagram`): what is found is so, and nothing of these kinds is missed. A policy
that is too entangled for that is told so, and then what is found is still so.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from hitl_orchestrator.domain.enums import Action, RiskLevel
from hitl_orchestrator.domain.input.parsing import did_you_mean
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN, RoleChain
from hitl_orchestrator.domain.task import REQUESTED_BY
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies.analysis.decision_diagram import FALLBACK_INDEX, Diagram, deciding
from hitl_orchestrator.policies.analysis.describe import EVERY_CASE, join, join_some, say
from hitl_orchestrator.policies.analysis.findings import Finding, FindingKind, Severity, plain
from hitl_orchestrator.policies.analysis.layer_scope import concerning, held_where_asked, region_of, space_of, whole
from hitl_orchestrator.policies.analysis.monotonicity import Against, leniencies, told
from hitl_orchestrator.policies.analysis.regions import both, boxes, merged, surely_holds_somewhere
from hitl_orchestrator.policies.engine.partition import FactSpace, Region
from hitl_orchestrator.policies.language.conditions import Comparison, Conditions
from hitl_orchestrator.policies.language.model import ORGANIZATION, Policy, PolicyStack, Rule, too_few_roles

__all__ = ["Finding", "FindingKind", "Severity", "check"]

_Part = TypeVar("_Part")
_MOST_GAPS = 5
_MOST_REGIONS = 2_000
_NOT_WHAT_IT_DOES = {"rule_id", "priority", "conditions"}
_AT_ZERO = 1 << 2


def check(policy: Policy, roles: RoleChain = DEFAULT_CHAIN) -> list[Finding]:
    """Return what is odd about a policy, rule by rule in the order they are tried, then about the whole.

    The layers of a `PolicyStack` are looked at one by one, each by itself.
    """
    if not isinstance(policy, PolicyStack):
        return check_layer(policy, roles)
    found: list[Finding] = []
    for name, layer in policy.parts:
        for one in check_layer(layer, roles, name):
            found.append(one.model_copy(update={"layer": name, "sentence": f"{name}: {one.sentence}"}))
    return found


def check_layer(policy: Policy, roles: RoleChain = DEFAULT_CHAIN, layer: str = ORGANIZATION) -> list[Finding]:
    """Return what is odd about one layer by itself. All but the organization's are silent where no rule holds."""
    return list(findings_about(Part(policy, layer), roles))


class Part:
    """A policy, or one layer of it, which is silent where none of its rules holds.

    Its boxes and its diagram, in the space of `like`, may be known already.
    """

    def __init__(
        self,
        policy: Policy,
        layer: str,
        like: "Part | None" = None,
        known: tuple[list[list[Region]], Diagram[int]] | None = None,
    ) -> None:
        self.policy, self.rules, self.layer = policy, policy.by_priority, layer
        self.silent = layer != ORGANIZATION
        self.space: FactSpace = space_of(layer, policy) if like is None else like.space
        self.region = region_of(layer, self.space)
        self.diagram: Diagram[int] | None = None
        self.why_not, self.work = "", 0
        if known is not None:
            self.boxes, self.diagram = known
            return
        self.boxes = held_where_asked(layer, policy, self.space)
        try:
            # Where a layer is not asked it is as silent as where none of its rules holds.
            found = deciding(self.space, [self.boxes])
            self.diagram, self.work = found.told_as(lambda places: places[0]), found.work
        except InvalidInput as exc:
            self.why_not = "; ".join(exc.problems)

    @property
    def asked_about(self) -> str:
        """What a layer is asked about, and the condition that may name something else."""
        kind, _, name = self.layer.partition(" ")
        if kind == "domain":
            return f"{name} alone, and domain names another"
        return f"what {name} requests alone, and metadata.{REQUESTED_BY} names another"

    def whole(self, box: Region) -> Region:
        """Return a box as it is said of the layer."""
        return whole(box, self.region, self.space)

    def example(self, place: int, wanted: Callable[[int], bool], within: Region | None = None) -> Region | None:
        """Return a box in which the rule at this place holds and what decides is wanted; None where there is none."""
        if self.diagram is None:
            return None
        for box in self.boxes[place]:
            cut = box if within is None else both(box, within)
            region = None if cut is None else self.diagram.example(wanted, cut)
            if region is not None:
                return region.box
        return None

    def shown(self, box: Region) -> dict[str, Any]:
        """Return a case of a box."""
        return plain(concerning(self.layer, self.space.sample(box)))


def findings_about(part: Part, roles: RoleChain) -> Iterator[Finding]:
    """Yield what is odd about a part of a policy."""
    more_lenient = list(not_monotone(part))
    for place, rule in enumerate(part.rules):
        yield from _strangers(rule, roles)
        yield from _never_enough(rule, roles)
        if part.boxes[place]:
            yield from _only_where_unknown(place, part)
            yield from _hidden(place, part)
        else:
            yield from _contradiction(rule, part)
        yield from _conflicts(place, part)
        yield from _approves_too_much(place, part)
        yield from (one for one in more_lenient if one.rule_id == rule.rule_id)
    yield from (one for one in more_lenient if one.rule_id is None)
    yield from _left_to_the_fallback(part)
    if part.diagram is None:
        sentence = f"{part.why_not}; gaps, monotonicity and rules that disagree were not looked for"
        yield Finding(severity=Severity.NOTE, rule_id=None, kind=FindingKind.UNCHECKED, sentence=sentence)


def _strangers(rule: Rule, roles: RoleChain) -> Iterator[Finding]:
    role = rule.assigned_human_role
    if role is not None and role not in roles.roles:
        hint = did_you_mean(role, roles.roles)
        sentence = f"it asks {role!r}, who is not in the chain of escalation {', '.join(roles.roles)}{hint}"
        yield Finding(severity=Severity.ERROR, rule_id=rule.rule_id, kind=FindingKind.STRANGER, sentence=sentence)


def _never_enough(rule: Rule, roles: RoleChain) -> Iterator[Finding]:
    role = rule.assigned_human_role
    if rule.distinct_roles and role in roles.roles and rule.approvals > len(roles.upward(role)):
        sentence = too_few_roles(rule.approvals, role, roles)
        yield Finding(severity=Severity.ERROR, rule_id=rule.rule_id, kind=FindingKind.TOO_FEW_ROLES, sentence=sentence)


def _contradiction(rule: Rule, part: Part) -> Iterator[Finding]:
    sentence = f"it can never hold: {_why_never(rule, part)}"
    yield Finding(severity=Severity.ERROR, rule_id=rule.rule_id, kind=FindingKind.CONTRADICTION, sentence=sentence)


def _why_never(rule: Rule, part: Part) -> str:
    if boxes(rule, part.policy, part.space):
        return f"the layer is asked about {part.asked_about}"
    told_of = _at_odds(rule.conditions, lambda said: not boxes(_asking(rule, said), part.policy, part.space))
    asking = rule.model_copy(update={"action": Action.HUMAN_REVIEW})
    elsewhere = boxes(asking, part.policy, part.space) if rule.action is Action.AUTO_APPROVE else ()
    if elsewhere and not any(box[part.space.confidence] >> 2 for box in elsewhere):
        told_of += " where there is a proposal with a confidence, which auto_approve needs"
    return told_of


def _asking(rule: Rule, said: Conditions) -> Rule:
    return rule.model_copy(update={"conditions": said})


def _only_where_unknown(place: int, part: Part) -> Iterator[Finding]:
    """Yield a rule that asks for a person only where it is not known whether it holds, for else it never does."""
    rule, own = part.rules[place], part.boxes[place]
    if rule.action is Action.AUTO_APPROVE or surely_holds_somewhere(rule.conditions, part.policy, part.space):
        return
    why = _at_odds(rule.conditions, lambda said: not surely_holds_somewhere(said, part.policy, part.space))
    told = [say(part.whole(box), part.space) for box in merged(own)[:_MOST_GAPS]]
    where = join_some(told, "or")
    where = where.removeprefix(f"{EVERY_CASE} ") if where.startswith(f"{EVERY_CASE} ") else f"for {where}"
    yield Finding(
        severity=Severity.WARNING,
        rule_id=rule.rule_id,
        kind=FindingKind.CONTRADICTION,
        sentence=f"it holds only {where}; {why}",
        examples=(part.shown(own[0]),),
    )


def _at_odds(said: Conditions, never: Callable[[Conditions], bool]) -> str:
    """Name as few of these conditions as contradict each other, of comparisons with one field their operators."""

    def kept(names: Sequence[str]) -> Conditions:
        return Conditions(**{name: getattr(said, name) for name in names})

    asked = [name for name in type(said).model_fields if name in said.model_fields_set]
    needed = _fewest(asked, lambda names: never(kept(names)))
    if needed != ["metadata"]:
        named = [name.removesuffix("_") for name in needed]
        return f"{join(named, 'and')} cannot hold together" if len(named) > 1 else f"{named[0]} contradicts itself"

    def compared(pairs: Sequence[tuple[str, str]]) -> Conditions:
        fields: dict[str, dict[str, Any]] = {}
        for field, operator in pairs:
            fields.setdefault(field, {})[operator] = getattr(said.metadata[field], operator)
        return Conditions(metadata={field: Comparison(**one) for field, one in fields.items()})

    pairs = [(field, name) for field, one in said.metadata.items() for name in one.model_fields_set]
    fewest = _fewest(sorted(pairs), lambda some: never(compared(some)))
    fields, operators = {field for field, _ in fewest}, [name.removesuffix("_") for _, name in fewest]
    if len(fields) > 1 or len(operators) == 1:
        return f"{join(sorted(fields), 'and')} cannot be so"
    return f"{join(operators, 'and')} of {fewest[0][0]} contradict each other"


def _fewest(parts: Sequence[_Part], is_odd: Callable[[Sequence[_Part]], bool]) -> list[_Part]:
    """Return as few of some parts as are still odd; none can be left out."""
    needed = list(parts)
    for one in parts:
        fewer = [other for other in needed if other != one]
        if fewer and is_odd(fewer):
            needed = fewer
    return needed


def _hidden(place: int, part: Part) -> Iterator[Finding]:
    hiding = _hiding(place, part)
    if not hiding:
        return
    rule, hides = part.rules[place], [part.rules[one] for one in sorted(hiding)]
    weaker = any(one.action.strictness < rule.action.strictness for one in hides)
    by_action = {action: [one.rule_id for one in hides if one.action is action] for action in Action}
    says = " and ".join(
        f"{join(named, 'and')} say{'s' * (len(named) == 1)} {action}" for action, named in by_action.items() if named
    )
    if len(hides) == 1:
        sentence = f"{hides[0].rule_id} is tried before it, holds wherever it would, and says {hides[0].action}"
    else:
        sentence = f"rules that are tried before it take every case where it would hold: {says}"
    yield Finding(
        severity=Severity.ERROR if weaker else Severity.WARNING,
        rule_id=rule.rule_id,
        kind=FindingKind.UNREACHABLE,
        sentence=f"it never decides a case: {sentence}",
        rules=tuple(one.rule_id for one in hides),
        examples=(part.shown(part.boxes[place][0]),),
    )


def _hiding(place: int, part: Part) -> frozenset[int]:
    """Return the rules that decide every case in which this one holds; none where it decides some."""
    own = part.boxes[place]
    if part.diagram is None:
        for other in range(place):
            if all(any(both(box, wide) == box for wide in part.boxes[other]) for box in own):
                return frozenset((other,))
        return frozenset()
    if part.example(place, lambda decides: decides == place) is not None:
        return frozenset()
    return frozenset[int]().union(*(part.diagram.found(box) for box in own))


def _conflicts(place: int, part: Part) -> Iterator[Finding]:
    rule = part.rules[place]
    answer = rule.model_dump(exclude=_NOT_WHAT_IT_DOES)
    for before, other in enumerate(part.rules[:place]):
        if other.priority != rule.priority or answer == other.model_dump(exclude=_NOT_WHAT_IT_DOES):
            continue
        box = part.example(place, lambda decides, before=before: decides == before)  # type: ignore[misc]
        if box is not None:
            yield Finding(
                severity=Severity.WARNING,
                rule_id=rule.rule_id,
                kind=FindingKind.CONFLICT,
                sentence=f"it has the same priority {rule.priority} as {other.rule_id}, both can hold for one case, "
                f"and they ask for different things; {other.rule_id} wins only because it stands first in the file",
                rules=(other.rule_id,),
                examples=(part.shown(box),),
            )


def _approves_too_much(place: int, part: Part) -> Iterator[Finding]:
    rule, space = part.rules[place], part.space
    if rule.action is not Action.AUTO_APPROVE or part.silent:
        return
    for axis, mask, sentence in (
        (space.confidence, _AT_ZERO, "it approves even at a confidence of 0; give it a min_confidence"),
        (space.risk, 1 << len(RiskLevel) - 1, "it lets high-risk tasks go ahead without a person"),
    ):
        within = (*space.full[:axis], mask, *space.full[axis + 1 :])
        box = part.example(place, lambda decides: decides == place, within)
        if box is not None:
            yield Finding(
                severity=Severity.WARNING,
                rule_id=rule.rule_id,
                kind=FindingKind.APPROVES_TOO_MUCH,
                sentence=sentence,
                examples=(part.shown(box),),
            )


def not_monotone(part: Part) -> Iterator[Finding]:
    """Yield where a riskier task, or one with a lower confidence or none, is treated more leniently."""
    if part.diagram is None:
        return
    for one in leniencies(part.diagram, part.policy, silent=part.silent):
        ids = [part.rules[place].rule_id for place in (one.lenient, one.strict) if place != FALLBACK_INDEX]
        missing = one.against is Against.MISSING
        yield Finding(
            severity=Severity.NOTE if missing else Severity.WARNING,
            rule_id=ids[0],
            kind=FindingKind.MISSING_CONFIDENCE if missing else FindingKind.MONOTONICITY,
            sentence=told(
                one._replace(worse=part.whole(one.worse), better=part.whole(one.better)), part.space, part.policy
            ),
            rules=tuple(ids[1:]),
            examples=tuple(plain(concerning(part.layer, facts)) for facts in one.examples(part.space)),
        )


def gaps(diagram: Diagram[int]) -> list[Region] | None:
    """Return the boxes of all cells in which no rule holds; None where there are too many to be told one by one."""
    found = []
    for region in diagram.regions(lambda place: place == FALLBACK_INDEX):
        found.append(region.box)
        if len(found) > _MOST_REGIONS:
            return None
    return merged(found)


def _left_to_the_fallback(part: Part) -> Iterator[Finding]:
    if part.silent or part.diagram is None:
        return
    if not part.rules:
        yield _gap("there is no rule: a person decides every case")
        return
    found = gaps(part.diagram)
    if found is None:
        region = part.diagram.example(lambda place: place == FALLBACK_INDEX)
        sentence = "in very many kinds of cases no rule holds: a person decides them, as the fallback"
        yield _gap(sentence, *(() if region is None else (part.shown(region.box),)))
        return
    confidence = part.space.confidence
    known = [box for box in found if box[confidence] >> 2]
    for box in known[:_MOST_GAPS]:
        sentence = f"no rule is about {_any(box, part)}: a person decides such cases, as the fallback"
        yield _gap(sentence, part.shown(box))
    if len(known) > _MOST_GAPS:
        more = len(known) - _MOST_GAPS
        kinds = "one more kind of case" if more == 1 else f"{more:,} more kinds of cases"
        sentence = f"no rule is about {kinds}: a person decides them too"
        yield _gap(sentence, part.shown(known[_MOST_GAPS]))
    missing = [box for box in found if not box[confidence] >> 2]
    if missing:
        where = "some cases without a confidence" if len(missing) > 1 else _any(missing[0], part)
        yield _gap(f"no rule is about {where}: a person decides them, as the fallback", part.shown(missing[0]))


def _any(box: Region, part: Part) -> str:
    """Say which cases stand in a box, where there are none: `no rule is about every case` would be about some."""
    told = say(box, part.space)
    return f"any case{told.removeprefix(EVERY_CASE)}" if told.startswith(EVERY_CASE) else told


def _gap(sentence: str, *examples: dict[str, Any]) -> Finding:
    return Finding(severity=Severity.NOTE, rule_id=None, kind=FindingKind.GAP, sentence=sentence, examples=examples)
