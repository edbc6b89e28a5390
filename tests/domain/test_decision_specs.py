"""The table of human decisions."""

import pytest

from hitl_orchestrator.domain.enums import DECISION_SPECS, HumanDecision


@pytest.mark.parametrize("decision", HumanDecision)
def test_every_decision_has_a_spec_with_its_final_decision(decision):
    spec = decision.spec

    assert spec.escalates == (decision is HumanDecision.ESCALATE) == (spec.final is None)
    assert decision.final is spec.final
    assert not spec.needs_output or spec.takes_output
    assert not spec.approves_proposal or not spec.takes_output


def test_keys_labels_and_final_decisions_are_distinct():
    specs = list(DECISION_SPECS.values())

    for values in ([spec.key for spec in specs], [spec.label for spec in specs], [spec.final for spec in specs]):
        assert len(set(values)) == len(specs)
    assert list(DECISION_SPECS) == list(HumanDecision)
