"""`hitl.executions`: list executions of approved cases, and carry one out under a grant from another process."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hitl_orchestrator.domain.execution import Execution, ExecutionStatus
from hitl_orchestrator.domain.input.parsing import member_of
from hitl_orchestrator.domain.review import Page
from hitl_orchestrator.execution.begun import Begun
from hitl_orchestrator.execution.grants import Claims, Grant
from hitl_orchestrator.orchestrator.arguments import checked_arguments
from hitl_orchestrator.orchestrator.gate import Gate
from hitl_orchestrator.services.acting import Acting
from hitl_orchestrator.services.authority import Verb
from hitl_orchestrator.services.executions.executions import Begin

if TYPE_CHECKING:
    from hitl_orchestrator.wiring.build import Services

__all__ = ["Executions", "beginning"]


@checked_arguments
class Executions:
    """Executions: each approved case that was submitted by `ask` is carried out at most once."""

    def __init__(self, services: "Services", acting: Acting) -> None:
        self._gate = Gate(services, acting)

    def list(
        self, status: ExecutionStatus | str | None = None, *, limit: int = 200, after: str | None = None
    ) -> Page[Execution]:
        """Return the first executions, in the order in which they started; `status` keeps those with this status.

        If the page has `more`, pass the `case_id` of its last execution as `after` for the next page. A principal that
        is not local gets those of its own cases and domains.

        Raises:
            InvalidInput: the limit is not in [1, 100,000], or the status is unknown.
            UnknownCase: `after` was never carried out.
        """
        services, acting = self._gate.to(Verb.READ_RECORDS)
        wanted = None if status is None else member_of(ExecutionStatus, status, "executions: status")
        mine = services.authorization.filter_of(Verb.READ_RECORDS, acting)
        return services.executions.page(wanted, limit, after, mine)

    def get(self, case_id: str | None = None, *, task_id: str | None = None) -> Execution | None:
        """Return the execution of a case; None if it was never started. Raises `UnknownCase`."""
        services, _, key = self._gate.to_case(Verb.READ_RECORDS, case_id, task_id)
        return services.executions.find(services.reader.get(key).case_id)

    def grant(self, token: str, *, audience: str = "") -> Grant:
        """Return the grant in a token that another process has passed on.

        `audience` names this process: a grant that `ask` made for an audience is of use to that one alone.

        Raises:
            GrantRefused: this is no token of a grant. `begin` refuses one that is forged or has expired.
        """
        self._gate.to(Verb.EXECUTE)
        return Grant.of(Claims.read(token), beginning(self._gate, audience))


def beginning(gate: Gate, audience: str) -> Begin:
    """Return what a grant calls to claim its execution, for the audience that this process is.

    The principal of the gate is asked for its right each time, like any other call of the facade.
    """

    def begin(claims: Claims, arguments: Mapping[str, Any] | None) -> Begun:
        services, acting, _ = gate.to_case(Verb.EXECUTE, claims.case_id, None)
        with services.spans.span("hitl.begin", hitl_case_id=claims.case_id) as span:
            begun = services.executions.begin(claims, arguments, audience, acting)
            span.note(hitl_execution_claimed=begun.is_new, hitl_execution_status=begun.execution.status.value)
        return begun

    return begin
