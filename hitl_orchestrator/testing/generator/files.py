"""The files of a generated set, written case by case: tasks, outputs, reviews and expected records, one a line."""

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, ExitStack
from typing import IO, Any

from hitl_orchestrator.domain.enums import DecisionSource, FinalDecision
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN
from hitl_orchestrator.policies.language.model import Policy
from hitl_orchestrator.services.config_files import canonical, load_policy
from hitl_orchestrator.testing.generator.cases import GeneratedCase, generate
from hitl_orchestrator.testing.generator.drafts import time_text
from hitl_orchestrator.testing.generator.manifest import manifest
from hitl_orchestrator.testing.generator.staff import reviewers_file

TASKS, OUTPUTS, REVIEWS, RECORDS = "tasks.json", "agent_outputs.json", "human_reviews.json", "audit_logs.json"
POLICY, _REVIEWERS, _MANIFEST = "policy.json", "reviewers.json", "manifest.json"
GENERATED = (TASKS, OUTPUTS, REVIEWS, RECORDS, POLICY, _REVIEWERS, _MANIFEST)
"""The names of the files."""

_BUNDLED = "default_policy_v1.json"

Create = Callable[[str], AbstractContextManager[IO[str]]]
"""Opens a new text file of this name."""


def write_generated(
    tasks: int,
    seed: int,
    create: Create,
    on_cases: Callable[[int], None] = lambda cases: None,
    *,
    policy: Policy | None = None,
) -> None:
    """Write the files of a set. The same arguments give the same bytes.

    `create` is called with the name of each file. `on_cases` is called with 1 after each case. `policy` routes the
    cases; it must be for the default escalation chain.

    Raises:
        InvalidInput: the policy asks for several approvals of one case.
    """
    text = canonical(_BUNDLED) if policy is None else indented(policy.model_dump(mode="json", exclude_defaults=True))
    routes = load_policy(json.loads(canonical(_BUNDLED)), DEFAULT_CHAIN) if policy is None else policy
    with ExitStack() as stack:
        lists = {name: _List(stack.enter_context(create(name))) for name in (TASKS, OUTPUTS, REVIEWS, RECORDS)}
        for case in generate(tasks, seed, routes):
            for name, values in lines_of(case).items():
                lists[name].extend(values)
            on_cases(1)
        for each in lists.values():
            each.close()
        settings = {_REVIEWERS: indented(reviewers_file()), _MANIFEST: indented(manifest(tasks, seed))}
        for name, content in {POLICY: text, **settings}.items():
            stack.enter_context(create(name)).write(content)


def lines_of(case: GeneratedCase) -> dict[str, list[Mapping[str, Any]]]:
    """Return the records of one case for each file."""
    return {
        TASKS: [case.draft.task],
        OUTPUTS: [case.draft.output],
        REVIEWS: [review.fields for review in case.reviews],
        RECORDS: [expected_record(case)],
    }


def expected_record(case: GeneratedCase) -> dict[str, Any]:
    """Return the audit record that a replay leads to, with the fields of `audit_logs.json`."""
    number, task = case.draft.task["task_id"][1:], case.draft.task
    word = case.reviews[-1].decision if case.reviews else None
    final = FinalDecision.APPROVED if word is None else word.final
    return {
        "log_id": f"log_{number}",
        "task_id": task["task_id"],
        "risk_level": task["risk_level"],
        "confidence_score": case.draft.output["confidence_score"],
        "routing_decision": case.routing.action.value,
        "human_involved": word is not None,
        "final_decision": None if final is None else final.value,
        "decision_source": (DecisionSource.AGENT if word is None else DecisionSource.HUMAN).value,
        "latency_seconds": case.agent_seconds if word is None else (case.decided - case.draft.at).total_seconds(),
        "timestamp": time_text(case.decided),
    }


class _List:
    """A JSON array that is written record by record, one a line."""

    def __init__(self, file: IO[str]) -> None:
        self._file, self._before = file, "[\n"

    def extend(self, values: Iterable[Mapping[str, Any]]) -> None:
        """Write records."""
        for value in values:
            self._file.write(f"{self._before}{json.dumps(value, ensure_ascii=False)}")
            self._before = ",\n"

    def close(self) -> None:
        """End the array."""
        self._file.write("[]\n" if self._before == "[\n" else "\n]\n")


def indented(value: Any) -> str:
    """Return a JSON text for readers."""
    return f"{json.dumps(value, ensure_ascii=False, indent=2)}\n"
