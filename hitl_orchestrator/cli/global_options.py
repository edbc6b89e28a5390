"""The global options of one invocation, as typed before the command's name."""

from typing import NamedTuple


class GlobalOptions(NamedTuple):
    """The shared options. None means that the option was not typed."""

    store: str | None = None
    policy: str | None = None
    reviewers: str | None = None
    as_json: bool = False


NO_OPTIONS = GlobalOptions()
