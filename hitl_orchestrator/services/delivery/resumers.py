"""The resumers of a process, by the names of the graphs that they resume: each is checked when it is set."""

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Protocol

from hitl_orchestrator.domain.case import Case, ParentCall
from hitl_orchestrator.domain.input.parsing import parse
from hitl_orchestrator.errors import InvalidInput

__all__ = ["Resumer", "Resumers"]


class Resumer(Protocol):
    """Resumes the paused runs of one graph. Must be harmless if repeated: a wake-up is delivered at least once."""

    def resume(self, parent: ParentCall, case: Case) -> None:
        """Resume the run that waits for the decision on a case, and return once that is certain to happen.

        It is called in a thread of its own, in an empty context. An error, such as one for a run that has not paused
        yet, makes the wake-up be repeated later.
        """


class Resumers(MutableMapping[str, Resumer]):
    """The resumers of the facade, which may be set and removed at any time."""

    def __init__(self, resumers: Mapping[str, Resumer] | None = None) -> None:
        """Check and keep resumers.

        Raises:
            InvalidInput: these are no resumers by the names of graphs.
        """
        self._resumers = dict[str, Resumer]()
        if not (resumers is None or isinstance(resumers, Mapping)):
            raise InvalidInput([f"resumers: {resumers!r} is not a mapping from names of graphs to resumers"])
        self.update(resumers or {})

    def __getitem__(self, name: str) -> Resumer:
        """Return the resumer of a graph."""
        return self._resumers[name]

    def __setitem__(self, name: str, resumer: Resumer) -> None:
        """Set the resumer of a graph.

        Raises:
            InvalidInput: it has no method `resume`, or the name cannot be that of a graph.
        """
        if isinstance(resumer, type) or not callable(getattr(resumer, "resume", None)):
            remedy = "pass an object with it, such as LangGraphResumer(graph)"
            raise InvalidInput([f"resumers: {name!r}: {resumer!r} has no method resume(parent, case); {remedy}"])
        parse(ParentCall, {"graph": name, "thread_id": "thread"}, "resumers: the name")
        self._resumers[name] = resumer

    def __delitem__(self, name: str) -> None:
        """Remove the resumer of a graph."""
        del self._resumers[name]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of the graphs."""
        return iter(list(self._resumers))

    def __len__(self) -> int:
        """Return the number of resumers."""
        return len(self._resumers)

    def __repr__(self) -> str:
        """Return the names of the graphs."""
        return f"<Resumers {', '.join(self._resumers)}>"
