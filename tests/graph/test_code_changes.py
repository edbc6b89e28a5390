"""Code changes between pause and resume: refused with the graph's version, or shown to be harmless.

Each test copies the package, edits a few lines of the copy, and lets a subprocess with the edited code open a store
whose cases were paused by the unchanged code (or the other way round). An edit that no longer applies fails the test.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support.builders import a_review, a_task, an_output
from support.forked_program import Programs

import hitl_orchestrator
from hitl_orchestrator import Orchestrator
from hitl_orchestrator.errors import GraphVersionMismatch
from hitl_orchestrator.graph.topology import graph_version

PACKAGE = Path(hitl_orchestrator.__file__).parent
TOPOLOGY, BUILD, STATE = "graph/topology.py", "graph/build.py", "nodes/state.py"
HUMAN_REVIEW, FINALIZE, DECISION = "nodes/human_review.py", "nodes/finalize.py", "domain/decision.py"
REVIEW, WORDS, SCORING = "domain/review.py", "domain/enums.py", "policies/engine/scoring.py"
MASKING, VALUE, CONFIDENCE = "services/masking.py", "domain/value.py", "policies/engine/confidence.py"
ASSESSMENT = "    confidence_assessment: Assessment | None = None\n"
SOURCE = "    confidence: Confidence | None\n    source: ConfidenceSource\n"

PROGRAM = """
import json, sys
from pathlib import Path
import hitl_orchestrator
from hitl_orchestrator import AgentOutput, HitlError, Orchestrator, Review, Task
from hitl_orchestrator.errors import RecoveryIncomplete

def tried(act):
    try:
        return {"status": act().status}
    except HitlError as exc:
        return {"error": type(exc).__name__, "message": str(exc)}

def recovered(hitl):
    try:
        return [case.status for case in hitl.recover()]
    except RecoveryIncomplete as exc:
        return [type(failure).__name__ for failure in exc.failures.values()]

store, doing = sys.argv[1:]
with Orchestrator.open(store) as hitl:
    result = {"package": str(Path(hitl_orchestrator.__file__).parent), "version": hitl._services.reader.graph_version}
    if doing == "decide":
        answer = Review(human_decision="approve", reviewer_id="domain_reviewer")
        result |= tried(lambda: hitl.decide(task_id="waiting", decision=answer)) | {"recovered": recovered(hitl)}
    else:
        for name in ("waiting", "received"):
            task, output = (json.loads(Path(f"{name}.{kind}").read_text()) for kind in ("task", "output"))
            act = hitl.submit if name == "waiting" else hitl.cases.enqueue
            act(Task.model_validate(task), AgentOutput.model_validate(output))
print(json.dumps(result))
"""

Edit = tuple[str, str, str]

TASKS = {"waiting": 0.5, "received": 0.95}
PAUSES = "PAUSES = {HUMAN_REVIEW: 1}"
STEPS = '= "classify", "score", "route", "human_review", "finalize"'
NO_REVIEW_NODE: list[Edit] = [
    (TOPOLOGY, "    HUMAN_REVIEW: Submitted,\n", ""),
    (TOPOLOGY, '    HUMAN_REVIEW: "review",\n', ""),
    (
        TOPOLOGY,
        "    ROUTE: (FINALIZE, HUMAN_REVIEW),\n    HUMAN_REVIEW: (FINALIZE, HUMAN_REVIEW),\n",
        "    ROUTE: (FINALIZE,),\n",
    ),
    (TOPOLOGY, PAUSES, "PAUSES: dict[str, int] = {}"),
    (BUILD, "        HUMAN_REVIEW: partial(human_review, inbox=services.inbox),\n", ""),
    (BUILD, "        HUMAN_REVIEW: partial(after_review, adapter=adapter),\n", ""),
    (BUILD, " if decision.action is Action.AUTO_APPROVE else HUMAN_REVIEW", ""),
]
ASKS_TWICE: Edit = (
    HUMAN_REVIEW,
    "        answer: Answer = interrupt(asked, response_schema=schema)\n",
    "        interrupt(asked, response_schema=schema)\n        answer = interrupt(asked, response_schema=schema)\n",
)
NEVER_ASKS: Edit = (HUMAN_REVIEW, "answer: Answer = interrupt(asked, response_schema=schema)", "answer = Answer()")
ASKS_AT_THE_END: list[Edit] = [
    (FINALIZE, "import Records\n", "import Records\nfrom langgraph.types import interrupt\n"),
    (FINALIZE, "    return ", '    interrupt("sure?")\n    return '),
]
REDUCER: Edit = (
    TOPOLOGY,
    "    review: dict[str, Any] | None\n",
    "    review: Annotated[dict[str, Any] | None, lambda before, after: after]\n",
)
ANNOTATED: Edit = (TOPOLOGY, "from typing import Any\n", "from typing import Annotated, Any\n")

REFUSED: dict[str, list[Edit]] = {
    "the review node renamed": [(TOPOLOGY, STEPS, STEPS.replace("human_review", "ask_a_person"))],
    "the review node removed": NO_REVIEW_NODE,
    "finalize renamed": [(TOPOLOGY, STEPS, STEPS.replace("finalize", "close"))],
    "an interrupt inserted in another node": [
        *ASKS_AT_THE_END,
        (TOPOLOGY, PAUSES, "PAUSES = {HUMAN_REVIEW: 1, FINALIZE: 1}"),
    ],
    "a second interrupt inserted": [ASKS_TWICE, (TOPOLOGY, PAUSES, "PAUSES = {HUMAN_REVIEW: 2}")],
    "an interrupt removed": [NEVER_ASKS, (TOPOLOGY, PAUSES, "PAUSES: dict[str, int] = {}")],
    "the edge up the chain removed": [
        (TOPOLOGY, "HUMAN_REVIEW: (FINALIZE, HUMAN_REVIEW)", "HUMAN_REVIEW: (FINALIZE,)"),
    ],
    "the edge around the person removed": [(TOPOLOGY, "ROUTE: (FINALIZE, HUMAN_REVIEW)", "ROUTE: (HUMAN_REVIEW,)")],
    "a state key renamed": [
        (TOPOLOGY, "    review: dict[str, Any] | None\n", "    answer: dict[str, Any] | None\n"),
        (TOPOLOGY, 'HUMAN_REVIEW: "review"', 'HUMAN_REVIEW: "answer"'),
        (TOPOLOGY, '    "review": RecordedDecision', '    "answer": RecordedDecision'),
        (HUMAN_REVIEW, 'return {"review": row.verdict}', 'return {"answer": row.verdict}'),
        (BUILD, 'state.get("review")', 'state.get("answer")'),
    ],
    "a reducer added": [ANNOTATED, REDUCER],
    "an enum member removed that the case uses": [(WORDS, '    LOW_CONFIDENCE = "low_confidence"\n', "")],
    "an enum member removed that the case does not use": [
        (WORDS, '    VERBALISED = "verbalised"\n', ""),
        (CONFIDENCE, "ConfidenceSource.VERBALISED", "ConfidenceSource.REPORTED"),
    ],
    "an enum member renamed": [(WORDS, 'UNUSUAL = "unusual"', 'UNUSUAL = "odd"')],
    "a required field renamed": [
        (DECISION, SOURCE, SOURCE.replace("source", "origin")),
        (SCORING, "source=scoring.source", "origin=scoring.source"),
        (MASKING, "source=ConfidenceSource.MISSING", "origin=ConfidenceSource.MISSING"),
    ],
    "an optional field renamed": [(REVIEW, ASSESSMENT, ASSESSMENT.replace("confidence_assessment", "sureness"))],
    "a field that changed its type": [
        (DECISION, "    confidence: Confidence | None\n    source", "    confidence: Text | None\n    source"),
    ],
    "a new field that is not declared harmless": [
        (DECISION, SOURCE, f"{SOURCE}    calibrated: bool = False\n"),
    ],
}
LIMIT = "Label = Annotated[str, StringConstraints(min_length=1, max_length=200,"
DECLARED: Edit = (TOPOLOGY, "= frozenset()", f'= frozenset({{"{graph_version()}"}})')
HARMLESS: dict[str, list[Edit]] = {
    "nothing": [],
    "a docstring": [
        (STATE, "The submission, its classification and its score. `route` reads it.", "Another sentence.")
    ],
    "a description": [(DECISION, "who must decide; None for auto_approve", "another sentence")],
    "a limit that is wider": [(VALUE, LIMIT, LIMIT.replace("200", "300"))],
    "a new optional field, declared harmless": [
        *REFUSED["a new field that is not declared harmless"],
        DECLARED,
    ],
    "a new enum member, declared harmless": [
        (WORDS, '    RISKY = "risky"\n', '    RISKY = "risky"\n    NEW = "new"\n'),
        DECLARED,
    ],
}


class Changed(NamedTuple):
    """A copy of the package with a few lines changed."""

    folder: Path
    programs: Programs

    def run(self, store: Path, doing: str) -> dict[str, Any]:
        """Run the program above with the changed code; return the JSON of its last line."""
        done = self.programs.run(self.folder, PROGRAM, f"sqlite:///{store}", doing, cwd=store.parent)
        assert done.code == 0, done.err
        result = json.loads(done.out.splitlines()[-1])
        assert result["package"] == str(self.folder / PACKAGE.name)
        return dict(result)


@pytest.fixture(scope="module")
def programs() -> Iterator[Programs]:
    with closing(Programs()) as running:
        yield running


@pytest.fixture
def changed(programs, tmp_path) -> Callable[[list[Edit]], Changed]:
    """Copy the package and edit the copy."""

    def change(edits: list[Edit]) -> Changed:
        copy = tmp_path / "changed" / PACKAGE.name
        shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
        for name, before, after in edits:
            text = (copy / name).read_text("utf-8")
            assert text.count(before) == 1, f"{name} has {text.count(before)} times {before!r}: update this test"
            (copy / name).write_text(text.replace(before, after), "utf-8")
        return Changed(copy.parent, programs)

    return change


@pytest.fixture(scope="module")
def _paused(tmp_path_factory) -> Path:
    """A store with a waiting and a received case, written by the unchanged code."""
    store = tmp_path_factory.mktemp("paused") / "hitl.db"
    with Orchestrator.open(f"sqlite:///{store}") as hitl:
        hitl.submit(a_task("waiting"), an_output("waiting", confidence=TASKS["waiting"]))
        hitl.cases.enqueue(a_task("received"), an_output("received", confidence=TASKS["received"]))
    return store


@pytest.fixture
def store(_paused, tmp_path) -> Path:
    shutil.copy(_paused.with_name("hitl.db.key"), tmp_path)
    return Path(shutil.copy(_paused, tmp_path))


@pytest.mark.parametrize("edits", REFUSED.values(), ids=REFUSED)
def test_a_changed_graph_version_is_refused_and_moves_no_case(store, changed, edits):
    result = changed(edits).run(store, "decide")

    assert (result["error"], result["recovered"]) == ("GraphVersionMismatch", ["GraphVersionMismatch"])
    assert (
        f"was routed under graph {graph_version()!r}, this code runs graph {result['version']!r}" in result["message"]
    )
    with Orchestrator.open(f"sqlite:///{store}") as hitl:
        assert hitl.decide(task_id="waiting", decision=a_review("approve")).status == "approved"
        assert [case.status for case in hitl.recover()] == ["approved"]


def test_a_removed_reducer_is_refused(store, tmp_path, changed):
    store.unlink()
    for name, confidence in TASKS.items():
        (tmp_path / f"{name}.task").write_text(a_task(name).model_dump_json())
        (tmp_path / f"{name}.output").write_text(an_output(name, confidence).model_dump_json())
    before = changed(REFUSED["a reducer added"])
    assert before.run(store, "submit")["version"] != graph_version()

    with Orchestrator.open(f"sqlite:///{store}") as hitl, pytest.raises(GraphVersionMismatch):
        hitl.decide(task_id="waiting", decision=a_review("approve"))

    assert before.run(store, "decide")["status"] == "approved"


@pytest.mark.parametrize("edits", HARMLESS.values(), ids=HARMLESS)
def test_a_harmless_change_lets_the_case_finish(store, changed, edits):
    result = changed(edits).run(store, "decide")

    assert (result["status"], result["recovered"]) == ("approved", ["approved"])
    assert result["version"] == graph_version() or DECLARED in edits
    with Orchestrator.open(f"sqlite:///{store}") as hitl:
        assert hitl.cases.get(task_id="waiting").record.human_decision == "approve"
        assert [record.task_id for record in hitl.audit.records()] == ["waiting", "received"]
        assert hitl.recover() == []
