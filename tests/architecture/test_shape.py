"""What import contracts cannot show: sizes, where SQL stands, what never waits, pages that follow the code."""

from __future__ import annotations

import ast
import gc
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TypeGuard

import pytest

from yitong.app.messages_page import text

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "yitong"
EXCEPTIONS: dict[str, dict[str, str]] = json.loads((Path(__file__).parent / "shape_exceptions.json").read_text("utf-8"))
LONGEST_FUNCTION, LONGEST_FILE, P95_FUNCTION = 50, 400, 35

SQL = re.compile(
    r"\s*(select\s.+\sfrom\s|insert\s+into\s|update\s+\S+\s+set\s|delete\s+from\s|create\s+(table|index)\s|alter\s+table\s)", re.I | re.S
)
SQL_PLACES = (
    *("app/jobs/", "app/demo.py", "app/pack.py", "app/migrate.py", "app/migrations/", "app/embedded.py"),
    *("kit/database.py", "kit/records.py", "kit/audit.py", "kit/once.py", "kit/links.py"),
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


def sources() -> list[Path]:
    return [path for path in sorted(PACKAGE.rglob("*.py")) if "static" not in path.parts]


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, Function]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield prefix + node.name, node
            yield from functions(node, f"{prefix}{node.name}.")
        elif isinstance(node, ast.ClassDef):
            yield from functions(node, f"{prefix}{node.name}.")
        else:
            yield from functions(node, prefix)


def length(node: Function) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


@cache
def parsed() -> list[tuple[str, ast.Module]]:
    gc.disable()  # a third of the time goes into it; and where it ends something that looks at source itself, Python 3.11 loses count
    try:
        return [(name_of(path), ast.parse(path.read_text("utf-8"))) for path in sources()]
    finally:
        gc.enable()


def compare(found: dict[str, int], kind: str) -> None:
    """What is too large must be on the list, and what is on the list must still be too large: it may only shrink."""
    allowed = EXCEPTIONS[kind]
    new = {name: size for name, size in found.items() if name not in allowed}
    assert not new, f"too long; split it (the list of exceptions may only shrink): {new}"
    assert not set(allowed) - set(found), f"no longer too long, take it off the list: {sorted(set(allowed) - set(found))}"


def test_functions_are_short() -> None:
    sizes = {f"{name}:{function}": length(node) for name, tree in parsed() for function, node in functions(tree)}
    compare({name: size for name, size in sizes.items() if size > LONGEST_FUNCTION}, "functions")
    assert sorted(sizes.values())[int(len(sizes) * 0.95)] <= P95_FUNCTION


def test_files_are_short() -> None:
    sizes = {name_of(path): len(path.read_text("utf-8").splitlines()) for path in sources()}
    compare({name: size for name, size in sizes.items() if size > LONGEST_FILE}, "files")


def decides(name: str) -> bool:
    parts = name.removesuffix(".py").split("/")
    if parts[0] in ("sip", "media"):
        return True
    return parts[0] in ("domains", "contact", "flow") and not {"messages", "model", "rules"}.isdisjoint(parts)


def test_deciding_code_never_waits() -> None:
    waiting = [
        f"{name}:{function}"
        for name, tree in parsed()
        if decides(name)
        for function, node in functions(tree)
        if isinstance(node, ast.AsyncFunctionDef)
    ]
    # a Protocol may say that whoever stands behind it waits
    ports = {f"{name}:{cls.name}." for name, tree in parsed() for cls in ast.walk(tree) if is_protocol(cls)}
    assert [one for one in waiting if not any(one.startswith(port) for port in ports)] == []


def is_protocol(cls: ast.AST) -> TypeGuard[ast.ClassDef]:
    return isinstance(cls, ast.ClassDef) and any(isinstance(base, ast.Name) and base.id == "Protocol" for base in cls.bases)


def test_sql_stands_in_stores_only() -> None:
    found = [
        f"{name}:{node.lineno}"
        for name, tree in parsed()
        if not name.startswith(SQL_PLACES) and "store" not in name.removesuffix(".py").split("/")
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.match(node.value)
    ]
    assert found == []


def test_no_module_keeps_changing_state() -> None:
    """``global`` is how a module changes what is shared by everybody."""
    found = [f"{name}:{node.lineno}" for name, tree in parsed() for node in ast.walk(tree) if isinstance(node, ast.Global)]
    assert found == []


def test_nothing_is_called_utils() -> None:
    assert [name for name in map(name_of, sources()) if Path(name).stem in ("utils", "util", "helpers", "common", "misc")] == []


def test_kit_has_no_call_centre_word() -> None:
    words = re.compile(r"\b(agents?|survey|campaign|skills?|wrap.up|queued)\b", re.I)
    found = [
        f"{name_of(path)}:{number}"
        for path in sorted((PACKAGE / "kit").rglob("*.py"))
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if words.search(line) and name_of(path) not in EXCEPTIONS["words"]
    ]
    assert found == []


def test_the_page_of_messages_is_fresh() -> None:
    assert (ROOT / "docs" / "messages.md").read_text("utf-8") == text(), "run: make messages"


@pytest.mark.parametrize("kind", sorted(EXCEPTIONS))
def test_every_exception_has_a_reason(kind: str) -> None:
    assert all(len(reason) > 10 for reason in EXCEPTIONS[kind].values())
