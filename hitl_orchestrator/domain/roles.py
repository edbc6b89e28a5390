"""The chain of escalation: who stands above whom."""

from pydantic import Field, model_validator

from hitl_orchestrator.domain.value import Label, Value


class RoleChain(Value):
    """Roles from the first reviewer up to the last instance. A role may decide what is asked of it or of one below."""

    roles: tuple[Label, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _each_once(self) -> "RoleChain":
        if len(set(self.roles)) != len(self.roles):
            raise ValueError("a role stands twice in the chain of escalation")
        return self

    def above(self, role: str) -> str | None:
        """Return the next role up, None at the top."""
        place = self.roles.index(role)
        return self.roles[place + 1] if place + 1 < len(self.roles) else None

    def upward(self, role: str) -> tuple[str, ...]:
        """Return this role and all above it; a role outside the chain alone."""
        return self.roles[self.roles.index(role) :] if role in self.roles else (role,)

    def reaches(self, held: str, needed: str) -> bool:
        """Whether `held` is `needed` or stands above it.

        A role outside the chain, such as one of an older chain, is reached by itself and by the top of the chain.
        """
        if held not in self.roles or needed not in self.roles:
            return held in (needed, self.roles[-1])
        return self.roles.index(held) >= self.roles.index(needed)

    def higher(self, one: str, other: str) -> str:
        """Return whichever role stands higher."""
        return one if self.reaches(one, other) else other


DEFAULT_CHAIN = RoleChain(roles=("domain_reviewer", "senior_manager", "compliance_officer"))
