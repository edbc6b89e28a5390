"""The lists of a policy file that stand in files beside it: whether these are the ones that the policy names."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies.language.lists import values_in
from hitl_orchestrator.policies.language.loader import parse_policy
from hitl_orchestrator.services.config_files import content_beside, content_of, read_file

__all__ = ["ListFile", "list_files", "with_hashes"]


class ListFile(NamedTuple):
    """A list in a file: the stated SHA-256, the one of its content, and its number of values."""

    layer: str
    name: str
    file: str
    stated: str
    actual: str
    values: int

    @property
    def is_current(self) -> bool:
        """Whether the policy names this content."""
        return self.stated == self.actual


def list_files(path: str | Path) -> list[ListFile]:
    """Return the lists of a policy file that are in files, in its order. Raises `InvalidInput`."""
    policy = Path(path)
    return list(_list_files(policy, parse_policy(read_file(policy), policy.name)))


def with_hashes(path: str | Path, files: list[ListFile]) -> bytes:
    """Return the content of a policy file with the hash of the present content of each list.

    Nothing but the hashes changes. Raises `InvalidInput` for a list whose old hash occurs elsewhere too.
    """
    content, where = content_of(path), Path(path).name
    for each in files:
        if each.is_current:
            continue
        old = each.stated.encode()
        if (
            not old
            or content.count(old) != sum(other.stated == each.stated for other in files)
            or len({other.file for other in files if other.stated == each.stated}) > 1
        ):
            why = f"its hash cannot be replaced safely; write sha256: {each.actual} yourself"
            raise InvalidInput([f"{where}: {each.layer}lists.{each.name}: {why}"])
        content = content.replace(old, each.actual.encode())
    return content


def _list_files(policy: Path, raw: Any) -> Iterator[ListFile]:
    read = content_beside(policy)
    for layer, part in _layers(raw):
        lists = part.get("lists") if isinstance(part, dict) else None
        for name, each in lists.items() if isinstance(lists, dict) else ():
            if isinstance(each, dict) and isinstance(each.get("file"), str):
                try:
                    content = read(each["file"])
                except InvalidInput as exc:
                    at = f"{policy.name}: {layer}lists.{name}"
                    raise InvalidInput(f"{at}: {problem}" for problem in exc.problems) from exc
                number = sum(1 for _ in values_in(content, each["file"]))
                stated = str(each.get("sha256", ""))
                yield ListFile(layer, name, each["file"], stated, sha256(content).hexdigest(), number)


def _layers(raw: Any) -> Iterator[tuple[str, Any]]:
    yield "", raw
    for kind in ("domains", "users"):
        layers = raw.get(kind) if isinstance(raw, dict) else None
        yield from ((f"{kind}.{name}.", layer) for name, layer in (layers if isinstance(layers, dict) else {}).items())
