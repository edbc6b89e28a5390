"""`hitl demo`: the canonical data end to end, held against the audit records that come with them."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import typer

from hitl_orchestrator.cli.commands.cases.run import work_through
from hitl_orchestrator.cli.commands.cases.run_files import Files, Intake, read_intake
from hitl_orchestrator.cli.output.blocks import COMMAND, Block, Line
from hitl_orchestrator.cli.output.errors import NO
from hitl_orchestrator.cli.output.formatting import count
from hitl_orchestrator.cli.output.render import answer
from hitl_orchestrator.cli.session import Session, program
from hitl_orchestrator.cli.views import tables as views
from hitl_orchestrator.domain.audit import AuditRecord
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.orchestrator import Orchestrator
from hitl_orchestrator.wiring.build import canonical

TASKS, OUTPUTS, REVIEWS, EXPECTED = "tasks.json", "agent_outputs.json", "human_reviews.json", "audit_logs.json"
DATA_SETS = (TASKS, OUTPUTS, REVIEWS, EXPECTED, "routing_policy.json", "reviewers.json")
EXAMPLES = (
    "routing_policy_mended.json",
    "default_policy_v1.json",
    "routing_policy.policy-test.yaml",
    "routing_policy_mended.policy-test.yaml",
    "default_policy_v1.policy-test.yaml",
    *(
        f"policies/{name}{ending}"
        for name in ("refunds", "loans", "moderation")
        for ending in (".yaml", ".policy-test.yaml")
    ),
)
COMPARED = (
    "risk_level",
    "confidence_score",
    "routing_decision",
    "human_involved",
    "final_decision",
    "decision_source",
)


@dataclass(frozen=True)
class Shown:
    """What a demo has to show: the cases as they were routed, their records, and what differs from the expected."""

    routed: Sequence[Case]
    records: Sequence[AuditRecord]
    differences: Sequence[str]


def demo(session: Session) -> None:
    """Route the five tasks, replay the three reviews, and compare the records."""
    with TemporaryDirectory(prefix="hitl-demo-") as folder:
        write_data(Path(folder))
        shown = run_canonical(Path(folder))
    answer(session.as_json, [record.model_dump(mode="json") for record in shown.records], lambda: _told(shown))
    if shown.differences:
        raise typer.Exit(NO)


def run_canonical(folder: Path) -> Shown:
    """Run the data sets of a folder in a store beside them: first up to the people, then with what people said."""
    store = f"sqlite:///{folder / 'demo.db'}"
    session = Session(
        store=store, policy=str(folder / "routing_policy.json"), reviewers=str(folder / "reviewers.json"), as_json=False
    )
    files = Files(str(folder / TASKS), str(folder / OUTPUTS), str(folder / REVIEWS))
    intake = read_intake(session, files)
    with Orchestrator.open(store, policy=intake.policy, reviewers=intake.people) as hitl:
        routed = work_through(hitl, _without_answers(intake)).cases
        work_through(hitl, intake)
        records = list(hitl.audit.records())
    return Shown(routed, records, differences(records, json.loads(canonical(EXPECTED))))


def differences(records: Sequence[AuditRecord], expected: Sequence[dict[str, Any]]) -> list[str]:
    """Return where records differ from the expected ones; how long the machine took is its own affair."""
    found = []
    by_task = {record.task_id: record.model_dump(mode="json") for record in records}
    for wanted in expected:
        record = by_task.get(wanted["task_id"], {})
        names = (*COMPARED, "latency_seconds") if wanted["human_involved"] else COMPARED
        found += [
            f"{wanted['task_id']}.{name}: {record.get(name)!r}, expected {wanted[name]!r}"
            for name in names
            if record.get(name) != wanted[name]
        ]
    return found


def copy_data(session: Session, folder: str) -> None:
    """Copy the data sets into a folder, to be run, read and changed."""
    written = write_data(Path(folder))
    answer(session.as_json, [str(path) for path in written], lambda: _what_to_type(folder))


def write_data(folder: Path) -> list[Path]:
    """Write the data sets. A file that is there with other content is left alone, and nothing is written.

    Raises:
        InvalidInput: a file stands in the way, or the folder cannot be written.
    """
    wanted = {folder / name: canonical(name) for name in (*DATA_SETS, *EXAMPLES)}
    try:
        changed = [path for path, text in wanted.items() if path.exists() and path.read_text("utf-8") != text]
        if changed:
            raise InvalidInput([f"{path}: is there with other content; choose another folder" for path in changed])
        for path, text in wanted.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    except OSError as exc:
        raise InvalidInput([f"{folder}: cannot be written: {exc.strerror}"]) from exc
    return list(wanted)


def _without_answers(intake: Intake) -> Intake:
    """Return the same run with nobody answering yet."""
    return intake._replace(reviews={})


def _told(shown: Shown) -> Iterator[Block]:
    waiting = [case for case in shown.routed if case.open_review]
    yield Line(f"{count(len(shown.routed), 'task')}, routed by the canonical policy:", "bold")
    yield views.cases_table(shown.routed)
    yield Line()
    yield Line(
        f"{count(len(waiting), 'recorded review')} replayed, at the time of the record. The audit records:", "bold"
    )
    yield from views.records(shown.records)
    differing = {difference.partition(".")[0] for difference in shown.differences}
    expected = len(shown.records)
    sentence = f"{expected - len(differing)} of {expected} records match the expected ones in {EXPECTED}."
    yield Line(sentence, "red" if differing else "green")
    for difference in shown.differences:
        yield Line(difference, "red", indent=2)
    yield Line()
    yield from _what_to_type("hitl-demo", copied=False)


def _what_to_type(folder: str, *, copied: bool = True) -> Iterator[Block]:
    yield Line("Now by hand:" if not copied else f"The data sets are in {folder}. Next:")
    commands = [] if copied else [f"hitl demo --data-into {folder}"]
    commands += [
        f"hitl run {folder}/{TASKS} --outputs {folder}/{OUTPUTS}",
        "hitl inbox",
        "hitl show task_002",
        "hitl resume task_002 approve --reviewer domain_reviewer",
        "hitl audit list",
    ]
    for command in commands:
        yield Line(command.replace("hitl", program(), 1), COMMAND, indent=2)
