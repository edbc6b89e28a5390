"""Oversight inside the code of agents: `guard` for functions, and one module per framework of agents.

No framework is imported before its module is.
"""

from typing import TYPE_CHECKING

from hitl_orchestrator.lazy import lazy_names

if TYPE_CHECKING:
    from hitl_orchestrator.integrations.decorator import guard

__all__ = ["guard"]

__getattr__ = lazy_names(__name__, {"guard": "decorator"})
