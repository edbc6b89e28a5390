"""What is known about a generated set: the truth of each case, and where the agent and the reviewers go wrong."""

from typing import Any

from hitl_orchestrator.testing.generator.drafts import MODEL, STARTS, Calendar, time_text
from hitl_orchestrator.testing.generator.staff import STAFF
from hitl_orchestrator.testing.generator.work import FIRST_VERSION, KINDS, PLACES, SECOND_VERSION


def manifest(tasks: int, seed: int) -> dict[str, Any]:
    """Return the description of a set: how to make it again, and what an analysis of it should find."""
    calendar = Calendar(tasks)
    return {
        "made_by": f"hitl generate --tasks {tasks} --seed {seed}",
        "tasks": tasks,
        "seed": seed,
        "starts": time_text(STARTS),
        "days": calendar.days,
        "model": MODEL,
        "model_versions": [
            {"model_version": FIRST_VERSION, "from_task": calendar.task_id(1)},
            {"model_version": SECOND_VERSION, "from_task": calendar.task_id((tasks + 1) // 2 + 1)},
        ],
        "over_confident": [
            {
                "task_type": place.task_type,
                f"metadata.{place.field}": place.value,
                "right": place.right,
                "since_model_version": place.since,
                "why": place.why,
            }
            for place in PLACES
        ],
        "elsewhere": "the stated confidence is the chance of being right, give or take 0.04",
        "reviewers": [
            {
                "reviewer_id": each.reviewer_id,
                "judges_rightly": each.habits.accuracy,
                "approves_unseen": each.habits.bias,
            }
            for each in STAFF
        ],
        "task_types": {kind.task_type: list(kind.labels) for kind in KINDS},
    }
