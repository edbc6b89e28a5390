"""The words of the report, and how its intervals were made."""

from hitl_orchestrator.insights.report.rendering.blocks import Paragraph, Section, Terms

_WORDS = (
    ("Automated", "The policy let the proposal of the agent go ahead, and no person was asked."),
    ("Reviewed", "The policy sent the case to a person."),
    ("Escalated", "The case went to a person of a higher role, by the policy or by a reviewer."),
    ("Overturned", "A person decided anything but to approve the proposal as it was: modify, override or reject."),
    ("Modified", "A person approved an edited output. The label may be the same."),
    ("Overridden", "A person put another output in place of the proposal, or nothing, and gave a reason."),
    ("False confidence", "The agent was sure, and a person overturned the case."),
    (
        "Errors of automatic cases",
        "Estimated from answered spot checks, in strata of equal review probability: the share of each stratum counts "
        "as much as the stratum has cases. Stated only where the checks may represent all automatic cases.",
    ),
    (
        "Calibration",
        "How well confidence predicts approval. Expected calibration error: the mean distance between confidence and "
        "share of approvals over bins of equal width. Brier score: the mean squared distance.",
    ),
    (
        "Risk and coverage",
        "If only cases at or above a confidence were automated: coverage is their share of all cases, risk the share "
        "of them that is overturned (El-Yaniv and Wiener, 2010).",
    ),
    (
        "Waiting, working",
        "Waiting runs from the opening of the review to the first view, working from there to the decision.",
    ),
    ("Replayed", "The decision was taken from a record of another system, with its time of decision."),
    ("Audit trail", "A hash chain over all entries, with signed tree heads; a change of any entry breaks it."),
    ("Compliance", "Each decision is derived again from the recorded facts and the policy of that time, and compared."),
)
_INTERVALS = (
    "A share is shown with its count and with its 95 % interval (Wilson, 1927), as a point on a line from 0 to 100 %. "
    "Strata are combined by MOVER (Zou and Donner, 2008); spot checks without an answer widen the interval, as if all "
    "of them had found the case right, or wrong. A difference is called certain where the two intervals do not overlap."
)
_NOT_ENOUGH = (
    "“Not enough data” stands where a figure would be a guess, beside the number of cases there are and the number "
    "that is needed. A dash stands where there is nothing to count. Confidences are cut off, not rounded, so that none "
    "looks as if it were on the other side of a bound. Times are in UTC."
)


def definitions() -> Section:
    """Return the last section."""
    blocks = (Terms(_WORDS), Paragraph(_INTERVALS), Paragraph(_NOT_ENOUGH))
    return Section("definitions", "Definitions, and how the intervals were made", blocks)
