"""The parts of a confidence, as the command line shows them."""

import pytest
from support.builders import a_task

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.cli import main
from hitl_orchestrator.policies import Lowest, Reported, ScoreRules, Verbalised


@pytest.mark.parametrize("decided", [False, True])
def test_a_case_is_shown_with_the_parts_of_its_confidence(tmp_path, capsys, decided):
    answer = {"predicted_label": "Refund", "confidence_score": 0.95, "verbalised_confidence": "55%"}
    rules = ScoreRules(confidence=Lowest(of=[Reported(), Verbalised()]))
    store = f"sqlite:///{tmp_path / 'hitl.db'}"
    with Orchestrator.open(store, classifier=lambda task: answer, score_rules=rules) as hitl:
        case = hitl.submit(a_task())
        if decided:
            hitl.decide(case.case_id, "reject", reviewer="domain_reviewer")

    assert main(["show", case.case_id, "--store", store]) == 0
    shown = capsys.readouterr().out
    assert "confidence 0.55" in shown
    assert "reported: 0.95, the output's confidence_score" in shown
    assert "verbalised: 0.55, stated by the agent" in shown
