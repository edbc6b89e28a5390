"""Calls of agents that wait, were not approved, or cannot be carried out (again)."""

from datetime import datetime

from hitl_orchestrator.errors.base import RequestRejected


class AwaitingReview(RequestRejected):
    """A call waits for its review; it runs when it is made again after the approval."""

    def __init__(self, case_id: str) -> None:
        super().__init__(
            f"this call waits for a review in case {case_id!r}; make it again when it is decided: "
            f"'hitl show {case_id}' says by whom"
        )
        self.case_id = case_id


class CallRejected(RequestRejected):
    """A guarded call was not approved, and is never made: `reason` says why, `reviewer` decided it, if a person did."""

    def __init__(self, case_id: str, reason: str, reviewer: str | None = None) -> None:
        by = f" (decided by {reviewer!r})" if reviewer else ""
        super().__init__(
            f"the call in case {case_id!r} is not made: {reason}{by}; do not repeat it, "
            "another attempt is a call with another key"
        )
        self.case_id, self.reason, self.reviewer = case_id, reason, reviewer


class GrantRefused(RequestRejected, http_status=403):
    """A grant carries nothing out: it is forged, expired, for another audience, or for other arguments."""

    def __init__(self, case_id: str | None, why: str) -> None:
        named = "this grant" if case_id is None else f"the grant of case {case_id!r}"
        super().__init__(f"{named} is refused, and nothing was carried out: {why}")
        self.case_id, self.why = case_id, why


class AlreadyRunning(RequestRejected):
    """Another process or thread carries this case out now."""

    def __init__(self, case_id: str, holder: str, since: datetime) -> None:
        super().__init__(
            f"case {case_id!r} is carried out by {holder} since {since.isoformat(timespec='seconds')}; "
            "ask again when it has ended, to get its result"
        )
        self.case_id, self.holder, self.since = case_id, holder, since


class ExecutionUnknown(RequestRejected):
    """The process that carried a case out died in between; a person is asked whether it happened."""

    def __init__(self, case_id: str, holder: str, since: datetime, check_id: str | None) -> None:
        super().__init__(
            f"{holder} began to carry case {case_id!r} out at {since.isoformat(timespec='seconds')} and did not record "
            f"its end; it is not carried out again: a reviewer states in case {check_id!r} whether it happened"
        )
        self.case_id, self.holder, self.since, self.check_id = case_id, holder, since, check_id


class ExecutionFailed(RequestRejected):
    """A case was carried out and failed. It is not carried out again. `error` is the recorded error."""

    def __init__(self, case_id: str, error: str) -> None:
        super().__init__(f"carrying case {case_id!r} out has failed, and is not tried again: {error}")
        self.case_id, self.error = case_id, error


class ExecutionEnded(RequestRejected):
    """The end of an execution was recorded before, by a person who was asked, or by an earlier call."""

    def __init__(self, case_id: str, status: str) -> None:
        super().__init__(
            f"the execution of case {case_id!r} is recorded as {status}, and the first record stands; "
            f"'hitl show {case_id}' shows its history"
        )
        self.case_id, self.status = case_id, status
