"""The commands of a team of reviewers, as they are typed. What one does is imported when it is asked for."""

from typing import Annotated

import typer

from hitl_orchestrator.cli.context import AsJson, CaseId, Policy, Reviewers, Store, session_of

review = typer.Typer(rich_markup_mode=None)

Reviewer = Annotated[str, typer.Option("--reviewer", metavar="ID", help="Who: an id of the reviewers file.")]
Minutes = Annotated[float, typer.Option("--minutes", metavar="N", help="For how long it is claimed, at most a day.")]
ReasonCode = Annotated[
    str | None, typer.Option("--reason-code", metavar="CODE", help="One of the policy's short list of reasons.")
]
A_QUARTER = 15.0


@review.command("review")
def _review(
    context: typer.Context,
    *,
    reviewer: Reviewer,
    store: Store = None,
    policy: Policy = None,
    reviewers: Reviewers = None,
) -> None:
    """Sit down at the review desk: one's queue, full-screen and driven by keys.

    Opening a case claims it, leaving it lets it go. An answer is pending until Enter records it; ? tells the keys.
    """
    from hitl_orchestrator.cli.commands.reviews import review_desk as doing  # noqa: PLC0415

    doing.review(session_of(context, store, policy, reviewers), reviewer)


@review.command("next")
def _next(
    context: typer.Context,
    *,
    reviewer: Reviewer,
    minutes: Minutes = A_QUARTER,
    store: Store = None,
    policy: Policy = None,
    reviewers: Reviewers = None,
    as_json: AsJson = False,
) -> None:
    """Claim the case that a reviewer does best to take next, and show it. Exit code 1 where nothing waits for them."""
    from hitl_orchestrator.cli.commands.reviews import claims as doing  # noqa: PLC0415

    doing.take_next(session_of(context, store, policy, reviewers, as_json), reviewer, minutes)


@review.command("claim")
def _claim(
    context: typer.Context,
    given_id: CaseId,
    *,
    reviewer: Reviewer,
    minutes: Minutes = A_QUARTER,
    store: Store = None,
    policy: Policy = None,
    reviewers: Reviewers = None,
    as_json: AsJson = False,
) -> None:
    """Keep a case for oneself for a while, and show it. Claiming it again prolongs it."""
    from hitl_orchestrator.cli.commands.reviews import claims as doing  # noqa: PLC0415

    doing.claim(session_of(context, store, policy, reviewers, as_json), given_id, reviewer, minutes)


@review.command("release")
def _release(
    context: typer.Context,
    given_id: CaseId,
    *,
    reviewer: Reviewer,
    store: Store = None,
    policy: Policy = None,
    reviewers: Reviewers = None,
    as_json: AsJson = False,
) -> None:
    """Let go of a case. One that was delegated goes back to who delegated it."""
    from hitl_orchestrator.cli.commands.reviews import claims as doing  # noqa: PLC0415

    doing.release(session_of(context, store, policy, reviewers, as_json), given_id, reviewer)


@review.command("delegate")
def _delegate(
    context: typer.Context,
    given_id: CaseId,
    *,
    reviewer: Reviewer,
    to: Annotated[str, typer.Option(metavar="ID", help="Who is to have it: an id of the reviewers file.")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why.")] = "",
    minutes: Minutes = A_QUARTER,
    store: Store = None,
    policy: Policy = None,
    reviewers: Reviewers = None,
    as_json: AsJson = False,
) -> None:
    """Give a case to a colleague who may decide it. Released, or lapsed, it comes back."""
    from hitl_orchestrator.cli.commands.reviews import claims as doing  # noqa: PLC0415

    session = session_of(context, store, policy, reviewers, as_json)
    doing.delegate(session, given_id, (reviewer, to), reason, minutes)


@review.command("escalate")
def _escalate(
    context: typer.Context,
    given_id: CaseId,
    *,
    reviewer: Reviewer,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why.")],
    reason_code: ReasonCode = None,
    store: Store = None,
    policy: Policy = None,
    reviewers: Reviewers = None,
    as_json: AsJson = False,
) -> None:
    """Pass a case up the chain: as 'hitl resume ID escalate' does."""
    from hitl_orchestrator.cli.commands.reviews import inbox as doing  # noqa: PLC0415

    said = {"human_decision": "escalate", "reason": reason, "reason_code": reason_code}
    doing.resume(session_of(context, store, policy, reviewers, as_json), given_id, said, None, reviewer)


@review.command("cancel")
def _cancel(
    context: typer.Context,
    given_id: CaseId,
    *,
    by: Annotated[str, typer.Option(metavar="ID", help="Who: whoever submitted the task, and nobody else.")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why.")],
    store: Store = None,
    policy: Policy = None,
    reviewers: Reviewers = None,
    as_json: AsJson = False,
) -> None:
    """Take a case back before anybody has decided it. What is carried out is nothing."""
    from hitl_orchestrator.cli.commands.reviews import claims as doing  # noqa: PLC0415

    doing.cancel(session_of(context, store, policy, reviewers, as_json), given_id, by, reason)


@review.command("label")
def _label(
    context: typer.Context,
    given_id: CaseId,
    own_label: Annotated[str, typer.Argument(metavar="LABEL", help="What the reviewer says, unseen.")],
    *,
    reviewer: Reviewer,
    store: Store = None,
    policy: Policy = None,
    reviewers: Reviewers = None,
    as_json: AsJson = False,
) -> None:
    """Commit one's own label for a blind case, and then show what the agent says."""
    from hitl_orchestrator.cli.commands.reviews import claims as doing  # noqa: PLC0415

    doing.label(session_of(context, store, policy, reviewers, as_json), given_id, reviewer, own_label)


@review.command("assign")
def _assign(
    context: typer.Context,
    *,
    strategy: Annotated[
        str, typer.Option(metavar="HOW", help="push: to the least loaded; sticky: to whoever had this customer before.")
    ] = "push",
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="At most so many.")] = 200,
    hours: Annotated[float, typer.Option(metavar="N", help="For how long they are claimed, at most a day.")] = 8.0,
    store: Store = None,
    policy: Policy = None,
    reviewers: Reviewers = None,
    as_json: AsJson = False,
) -> None:
    """Give out what nobody has claimed, the most urgent first, to people who may decide it."""
    from hitl_orchestrator.cli.commands.reviews import claims as doing  # noqa: PLC0415

    doing.assign(session_of(context, store, policy, reviewers, as_json), strategy, limit, hours)


@review.command("bulk")
def _bulk(
    context: typer.Context,
    decision: Annotated[str, typer.Argument(metavar="DECISION", help="approve or reject.")],
    given_ids: Annotated[list[str], typer.Argument(metavar="IDS", help="Ids of cases or of their tasks.")],
    *,
    reviewer: Reviewer,
    feedback: Annotated[str | None, typer.Option(metavar="TEXT", help="What the agent should learn from it.")] = None,
    reason_code: ReasonCode = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    store: Store = None,
    policy: Policy = None,
    reviewers: Reviewers = None,
    as_json: AsJson = False,
) -> None:
    """Give several cases the same answer, after listing them one by one.

    Only cases of low risk that one rule asks about, and none that was passed up: all of them, or none.
    """
    from hitl_orchestrator.cli.commands.reviews import bulk as doing  # noqa: PLC0415

    said = {"human_decision": decision, "human_feedback": feedback, "reason_code": reason_code}
    doing.bulk(session_of(context, store, policy, reviewers, as_json), given_ids, said, reviewer, yes=yes)


@review.command("feedback")
def _feedback(
    context: typer.Context,
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """List what agents can learn from what reviewers decided: one line a reviewed case."""
    from hitl_orchestrator.cli.commands.reviews import insights as doing  # noqa: PLC0415

    doing.feedback(session_of(context, store, as_json=as_json))


@review.command("insights")
def _insights(
    context: typer.Context,
    store: Store = None,
    reviewers: Reviewers = None,
    as_json: AsJson = False,
) -> None:
    """Tell how carefully each reviewer decides.

    How quickly against how much there was to read, how they do on known answers, and how often they agree with others.
    """
    from hitl_orchestrator.cli.commands.reviews import insights as doing  # noqa: PLC0415

    doing.insights(session_of(context, store, reviewers=reviewers, as_json=as_json))
