"""`hitl policy new`: draft a first policy and its tests, from answers or from past cases."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hitl_orchestrator.cli.context import STORE_AND_PEOPLE, Force, Yes, argument, command, option
from hitl_orchestrator.cli.output.data import check_new_file, write_file
from hitl_orchestrator.cli.output.render import answer
from hitl_orchestrator.errors import InvalidInput

if TYPE_CHECKING:
    from hitl_orchestrator.cli.session import Session

group = typer.Typer()

File = Annotated[str | None, argument("[FILE]", "The file to write. Default: ID.yaml.")]
Name = Annotated[str | None, option("ID", "The policy_id. Default: the name of FILE, or the first task type.", "--id")]
Work = Annotated[str | None, option("TEXT", "What the agent does, in a sentence.", "--work")]
TaskTypes = Annotated[list[str] | None, option("WORD", "A task type; repeat it.", "--task-type")]
Domains = Annotated[list[str] | None, option("WORD", "A domain; repeat it.", "--domain")]
Labels = Annotated[
    list[str] | None,
    option("WORD", "A label that may go ahead without a person; any for all. Default: none.", "--go-ahead"),
]
Sure = Annotated[str | None, option("N", "The confidence from which it may. Default: 0.9.", "--confidence")]
AmountField = Annotated[str | None, option("FIELD", "The metadata field of the amount.", "--amount")]
Unit = Annotated[str | None, option("UNIT", "The unit of the amount, such as EUR.", "--unit")]
UpTo = Annotated[str | None, option("N", "The largest amount that may go ahead.", "--up-to")]
Above = Annotated[str | None, option("N", "The amount above which a case is escalated.", "--escalate-above")]
Role = Annotated[str | None, option("ROLE", "Who decides. Default: the first role of the chain.", "--role")]
Senior = Annotated[str | None, option("ROLE", "Who decides escalated cases. Default: the second.", "--senior-role")]
Within = Annotated[str | None, option("TIME", "Time to decide, such as PT8H or P1D.", "--respond-within")]
Escalated = Annotated[str | None, option("TIME", "The same for escalated cases.", "--escalated-within")]
SpotCheck = Annotated[str | None, option("SHARE", "Share looked at afterwards. Default: 0.05.", "--spot-check")]
Hold = Annotated[str | None, option("SHARE", "Share that a person decides before. Default: 0.", "--hold")]
FromCases = Annotated[str | None, option("STORE|FILE", "Past cases: a store, an export, or tasks.", "--from-cases")]
Outputs = Annotated[str | None, option("FILE", "Agent outputs of these tasks.", "--outputs")]


@command(group, "new", STORE_AND_PEOPLE)
def new(
    session: "Session",
    file: File = None,
    name: Name = None,
    work: Work = None,
    task_types: TaskTypes = None,
    domains: Domains = None,
    labels: Labels = None,
    confidence: Sure = None,
    amount: AmountField = None,
    unit: Unit = None,
    up_to: UpTo = None,
    escalate_above: Above = None,
    role: Role = None,
    senior_role: Senior = None,
    respond_within: Within = None,
    escalated_within: Escalated = None,
    spot_check: SpotCheck = None,
    hold: Hold = None,
    from_cases: FromCases = None,
    outputs: Outputs = None,
    yes: Yes = False,
    force: Force = False,
) -> None:
    """Draft a policy with comments, and a table of tests beside it.

    In a terminal the command asks for what no option states; otherwise, and with --yes, it takes the defaults. Nothing
    goes ahead without a person unless --go-ahead names its label. Past cases propose words and declare fields, and
    approve nothing.
    """
    stated = dict(locals())  # the options by their names, which are those of the questions
    from hitl_orchestrator.cli.commands.policy.drafting.past_cases import observed_in
    from hitl_orchestrator.cli.commands.policy.drafting.questions import answered
    from hitl_orchestrator.cli.views.policies import drafts as view

    check_new_file(file, force=force)
    roles = session.people_for_files().chain
    observed = observed_in(session, from_cases, outputs)
    named = Path(file).stem if file else ""
    answers = answered(stated, observed, roles, named=named, may_ask=not (yes or session.as_json))
    path = Path(file or f"{answers.policy_id}.yaml")
    files = _write(path, answers, observed, force=force, roles=roles)
    data = {"policy_id": answers.policy_id, **files, "goes_ahead": list(answers.labels)}
    answer(session.as_json, data, lambda: view.draft(session, answers, files, observed))


def _write(path: Path, answers: Any, observed: Any, *, force: bool, roles: Any) -> dict[str, str]:
    """Write the policy and its tests, and return their names. Both are read before the first is written."""
    from hitl_orchestrator.policies import draft_policy, draft_tests, read_policy

    if path.suffix not in {".yaml", ".yml"}:
        raise InvalidInput([f"{path}: a draft has comments, which JSON lacks; end its name with .yaml"])
    tests = path.with_name(f"{path.stem}.policy-test.yaml")
    for each in (path, tests):
        check_new_file(str(each), force=force)
    text = draft_policy(answers, observed)
    read_policy(text, str(path), roles)
    write_file(str(path), text, force=force)
    write_file(str(tests), draft_tests(answers, os.path.relpath(path, tests.parent)), force=force)
    return {"policy": str(path), "tests": str(tests)}
