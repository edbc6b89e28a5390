"""Findings about the records themselves: an altered ledger, violations of the policy, unmet duties of people."""

from collections.abc import Iterator

from hitl_orchestrator.insights.report.findings import Found, found
from hitl_orchestrator.insights.report.judgments import Duties
from hitl_orchestrator.insights.report.model import Compliance, Integrity
from hitl_orchestrator.insights.report.phrases import name, number


def flaws_in(integrity: Integrity, compliance: Compliance, duties: Duties, scrubs_due: int) -> Iterator[Found]:
    """Yield the flaws of the records, the gravest first. They come before all other findings."""
    if integrity.problem is not None:
        yield found(
            "ledger_altered",
            "bad",
            "The ledger does not verify: what it says may have been altered.",
            f"{integrity.problem[:1].upper()}{integrity.problem[1:].rstrip('.')}.",
            0,
            then=("Find out who could write to the database, and compare with a copy and its heads.", _VERIFY),
        )
    if compliance.violations:
        first = compliance.violations[0]
        violations = len(compliance.violations) + compliance.left_out
        yield found(
            "policy_violated",
            "bad",
            f"{number(violations, 'decision')} had less oversight than the policy demands.",
            f"The first of them is {name(first.task_id)}: {first.what.rstrip('.')}.",
            violations,
            then=("Look at how it came about, and have a person decide such cases again.", ("show", first.case_id)),
        )
    for finding_id, case_ids, what in (
        ("person_missing", duties.without_person, "went ahead without the person that the rule demands"),
        ("own_case", duties.own, "had the submitter as the person who decided"),
    ):
        if case_ids:
            yield found(
                finding_id,
                "bad",
                f"{number(len(case_ids), 'case')} {what}.",
                f"The first of them is {case_ids[0]}.",
                len(case_ids),
                then=("Look at how it came about, and have another person decide.", ("show", case_ids[0])),
            )
    if scrubs_due:
        yield found(
            "copies_remain",
            "watch",
            f"The database may still hold copies of the erased texts of {number(scrubs_due, 'case')}.",
            "Another process read the database when they were erased.",
            scrubs_due,
            then=("Erase them when no other process reads the store.", ("recover",)),
        )


_VERIFY = ("audit", "verify")
