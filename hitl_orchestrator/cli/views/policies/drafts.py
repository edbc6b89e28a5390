"""What a draft of a policy lets go ahead, and what to do next."""

from collections.abc import Iterator, Mapping

from hitl_orchestrator.cli.output.blocks import COMMAND, Block, Line, inline
from hitl_orchestrator.cli.output.formatting import count
from hitl_orchestrator.cli.session import Session
from hitl_orchestrator.domain.shown.numbers import plain_number
from hitl_orchestrator.policies import ObservedCases, PolicyAnswers


def draft(
    session: Session, answers: PolicyAnswers, files: Mapping[str, str], observed: ObservedCases | None
) -> Iterator[Block]:
    """Describe a draft: its files, what goes ahead, and the commands to type next."""
    yield Line(f"{files['policy']} and {files['tests']} are written.", "green")
    if observed is not None:
        fields = count(len(observed.fields), "field")
        yield Line(f"Read {count(observed.cases, 'past case')} with {fields} of metadata.", indent=2)
    yield Line(_ahead(answers), indent=2)
    yield Line(f"{answers.role} decides the rest, {answers.senior_role} escalated cases.", indent=2)
    yield Line("Complete it, and then:")
    for words in (
        ("policy", "check", files["policy"], "--strict", "--map"),
        ("policy", "test", files["tests"], "--coverage"),
        ("policy", "activate", files["policy"], "--reviewer", "YOUR ID", "--reason", "WHY"),
    ):
        yield Line(session.command(*words), COMMAND, indent=2)


def _ahead(answers: PolicyAnswers) -> str:
    if not answers.labels:
        return "Nothing goes ahead without a person."
    labels = "any label" if answers.any_label else " or ".join(map(inline, answers.labels))
    amount = answers.amount
    size = "" if amount is None else f", up to {' '.join(filter(None, (plain_number(amount.up_to), amount.unit)))}"
    sure = plain_number(answers.confidence)
    return f"Goes ahead without a person: {labels} at low risk, from a confidence of {sure}{size}."
