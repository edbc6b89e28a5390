"""The options that several commands share, each said once."""

from typing import Annotated, NamedTuple

import typer

Store = Annotated[
    str | None,
    typer.Option("--store", metavar="URL", help="Where the cases are. Default: HITL_STORE, else sqlite:///hitl.db."),
]
Policy = Annotated[
    str | None,
    typer.Option(
        "--policy",
        metavar="FILE",
        help="Routing policy. Default: HITL_POLICY, else the store's current one.",
    ),
]
Reviewers = Annotated[
    str | None,
    typer.Option("--reviewers", metavar="FILE", help="Who may decide. Default: HITL_REVIEWERS, else a seat per role."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
CaseId = Annotated[str, typer.Argument(metavar="ID", help="The id of a case or of its task.")]


class Given(NamedTuple):
    """The shared options as they stood before the command's name."""

    store: str | None = None
    policy: str | None = None
    reviewers: str | None = None
    as_json: bool = False


NOTHING_GIVEN = Given()
