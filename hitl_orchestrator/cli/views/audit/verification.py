"""Verification results, signed heads and proofs in sentences."""

from collections.abc import Iterator, Sequence

from hitl_orchestrator.cli.output.blocks import Block, Line
from hitl_orchestrator.cli.output.formatting import count, local_time
from hitl_orchestrator.orchestrator import CaseProof, KeyChange, SignedHead, Verification, proof_events

MOST_NAMED = 5


def verified(result: Verification, heads: Sequence[SignedHead], public: str | None) -> Iterator[Block]:
    """Describe a ledger in which no problem was found."""
    until = "" if result.until is None else f", the last one written at {local_time(result.until)}"
    yield Line(f"{count(result.entries, 'entry', 'entries')}{until}: entries and tables are unchanged.")
    checked = "its seals are valid" if result.seals_checked else "seals not checked (no key)"
    yield Line(f"Ledger {result.ledger_id}: {checked}.")
    if result.key_changes:
        yield Line(f"Its key changed at {_named(result.key_changes)}.")
    if result.clock_jumps:
        yield clock_jumps(result.clock_jumps)
    if result.unexecuted:
        yield Line(
            f"{count(result.unexecuted, 'approved call')} never carried out: "
            f"{', '.join(result.unexecuted_cases[:MOST_NAMED])}{' ...' if result.unexecuted > MOST_NAMED else ''}."
        )
    if result.scrub_due:
        yield Line(
            f"The database may still hold copies of the texts of {count(len(result.scrub_due), 'redacted case')}: "
            f"{', '.join(result.scrub_due[:MOST_NAMED])}; 'hitl recover' erases them when no other process reads it."
        )
    if not heads:
        unnoticed = "a return to an earlier state" if result.seals_checked else "a complete rewrite"
        yield Line(f"Without a signed head {unnoticed} would not be noticed; compare with one by --head FILE.")
        return
    yield Line(f"They match {count(len(heads), 'signed head')}, the last one of {heads[-1].size} entries.")
    yield from _key(heads[-1].key, public)


def clock_jumps(numbers: Sequence[int]) -> Line:
    """Name the entries at which the clock moved back."""
    return Line(f"The clock was moved back at {_named(numbers)}: times before and after do not compare.")


def rotated(change: KeyChange) -> Iterator[Block]:
    """Describe a change of the key."""
    yield Line(f"Key {change.new_key} seals the ledger from entry {change.valid_from} on.")
    yield Line(f"Keep key {change.old_key}, after it: it verifies the entries before, and seals nothing new.")


def _named(numbers: Sequence[int]) -> str:
    more = f" and {len(numbers) - MOST_NAMED} more" if len(numbers) > MOST_NAMED else ""
    word = "entry" if len(numbers) == 1 else "entries"
    return f"{word} {', '.join(map(str, numbers[:MOST_NAMED]))}{more}"


def proven(proof: CaseProof, public: str | None) -> Iterator[Block]:
    """Describe a valid proof."""
    entries = count(len(proof.entries), "entry", "entries")
    word = "Consistent" if public is None else "Proven"
    yield Line(f"{word}: the ledger holds {entries} of case {proof.case_id}. {signed(proof.head)}")
    for event in proof_events(proof):
        yield Line(f"{event.seq}  {local_time(event.at)}  {event.kind}", indent=2)
    if proof.contents is None:
        yield Line("The proof does not include the contents of the case.")
    else:
        yield Line(f"{count(len(proof.contents.values), 'value')} of its contents match the digests in the entries.")
    yield from _key(proof.head.key, public)


def signed(head: SignedHead) -> str:
    """Return when a head was signed, of which ledger, and with which key."""
    entries = f"{count(head.size, 'entry', 'entries')} of ledger {head.ledger_id}"
    return f"The head of {entries} was signed at {local_time(head.at)} with key {head.key[:12]}."


def _key(key: str, public: str | None) -> Iterator[Block]:
    if public is None:
        yield Line(f"The key {key} is the one that the file itself names.")
