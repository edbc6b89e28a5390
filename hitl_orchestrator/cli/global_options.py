"""The global options of one invocation, as typed before the command's name."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class GlobalOptions:
    """The shared options. None means that the option was not typed."""

    store: str | None = field(default=None, repr=False)
    policy: str | None = None
    reviewers: str | None = None
    as_json: bool = False


NO_OPTIONS = GlobalOptions()
