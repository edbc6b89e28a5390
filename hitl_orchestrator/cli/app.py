"""Every command as it is typed. What a command does is imported when it is asked for: `--help` waits for nothing."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from hitl_orchestrator.cli.app_audit import audit
from hitl_orchestrator.cli.app_policy import comparing
from hitl_orchestrator.cli.app_policy_lab import rehearsing
from hitl_orchestrator.cli.app_policy_life import register as register_life
from hitl_orchestrator.cli.app_review import ReasonCode, review
from hitl_orchestrator.cli.app_simulate import simulate
from hitl_orchestrator.cli.context import (
    AsJson,
    CaseId,
    GlobalOptions,
    Policy,
    Reviewers,
    Store,
    help_alone,
    session_of,
)
from hitl_orchestrator.cli.output.errors import INTERRUPTED
from hitl_orchestrator.domain.enums import HumanDecision
from hitl_orchestrator.errors import InvalidInput

app = typer.Typer(
    name="hitl",
    help="Decide whether agent outputs may go ahead, must be reviewed, or must be escalated.",
    epilog="Exit codes: 0 done, 1 the answer is no, 2 unfit input. Problems go to stderr, one sentence each; with "
    '--json as one object {"error": ..., "problems": [...]}.',
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
policy_app = typer.Typer(rich_markup_mode=None)
app.add_typer(review)
app.add_typer(audit, name="audit")
app.add_typer(policy_app, name="policy")
policy_app.add_typer(comparing)
policy_app.add_typer(rehearsing)


def run_command(arguments: Sequence[str]) -> int:
    """Run the command that the arguments name, and return its exit code.

    Raises:
        InvalidInput: an argument is no text, as bytes in another encoding are not.
    """
    strange = [place for place, word in enumerate(arguments, start=1) if not _is_text(word)]
    if strange:
        raise InvalidInput([f"argument {place} is not UTF-8 text: {arguments[place - 1]!r}" for place in strange])
    code: Any = typer.main.get_command(app).main(list(arguments), prog_name="hitl", standalone_mode=False)
    if code == INTERRUPTED:
        raise KeyboardInterrupt  # which typer turns into this code
    return code if isinstance(code, int) else 0


def _is_text(word: str) -> bool:
    return word.isascii() or not any("\ud800" <= character <= "\udfff" for character in word)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version  # noqa: PLC0415

        typer.echo(f"hitl-orchestrator {version('hitl-orchestrator')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _hitl(
    context: typer.Context,
    *,
    store: Store = None,
    policy: Policy = None,
    reviewers: Reviewers = None,
    as_json: AsJson = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    context.obj = GlobalOptions(store, policy, reviewers, as_json)
    help_alone(context)


@policy_app.callback(invoke_without_command=True)
def _policy(context: typer.Context) -> None:
    """Look at a routing policy, and govern which one rules a store."""
    help_alone(context)


@app.command()
def demo(
    context: typer.Context,
    data_into: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Only copy the canonical data sets into this folder.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run the canonical five tasks end to end, in a temporary store."""
    from hitl_orchestrator.cli.commands.cases import demo as doing  # noqa: PLC0415

    session = session_of(context, as_json=as_json)
    if data_into is not None:
        doing.copy_data(session, data_into)
    else:
        doing.demo(session)


@app.command()
def run(
    context: typer.Context,
    tasks: Annotated[str, typer.Argument(metavar="TASKS", help="Tasks: JSON or JSON Lines; - reads standard input.")],
    *,
    outputs: Annotated[
        str | None, typer.Option(metavar="FILE", help="What the agents propose. A task without goes to a person.")
    ] = None,
    reviews: Annotated[
        str | None, typer.Option(metavar="FILE", help="Recorded reviews to replay, at the time of their record.")
    ] = None,
    resubmit: Annotated[
        bool, typer.Option("--resubmit", help="Take a known task with other content in as a new attempt.")
    ] = False,
    submitted_by: Annotated[
        str | None, typer.Option(metavar="ID", help="Who submits them: they may cancel these cases, and decide none.")
    ] = None,
    store: Store = None,
    policy: Policy = None,
    reviewers: Reviewers = None,
    as_json: AsJson = False,
) -> None:
    """Route the tasks of a file. Running it again is harmless: the same task is the same case."""
    from hitl_orchestrator.cli.commands.cases import run as doing  # noqa: PLC0415

    session = session_of(context, store, policy, reviewers, as_json)
    doing.run(session, doing.Files(tasks, outputs, reviews), resubmit=resubmit, submitted_by=submitted_by)


@app.command()
def inbox(
    context: typer.Context,
    *,
    role: Annotated[str | None, typer.Option(metavar="ROLE", help="Only what waits for this role now.")] = None,
    domain: Annotated[str | None, typer.Option(metavar="DOMAIN", help="Only this domain.")] = None,
    task_type: Annotated[str | None, typer.Option("--type", metavar="TYPE", help="Only this task type.")] = None,
    risk: Annotated[str | None, typer.Option(metavar="RISK", help="Only low, medium or high risk.")] = None,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only what is due already.")] = False,
    mine: Annotated[str | None, typer.Option(metavar="ID", help="Only what this reviewer holds.")] = None,
    unclaimed: Annotated[bool, typer.Option("--unclaimed", help="Only what nobody holds.")] = False,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="At most so many.")] = 200,
    store: Store = None,
    policy: Policy = None,
    reviewers: Reviewers = None,
    as_json: AsJson = False,
) -> None:
    """List the open reviews, the soonest due first, then the longest waiting."""
    from hitl_orchestrator.cli.commands.reviews import inbox as doing  # noqa: PLC0415

    narrowed = {"task_type": task_type, "risk_level": risk, "overdue": overdue, "mine": mine, "unclaimed": unclaimed}
    doing.inbox(session_of(context, store, policy, reviewers, as_json), role, domain, limit, narrowed)


@app.command()
def show(
    context: typer.Context,
    given_id: CaseId,
    *,
    store: Store = None,
    policy: Policy = None,
    reviewers: Reviewers = None,
    as_json: AsJson = False,
) -> None:
    """Tell the story of one case.

    What was proposed, which rule fired and why, what people said, and how it ended or who may decide it.
    """
    from hitl_orchestrator.cli.commands.reviews import inbox as doing  # noqa: PLC0415

    doing.show(session_of(context, store, policy, reviewers, as_json), given_id)


@app.command()
def resume(
    context: typer.Context,
    given_id: CaseId,
    decision: Annotated[
        str,
        typer.Argument(
            metavar="DECISION",
            help="approve, reject, modify, override or escalate.",
            autocompletion=lambda: [decision.value for decision in HumanDecision],
        ),
    ],
    *,
    reviewer: Annotated[str, typer.Option(metavar="ID", help="Who decides: an id of the reviewers file.")],
    feedback: Annotated[str | None, typer.Option(metavar="TEXT", help="What the agent should learn from it.")] = None,
    output: Annotated[
        str | None, typer.Option(metavar="JSON", help="The new agent_output, or @FILE. modify needs it.")
    ] = None,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Why. override and escalate need it.")] = None,
    reason_code: ReasonCode = None,
    assessment: Annotated[str | None, typer.Option(metavar="HOW_SURE", help="low, medium or high.")] = None,
    review_id: Annotated[str | None, typer.Option(metavar="ID", help="Decide this review and no later one.")] = None,
    digest: Annotated[
        str | None, typer.Option(metavar="SHA", help="Decide only if it still shows exactly this.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(metavar="KEY", help="Name this answer: sent again it is the same receipt.")
    ] = None,
    store: Store = None,
    policy: Policy = None,
    reviewers: Reviewers = None,
    as_json: AsJson = False,
) -> None:
    """Record the decision of a person.

    The case runs on with it. The first decision on a review stands; the same one again is the same receipt.
    """
    from hitl_orchestrator.cli.commands.reviews import inbox as doing  # noqa: PLC0415

    said = {"human_decision": decision, "human_feedback": feedback, "reason": reason, "reason_code": reason_code}
    said |= {
        "confidence_assessment": assessment,
        "review_id": review_id,
        "shown_digest": digest,
        "idempotency_key": key,
    }
    doing.resume(session_of(context, store, policy, reviewers, as_json), given_id, said, output, reviewer)


@app.command()
def recover(
    context: typer.Context,
    store: Store = None,
    policy: Policy = None,
    reviewers: Reviewers = None,
    as_json: AsJson = False,
) -> None:
    """Drive every unfinished case on. Doing it twice, or in two places, is harmless."""
    from hitl_orchestrator.cli.commands.cases import run as doing  # noqa: PLC0415

    doing.recover(session_of(context, store, policy, reviewers, as_json))


@app.command()
def sweep(
    context: typer.Context,
    store: Store = None,
    policy: Policy = None,
    reviewers: Reviewers = None,
    as_json: AsJson = False,
) -> None:
    """Carry on with reviews that nobody answered in time, remind of those due soon, and take back lapsed claims.

    As the rule says they are passed up the chain or rejected. Waiting never approves. With --json the elements that
    have a `notice` are reminders and claims that were taken back.
    """
    from hitl_orchestrator.cli.commands.cases import run as doing  # noqa: PLC0415

    doing.sweep(session_of(context, store, policy, reviewers, as_json))


@policy_app.command("check")
def policy_check(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="The policy, JSON or YAML.")],
    *,
    strict: Annotated[bool, typer.Option("--strict", help="Exit code 1 for warnings too, as in CI.")] = False,
    draw_map: Annotated[bool, typer.Option("--map", help="Draw the map: risk by confidence, by action.")] = False,
    map_file: Annotated[str | None, typer.Option(metavar="FILE", help="Write the map as .svg or .png.")] = None,
    reviewers: Reviewers = None,
    as_json: AsJson = False,
) -> None:
    """List what is odd about a policy, and what would mend it.

    Rules that never decide, contradict one another or let too much through; gaps; and where a riskier task or a lower
    confidence is treated more leniently. Exit code 1 where one is an error.
    """
    from hitl_orchestrator.cli.commands.policy import check as doing  # noqa: PLC0415

    session = session_of(context, reviewers=reviewers, as_json=as_json)
    doing.check_file(session, file, strict=strict, draws=draw_map, map_file=map_file)


@policy_app.command("explain")
def policy_explain(
    context: typer.Context,
    given: Annotated[list[str], typer.Argument(metavar="TASKS", help="A file of tasks, or the id of a known case.")],
    *,
    outputs: Annotated[str | None, typer.Option(metavar="FILE", help="What the agents propose.")] = None,
    store: Store = None,
    policy: Policy = None,
    reviewers: Reviewers = None,
    as_json: AsJson = False,
) -> None:
    """Tell which rule decides, and why.

    Every rule is tried on every task, as if the task came in now. Nothing is stored.
    """
    from hitl_orchestrator.cli.commands.policy import explain as doing  # noqa: PLC0415

    doing.explain_tasks(session_of(context, store, policy, reviewers, as_json), given, outputs)


app.command()(simulate)
register_life(policy_app)
