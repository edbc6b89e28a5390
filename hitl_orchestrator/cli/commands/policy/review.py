"""`hitl policy review`: all that an approver should see of a policy, as one document."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hitl_orchestrator.cli.context import STORE_AND_PEOPLE, Force, argument, command, option
from hitl_orchestrator.cli.output.data import check_new_file, write_file
from hitl_orchestrator.cli.output.errors import NO
from hitl_orchestrator.cli.output.render import answer
from hitl_orchestrator.errors import InvalidInput

if TYPE_CHECKING:
    from hitl_orchestrator.backtest import Backtest
    from hitl_orchestrator.cli.session import Session
    from hitl_orchestrator.cli.views.policies.tests import FileResult
    from hitl_orchestrator.domain.roles import RoleChain
    from hitl_orchestrator.policies import Policy

group = typer.Typer()
_FORMS = {".html", ".md"}

New = Annotated[str, argument("NEW", "The policy file, or a version of the store, as v3.")]
Old = Annotated[
    str | None, option("OLD", "Compare with this file or version. Default: the active policy.", "--against")
]
Out = Annotated[str | None, option("FILE", "Write the whole document: .html or .md.", "--out")]


@command(group, "review", STORE_AND_PEOPLE)
def review(session: "Session", new: New, against: Old = None, out: Out = None, force: Force = False) -> None:
    """Show a policy as its approver should see it: verdicts first.

    Its check, the difference to the policy in force, a backtest on the cases of the store, the tests beside it, its
    rules in plain words, and its map. A part that cannot be made says why. The backtest needs the extra lab.

    Exit code 1 if the check reports an error, a test fails, or anything is looser.
    """
    from hitl_orchestrator.cli.views.policies.review import documents
    from hitl_orchestrator.cli.views.policies.review import parts as reviewed
    from hitl_orchestrator.policies import compare, examine, policy_document, policy_map

    if out is not None and Path(out).suffix not in _FORMS:
        raise InvalidInput([f"--out: {out!r} is neither HTML nor Markdown; end it with .html or .md"])
    check_new_file(out, force=force)
    roles = session.people().chain
    policy, old = session.policy_at(new, roles), _old(session, against, roles)
    found = reviewed.Reviewed(
        policy=policy,
        old=old,
        report=examine(policy, roles),
        comparison=None if old is None else compare(old, policy, roles),
        backtest=_backtest(session, policy, roles),
        tests=_tests(new, policy, roles),
        drawn=policy_map(policy),
        words=policy_document(policy, roles),
    )
    made = reviewed.parts(found)
    if out is not None:
        title = f"Review of the policy {policy.policy_id}"
        form = documents.html if out.endswith(".html") else documents.markdown
        write_file(out, form(title, made), force=force)
    answer(session.as_json, reviewed.plain(found, made, out), lambda: reviewed.summary(found, made, out))
    if any(part.tone == "bad" for part in made):
        raise typer.Exit(NO)


def _old(session: "Session", against: str | None, roles: "RoleChain") -> "Policy | None":
    """Return the policy to compare with: the named one, or the active one; None in a store that has none."""
    if against is not None:
        return session.policy_at(against, roles)
    return session.governed().policy_in_force(roles) if session.is_governed() else None


def _backtest(session: "Session", policy: "Policy", roles: "RoleChain") -> "Backtest | str":
    """Return the backtest on the cases of the store, or why there is none."""
    if not session.is_governed():
        return "there is no store"
    try:
        with session.audit() as audit:
            return audit.backtest(policy, roles=roles, where="the store")
    except InvalidInput as exc:
        return exc.problems[0]


def _tests(name: str, policy: "Policy", roles: "RoleChain") -> "list[FileResult]":
    """Return the results of the test tables beside the file of a policy."""
    from hitl_orchestrator.cli.commands.policy.test_run import load_tables, run_table
    from hitl_orchestrator.policies import TEST_FILE_ENDINGS

    path = Path(name)
    beside: list[Any] = []
    with suppress(OSError):
        beside = [each for end in TEST_FILE_ENDINGS if (each := path.with_name(f"{path.stem}{end}")).is_file()]
    return [run_table(table, roles) for table in load_tables([str(each) for each in beside], roles, policy)]
