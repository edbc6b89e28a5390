"""The fixtures of the installed pytest plugin."""

import subprocess
import sys

from support.builders import a_task, an_output
from support.internals import services_of

from hitl_orchestrator.testing import Habits


def test_a_test_has_an_orchestrator_on_a_clock_that_it_moves(hitl, clock, reviewer):
    case = hitl.submit(a_task(timestamp=clock()), an_output(confidence=0.5))
    clock.advance(hours=1)

    done = hitl.decide(case.case_id, reviewer(accuracy=1).answer(hitl.inbox()[0], "Refund"))

    assert done.status == "approved"
    assert done.record.latency_seconds == 3600


def test_a_simulated_reviewer_has_the_requested_habits(hitl, reviewer):
    one = reviewer("senior_manager", seed=7, accuracy=0.8)

    assert one.reviewer == services_of(hitl).people.named("senior_manager")
    assert (one.habits, one.seed) == (Habits(accuracy=0.8), 7)


def test_an_unused_plugin_imports_nothing(tmp_path):
    tests = tmp_path / "test_nothing.py"
    tests.write_text(
        "import sys\n"
        "def test_nothing(pytestconfig):\n"
        "    assert pytestconfig.pluginmanager.has_plugin('hitl_orchestrator')\n"
        "    ours = [name for name in sys.modules if name.startswith('hitl_orchestrator')]\n"
        "    assert sorted(ours) == ['hitl_orchestrator', 'hitl_orchestrator.lazy', 'hitl_orchestrator.testing', "
        "'hitl_orchestrator.testing.plugin']\n"
        "    assert 'pydantic' not in sys.modules\n"
    )
    command = [sys.executable, "-m", "pytest", "-p", "no:langsmith_plugin", "-p", "no:hypothesispytest", tests]

    done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True, timeout=120)

    assert done.returncode == 0, done.stdout
