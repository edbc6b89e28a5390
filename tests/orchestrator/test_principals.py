"""Authority below all faces: every verb and every reading, for every kind of principal and every kind of case."""

import ast
import inspect
from itertools import product
from pathlib import Path
from textwrap import dedent

import pytest
from support.builders import a_review, a_task, an_output
from support.principals import ELSEWHERE, HERE, PEOPLE, WHO, principal

from hitl_orchestrator import InvalidInput, Orchestrator
from hitl_orchestrator.domain.enums import POLICY_CHANGE, HumanDecision
from hitl_orchestrator.domain.input.reserved_ids import change_id
from hitl_orchestrator.domain.principal import Principal, PrincipalKind
from hitl_orchestrator.domain.review import Reviewer
from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.errors import NotAuthorized, UnknownCase
from hitl_orchestrator.orchestrator import LedgerAudit, asynchronous, ledger_audit
from hitl_orchestrator.orchestrator.audit import Audit
from hitl_orchestrator.orchestrator.cases import Cases
from hitl_orchestrator.orchestrator.executions import Executions
from hitl_orchestrator.orchestrator.insights import Insights
from hitl_orchestrator.orchestrator.people import PeopleAdministration
from hitl_orchestrator.orchestrator.policy import PolicyAdministration
from hitl_orchestrator.orchestrator.reviews import Reviews
from hitl_orchestrator.review.people import People
from hitl_orchestrator.services.authority import TABLE, CaseScope, Verb, authorize

SPACES = (Cases, Reviews, Executions, PolicyAdministration, PeopleAdministration, Audit, Insights)
FACADE = (Orchestrator, *SPACES, LedgerAudit)
MAKES_PRINCIPALS = {"open", "acting_as", "close"}


def methods_of(cls):
    return [(name, each) for name, each in vars(cls).items() if not name.startswith("_") and callable(each)]


def verbs_in(function):
    tree = ast.parse(dedent(inspect.getsource(function)))
    named = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    return {node.attr for node in named if isinstance(node.value, ast.Name) and node.value.id == "Verb"}


@pytest.mark.parametrize("cls", FACADE)
def test_every_public_method_of_the_facade_names_its_verb(cls):
    without = [name for name, each in methods_of(cls) if inspect.isfunction(each) and not verbs_in(each)]

    assert set(without) - MAKES_PRINCIPALS == set()


def test_every_verb_is_used():
    used = set().union(*(verbs_in(each) for cls in FACADE for _, each in methods_of(cls) if inspect.isfunction(each)))

    assert {verb.name for verb in Verb} == used
    assert set(TABLE) == set(Verb)


def test_only_the_gate_reaches_the_services():
    for cls in SPACES:
        assert "OpenServices" not in Path(inspect.getsourcefile(cls)).read_text()
    assert "_store." not in inspect.getsource(ledger_audit.LedgerAudit.records)


@pytest.mark.parametrize("name", [each.__name__ for each in FACADE if each is not LedgerAudit])
def test_every_asynchronous_method_calls_the_synchronous_one(name):
    sync = {each.__name__: dict(methods_of(each)) for each in FACADE}[name]
    derived = getattr(asynchronous, f"Async{name}")

    for method in set(sync) - MAKES_PRINCIPALS:
        assert getattr(derived, method).__wrapped__ is sync[method], method


def test_a_principal_has_no_field_that_nothing_enforces():
    enforced = {"subject", "kind", "person", "authenticated_by"}

    assert set(Principal.model_fields) - enforced == {"authenticated_at"}


# ---- the pure function: all verbs, all kinds, all relations to the case


def alike(verbs, row):
    return {verb: dict(row) for verb in verbs}


READS_OWN = {"agent": "own", "human": "domain", "auditor": "all"}
REVIEWS = {"human": "domain"}
STRONG = {"human": "domain", "operator": "all"}
KEEPS = {"operator": "all", "system": "all"}
EXPECTED = {
    **alike(["submit"], {"agent": "all", "human": "all", "operator": "all"}),
    **alike(["cancel"], {"agent": "own", "human": "own"}),
    **alike(["execute"], {"agent": "own"}),
    **alike(["read_case", "read_records", "prove"], READS_OWN),
    **alike(["read_insights"], {**READS_OWN, "operator": "all"}),
    **alike(["inbox", "view"], {"human": "domain", "auditor": "all"}),
    **alike(["read_people", "read_policy"], {"human": "domain", "auditor": "all", "operator": "all"}),
    **alike(["label", "claim", "take_over", "release", "delegate", "decide"], REVIEWS),
    **alike(["assign", "plant", "replay", "redact", "change_policy", "change_people"], STRONG),
    **alike(["backtest"], {"auditor": "all", "operator": "all"}),
    **alike(["verify", "unfinished"], {"auditor": "all", **KEEPS}),
    **alike(["export"], {"auditor": "all"}),
    **alike(["sign_head", "recover", "maintain"], KEEPS),
    **alike(["rotate_key"], {"operator": "all"}),
    **alike(["run_graph"], {}),
}
NEEDS = {"assign": "max", "plant": "max", "replay": "max", "redact": "zoe"}
SITUATIONS = ("own domain", "other domain", "own submission", "barred", "left the people", "renamed role", "no account")


def person_in(situation, verb):
    if situation == "no account":
        return None
    return "gone" if situation == "left the people" else NEEDS.get(verb, "ana")


def expected(verb, kind, situation):
    """Return whether it is allowed, and whether a denial says that there is no such case."""
    reach = EXPECTED[verb].get(kind, "-")
    if reach == "-":
        return "denied"
    if situation == "left the people" and kind in ("human", "agent", "operator", "system", "auditor"):
        return "denied"
    if verb in {**NEEDS, "change_policy": "", "change_people": ""} and situation in ("no account",):
        return "denied"
    if verb == "redact" and situation in ("other domain", "own submission", "renamed role"):
        return "unknown" if kind == "human" and situation == "other domain" else "denied"
    if verb in NEEDS and situation == "renamed role":
        return "denied"
    mine = situation in ("own submission", "barred")
    here = situation in ("own domain", "barred", "renamed role")
    allowed = reach == "all" or mine or (reach == "domain" and here)
    return "allowed" if allowed else "unknown"


@pytest.mark.parametrize(("kind", "situation"), list(product(PrincipalKind, SITUATIONS)))
def test_the_table_of_authority(kind, situation):
    for verb in Verb:
        person = person_in(situation, verb.value)
        named = principal(kind, person)
        renamed = situation == "renamed role"
        listed = [each | {"roles": ["former role"]} if renamed else each for each in PEOPLE]
        chain = RoleChain(roles=("domain_reviewer", "senior_manager", "compliance_officer"))
        people = People([Reviewer(**each) for each in listed], chain)
        domain = HERE if situation in ("own domain", "barred", "renamed role", "left the people") else ELSEWHERE
        by = named.name if situation in ("own submission", "barred") else "another"

        try:
            authorize(named, verb, CaseScope("task-1", domain, by), people)
            outcome = "allowed"
        except UnknownCase:
            outcome = "unknown"
        except NotAuthorized:
            outcome = "denied"

        assert outcome == expected(verb.value, kind.value, situation), (verb, kind, situation)


@pytest.mark.parametrize("verb", [verb for verb in Verb if TABLE[verb].right])
def test_a_strong_verb_of_a_local_principal_needs_a_named_reviewer(verb):
    with pytest.raises(InvalidInput, match="reviewer: missing"):
        authorize(Principal.local(), verb, None, People([Reviewer(**each) for each in PEOPLE]))


# ---- the facade, on both databases: a call that passes the gate is refused for its senseless arguments at most

RESERVED = change_id(POLICY_CHANGE, "01a22626-9643-711e-87bf-802c1a9ef0a9")
BAD = {"policy_id": "bad", "rules": "none"}
ON_A_CASE = {
    "cases.get": (Verb.READ_CASE, lambda h, c: h.cases.get(c)),
    "cases.history": (Verb.READ_CASE, lambda h, c: h.cases.history(c)),
    "cases.cancel": (Verb.CANCEL, lambda h, c: h.cases.cancel(c, reason="")),
    "cases.replay": (Verb.REPLAY, lambda h, c: h.cases.replay(a_review("approve", None), c)),
    "cases.check_redaction": (Verb.REDACT, lambda h, c: h.cases.check_redaction(c)),
    "cases.redact": (Verb.REDACT, lambda h, c: h.cases.redact(c, reason="")),
    "reviews.claim": (Verb.CLAIM, lambda h, c: h.reviews.claim(c, seconds=0)),
    "reviews.take_over": (Verb.TAKE_OVER, lambda h, c: h.reviews.claim(c, seconds=0, take_over=True)),
    "reviews.release": (Verb.RELEASE, lambda h, c: h.reviews.release(c)),
    "reviews.delegate": (Verb.DELEGATE, lambda h, c: h.reviews.delegate(c, to="max", seconds=0)),
    "reviews.view": (Verb.VIEW, lambda h, c: h.reviews.view(c)),
    "reviews.label": (Verb.LABEL, lambda h, c: h.reviews.label(c, label="")),
    "reviews.decide_many": (Verb.DECIDE, lambda h, c: h.reviews.decide_many([c], a_review("modify", None))),
    "reviews.add_second_review": (Verb.PLANT, lambda h, c: h.reviews.add_second_review(c, new_task_id="again")),
    "decide": (Verb.DECIDE, lambda h, c: h.decide(c, a_review("approve", None, review_id="no.such.review"))),
    "wait": (Verb.READ_CASE, lambda h, c: h.wait(c, timeout=0)),
    "audit.prove": (Verb.PROVE, lambda h, c: h.audit.prove(c)),
    "executions.get": (Verb.READ_RECORDS, lambda h, c: h.executions.get(c)),
}
IN_GENERAL = {
    "cases.enqueue": (Verb.SUBMIT, lambda h: h.cases.enqueue(a_task(RESERVED))),
    "cases.unfinished": (Verb.UNFINISHED, lambda h: h.cases.unfinished()),
    "cases.runner": (Verb.RUN_GRAPH, lambda h: h.cases.runner()),
    "cases.wakeups": (Verb.UNFINISHED, lambda h: h.cases.wakeups()),
    "decided_since": (Verb.READ_RECORDS, lambda h: h.decided_since()),
    "cases.named": (Verb.RUN_GRAPH, lambda h: h.cases.named("01a2271f")),
    "cases.prepare": (Verb.SUBMIT, lambda h: h.cases.prepare()),
    "reviews.next": (Verb.CLAIM, lambda h: h.reviews.next(seconds=0)),
    "reviews.assign": (Verb.ASSIGN, lambda h: h.reviews.assign(limit=0)),
    "reviews.add_gold_case": (
        Verb.PLANT,
        lambda h: h.reviews.add_gold_case(a_task(RESERVED), an_output(), HumanDecision.REJECT),
    ),
    "reviews.feedback": (Verb.READ_RECORDS, lambda h: list(h.reviews.feedback())),
    "reviews.roles": (Verb.READ_PEOPLE, lambda h: h.reviews.roles()),
    "reviews.people": (Verb.READ_PEOPLE, lambda h: h.reviews.people()),
    "reviews.person": (Verb.READ_PEOPLE, lambda h: h.reviews.person("ana")),
    "policy.activate": (Verb.CHANGE_POLICY, lambda h: h.policy.activate(BAD, reason="")),
    "policy.rollback": (Verb.CHANGE_POLICY, lambda h: h.policy.rollback(reason="")),
    "policy.undo": (Verb.CHANGE_POLICY, lambda h: h.policy.undo(reason="")),
    "policy.start_canary": (Verb.CHANGE_POLICY, lambda h: h.policy.start_canary(BAD, 2, reason="")),
    "policy.stop_canary": (Verb.CHANGE_POLICY, lambda h: h.policy.stop_canary(reason="")),
    "policy.start_shadow": (Verb.CHANGE_POLICY, lambda h: h.policy.start_shadow(BAD, reason="")),
    "policy.stop_shadow": (Verb.CHANGE_POLICY, lambda h: h.policy.stop_shadow(reason="")),
    "policy.active": (Verb.READ_POLICY, lambda h: h.policy.active()),
    "policy.version": (Verb.READ_POLICY, lambda h: h.policy.version("v99")),
    "policy.status": (Verb.READ_POLICY, lambda h: h.policy.status()),
    "policy.history": (Verb.READ_POLICY, lambda h: h.policy.history()),
    "policy.shadow_report": (Verb.READ_POLICY, lambda h: h.policy.shadow_report()),
    "policy.canary_report": (Verb.READ_POLICY, lambda h: h.policy.canary_report()),
    "policy.backtest": (Verb.BACKTEST, lambda h: h.policy.backtest(BAD)),
    "policy.fit_unusual": (Verb.MAINTAIN, lambda h: h.policy.fit_unusual()),
    "audit.records": (Verb.READ_RECORDS, lambda h: list(h.audit.records())),
    "audit.verify": (Verb.VERIFY, lambda h: h.audit.verify()),
    "audit.rotate_key": (Verb.ROTATE_KEY, lambda h: h.audit.rotate_key()),
    "audit.sign_head": (Verb.SIGN_HEAD, lambda h: h.audit.sign_head()),
    "insights.frame": (Verb.READ_INSIGHTS, lambda h: h.insights.frame()),
    "insights.metrics": (Verb.READ_INSIGHTS, lambda h: h.insights.metrics(tolerated=2)),
    "insights.certify": (Verb.READ_INSIGHTS, lambda h: h.insights.certify(alpha=2)),
    "insights.report": (Verb.EXPORT, lambda h: h.insights.report(controls=["none"])),
    "ask": (Verb.SUBMIT, lambda h: h.ask(RESERVED, a_task())),
    "executions.list": (Verb.READ_RECORDS, lambda h: h.executions.list()),
    "executions.grant": (Verb.EXECUTE, lambda h: h.executions.grant("none")),
    "submit": (Verb.SUBMIT, lambda h: h.submit(a_task(RESERVED))),
    "submit_many": (Verb.SUBMIT, lambda h: h.submit_many([a_task(RESERVED)])),
    "inbox": (Verb.INBOX, lambda h: h.inbox()),
    "recover": (Verb.RECOVER, lambda h: h.recover()),
    "run_maintenance": (Verb.MAINTAIN, lambda h: h.run_maintenance()),
}
# Their own submission; a decision without an account; a redaction in a domain that is not theirs.
BARRED = ("they submitted this case", "there is none behind this login", "may not redact this case")
NAMESPACES = {each.__name__.lower(): each for each in FACADE[1:4]}
NAMESPACES |= {"policy": PolicyAdministration, "audit": Audit, "insights": Insights}


@pytest.fixture(params=["sqlite", "postgres"])
def filled(request, opened):
    """An open case in the domain, one elsewhere, and one of the principal's own."""
    hitl = opened(request.getfixturevalue(f"{request.param}_store"), reviewers=PEOPLE)

    def case(task_id, domain, by):
        return hitl.submit(a_task(task_id, domain=domain), an_output(task_id, confidence=0.1), submitted_by=by).case_id

    return hitl, {
        "here": case("here", HERE, "another"),
        "elsewhere": case("elsewhere", ELSEWHERE, "another"),
        **{f"own of {name}": case(f"own-{name}", ELSEWHERE, name) for name in ("bot", "ana", "max", "zoe", "gone")},
    }


def outcome(call, *arguments):
    try:
        call(*arguments)
    except NotAuthorized as exc:
        return "denied", str(exc)
    except UnknownCase as exc:
        return "unknown", str(exc)
    except Exception as exc:  # noqa: BLE001 - the gate was passed, and the arguments are senseless
        return "allowed", str(exc)
    return "allowed", ""


def allowed_by_kind(verb, who):
    """Return whether a principal may use a verb on some case, written down once more."""
    named = WHO[who]
    if EXPECTED[verb.value].get(named.kind.value, "-") == "-" or who == "left":
        return False
    needed = {"assign": "max zoe", "plant": "max zoe", "replay": "max zoe", "redact": "zoe"}.get(verb.value)
    if needed is not None:
        return named.person is not None and named.person in needed.split()
    # The policy is changed in its own domain, where none of them decides.
    return verb.value not in ("change_policy", "change_people")


def test_every_method_of_the_facade_is_in_the_table_below():
    there = {f"{space}.{name}" for space, cls in NAMESPACES.items() for name, _ in methods_of(cls)}
    there |= {name for name, each in methods_of(Orchestrator) if inspect.isfunction(each)} - MAKES_PRINCIPALS

    assert there == {*ON_A_CASE, *IN_GENERAL} - {"reviews.take_over"}


def test_the_facade_follows_the_table(filled):
    hitl, cases = filled
    for who, named in WHO.items():
        bound = hitl.acting_as(channel="web", principal=named)
        own = cases[f"own of {'bot' if named.name == 'login-1' else named.name}"]
        for method, (verb, call) in ON_A_CASE.items():
            reach = EXPECTED[verb.value].get(named.kind.value, "-")
            for relation, case_id in {**cases, "own": own}.items():
                what, answer = outcome(call, bound, case_id)
                place = (who, method, relation, answer)
                mine = named.name != "login-1" and case_id == own
                here = relation == "here" and reach == "domain" and named.person is not None
                if not allowed_by_kind(verb, who):
                    assert what in ("denied", "unknown"), place
                elif reach == "all" or mine or here:
                    barred = what == "denied" and any(why in answer for why in BARRED)
                    assert what == "allowed" or barred, place
                else:
                    assert what != "allowed", place
        for method, (verb, call) in IN_GENERAL.items():
            what, answer = outcome(call, bound)
            lists = EXPECTED[verb.value].get(named.kind.value) == "domain" and named.person is None
            assert (what == "allowed") is (allowed_by_kind(verb, who) and not lists), (who, method, answer)


def test_a_case_of_others_and_a_case_that_is_not_there_give_the_same_answer(filled):
    hitl, cases = filled
    for who in ("agent", "ana", "max", "zoe", "left", "no account", "operator", "system"):
        bound = hitl.acting_as(channel="web", principal=WHO[who])
        for method, (_, call) in ON_A_CASE.items():
            theirs = outcome(call, bound, cases["elsewhere"])
            missing = outcome(call, bound, "no-such-case")

            assert theirs[0] != "allowed" or allowed_by_kind(ON_A_CASE[method][0], who), (who, method)
            if theirs[0] != "allowed":
                assert theirs == (missing[0], missing[1].replace("no-such-case", cases["elsewhere"])), (who, method)
