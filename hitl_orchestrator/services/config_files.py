"""Load configuration files (policy, reviewers, schemas) and the data sets of the package."""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hitl_orchestrator.domain.input.parsing import parse, read_json
from hitl_orchestrator.domain.input.record_size import MAX_FILE, check_size, read_bounded
from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.domain.value import check_json
from hitl_orchestrator.errors import InvalidInput, PolicyMissing, shortened
from hitl_orchestrator.policies.engine.scoring import ScoreRules
from hitl_orchestrator.policies.language.loader import read_policy
from hitl_orchestrator.policies.language.model import Policy, PolicyStack
from hitl_orchestrator.review.people import People, read_people
from hitl_orchestrator.review.rights import strange_asked
from hitl_orchestrator.review.schemas import OutputSchemas, read_schemas

if TYPE_CHECKING:
    from hitl_orchestrator.policies.analysis.unmet_demands import UnmetDemand
    from hitl_orchestrator.policies.testing.test_tables import PolicyTestTable

_SIGNALS = (".signals.json", ".signals.yaml", ".signals.yml")
CANONICAL_POLICY, CANONICAL_REVIEWERS = "routing_policy.json", "reviewers.json"


def canonical(name: str) -> str:
    """Return the text of a data set of the package."""
    return files("hitl_orchestrator.data").joinpath(name).read_text(encoding="utf-8")


def read_file(path: str | Path) -> str:
    """Return the text of a file. Raises `InvalidInput` with the reason if it cannot be read, or is too large."""
    if not isinstance(path, str | Path):
        raise InvalidInput([f"{shortened(repr(path))} is neither a path nor a value of this kind"])
    try:
        return _with_newlines(content_of(path).decode("utf-8-sig"))
    except UnicodeDecodeError as exc:
        raise InvalidInput([f"{path}: not UTF-8 text (byte {exc.start}); save it as UTF-8"]) from exc


def content_of(path: str | Path) -> bytes:
    """Return the bytes of a file. Raises `InvalidInput` with the reason if it cannot be read, or is too large."""
    try:
        with Path(path).open("rb") as file:
            # A device or a pipe has no size, so the number of bytes that are read is limited too.
            if os.fstat(file.fileno()).st_size > MAX_FILE:
                raise InvalidInput([f"{path}: it has more than {MAX_FILE} bytes; split it into several files"])
            return read_bounded(file.read, str(path))
    except (OSError, ValueError) as exc:
        raise InvalidInput([f"{path}: cannot be read: {getattr(exc, 'strerror', None) or exc}"]) from exc


def content_beside(policy: Path) -> Callable[[str], bytes]:
    """Return a function that reads a file beside a policy, or in a folder below, by its name."""

    def read(name: str) -> bytes:
        if not name.isprintable() or Path(name).is_absolute() or ".." in Path(name).parts:
            raise InvalidInput([f"{policy.name}: {name!r} is not beside the policy; name a file in its folder"])
        return content_of(policy.parent / name)

    return read


def _with_newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def load_policy(given: "str | Path | Mapping[str, Any] | Policy | None", roles: RoleChain | None) -> Policy:
    """Return the policy of a file or a value; the bundled one by default. Without `roles` it may name any role.

    Raises:
        InvalidInput: it is unusable. PolicyMissing: there is none, and the bundled one is for other roles.
    """
    if isinstance(given, Policy):
        given = given.model_dump(mode="json")
    if isinstance(given, Mapping):
        return read_policy(_as_text(given, "policy"), "policy", roles)
    if given is None:
        return _canonical_policy(roles or load_people(None).chain)
    return read_policy(read_file(given), Path(given).name, roles, beside=content_beside(Path(given)))


def _canonical_policy(roles: RoleChain) -> Policy:
    try:
        return read_policy(canonical(CANONICAL_POLICY), CANONICAL_POLICY, roles)
    except InvalidInput as exc:
        raise PolicyMissing(roles.roles) from exc


def load_policy_tests(path: str | Path, roles: RoleChain, policy: Policy | None = None) -> "PolicyTestTable":
    """Return the tests of a table, with the policy that they are about.

    The policy is `policy`, or else the file that the table names, relative to its folder, or else the file in the same
    folder: `routing.json` or `routing.yaml` for `routing.policy-test.csv`.
    """
    from hitl_orchestrator.policies.testing.test_tables import policy_names, read_tests  # noqa: PLC0415 - rarely needed

    file = Path(path)

    def policy_at(name: str | None) -> Policy:
        if policy is not None:
            return policy
        if name is not None:
            return load_policy(file.parent / name, roles)
        candidates = [file.with_name(one) for one in policy_names(file.name)]
        found = next((one for one in candidates if one.is_file()), None)
        if found is None:
            there = ", ".join(one.name for one in candidates)
            raise InvalidInput([f"{path}: it names no policy, and none of {there} is in its folder; pass --policy"])
        return load_policy(found, roles)

    return read_tests(read_file(file), file.name, policy_at)


def check_they_fit(policy: Policy, people: People) -> Policy:
    """Return a policy whose requirements these reviewers can meet.

    Raises:
        InvalidInput: a rule requires more reviewers than there are, alone or with a rule of another layer, or it
            counts working time and there is no calendar.
    """
    able = cache(partial(_able, people))
    found = []
    for name, place, rule in (
        (name, place, rule) for name, part in policy.parts for place, rule in enumerate(part.rules)
    ):
        layer = f"{name}: " if len(policy.parts) > 1 else ""
        where = f"policy {policy.policy_id!r}: {layer}rules[{place}]"
        role = rule.assigned_human_role
        if role is not None and 1 < rule.approvals > able(role):
            there = f"{able(role)} of the reviewers hold the role {role!r} or one above it"
            found.append(f"{where}.approvals: {rule.approvals} approvals are required, and {there}; add reviewers")
        found += [f"{where}.ask.{problem}" for problem in strange_asked(rule.requirements, people)]
        if rule.business_hours and people.calendar is None:
            found.append(f"{where}.business_hours: the people have no calendar; add one, or leave this out")
    if isinstance(policy, PolicyStack):
        from hitl_orchestrator.policies.analysis.unmet_demands import unmet_demands  # noqa: PLC0415 - for layers alone

        found += [
            _no_such_people(policy, demand, able(demand.role)) for demand in unmet_demands(policy, people.chain, able)
        ]
    if found:
        raise InvalidInput(found)
    return policy


def _no_such_people(policy: Policy, demand: "UnmetDemand", number: int) -> str:
    there = f"only {number} of the reviewers have it or a role above it"
    return f"policy {policy.policy_id!r}: {demand.sentence}, and {there}; add reviewers, or require fewer"


def _able(people: People, role: str) -> int:
    """Return the number of persons who hold a role or a higher one."""
    return len({one.human for one in people if any(people.chain.reaches(held, role) for held in one.roles)})


def load_score_rules(
    given: "ScoreRules | str | Path | Mapping[str, Any] | None",
    policy: "str | Path | Mapping[str, Any] | Policy | None",
) -> ScoreRules | None:
    """Return the rules of the signals from a value or a file (JSON or YAML); None if there are none.

    By default they are those of the file beside the policy: `routing.signals.json` for `routing.json`.

    Raises:
        InvalidInput: they are unusable, or the policy has several such files.
    """
    if given is None and isinstance(policy, (str, Path)):
        found = list(_signals_beside(Path(policy)))
        if len(found) > 1:
            raise InvalidInput([f"{found[1]}: {found[0].name} is also beside the policy; keep one of them"])
        given = found[0] if found else None
    if given is None or isinstance(given, ScoreRules):
        return given
    if isinstance(given, Mapping):
        return parse(ScoreRules, dict(given), "score_rules")
    if not isinstance(given, (str, Path)):
        raise InvalidInput([f"score_rules: {given!r} is not a ScoreRules, a mapping or a file"])
    text, where = read_file(given), Path(given).name
    raw = _read_yaml(text, where) if _is_yaml(where) else read_json(text, where)
    if isinstance(raw, dict) and isinstance(raw.get("$schema"), str):
        del raw["$schema"]
    return parse(ScoreRules, raw, where)


def _signals_beside(policy: Path) -> Iterator[Path]:
    """Yield the files of signal rules beside a policy; none beside a name that no file can have.

    Raises:
        InvalidInput: something of this name is no readable file, or it is not known whether there is one.
    """
    stem = policy.stem
    try:
        # The names as they are written: an ending in capitals is the same one.
        rests = {rest for each in policy.parent.iterdir() if (rest := each.name[len(stem) :]).lower() in _SIGNALS}
    except PermissionError:
        rests = set(_SIGNALS)  # a folder that may be used and not listed
    except (OSError, ValueError):
        return
    for path in (policy.with_name(stem + rest) for rest in sorted(rests) if stem):
        if _is_there(path):
            if not path.is_file():
                raise InvalidInput([f"{path}: these signal rules beside the policy are no file; correct or remove it"])
            yield path


def _is_there(path: Path) -> bool:
    """Whether there is anything of this name, a link that leads nowhere included."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except OSError as exc:
        raise InvalidInput([f"{path}: it is not known whether these signal rules are there: {exc.strerror}"]) from exc
    return True


def load_schemas(given: "str | Path | Mapping[str, Any] | OutputSchemas | None") -> OutputSchemas | None:
    """Return the output schemas of the task types from a file (JSON or YAML) or a value, if any.

    A value may contain pydantic models as well as JSON Schemas.
    """
    if given is None or isinstance(given, OutputSchemas):
        return given
    if isinstance(given, Mapping):
        return OutputSchemas(given)
    text, where = read_file(given), Path(given).name
    return read_schemas(_read_yaml(text, where) if _is_yaml(where) else read_json(text, where), where)


def load_people(given: "str | Path | Mapping[str, Any] | Sequence[Any] | People | None") -> People:
    """Return the reviewers of a file (JSON or YAML) or a value; by default one generic reviewer per role."""
    if isinstance(given, People):
        return given
    if given is None:
        return read_people(read_json(canonical(CANONICAL_REVIEWERS), CANONICAL_REVIEWERS), CANONICAL_REVIEWERS)
    if isinstance(given, (str, Path)):
        text, where = read_file(given), Path(given).name
        if _is_yaml(where):
            return read_people(_read_yaml(text, where), where)
        return read_people(read_json(text, where, many=True), where)
    return read_people(given, "reviewers")


def _is_yaml(where: str) -> bool:
    return where.lower().endswith((".yaml", ".yml"))


def _read_yaml(text: str, where: str) -> Any:
    from hitl_orchestrator.policies.language.plain_yaml import read_yaml  # noqa: PLC0415 - most files are JSON

    try:
        check_size(text)
        return check_json(read_yaml(text, where))
    except ValueError as exc:
        raise InvalidInput([f"{where}: {exc}"]) from exc


def _as_text(given: Mapping[str, Any], where: str) -> str:
    try:
        return json.dumps(check_json(given), allow_nan=False)
    except ValueError as exc:
        raise InvalidInput([f"{where}: not JSON: {exc}"]) from exc
