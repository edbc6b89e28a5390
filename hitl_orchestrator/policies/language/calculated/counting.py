"""What a policy counts in the ledger (`history`), and what it calculates (`derived`), by name."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, StringConstraints, WithJsonSchema, model_validator

from hitl_orchestrator.domain.counting.counters import CountedCases, Counter
from hitl_orchestrator.domain.input.parsing import did_you_mean
from hitl_orchestrator.domain.value import Label, Value, canonical_json
from hitl_orchestrator.policies.language.calculated.arithmetic import names_in, parsed, written
from hitl_orchestrator.policies.language.declarations import Declaration, FieldType
from hitl_orchestrator.policies.language.rule import A_DURATION, only_iso

MOST_COUNTERS = 32
"""The number of counters of one policy, of all of its layers."""

LONGEST_WINDOW = timedelta(weeks=52)

_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
_SCALARS = (FieldType.NUMBER, FieldType.TEXT, FieldType.BOOLEAN)
INPUTS = ("metadata", "proposal", "history")
"""The sources whose numbers arithmetic may use."""

CONFIDENCE = "confidence"
"""The name of the confidence in arithmetic."""

FactName = Annotated[str, StringConstraints(pattern=_NAME, max_length=60)]
"""The name of a counter or of a derived fact: letters, digits and underscores, so that arithmetic can use it."""


def _some_time(value: timedelta) -> timedelta:
    if not timedelta(0) < value <= LONGEST_WINDOW:
        raise ValueError("the time within which cases count must be above zero and at most 52 weeks")
    return value


_AS_TEXT = WithJsonSchema({"type": "string", "pattern": A_DURATION, "examples": ["PT24H", "P30D"]})
Within = Annotated[timedelta, BeforeValidator(only_iso), AfterValidator(_some_time), _AS_TEXT]


class CounterDeclaration(Value):
    """A counter: `count: cases`, or the `sum` of a number field of the metadata, of the cases routed before.

    Only the cases with the same value of the field `same`, if it is stated, within the last `within`, and only those
    `of` one kind: those routed with an action, or those that were `approved` or may still be.
    """

    count: Literal["cases"] | None = None
    sum: Label | None = None
    same: Label | None = None
    within: Within
    of: CountedCases | None = None

    @model_validator(mode="after")
    def _counts_one_thing(self) -> "CounterDeclaration":
        if (self.count is None) is (self.sum is None):
            raise ValueError('state what is counted: either "count": "cases", or "sum" with a number field')
        return self

    @property
    def counter(self) -> Counter:
        """The counter as the ledger counts it."""
        return Counter(sum=self.sum, same=self.same, within=self.within, of=self.of)


def _one_form(text: str) -> str:
    return written(parsed(text))


def _refuses(name: str, why: str) -> ValueError:
    return ValueError(f"{name}: {why}")


def check_counters(history: Mapping[str, CounterDeclaration], metadata: Mapping[str, Declaration]) -> None:
    """Raise `ValueError` for a counter of a field that the metadata do not declare, or of another type than needed."""
    if len(history) > MOST_COUNTERS:
        raise ValueError(f"it has {len(history)} counters, and the limit is {MOST_COUNTERS}")
    for name, declared in history.items():
        for role, field in (("sum", declared.sum), ("same", declared.same)):
            if field is not None and field not in metadata:
                hint = did_you_mean(field, metadata) or '; add it to the policy\'s "metadata"'
                raise _refuses(name, f"{role}: the metadata declare no field {field!r}{hint}")
        if declared.sum is not None and metadata[declared.sum].type is not FieldType.NUMBER:
            raise _refuses(name, f"sum: only numbers can be added, and {declared.sum!r} is another field")
        if declared.same is not None and metadata[declared.same].type not in _SCALARS:
            raise _refuses(name, f"same: {declared.same!r} has no single value")


def check_arithmetic(derived: Mapping[str, str], sources: Mapping[str, Mapping[str, Declaration]]) -> None:
    """Raise `ValueError` for arithmetic with a name that is no number of exactly one source."""
    for name, text in derived.items():
        if any(name in fields for fields in sources.values()):
            raise _refuses(name, "another fact has this name; choose another one")
        for used in names_in(parsed(text)):
            found = [source for source, fields in sources.items() if used in fields]
            numbers = [source for source in found if sources[source][used].type is FieldType.NUMBER]
            if used == CONFIDENCE and not found:
                continue
            if not numbers:
                known = [each for fields in sources.values() for each in fields]
                instead = "; declare it as a number of the metadata or of the proposal"
                hint = instead if found else did_you_mean(used, known) or instead
                raise _refuses(name, f"{used!r} is no declared number{hint}")
            if len(found) > 1 or used == CONFIDENCE:
                places = " and ".join([*found, *(["confidence"] if used == CONFIDENCE else [])])
                raise _refuses(name, f"{used!r} may be that of {places}; give one of them another name")


def meanings_of(declared: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return what a policy counts and calculates, such as `history.paid`, as texts that are equal for equal meanings.

    `declared` has the declarations of each source.
    """
    counted = {name: each.counter.key for name, each in declared["history"].items()}
    found = {f"history.{name}": key for name, key in counted.items()}
    for name, text in declared["derived"].items():
        inputs = [
            [used, source, counted[used] if source == "history" else declared[source][used].model_dump(mode="json")]
            for used in sorted(set(names_in(parsed(text))))
            for source in INPUTS
            if used in declared[source]
        ]
        found[f"derived.{name}"] = canonical_json([text, inputs])
    return found


Arithmetic = Annotated[str, AfterValidator(_one_form)]
"""An expression of `arithmetic`, in its one form."""
