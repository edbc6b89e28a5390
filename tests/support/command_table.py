"""Every command of `hitl` as a command line that works on the canonical data, with its exit code."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

DONE, NO, INVALID, WAITS = 0, 1, 2, 3


class Row(NamedTuple):
    """A command, its exit code where nothing lacks, whether it writes, and whether it opens the store at all.

    It may take a new seal key in front of the present one, where keys are in the environment.
    """

    words: str
    code: int = DONE
    writes: bool = False
    opens: bool = True
    takes_new_key: bool = False

    @property
    def reads_input(self) -> bool:
        """Whether it reads standard input."""
        return "-" in self.words.split()


def writing(words: str) -> Row:
    return Row(words, writes=True)


def apart(words: str, code: int = DONE) -> Row:
    return Row(words, code, opens=False)


def filling(words: str) -> Row:
    """Return a command that fills a folder beside the store."""
    return Row(words, writes=True, opens=False)


REVIEWED_BY = "--reviewer domain_reviewer"
COMMANDS = {
    "init": Row("init"),
    "run": writing("run tasks.json --outputs agent_outputs.json --submitted-by bot"),
    "import": filling("import tasks.json --map label=task_type,truth=domain"),
    "recover": writing("recover"),
    "sweep": writing("sweep"),
    "inbox": Row("inbox"),
    "show": Row("show task_002"),
    "decide": writing(f"decide task_002 approve {REVIEWED_BY}"),
    "escalate": writing(f"escalate task_002 {REVIEWED_BY} --reason unclear"),
    "label": writing(f"label task_002 urgent {REVIEWED_BY}"),
    "bulk": Row(f"bulk approve task_002 --yes {REVIEWED_BY}", INVALID),
    "next": writing(f"next {REVIEWED_BY}"),
    "claim": writing(f"claim task_002 {REVIEWED_BY}"),
    "release": writing(f"release task_002 {REVIEWED_BY}"),
    "delegate": Row(f"delegate task_002 {REVIEWED_BY} --to senior_manager", NO, writes=True),
    "assign": writing("assign --reviewer senior_manager"),
    "cancel": Row("cancel task_002 --submitted-by the_agent --reason wrong", NO),
    "desk": Row(f"desk {REVIEWED_BY}", INVALID),
    "calls": apart("calls no_module:graph thread-1", INVALID),
    "feedback": Row("feedback"),
    "stats": Row("stats --by domain"),
    "report": Row("report"),
    "executions": Row("executions"),
    "learn certify": Row("learn certify", NO),
    "demo": filling("demo --data-into copied"),
    "generate": filling("generate --tasks 6"),
    "simulate": apart("simulate --days 1 --tasks-per-day 3"),
    "policy check": Row("policy check routing_policy.json"),
    "policy diff": Row("policy diff routing_policy.json routing_policy.json"),
    "policy schema": apart("policy schema"),
    "policy show": Row("policy show routing_policy.json"),
    "policy new": filling("policy new draft.yaml --task-type refund --domain support --yes"),
    "policy lists": apart("policy lists routing_policy.json"),
    "policy explain": Row("policy explain tasks.json --outputs agent_outputs.json"),
    "policy test": Row("policy test routing_policy.policy-test.yaml"),
    "policy review": Row("policy review routing_policy.json"),
    "policy backtest": Row("policy backtest routing_policy.json"),
    "policy status": Row("policy status"),
    "policy versions": Row("policy versions"),
    "policy activate": writing("policy activate default_policy_v1.json --reviewer compliance_officer --reason new"),
    "policy rollback": Row("policy rollback --reviewer compliance_officer --reason old", NO),
    "policy undo": Row("policy undo --reviewer compliance_officer --reason wrong", NO),
    "policy shadow": writing("policy shadow routing_policy.json --reviewer compliance_officer --reason new"),
    "policy canary": Row("policy canary --off --reviewer compliance_officer --reason done", NO),
    "people show": Row("people show"),
    "people propose": writing("people propose narrower_people.json --reviewer compliance_officer --reason less"),
    "people diff": Row("people diff narrower_people.json"),
    "people history": Row("people history"),
    "audit list": Row("audit list"),
    "audit show": Row("audit show task_001"),
    "audit export": Row("audit export"),
    "audit redact": writing("audit redact task_001 --reason erasure --reviewer compliance_officer --yes"),
    "audit verify": Row("audit verify"),
    "audit head": Row("audit head"),
    "audit key": Row("audit key"),
    "audit rotate": Row("audit rotate", writes=True, takes_new_key=True),
    "audit prove": Row("audit prove task_001"),
    "audit check": apart("audit check - --any-key"),
}


def write_narrower_people(folder: Path) -> None:
    """Write the bundled people, with fewer rights, into the file that the commands about people read."""
    people = json.loads((files("hitl_orchestrator.data") / "reviewers.json").read_text("utf-8"))
    people["reviewers"][0]["domains"] = ["finance"]
    (folder / "narrower_people.json").write_text(json.dumps(people), "utf-8")


def commands_of(group: Any, path: str = "") -> dict[str, Any]:
    """Return the visible commands of a group and of the groups in it, by their words."""
    found: dict[str, Any] = {}
    for name, each in group.commands.items():
        words = f"{path} {name}".strip()
        found |= commands_of(each, words) if hasattr(each, "commands") else {} if each.hidden else {words: each}
    return found
