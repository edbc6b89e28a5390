"""The decision map of a policy: panels in which something goes ahead first, and flat contexts as lines. Exact.

A panel or a line is described by what distinguishes it where no earlier rule decides, as a reader of the rules would.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from math import prod
from typing import NamedTuple

from hitl_orchestrator.domain.decision import FALLBACK
from hitl_orchestrator.domain.enums import Action, RiskLevel
from hitl_orchestrator.policies.analysis.decision_diagram import FALLBACK_INDEX, diagram_of
from hitl_orchestrator.policies.analysis.describe import EVERY_CASE, describe_context
from hitl_orchestrator.policies.analysis.layer_scope import scope_of, space_of, without_scope
from hitl_orchestrator.policies.analysis.maps.model import ALL_OTHERS, Field, FlatContext, Panel, Row
from hitl_orchestrator.policies.analysis.maps.picture import PolicyMap
from hitl_orchestrator.policies.analysis.monotonicity import decision_grid
from hitl_orchestrator.policies.analysis.regions import covers, merged, widened
from hitl_orchestrator.policies.engine.axes.confidence import FIRST_CONFIDENCE
from hitl_orchestrator.policies.engine.partition import Region
from hitl_orchestrator.policies.language.model import ORGANIZATION, Policy

MOST_PANELS, MOST_FLAT = 9, 24
_MOST_CONTEXTS = 3_000
_LONGEST_TITLE = 240
_NO_CONFIDENCE = 1
"""The step of a proposal without a confidence, after that of no proposal."""


class _Part(NamedTuple):
    """Contexts with the same answers: their place in the layer, the rows, and the number of kinds of contexts.

    `when` is when they are decided: of two parts of which one is decided earlier everywhere, it has the smaller value.
    """

    place: int
    rows: tuple[Row, ...]
    kinds: int
    when: int

    @property
    def is_flat(self) -> bool:
        return all(row.is_constant for row in self.rows) and not self.approving

    @property
    def approving(self) -> frozenset[str]:
        """The rules by which something goes ahead."""
        fields = (field for row in self.rows for field in row.fields)
        return frozenset(field.rule_id for field in fields if field.action is Action.AUTO_APPROVE)


def policy_map(policy: Policy, most: int = MOST_PANELS) -> PolicyMap:
    """Return the map of a policy, with a panel or a line at least for each layer.

    Raises:
        InvalidInput: the policy is too complex to analyze.
    """
    layers = [_Layer(name, layer) for name, layer in policy.parts]
    panels = [(layer, part) for layer in layers for part in layer.panels]
    chosen = [(layer, layer.panels[0]) for layer in layers if layer.panels]
    chosen += sorted((pair for pair in panels if pair not in chosen), key=lambda pair: not pair[1].approving)[
        : max(0, most - len(chosen))
    ]
    chosen.sort(key=lambda pair: (not pair[1].approving, layers.index(pair[0]), pair[1].when))
    flat = [(layer, part) for layer in layers for part in layer.flat[:MOST_FLAT]]
    return PolicyMap(
        policy_id=policy.policy_id,
        bounds=tuple(sorted({bound for layer in layers for bound in layer.diagram.space.bounds})),
        panels=tuple(
            layer.panel(part, [each for _, each in chosen[:place]]) for place, (layer, part) in enumerate(chosen)
        ),
        flat=tuple(layer.line(part) for layer, part in flat),
        more=len(panels) - len(chosen),
        more_approving=sum(bool(pair[1].approving) for pair in panels if pair not in chosen),
        more_flat=sum(len(layer.flat) for layer in layers) - len(flat),
        layers=tuple(layer.name for layer in layers),
    )


class _Layer:
    """One layer, its contexts, and the parts of its decision diagram that they lead to."""

    def __init__(self, name: str, policy: Policy) -> None:
        self.name, self._policy = name, policy
        self.diagram = diagram_of(policy, space_of(name, policy))
        space = self.diagram.space
        self._scope = scope_of(name, space)
        self._contexts, parts = self.diagram.cut(space.risk)
        self._grids = [decision_grid(part, space) for part in parts]
        sizes = self._contexts.sizes(self._scope)
        below = prod(axis.size for axis in space.axes[space.risk :])
        listed = [self._part(place, sizes[place] // below) for place in sorted(sizes)]
        self.panels = list(_covering_first([part for part in listed if not part.is_flat]))
        self.flat = sorted((part for part in listed if part.is_flat), key=lambda part: part.when)

    def panel(self, part: _Part, above: Sequence[_Part]) -> Panel:
        """Return a panel that is shown below others."""
        return Panel(self.name, self._where(part, [each.place for each in above]), part.rows, part.kinds)

    def line(self, part: _Part) -> FlatContext:
        """Return a flat context."""
        actions, without = (_in_short(row.missing[place].action for row in part.rows) for place in (1, 0))
        order = sorted({rule for row in self._grids[part.place] for rule in row[_NO_CONFIDENCE:]}, key=self._order)
        rules = tuple(self._field(rule).rule_id for rule in order)
        where = self._where(part, range(len(self._grids))).removeprefix("where ")
        line = FlatContext(self.name, where, actions, rules)
        if without == actions:
            return line
        letters = line._replace(actions=without).letters
        return line._replace(where=f"{where} (without a proposal: {letters})")

    def _part(self, place: int, kinds: int) -> _Part:
        grid = self._grids[place]
        rows = tuple(self._row(grid[risk], risk) for risk in reversed(range(len(RiskLevel))))
        return _Part(place, rows, kinds, sum(self._order(rule) for row in grid for rule in row))

    def _row(self, row: Sequence[int], risk: int) -> Row:
        bounds = self.diagram.space.bounds
        ends = (*bounds[1:], 1.0)
        runs = (list(run) for _, run in groupby(range(len(bounds)), key=row[FIRST_CONFIDENCE:].__getitem__))
        fields = (self._field(row[run[0] + FIRST_CONFIDENCE], bounds[run[0]], ends[run[-1]]) for run in runs)
        return Row(tuple(RiskLevel)[risk], (self._field(row[0]), self._field(row[1])), tuple(fields))

    def _field(self, rule: int, low: float | None = None, high: float | None = None) -> Field:
        if rule == FALLBACK_INDEX:
            answers = self.name == ORGANIZATION
            return Field(FALLBACK if answers else "", Action.HUMAN_REVIEW if answers else None, low, high)
        decides = self._policy.by_priority[rule]
        return Field(decides.rule_id, decides.action, low, high)

    def _where(self, part: _Part, above: Sequence[int]) -> str:
        """Describe the contexts of a part, without what follows from earlier rules and from the parts above."""
        space, scope = self.diagram.space, self._scope
        left_out = {part.place, *self._earlier(part, above)}
        fitting = self._contexts.relabeled(left_out.__contains__)

        def fits(region: Region) -> bool:
            return fitting.example(lambda holds: not holds, region) is None

        found: list[Region] = []
        contexts = self._contexts.regions(lambda label: label == part.place, scope)
        for labeled in islice(contexts, _MOST_CONTEXTS):
            if not any(covers(wide, labeled.region) for wide in found):
                found.append(widened(labeled.region, space, scope, fits))
        phrases = [describe_context(without_scope(region, scope, space), space) for region in merged(found)]
        return _title(phrases, ALL_OTHERS if len(self._grids) > 1 else EVERY_CASE, whole=next(contexts, None) is None)

    def _earlier(self, part: _Part, above: Sequence[int]) -> Iterator[int]:
        """Yield the parts in which, at every risk and confidence, the same rule decides or an earlier one.

        Parts in which more goes ahead are left out unless they are shown above: a title alone must not hide that.
        """
        here = [rule for row in self._grids[part.place] for rule in row]
        for place, grid in enumerate(self._grids):
            pairs = list(zip((rule for row in grid for rule in row), here, strict=True))
            goes_further = any(self._approves(rule) and not self._approves(own) for rule, own in pairs)
            if all(self._order(rule) <= self._order(own) for rule, own in pairs) and (
                place in above or not goes_further
            ):
                yield place

    def _order(self, rule: int) -> int:
        return len(self._policy.rules) if rule == FALLBACK_INDEX else rule

    def _approves(self, rule: int) -> bool:
        return rule != FALLBACK_INDEX and self._policy.by_priority[rule].action is Action.AUTO_APPROVE


def _in_short(actions: Iterable[Action | None]) -> tuple[Action | None, ...]:
    """Return the actions of the risks, or one where they are the same."""
    listed = tuple(actions)
    return listed[:1] if len(set(listed)) == 1 else listed


def _covering_first(parts: Sequence[_Part]) -> Iterator[_Part]:
    """Yield parts that approve by a rule not yet shown, then the others that approve, then those that do not.

    Within each group, those of the most contexts come first.
    """
    left, seen = sorted(parts, key=lambda part: (not part.approving, -part.kinds)), set[str]()
    while left:
        chosen = next((part for part in left if part.approving - seen), left[0])
        seen |= chosen.approving
        left.remove(chosen)
        yield chosen


def _title(phrases: list[str], whole_layer: str, *, whole: bool) -> str:
    """Return one title for the described contexts: all of them where they are short, else the shortest, and a count."""
    if EVERY_CASE in phrases:
        return whole_layer
    short = sorted((phrase.removeprefix(f"{EVERY_CASE} ") for phrase in phrases), key=len)
    number = len(short)
    while number > 1 and len("; ".join(short[:number])) > _LONGEST_TITLE:
        number -= 1
    more = "" if whole and number == len(short) else f"; and {len(short) - number} more" if whole else "; and more"
    return "; or ".join(short[:number]) + more
