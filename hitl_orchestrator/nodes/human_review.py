"""Open a review and wait for its decision.

A resumed node runs again from its first line, so opening the review is idempotent, and each run has one interrupt.
"""

import json
from functools import cache
from typing import Any

from langgraph.types import interrupt
from pydantic import GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from hitl_orchestrator.domain.enums import HumanDecision
from hitl_orchestrator.domain.review import Review, ReviewSnapshot
from hitl_orchestrator.domain.value import Value
from hitl_orchestrator.nodes.ports import Inbox
from hitl_orchestrator.nodes.state import CaseRun, Submitted, Update

LARGEST_IN_PAUSE = 16_384


class Answer(Value):
    """The value that resumes a waiting case.

    `decide` records the decision first and then resumes with an empty value. A decision in it, from a LangGraph server
    or another inbox, has to pass the same checks as any other.
    """

    decision: Review | None = None

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the published schema, which is cached: LangGraph asks for it at every interrupt."""
        return _published()


@cache
def _published() -> JsonSchemaValue:
    """Return the JSON Schema of an answer, short and flat, so that another inbox can render a form."""
    text = {"type": "string"}
    fields = {
        "human_decision": {"enum": [word.value for word in HumanDecision]},
        "reviewer_id": text,
        "human_feedback": text,
        "reason": text,
        "modified_output": {"type": "object"},
        "shown_digest": text,
    }
    decision = {"type": "object", "properties": fields, "required": ["human_decision", "reviewer_id"]}
    return {"title": Answer.__name__, "type": "object", "properties": {"decision": decision}}


def _small(shown: ReviewSnapshot) -> Any:
    """Return the snapshot, or None if it is large: the interrupt would store it again, and the inbox has it."""
    text = shown.model_dump_json()
    return json.loads(text) if len(text) <= LARGEST_IN_PAUSE else None


def human_review(state: Submitted, *, run: CaseRun, inbox: Inbox) -> Update:
    """Open the review, wait, and return the recorded decision; None while there is none."""
    row = inbox.open(state.submission, run.routing)
    if row.verdict is None:
        shown, schema = (None, None) if run.in_memory else (_small(row.shown), Answer)
        asked = {"review_id": row.review_id, "digest": row.digest, "shown": shown}
        answer: Answer = interrupt(asked, response_schema=schema)
        row = inbox.hear(row, answer.decision)
    return {"review": row.verdict}
