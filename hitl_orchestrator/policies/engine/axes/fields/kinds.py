"""The kinds of conditions that compare fields: one for each source."""

from collections.abc import Iterator, Sequence
from typing import Any

from hitl_orchestrator.policies.engine.axes import base
from hitl_orchestrator.policies.engine.axes.fields.axis import FieldAxis
from hitl_orchestrator.policies.engine.axes.fields.conditions import Among, Compared, Exists
from hitl_orchestrator.policies.engine.axes.fields.parts import Booleans, Numbers, Part, Texts
from hitl_orchestrator.policies.engine.axes.fields.sources import SOURCES, Source
from hitl_orchestrator.policies.language.declarations import FieldType
from hitl_orchestrator.policies.language.lists import Listed


def _kind(source: Source) -> base.Kind:
    def conditions(reading: base.Reading) -> Iterator[base.Condition]:
        part, policy = reading
        compared = getattr(part, source.name)
        declared = policy.declared(source.name) if compared else {}
        for name, comparison in compared.items():
            kind = declared[name].type
            if comparison.exists is not None:
                yield Exists(source, name, comparison.exists)
            for operator, value in comparison.operands:
                if operator != "in":
                    yield Compared(source, name, kind, operator, value)
            if comparison.in_:
                yield Among(source, name, kind, comparison.in_)

    def axes(readings: Sequence[base.Reading]) -> Iterator[base.Axis]:
        fields: dict[str, dict[FieldType, set[Any]]] = {}
        lists: dict[str, dict[Listed, None]] = {}
        for part, policy in readings:
            compared = getattr(part, source.name)
            declared = policy.declared(source.name) if compared else {}
            for name, comparison in compared.items():
                named = fields.setdefault(name, {}).setdefault(declared[name].type, set())
                named.update(value for _, value in comparison.operands)
                if isinstance(comparison.in_, Listed):
                    lists.setdefault(name, {})[comparison.in_] = None
        for name, kinds in sorted(fields.items()):
            yield FieldAxis(source, name, tuple(_parts(kinds, tuple(lists.get(name, ())))))

    return base.Kind(conditions, axes)


def _parts(named: dict[FieldType, set[Any]], lists: tuple[Listed, ...]) -> Iterator[Part]:
    if FieldType.BOOLEAN in named:
        yield Booleans()
    if FieldType.TEXT in named:
        yield Texts(tuple(sorted(named[FieldType.TEXT])), lists)
    if FieldType.NUMBER in named:
        yield Numbers(tuple(sorted(named[FieldType.NUMBER])))


FIELDS = tuple(map(_kind, SOURCES.values()))
