"""Gaps are described in unambiguous sentences."""

import pytest
from support.random_policies import a_policy_with

from hitl_orchestrator.policies import check
from hitl_orchestrator.policies.analysis.findings import FindingKind


def gaps(*fields):
    found = check(a_policy_with([("human_review", one) for one in fields]))
    return [one.sentence for one in found if one.kind is FindingKind.GAP]


def test_a_gap_is_about_any_case_and_not_only_about_some_of_every_case():
    assert gaps({"domain": "payments"}) == [
        "no rule matches any case outside payments: the fallback sends such cases to a person"
    ]


@pytest.mark.parametrize(
    ("rules", "reports"),
    [
        ([{"domain": "payments"}, {"domain": "support"}], []),
        ([{"task_type": "refund"}], ["any case of type answer"]),
        ([{"domain": "payments"}], ["any case in support"]),
        ([{"risk_level": "low", "domain": "payments"}, {"risk_level": ["medium", "high"]}], ["in support"]),
    ],
)
def test_the_questions_of_the_system_itself_are_no_gap_of_a_vocabulary(rules, reports):
    vocabulary = {"domains": ["payments", "support"], "task_types": ["refund", "answer"]}
    policy = a_policy_with([("human_review", one) for one in rules], vocabulary=vocabulary)

    found = [one.sentence for one in check(policy) if one.kind is FindingKind.GAP]

    assert not any("policy" in sentence or "change" in sentence for sentence in found)
    assert len(found) == len(reports), found
    assert all(report in sentence for report, sentence in zip(reports, found, strict=True)), found


@pytest.mark.parametrize(("many", "report"), [(4, "one more kind of case:"), (5, "2 more kinds of cases:")])
def test_gaps_beyond_the_first_three_are_counted(many, report):
    # In the n-th domain all is decided but the n-th type: that is one kind of gap for each.
    domains = [f"d{number}" for number in range(many)]
    rules = [{"domain": one, "not": {"task_type": f"t{number}"}} for number, one in enumerate(domains)]

    assert gaps({"not": {"domain": domains}}, *rules)[-1].startswith(f"no rule matches {report}")


def test_a_gap_leaves_out_what_follows_from_earlier_rules_for_reviewers():
    wrong = [{"metadata": {name: {"ne": True}}} for name in ("complete", "signed", "paid", "checked")]
    rules = [("human_review", fields) for fields in wrong]
    policy = a_policy_with(
        [*rules, ("auto_approve", {"task_type": "refund", "min_confidence": 0.9})],
        metadata=dict.fromkeys(("complete", "signed", "paid", "checked"), "boolean"),
    )

    assert next(one.sentence for one in check(policy) if one.kind is FindingKind.GAP) == (
        "no rule matches any case without a confidence or with one below 0.9: unless a rule for reviewers matches, "
        "the fallback sends such cases to a person"
    )
