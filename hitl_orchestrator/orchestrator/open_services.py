"""The services behind an object of the facade, which are refused once the orchestrator was closed."""

from typing import TYPE_CHECKING, Any

from hitl_orchestrator.errors import StoreClosed

if TYPE_CHECKING:
    from hitl_orchestrator.wiring.build import Services

__all__ = ["OpenServices"]


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
