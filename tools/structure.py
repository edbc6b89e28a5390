"""Print the import structure of the package: layers, modules and import cycles per package, and deep inheritance.

Usage: python tools/structure.py [--tree DIR] [--json]. With `--tree` it reads another checkout, for a comparison.
Function-level and type-only imports count. Exit code 1 if a limit of `CONTRIBUTING.md` is exceeded.
"""

import argparse
import ast
import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import grimp
from rich.console import Console
from rich.table import Table

PACKAGE = "hitl_orchestrator"
MOST_LAYERS, MOST_MODULES = 10, 12
GRAPH_STATE = "nodes/state.py"


class Level(NamedTuple):
    """One package: its direct children, their layers, and the imports that close a cycle."""

    name: str
    modules: int
    layers: list[list[str]]
    cycles: list[str]


def main() -> int:
    """Print the report, and return 1 if a limit is exceeded."""
    parser = argparse.ArgumentParser(description="Print the import structure of hitl_orchestrator.")
    parser.add_argument("--tree", type=Path, default=Path(__file__).parents[1], help="the checkout to read")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    report = structure(options.tree.resolve())
    if options.json:
        sys.stdout.write(f"{json.dumps(report, indent=2)}\n")
    else:
        draw(report)
    return 1 if report["problems"] else 0


def structure(tree: Path) -> dict[str, Any]:
    """Return the structure of a checkout: its packages, classes with two ancestors of ours, and exceeded limits."""
    sys.path.insert(0, str(tree))
    graph = grimp.build_graph(PACKAGE, cache_dir=None)
    packages = sorted(module for module in graph.modules if graph.find_children(module))
    levels = [level_of(graph, package) for package in packages]
    towers = deep_classes(tree / PACKAGE)
    problems = [
        *(f"{PACKAGE}: {len(level.layers)} layers" for level in levels[:1] if len(level.layers) > MOST_LAYERS),
        *(f"{level.name}: {level.modules} modules at one level" for level in levels if level.modules > MOST_MODULES),
        *(f"{level.name}: import cycle, {cycle}" for level in levels for cycle in level.cycles),
        *(f"class {tower}" for tower in towers),
    ]
    return {"packages": [level._asdict() for level in levels], "classes": towers, "problems": problems}


def level_of(graph: grimp.ImportGraph, package: str) -> Level:
    """Return one package with its children in layers, the lowest first; children of a cycle share a layer."""
    children = sorted(graph.find_children(package))
    needs = {child: imports_of(graph, child, children) for child in children}
    cyclic = {frozenset(group) for group in components(needs) if len(group) > 1}
    closing = [" <-> ".join(name.rpartition(".")[2] for name in sorted(group)) for group in sorted(cyclic, key=sorted)]
    height: dict[str, int] = {}

    def floor(child: str, path: tuple[str, ...] = ()) -> int:
        if child not in height:
            below = [floor(need, (*path, child)) for need in needs[child] if need not in (*path, child)]
            height[child] = 1 + max(below, default=-1)
        return height[child]

    layers: dict[int, list[str]] = defaultdict(list)
    for child in children:
        layers[floor(child)].append(child.rpartition(".")[2])
    modules = sum(1 for child in children if not graph.find_children(child))
    return Level(package, modules, [layers[number] for number in sorted(layers)], closing)


def imports_of(graph: grimp.ImportGraph, child: str, siblings: list[str]) -> set[str]:
    """Return the siblings that a child, or anything inside it, imports directly."""
    inside = {child, *graph.find_descendants(child)}
    imported = {target for module in inside for target in graph.find_modules_directly_imported_by(module)}
    return {
        sibling
        for sibling in siblings
        if sibling != child and any(name == sibling or name.startswith(f"{sibling}.") for name in imported)
    }


def components(needs: dict[str, set[str]]) -> list[set[str]]:
    """Return the strongly connected components: two modules are in one if each reaches the other."""
    reach = {start: _reached(start, needs) for start in needs}
    groups: list[set[str]] = []
    for start in needs:
        if not any(start in group for group in groups):
            groups.append({start} | {other for other in reach[start] if start in reach[other]})
    return groups


def _reached(start: str, needs: dict[str, set[str]]) -> set[str]:
    reached: set[str] = set()
    left = list(needs[start])
    while left:
        name = left.pop()
        if name not in reached:
            reached.add(name)
            left += needs[name]
    return reached


def deep_classes(root: Path) -> list[str]:
    """Return the classes that inherit from more than one class of ours, directly or through a chain.

    Protocols, the roots `Value` and `HitlError`, the tree of errors, and the graph state (each step adds one key to the
    state before it) are excepted.
    """
    bases: dict[str, list[str]] = {}
    protocols = {"Value", "HitlError"}
    for path in sorted(root.rglob("*.py")):
        if path.relative_to(root).as_posix() == GRAPH_STATE:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                names = [ast.unparse(base).partition("[")[0].rpartition(".")[2] for base in node.bases]
                bases[node.name] = names
                if "Protocol" in names:
                    protocols.add(node.name)

    def ancestors(name: str) -> list[str]:
        own = [base for base in bases.get(name, []) if base in bases and base not in protocols and base != name]
        return own + [above for base in own for above in ancestors(base)]

    deep = {name: ancestors(name) for name in bases}
    errors = {name for name, above in deep.items() if "RequestRejected" in above or name.endswith("Error")}
    return [
        f"{name} inherits from {', '.join(deep[name])}" for name in deep if len(deep[name]) > 1 and name not in errors
    ]


def draw(report: dict[str, Any]) -> None:
    """Print the packages as a table, the layers of the top package from the highest down, and the problems."""
    console = Console()
    table = Table(title="Packages", title_justify="left")
    for heading, justify in (("package", "left"), ("modules", "right"), ("layers", "right"), ("cycles", "left")):
        table.add_column(heading, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for level in report["packages"]:
        row = (
            level["name"].removeprefix(f"{PACKAGE}."),
            str(level["modules"]),
            str(len(level["layers"])),
            "; ".join(level["cycles"]) or "-",
        )
        table.add_row(*row)
    console.print(table)
    console.print("\nLayers of the package, the highest first:")
    for number, names in reversed(list(enumerate(report["packages"][0]["layers"]))):
        console.print(f"  {number}  {', '.join(names)}", highlight=False)
    console.print(f"\n{len(report['problems'])} limits exceeded")
    for problem in report["problems"]:
        console.print(f"  {problem}", style="red", highlight=False)


if __name__ == "__main__":
    sys.exit(main())
