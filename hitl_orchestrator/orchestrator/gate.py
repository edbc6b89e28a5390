"""The gate of the facade: a method names its verb, and gets the services behind it if the principal may use it."""

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.errors import (
    InvalidInput,
    LedgerDamaged,
    StoreClosed,
    TamperedPeople,
    TamperedPolicy,
    shortened,
)
from hitl_orchestrator.execution.answers import Answer
from hitl_orchestrator.services.acting import Acting, CaseKey
from hitl_orchestrator.services.authority import Verb
from hitl_orchestrator.services.cases.submission import CatchUp

if TYPE_CHECKING:
    from hitl_orchestrator.wiring.build import Services

__all__ = ["Closing", "Gate", "OpenServices", "Passed", "PassedForCase", "case_id_of"]


class OpenServices:
    """An attribute that holds services. Reading it raises `StoreClosed` once they were closed."""

    def __set_name__(self, owner: type, name: str) -> None:
        """Remember the name of the attribute."""
        self._name = name

    def __set__(self, instance: Any, services: "Services") -> None:
        """Set the services."""
        vars(instance)[self._name] = services

    def __get__(self, instance: Any, owner: type) -> "Services":
        """Return the services. Raises `StoreClosed`."""
        services: Services = vars(instance)[self._name]
        if services.closed:
            raise StoreClosed(services.store)
        return services


class Closing:
    """An object over open services, which are closed when its block ends."""

    _services = OpenServices()

    def __init__(self, services: "Services") -> None:
        self._services, self._opened = services, services

    def close(self) -> None:
        """Sign the ledger head if there is a head file, and close files and connections. Closing twice is harmless.

        A head file that cannot be written is logged, so that it costs no caller the result of an earlier call.

        Raises:
            LedgerDamaged: the ledger differs from the last signed head; everything is closed.
        """
        self._opened.close()

    def __repr__(self) -> str:
        """Return the store, without a password, and the start of the active policy's hash."""
        return f"<{type(self).__name__} {self._opened!r}>"

    def __enter__(self) -> Self:
        """Return the object itself."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close it."""
        self.close()


def case_id_of(case: Case | Answer | str) -> str:
    """Return the id of a case that a call names by itself, by the answer of `ask`, or by its id.

    Raises:
        InvalidInput: it names none.
    """
    case_id = case if isinstance(case, str) else getattr(case, "case_id", None)
    if not isinstance(case_id, str):
        raise InvalidInput([f"case: this is {shortened(repr(case))}; give a case, the answer of ask, or its id"])
    return case_id


class Passed(NamedTuple):
    """A call that may go on: the services, and the identity that acts."""

    services: "Services"
    acting: Acting


class PassedForCase(NamedTuple):
    """The same with the key of the case that was checked."""

    services: "Services"
    acting: Acting
    key: CaseKey


class Gate:
    """The only way from the facade to the services. They are refused once the orchestrator was closed.

    Each call applies the people and policies that another process has put in force meanwhile, before it is checked.
    The services use what it has applied.
    """

    _services = OpenServices()

    def __init__(self, services: "Services", acting: Acting) -> None:
        self._services, self.acting = services, acting

    def to_new(self, verb: Verb) -> tuple["Services", Acting, CatchUp]:
        """Return the services for a verb that adds a case, and how it catches up.

        It uses the people and policies that were applied before, and notices others when it writes. Raises as `to`.
        """
        services, seen = self._services, self._services.policies.seen
        services.authorization.check(verb, self.acting)
        return services, self.acting, CatchUp(seen, partial(self.to, verb))

    def to(self, verb: Verb, *, reviewer: str | None = None) -> Passed:
        """Return the services for a verb that names no case. `reviewer` is the one whom the call names.

        Raises:
            StoreClosed: the orchestrator was closed.
            NotAuthorized, InvalidInput: the principal may not use the verb.
            TamperedPolicy, TamperedPeople, LedgerDamaged: what came into force meanwhile was altered.
        """
        services, acting = self._services, self.acting.named(reviewer)
        try:
            services.policies.refresh()
        except (TamperedPolicy, TamperedPeople, LedgerDamaged):
            # Verification reports what was altered; it goes on with the people who were in force before.
            if verb is not Verb.VERIFY:
                raise
        services.authorization.check(verb, acting)
        return Passed(services, acting)

    def to_case(
        self,
        verb: Verb,
        case_id: str | None,
        task_id: str | None,
        *,
        reviewer: str | None = None,
        submitter: str | None = None,
    ) -> PassedForCase:
        """Return the services for a verb on one case.

        `submitter` is the one whom the call names: the id of a task belongs to its submitter.

        Raises:
            InvalidInput: the call names no case, or two.
            UnknownCase: there is no such case, or it is not theirs.
            StoreClosed, NotAuthorized: as `to`.
        """
        services, acting = self._services, self.acting.named(reviewer)
        key = CaseKey.of(case_id, task_id, submitter or acting.namespace)
        services.policies.refresh()
        return PassedForCase(services, acting, services.authorization.check_case(verb, acting, key))

    def shown(self, case: Case) -> Case:
        """Return a case as the bound principal may see it."""
        return self._services.masking.case(case, self.acting)
