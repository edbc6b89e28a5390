"""The escalation chain: the order of the roles."""

from pydantic import Field, model_validator

from hitl_orchestrator.domain.value import Label, Value


class RoleChain(Value):
    """Roles from the lowest to the highest. A role may decide reviews of its own and of lower roles."""

    roles: tuple[Label, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _each_once(self) -> "RoleChain":
        if len(set(self.roles)) != len(self.roles):
            raise ValueError("a role occurs twice in the escalation chain")
        return self

    def above(self, role: str) -> str | None:
        """Return the next role up, None at the top."""
        rank = self.roles.index(role)
        return self.roles[rank + 1] if rank + 1 < len(self.roles) else None

    def upward(self, role: str) -> tuple[str, ...]:
        """Return this role and all above it; a role outside the chain alone."""
        return self.roles[self.roles.index(role) :] if role in self.roles else (role,)

    def reaches(self, held: str, needed: str) -> bool:
        """Return whether `held` is `needed` or a higher role.

        A role outside the chain, such as one of an older chain, is reached by itself and by the top of the chain.
        """
        if held not in self.roles or needed not in self.roles:
            return held in (needed, self.roles[-1])
        return self.roles.index(held) >= self.roles.index(needed)

    def higher(self, first: str, second: str) -> str:
        """Return the higher of two roles."""
        return first if self.reaches(first, second) else second


DEFAULT_CHAIN = RoleChain(roles=("domain_reviewer", "senior_manager", "compliance_officer"))
