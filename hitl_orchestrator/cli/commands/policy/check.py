"""`hitl policy check`: what is odd about a policy, what would mend it, and the map of its trust boundaries."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from hitl_orchestrator.cli.output.blocks import COMMAND, Block, Line
from hitl_orchestrator.cli.output.errors import NO
from hitl_orchestrator.cli.output.formatting import count
from hitl_orchestrator.cli.output.render import answer
from hitl_orchestrator.cli.session import Session
from hitl_orchestrator.cli.views.policy_map import plain, terminal
from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies import Finding, Policy, Severity, check, policy_hash
from hitl_orchestrator.policies.analysis.decision_map import PolicyMap, png, policy_map, svg
from hitl_orchestrator.policies.analysis.describe import describe_facts
from hitl_orchestrator.policies.analysis.repairs import with_repairs
from hitl_orchestrator.wiring.build import load_people, load_policy

_STYLE = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: ""}


def check_file(session: Session, path: str, *, strict: bool, draws: bool, map_file: str | None) -> None:
    """Read a policy and tell every finding; the answer is no where one is an error, or `strict` and a warning."""
    if map_file is not None and Path(map_file).suffix not in {".svg", ".png"}:
        raise InvalidInput([f"--map-file: {map_file!r} says neither SVG nor PNG; end it with .svg or .png"])
    chain = load_people(session.reviewers).chain
    policy = load_policy(path, chain)
    found = with_repairs(policy, check(policy, chain), chain)
    drawn = policy_map(policy) if draws or map_file is not None else None
    if map_file is not None and drawn is not None:
        _write(drawn, Path(map_file))
    data: dict[str, Any] = {
        "policy_id": policy.policy_id,
        "policy_hash": policy_hash(policy),
        "findings": [finding.model_dump(mode="json") for finding in found],
    }
    if draws and drawn is not None:
        data["map"] = plain(drawn)
    answer(session.as_json, data, lambda: _told(policy, found, drawn if draws else None, map_file))
    wrong = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    if any(finding.severity in wrong for finding in found):
        raise typer.Exit(NO)


def _write(drawn: PolicyMap, path: Path) -> None:
    content = png(drawn) if path.suffix == ".png" else svg(drawn).encode()
    try:
        path.write_bytes(content)
    except OSError as exc:
        raise InvalidInput([f"--map-file: {path} cannot be written: {exc.strerror}"]) from None


def _told(policy: Policy, found: Sequence[Finding], drawn: PolicyMap | None, map_file: str | None) -> Iterator[Block]:
    rules = sum(len(layer.rules) for _, layer in policy.parts)
    yield Line(f"{policy.policy_id}: {count(rules, 'rule')}, hash {policy_hash(policy)[:12]}", "bold")
    for finding in found:
        about = f"{finding.rule_id}: " if finding.rule_id else ""
        yield Line(f"{finding.severity}: {about}{finding.sentence}", _STYLE[finding.severity], indent=2)
        if finding.severity is not Severity.NOTE and finding.examples:
            yield Line(f"for example: {', beside '.join(map(_example, finding.examples))}", "dim", indent=4)
        for repair in finding.repairs:
            yield Line(f"repair: {repair}", COMMAND, indent=4)
    if not found:
        yield Line("Nothing odd about it.", "green", indent=2)
    if drawn is not None:
        yield from terminal(drawn)
    if map_file is not None:
        yield Line(f"The map is in {map_file}.", indent=2)


def _example(example: Mapping[str, Any]) -> str:
    return describe_facts(Facts.from_json(example))
