"""The work of the generated organization: its task types, the texts of their tasks, and the habits of their agents."""

from collections.abc import Mapping
from typing import NamedTuple

from hitl_orchestrator.domain.enums import RiskLevel

FIRST_VERSION, SECOND_VERSION = "2024-11", "2025-02"
"""The versions of the model. The second one answers from the middle of a generated set on."""


class Wording(NamedTuple):
    """How a task with one right label reads: its share, its texts, and what an agent states as the reason."""

    share: float
    texts: tuple[str, ...]
    reason: str


class Amount(NamedTuple):
    """The amount at stake of a task: between `least` and `most`, small ones more often."""

    least: int
    most: int
    currency: str = "EUR"


class Kind(NamedTuple):
    """One task type.

    `hardness` is the share of wrong outputs at the lowest confidence. `fields` are further metadata: a name and its
    possible values, the first being the common one.
    """

    task_type: str
    domain: str
    share: float
    agent_id: str
    labels: Mapping[str, Wording]
    risks: tuple[float, float, float]
    hardness: float
    amount: Amount | None = None
    fields: Mapping[str, tuple[str, ...]] = {}

    @property
    def risk_shares(self) -> dict[RiskLevel, float]:
        """The share of each risk level."""
        return dict(zip(RiskLevel, self.risks, strict=True))


class Place(NamedTuple):
    """Where the agent is over-confident: tasks of a type with one value of a metadata field.

    There it states a high confidence, and is right in the share `right` only, since the version `since`.
    """

    task_type: str
    field: str
    value: str
    right: float
    since: str
    why: str


PLACES = (
    Place("claim_triage", "cause", "water", 0.55, FIRST_VERSION, "water damage reads like a simple claim"),
    Place("email_triage", "language", "pt", 0.6, FIRST_VERSION, "the agent knows few letters in Portuguese"),
    Place("content_moderation", "tone", "ironic", 0.5, SECOND_VERSION, "the second version takes irony at its word"),
)

_EMAILS = Kind(
    task_type="email_triage",
    domain="customer_support",
    share=0.22,
    agent_id="mailroom",
    labels={
        "Billing Issue": Wording(
            0.3,
            (
                "{name} was charged {amount} twice for one order",
                "{name} asks why the invoice shows {amount} more than agreed",
            ),
            "The letter names a charge and an invoice",
        ),
        "Refund Request": Wording(
            0.25,
            ("{name} returned a {item} and wants {amount} back", "{name} asks for a refund of {amount} for a {item}"),
            "The sender asks for the money back",
        ),
        "Delivery Question": Wording(
            0.25,
            ("{name} asks where the {item} is that was due last week", "The {item} of {name} went to an old address"),
            "The letter is about a parcel",
        ),
        "Complaint": Wording(
            0.2,
            (
                "{name} complains about a rude answer on the telephone",
                "{name} writes for the third time about a broken {item}",
            ),
            "The sender describes a bad experience",
        ),
    },
    risks=(0.8, 0.18, 0.02),
    hardness=0.42,
    amount=Amount(10, 400),
    fields={"language": ("en", "en", "en", "de", "pt")},
)

_REFUNDS = Kind(
    task_type="refund_decision",
    domain="customer_support",
    share=0.14,
    agent_id="mailroom",
    labels={
        "Refund in Full": Wording(
            0.5,
            (
                "Decide the refund of {amount} for a {item} that {name} returned unopened",
                "Decide the refund of {amount}: the {item} of {name} arrived broken",
            ),
            "The return is within 30 days and the fault is ours",
        ),
        "Partial Refund": Wording(
            0.25,
            ("Decide the refund of {amount} for a used {item} of {name}",),
            "The item shows signs of use",
        ),
        "No Refund": Wording(
            0.25,
            (
                "Decide the refund of {amount} for a {item} that {name} bought two years ago",
                "Decide the refund of {amount}: {name} has no receipt for the {item}",
            ),
            "The time for a return has passed",
        ),
    },
    risks=(0.35, 0.5, 0.15),
    hardness=0.5,
    amount=Amount(20, 2500),
)

_CLAIMS = Kind(
    task_type="claim_triage",
    domain="insurance_claims",
    share=0.14,
    agent_id="claims-desk",
    labels={
        "Fast Track": Wording(
            0.5,
            (
                "{name} reports {amount} of {cause} damage, with three photographs",
                "A claim of {amount} by {name}: {cause} damage in the kitchen, the bill is attached",
            ),
            "The amount is small and the documents are complete",
        ),
        "Adjuster Needed": Wording(
            0.38,
            (
                "{name} claims {amount} for {cause} damage to the roof and two rooms",
                "A claim of {amount} by {name}: {cause} damage, and the neighbor has one too",
            ),
            "The extent of the damage is not clear",
        ),
        "Suspected Fraud": Wording(
            0.12,
            ("{name} claims {amount} for {cause} damage on the second day of the policy",),
            "The claim came soon after the policy began",
        ),
    },
    risks=(0.45, 0.4, 0.15),
    hardness=0.46,
    amount=Amount(150, 18_000),
    fields={"cause": ("storm", "storm", "fire", "glass", "water")},
)

_LOANS = Kind(
    task_type="loan_precheck",
    domain="lending",
    share=0.1,
    agent_id="loan-assistant",
    labels={
        "Eligible": Wording(
            0.55,
            ("{name} applies for a loan of {amount} with a steady income for six years",),
            "Income and term fit the amount",
        ),
        "Not Eligible": Wording(
            0.25,
            ("{name} applies for a loan of {amount} during a trial period at work",),
            "The income is not steady enough",
        ),
        "Documents Missing": Wording(
            0.2,
            ("{name} applies for a loan of {amount}; the last two payslips are missing",),
            "A payslip is missing",
        ),
    },
    risks=(0.0, 0.45, 0.55),
    hardness=0.34,
    amount=Amount(2000, 60_000),
)

_POSTS = Kind(
    task_type="content_moderation",
    domain="trust_and_safety",
    share=0.16,
    agent_id="moderator",
    labels={
        "Allowed": Wording(
            0.6,
            (
                "A reply to {name} about a {item}, {tone} in tone, reported once",
                "A comment under a film about a {item}, {tone} in tone, reported by {name}",
            ),
            "The comment is sharp but attacks no person",
        ),
        "Harassment": Wording(
            0.22,
            ("A comment that names {name} and their workplace, {tone} in tone",),
            "The comment targets one person",
        ),
        "Spam": Wording(
            0.18,
            ("The same comment under ten films, {tone} in tone, with a link to a {item}",),
            "The text repeats and links to a shop",
        ),
    },
    risks=(0.4, 0.5, 0.1),
    hardness=0.44,
    fields={"tone": ("plain", "plain", "plain", "angry", "ironic")},
)

_ACCESS = Kind(
    task_type="access_request",
    domain="it_operations",
    share=0.08,
    agent_id="service-desk",
    labels={
        "Grant": Wording(
            0.6,
            ("{name} asks to read the {system} for a project of their team",),
            "The team already has this right",
        ),
        "Deny": Wording(
            0.4,
            ("{name} asks for administrator rights on the {system} for one afternoon",),
            "The right is wider than the task",
        ),
    },
    risks=(0.2, 0.5, 0.3),
    hardness=0.4,
)

_INCIDENTS = Kind(
    task_type="incident_triage",
    domain="it_operations",
    share=0.08,
    agent_id="service-desk",
    labels={
        "Network": Wording(0.4, ("{name} and the whole second floor cannot reach the {system}",), "A floor is out"),
        "Account": Wording(0.35, ("{name} is locked out of the {system} after a new password",), "The password is new"),
        "Hardware": Wording(0.25, ("The screen of {name} flickers since the move",), "A device is named"),
    },
    risks=(0.85, 0.13, 0.02),
    hardness=0.12,
)

_INVOICES = Kind(
    task_type="invoice_coding",
    domain="finance",
    share=0.08,
    agent_id="bookkeeper",
    labels={
        "Software": Wording(0.4, ("An invoice of {amount} for the {system}, one year",), "A license is named"),
        "Office Supplies": Wording(0.35, ("An invoice of {amount} for paper and a {item}",), "Goods for the office"),
        "Travel": Wording(0.25, ("An invoice of {amount}: two nights and a train for {name}",), "A journey is named"),
    },
    risks=(0.75, 0.23, 0.02),
    hardness=0.1,
    amount=Amount(30, 9000),
)

KINDS = (_EMAILS, _REFUNDS, _CLAIMS, _LOANS, _POSTS, _ACCESS, _INCIDENTS, _INVOICES)
NAMES = ("J. Almeida", "R. Brandt", "S. Costa", "L. Dubois", "M. Eriksen", "T. Farkas", "A. Girard", "K. Hansen")
ITEMS = ("coffee grinder", "winter coat", "desk lamp", "bicycle helmet", "headset", "suitcase", "blender", "tent")
SYSTEMS = ("payroll system", "customer database", "build server", "reporting tool", "document store")
