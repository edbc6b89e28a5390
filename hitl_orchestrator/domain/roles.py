"""The escalation chain: the order of the roles."""

from pydantic import Field, model_validator

from hitl_orchestrator.domain.value import Label, Value


class RoleChain(Value):
    """Roles from the lowest to the highest. A role may decide reviews of its own and of lower roles.

    A review may need a role outside the chain: one that was renamed or removed while the review waits. Such a role
    ranks between the others and the top of the chain, which alone may decide in its place.
    """

    roles: tuple[Label, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _each_once(self) -> "RoleChain":
        if len(set(self.roles)) != len(self.roles):
            raise ValueError("a role occurs twice in the escalation chain")
        return self

    @property
    def top(self) -> str:
        """The highest role."""
        return self.roles[-1]

    @property
    def second(self) -> str:
        """The second lowest role, which may do what needs more than a reviewer; the only one of a chain of one."""
        return self.roles[min(1, len(self.roles) - 1)]

    def above(self, role: str) -> str | None:
        """Return the next role up, None at the top; for a role outside the chain the top."""
        if role not in self.roles:
            return self.top
        rank = self.roles.index(role)
        return self.roles[rank + 1] if rank + 1 < len(self.roles) else None

    def upward(self, role: str) -> tuple[str, ...]:
        """Return this role and all above it; for a role outside the chain, it and the top."""
        return self.roles[self.roles.index(role) :] if role in self.roles else (role, self.top)

    def filled(self, role: str) -> str:
        """Return the lowest role of the chain that may decide a review for `role`."""
        return role if role in self.roles else self.top

    def reaches(self, held: str, needed: str) -> bool:
        """Return whether `held` is `needed` or a higher role.

        A role outside the chain, such as one of an older chain, is reached by itself and by the top of the chain.
        """
        if held not in self.roles or needed not in self.roles:
            return held in (needed, self.top)
        return self.roles.index(held) >= self.roles.index(needed)

    def higher(self, first: str, second: str) -> str:
        """Return the higher of two roles; the one outside the chain if it is not the top that the other one is."""
        if self.reaches(first, second):
            return first
        return second if second not in self.roles or self.reaches(second, first) else first


DEFAULT_CHAIN = RoleChain(roles=("domain_reviewer", "senior_manager", "compliance_officer"))
