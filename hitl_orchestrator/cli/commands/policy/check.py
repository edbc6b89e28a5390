"""`hitl policy check`, `diff`, `schema` and `explain`: analyze policy files without deciding anything."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hitl_orchestrator.cli.context import STORE_AND_PEOPLE, Force, argument, command, option
from hitl_orchestrator.cli.output.data import write_file
from hitl_orchestrator.cli.output.errors import NO
from hitl_orchestrator.cli.output.progress import counted
from hitl_orchestrator.cli.output.render import answer, note
from hitl_orchestrator.errors import InvalidInput

if TYPE_CHECKING:
    from hitl_orchestrator.cli.session import Session
    from hitl_orchestrator.domain.roles import RoleChain
    from hitl_orchestrator.orchestrator import People
    from hitl_orchestrator.policies import CheckReport, Policy

group = typer.Typer()
_MANY_RULES, _MOST_NAMED = 60, 5
_ABOUT_ROLES = {"unknown_role", "too_few_roles"}

PolicyFile = Annotated[str, argument("FILE", "The policy: JSON or YAML.")]


@command(group, "check", STORE_AND_PEOPLE)
def check_file(
    session: "Session",
    file: PolicyFile,
    strict: Annotated[
        bool, option(None, "Exit code 1 for warnings and unchecked parts too, as in CI.", "--strict")
    ] = False,
    draw_map: Annotated[bool, option(None, "Draw actions by risk and confidence.", "--map")] = False,
    map_file: Annotated[str | None, option("FILE", "Write the map as .svg or .png.")] = None,
    phone: Annotated[bool, option(None, "Draw the map file for the width of a phone.", "--phone")] = False,
    force: Force = False,
) -> None:
    """Find problems in a policy and suggest repairs.

    Rules that never decide, contradict one another or approve too much; gaps; and cases where a higher risk or a lower
    confidence is treated more leniently. Exit code 0 without an error, 1 with one, 2 if the policy cannot be read.
    The file of signal rules beside the policy is read too, if there is one.
    """
    from hitl_orchestrator.cli.views.policies import findings as view
    from hitl_orchestrator.cli.views.policies.overview.map import plain
    from hitl_orchestrator.orchestrator import are_placeholders, load_policy, load_score_rules
    from hitl_orchestrator.policies import Severity, policy_hash, policy_map

    if map_file is not None and Path(map_file).suffix not in {".svg", ".png"}:
        raise InvalidInput([f"--map-file: {map_file!r} is neither SVG nor PNG; end it with .svg or .png"])
    people = session.people_for_files()
    stand_in = session.reviewers is None and are_placeholders(people)
    policy = load_policy(file, None if stand_in else people.chain)
    load_score_rules(None, file)  # refuses unreadable rules beside the policy
    report = _examined(policy, None if stand_in else people, file)
    drawn = policy_map(policy) if draw_map or map_file is not None else None
    if map_file is not None:
        _write_map(drawn, Path(map_file), phone=phone, force=force)
    data: dict[str, Any] = {
        "policy_id": policy.policy_id,
        "policy_hash": policy_hash(policy),
        "rules": sum(len(part.rules) for _, part in policy.parts),
        "kinds_of_cases": report.kinds_of_cases,
        **{f"{severity}s": report.count(severity) for severity in Severity},
        "findings": [finding.model_dump(mode="json") for finding in report.findings],
    }
    if draw_map and drawn is not None:
        data["map"] = plain(drawn)
    answer(session.as_json, data, lambda: view.findings(policy, report, drawn if draw_map else None, map_file))
    if any(finding.fails(strict=strict) for finding in report.findings):
        raise typer.Exit(NO)


def _examined(policy: "Policy", people: "People | None", file: str) -> "CheckReport":
    """Return the findings about a policy with their repairs and their lines in its file.

    Without `people` no finding is about roles, teams or numbers of approvals.
    """
    from hitl_orchestrator.orchestrator import people_findings, read_file
    from hitl_orchestrator.policies import examine, with_lines, with_repairs

    chain = _chain_without_people(policy) if people is None else people.chain
    rules = sum(len(part.rules) for _, part in policy.parts)
    with counted(rules, "Checking rules", worth=_MANY_RULES) as examined:
        report = examine(policy, chain, examined=examined)
    judged = [finding for finding in report.findings if people is not None or finding.kind not in _ABOUT_ROLES]
    findings = [*with_repairs(policy, judged, chain), *(() if people is None else people_findings(policy, people))]
    # A pipe can be read only once.
    lined = with_lines(findings, read_file(file), file) if Path(file).is_file() else findings
    return report._replace(findings=tuple(lined))


def _chain_without_people(policy: "Policy") -> "RoleChain":
    """Return the chain to check with where the bundled people stand in, and note what is not checked.

    Where a policy names roles of its own, whose order is unknown, a chain of one role ranks all of them alike.
    """
    from hitl_orchestrator.domain.roles import DEFAULT_CHAIN, RoleChain
    from hitl_orchestrator.orchestrator import unknown_to_placeholders

    unknown = unknown_to_placeholders(policy)
    if not unknown:
        return DEFAULT_CHAIN
    named = ", ".join(unknown[:_MOST_NAMED])
    more = f" and {len(unknown) - _MOST_NAMED} more" if len(unknown) > _MOST_NAMED else ""
    note(f"not checked without a reviewers file (--reviewers): {named}{more}")
    return RoleChain(roles=(DEFAULT_CHAIN.top,))


@command(group, "diff", STORE_AND_PEOPLE)
def diff(
    session: "Session",
    old: Annotated[str, argument("OLD", "A policy file, or a version of the store, as v3.")],
    new: Annotated[str, argument("NEW", "The policy that is to replace it.")],
    details: Annotated[bool, option(None, "List every place, and an example for each.", "--details")] = False,
) -> None:
    """Compare the decisions of two policies.

    The comparison covers decisions, not text: every region of cases that is decided differently, after what each edit
    does. Exit code 1 if any decision becomes looser.
    """
    from hitl_orchestrator.cli.views.policies import differences as view
    from hitl_orchestrator.policies import compare, edits, policy_hash

    roles = session.people_for_files().chain
    before, after = session.policy_at(old, roles), session.policy_at(new, roles)
    comparison = compare(before, after, roles)
    data = {
        "old": {"policy_id": before.policy_id, "policy_hash": policy_hash(before)},
        "new": {"policy_id": after.policy_id, "policy_hash": policy_hash(after)},
        "looser": comparison.may_loosen,
        "edits": [edit.text for edit in edits(before, after)],
        "differences": [view.plain(difference) for difference in comparison.differences],
        "unchecked": list(comparison.unchecked),
    }
    answer(session.as_json, data, lambda: view.differences(before, after, comparison, details=details))
    if comparison.may_loosen:
        raise typer.Exit(NO)


@command(group, "schema", ())
def schema(
    session: "Session",
    signals: Annotated[bool, option(None, "Of the file of signal rules beside a policy.", "--signals")] = False,
) -> None:
    """Print the JSON Schema of policy files.

    Editors use it to complete and validate policies.
    """
    from hitl_orchestrator.policies import policy_json_schema, signal_rules_json_schema

    answer(True, signal_rules_json_schema() if signals else policy_json_schema(), tuple)


@command(group, "explain")
def explain(
    session: "Session",
    tasks: Annotated[list[str], argument("TASKS", "Files of tasks, or ids of stored cases.")],
    outputs: Annotated[str | None, option("FILE", "Agent outputs of the tasks.")] = None,
    at: Annotated[
        str | None, option("TIME", "Judge as if the tasks of files were received then; default: now.")
    ] = None,
    history: Annotated[
        list[str] | None, option("NAME=N", "A counter of the tasks of files; repeat it. Default: missing.")
    ] = None,
) -> None:
    """Explain which rule decides a case and why.

    Every rule is evaluated for every task of a file as if it were submitted now, and for a stored case as it was
    received. Nothing is stored.
    """
    from hitl_orchestrator.cli.commands.policy.explanation import explained_tasks
    from hitl_orchestrator.cli.views.policies import explanations as view

    # Without a named policy it is that of the store, which must be readable then.
    roles = (session.people() if session.is_governed() else session.people_for_files()).chain
    policy = session.policy_in_force(roles)
    explained: Sequence[Any] = explained_tasks(session, policy, roles, tasks, outputs, at, history or ())
    plain = [view.plain(each) for each in explained]
    answer(session.as_json, plain, lambda: view.explanations(policy, explained))


def _write_map(drawn: Any, path: Path, *, phone: bool, force: bool) -> None:
    from hitl_orchestrator.policies import PHONE, WIDE, png, svg

    layout = PHONE if phone else WIDE
    content = png(drawn, layout) if path.suffix == ".png" else svg(drawn, layout).encode()
    write_file(str(path), content, force=force)
