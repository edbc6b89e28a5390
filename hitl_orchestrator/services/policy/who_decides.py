"""Findings about whom the rules of a policy ask, given the people."""

from collections.abc import Iterator

from hitl_orchestrator.domain.input.parsing import did_you_mean
from hitl_orchestrator.policies.analysis.findings import Finding, FindingKind, Severity
from hitl_orchestrator.policies.language.model import Policy
from hitl_orchestrator.policies.language.rule import Rule
from hitl_orchestrator.review.people import People
from hitl_orchestrator.review.rights import strange_asked
from hitl_orchestrator.services.config_files import load_people

__all__ = ["are_placeholders", "people_findings", "unknown_to_placeholders"]


def are_placeholders(people: People) -> bool:
    """Return whether people are the bundled ones. They stand in for those of an organization and judge no policy."""
    return people.hash == load_people(None).hash


def unknown_to_placeholders(policy: Policy) -> list[str]:
    """Return the roles, teams and reviewers of a policy of which the bundled people know nothing."""
    chain = load_people(None).chain
    found: dict[str, None] = {}
    for rule in (rule for _, part in policy.parts for rule in part.rules):
        role = rule.assigned_human_role
        if role is not None and role not in chain.roles:
            hint = did_you_mean(role, chain.roles).removeprefix("; ")
            found[f"the role {role!r} ({hint})" if hint else f"the role {role!r}"] = None
        if rule.ask is not None and rule.ask.team is not None:
            found[f"the team {rule.ask.team!r}"] = None
        found.update({f"the reviewer {each!r}": None for each in (() if rule.ask is None else rule.ask.not_)})
    return list(found)


def people_findings(policy: Policy, people: People) -> list[Finding]:
    """Return a finding for each team and reviewer that a rule names and the people lack, and for teams too small.

    Likewise for each domain of a rule, or of its layer, in which too few people hold the role of the rule or a higher
    one. A rule without a domain counts the people of all domains.
    """
    named = [(name, rule) for name, part in policy.parts for rule in part.rules]
    return [
        Finding(
            severity=severity,
            rule_id=rule.rule_id,
            kind=FindingKind.WHO_DECIDES,
            sentence=sentence,
            layer=layer if len(policy.parts) > 1 else None,
        )
        for layer, rule in named
        for severity, sentence in (*_about(rule, people), *_in_domains(rule, layer, people))
    ]


def _in_domains(rule: Rule, layer: str, people: People) -> Iterator[tuple[Severity, str]]:
    """Yield each domain in which too few people can decide the cases of a rule."""
    role = rule.assigned_human_role
    if role not in people.chain.roles:
        return
    kind, _, name = layer.partition(" ")
    domains: tuple[str | None, ...] = (name,) if kind == "domain" else rule.conditions.domain or (None,)
    for domain in domains:
        able = {
            each.human
            for each in people
            if (domain is None or "*" in each.domains or domain in each.domains)
            and any(people.chain.reaches(held, role) for held in each.roles)
        }
        if len(able) < rule.approvals:
            where = "" if domain is None else f" in the domain {domain!r}"
            there = f"{len(able)} of the reviewers hold" if len(able) != 1 else "1 of the reviewers holds"
            yield (
                Severity.WARNING,
                f"{there} the role {role!r} or one above it{where}, and the rule needs {rule.approvals}",
            )


def _about(rule: Rule, people: People) -> Iterator[tuple[Severity, str]]:
    strange = list(strange_asked(rule.requirements, people))
    yield from ((Severity.ERROR, f"ask.{problem}") for problem in strange)
    role, ask = rule.assigned_human_role, rule.ask
    if strange or role is None or ask is None or ask.team is None:
        return
    members = next(team.members for team in people.teams if team.team_id == ask.team)
    excluded = {people.human(each) for each in ask.not_}
    able = {
        each.human
        for each in people
        if each.human in {people.human(member) for member in members}
        and each.human not in excluded
        and any(people.chain.reaches(held, role) for held in each.roles)
    }
    if len(able) < rule.approvals:
        there = f"{len(able)} members of the team {ask.team!r} may decide with the role {role!r} or one above it"
        needs = f"and the rule needs {rule.approvals}; the role {people.chain.top!r} decides in their place"
        yield Severity.WARNING, f"{there}, {needs}"
