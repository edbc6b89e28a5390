"""The finished cases of a store as a frame, what is open in it, and its metrics."""

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from math import isfinite
from typing import TYPE_CHECKING, Any, get_args

from hitl_orchestrator.backtest.stored import stored_frame
from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.domain.input.parsing import did_you_mean
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.insights.frame import FRAME, Fitted, fitted, polars, prepared
from hitl_orchestrator.insights.metrics.model import Looks, StakeField
from hitl_orchestrator.ledger.events.outcomes import Outcome
from hitl_orchestrator.ledger.ports.claims import InboxFilter
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.policies.language.model import Policy
from hitl_orchestrator.policies.lifecycle.history import PolicyHistory
from hitl_orchestrator.policies.lifecycle.in_force import recorded_policy
from hitl_orchestrator.services.authorization import Filter
from hitl_orchestrator.services.people.names import names_in

if TYPE_CHECKING:
    import polars as pl

__all__ = ["OnCases", "OnLeftOut", "amount_fields", "amount_in", "between", "cases_in"]
__all__ += ["check_stake", "checked_cases_in", "fields_in"]
__all__ += ["checks_hidden", "looks_in", "policy_in_force", "rules_in_force", "rules_of"]

_OVERVIEW = frozenset(
    {
        "case_id",
        "task_type",
        "confidence_score",
        "routing_decision",
        "escalations",
        "review_probability",
        "drawn",
        "final_decision",
        "decision_source",
        "human_decision",
        "reviewer_id",
        "label_changed",
        "quality_check",
        "quality_check_of",
        "replayed",
        "redacted",
        "agent_id",
        "model_version",
        "timestamp",
        "latency_seconds",
        "review_seconds",
        "seconds_looked_at",
        "due_at",
    }
)
"""The columns that an overview of a store reads (see `measure`), beside that of its groups."""

OnCases = Callable[[int], None]
_MOST_FIELDS = 8
_ALL = 2**31 - 1
OnLeftOut = Callable[[Fitted], None]

_NEEDED = tuple(
    name for name, kind in Outcome.__annotations__.items() if name in FRAME and type(None) not in get_args(kind)
)
_log = logging.getLogger(__name__)


def _log_left_out(rows: Fitted) -> None:
    about = {"case_id": None, "event": "rows_left_out"}
    _log.warning("%s; left out: 'hitl audit verify' finds what is wrong", rows.sentence, extra=about)


def _nothing(number: int) -> None:
    """Report no progress."""


def cases_in(
    ledger: Ledger,
    *,
    mine: Filter | None = None,
    stake: StakeField | None = None,
    on_cases: OnCases = _nothing,
    columns: Sequence[str] = tuple(FRAME),
    on_left_out: OnLeftOut | None = None,
) -> "pl.DataFrame":
    """Return the prepared frame of all outcomes in a store that `mine` reaches; None reaches all.

    Rows with values that no version writes are left out, and passed to `on_left_out`, or else to the log.

    `stake` adds the amount in a field of the tasks' metadata as the column `stake`, with its `stake_unit`; null where
    it was erased, or is no number. `on_cases` is called with numbers of cases. Other than `columns` are null.

    Raises:
        InvalidInput: polars, which comes with the extra `lab`, is not installed.
        LedgerDamaged: an outcome cannot be read.
    """
    polars("a frame of cases")
    rows = fitted(stored_frame(ledger, columns, on_cases), columns, _NEEDED)
    if rows.left_out:
        (on_left_out or _log_left_out)(rows)
    frame = prepared(rows.frame)
    if stake is not None:
        frame = _with_stake(ledger, frame, stake)
    return frame if mine is None else _reached(frame, mine)


def checked_cases_in(
    ledger: Ledger,
    *,
    mine: Filter | None = None,
    stake: StakeField | None = None,
    on_cases: OnCases = _nothing,
    columns: Sequence[str] = tuple(FRAME),
    on_left_out: OnLeftOut | None = None,
) -> "pl.DataFrame":
    """Return the same frame as `cases_in`, and refuse an amount that no case states. Raises `InvalidInput`."""
    cases = cases_in(ledger, mine=mine, stake=stake, on_cases=on_cases, columns=columns, on_left_out=on_left_out)
    check_stake(cases, stake, lambda: amount_fields(ledger, mine))
    return cases


def columns_for(dimension: str | None) -> tuple[str, ...]:
    """Return the columns that an overview with the groups of one dimension reads; all of them without one."""
    if dimension is None:
        return tuple(FRAME)
    own = {"confidence_band": "confidence_score", "signal": "signals"}.get(dimension, dimension)
    return tuple(name for name in FRAME if name in _OVERVIEW or name == own)


def between(frame: "pl.DataFrame", since: datetime | None, until: datetime | None) -> "pl.DataFrame":
    """Return the cases decided from `since` to before `until`. Raises `InvalidInput` for a time without a zone."""
    pl = polars()
    for name, at in (("since", since), ("until", until)):
        if at is not None and at.tzinfo is None:
            raise InvalidInput([f"{name}: {at.isoformat()} has no time zone; give a time such as 2025-01-10T09:15:00Z"])
    if since is not None:
        frame = frame.filter(pl.col("timestamp") >= since)
    return frame if until is None else frame.filter(pl.col("timestamp") < until)


def looks_in(
    ledger: Ledger, cases: "pl.DataFrame", mine: Filter | None = None, left_out: Sequence[Fitted] = ()
) -> Looks:
    """Return what is open now in the domains that `mine` reaches, and the drawn checks in `cases` without an answer.

    `left_out` are the rows that `cases` lacks because their values fit no column.

    A redacted case is not checked any more.
    """
    pl = polars()
    everywhere = [InboxFilter()] if mine is None else []
    domains = ledger.queue_domains() if mine is not None else ()
    wanted = everywhere + [InboxFilter(domain=domain) for domain in domains if mine is None or mine(domain, None)]
    is_due = pl.col("is_drawn") & pl.col("check_overturned").is_null() & ~pl.col("redacted").fill_null(value=False)
    waits = cases.filter(is_due)["case_id"]
    unopened = ledger.spot_checks_due(_ALL) if len(waits) else ()
    return Looks(
        now=ledger.now(),
        open=ledger.queue_count(wanted) if wanted else 0,
        overdue=ledger.queue_count([each._replace(overdue=True) for each in wanted]) if wanted else 0,
        unanswered_checks=len(waits),
        open_checks=len(set(waits).difference(unopened)),
        unreadable=sum(rows.left_out for rows in left_out) + (len(ledger.stranded()) if mine is None else 0),
        names=names_in(ledger),
    )


def rules_in_force(ledger: Ledger) -> Mapping[str, Action] | None:
    """Return the rules of all layers of the active policy that a store records, with their actions; None without one.

    Raises:
        TamperedPolicy, PolicyUnreadable: the policy was altered, or is of another version.
    """
    policy = policy_in_force(ledger)
    return None if policy is None else rules_of(policy)


def rules_of(policy: Policy) -> Mapping[str, Action]:
    """Return the rules of all layers of a policy, with their actions."""
    return {rule.rule_id: rule.action for _, layer in policy.parts for rule in layer.rules}


def policy_in_force(ledger: Ledger) -> Policy | None:
    """Return the active policy that a store records; None without one. Raises as `rules_in_force`."""
    active = PolicyHistory().after(ledger.governance_events()).active
    return None if active is None else recorded_policy(active, ledger.policy)


def checks_hidden(frame: "pl.DataFrame") -> "pl.DataFrame":
    """Return the cases as if those whose spot check has no answer yet had not been drawn.

    A person who decides cases must not know which open reviews are spot checks.
    """
    pl = polars()
    answered = pl.col("is_drawn") & pl.col("check_overturned").is_not_null()
    return frame.with_columns(is_drawn=answered, drawn=answered)


def _reached(frame: "pl.DataFrame", mine: Filter) -> "pl.DataFrame":
    """Return the cases that `mine` reaches, by their domain and submitter."""
    owners = frame.select("domain", "submitted_by").unique()
    reached = owners.filter([mine(domain, by) for domain, by in owners.iter_rows()])
    return frame.join(reached, on=owners.columns, how="semi", nulls_equal=True, maintain_order="left")


def _with_stake(ledger: Ledger, frame: "pl.DataFrame", stake: StakeField) -> "pl.DataFrame":
    pl = polars()
    amounts = {
        seq: amount_in(metadata, stake.field) for seq, metadata, _ in ledger.outcomes("finished_seq", metadata=True)
    }
    column = frame["finished_seq"].replace_strict(
        list(amounts), list(amounts.values()), default=None, return_dtype=pl.Float64
    )
    return frame.with_columns(stake=column, stake_unit=pl.lit(stake.unit, pl.String))


def check_stake(cases: "pl.DataFrame", stake: StakeField | None, fields: Callable[[], Iterable[str]]) -> None:
    """Refuse an amount that no case states, by naming the `fields` that state one, unless all metadata was erased.

    Raises:
        InvalidInput: no case states the amount.
    """
    if stake is None or cases.is_empty() or cases["stake"].null_count() < cases.height or cases["redacted"].all():
        return
    known = sorted(fields())
    named = f"fields with numbers: {', '.join(known[:_MOST_FIELDS])}" if known else "no field of theirs holds numbers"
    problem = f"no task states a number in the field {stake.field!r} of its metadata{did_you_mean(stake.field, known)}"
    raise InvalidInput([f"stake: {problem}; {named}"])


def amount_fields(ledger: Ledger, mine: Filter | None = None) -> set[str]:
    """Return the fields of tasks' metadata that state a number in any case that `mine` reaches."""
    cases = ledger.outcomes("domain", "submitted_by", metadata=True)
    return fields_in(metadata for domain, by, metadata, _ in cases if mine is None or mine(domain, by))


def fields_in(every: Iterable[Any]) -> set[str]:
    """Return the fields that state a number in any of these metadata, as JSON texts."""
    found: set[str] = set()
    for metadata in every:
        with suppress(TypeError, ValueError, RecursionError):
            stated = json.loads(metadata)
            found |= {name for name in stated if name not in found and amount_in(metadata, name) is not None}
    return found


def amount_in(metadata: Any, field: str) -> float | None:
    """Return the number in a field of metadata as JSON text; None where there is none."""
    try:
        value = json.loads(metadata).get(field)
        amount = None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, AttributeError, OverflowError, RecursionError):
        return None
    return amount if amount is not None and isfinite(amount) else None
