"""The certificate for a group of the finished cases of a store."""

from typing import TYPE_CHECKING

from hitl_orchestrator.domain.input.parsing import did_you_mean
from hitl_orchestrator.errors import InvalidInput, install_hint
from hitl_orchestrator.learning.certificates import Certificate

if TYPE_CHECKING:
    import polars as pl


def certificate_in(
    cases: "pl.DataFrame", group: tuple[str | None, str | None, str | None], alpha: float, delta: float
) -> Certificate:
    """Return the certificate for a group, named by task type, risk level and domain, of prepared cases.

    Raises:
        InvalidInput: a share is not within 0 and 1, no case has the task type or the domain, or an extra is missing.
    """
    try:
        from hitl_orchestrator.learning.bounds import Promise  # noqa: PLC0415 - numpy and scipy are an extra
        from hitl_orchestrator.learning.certification import certify  # noqa: PLC0415
        from hitl_orchestrator.learning.evidence import Group, evidence_in  # noqa: PLC0415
    except ImportError as exc:
        raise InvalidInput([f"certificates: numpy or scipy is missing ({exc}); {install_hint('learn')}"]) from exc
    named = Group(*group)
    problems = [
        f"{name}: {share!r}: write a share above 0 and below 1, such as 0.05"
        for name, share in (("alpha", alpha), ("delta", delta))
        if not 0 < share < 1
    ]
    for name in ("task_type", "domain"):
        value, known = getattr(named, name), cases[name].cast(str).unique().drop_nulls().to_list()
        if value is not None and known and value not in known:
            problems.append(f"{name}: no decided case has {value!r}{did_you_mean(value, known)}")
    if problems:
        raise InvalidInput(problems)
    return certify(evidence_in(cases, named), Promise(alpha, delta))
