"""The policy and the reviewers of an imported table: decisions as they were, by the people whom it names."""

from collections.abc import Mapping
from typing import Any

from hitl_orchestrator.domain.input.tables.rows import WAS_AUTOMATIC
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN


def policy_file(*, automatic: bool) -> dict[str, Any]:
    """Return a policy that routes as the table says: what went ahead by itself, if any did, and what a person decided.

    A rule that decides no case would be reported as one.
    """
    went_ahead = {
        "rule_id": "went_ahead",
        "priority": 1,
        "conditions": {"metadata": {WAS_AUTOMATIC: {"eq": True}}},
        "action": "auto_approve",
    }
    reviewed = {"rule_id": "reviewed", "priority": 2, "conditions": {}, "action": "human_review"}
    return {
        "policy_id": "as_recorded",
        "description": "Routes imported cases as they were decided: not for live cases",
        **({"metadata": {WAS_AUTOMATIC: "boolean"}} if automatic else {}),
        "rules": [went_ahead, reviewed] if automatic else [reviewed],
    }


def reviewers_file(names: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """Return the id of the account that replays, and the reviewers file: the people of the table, and this account."""
    importer = next(each for number in range(len(names) + 1) if (each := f"importer{number or ''}") not in names)
    first, *above = DEFAULT_CHAIN.roles
    people = [{"reviewer_id": each, "name": name, "roles": [first]} for each, name in sorted(names.items())]
    people.append({"reviewer_id": importer, "name": "Import of recorded reviews", "roles": above})
    return importer, {"escalation_chain": list(DEFAULT_CHAIN.roles), "reviewers": people}
