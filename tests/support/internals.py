"""What lies behind the facade, which tests reach past its gate."""

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.wiring.build import Services


def services_of(hitl: Orchestrator) -> Services:
    """Return the services of an orchestrator. Raises `StoreClosed` once it was closed."""
    return hitl._services
