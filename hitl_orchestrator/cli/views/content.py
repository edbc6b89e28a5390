"""Tasks and proposals as lines: texts of agents, with warnings about invisible characters."""

import json
from collections.abc import Iterator

from hitl_orchestrator.cli.output import blocks
from hitl_orchestrator.cli.output.blocks import Block, Line, inline
from hitl_orchestrator.domain.shown.invisible_characters import escape_invisible
from hitl_orchestrator.domain.task import Proposal, Task


def task_lines(task: Task, about: str) -> Iterator[Block]:
    """Yield the description of a task, a line about it, and its metadata."""
    yield Line(task.task_description, indent=2, quoted=True)
    if task.metadata:
        yield Line(json.dumps(task.metadata, ensure_ascii=False), indent=2, quoted=True)
    yield Line(f"{inline(task.task_type)} in {inline(task.domain)}, {about}", indent=2)
    yield from blocks.flagged("this", task.model_dump(mode="json"), indent=2)


def proposal_lines(proposal: Proposal) -> Iterator[Block]:
    """Yield the label, the explanation and the further fields of a proposal."""
    yield Line(escape_invisible(proposal.predicted_label), "bold", indent=2, quoted=True)
    if proposal.explanation:
        yield Line(proposal.explanation, indent=2, quoted=True)
    if proposal.model_extra:
        yield Line(json.dumps(proposal.model_extra, ensure_ascii=False), indent=2, quoted=True)
    yield from blocks.flagged("this", proposal.model_dump(mode="json"), indent=2)


def nothing(classifier_error: str | None) -> str:
    """Return the sentence of a case without a proposal. The reason of the routing quotes the error."""
    return "The agent proposes nothing" + ("; its classifier failed." if classifier_error else ".")
