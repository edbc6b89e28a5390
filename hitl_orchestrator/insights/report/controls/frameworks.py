"""The controls of three frameworks on human oversight. Their numbers are those of the framework; the words are ours.

OWASP AISVS: version 1.0, https://github.com/OWASP/AISVS/tree/main/1.0/en. Its drafts had a chapter 14 on human
oversight; version 1.0 has some of it in 9.6 and 12.4, and the rest is marked as of the draft. EU AI Act: Regulation
(EU) 2024/1689. NIST: AI Risk Management Framework 1.0 (NIST AI 100-1, 2023).
"""

from typing import NamedTuple

from hitl_orchestrator.insights.report.controls.evidence import (
    Row,
    authorized,
    both,
    by_risk,
    drill,
    followed,
    followed_and_reviewed,
    kept,
    known_limits,
    logged_interventions,
    monitored,
    overruled,
    recorded,
    recorded_decisions,
    reviewed,
    timed_out,
)


class Framework(NamedTuple):
    """A framework, and those of its controls that concern human oversight."""

    title: str
    source: str
    rows: tuple[Row, ...]


_ELSEWHERE = "actions of an agent that were never submitted are in no ledger"
_ENOUGH = "whether the policy demands a person for every such action is its author's judgment"
_STOPS = "a stricter policy stops approvals, not the model itself"
_FACE = "whether the face rendered all of it is the face's matter"
_OPERATION = "it is a matter of operation, of which the ledger has no entry"
_AGENT = "it is a property of the agent, which the ledger does not see"
_TRAINING = "competence and training are not recorded"

AISVS = Framework(
    "OWASP AISVS 1.0: approval of high-impact actions and human oversight",
    "OWASP AI Security Verification Standard 1.0, 9.2, 9.6, 12.4, and chapter 14 of its drafts",
    (
        Row("9.2.1", "A person approves high-impact actions first", followed_and_reviewed, f"{_ENOUGH}; {_ELSEWHERE}"),
        Row("9.2.2", "The request shows the whole action", recorded_decisions, _FACE),
        Row("9.2.3", "Actions are classified by reversibility", by_risk, "risk is recorded, reversibility is not"),
        Row("9.2.4", "The classification is enforced", both(followed, by_risk), "it is enforced for risk only"),
        Row("9.2.5", "An agent cannot change itself", _AGENT),
        Row("9.2.6", "A model reviews risky plans, beside the rules", "no review by a model is part of the record"),
        Row("9.2.7", "That review resists manipulation", "no review by a model is part of the record"),
        Row("9.2.8", "Approvals are bound to the action, once", both(recorded_decisions, followed)),
        Row("9.2.9", "Approval keys are out of the agent's reach", f"where the keys are kept: {_OPERATION}"),
        Row("9.2.10", "A chain of actions takes its highest demand", "each action is a case; chains are not recorded"),
        Row("9.6.1", "A manual kill switch exists", drill("kill_switch"), _STOPS),
        Row("9.6.2", "Without approval in time the action is blocked", timed_out),
        Row("9.6.3", "The kill switch works out of band", f"the channel of the switch: {_OPERATION}"),
        Row("12.4.2", "Approver, time, action and outcome are logged", recorded_decisions),
        Row("12.4.3", "Kill switches and overrides are logged", logged_interventions),
        Row("14.1.2 (draft)", "The kill switch is tested regularly", drill("kill_switch"), "no frequency is set here"),
        Row("14.1.3 (draft)", "There are states between on and off", both(followed, by_risk), _STOPS),
        Row(
            "14.2.1 (draft)",
            "A written policy says what needs a person",
            followed,
            "who wrote it, and why, is a document",
        ),
    ),
)

EU_AI_ACT = Framework(
    "EU AI Act: record-keeping, human oversight, and duties of deployers",
    "Regulation (EU) 2024/1689, Articles 12, 14 and 26. Not legal advice; most of it binds high-risk systems only",
    (
        Row("12(1)", "Events are logged automatically", recorded, _ELSEWHERE),
        Row("12(2)", "Logs allow to find risks and to monitor", both(recorded, monitored)),
        Row("12(3)", "Logs of remote biometric identification", "this ledger has no fields of its own for it"),
        Row("14(1)", "People can oversee the system in use", followed_and_reviewed, "overseeing well is not recorded"),
        Row("14(2)", "Oversight prevents or reduces risks", overruled, "prevented harm is not measured"),
        Row("14(3)", "Oversight fits risk and autonomy", by_risk, "whether it is enough is a judgment"),
        Row(
            "14(4)(a)",
            "Overseers know capacities and limits",
            known_limits,
            "whether reviewers know it is not recorded",
        ),
        Row("14(4)(b)", "Overseers stay aware of automation bias", drill("planted_errors", "fatigue", "overrides")),
        Row("14(4)(c)", "Overseers can interpret the output", recorded_decisions, "understanding is not recorded"),
        Row("14(4)(d)", "Overseers can disregard or reverse it", overruled),
        Row("14(4)(e)", "Overseers can stop the system", drill("kill_switch"), _STOPS),
        Row("14(5)", "Two people verify a biometric match", followed, "only where a rule demands two approvals"),
        Row("26(1)", "Use follows the instructions of the provider", _OPERATION),
        Row("26(2)", "Overseers have competence and authority", authorized, _TRAINING),
        Row("26(4)", "Input data are relevant", _AGENT),
        Row(
            "26(5)", "Operation is monitored, risks are reported", monitored, f"reporting and suspension: {_OPERATION}"
        ),
        Row("26(6)", "Logs are kept for six months at least", both(kept, recorded)),
        Row("26(7)", "Workers are informed", _OPERATION),
        Row("26(11)", "Affected people are informed", _OPERATION),
    ),
)

NIST_RMF = Framework(
    "NIST AI RMF 1.0: oversight, monitoring, appeal and override",
    "NIST AI 100-1, AI Risk Management Framework 1.0 (2023)",
    (
        Row("GOVERN 1.3", "The needed activities follow from risk", by_risk, "risk tolerance is a decision of people"),
        Row(
            "GOVERN 2.1", "Roles and responsibilities are clear", authorized, "lines of communication are not recorded"
        ),
        Row("GOVERN 3.2", "Policies define who oversees what", followed_and_reviewed),
        Row(
            "MAP 2.2",
            "Limits and oversight of output are documented",
            known_limits,
            "the document is not in the ledger",
        ),
        Row("MAP 3.4", "Operators are proficient", drill("planted_errors", "second_reviews"), _TRAINING),
        Row("MAP 3.5", "Oversight processes are defined and assessed", followed_and_reviewed),
        Row("MEASURE 2.4", "Behavior in production is monitored", monitored, _ELSEWHERE),
        Row("MEASURE 2.8", "Accountability can be examined", recorded_decisions),
        Row(
            "MEASURE 2.9",
            "Output is interpreted in context",
            both(known_limits, reviewed),
            "explanations are not judged",
        ),
        Row("MEASURE 3.3", "People affected can appeal", "appeals of people who are affected are not recorded"),
        Row("MANAGE 2.4", "Systems can be superseded or switched off", drill("kill_switch"), _STOPS),
        Row(
            "MANAGE 4.1",
            "Monitoring, override and incident plans after deployment",
            both(monitored, overruled),
            f"incident response and decommissioning: {_OPERATION}",
        ),
        Row("MANAGE 4.3", "Incidents and errors are communicated", _OPERATION),
    ),
)

FRAMEWORKS = {"aisvs": AISVS, "eu-ai-act": EU_AI_ACT, "nist-rmf": NIST_RMF}
"""The frameworks by the names under which a report is asked for them."""
