"""`hitl inbox`, `hitl show` and `hitl resume`: what reviewers do."""

from collections.abc import Mapping
from typing import Any

from hitl_orchestrator.cli import story, views
from hitl_orchestrator.cli.answer import answer
from hitl_orchestrator.cli.session import Session
from hitl_orchestrator.domain.reading import parse, read_json
from hitl_orchestrator.domain.review import Review
from hitl_orchestrator.domain.task import Proposal
from hitl_orchestrator.wiring import now_in_utc, read_file


def inbox(session: Session, role: str | None, domain: str | None, limit: int) -> None:
    """List open reviews."""
    with session.open() as hitl:
        rows = hitl.inbox(role, domain, limit)
    answer(
        session.as_json,
        [views.review_summary(row) for row in rows],
        lambda: views.inbox(rows, limit, now_in_utc(), session),
    )


def show(session: Session, given_id: str) -> None:
    """Tell the story of a case."""
    with session.open() as hitl:
        case, history = hitl.show(given_id), hitl.history(given_id)
        people = list(hitl.people)
    data = {
        "summary": views.case_summary(case),
        **case.model_dump(mode="json"),
        "history": [event.model_dump(mode="json") for event in history],
    }
    answer(session.as_json, data, lambda: story.of(case, history, people, session))


def resume(session: Session, given_id: str, said: Mapping[str, str | None], output: str | None) -> None:
    """Record a person's answer."""
    review = read_answer(said, output)
    started = now_in_utc()
    with session.open() as hitl:
        case = hitl.decide(given_id, review, channel="cli")
    answer(
        session.as_json,
        views.case_summary(case) | {"final_output": _plain(case.final_output)},
        lambda: story.receipt(case, review, started, session),
    )


def read_answer(said: Mapping[str, str | None], output: str | None) -> Review:
    """Make an answer of what was typed; problems name the option."""
    fields: dict[str, Any] = {name: value for name, value in said.items() if value is not None}
    if output is not None:
        fields["modified_output"] = _read_output(output)
    return parse(Review, fields, "resume")


def _read_output(given: str) -> Proposal:
    where = given[1:] if given.startswith("@") else "--output"
    text = read_file(where) if given.startswith("@") else given
    return parse(Proposal, read_json(text, where), where)


def _plain(output: Proposal | None) -> dict[str, Any] | None:
    return None if output is None else output.model_dump(mode="json")
