"""A batch of mails is labeled by a model of past mails; people see only those that it is not sure about.

Run it: python examples/batch_classifier/main.py. It needs the extra `learn`, no key and no network. In yours, replace
the lists by your files, and run the batch again after a crash: a mail is submitted once.
"""

from collections import Counter
from tempfile import TemporaryDirectory

from hitl_orchestrator import Case, Orchestrator, Task
from hitl_orchestrator.classifiers import TextClassifier

PAST = [
    ("please refund my money", "refund"),
    ("i want a refund for the broken lamp", "refund"),
    ("give the money back for my order", "refund"),
    ("refund the double charge on my card", "refund"),
    ("i have sent it back and want my money", "refund"),
    ("when will my parcel arrive", "delivery"),
    ("the parcel is late, where is my delivery", "delivery"),
    ("track the delivery of my order", "delivery"),
    ("the driver did not find my house", "delivery"),
    ("deliver the parcel to my neighbor", "delivery"),
    ("i forgot my password", "account"),
    ("change the mail address of my account", "account"),
    ("i cannot log in to my account", "account"),
    ("delete my account please", "account"),
    ("my password does not work", "account"),
]
BATCH = {
    "mail-1": "refund my money for the broken lamp please",
    "mail-2": "where is my parcel, the delivery is late",
    "mail-3": "i cannot log in, i forgot my password",
    "mail-4": "the lamp in the parcel is broken",
    "mail-5": "grüezi mitenand",
}
POLICY = {
    "policy_id": "labels",
    "rules": [
        {"rule_id": "sure", "priority": 1, "conditions": {"min_confidence": 0.7}, "action": "auto_approve"},
        {"rule_id": "others", "priority": 2, "conditions": {}, "action": "human_review"},
    ],
}
RIGHT = {"mail-4": "refund", "mail-5": "delivery"}
"""What the reviewer knows."""


def mail(mail_id: str, text: str) -> Task:
    """Return a mail as a task."""
    return Task(task_id=mail_id, task_type="mail", task_description=text, domain="customer_support", risk_level="low")


def label(hitl: Orchestrator, mails: dict[str, str]) -> list[Case]:
    """Submit all mails, and print what became of each."""
    cases = [hitl.submit(mail(mail_id, text)) for mail_id, text in mails.items()]
    for case in cases:
        waiting = next((each for each in hitl.inbox() if each.case_id == case.case_id), None)
        if case.final_output is not None and case.record is not None:
            print(f"   {case.task_id}: {case.final_output.predicted_label} ({case.record.confidence_score:.2f})")
        elif waiting is not None and waiting.proposal is not None:
            sure = "no confidence" if waiting.confidence is None else f"{waiting.confidence:.2f}"
            print(f"   {case.task_id}: a person decides; proposed is {waiting.proposal.predicted_label} ({sure})")
    return cases


def review(hitl: Orchestrator) -> None:
    """Decide what waits, as a person at the desk would."""
    for request in hitl.inbox():
        right = RIGHT[request.task_id]
        if request.proposal is not None and request.proposal.predicted_label == right:
            hitl.decide(request.case_id, "approve", reviewer="domain_reviewer")
        else:
            own = {"predicted_label": right, "explanation": "read by a person"}
            hitl.decide(request.case_id, "override", reviewer="domain_reviewer", output=own, reason="another label")


def main() -> None:
    """Tell the story."""
    with TemporaryDirectory() as folder:
        store = f"sqlite:///{folder}/hitl.db"
        with Orchestrator.open(store, policy=POLICY, classifier=TextClassifier.fit(PAST)) as hitl:
            print("1. The batch.")
            label(hitl, BATCH)
            print("2. The same batch again, as after a crash: the same cases.")
            assert len({case.case_id for case in map(hitl.submit, (mail(*each) for each in BATCH.items()))}) == len(
                BATCH
            )
            review(hitl)
            reviewed = [case for each in BATCH if (case := hitl.cases.get(task_id=each)).reviews]
            print(f"3. A reviewer labeled {len(reviewed)} mails. The classifier learns from them.")
            better = TextClassifier.fit([*PAST, *reviewed])
        with Orchestrator.open(store, classifier=better) as hitl:
            print("4. The next batch.")
            label(hitl, {"mail-6": "the lamp in the parcel is broken again", "mail-7": "grüezi mitenand, my parcel"})
            outcomes = Counter(str(record.decision_source) for record in hitl.audit.records())
            print(f"5. Decided so far: {dict(outcomes)}.")


if __name__ == "__main__":
    main()
