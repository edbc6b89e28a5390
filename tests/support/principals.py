"""Principals of every kind, and the people some of them are."""

from hitl_orchestrator.domain.principal import Principal, PrincipalKind

HERE, ELSEWHERE = "customer_support", "finance"
PEOPLE = [
    {"reviewer_id": "ana", "name": "Ana", "roles": ["domain_reviewer"], "domains": [HERE]},
    {"reviewer_id": "max", "name": "Max", "roles": ["senior_manager"], "domains": [HERE]},
    {"reviewer_id": "zoe", "name": "Zoe", "roles": ["compliance_officer"], "domains": [HERE]},
]


def principal(kind, person=None, subject="login-1"):
    return Principal(subject=subject, kind=kind, person=person, authenticated_by="oidc")


WHO = {
    "agent": principal(PrincipalKind.AGENT, subject="bot"),
    "ana": principal(PrincipalKind.HUMAN, "ana"),
    "max": principal(PrincipalKind.HUMAN, "max"),
    "zoe": principal(PrincipalKind.HUMAN, "zoe"),
    "left": principal(PrincipalKind.HUMAN, "gone"),
    "no account": principal(PrincipalKind.HUMAN, subject="bot"),
    "auditor": principal(PrincipalKind.AUDITOR),
    "operator": principal(PrincipalKind.OPERATOR),
    "boss of operations": principal(PrincipalKind.OPERATOR, "max"),
    "system": principal(PrincipalKind.SYSTEM),
}
