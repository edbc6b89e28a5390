"""Derive the decision on every past case again, and compare it with what was recorded and with how the case ended.

A case that was treated more leniently than its policy says, or with less than it demands, is a violation. Replayed
records of other systems are compared with the policy under which they were recorded here, and counted apart. Each
combination of facts is decided once per policy (see `vectorized`). What cannot be derived is counted with its reason;
its ending is still checked.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from hitl_orchestrator.backtest.endings import ENDING_PROBLEMS, WITHDRAWN, with_endings
from hitl_orchestrator.backtest.in_force import TERM_PROBLEMS, InForce, with_terms
from hitl_orchestrator.backtest.stored import in_background
from hitl_orchestrator.backtest.vectorized import Vectors, polars
from hitl_orchestrator.backtest.violations import violation_of
from hitl_orchestrator.domain.decision import FALLBACK, NOT_ROUTED, Facts, RoutingDecision
from hitl_orchestrator.domain.enums import OWN_QUESTIONS, Action, QualityCheckKind, RiskLevel
from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.insights.frame import rows_of
from hitl_orchestrator.insights.report.model import Compliance, Violation
from hitl_orchestrator.policies.engine.builtin_rules import with_builtin_rules
from hitl_orchestrator.policies.language.model import Policy
from hitl_orchestrator.policies.language.rule import default_role

if TYPE_CHECKING:
    import polars as pl

COLUMNS = (
    "finished_seq",
    "case_id",
    "task_id",
    "task_type",
    "domain",
    "risk_level",
    "confidence_score",
    "signals",
    "has_proposal",
    "routing_decision",
    "rule_id",
    "policy_hash",
    "review_probability",
    "assigned_human_role",
    "approvals_needed",
    "escalations",
    "final_decision",
    "decision_source",
    "human_decision",
    "reviewer_id",
    "human_role",
    "votes",
    "submitted_by",
    "agent_id",
    "model",
    "model_version",
    "quality_check",
    "replayed",
    "task_timestamp",
    "received_at",
    "timestamp",
)
"""The columns of `outcomes` that a derivation reads."""

TEXT_COLUMNS = ("metadata", "redacted", "proposal", "history")
FROM_TEXTS = frozenset({"metadata", "proposal", "agent", "history"})
"""The facts that a derivation reads from the texts of a case and the entry of its routing."""

ERASED = "the facts that its policy reads were erased"
NAMELESS = "it has no domain or task type"
NO_RECEIPT = "its policy reads when the store received the task, and its record does not say it"
NO_TIME = "its policy reads the time of the task, and the task states none"
UNROUTED = "it ended before it was routed"
INVALID = "a fact cannot be read"
MOST_LISTED = 100

_STRICT = {action.value: action.strictness for action in Action}
_PROBLEMS = (
    *TERM_PROBLEMS,
    "automatic",
    "looser",
    "other_rule",
    "low_role",
    "asked_low",
    "low_votes",
    "too_few",
    "same_role",
    "asked_too_few",
    "rarely_checked",
    *ENDING_PROBLEMS,
)
_ROLE_PROBLEMS = ("low_role", "asked_low", "low_votes")
_KEPT = (
    *COLUMNS,
    "action",
    "rule",
    "role",
    "approvals",
    "spot",
    "agreeing",
    "in_role",
    "roles",
    "why_not",
    "by_agent",
    "stricter",
    *_PROBLEMS,
)


class _Tally(NamedTuple):
    """The sums of one frame."""

    agree: int
    stricter: int
    not_derived: Counter[str]
    violations: list[Violation]
    violating: int
    replayed: int
    replayed_violating: int
    automatic: int
    own: int


_NO_CASES = _Tally(0, 0, Counter(), [], 0, 0, 0, 0, 0)


def compliance(frames: "Iterable[pl.DataFrame]", in_force: InForce, most: int = MOST_LISTED) -> Compliance:
    """Return how the cases were treated. The frames have the `COLUMNS`, and the `TEXT_COLUMNS` if a policy needs them.

    At most `most` violations are listed, the first ones.
    """
    derivation = _Derivation(in_force)
    agree = stricter = violating = replayed = again = automatic = own = 0
    not_derived: Counter[str] = Counter()
    violations: list[Violation] = []
    for tally in in_background(derivation.tally, frames):
        agree, stricter, violating = agree + tally.agree, stricter + tally.stricter, violating + tally.violating
        replayed, again, own = replayed + tally.replayed, again + tally.replayed_violating, own + tally.own
        automatic, not_derived = automatic + tally.automatic, not_derived + tally.not_derived
        violations += tally.violations[: most - len(violations)]
    return Compliance(
        derived=agree + stricter + violating - again,
        agree=agree,
        stricter=stricter,
        not_derived=dict(sorted(not_derived.items())),
        violations=tuple(violations),
        left_out=violating - len(violations),
        replayed=replayed + again,
        automatic_not_derived=automatic,
        own=own,
    )


class _Derivation:
    """Derives frames of cases. It keeps prepared policies between frames."""

    def __init__(self, in_force: InForce) -> None:
        self._pl, self._in_force = polars(), in_force
        self._chains = tuple(in_force.chains)
        self._vectors: dict[tuple[str, int], Vectors] = {}

    def tally(self, frame: "pl.DataFrame") -> _Tally:
        """Return the sums of one frame."""
        pl = self._pl
        later = [(pl.col("finished_seq") > chain.since).cast(pl.Int32) for chain in self._chains[1:]]
        chain = pl.sum_horizontal(later) if later else pl.lit(0, pl.Int32)
        prepared = frame.with_columns(
            chain=chain,
        )
        parts = prepared.partition_by("policy_hash", "chain", maintain_order=True)
        judged = [self._judged(part, part["policy_hash"][0], part["chain"][0]).select(_KEPT) for part in parts]
        return _tally(pl, pl.concat(judged)) if judged else _NO_CASES

    def _judged(self, part: "pl.DataFrame", policy_hash: str, index: int) -> "pl.DataFrame":
        """Judge the cases of one policy under one chain; who lacked a role may have had it under an earlier chain."""
        pl = self._pl
        judged = self._under(part, policy_hash, index)
        for earlier in range(index - 1, -1, -1):
            was_open = (pl.col("received_at") <= self._chains[earlier].until).fill_null(value=True)
            again = pl.any_horizontal(_ROLE_PROBLEMS) & was_open
            if not judged.select(again.any()).item():
                break
            open_then = self._under(judged.filter(again).select(part.columns), policy_hash, earlier)
            judged = pl.concat([judged.filter(~again), open_then.select(judged.columns)])
        return judged

    def _under(self, part: "pl.DataFrame", policy_hash: str, index: int) -> "pl.DataFrame":
        pl, chain = self._pl, self._chains[index].roles
        policy = self._in_force.policies.get(policy_hash)
        derived = self._derived(part, policy, policy_hash, index)
        ended = with_endings(pl, derived, self._in_force.person_of, self._reaches(index))
        judged = with_terms(pl, _compared(pl, ended, chain), policy_hash, self._in_force)
        return judged.with_columns(pl.col(_PROBLEMS).fill_null(value=False))

    def _reaches(self, index: int) -> Callable[[str, str], bool]:
        """Return whether a vote in a role counts for another; a role of another chain may have been one at its time."""
        chain = self._chains[index].roles
        elsewhere = {role for each in self._chains for role in each.roles.roles} - set(chain.roles)
        return lambda held, needed: held in elsewhere or chain.reaches(held, needed)

    def _derived(self, part: "pl.DataFrame", policy: Policy | str | None, name: str, index: int) -> "pl.DataFrame":
        """Add the answers of the policy, and why there are none."""
        pl, chain = self._pl, self._chains[index].roles
        if policy is None or isinstance(policy, str):
            return _without_answers(pl, part, policy or "its policy is not recorded")
        vectors = self._vectors.get((name, index)) or self._vectors.setdefault((name, index), Vectors(policy, chain))
        part = _with_why_not(pl, part, vectors.needs)
        able = part.filter(pl.col("why_not").is_null())
        unable = _without_answers(pl, part.filter(pl.col("why_not").is_not_null()))
        try:
            answered = _answered(pl, able, vectors, chain)
        except InvalidInput:
            answered = _one_by_one(pl, able, vectors, chain)
        return pl.concat([answered.select(unable.columns), unable])  # type: ignore[no-any-return]


def _with_why_not(pl: Any, part: "pl.DataFrame", needs: frozenset[str]) -> "pl.DataFrame":
    """Add why a case cannot be derived, and its facts in the form that policies read."""
    confidence = pl.col("confidence_score")
    why = pl.when((pl.col("rule_id") == NOT_ROUTED) & pl.col("decision_source").is_in(WITHDRAWN)).then(pl.lit(UNROUTED))
    why = why.when(pl.col("domain").is_null() | pl.col("task_type").is_null()).then(pl.lit(NAMELESS))
    unfit = ~pl.col("risk_level").is_in(list(RiskLevel)) | ~(confidence.is_null() | confidence.is_between(0, 1))
    why = why.when(unfit).then(pl.lit(INVALID))
    added: dict[str, Any] = {}
    if needs & FROM_TEXTS:
        lacks = pl.col("metadata").is_null() if "metadata" in needs else pl.lit(value=False)
        why = why.when(pl.col("redacted") | lacks).then(pl.lit(ERASED))
        added["agent"] = pl.struct(id="agent_id", model="model", version="model_version").struct.json_encode()
    if "moment" in needs:
        # The row has the time of the intake where the task states none.
        why = why.when(pl.col("task_timestamp") == pl.col("received_at")).then(pl.lit(NO_TIME))
        added["moment"] = pl.col("task_timestamp")
    if "received" in needs:
        received = pl.when("replayed").then("task_timestamp").otherwise("received_at")
        why = why.when(received.is_null()).then(pl.lit(NO_RECEIPT))
        added["received"] = received
    if "signals" in needs:
        texts = pl.col("signals")
        added["signals"] = pl.lit('["') + texts.str.replace_all(" ", '","', literal=True) + pl.lit('"]')
    return part.with_columns(why_not=why.otherwise(pl.lit(None, pl.String)), **added)


def _answered(pl: Any, part: "pl.DataFrame", vectors: Vectors, chain: RoleChain) -> "pl.DataFrame":
    """Add the answers of a policy with the built-in rules, and those that spot checks must have had."""
    keyed = vectors.with_keys(part.lazy()).collect()
    distinct = keyed.select(vectors.columns).unique()
    answers = [
        with_builtin_rules(decision, Facts(RiskLevel.LOW, "", task_type, None), chain)
        for decision, task_type in zip(
            vectors.decisions(distinct.iter_rows(named=True)), distinct["task_type"], strict=True
        )
    ]
    expected = distinct.with_columns(**_columns_of(pl, answers))
    joined = keyed.join(expected, on=vectors.columns, how="left", nulls_equal=True, maintain_order="left")
    is_check = pl.col("quality_check") == QualityCheckKind.SPOT_CHECK.value
    as_check = {
        "action": Action.HUMAN_REVIEW.value,
        "rule": FALLBACK,
        "role": default_role(Action.HUMAN_REVIEW, chain),
        "approvals": 1,
        "distinct": False,
        "spot": 0.0,
    }
    spotted = {
        name: pl.when(is_check).then(pl.lit(value)).otherwise(pl.col(name)).cast(_types(pl)[name])
        for name, value in as_check.items()
    }
    return joined.with_columns(**spotted)


def _one_by_one(pl: Any, part: "pl.DataFrame", vectors: Vectors, chain: RoleChain) -> "pl.DataFrame":
    """Add the answers to all cases but those with a fact that cannot be read, by halves."""
    if part.height <= 1:
        return _without_answers(pl, part, INVALID)
    answered = []
    for half in (part.head(part.height // 2), part.tail(-(part.height // 2))):
        try:
            answered.append(_answered(pl, half, vectors, chain))
        except InvalidInput:
            answered.append(_one_by_one(pl, half, vectors, chain))
    return pl.concat([each.select(answered[0].columns) for each in answered])  # type: ignore[no-any-return]


def _columns_of(pl: Any, answers: Sequence[RoutingDecision]) -> "dict[str, pl.Series]":
    values = {
        "action": [each.action.value for each in answers],
        "rule": [each.rule_id for each in answers],
        "role": [each.assigned_human_role for each in answers],
        "approvals": [each.requirements.approvals for each in answers],
        "distinct": [each.requirements.distinct_roles for each in answers],
        "spot": [each.review_probability for each in answers],
    }
    return {name: pl.Series(name, values[name], kind) for name, kind in _types(pl).items()}


def _types(pl: Any) -> dict[str, Any]:
    return {
        "action": pl.String,
        "rule": pl.String,
        "role": pl.String,
        "approvals": pl.Int64,
        "distinct": pl.Boolean,
        "spot": pl.Float64,
    }


def _without_answers(pl: Any, part: "pl.DataFrame", why: str | None = None) -> "pl.DataFrame":
    added = {name: pl.lit(None, kind) for name, kind in _types(pl).items()}
    reason = {} if why is None else {"why_not": pl.lit(why, pl.String)}
    return part.with_columns(**added, **reason)


def _compared(pl: Any, frame: "pl.DataFrame", chain: RoleChain) -> "pl.DataFrame":
    """Compare the recorded treatment with the derived one. Columns of cases without an answer are null."""
    recorded = pl.col("routing_decision").replace_strict(_STRICT, default=-1, return_dtype=pl.Int8)
    demanded = pl.col("action").replace_strict(_STRICT, default=None, return_dtype=pl.Int8)
    frame = _with_reach(pl, frame, "human_role", "reached", chain)
    frame = _with_reach(pl, frame, "assigned_human_role", "asked_reached", chain)
    by_agent, by_person = pl.col("by_agent"), pl.col("by_person")
    held = (pl.col("rule_id") == FALLBACK) & (pl.col("routing_decision") == Action.HUMAN_REVIEW.value) & (demanded == 0)
    # A crash may leave open the review by which an unrouted case was to be withdrawn: then its role is what counts.
    routed = pl.col("rule_id") != NOT_ROUTED
    needs_person, at_first = recorded > 0, pl.col("escalations") == 0
    in_time = by_agent & ~pl.col("replayed") & pl.col("quality_check").is_null()
    automatic = by_agent & (demanded > 0)
    looser = ~by_agent & routed & (recorded < demanded)
    return frame.with_columns(
        automatic=automatic,
        looser=looser,
        other_rule=(pl.col("rule_id") != pl.col("rule")) & routed & ~held & ~automatic & ~looser,
        low_role=by_person & ~pl.col("reached"),
        asked_low=~by_agent & routed & needs_person & at_first & ~pl.col("asked_reached"),
        low_votes=by_person & (pl.col("in_role") < pl.col("approvals")) & (pl.col("agreeing") >= pl.col("approvals")),
        too_few=by_person & (pl.col("agreeing") < pl.col("approvals")),
        same_role=by_person & pl.col("distinct") & (pl.col("roles") < pl.col("approvals")),
        asked_too_few=~by_agent & routed & (pl.col("approvals_needed") < pl.col("approvals")),
        rarely_checked=in_time & (pl.col("review_probability") < pl.col("spot")),
        stricter=held
        | ~routed
        | (pl.col("approvals_needed") > pl.col("approvals"))
        | (in_time & (pl.col("review_probability") > pl.col("spot")))
        | (needs_person & at_first & pl.col("asked_reached") & (pl.col("assigned_human_role") != pl.col("role"))),
    )


def _with_reach(pl: Any, frame: "pl.DataFrame", held: str, name: str, chain: RoleChain) -> "pl.DataFrame":
    """Add whether a role is the demanded one or a higher one."""
    pairs = frame.select(held, "role").unique()
    reached = [
        None if needed is None else has is not None and chain.reaches(has, needed) for has, needed in pairs.iter_rows()
    ]
    pairs = pairs.with_columns(pl.Series(name, reached, pl.Boolean))
    return frame.join(pairs, on=[held, "role"], how="left", nulls_equal=True, maintain_order="left")


def _tally(pl: Any, judged: "pl.DataFrame") -> _Tally:
    violates = pl.any_horizontal(_PROBLEMS)
    violating = judged.filter(violates).sort("finished_seq")
    others = judged.filter(~violates)
    unable = others.filter(pl.col("why_not").is_not_null())
    is_past = pl.col("replayed").fill_null(value=False)
    derived = others.filter(pl.col("why_not").is_null())
    live = derived.filter(~is_past)
    stricter = live.select(pl.col("stricter").fill_null(value=False).sum()).item()
    is_own = pl.col("quality_check").is_not_null() | pl.col("task_type").is_in(list(OWN_QUESTIONS)).fill_null(False)
    return _Tally(
        agree=len(live) - stricter,
        stricter=stricter,
        not_derived=Counter(dict(unable.group_by("why_not").len().iter_rows())),
        violations=[violation_of(row, _PROBLEMS) for row in rows_of(violating.head(MOST_LISTED))],
        violating=len(violating),
        replayed=len(derived) - len(live),
        replayed_violating=len(violating.filter(is_past)),
        own=len(live.filter(is_own)) + len(violating.filter(is_own & ~is_past)),
        automatic=len(unable.filter(pl.col("by_agent") & ~is_past)),
    )
