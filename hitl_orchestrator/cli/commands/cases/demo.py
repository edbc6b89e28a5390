"""`hitl demo`: the canonical data end to end, compared with their expected audit records."""

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hitl_orchestrator.cli.context import command, option
from hitl_orchestrator.cli.output.blocks import COMMAND, Block, Line
from hitl_orchestrator.cli.output.data import write_file
from hitl_orchestrator.cli.output.errors import NO
from hitl_orchestrator.cli.output.formatting import count
from hitl_orchestrator.cli.output.render import answer
from hitl_orchestrator.errors import InvalidInput

if TYPE_CHECKING:
    from hitl_orchestrator.cli.session import Session
    from hitl_orchestrator.domain.audit import AuditRecord
    from hitl_orchestrator.domain.case import Case

group = typer.Typer()
TRY_OUT = "Try out"
TASKS, OUTPUTS, REVIEWS, EXPECTED = "tasks.json", "agent_outputs.json", "human_reviews.json", "audit_logs.json"
DATA_SETS = (TASKS, OUTPUTS, REVIEWS, EXPECTED, "routing_policy.json", "reviewers.json")
EXAMPLES = (
    "routing_policy_mended.json",
    "default_policy_v1.json",
    "routing_policy.policy-test.yaml",
    "routing_policy_mended.policy-test.yaml",
    "default_policy_v1.policy-test.yaml",
    *(f"starter/{name}" for name in (*DATA_SETS[:4], "policy.json", "reviewers.json", "manifest.json")),
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
class Result:
    """The cases as they were routed, their audit records, and the differences from the expected records."""

    routed: "Sequence[Case]"
    records: "Sequence[AuditRecord]"
    differences: Sequence[str]


@command(group, "demo", (), panel=TRY_OUT)
def demo(
    session: "Session",
    data_into: Annotated[str | None, option("FOLDER", "Only copy the canonical data sets to this folder.")] = None,
) -> None:
    """Run the example data in temporary stores.

    The recorded reviews of the five canonical tasks are replayed, and the audit records compared with the expected
    ones. Then the 50 tasks of the starter data are reported on: the first screen here, the page in a temporary folder.
    """
    if data_into is not None:
        written = write_data(Path(data_into))
        answer(session.as_json, [str(path) for path in written], lambda: _next_commands(data_into))
        return
    with TemporaryDirectory(prefix="hitl-demo-") as folder:
        write_data(Path(folder))
        result = run_canonical(Path(folder))
        records = [record.model_dump(mode="json") for record in result.records]
        answer(session.as_json, records, lambda: _describe(result, Path(folder)))
    if result.differences:
        raise typer.Exit(NO)


def run_canonical(folder: Path) -> Result:
    """Run the data sets of a folder in a store next to them: first without reviews, then with the recorded ones."""
    from hitl_orchestrator.cli.commands.cases.run_files import Files, read_intake
    from hitl_orchestrator.cli.commands.cases.submission import submit_all
    from hitl_orchestrator.cli.session import Session
    from hitl_orchestrator.orchestrator import bundled_data

    store, files = f"sqlite:///{folder / 'demo.db'}", Files(*(str(folder / name) for name in (TASKS, OUTPUTS, REVIEWS)))
    policy, reviewers = str(folder / "routing_policy.json"), str(folder / "reviewers.json")
    session = Session(store=store, policy=policy, reviewers=reviewers, as_json=False)
    intake = read_intake(session, files)
    second = intake.people.chain.second
    opened = session.open_or_create(intake.policy, intake.people, reviewer=second)
    with closing(intake.files), opened as hitl:
        routed: list[Case] = []
        submit_all(hitl, intake._replace(reviews={}), routed.append)
        submit_all(hitl, intake, lambda case: None)
        records = list(hitl.audit.records())
    return Result(routed, records, differences(records, json.loads(bundled_data(EXPECTED))))


def differences(records: "Sequence[AuditRecord]", expected: Sequence[dict[str, Any]]) -> list[str]:
    """Return the fields in which records differ from the expected ones, except the latency of automatic decisions."""
    different: list[str] = []
    by_task = {record.task_id: record.model_dump(mode="json") for record in records}
    for wanted in expected:
        record = by_task.get(wanted["task_id"], {})
        names = (*COMPARED, "latency_seconds") if wanted["human_involved"] else COMPARED
        different += [
            f"{wanted['task_id']}.{name}: {record.get(name)!r}, expected {wanted[name]!r}"
            for name in names
            if record.get(name) != wanted[name]
        ]
    return different


def write_data(folder: Path) -> list[Path]:
    """Write the data sets, unless a file with other content is there; then nothing is written.

    Raises:
        InvalidInput: a file has other content, or the folder cannot be written.
    """
    from hitl_orchestrator.orchestrator import bundled_data

    wanted = {folder / name: bundled_data(name) for name in (*DATA_SETS, *EXAMPLES)}
    try:
        changed = [path for path, text in wanted.items() if path.exists() and path.read_text("utf-8") != text]
        if changed:
            raise InvalidInput([f"{path}: exists with other content; choose another folder" for path in changed])
        for path, text in wanted.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                write_file(str(path), text)
    except OSError as exc:
        raise InvalidInput([f"{folder}: cannot be written: {exc.strerror}"]) from exc
    return list(wanted)


def _describe(result: Result, folder: Path) -> Iterator[Block]:
    from hitl_orchestrator.cli.commands.cases.demo_report import starter_report
    from hitl_orchestrator.cli.views import tables
    from hitl_orchestrator.cli.views.audit import listing

    waiting = [case for case in result.routed if case.open_review]
    yield Line(f"{count(len(result.routed), 'task')}, routed by the canonical policy:", "bold")
    yield tables.cases_table(result.routed)
    yield Line()
    yield Line(f"{count(len(waiting), 'recorded review')} replayed at their recorded times. The audit records:", "bold")
    yield from listing.records(listing.Page(result.records))
    differing = {difference.partition(".")[0] for difference in result.differences}
    expected = len(result.records)
    sentence = f"{expected - len(differing)} of {expected} records match the expected ones in {EXPECTED}."
    yield Line(sentence, "red" if differing else "green")
    for difference in result.differences:
        yield Line(difference, "red", indent=2)
    yield Line()
    yield from starter_report(folder / "starter")
    yield Line()
    yield from _next_commands("hitl-demo", copied=False)


def _next_commands(folder: str, *, copied: bool = True) -> Iterator[Block]:
    from hitl_orchestrator.cli.session import program

    yield Line("Now by hand:" if not copied else f"The data sets are in {folder}. Next:")
    commands = [] if copied else [f"hitl demo --data-into {folder}"]
    commands += [
        f"hitl run {folder}/{TASKS} --outputs {folder}/{OUTPUTS}",
        "hitl inbox",
        "hitl show task_002",
        "hitl decide task_002 approve --reviewer domain_reviewer",
        "hitl audit list",
        "hitl report",
    ]
    for line in commands:
        yield Line(line.replace("hitl", program(), 1), COMMAND, indent=2)
