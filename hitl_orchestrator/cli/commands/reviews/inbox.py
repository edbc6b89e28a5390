"""`hitl inbox`, `hitl show` and `hitl resume`: what reviewers do."""

import sys
from collections.abc import Mapping
from typing import Any

from hitl_orchestrator.cli.output.formatting import count
from hitl_orchestrator.cli.output.masking import hidden_in_summary, veiled
from hitl_orchestrator.cli.output.render import answer
from hitl_orchestrator.cli.session import Session
from hitl_orchestrator.cli.views import case_story as story
from hitl_orchestrator.cli.views import tables as views
from hitl_orchestrator.domain.enums import CaseStage
from hitl_orchestrator.domain.input.parsing import did_you_mean, parse, read_json
from hitl_orchestrator.domain.review import Review, StoredReview
from hitl_orchestrator.domain.task import Proposal
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.orchestrator import Orchestrator
from hitl_orchestrator.review.authority import options
from hitl_orchestrator.review.people import People
from hitl_orchestrator.services.reviews.inbox import role_needed
from hitl_orchestrator.wiring.build import now_in_utc, read_file

NOTHING: Mapping[str, Any] = {}


def inbox(
    session: Session, role: str | None, domain: str | None, limit: int, narrowed: Mapping[str, Any] = NOTHING
) -> None:
    """List open reviews."""
    with session.open() as hitl:
        listed = [(row, _role_needed(hitl, row)) for row in hitl.inbox(role, domain, limit, **narrowed)]
        if role is not None and not listed:
            _check_role(role, hitl.services.people)
        unfinished = len(hitl.services.ledger.stages(CaseStage.RECEIVED, CaseStage.DECIDED))
    answer(
        session.as_json,
        [views.review_summary(row) | {"role_needed": needed} for row, needed in listed],
        lambda: views.inbox(listed, limit, now_in_utc(), session),
    )
    if unfinished and not session.as_json:
        _hint_at_recover(unfinished)


def show(session: Session, given_id: str) -> None:
    """Tell the story of a case."""
    with session.open() as hitl:
        case, history = hitl.cases.get(task_id=given_id), hitl.cases.history(task_id=given_id)
        deciding = None if case.open_review is None else _deciding(hitl, case.open_review)
    data = {
        "summary": views.case_summary(case) | hidden_in_summary(case) | {"role_needed": deciding and deciding.role},
        **veiled(case, history),
    }
    answer(session.as_json, data, lambda: story.of(case, history, deciding, session))


def resume(session: Session, given_id: str, said: Mapping[str, str | None], output: str | None, reviewer: str) -> None:
    """Record the answer of the person whom `--reviewer` names."""
    review = read_answer({**said, "reviewer_id": reviewer}, output)
    started = now_in_utc()
    with session.open() as hitl:
        case = hitl.acting_as(channel="cli").decide(task_id=given_id, decision=review, reviewer=reviewer)
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


def _role_needed(hitl: Orchestrator, row: StoredReview) -> str:
    return role_needed(row, hitl.services.rulebook, hitl.services.people.chain)


def _deciding(hitl: Orchestrator, row: StoredReview) -> story.Deciding:
    needed = _role_needed(hitl, row)
    able = hitl.reviews.view(row.case_id).may_decide
    return story.Deciding(row, needed, options(row, needed, hitl.services.people.chain), able)


def _check_role(role: str, people: People) -> None:
    """Refuse a role that nobody knows: a misspelled one must not look like an empty inbox."""
    known = [*people.chain.roles, *(held for one in people for held in one.roles)]
    if role not in known:
        there = f"the roles are {', '.join(dict.fromkeys(known))}{did_you_mean(role, known)}"
        raise InvalidInput([f"--role: {role!r} is no role of the reviewers file, and nothing waits for it; {there}"])


def _hint_at_recover(unfinished: int) -> None:
    cases = count(unfinished, "case is", "cases are")
    hint = f"hitl: {cases} under way or left unfinished by a crash; 'hitl recover' drives on what was left"
    print(hint, file=sys.stderr)  # noqa: T201 - beside the answer, for people
