"""Who may change the policy and the people."""

from typing import Annotated

from pydantic import Field, ValidationError

from hitl_orchestrator.domain.audit import Actor
from hitl_orchestrator.domain.decision import RoutingDecision
from hitl_orchestrator.domain.enums import POLICY_DOMAIN
from hitl_orchestrator.domain.review import Reviewer
from hitl_orchestrator.domain.value import Text, Value
from hitl_orchestrator.errors import InvalidInput, NotAuthorized
from hitl_orchestrator.review.governance.changes import may_govern
from hitl_orchestrator.review.people import People
from hitl_orchestrator.review.rights import barred_by_rule, whom_to_ask
from hitl_orchestrator.services.acting import Acting
from hitl_orchestrator.services.reviews.rejected_attempts import actor_of

__all__ = ["ChangeAuthority", "reason_of"]


class _Reason(Value):
    reason: Annotated[Text, Field(max_length=2000)]


def reason_of(text: str, why: str) -> str:
    """Return the reason of a change. Raises `InvalidInput` if it is empty or too long; `why` says what to state."""
    if not text.strip():
        raise InvalidInput([f"reason: it is empty; state {why}"])
    try:
        return _Reason(reason=text).reason
    except ValidationError as exc:
        raise InvalidInput([f"reason: {exc.errors()[0]['msg'].removeprefix('Value error, ')}"]) from exc


class ChangeAuthority:
    """Authorizes changes of the policy and of the people: both take the same right."""

    def __init__(self, people: People) -> None:
        self._people = people

    def authorized(self, reviewer_id: str, changes: str) -> Reviewer:
        """Return a reviewer who may make a change; `changes` says which. Raises `NotAuthorized`."""
        people = self._people.snapshot()
        reviewer = people.named(reviewer_id, changes)
        if not may_govern(reviewer, people):
            needed = people.chain.second
            takes = f"it takes {needed!r} or a role above it, in the domain {POLICY_DOMAIN!r} or in all ('*')"
            where = "all domains" if "*" in reviewer.domains else ", ".join(reviewer.domains)
            held = f"they hold {', '.join(reviewer.roles)} in {where}"
            remedy = whom_to_ask(each for each in people if may_govern(each, people))
            raise NotAuthorized(reviewer_id, f"{takes}; {held}; {remedy}", changes)
        return reviewer

    def check_second_person(self, author: Reviewer, changes: str, decision: RoutingDecision) -> None:
        """Raise `NotAuthorized` if there is no second person who could approve a looser policy of this author.

        `decision` is that about the case of the change, which may ask for a higher role, for several approvals, or for
        other people than the right to change the policy does.
        """
        people, asked = self._people.snapshot(), decision.requirements
        needed = people.chain.higher(people.chain.second, decision.assigned_human_role or people.chain.second)
        reach = (each for each in people if any(people.chain.reaches(role, needed) for role in each.roles))
        able = {each.human for each in reach if may_govern(each, people)}
        able -= {author.human, *barred_by_rule(asked, people)}
        if len(able) < asked.approvals:
            who = "no second person holds" if asked.approvals == 1 else f"it takes {asked.approvals} others who hold"
            why = f"it is looser than the active policy, and {who} {needed!r} or a role above it"
            remedy = "who could approve it; add a second person with 'hitl people propose'"
            raise NotAuthorized(author.reviewer_id, f"{why}, {remedy}", changes)

    def actor(self, reviewer: Reviewer, acting: Acting) -> Actor:
        """Return the actor of a change. Raises `InvalidInput` for a channel that cannot be stored."""
        try:
            return actor_of(reviewer, acting)
        except ValidationError as exc:
            problem = f"channel: {exc.errors()[0]['msg']}; name the channel of the request, such as 'library'"
            raise InvalidInput([problem]) from exc
